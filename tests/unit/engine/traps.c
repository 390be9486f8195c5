/*
 * traps: exceptions of the user engine's guests, and guests that end badly
 */
#include <poll.h>
#include <pv/abi/errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
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

START_TEST(page_fault_arrives_as_xen_frame)
{
	run(TASK_PAGE_FAULT);
}
END_TEST

START_TEST(other_exceptions_arrive_by_their_vectors)
{
	run(TASK_OTHER_TRAPS);
}
END_TEST

START_TEST(iret_restores_everything)
{
	run(TASK_IRET);
}
END_TEST

START_TEST(fault_without_handler_is_a_death_with_registers)
{
	machine_start(&m, (struct machine_config){.task = TASK_DOUBLE_FAULT});
	machine_wait_death(&m);
	ck_assert_msg(strstr(m.why, "exception without a handler 0xe") &&
			      strstr(m.why, "cr2 0x7000"),
		      "%s", m.why);
	ck_assert_int_eq(engine_user.resume(m.e), -PV_ESRCH);
	machine_stop(&m);
}
END_TEST

START_TEST(fault_without_stack_is_a_death)
{
	machine_start(&m, (struct machine_config){.task = TASK_BAD_STACK});
	machine_wait_death(&m);
	ck_assert_msg(strstr(m.why, "no stack"), "%s", m.why);
	machine_stop(&m);
}
END_TEST

START_TEST(killed_guest_process_is_reported)
{
	struct engine_info info;
	struct pollfd pfd;

	machine_start(&m, (struct machine_config){.task = TASK_COUNT});
	engine_user.info(m.e, &info);
	kill(info.pid, SIGKILL);
	pfd = (struct pollfd){.fd = engine_user.watch_fd(m.e), .events = POLLIN};
	ck_assert_int_eq(poll(&pfd, 1, 5000), 1);
	engine_user.watch(m.e);
	ck_assert(m.dead);
	ck_assert_msg(strstr(m.why, "signal 9"), "%s", m.why);
	ck_assert_int_lt(engine_user.pause(m.e, 1000), 0);
	machine_stop(&m);
}
END_TEST

/* However the monitor ends. */
START_TEST(guest_process_ends_with_its_monitor)
{
	struct engine_info info;
	struct pollfd pfd = {.events = POLLIN};
	int up[2], down[2], guest;
	pid_t child;
	char go;

	ck_assert(!pipe(up) && !pipe(down));
	child = fork();
	ck_assert_int_ge(child, 0);
	if (!child) {
		machine_start(&m, (struct machine_config){.task = TASK_COUNT});
		engine_user.info(m.e, &info);
		if (write(up[1], &info.pid, sizeof(info.pid)) > 0 && read(down[0], &go, 1) > 0)
			kill(getpid(), SIGKILL);
		_exit(1);
	}
	ck_assert_int_eq(read(up[0], &guest, sizeof(guest)), sizeof(guest));
	pfd.fd = (int)syscall(SYS_pidfd_open, guest, 0);
	ck_assert_int_ge(pfd.fd, 0);
	ck_assert_int_eq(poll(&pfd, 1, 50), 0);
	ck_assert_int_eq(write(down[1], "", 1), 1);
	ck_assert_int_eq(poll(&pfd, 1, 10000), 1);
	waitpid(child, NULL, 0);
}
END_TEST

START_TEST(guest_that_blocks_the_pause_signal_is_killed_in_time)
{
	uint64_t t;

	machine_start(&m, (struct machine_config){.task = TASK_FORGE_MASK});
	machine_wait_reports(&m, 1);
	/* Whether it stops at once depends on how far it has come; then it goes on to block the
	 * signal. */
	for (int i = 0; i < 100 && !m.dead; i++) {
		t = machine_now();
		if (engine_user.pause(m.e, 200))
			break;
		ck_assert_int_eq(engine_user.resume(m.e), 0);
		usleep(10000);
	}
	ck_assert_uint_lt(machine_now() - t, 5000000000ull);
	ck_assert_msg(m.dead, "verdict %llu", (unsigned long long)m.verdict);
	ck_assert_msg(strstr(m.why, "did not stop"), "%s", m.why);
	machine_stop(&m);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("traps");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, page_fault_arrives_as_xen_frame);
	tcase_add_test(t, other_exceptions_arrive_by_their_vectors);
	tcase_add_test(t, iret_restores_everything);
	tcase_add_test(t, fault_without_handler_is_a_death_with_registers);
	tcase_add_test(t, fault_without_stack_is_a_death);
	tcase_add_test(t, killed_guest_process_is_reported);
	tcase_add_test(t, guest_process_ends_with_its_monitor);
	tcase_add_test(t, guest_that_blocks_the_pause_signal_is_killed_in_time);
	return run_case("engine-traps", t);
}
