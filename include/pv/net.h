/*
 * What a network frame carries besides its bytes, and checksum completion.
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

#include <stdint.h>

#define PV_NET_MAX_FRAME 65535 /* Ethernet header included, no FCS */
#define PV_NET_MAX_SLOTS 18    /* pieces of one frame on the ring (XEN_NETIF_NR_SLOTS_MIN) */

/* The TCP or UDP checksum field holds the pseudo-header sum only; implies CSUM_VALID. */
#define PV_NET_CSUM_BLANK 1
/* The checksum needs no verification: the frame never left this machine's memory, or somebody
 * verified it. */
#define PV_NET_CSUM_VALID 2

struct pv_net_meta {
	uint8_t flags; /* PV_NET_CSUM_* */
	/* 0: none, 1: TCP over IPv4, 2: TCP over IPv6 (XEN_NETIF_GSO_TYPE_*) */
	uint8_t gso_type;
	uint16_t gso_size; /* payload bytes per segment when gso_type is not 0 */
};

/*
 * Completes a blank checksum in an Ethernet frame (up to two VLAN tags; IPv4 with options, no
 * fragments; IPv6 with hop-by-hop, routing and destination headers; TCP or UDP). The field's old
 * value is not used: the pseudo-header is summed anew, so it is also right for a frame whose
 * addresses were rewritten. 0: filled in. -PV_EOPNOTSUPP: not a frame of these kinds, nothing
 * changed. -PV_EINVAL: truncated, nothing changed.
 */
int pv_csum_fill(uint8_t *frame, uint32_t len);

/* Internet checksum (RFC 1071): the sum of len bytes added to sum, folded to 16 bits, not
 * inverted, in host representation of big-endian words. Sums can be chained at even offsets. */
uint16_t pv_csum_add(uint32_t sum, const void *data, uint32_t len);

#endif
