/*
 * kvm_guest: the kvm engine with a guest in it. Needs /dev/kvm; skipped where there is none.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <pv/abi/errno.h>
#include <pv/abi/sched.h>
#include "kvm_machine.h"
#include "run.h"
#include "refhv/engine/kvm/kvm.h"
#include "refhv/engine/kvm/kvm_probe.h"

static struct km m;

START_TEST(hypercalls_come_by_the_page)
{
	km_start(&m, (struct km_config){.task = TASK_ECHO, .trap = ENGINE_TRAP_PAGE});
	km_wait(&m);
	ck_assert_msg(m.done && !m.verdict, "line %d %s", (int)m.verdict, m.why);
	ck_assert_str_eq(m.console, "hello from ring 0\n");
	ck_assert_uint_eq(km_exits(&m, "page"), 1);
	ck_assert_uint_ge(km_exits(&m, "hypercall"), 105);
	km_stop(&m);
}
END_TEST

START_TEST(hypercalls_come_from_patched_sites)
{
	for (unsigned direct = 1; direct <= 2; direct++) {
		km_run((struct km_config){.task = TASK_ECHO, .direct = direct});
		km_run((struct km_config){
			.task = TASK_ECHO, .direct = direct, .trap = ENGINE_TRAP_LOAD_TIME});
		km_run((struct km_config){
			.task = TASK_ECHO, .direct = direct, .trap = ENGINE_TRAP_RUN_TIME});
	}
}
END_TEST

START_TEST(kernels_that_a_loader_brings_are_patched_when_they_write_efer)
{
	km_start(&m, (struct km_config){.task = TASK_ECHO, .direct = 1, .not_loaded = true});
	km_wait(&m);
	ck_assert_msg(m.done && !m.verdict, "line %d %s", (int)m.verdict, m.why);
	ck_assert_ptr_nonnull(strstr(km_trap(&m), strstr(km_trap(&m), "KVM") ? "KVM" : "run time"));
	km_stop(&m);
}
END_TEST

START_TEST(hypercalls_of_32_bit_guests_have_registers_of_their_own)
{
	km_start(&m, (struct km_config){.task = TASK_ECHO, .bits_32 = true});
	km_wait(&m);
	ck_assert_msg(m.done && !m.verdict, "line %d %s", (int)m.verdict, m.why);
	ck_assert_str_eq(m.console, "hello from ring 0\n");
	km_stop(&m);
	km_run((struct km_config){.task = TASK_ECHO, .bits_32 = true, .direct = 1});
}
END_TEST

START_TEST(ring_3_has_no_hypercalls)
{
	km_start(&m, (struct km_config){.task = TASK_RING_3, .trap = ENGINE_TRAP_PAGE});
	km_wait(&m);
	ck_assert_msg(m.ended, "line %d %s", (int)m.verdict, m.why);
	ck_assert_uint_eq(m.end_reason, PV_SHUTDOWN_poweroff);
	km_stop(&m);
}
END_TEST

START_TEST(cpuid_shows_xen)
{
	km_run((struct km_config){.task = TASK_CPUID});
}
END_TEST

START_TEST(model_specific_registers_fault_as_they_should)
{
	km_run((struct km_config){.task = TASK_MSRS, .trap = ENGINE_TRAP_RUN_TIME});
}
END_TEST

START_TEST(ports_are_those_of_an_empty_machine)
{
	km_start(&m, (struct km_config){.task = TASK_PORTS});
	km_wait(&m);
	ck_assert_msg(m.done && !m.verdict, "line %d %s", (int)m.verdict, m.why);
	ck_assert_str_eq(m.console, "xtext");
	km_stop(&m);
}
END_TEST

START_TEST(upcalls_come_as_the_vector)
{
	km_run((struct km_config){.task = TASK_UPCALLS});
}
END_TEST

START_TEST(upcalls_wait_for_the_local_apic)
{
	km_run((struct km_config){.task = TASK_BLOCKED_UPCALL});
}
END_TEST

START_TEST(legacy_callback_needs_no_eoi)
{
	km_run((struct km_config){.task = TASK_CALLBACK});
	km_run((struct km_config){.task = TASK_CALLBACK, .vcpus = 2});
}
END_TEST

START_TEST(timers_fire_once_and_not_early)
{
	km_start(&m, (struct km_config){.task = TASK_TIMER});
	km_wait(&m);
	ck_assert_msg(m.done && !m.verdict, "line %d %s", (int)m.verdict, m.why);
	ck_assert_uint_eq(m.timers, 10);
	printf("# a timer's upcall comes %lu us late on average\n",
	       (unsigned long)m.report[2] / 10000);
	km_stop(&m);
}
END_TEST

START_TEST(other_vcpus_start_by_init_and_sipi)
{
	const unsigned n[] = {2, 4, 8, 16};

	for (unsigned i = 0; i < sizeof(n) / sizeof(n[0]); i++) {
		km_start(&m, (struct km_config){.task = TASK_SMP, .vcpus = n[i]});
		km_wait(&m);
		ck_assert_msg(m.done && !m.verdict, "%u vCPUs: line %d %s", n[i], (int)m.verdict,
			      m.why);
		ck_assert_uint_eq(m.ups, n[i] - 1);
		ck_assert_uint_eq(m.downs, 0);
		km_stop(&m);
	}
}
END_TEST

START_TEST(vcpus_go_down_and_up_and_can_be_started_anew)
{
	km_start(&m, (struct km_config){.task = TASK_DOWN_UP, .vcpus = 2});
	km_wait(&m);
	ck_assert_msg(m.done && !m.verdict, "line %d %s", (int)m.verdict, m.why);
	km_stop(&m);
}
END_TEST

START_TEST(vcpus_start_where_they_are_told_to)
{
	km_run((struct km_config){.task = TASK_INITIALISE, .vcpus = 2});
}
END_TEST

START_TEST(block_ends_at_its_time_and_by_a_kick)
{
	km_run((struct km_config){.task = TASK_BLOCK});
}
END_TEST

static void expect_end(struct km_config c, unsigned reason)
{
	km_start(&m, c);
	km_wait(&m);
	ck_assert_msg(m.ended, "line %d %s", (int)m.verdict, m.why);
	ck_assert_uint_eq(m.end_reason, reason);
	ck_assert_int_eq(engine_kvm.resume(m.e), -PV_ESRCH);
	km_stop(&m);
}

START_TEST(guests_end_themselves_by_acpi)
{
	expect_end((struct km_config){.task = TASK_S5}, PV_SHUTDOWN_poweroff);
	expect_end((struct km_config){.task = TASK_RESET}, PV_SHUTDOWN_reboot);
}
END_TEST

START_TEST(guests_whose_vcpus_all_halt_for_good_are_off)
{
	expect_end((struct km_config){.task = TASK_HALT}, PV_SHUTDOWN_poweroff);
	expect_end((struct km_config){.task = TASK_HALT, .vcpus = 3}, PV_SHUTDOWN_poweroff);
}
END_TEST

START_TEST(one_vcpu_that_halts_for_good_is_told_and_can_come_back)
{
	km_start(&m, (struct km_config){.task = TASK_HALT_OTHERS, .vcpus = 2});
	km_wait(&m);
	ck_assert_msg(m.done && !m.verdict, "line %d %s", (int)m.verdict, m.why);
	ck_assert_uint_eq(m.downs, 1);
	ck_assert_uint_eq(m.ups, 2);
	km_stop(&m);
}
END_TEST

static void expect_death(struct km_config c, const char *why)
{
	km_start(&m, c);
	km_wait(&m);
	ck_assert_msg(m.dead, "line %d", (int)m.verdict);
	ck_assert_msg(strstr(m.why, why), "%s", m.why);
	ck_assert_ptr_nonnull(strstr(m.why, "rip 0x"));
	ck_assert_int_eq(engine_kvm.resume(m.e), -PV_ESRCH);
	km_stop(&m);
}

START_TEST(nmis_come_to_vcpus_in_any_state)
{
	km_run((struct km_config){.task = TASK_NMI, .vcpus = 2});
}
END_TEST

START_TEST(flush_leaves_no_vcpu_an_old_translation)
{
	km_run((struct km_config){.task = TASK_FLUSH});
	km_run((struct km_config){.task = TASK_FLUSH, .vcpus = 3});
}
END_TEST

/* As where KVM is built without Hyper-V, or is an emulator. */
START_TEST(legacy_callback_without_synic_ends_the_guest_with_a_reason)
{
	for (unsigned vcpus = 1; vcpus < 3; vcpus++) {
		km_start(&m,
			 (struct km_config){.task = TASK_CALLBACK, .vcpus = vcpus, .held = true});
		m.e->has_synic = false;
		ck_assert_int_eq(engine_kvm.resume(m.e), 0);
		km_wait(&m);
		ck_assert_msg(m.dead, "line %d", (int)m.verdict);
		ck_assert_msg(strstr(m.why, "callback vector"), "%s", m.why);
		km_stop(&m);
	}
}
END_TEST

