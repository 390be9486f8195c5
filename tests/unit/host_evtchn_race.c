/*
 * Claims about concurrency of event channels: a guest that consumes or bends its words while host
 * threads send, vCPUs that grow the array, reset and bind at once.
 *
 * The thread sanitizer build checks that every access to a word that two sides share is atomic, and
 * everything else under the lock. Checklist: XSA-340 (a port is looked up while it is made),
 * XSA-343, 344, 358, 359, 505 (expand, reset, send and close at once).
 */
#include "fifo_rig.h"

#include <sched.h>
#include <string.h>
#include "run.h"

#define SENDERS 3
#define EVENTS	20000

static struct fake_vmm f;
static struct pv_host_port hp[SENDERS];
static bool stop, all_sent;
static uint64_t sent[SENDERS], got[16];

static bool running(void)
{
	return !__atomic_load_n(&stop, __ATOMIC_ACQUIRE);
}

/* Hypercalls with an argument page of the thread's own. */
static int64_t op(unsigned vcpu, unsigned cmd, void *arg, size_t size)
{
	uint64_t gfn = FAKE_DATA + vcpu;
	uint64_t a[6] = {cmd, fake_gva(gfn)};
	int64_t rc;

	memcpy(fake_page(&f, gfn), arg, size);
	rc = pv_domain_hypercall(f.d, vcpu, PV_HYPERVISOR_event_channel_op, a);
	memcpy(arg, fake_page(&f, gfn), size);
	return rc;
}

static void *sender(void *arg)
{
	unsigned n = (unsigned)(uintptr_t)arg, i;

	for (i = 0; i < EVENTS; i++) {
		__atomic_store_n(&sent[n], i + 1, __ATOMIC_SEQ_CST);
		ck_assert_int_eq(pv_domain_evtchn_send(f.d, &hp[n]), 0);
		if (i % 64 == 0)
			sched_yield();
	}
	return NULL;
}

/* What the vCPU's upcall does: nothing is looked at before evtchn_upcall_pending says so. */
static void *consumer(void *arg)
{
	struct pv_vcpu_info *vi = &fake_shared(&f)->vcpu_info[0];
	struct fifo_reader r = {{0}, 0};
	uint32_t port;

	(void)arg;
	/* The flag is looked at first: it is set when nobody will raise anything any more. */
	while (!__atomic_load_n(&all_sent, __ATOMIC_ACQUIRE) ||
	       __atomic_load_n(&vi->evtchn_upcall_pending, __ATOMIC_ACQUIRE)) {
		if (!__atomic_exchange_n(&vi->evtchn_upcall_pending, 0, __ATOMIC_SEQ_CST)) {
			sched_yield();
			continue;
		}
		while ((port = fifo_next(&f, &r, 0))) {
			unsigned n = port - 1;

			ck_assert_uint_lt(n, SENDERS);
			/* Pending was cleared before this look: what is missed now comes again. */
			got[n] = __atomic_load_n(&sent[n], __ATOMIC_SEQ_CST);
		}
	}
	return NULL;
}

/* Masks and unmasks as handlers do, changes priorities and moves nothing of what it owns. */
static void *masker(void *arg)
{
	unsigned i = 0;

	(void)arg;
	for (; running(); i++) {
		uint32_t port = 1 + i % SENDERS;
		struct pv_evtchn_unmask u = {port};
		struct pv_evtchn_set_priority p = {port, i % 16};

		(void)pv_fifo_set(fifo_word(&f, port), PV_FIFO_MASKED);
		(void)op(1, PV_EVTCHNOP_set_priority, &p, sizeof(p));
		if (!pv_evtchn_fifo_unmask(fifo_word(&f, port)) ||
		    pv_fifo_read(fifo_word(&f, port)) & PV_FIFO_PENDING)
			ck_assert_int_eq(op(1, PV_EVTCHNOP_unmask, &u, sizeof(u)), 0);
	}
	return NULL;
}

