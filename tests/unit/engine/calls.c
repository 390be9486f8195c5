/*
 * calls: hypercalls of the user engine, in the stub and through the monitor
 */
#include <stdlib.h>
#include <string.h>
#include "machine.h"
#include "run.h"

static struct machine m;

static void run(enum task task, unsigned vcpus)
{
	machine_start(&m, (struct machine_config){.task = task, .vcpus = vcpus});
	ck_assert_uint_eq(machine_run(&m), 0);
	machine_stop(&m);
}

START_TEST(calls_go_to_the_monitor_and_back)
{
	machine_start(&m, (struct machine_config){.task = TASK_ECHO});
	ck_assert_uint_eq(machine_run(&m), 0);
	ck_assert_str_eq(m.console, "hello from ring 3\n");
	machine_stop(&m);
}
END_TEST

START_TEST(vcpu_state_is_handled_in_the_stub)
{
	run(TASK_IN_STUB, 1);
	run(TASK_IN_STUB, 4);
}
END_TEST

START_TEST(raw_system_call_is_a_hypercall_whatever_its_number)
{
	run(TASK_RAW_SYSCALL, 1);
}
END_TEST

START_TEST(multicall_answers_each_entry)
{
	run(TASK_MULTICALL, 1);
}
END_TEST

START_TEST(segment_bases_hold)
{
	run(TASK_SEGMENT_BASES, 1);
}
END_TEST

START_TEST(forced_emulation_shows_xen)
{
	run(TASK_CPUID, 1);
}
END_TEST

START_TEST(privileged_instructions_of_the_list_are_emulated)
{
	run(TASK_PRIVILEGED, 1);
}
END_TEST

START_TEST(fallbacks_serve_the_same_guests)
{
	setenv("REFHV_ENGINE_FORCE", "noldt,nofsgsbase,nonamespaces,mprotect,nospin", 1);
	run(TASK_ECHO, 1);
	run(TASK_ECHO, 3);
	run(TASK_IN_STUB, 3);
	run(TASK_MULTICALL, 3);
	run(TASK_SEGMENT_BASES, 3);
	run(TASK_PRIVILEGED, 1);
	unsetenv("REFHV_ENGINE_FORCE");
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("calls");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, calls_go_to_the_monitor_and_back);
	tcase_add_test(t, vcpu_state_is_handled_in_the_stub);
	tcase_add_test(t, raw_system_call_is_a_hypercall_whatever_its_number);
	tcase_add_test(t, multicall_answers_each_entry);
	tcase_add_test(t, segment_bases_hold);
	tcase_add_test(t, forced_emulation_shows_xen);
	tcase_add_test(t, privileged_instructions_of_the_list_are_emulated);
	tcase_add_test(t, fallbacks_serve_the_same_guests);
	return run_case("engine-calls", t);
}
