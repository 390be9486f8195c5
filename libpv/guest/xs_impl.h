/*
 * xs_impl: between the parts of the xenstore client.
 */
#ifndef PV_GUEST_XS_IMPL_H
#define PV_GUEST_XS_IMPL_H

#include <pv/xs_client.h>
#include "../common/mem.h"

static inline unsigned long pv_xs_lock(struct pv_xs *xs)
{
	return xs->t.lock ? xs->t.lock(xs->t.ctx) : 0;
}

static inline void pv_xs_unlock(struct pv_xs *xs, unsigned long flags)
{
	if (xs->t.unlock)
		xs->t.unlock(xs->t.ctx, flags);
}

struct pv_xs_part {
	const void *bytes;
	size_t len;
};

/*
 * Send a request whose body is these parts and wait for its answer: its length, at most `size`, or
 * -PV_E.... -PV_E2BIG: the answer was longer; what fits is in buf.
 */
int pv_xs_call(struct pv_xs *xs, uint32_t type, uint32_t tx, const struct pv_xs_part *part,
	       unsigned parts, char *buf, size_t size);

/* A watch event has arrived in xs->body; the lock is held. */
void pv_xs_watch_event(struct pv_xs *xs);
/* Sets every watch in a new store: 0 or the first error. */
int pv_xs_watch_again(struct pv_xs *xs);

#endif