START_TEST(no_event_is_lost_between_host_threads_and_the_guest)
{
	pthread_t s[SENDERS], c, m;
	uintptr_t i;

	fifo_open(&f, 2, 0, 1);
	stop = all_sent = false;
	memset(got, 0, sizeof(got));
	for (i = 0; i < SENDERS; i++) {
		hp[i] = (struct pv_host_port){.domid = FAKE_BACKEND, .kick = 1};
		ck_assert_int_eq(fake_unbound(&f, FAKE_BACKEND), (int64_t)i + 1);
		ck_assert_int_eq(pv_domain_evtchn_bind_host(f.d, &hp[i], (uint32_t)i + 1), 0);
		ck_assert_int_eq(fake_port_op(&f, PV_EVTCHNOP_unmask, (uint32_t)i + 1), 0);
	}
	pthread_create(&c, NULL, consumer, NULL);
	pthread_create(&m, NULL, masker, NULL);
	for (i = 0; i < SENDERS; i++)
		pthread_create(&s[i], NULL, sender, (void *)i);
	for (i = 0; i < SENDERS; i++)
		pthread_join(s[i], NULL);
	__atomic_store_n(&stop, true, __ATOMIC_RELEASE);
	pthread_join(m, NULL);
	__atomic_store_n(&all_sent, true, __ATOMIC_RELEASE);
	pthread_join(c, NULL);
	for (i = 0; i < SENDERS; i++)
		ck_assert_uint_eq(got[i], EVENTS);
	fake_close(&f);
}
END_TEST

/* Everything that a guest may write and a few things that it must not: at any time. */
static void *scribbler(void *arg)
{
	uint32_t seed = 12345;

	(void)arg;
	while (running()) {
		uint32_t *word;

		seed = seed * 1664525 + 1013904223;
		word = fifo_word(&f, seed >> 8 & 63);
		switch (seed >> 28) {
		case 0: (void)pv_fifo_set(word, PV_FIFO_LINKED); break;
		case 1: (void)pv_fifo_clear(word, PV_FIFO_LINKED); break;
		case 2: (void)pv_fifo_set(word, PV_FIFO_BUSY); break;
		case 3: __atomic_store_n(word, seed, __ATOMIC_SEQ_CST); break;
		case 4: (void)pv_fifo_set(word, PV_FIFO_LINK); break;
		case 5: __atomic_store_n(&fifo_block(&f, 0)->ready, seed, __ATOMIC_SEQ_CST); break;
		case 6:
			__atomic_store_n(&fifo_block(&f, 0)->head[seed & 15], seed,
					 __ATOMIC_SEQ_CST);
			break;
		default: __atomic_fetch_xor(word, seed, __ATOMIC_SEQ_CST); break;
		}
	}
	return NULL;
}

static void *binds_and_closes(void *arg)
{
	unsigned vcpu = (unsigned)(uintptr_t)arg, i;

	for (i = 0; i < 4000; i++) {
		struct pv_evtchn_bind_ipi b = {i % 4, 0};
		struct pv_evtchn_send s;
		struct pv_evtchn_set_priority p;

		if (op(vcpu, PV_EVTCHNOP_bind_ipi, &b, sizeof(b)))
			continue;
		s.port = b.port;
		p = (struct pv_evtchn_set_priority){b.port, i % 16};
		(void)op(vcpu, PV_EVTCHNOP_set_priority, &p, sizeof(p));
		(void)op(vcpu, PV_EVTCHNOP_unmask, &s, sizeof(s));
		(void)op(vcpu, PV_EVTCHNOP_send, &s, sizeof(s));
		(void)op(vcpu, PV_EVTCHNOP_send, &s, sizeof(s));
		(void)op(vcpu, PV_EVTCHNOP_close, &s, sizeof(s));
	}
	return NULL;
}

