/*
 * Console: the ring that the domain was given, or the hypervisor's log where there is none.
 *
 * The backend may be slow or gone: output waits for it a second at most, then is dropped.
 */
#include "internal.h"
#include <pv/front/console.h>

#define PATIENCE_NS 1000000000ull
#define PAUSE_NS    200000ull

static struct pv_confront ring;
static int have_ring;
static char lock;

static void notify(void *ctx, uint32_t port)
{
	pv_evtchn_send(ctx, port);
}

/* Only to be woken: input is read when somebody asks. */
static void event(void *arg, uint32_t port)
{
}

void console_init(void)
{
	if (!kernel_pv.console_ring)
		return;
	pv_confront_attach(&ring, kernel_pv.console_ring, kernel_pv.console_port, notify,
			   &kernel_pv);
	if (pv_evtchn_handle(&kernel_pv, kernel_pv.console_port, event, NULL))
		panic("console port");
	have_ring = 1;
}

/* Sleeps a moment, whatever mode we are in; no port, so no event is consumed. */
static void pause_for(uint64_t now)
{
	pv_evtchn_poll(&kernel_pv, NULL, 0, now + PAUSE_NS);
}

static void write_ring(const char *buf, size_t len)
{
	uint64_t start = 0, now;

	while (len) {
		uint32_t n = pv_confront_write(&ring, buf, len < 4096 ? (uint32_t)len : 4096);

		buf += n;
		len -= n;
		if (n) {
			start = 0;
			continue;
		}
		now = kernel_now();
		if (!start)
			start = now;
		if (now - start > PATIENCE_NS)
			return;
		pause_for(now);
	}
}

void console_write(const char *buf, size_t len)
{
	unsigned long flags = irq_save();

	while (__atomic_test_and_set(&lock, __ATOMIC_ACQUIRE))
		__asm__ volatile("pause");
	if (have_ring)
		write_ring(buf, len);
	else if (kernel_pv.hypercall)
		pv_console_io(&kernel_pv, buf, len);
	__atomic_clear(&lock, __ATOMIC_RELEASE);
	irq_restore(flags);
}

int console_read(char *buf, size_t len)
{
	int n;

	if (!have_ring)
		return 0;
	n = pv_confront_read(&ring, buf, len < 4096 ? (uint32_t)len : 4096);
	return n > 0 ? n : 0;
}

void console_drain(void)
{
	uint64_t start, now;

	if (!have_ring)
		return;
	start = kernel_now();
	for (now = start; !pv_confront_drained(&ring) && now - start < PATIENCE_NS;
	     now = kernel_now())
		pause_for(now);
}
