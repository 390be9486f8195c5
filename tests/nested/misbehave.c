/*
 * misbehave: a guest that does, by its command line, one thing that a guest should not.
 *
 *   triple      a fault that no handler can take
 *   hypercalls  nothing but hypercalls, without end
 *   store       a request ring to the xenstore that claims to hold more than there is room for
 *   console     the same of the console's
 *
 * For the last two it then waits; what it is worth is how the host sees it.
 */
#include <kernel.h>
#include <pv/abi/io/console.h>
#include <pv/abi/io/xs_wire.h>

#define TOO_MUCH 0x80000000u

static void triple(void)
{
	struct __attribute__((packed)) {
		uint16_t limit;
		uint64_t base;
	} none = {0, 0};

	__asm__ volatile("lidt %0; ud2" ::"m"(none));
}

static void store(struct pv *pv)
{
	struct pv_xenstore_domain_interface *ring = pv->store_ring;

	memset(ring->req, 0xff, sizeof(ring->req));
	__atomic_store_n(&ring->req_prod, ring->req_cons + TOO_MUCH, __ATOMIC_RELEASE);
	pv_evtchn_send(pv, pv->store_port);
}

static void console(struct pv *pv)
{
	struct pv_xencons_interface *ring = pv->console_ring;

	/* What it has said is heard first. */
	while (__atomic_load_n(&ring->out_cons, __ATOMIC_ACQUIRE) != ring->out_prod)
		pv_sched_yield(pv);
	__atomic_store_n(&ring->out_prod, ring->out_cons + TOO_MUCH, __ATOMIC_RELEASE);
	pv_evtchn_send(pv, pv->console_port);
}

void guest_main(struct kernel *k)
{
	kprintf("misbehave: %s\n", k->cmdline);
	if (!strcmp(k->cmdline, "triple"))
		triple();
	else if (!strcmp(k->cmdline, "store") && k->pv->store_ring)
		store(k->pv);
	else if (!strcmp(k->cmdline, "console") && k->pv->console_ring)
		console(k->pv);
	while (!strcmp(k->cmdline, "hypercalls"))
		pv_sched_yield(k->pv);
	for (;;)
		kernel_wait(0);
}
