/*
 * Claims about FIFO event channels of the guest library, with the host library below it: what one
 * links the other takes, from the same words.
 */
#include "evtchn_pair.h"

#include <pthread.h>
#include <sched.h>
#include <string.h>

#include <pv/abi/errno.h>
#include <pv/abi/event_channel.h>
#include <pv/abi/memory.h>
#include <pv/abi/vcpu.h>
#include <pv/abi/version.h>
#include <pv/abi/xen.h>
#include <pv/guest.h>
#include "run.h"

static struct pv pv;
static pthread_mutex_t os_lock = PTHREAD_MUTEX_INITIALIZER;
static _Thread_local unsigned this_vcpu;
static _Thread_local bool locked;
static int refuse; /* answer of EVTCHNOP_init_control, if not 0 */
static uint32_t order[64];
static unsigned seen;

static void *alloc(void *ctx, unsigned n)
{
	(void)ctx;
	ck_assert_uint_eq(n, 1);
	ck_assert_msg(!locked, "pages are asked for with the lock held");
	return pair_page();
}

static void release(void *ctx, void *va, unsigned n)
{
	(void)ctx, (void)n;
	ck_assert(!locked);
	pair_page_free(va);
}

static uint64_t gfn_of(void *ctx, const void *va)
{
	(void)ctx;
	return pair_gfn(va);
}

static void *map(void *ctx, const uint64_t *gfn, unsigned n, unsigned attr)
{
	(void)ctx, (void)gfn, (void)n, (void)attr;
	return NULL;
}

static unsigned long lock(void *ctx)
{
	(void)ctx;
	pthread_mutex_lock(&os_lock);
	locked = true;
	return 0;
}

static void unlock(void *ctx, unsigned long flags)
{
	(void)ctx, (void)flags;
	locked = false;
	pthread_mutex_unlock(&os_lock);
}

static unsigned vcpu_id(void *ctx)
{
	(void)ctx;
	return this_vcpu;
}

static size_t size_of(uint64_t op)
{
	switch (op) {
	case PV_EVTCHNOP_bind_interdomain: return sizeof(struct pv_evtchn_bind_interdomain);
	case PV_EVTCHNOP_init_control: return sizeof(struct pv_evtchn_init_control);
	case PV_EVTCHNOP_bind_virq: return sizeof(struct pv_evtchn_bind_virq);
	case PV_EVTCHNOP_close:
	case PV_EVTCHNOP_send:
	case PV_EVTCHNOP_unmask: return sizeof(struct pv_evtchn_send);
	default: return 8;
	}
}

static int64_t hypercall(struct pv *p, uint64_t nr, uint64_t a1, uint64_t a2, uint64_t a3,
			 uint64_t a4, uint64_t a5)
{
	void *arg = (void *)(uintptr_t)a2;

	(void)p, (void)a4, (void)a5;
	switch (nr) {
	case PV_HYPERVISOR_xen_version:
		return a1 == PV_XENVER_get_features
			       ? pair_call(this_vcpu, nr, a1, arg, sizeof(struct pv_feature_info))
			       : 4 << 16;
	case PV_HYPERVISOR_memory_op:
		return pair_call(this_vcpu, nr, a1, arg, sizeof(struct pv_add_to_physmap));
	case PV_HYPERVISOR_vcpu_op:
		ck_assert_uint_eq(a1, PV_VCPUOP_register_vcpu_info);
		return pair_register_vcpu_info((unsigned)a2, (void *)(uintptr_t)a3,
					       sizeof(struct pv_vcpu_register_vcpu_info));
	case PV_HYPERVISOR_event_channel_op:
		if (refuse && a1 == PV_EVTCHNOP_init_control)
			return refuse;
		return pair_call(this_vcpu, nr, a1, arg, size_of(a1));
	default: return -PV_ENOSYS;
	}
}

static void open(unsigned vcpus, uint32_t max_ports)
{
	struct pv_os os = {.size = sizeof(os),
			   .pages_alloc = alloc,
			   .pages_free = release,
			   .va_to_gfn = gfn_of,
			   .map_gfn = map,
			   .lock = lock,
			   .unlock = unlock,
			   .vcpu_id = vcpu_id};
	struct pv_boot boot = {.size = sizeof(boot), .mode = PV_MODE_PVH, .hypercall = hypercall};
	unsigned i;

	pair_open(vcpus, max_ports);
	memset(&pv, 0, sizeof(pv));
	refuse = 0;
	seen = 0;
	this_vcpu = 0;
	ck_assert_int_eq(pv_init(&pv, &os, &boot), 0);
	for (i = PV_XEN_LEGACY_MAX_VCPUS; i < vcpus; i++)
		ck_assert_int_eq(pv_vcpu_info_set(&pv, i, pair_page()), 0);
}

