/*
 * Unit tests of the guest's event channels: the bugs that small kernels have had, each as a claim.
 */
#include "guest_rig.h"
#include "run.h"

static struct rig r;
static unsigned calls;

static void count(void *arg, uint32_t port)
{
	calls++;
}

static int bound_port(pv_evtchn_fn fn)
{
	int port = pv_evtchn_alloc_unbound(&r.pv, 0, fn, NULL);

	ck_assert_int_gt(port, 0);
	return port;
}

static int pending(uint32_t port)
{
	return pv_evtchn_is_pending(&r.pv, port);
}

/* Solo5 cleared the pending bit after the handler: what came in between was lost. */
static void check_clear_and_raise_again(void *arg, uint32_t port)
{
	ck_assert(!pending(port));
	if (calls++ == 0)
		rig_raise(&r, port, 0);
}

START_TEST(upcall_clears_pending_before_the_handler_so_a_second_event_is_not_lost)
{
	int port = bound_port(check_clear_and_raise_again);

	pv_upcall_enable(&r.pv);
	rig_raise(&r, port, 0);
	ck_assert_uint_eq(pv_upcall(&r.pv, 0), 2);
	ck_assert_uint_eq(calls, 2);
	ck_assert(!pending(port));
}
END_TEST

START_TEST(poll_clears_pending_before_the_handler)
{
	int port = bound_port(check_clear_and_raise_again);

	rig_raise(&r, port, 0);
	ck_assert_uint_eq(pv_poll(&r.pv), 1);
	ck_assert(pending(port));
	ck_assert_uint_eq(pv_poll(&r.pv), 1);
	ck_assert_uint_eq(calls, 2);
}
END_TEST

/* Solo5 asserted on ports over 31; Zephyr shifted a signed 1. */
START_TEST(every_port_up_to_the_last_runs_its_handler)
{
	static const uint32_t ports[] = {1, 31, 32, 63, 64, 1000, 4095};
	unsigned i;

	pv_upcall_enable(&r.pv);
	for (i = 0; i < sizeof(ports) / sizeof(ports[0]); i++) {
		r.next_port = ports[i];
		ck_assert_int_eq(bound_port(count), ports[i]);
		calls = 0;
		rig_raise(&r, ports[i], 0);
		ck_assert_uint_eq(pv_upcall(&r.pv, 0), 1);
		ck_assert_uint_eq(calls, 1);
	}
}
END_TEST

START_TEST(bind_refuses_a_port_beyond_the_tables_and_closes_it)
{
	r.next_port = 4096;
	ck_assert_int_eq(pv_evtchn_alloc_unbound(&r.pv, 0, count, NULL), -PV_EINVAL);
	ck_assert_uint_eq(r.nr_closed, 1);
	ck_assert_uint_eq(r.closed[0], 4096);
	ck_assert_int_eq(pv_evtchn_handle(&r.pv, 4096, count, NULL), -PV_EINVAL);
	ck_assert_int_eq(pv_evtchn_unmask(&r.pv, 4096), -PV_EINVAL);
	ck_assert_int_eq(pv_evtchn_close(&r.pv, 0), -PV_EINVAL);
}
END_TEST

START_TEST(bind_without_memory_leaves_no_port_behind)
{
	r.pages_left = 0;
	ck_assert_int_eq(pv_evtchn_alloc_unbound(&r.pv, 0, count, NULL), -PV_ENOMEM);
	ck_assert_uint_eq(r.nr_closed, 1);
}
END_TEST

START_TEST(upcall_leaves_masked_and_unhandled_ports_pending)
{
	int masked, silent;

	pv_upcall_enable(&r.pv);
	masked = bound_port(count);
	silent = bound_port(NULL);
	pv_evtchn_mask(&r.pv, masked);
	rig_raise(&r, masked, 0);
	r.pv.shared_info->evtchn_mask[0] &= ~(1ull << silent);
	rig_raise(&r, silent, 0);
	ck_assert_uint_eq(pv_upcall(&r.pv, 0), 0);
	ck_assert(pending(masked) && pending(silent));
	ck_assert_int_eq(pv_evtchn_test_clear(&r.pv, silent), 1);
	ck_assert_int_eq(pv_evtchn_test_clear(&r.pv, silent), 0);
}
END_TEST

START_TEST(upcall_leaves_other_vcpus_ports_alone)
{
	static struct pv_vcpu_info second __attribute__((aligned(64)));
	int port;

	/* shared_info of some architectures has room for one vCPU only. */
	if (PV_XEN_LEGACY_MAX_VCPUS < 2)
		ck_assert_int_eq(pv_vcpu_info_set(&r.pv, 1, &second), 0);
	pv_upcall_enable(&r.pv);
	port = pv_evtchn_bind_ipi(&r.pv, 1, count, NULL);
	ck_assert_int_gt(port, 0);
	rig_raise(&r, port, 1);
	/* Same word, announced to vCPU 0: a port of its own that is not pending any more. */
	pv_vcpu_info(&r.pv, 0)->evtchn_pending_sel = 1;
	pv_vcpu_info(&r.pv, 0)->evtchn_upcall_pending = 1;
	ck_assert_uint_eq(pv_upcall(&r.pv, 0), 0);
	ck_assert_uint_eq(pv_upcall(&r.pv, 1), 1);
	ck_assert_uint_eq(calls, 1);
}
END_TEST

