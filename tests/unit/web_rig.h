/*
 * web_rig: the web server on a wire that exists only in memory, in a time that only the test moves.
 *
 * The wire loses, repeats and delays frames by a seeded generator; every frame that leaves the server is checked for
 * what must hold of any (lengths, checksums, the window that the peer has announced). Requests reach an archive in
 * memory; reads may be answered late, or fail.
 */
#ifndef WEB_RIG_H
#define WEB_RIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "web.h"

#define RIG_ADDRESS 0x0a090002u
#define RIG_PEER    0x0a090001u
#define RIG_BUFS    64
#define RIG_FLIGHT  1024
#define RIG_LOG	    (1 << 20)

struct rig_frame {
	uint64_t at;
	uint32_t len;
	bool to_server;
	uint8_t *bytes;
};

struct rig {
	struct web web;
	uint64_t now, random;
	unsigned lose, repeat, delay; /* of 1000 frames */
	struct rig_frame flight[RIG_FLIGHT];
	/* What the peer does with a frame of the server's. */
	void (*peer)(struct rig *rig, const uint8_t *frame, uint32_t len);
	void *peer_ctx;
	unsigned room; /* frames the card takes before it is full; ~0: always room */
	uint8_t *archive;
	uint64_t archive_len;
	uint64_t read_delay; /* 0: reads are answered at once */
	bool reads_fail;
	struct {
		struct net_buf *buf;
		uint64_t at, sector;
		uint32_t sectors;
	} reads[RIG_BUFS];
	uint64_t frames_out;
	char log[RIG_LOG];
	size_t log_len;
	struct net_buf bufs[RIG_BUFS];
	uint8_t *memory;
};

extern const uint8_t rig_mac[6], rig_peer_mac[6];

/* A server with an archive of the given bytes (NULL: rig_archive()), with an address or (dhcp) without. */
struct rig *rig_new(uint64_t seed, unsigned mtu, bool dhcp);
void rig_free(struct rig *rig);
uint32_t rig_random(struct rig *rig, uint32_t below);
/* Put a frame on the wire towards the server, with the wire's mischief. */
void rig_send(struct rig *rig, const void *frame, uint32_t len);
/* The same, straight in, now. */
void rig_push(struct rig *rig, const void *frame, uint32_t len);
/* Move the time to the next event, at most to `until`; false when it is there. */
bool rig_step(struct rig *rig, uint64_t until);
void rig_run(struct rig *rig, uint64_t ns);
/* Whether every buffer came back. */
bool rig_all_free(const struct rig *rig);

/* The archive: "small", "sub/index.html", "big" (rig_big_len bytes, byte i is rig_big(i)). */
#define RIG_BIG_LEN 300000u
uint8_t rig_big(uint32_t i);

/* A tar header at `b`. */
void rig_tar_header(uint8_t *b, const char *name, uint64_t size, char type);
/* Ethernet and IPv4 around a payload that stands at frame + 34; fills in checksums of TCP (6), UDP (17), ICMP (1). */
uint32_t rig_wrap(uint8_t *frame, uint32_t from, uint32_t to, uint8_t protocol, uint32_t len);

#endif