START_TEST(words_that_change_all_the_time_stop_nobody)
{
	pthread_t scribbles, b[3];
	uintptr_t i;

	fifo_open(&f, 4, 0, 1);
	stop = false;
	pthread_create(&scribbles, NULL, scribbler, NULL);
	for (i = 0; i < 3; i++)
		pthread_create(&b[i], NULL, binds_and_closes, (void *)i);
	for (i = 0; i < 3; i++)
		pthread_join(b[i], NULL);
	__atomic_store_n(&stop, true, __ATOMIC_RELEASE);
	pthread_join(scribbles, NULL);
	/* A guest that mends its ways is served. */
	memset(fake_page(&f, FIFO_ARRAY), 0, 4096);
	*fifo_block(&f, 0) = (struct pv_evtchn_fifo_control_block){0};
	ck_assert_int_gt(fake_ipi(&f, 0), 0);
	fake_close(&f);
}
END_TEST

/* ---- expand, reset, switch and send at once */

static void *expands(void *arg)
{
	unsigned i;

	(void)arg;
	for (i = 0; running(); i++) {
		struct pv_evtchn_init_control c = {FIFO_BLOCK + i % 4, 8, i % 4, 0, {0}};
		struct pv_evtchn_expand_array e = {FIFO_ARRAY + i % 16};

		(void)op(0, PV_EVTCHNOP_init_control, &c, sizeof(c));
		(void)op(0, PV_EVTCHNOP_expand_array, &e, sizeof(e));
	}
	return NULL;
}

static unsigned resets, busy, again;

static void *resets_all(void *arg)
{
	unsigned vcpu = (unsigned)(uintptr_t)arg, i;

	for (i = 0; i < 1500; i++) {
		struct pv_evtchn_reset r = {PV_DOMID_SELF};
		int64_t rc = op(vcpu, PV_EVTCHNOP_reset, &r, sizeof(r));

		ck_assert(rc == 0 || rc == -PV_EBUSY || rc == -PV_EAGAIN);
		__atomic_fetch_add(rc == 0	     ? &resets
				   : rc == -PV_EBUSY ? &busy
						     : &again,
				   1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void *backend_binds_and_sends(void *arg)
{
	uint32_t port = 1;

	(void)arg;
	while (running()) {
		struct pv_host_port h = {.domid = FAKE_BACKEND, .kick = 1};

		port = port % 8 + 1;
		(void)pv_domain_evtchn_alloc_unbound(f.d, FAKE_BACKEND);
		if (pv_domain_evtchn_bind_host(f.d, &h, port) == 0)
			(void)pv_domain_evtchn_send(f.d, &h);
		(void)pv_domain_virq(f.d, port % 4, PV_VIRQ_TIMER);
		(void)pv_domain_route(f.d, port);
		pv_domain_evtchn_unbind_host(f.d, &h);
	}
	return NULL;
}

START_TEST(expand_reset_send_and_close_at_once)
{
	pthread_t e, r[2], b, s;

	fake_open(&f, PV_DOMAIN_PVH, 4, true);
	stop = false;
	resets = busy = again = 0;
	pthread_create(&e, NULL, expands, NULL);
	pthread_create(&b, NULL, backend_binds_and_sends, NULL);
	pthread_create(&s, NULL, binds_and_closes, (void *)(uintptr_t)3);
	pthread_create(&r[0], NULL, resets_all, (void *)(uintptr_t)1);
	pthread_create(&r[1], NULL, resets_all, (void *)(uintptr_t)2);
	pthread_join(r[0], NULL);
	pthread_join(r[1], NULL);
	__atomic_store_n(&stop, true, __ATOMIC_RELEASE);
	pthread_join(e, NULL);
	pthread_join(b, NULL);
	pthread_join(s, NULL);
	ck_assert_uint_eq(resets + busy + again, 3000);
	ck_assert_uint_ge(resets, 1);
	/* Nothing is left over that would keep a reset from its end. */
	ck_assert_int_eq(fifo_reset(&f), 0);
	ck_assert(!f.fifo);
	ck_assert_int_eq(fake_ipi(&f, 0), 1);
	fake_close(&f);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("event channel races");

	tcase_set_timeout(t, 120);
	tcase_add_test(t, no_event_is_lost_between_host_threads_and_the_guest);
	tcase_add_test(t, words_that_change_all_the_time_stop_nobody);
	tcase_add_test(t, expand_reset_send_and_close_at_once);
	return run_case("event channel races", t);
}
