/*
 * What the web guest's own files share: main.c (the loop), card.c (the stack on netfront), disk.c (the archive on
 * blkfront). The portable part, web.h and below, knows nothing of them.
 */
#ifndef WEB_GUEST_H
#define WEB_GUEST_H

#include <kernel.h>
#include <pv/abi/errno.h>

#include "web.h"

/* Opens the first network card and waits until it is connected. 0 or -PV_E*, with a line on the console. */
int card_open(void);
/* Fills in address, MTU and transmit hook; call after card_open(). */
void card_configure(struct net_config *config);
/* Frames in both directions; how many came, or -PV_E* when the device broke. */
int card_poll(struct web *web);
/* Publish what was sent. */
void card_push(void);
/* Ask for an event; true: poll again first. */
bool card_arm(void);

/* Opens the first disk and waits until it is connected. */
int disk_open(void);
/* Reads the archive's headers, waiting for each. */
int disk_index(struct tar *tar);
/* The hook of struct http_hooks; ctx is the struct web. */
int disk_read(void *ctx, struct net_buf *buf, uint64_t sector, uint32_t sectors);
/* Finished reads; how many, or -PV_E*. */
int disk_poll(void);
void disk_push(void);
bool disk_arm(void);

#endif
