/*
 * Waiting: through the kernel's hook, or without any by polling event channels in the hypervisor.
 */
#include "internal.h"
#include "evtchn.h"

#define POLL_MAX 128u

/*
 * With more bound ports than one SCHEDOP_poll takes, or with upcalls that may handle the event
 * just before we block, a sleep without limit could miss the event it is for.
 */
#define LOOK_AGAIN_NS 10000000ull

static unsigned bound_ports(struct pv *pv, uint32_t *port, unsigned max, int *more)
{
	unsigned word, n = 0;
	uint64_t bits;

	*more = 0;
	for (word = 0; word < PV_EVTCHN_PORTS / 64; word++) {
		for (bits = LOAD(&pv->evtchn.bound[word]); bits; bits &= bits - 1) {
			if (n == max) {
				*more = 1;
				return n;
			}
			port[n++] = word * 64 + lowest_bit(bits);
		}
	}
	return n;
}

int pv_evtchn_poll_bound(struct pv *pv, uint64_t deadline_ns)
{
	uint32_t port[POLL_MAX];
	uint64_t again;
	unsigned n;
	int more;

	n = bound_ports(pv, port, POLL_MAX, &more);
	if (more) {
		again = pv_time_now(pv) + LOOK_AGAIN_NS;
		if (!deadline_ns || deadline_ns > again)
			deadline_ns = again;
	}
	return pv_evtchn_poll(pv, port, n, deadline_ns);
}

int pv_wait(struct pv *pv, const void *token, uint64_t deadline_ns)
{
	uint64_t now, again, until = 0;
	uint32_t dispatched;
	int rc;

	if (pv->os.wait)
		return pv->os.wait(pv->os.ctx, token, deadline_ns);
	if (!pv->interrupts && pv_poll(pv))
		return 0;
	dispatched = LOAD(&pv->dispatched);
	if (dispatched != pv->wait_seen) {
		pv->wait_seen = dispatched;
		return 0;
	}
	if (deadline_ns) {
		now = pv_now(pv);
		if (now >= deadline_ns)
			return -PV_ETIMEDOUT;
		/* The kernel's clock may have another zero than the hypervisor's. */
		until = pv_time_now(pv) + (deadline_ns - now);
	}
	if (pv->interrupts) {
		again = pv_time_now(pv) + LOOK_AGAIN_NS;
		if (!until || until > again)
			until = again;
	}
	rc = pv_evtchn_poll_bound(pv, until);
	if (!rc && !pv->interrupts)
		pv_poll(pv);
	pv->wait_seen = LOAD(&pv->dispatched);
	return rc;
}

void pv_wake(struct pv *pv, const void *token)
{
	if (pv->os.wake)
		pv->os.wake(pv->os.ctx, token);
}