static void open_fifo(unsigned vcpus, uint32_t max_ports)
{
	open(vcpus, max_ports);
	ck_assert_int_eq(pv_evtchn_fifo_init(&pv), 0);
	ck_assert(pair_is_fifo());
	pv_upcall_enable(&pv);
}

static void note(void *arg, uint32_t port)
{
	(void)arg;
	ck_assert(!pv_evtchn_is_pending(&pv, port));
	if (seen < 64)
		order[seen] = port;
	seen++;
}

/* A port with a host-side end n; what binding has raised is taken. */
static uint32_t port_of(unsigned n, pv_evtchn_fn fn)
{
	int port = pv_evtchn_alloc_unbound(&pv, PAIR_BACKEND, fn, NULL);

	ck_assert_int_gt(port, 0);
	ck_assert_int_eq(pair_bind(n, (uint32_t)port), 0);
	return (uint32_t)port;
}

START_TEST(changing_over_keeps_handlers_masks_and_events)
{
	uint32_t a, b;

	open(1, 0);
	a = port_of(0, note);
	b = port_of(1, NULL);
	pv_upcall_enable(&pv);
	pair_send(0);
	pair_send(1);
	ck_assert_int_eq(pv_evtchn_fifo_init(&pv), 0);
	ck_assert(pair_is_fifo());
	ck_assert_uint_eq(pv_upcall(&pv, 0), 1);
	ck_assert_uint_eq(order[0], a);
	ck_assert(pv_evtchn_is_pending(&pv, b));
	ck_assert_int_eq(pv_evtchn_test_clear(&pv, b), 1);
	ck_assert_int_eq(pv_evtchn_fifo_init(&pv), 0); /* again: nothing to do */
	pair_send(0);
	ck_assert_uint_eq(pv_upcall(&pv, 0), 1);
	pair_close();
}
END_TEST

START_TEST(without_memory_or_offer_everything_stays_two_level)
{
	long left, before;
	uint32_t a;

	open(1, 0);
	a = port_of(0, note);
	pv_upcall_enable(&pv);
	before = pair_pages_used;
	refuse = -PV_ENOSYS;
	ck_assert_int_eq(pv_evtchn_fifo_init(&pv), -PV_ENOSYS);
	refuse = 0;
	for (left = 0; left < 3; left++) {
		pair_pages_left = left;
		ck_assert_int_eq(pv_evtchn_fifo_init(&pv), -PV_ENOMEM);
		ck_assert_int_eq(pair_pages_used, before);
		ck_assert(!pair_is_fifo());
		pair_send(0);
		ck_assert_uint_eq(pv_upcall(&pv, 0), 1);
		ck_assert_uint_eq(order[left], a);
	}
	ck_assert_int_eq(pv_evtchn_set_priority(&pv, a, 1), -PV_ENOSYS);
	ck_assert(!pv_evtchn_fifo_word(&pv, a));
	pair_close();
}
END_TEST

START_TEST(events_come_by_priority_then_in_order)
{
	uint32_t p[4], i;

	open_fifo(1, 0);
	for (i = 0; i < 4; i++)
		p[i] = port_of(i, note);
	ck_assert_int_eq(pv_evtchn_set_priority(&pv, p[2], 2), 0);
	ck_assert_int_eq(pv_evtchn_set_priority(&pv, p[0], 15), 0);
	ck_assert_int_eq(pv_evtchn_set_priority(&pv, p[0], 16), -PV_EINVAL);
	for (i = 0; i < 4; i++)
		pair_send(3 - i);
	ck_assert_uint_eq(pv_upcall(&pv, 0), 4);
	ck_assert_uint_eq(order[0], p[2]);
	ck_assert_uint_eq(order[1], p[3]);
	ck_assert_uint_eq(order[2], p[1]);
	ck_assert_uint_eq(order[3], p[0]);
	pair_close();
}
END_TEST

static void send_more(void *arg, uint32_t port)
{
	note(arg, port);
	if (seen == 1) { /* one of higher priority, and itself again */
		pair_send(1);
		pair_send(0);
	}
}

START_TEST(event_during_a_handler_is_not_lost_and_takes_its_turn)
{
	uint32_t a, b, c;

	open_fifo(1, 0);
	a = port_of(0, send_more);
	b = port_of(1, note);
	c = port_of(2, note);
	ck_assert_int_eq(pv_evtchn_set_priority(&pv, b, 0), 0);
	pair_send(0);
	pair_send(2);
	ck_assert_uint_eq(pv_upcall(&pv, 0), 4);
	ck_assert_uint_eq(order[0], a);
	ck_assert_uint_eq(order[1], b);
	ck_assert_uint_eq(order[2], c);
	ck_assert_uint_eq(order[3], a);
	pair_close();
}
END_TEST