START_TEST(guests_that_break_their_machine_die_with_a_reason)
{
	expect_death((struct km_config){.task = TASK_TRIPLE_FAULT}, "triple fault");
	expect_death((struct km_config){.task = TASK_NOWHERE, .vcpus = 2}, "KVM cannot go on");
}
END_TEST

static void pause_and_resume(enum test_task task)
{
	uint32_t before;

	km_start(&m, (struct km_config){.task = task, .vcpus = 2});
	for (unsigned i = 0; i < 20; i++) {
		before = km_mailbox(&m)->going;
		while (km_mailbox(&m)->going == before)
			usleep(100);
		ck_assert_int_eq(engine_kvm.pause(m.e, 2000), 0);
		before = km_mailbox(&m)->going;
		usleep(2000);
		ck_assert_uint_eq(km_mailbox(&m)->going, before);
		ck_assert_int_eq(engine_kvm.resume(m.e), 0);
	}
	ck_assert(!m.dead);
	/* Destroyed while it runs. */
	km_stop(&m);
}

START_TEST(guests_pause_whatever_they_do)
{
	pause_and_resume(TASK_SPIN);
	pause_and_resume(TASK_CALLS);
}
END_TEST

START_TEST(pages_become_memory_and_cease_to_be)
{
	km_run((struct km_config){.task = TASK_FRAMES});
}
END_TEST

