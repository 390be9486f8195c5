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

struct poll_list {
	uint32_t port[POLL_MAX];
	unsigned n;
};

/* 1: more ports than one poll takes. */
static int add_ports(struct pv *pv, uint32_t first, uint64_t bits, void *arg)
{
	struct poll_list *l = arg;

	(void)pv;
	for (; bits; bits &= bits - 1) {
		if (l->n == POLL_MAX)
			return 1;
		l->port[l->n++] = first + lowest_bit(bits);
	}
	return 0;
}

int pv_evtchn_poll_bound(struct pv *pv, uint64_t deadline_ns)
{
	struct poll_list l;
	uint64_t again;

	l.n = 0;
	if (pv_evtchn_each_bound(pv, add_ports, &l)) {
		again = pv_time_now(pv) + LOOK_AGAIN_NS;
		if (!deadline_ns || deadline_ns > again)
			deadline_ns = again;
	}
	return pv_evtchn_poll(pv, l.port, l.n, deadline_ns);
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
