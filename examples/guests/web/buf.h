/*
 * Buffers that the disk fills and the network card empties, without a copy between: reference-counted, from one
 * pool that the caller provides. A buffer is held by the connection that has queued it, by a disk read under way,
 * and by every frame that points into it, until the driver says the frame is sent.
 */
#ifndef WEB_BUF_H
#define WEB_BUF_H

#include "bytes.h"

#define NET_BUF_SIZE \
	32768 /* 8 pages: large enough for the disk, small enough to share among many connections */

enum net_buf_state { NET_BUF_READY, NET_BUF_READING, NET_BUF_FAILED };

struct net_buf {
	uint8_t *data; /* NET_BUF_SIZE bytes, page-aligned when the pool's memory is */
	struct net_buf *next;
	struct net_pool *pool;
	uint32_t refs;
	uint8_t state;	   /* enum net_buf_state */
	uint16_t owner;	   /* index of the connection that waits for the read */
	uint32_t owner_id; /* and its generation: the index may have a new tenant by then */
};

struct net_pool {
	struct net_buf *free;
	unsigned n_free;
	unsigned n_bufs;
	unsigned
		put; /* how often a buffer came back: somebody who found the pool empty looks again */
};

void net_pool_init(struct net_pool *pool, struct net_buf *bufs, unsigned n, void *memory);
/* With one reference, or NULL. */
struct net_buf *net_buf_get(struct net_pool *pool);
void net_buf_hold(struct net_buf *buf);
void net_buf_put(struct net_buf *buf);

#endif