START_TEST(overlays_show_other_pages)
{
	km_run((struct km_config){.task = TASK_OVERLAY});
}
END_TEST

static bool has(const uint64_t *map, uint64_t gpa)
{
	return map[gpa / 4096 / 64] >> gpa / 4096 % 64 & 1;
}

START_TEST(dirty_log_misses_no_page)
{
	uint64_t *map = calloc(TEST_SPAN / 4096 / 64, 8), named;

	km_start(&m, (struct km_config){.task = TASK_DIRTY});
	ck_assert_int_eq(engine_kvm.dirty_collect(m.e, map), -PV_EINVAL);
	ck_assert_int_eq(engine_kvm.dirty_start(m.e), 0);
	for (unsigned round = 1; round <= 3; round++) {
		km_mailbox(&m)->stop = round;
		while (km_mailbox(&m)->going != round)
			usleep(100);
		engine_kvm.mark_dirty(m.e, TEST_SCRATCH + round * 4096, 1);
		memset(map, 0, TEST_SPAN / 4096 / 8);
		ck_assert_int_eq(engine_kvm.dirty_collect(m.e, map), 0);
		for (unsigned i = 0; i < 10; i++)
			ck_assert(has(map, TEST_SCRATCH + (round * 100 + i * 3) * 4096));
		ck_assert(has(map, TEST_SCRATCH + round * 4096));
		/* What this process wrote counts twice. */
		if (round > 1)
			ck_assert(has(map, TEST_SCRATCH + (round - 1) * 4096));
		named = 0;
		for (unsigned i = 0; i < TEST_SPAN / 4096; i++)
			named += has(map, (uint64_t)i * 4096);
		ck_assert_uint_le(named, 40);
	}
	engine_kvm.dirty_stop(m.e);
	km_stop(&m);
	free(map);
}
END_TEST

/* Ten sends to a port with an eventfd; how many of them left the guest? */
static void send(unsigned direct, enum engine_trap trap, unsigned left)
{
	uint64_t written = 0, none;

	km_start(&m, (struct km_config){
			     .task = TASK_SEND, .direct = direct, .trap = trap, .held = true});
	engine_kvm.route_set(m.e, 5, (struct pv_route){.kind = PV_ROUTE_KICK, .kick = 3});
	/* Routed and given up again. */
	engine_kvm.route_set(m.e, 6, (struct pv_route){.kind = PV_ROUTE_KICK, .kick = 4});
	engine_kvm.route_set(m.e, 6, (struct pv_route){.kind = PV_ROUTE_NONE});
	ck_assert_int_eq(engine_kvm.resume(m.e), 0);
	km_wait(&m);
	ck_assert_msg(m.done && !m.verdict, "line %d %s", (int)m.verdict, m.why);
	/* One more was to port 6. */
	ck_assert_uint_eq(m.sends - 1, left);
	ck_assert_int_eq(read(engine_kvm.kick_fd(m.e, 3), &written, 8), 8);
	ck_assert_uint_eq(written, 10 - left);
	ck_assert_int_eq(read(engine_kvm.kick_fd(m.e, 4), &none, 8), -1);
	/* That one, and the refused one. */
	ck_assert_uint_eq(km_exits(&m, "send"), 2);
	km_stop(&m);
}

