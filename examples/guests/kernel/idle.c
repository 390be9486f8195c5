/*
 * Waiting, and ending the domain.
 */
#include "internal.h"

/* dispatched, when kernel_wait() last returned. */
static uint32_t seen;

uint64_t kernel_now(void)
{
	return pv_time_now(&kernel_pv);
}

static void sleep(uint64_t deadline)
{
	unsigned long flags;

	if (!kernel_pv.interrupts) {
		pv_wait(&kernel_pv, NULL, deadline);
		return;
	}
	/* With upcalls held off no event can be handled between the test and the sleep. */
	flags = irq_save();
	if (LOAD(&kernel_pv.dispatched) == seen) {
		pv_evtchn_poll_bound(&kernel_pv, deadline);
		pv_upcall(&kernel_pv, cpu_id());
	}
	seen = LOAD(&kernel_pv.dispatched);
	irq_restore(flags);
}

void kernel_wait(uint64_t deadline)
{
	/* The store's replies may have brought watch events in without an event of their own. */
	if (!store_work())
		sleep(deadline);
	store_work();
}

void kernel_shutdown(unsigned reason)
{
	console_drain();
	for (;;)
		pv_shutdown(&kernel_pv, reason);
}

void panic(const char *fmt, ...)
{
	va_list ap;

	irq_save();
	kprintf("panic: ");
	va_start(ap, fmt);
	kvprintf(fmt, ap);
	va_end(ap);
	kprintf("\n");
	/* A panic before there is a way into the hypervisor can only fault. */
	if (!kernel_pv.hypercall)
		__builtin_trap();
	kernel_shutdown(PV_SHUTDOWN_crash);
}
