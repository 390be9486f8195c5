/*
 * events: upcalls, sleeping, waking and timers of the user engine
 */
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "machine.h"
#include "run.h"

static struct machine m;

static void run(enum task task)
{
	machine_start(&m, (struct machine_config){.task = task});
	ck_assert_uint_eq(machine_run(&m), 0);
	machine_stop(&m);
}

/* One after the other: each is sent when the guest has taken the one before. */
static void send_events(unsigned n)
{
	struct pv_shared_info *si = machine_shared(&m);
	uint64_t deadline = machine_now() + 20000000000ull;

	machine_wait_reports(&m, 1);
	for (unsigned i = 0; i < n; i++) {
		machine_send(&m, 0, 3);
		while (__atomic_load_n(&si->evtchn_pending[0], __ATOMIC_SEQ_CST) &&
		       machine_now() < deadline)
			sched_yield();
		ck_assert_uint_lt(machine_now(), deadline);
	}
}

START_TEST(each_of_1000_events_is_delivered_to_running_code)
{
	struct engine_info info;

	machine_start(&m, (struct machine_config){.task = TASK_EVENTS});
	send_events(1000);
	ck_assert_uint_eq(machine_run(&m), 0);
	engine_user.info(m.e, &info);
	ck_assert_uint_ge(info.kicks, 1);
	machine_stop(&m);
}
END_TEST

START_TEST(masked_event_waits_for_the_hypercall_after_unmasking)
{
	run(TASK_EVENTS_MASKED);
}
END_TEST

START_TEST(block_sleeps_until_the_event)
{
	run(TASK_EVENTS_BLOCK);
}
END_TEST

START_TEST(poll_ends_by_time_or_by_port)
{
	run(TASK_EVENTS_POLL);
}
END_TEST

START_TEST(poll_looks_at_fifo_words_where_the_guest_uses_them)
{
	const uint64_t gfn[] = {SCRATCH_GPA >> 12, (SCRATCH_GPA >> 12) + 1};

	machine_start(&m, (struct machine_config){.task = TASK_EVENTS_POLL_FIFO, .held = true});
	engine_user.event_array_set(m.e, gfn, 2);
	ck_assert_int_eq(engine_user.resume(m.e), 0);
	ck_assert_uint_eq(machine_run(&m), 0);
	machine_stop(&m);
	/* and back: the table of 2-level words again */
	machine_start(&m, (struct machine_config){.task = TASK_EVENTS_POLL, .held = true});
	engine_user.event_array_set(m.e, gfn, 2);
	engine_user.event_array_set(m.e, NULL, 0);
	ck_assert_int_eq(engine_user.resume(m.e), 0);
	ck_assert_uint_eq(machine_run(&m), 0);
	machine_stop(&m);
}
END_TEST

START_TEST(timer_interrupts_running_code)
{
	run(TASK_TIMER);
}
END_TEST

START_TEST(routed_send_only_raises_its_kick)
{
	const struct pv_route kick = {.kind = PV_ROUTE_KICK, .kick = 3};
	const struct pv_route beyond = {.kind = PV_ROUTE_KICK, .kick = ENGINE_KICK_FDS};
	uint64_t n = 0;

	machine_start(&m, (struct machine_config){.task = TASK_ROUTED_SEND, .held = true});
	engine_user.route_set(m.e, 5, kick);
	engine_user.route_set(m.e, 6, beyond);
	engine_user.route_set(m.e, 1u << 31, kick);
	ck_assert_int_eq(engine_user.resume(m.e), 0);
	ck_assert_uint_eq(machine_run(&m), 0);
	ck_assert_int_eq(read(engine_user.kick_fd(m.e, 3), &n, sizeof(n)), sizeof(n));
	ck_assert_uint_eq(n, 10);
	ck_assert_int_lt(engine_user.kick_fd(m.e, ENGINE_KICK_FDS), 0);
	machine_stop(&m);
}
END_TEST

START_TEST(vector_registers_survive_upcalls)
{
	machine_start(&m, (struct machine_config){.task = TASK_FPU_SIGNALS});
	send_events(100);
	ck_assert_uint_eq(machine_run(&m), 0);
	machine_stop(&m);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("events");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, each_of_1000_events_is_delivered_to_running_code);
	tcase_add_test(t, masked_event_waits_for_the_hypercall_after_unmasking);
	tcase_add_test(t, block_sleeps_until_the_event);
	tcase_add_test(t, poll_ends_by_time_or_by_port);
	tcase_add_test(t, poll_looks_at_fifo_words_where_the_guest_uses_them);
	tcase_add_test(t, timer_interrupts_running_code);
	tcase_add_test(t, routed_send_only_raises_its_kick);
	tcase_add_test(t, vector_registers_survive_upcalls);
	return run_case("engine-events", t);
}