START_TEST(sends_of_the_hypercall_page_need_no_exit)
{
	send(0, ENGINE_TRAP_PAGE, 0);
}
END_TEST

/* Where the host's KVM has support for Xen guests; there is no other way to look at it. */
START_TEST(sends_through_kvms_xen_support_need_no_exit)
{
	uint64_t written = 0;

	for (unsigned direct = 0; direct < 3; direct++) {
		km_start(&m, (struct km_config){.task = TASK_SEND, .direct = direct, .held = true});
		if (!strstr(km_trap(&m), "KVM")) {
			printf("# not seen: this KVM has none\n");
			km_stop(&m);
			return;
		}
		engine_kvm.route_set(m.e, 5, (struct pv_route){.kind = PV_ROUTE_KICK, .kick = 3});
		engine_kvm.route_set(m.e, 6, (struct pv_route){.kind = PV_ROUTE_KICK, .kick = 4});
		engine_kvm.route_set(m.e, 6, (struct pv_route){.kind = PV_ROUTE_NONE});
		engine_kvm.route_set(m.e, 4095, (struct pv_route){.kind = PV_ROUTE_KICK});
		ck_assert_int_eq(engine_kvm.resume(m.e), 0);
		km_wait(&m);
		ck_assert_msg(m.done && !m.verdict, "line %d %s", (int)m.verdict, m.why);
		ck_assert_uint_eq(m.sends, 1);
		ck_assert_int_eq(read(engine_kvm.kick_fd(m.e, 3), &written, 8), 8);
		ck_assert_uint_eq(written, 10);
		km_stop(&m);
	}
}
END_TEST

START_TEST(sends_of_patched_sites_need_no_exit_but_the_first)
{
	send(1, ENGINE_TRAP_LOAD_TIME, 1);
	send(2, ENGINE_TRAP_LOAD_TIME, 1);
	send(1, ENGINE_TRAP_RUN_TIME, 1);
	send(2, ENGINE_TRAP_RUN_TIME, 1);
}
END_TEST

START_TEST(speed_of_this_kvm_is_measured)
{
	char why[200];
	int fd = kvm_open(why, sizeof(why));
	struct kvm_speed s = {0};
	uint64_t ns = ke_now();

	ck_assert_int_eq(kvm_measure(fd, &s), 0);
	ns = ke_now() - ns;
	ck_assert(s.rate > 0 && s.exit_ns > 0);
	printf("# %.1f million instructions a second, %.1f us to leave; measured in %.1f ms\n",
	       s.rate / 1e6, (double)s.exit_ns / 1e3, (double)ns / 1e6);
	close(fd);
}
END_TEST

START_TEST(configurations_that_cannot_be_are_refused)
{
	char why[200] = "", kvm_why[200];
	struct engine_client client = {0};
	struct engine_config c = {.max_vcpus = 1, .ram_size = 1 << 20, .client = &client};
	struct engine *e;
	void *ram;

	ck_assert_int_eq(engine_ram_create(1 << 20, 0, &c.ram_fd, &ram), 0);
	c.ram = ram;
	c.kvm_fd = -1;
	ck_assert_int_eq(engine_kvm.create(&e, &c, why, sizeof(why)), -PV_EBADF);
	c.kvm_fd = c.ram_fd;
	ck_assert_int_eq(engine_kvm.create(&e, &c, why, sizeof(why)), -PV_ENODEV);
	c.kvm_fd = kvm_open(kvm_why, sizeof(kvm_why));
	c.max_vcpus = 0;
	ck_assert_int_eq(engine_kvm.create(&e, &c, why, sizeof(why)), -PV_EINVAL);
	c.max_vcpus = ENGINE_MAX_VCPUS + 1;
	ck_assert_int_eq(engine_kvm.create(&e, &c, why, sizeof(why)), -PV_EINVAL);
	c.max_vcpus = 1;
	c.ram_size = (1 << 20) + 1;
	ck_assert_int_eq(engine_kvm.create(&e, &c, why, sizeof(why)), -PV_EINVAL);
	c.ram_size = 1 << 20;
	c.nregions = 2;
	c.region[0] = (struct engine_region){0, 8192};
	c.region[1] = (struct engine_region){4096, 8192};
	ck_assert_int_eq(engine_kvm.create(&e, &c, why, sizeof(why)), -PV_EINVAL);
	c.region[1] = (struct engine_region){8192, 1 << 20};
	ck_assert_int_eq(engine_kvm.create(&e, &c, why, sizeof(why)), -PV_EINVAL);
	c.nregions = 1;
	ck_assert_msg(!engine_kvm.create(&e, &c, why, sizeof(why)), "%s", why);
	ck_assert_int_eq(engine_kvm.resume(e), -PV_EBUSY);
	ck_assert_int_eq(engine_kvm.vcpu_info_set(e, 0, 1 << 20), -PV_EINVAL);
	ck_assert_int_eq(engine_kvm.vcpu_info_set(e, 0, 4), -PV_EINVAL);
	ck_assert_int_eq(engine_kvm.vcpu_info_set(e, 1, 0), -PV_ENOENT);
	engine_kvm.destroy(e);
	close(c.kvm_fd);
	close(c.ram_fd);
}
END_TEST

