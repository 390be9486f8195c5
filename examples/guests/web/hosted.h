/*
 * The web server as an ordinary process on a descriptor that carries frames: for tests against real peers, and for
 * measuring the path without a guest. Linux; the archive is a file, read with pread.
 */
#ifndef WEB_HOSTED_H
#define WEB_HOSTED_H

#include <stdint.h>

struct hosted_config {
	int frames;  /* non-blocking: a SOCK_SEQPACKET socket or a tap */
	int archive; /* a tar file */
	int stop;    /* hosted_run() returns when this becomes readable; -1: never */
	unsigned mtu;
	uint32_t address, mask, router; /* 0: DHCP */
	/* A wire that misbehaves: of 1000 frames so many are lost, sent twice, held back; both ways. */
	unsigned lose, repeat, delay;
	uint64_t seed;
	int quiet; /* mail is not shown */
};

/* 0 when stopped, negative errno otherwise, with a line on stderr. */
int hosted_run(const struct hosted_config *config);

#endif
