/*
 * Console: the ring that the domain was given, or the hypervisor's log where there is none.
 *
 * The backend may be slow or gone: output waits for it a second at most, then is dropped.
 */
#include "internal.h"
#include <pv/abi/io/console.h>

#define PATIENCE_NS 1000000000ull
#define PAUSE_NS    200000ull

static struct pv_xencons_interface *ring;
static char lock;

/* How much fitted. A backend whose index claims more than the ring holds gets no output. */
static size_t ring_write(const char *buf, size_t len)
{
	uint32_t prod = ring->out_prod, cons, n = 0;

	cons = __atomic_load_n(&ring->out_cons, __ATOMIC_ACQUIRE);
	for (; n < len && prod - cons < sizeof(ring->out); prod++)
		ring->out[prod % sizeof(ring->out)] = buf[n++];
	/* Partner: the backend reads the index, then the bytes. */
	__atomic_store_n(&ring->out_prod, prod, __ATOMIC_RELEASE);
	if (n)
		pv_evtchn_send(&kernel_pv, kernel_pv.console_port);
	return n;
}

static size_t ring_read(char *buf, size_t len)
{
	uint32_t prod = __atomic_load_n(&ring->in_prod, __ATOMIC_ACQUIRE), cons = ring->in_cons, n;

	if (prod - cons > sizeof(ring->in))
		return 0;
	for (n = 0; n < len && cons != prod; cons++)
		buf[n++] = ring->in[cons % sizeof(ring->in)];
	__atomic_store_n(&ring->in_cons, cons, __ATOMIC_RELEASE);
	if (n)
		pv_evtchn_send(&kernel_pv, kernel_pv.console_port);
	return n;
}

/* Only to be woken: input is read when somebody asks. */
static void event(void *arg, uint32_t port)
{
}

void console_init(void)
{
	if (!kernel_pv.console_ring)
		return;
	if (pv_evtchn_handle(&kernel_pv, kernel_pv.console_port, event, NULL))
		panic("console port");
	ring = kernel_pv.console_ring;
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
		size_t n = ring_write(buf, len);

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
	if (ring)
		write_ring(buf, len);
	else if (kernel_pv.hypercall)
		pv_console_io(&kernel_pv, buf, len);
	__atomic_clear(&lock, __ATOMIC_RELEASE);
	irq_restore(flags);
}

int console_read(char *buf, size_t len)
{
	return ring ? (int)ring_read(buf, len < 1024 ? len : 1024) : 0;
}

void console_drain(void)
{
	uint64_t start, now;

	if (!ring)
		return;
	start = kernel_now();
	for (now = start; LOAD(&ring->out_cons) != ring->out_prod && now - start < PATIENCE_NS;
	     now = kernel_now())
		pause_for(now);
}