START_TEST(forced_ways_that_cannot_be_are_refused)
{
	char why[200] = "";

	/* Without the pair of sites, patching at load time has nothing to do. */
	km_start(&m, (struct km_config){.trap = ENGINE_TRAP_LOAD_TIME, .held = true});
	ck_assert_int_lt(
		engine_kvm.image_loaded(m.e, TEST_SCRATCH, TEST_SCRATCH + 4096, why, sizeof(why)),
		0);
	ck_assert_int_lt(engine_kvm.image_loaded(m.e, 0, TEST_SPAN + 1, why, sizeof(why)), 0);
	km_stop(&m);
}
END_TEST

int main(void)
{
	TCase *t;
	const char *missing = km_missing();

	if (missing) {
		printf("1..0 # SKIP %s\n", missing);
		return 0;
	}
	t = tcase_create("kvm-guest");
	setvbuf(stdout, NULL, _IOLBF, 0);
	tcase_set_timeout(t, 90);
	tcase_add_test(t, hypercalls_come_by_the_page);
	tcase_add_test(t, hypercalls_come_from_patched_sites);
	tcase_add_test(t, kernels_that_a_loader_brings_are_patched_when_they_write_efer);
	tcase_add_test(t, hypercalls_of_32_bit_guests_have_registers_of_their_own);
	tcase_add_test(t, ring_3_has_no_hypercalls);
	tcase_add_test(t, cpuid_shows_xen);
	tcase_add_test(t, model_specific_registers_fault_as_they_should);
	tcase_add_test(t, ports_are_those_of_an_empty_machine);
	tcase_add_test(t, upcalls_come_as_the_vector);
	tcase_add_test(t, upcalls_wait_for_the_local_apic);
	tcase_add_test(t, legacy_callback_needs_no_eoi);
	tcase_add_test(t, legacy_callback_without_synic_ends_the_guest_with_a_reason);
	tcase_add_test(t, nmis_come_to_vcpus_in_any_state);
	tcase_add_test(t, flush_leaves_no_vcpu_an_old_translation);
	tcase_add_test(t, timers_fire_once_and_not_early);
	tcase_add_test(t, other_vcpus_start_by_init_and_sipi);
	tcase_add_test(t, vcpus_go_down_and_up_and_can_be_started_anew);
	tcase_add_test(t, vcpus_start_where_they_are_told_to);
	tcase_add_test(t, block_ends_at_its_time_and_by_a_kick);
	tcase_add_test(t, guests_end_themselves_by_acpi);
	tcase_add_test(t, guests_whose_vcpus_all_halt_for_good_are_off);
	tcase_add_test(t, one_vcpu_that_halts_for_good_is_told_and_can_come_back);
	tcase_add_test(t, guests_that_break_their_machine_die_with_a_reason);
	tcase_add_test(t, guests_pause_whatever_they_do);
	tcase_add_test(t, pages_become_memory_and_cease_to_be);
	tcase_add_test(t, overlays_show_other_pages);
	tcase_add_test(t, dirty_log_misses_no_page);
	tcase_add_test(t, sends_of_the_hypercall_page_need_no_exit);
	tcase_add_test(t, sends_through_kvms_xen_support_need_no_exit);
	tcase_add_test(t, sends_of_patched_sites_need_no_exit_but_the_first);
	tcase_add_test(t, speed_of_this_kvm_is_measured);
	tcase_add_test(t, configurations_that_cannot_be_are_refused);
	tcase_add_test(t, forced_ways_that_cannot_be_are_refused);
	return run_case("kvm-guest", t);
}