START_TEST(masked_and_unhandled_ports_stay_pending)
{
	uint32_t masked, silent;

	open_fifo(1, 0);
	masked = port_of(0, note);
	silent = port_of(1, NULL);
	pv_evtchn_mask(&pv, masked);
	ck_assert_int_eq(pv_evtchn_unmask(&pv, silent), 0);
	pair_send(0);
	pair_send(1);
	ck_assert_uint_eq(pv_upcall(&pv, 0), 0);
	ck_assert(pv_evtchn_is_pending(&pv, masked) && pv_evtchn_is_pending(&pv, silent));
	ck_assert_int_eq(pv_evtchn_unmask(&pv, masked), 0);
	ck_assert_uint_eq(pv_upcall(&pv, 0), 1);
	/* masked while it is on the queue */
	pair_send(0);
	pv_evtchn_mask(&pv, masked);
	ck_assert_uint_eq(pv_upcall(&pv, 0), 0);
	ck_assert_int_eq(pv_evtchn_unmask(&pv, masked), 0);
	ck_assert_uint_eq(pv_upcall(&pv, 0), 1);
	pair_close();
}
END_TEST

START_TEST(polling_mode_finds_masked_ports)
{
	uint32_t a;

	open(1, 0);
	ck_assert_int_eq(pv_evtchn_fifo_init(&pv), 0);
	a = port_of(0, note);
	pair_send(0);
	ck_assert_uint_eq(pv_upcall(&pv, 0), 0);
	ck_assert_uint_eq(pv_poll(&pv), 1);
	ck_assert_uint_eq(order[0], a);
	ck_assert_uint_eq(pv_poll(&pv), 0);
	pair_close();
}
END_TEST

/* Ports up to this one without the library, as if others had them. */
static void use_up(uint32_t last)
{
	struct pv_evtchn_bind_ipi b = {0, 0};

	do
		ck_assert_int_eq(pair_call(0, PV_HYPERVISOR_event_channel_op, PV_EVTCHNOP_bind_ipi,
					   &b, sizeof(b)),
				 0);
	while (b.port < last);
}

START_TEST(ports_beyond_4096_work)
{
	uint32_t a;

	open_fifo(1, 5000);
	use_up(4998);
	a = port_of(0, note);
	ck_assert_uint_eq(a, 4999);
	ck_assert_uint_eq(pv_upcall(&pv, 0), 0);
	pair_send(0);
	ck_assert_uint_eq(pv_upcall(&pv, 0), 1);
	ck_assert_uint_eq(order[0], 4999);
	ck_assert_int_eq(pv_evtchn_close(&pv, a), 0);
	ck_assert_int_eq(pv_evtchn_alloc_unbound(&pv, PAIR_BACKEND, note, NULL), 4999);
	ck_assert_int_eq(pv_evtchn_alloc_unbound(&pv, PAIR_BACKEND, note, NULL), -PV_ENOSPC);
	ck_assert_int_eq(pv_evtchn_unmask(&pv, 131072), -PV_EINVAL);
	ck_assert_int_eq(pv_evtchn_unmask(&pv, 131071), -PV_EINVAL);
	ck_assert_int_eq(pv_evtchn_close(&pv, 131072), -PV_EINVAL);
	pair_close();
}
END_TEST

START_TEST(binding_without_memory_leaves_no_port_behind)
{
	long left;
	int rc;

	open_fifo(2, 5000);
	use_up(4200);
	/* a group, a page of slots, queues of vCPU 1, and pages of words up to there */
	for (left = 0;; left++) {
		pair_pages_left = left;
		rc = pv_evtchn_bind_ipi(&pv, 1, note, NULL);
		if (rc > 0)
			break;
		ck_assert_int_eq(rc, -PV_ENOMEM);
	}
	ck_assert_int_eq(rc, 4201);
	ck_assert_int_ge(left, 1);
	ck_assert_int_eq(pv_evtchn_send(&pv, 4201), 0);
	ck_assert_uint_eq(pv_upcall(&pv, 0), 0);
	ck_assert_uint_eq(pv_upcall(&pv, 1), 1);
	pair_close();
}
END_TEST

START_TEST(port_moves_between_vcpus)
{
	uint32_t a;

	open_fifo(2, 0);
	a = port_of(0, note);
	ck_assert_uint_eq(pv_upcall(&pv, 0), 0);
	ck_assert_int_eq(pv_evtchn_bind_vcpu(&pv, a, 1), 0);
	pair_send(0);
	ck_assert_uint_eq(pv_upcall(&pv, 0), 0);
	ck_assert_uint_eq(pv_upcall(&pv, 1), 1);
	/* one that is queued already comes where it was queued */
	pair_send(0);
	ck_assert_int_eq(pv_evtchn_bind_vcpu(&pv, a, 0), 0);
	ck_assert_uint_eq(pv_upcall(&pv, 0) + pv_upcall(&pv, 1), 1);
	ck_assert_int_eq(pv_evtchn_bind_vcpu(&pv, a, PV_MAX_VCPUS), -PV_EINVAL);
	pair_close();
}
END_TEST

