/*
 * What a network frame carries besides its bytes, and the sums, segments and hashes of frames.
 *
 * Used by both sides of the network protocol and by whoever stands at the far end. Pure functions
 * on bytes.
 *
 * Trust: frames are hostile bytes; every length is checked, no header is believed further than
 * the frame reaches. The frame MUST be in private memory: a shared one could change between check
 * and use.
 */
#ifndef PV_NET_H
#define PV_NET_H

#include <stdbool.h>
#include <stdint.h>

#define PV_NET_MAX_FRAME 65535 /* Ethernet header included, no FCS */
#define PV_NET_MAX_SLOTS 18    /* pieces of one frame on the ring (XEN_NETIF_NR_SLOTS_MIN) */

/* The TCP or UDP checksum field holds the pseudo-header sum only; implies CSUM_VALID. */
#define PV_NET_CSUM_BLANK 1
/* The checksum needs no verification: the frame never left this machine's memory, or somebody
 * verified it. */
#define PV_NET_CSUM_VALID 2

/* pv_net_meta.gso_type (XEN_NETIF_GSO_TYPE_*) */
#define PV_NET_GSO_TCP4 1
#define PV_NET_GSO_TCP6 2
/* Payload bytes of a segment below which no super-frame is taken: TCP's least segment less the
 * most that options can take of it. */
#define PV_NET_GSO_MIN 8

/* pv_net_meta.hash_type: over what the hash is (XEN_NETIF_CTRL_HASH_TYPE_*) */
#define PV_NET_HASH_IP4	 1
#define PV_NET_HASH_TCP4 2
#define PV_NET_HASH_IP6	 4
#define PV_NET_HASH_TCP6 8
#define PV_NET_HASH_ALL	 15
#define PV_NET_HASH_KEY	 40 /* bytes */

struct pv_net_meta {
	uint8_t flags;	   /* PV_NET_CSUM_* */
	uint8_t gso_type;  /* 0: none, or PV_NET_GSO_*: a super-frame, to be cut up by TCP */
	uint16_t gso_size; /* payload bytes per segment when gso_type is not 0 */
	uint32_t hash;	   /* Toeplitz, when hash_type is not 0 */
	uint8_t hash_type; /* 0, or one of PV_NET_HASH_* */
	uint8_t pad;	   /* 0 */
	/* Of a blank checksum in a frame that a network backend gives to its far end: where the
	 * summing starts, and where from there the field is. Elsewhere 0 and not looked at. */
	uint16_t csum_start, csum_field;
};

/* The Internet headers of a frame: offsets from its start. */
struct pv_net_headers {
	uint32_t ip;	 /* the IP header */
	uint32_t at;	 /* behind it and its options or extension headers */
	uint32_t len;	 /* bytes from `at` to the end of the packet; padding is not counted */
	uint16_t pseudo; /* sum of the two addresses, see pv_csum_add() */
	uint8_t version; /* 4 or 6 */
	uint8_t proto;	 /* what is at `at` */
	bool fragment;	 /* not a whole datagram */
};

/*
 * Finds the headers of an Ethernet frame (up to two VLAN tags; IPv4 with options; IPv6 with
 * hop-by-hop, routing, destination and fragment headers). 0; -PV_EOPNOTSUPP: not IP;
 * -PV_EINVAL: truncated.
 */
int pv_net_find(const uint8_t *frame, uint32_t len, struct pv_net_headers *h);

/*
 * Completes a blank checksum in an Ethernet frame (see pv_net_find(); no fragments; TCP or UDP).
 * The field's old value is not used: the pseudo-header is summed anew, so it is also right for a
 * frame whose addresses were rewritten. 0: filled in. -PV_EOPNOTSUPP: not a frame of these
 * kinds, nothing changed. -PV_EINVAL: truncated, nothing changed.
 */
int pv_csum_fill(uint8_t *frame, uint32_t len);

/*
 * Makes the checksum blank: the field gets the pseudo-header sum, whatever it held. Tells where
 * the summing starts and where, from there, the field is. Errors as pv_csum_fill().
 */
int pv_csum_blank(uint8_t *frame, uint32_t len, uint32_t *start, uint32_t *field);

/* Internet checksum (RFC 1071): the sum of len bytes added to sum, folded to 16 bits, not
 * inverted, in host representation of big-endian words. Sums can be chained at even offsets. */
uint16_t pv_csum_add(uint32_t sum, const void *data, uint32_t len);

/* A super-frame that is being cut up. Private. */
struct pv_gso {
	const uint8_t *frame;
	struct pv_net_headers h;
	uint32_t headers, payload, size;
};

/*
 * Begins to cut a TCP super-frame (meta says of which kind and into what) into frames of their
 * own. The frame stays until the last segment was made. -PV_EINVAL: it is no such frame, or
 * meta->gso_size is below PV_NET_GSO_MIN.
 */
int pv_gso_begin(struct pv_gso *g, const uint8_t *frame, uint32_t len,
		 const struct pv_net_meta *meta);
/* How many segments: 1 or more. */
uint32_t pv_gso_count(const struct pv_gso *g);
/* Length of the largest segment. */
uint32_t pv_gso_room(const struct pv_gso *g);
/*
 * Writes segment `i` to out (pv_gso_room() bytes, apart from the frame) with lengths, IP
 * identification, sequence number and flags of its own and complete checksums. Its length.
 */
uint32_t pv_gso_segment(const struct pv_gso *g, uint32_t i, uint8_t *out);

/* The Toeplitz hash (as Xen's io/netif.h has it) of len bytes, at most 36. */
uint32_t pv_net_toeplitz(const uint8_t key[PV_NET_HASH_KEY], const uint8_t *data, uint32_t len);
/* The hash over the frame's most specific type of those allowed (PV_NET_HASH_* bits): returns
 * its type, or 0 when none fits. */
uint8_t pv_net_hash(const uint8_t *frame, uint32_t len, uint8_t types,
		    const uint8_t key[PV_NET_HASH_KEY], uint32_t *hash);

#endif
