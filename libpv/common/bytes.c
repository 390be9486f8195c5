/*
 * Byte rings: see bytes.h.
 */
#include <pv/ring.h>
#include "bytes.h"

static int pending(const struct pv_bytes *r, uint32_t *cons)
{
	uint32_t prod;

	*cons = __atomic_load_n(r->cons, __ATOMIC_SEQ_CST);
	prod = __atomic_load_n(r->prod, __ATOMIC_SEQ_CST);
	return prod - *cons <= r->size ? (int)(prod - *cons) : -PV_EPROTO;
}

int pv_bytes_pending(const struct pv_bytes *r)
{
	uint32_t cons;

	return pending(r, &cons);
}

int pv_bytes_read(const struct pv_bytes *r, void *to, uint32_t len)
{
	uint32_t cons, i;
	int n = pending(r, &cons);

	if (n < 0)
		return n;
	if (len > (uint32_t)n)
		len = (uint32_t)n;
	for (i = 0; i < len; i++)
		((char *)to)[i] =
			__atomic_load_n(&r->buf[(cons + i) & (r->size - 1)], __ATOMIC_RELAXED);
	/* Releases the bytes to the writer's load of cons. */
	if (len)
		__atomic_store_n(r->cons, cons + len, __ATOMIC_SEQ_CST);
	return (int)len;
}

int pv_bytes_write(const struct pv_bytes *r, const void *from, uint32_t len)
{
	uint32_t cons, i, prod;
	int n = pending(r, &cons);

	if (n < 0)
		return n;
	if (len > r->size - (uint32_t)n)
		len = r->size - (uint32_t)n;
	prod = cons + (uint32_t)n;
	for (i = 0; i < len; i++)
		__atomic_store_n(&r->buf[(prod + i) & (r->size - 1)], ((const char *)from)[i],
				 __ATOMIC_RELAXED);
	/* Publishes the bytes to the reader's load of prod. */
	if (len)
		__atomic_store_n(r->prod, prod + len, __ATOMIC_SEQ_CST);
	return (int)len;
}
