/* The buffer pool. Trusts its callers for the counts; nothing from outside reaches it. */
#include "buf.h"

void net_pool_init(struct net_pool *pool, struct net_buf *bufs, unsigned n, void *memory)
{
	*pool = (struct net_pool){.n_free = n, .n_bufs = n};
	for (unsigned i = n; i-- > 0;) {
		bufs[i] = (struct net_buf){.data = (uint8_t *)memory + (size_t)i * NET_BUF_SIZE,
					   .next = pool->free,
					   .pool = pool};
		pool->free = &bufs[i];
	}
}

struct net_buf *net_buf_get(struct net_pool *pool)
{
	struct net_buf *buf = pool->free;

	if (!buf)
		return NULL;
	pool->free = buf->next;
	pool->n_free--;
	buf->next = NULL;
	buf->refs = 1;
	buf->state = NET_BUF_READY;
	return buf;
}

void net_buf_hold(struct net_buf *buf)
{
	buf->refs++;
}

void net_buf_put(struct net_buf *buf)
{
	struct net_pool *pool = buf->pool;

	if (--buf->refs)
		return;
	buf->next = pool->free;
	pool->free = buf;
	pool->n_free++;
	pool->put++;
}