/* A sender that saw the mask raises nothing: unmasking has to look again. */
START_TEST(unmask_of_a_pending_port_asks_the_hypervisor_to_raise_it)
{
	int port;

	pv_upcall_enable(&r.pv);
	port = bound_port(count);
	pv_evtchn_mask(&r.pv, port);
	rig_raise(&r, port, 0);
	ck_assert_uint_eq(pv_upcall(&r.pv, 0), 0);
	ck_assert_int_eq(pv_evtchn_unmask(&r.pv, port), 0);
	ck_assert_uint_eq(r.unmasks, 1);
	ck_assert_uint_eq(pv_upcall(&r.pv, 0), 1);
	/* And one that is not pending needs no hypercall. */
	pv_evtchn_mask(&r.pv, port);
	ck_assert_int_eq(pv_evtchn_unmask(&r.pv, port), 0);
	ck_assert_uint_eq(r.unmasks, 1);
}
END_TEST

START_TEST(close_forgets_handler_and_pending_event)
{
	int port;

	pv_upcall_enable(&r.pv);
	port = bound_port(count);
	pv_evtchn_mask(&r.pv, port);
	rig_raise(&r, port, 0);
	ck_assert_int_eq(pv_evtchn_close(&r.pv, port), 0);
	ck_assert(!pending(port));
	r.next_port = port;
	ck_assert_int_eq(bound_port(NULL), port);
	rig_raise(&r, port, 0);
	ck_assert_uint_eq(pv_upcall(&r.pv, 0), 0);
	ck_assert_uint_eq(pv_poll(&r.pv), 0);
	ck_assert_uint_eq(calls, 0);
}
END_TEST

START_TEST(init_masks_every_port)
{
	unsigned i;

	for (i = 0; i < 64; i++)
		ck_assert_uint_eq(r.pv.shared_info->evtchn_mask[i], UINT64_MAX);
}
END_TEST

START_TEST(wait_runs_handlers_before_it_sleeps)
{
	int port = bound_port(count);

	rig_raise(&r, port, 0);
	ck_assert_int_eq(pv_wait(&r.pv, NULL, 0), 0);
	ck_assert_uint_eq(calls, 1);
	ck_assert_uint_eq(r.polls, 0);
}
END_TEST

START_TEST(wait_after_its_deadline_says_so)
{
	r.now = 100;
	ck_assert_int_eq(pv_wait(&r.pv, NULL, 99), -PV_ETIMEDOUT);
	ck_assert_uint_eq(r.polls, 0);
}
END_TEST

static struct pv_vcpu_info *moved;

/* The hypervisor raises upcall_pending in the new place: the upcall must not come before we look
 * there. */
static void upcall_inside(struct rig *rig, uint64_t nr, uint64_t op)
{
	if (nr == PV_HYPERVISOR_vcpu_op && op == PV_VCPUOP_register_vcpu_info) {
		ck_assert_msg(rig->locked, "upcalls are let in while the record moves");
		moved->evtchn_upcall_pending = 1;
	}
}

START_TEST(vcpu_info_moves_with_upcalls_held_off)
{
	static unsigned char page[4096] __attribute__((aligned(4096)));

	moved = (struct pv_vcpu_info *)page;
	r.during = upcall_inside;
	ck_assert_int_eq(pv_vcpu_info_set(&r.pv, 0, page), 0);
	ck_assert_ptr_eq(pv_vcpu_info(&r.pv, 0), moved);
	pv_upcall(&r.pv, 0);
	ck_assert_uint_eq(moved->evtchn_upcall_pending, 0);
	ck_assert_int_eq(pv_vcpu_info_set(&r.pv, 0, page + 4090), -PV_EINVAL);
}
END_TEST

START_TEST(init_refuses_missing_hooks)
{
	struct pv_os os = {.size = sizeof(os)};
	struct pv_boot boot = {.size = sizeof(boot), .mode = PV_MODE_PVH};
	static struct pv pv;

	ck_assert_int_eq(pv_init(&pv, &os, &boot), -PV_EINVAL);
}
END_TEST

static void setup(void)
{
	calls = 0;
	rig_init(&r);
}

static void teardown(void)
{
	rig_done(&r);
}

int main(void)
{
	TCase *t = tcase_create("guest-evtchn");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, upcall_clears_pending_before_the_handler_so_a_second_event_is_not_lost);
	tcase_add_test(t, poll_clears_pending_before_the_handler);
	tcase_add_test(t, every_port_up_to_the_last_runs_its_handler);
	tcase_add_test(t, bind_refuses_a_port_beyond_the_tables_and_closes_it);
	tcase_add_test(t, bind_without_memory_leaves_no_port_behind);
	tcase_add_test(t, upcall_leaves_masked_and_unhandled_ports_pending);
	tcase_add_test(t, upcall_leaves_other_vcpus_ports_alone);
	tcase_add_test(t, unmask_of_a_pending_port_asks_the_hypervisor_to_raise_it);
	tcase_add_test(t, close_forgets_handler_and_pending_event);
	tcase_add_test(t, init_masks_every_port);
	tcase_add_test(t, wait_runs_handlers_before_it_sleeps);
	tcase_add_test(t, wait_after_its_deadline_says_so);
	tcase_add_test(t, vcpu_info_moves_with_upcalls_held_off);
	tcase_add_test(t, init_refuses_missing_hooks);
	return run_case("guest-evtchn", t);
}