/* ---- guest vCPUs and host threads at once */

#define PORTS  4
#define EVENTS 10000

static uint64_t sent[PORTS], got[PORTS];
static uint32_t ports[PORTS];
static bool stop, all_sent;

static void take(void *arg, uint32_t port)
{
	uint64_t *n = arg, was = __atomic_load_n(n, __ATOMIC_SEQ_CST), now;

	(void)port;
	/* Its pending bit was cleared before: an event after this look comes again. Two vCPUs may be
	 * here at once while the port moves. */
	now = __atomic_load_n(&sent[n - got], __ATOMIC_SEQ_CST);
	while (was < now && !__atomic_compare_exchange_n(n, &was, now, false, __ATOMIC_SEQ_CST,
							 __ATOMIC_SEQ_CST))
		;
}

static void *vcpu(void *arg)
{
	this_vcpu = (unsigned)(uintptr_t)arg;
	while (!__atomic_load_n(&all_sent, __ATOMIC_ACQUIRE)) {
		if (!pv_upcall(&pv, this_vcpu))
			sched_yield();
	}
	(void)pv_upcall(&pv, this_vcpu);
	return NULL;
}

static void *backend(void *arg)
{
	unsigned n = (unsigned)(uintptr_t)arg, i;

	for (i = 0; i < EVENTS; i++) {
		__atomic_store_n(&sent[n], i + 1, __ATOMIC_SEQ_CST);
		ck_assert_int_eq(pair_send(n), 0);
		if (i % 32 == 0)
			sched_yield();
	}
	return NULL;
}

static void *busybody(void *arg)
{
	unsigned i;

	(void)arg;
	this_vcpu = 2;
	for (i = 0; !__atomic_load_n(&stop, __ATOMIC_ACQUIRE); i++) {
		uint32_t port = ports[i % PORTS];

		switch (i / PORTS % 3) {
		case 0: ck_assert_int_eq(pv_evtchn_bind_vcpu(&pv, port, i / 12 % 2), 0); break;
		case 1: ck_assert_int_eq(pv_evtchn_set_priority(&pv, port, i % 16), 0); break;
		default:
			pv_evtchn_mask(&pv, port);
			ck_assert_int_eq(pv_evtchn_unmask(&pv, port), 0);
		}
	}
	return NULL;
}

START_TEST(no_event_is_lost_while_ports_move_and_masks_change)
{
	pthread_t v[2], b[PORTS], m;
	uintptr_t i;

	open_fifo(3, 0);
	stop = all_sent = false;
	memset(got, 0, sizeof(got));
	for (i = 0; i < PORTS; i++) {
		int port = pv_evtchn_alloc_unbound(&pv, PAIR_BACKEND, take, &got[i]);

		ports[i] = (uint32_t)port;
		ck_assert_int_eq(pair_bind((unsigned)i, ports[i]), 0);
	}
	for (i = 0; i < 2; i++)
		pthread_create(&v[i], NULL, vcpu, (void *)i);
	pthread_create(&m, NULL, busybody, NULL);
	for (i = 0; i < PORTS; i++)
		pthread_create(&b[i], NULL, backend, (void *)i);
	for (i = 0; i < PORTS; i++)
		pthread_join(b[i], NULL);
	__atomic_store_n(&stop, true, __ATOMIC_RELEASE);
	pthread_join(m, NULL);
	__atomic_store_n(&all_sent, true, __ATOMIC_RELEASE);
	for (i = 0; i < 2; i++)
		pthread_join(v[i], NULL);
	for (i = 0; i < PORTS; i++)
		ck_assert_uint_eq(got[i], EVENTS);
	pair_close();
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("guest-evtchn-fifo");

	tcase_set_timeout(t, 120);
	tcase_add_test(t, changing_over_keeps_handlers_masks_and_events);
	tcase_add_test(t, without_memory_or_offer_everything_stays_two_level);
	tcase_add_test(t, events_come_by_priority_then_in_order);
	tcase_add_test(t, event_during_a_handler_is_not_lost_and_takes_its_turn);
	tcase_add_test(t, masked_and_unhandled_ports_stay_pending);
	tcase_add_test(t, polling_mode_finds_masked_ports);
	tcase_add_test(t, ports_beyond_4096_work);
	tcase_add_test(t, binding_without_memory_leaves_no_port_behind);
	tcase_add_test(t, port_moves_between_vcpus);
	tcase_add_test(t, no_event_is_lost_while_ports_move_and_masks_change);
	return run_case("guest-evtchn-fifo", t);
}
