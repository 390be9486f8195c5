/*
 * state: pause, resume, and vCPUs that go on in another engine
 */
#include <pv/abi/errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "machine.h"
#include "run.h"

static struct machine m, n;
static struct engine_vcpu_state *s;

static uint64_t counter(void)
{
	return __atomic_load_n((uint64_t *)(m.ram + SCRATCH_GPA), __ATOMIC_SEQ_CST);
}

static void wait_progress(void)
{
	uint64_t from = counter(), deadline = machine_now() + 10000000000ull;

	while (counter() < from + 3) {
		ck_assert_uint_lt(machine_now(), deadline);
		ck_assert_msg(!m.dead && !m.done, "verdict %llu, %s", (unsigned long long)m.verdict,
			      m.why);
		usleep(200);
	}
}

static const enum task counting[] = {TASK_COUNT, TASK_COUNT_ECHO, TASK_COUNT_BLOCK};

START_TEST(pause_stops_and_resume_goes_on)
{
	uint64_t at;

	machine_start(&m, (struct machine_config){.task = counting[_i]});
	for (int i = 0; i < 200; i++) {
		wait_progress();
		ck_assert_int_eq(engine_user.pause(m.e, 5000), 0);
		at = counter();
		usleep(300);
		ck_assert_uint_eq(counter(), at);
		ck_assert_int_eq(engine_user.resume(m.e), 0);
	}
	machine_stop(&m);
}
END_TEST

/* Nothing of the first engine is left when the second one runs: what moves is memory and the plain
 * struct. */
START_TEST(vcpu_goes_on_in_another_engine)
{
	s = malloc(sizeof(*s));
	machine_start(&m, (struct machine_config){.task = counting[_i]});
	for (int i = 0; i < 15; i++) {
		wait_progress();
		ck_assert_int_eq(engine_user.pause(m.e, 5000), 0);
		memset(s, 0xee, sizeof(*s));
		ck_assert_int_eq(engine_user.vcpu_get(m.e, 0, s), 0);
		ck_assert_uint_eq(s->flags, ENGINE_VCPU_UP | ENGINE_VCPU_XSAVE);
		engine_user.destroy(m.e);
		machine_attach(&n, (struct machine_config){.vcpus = 1}, m.ram_fd, m.ram);
		/* The engine's client is the machine that it was made with. */
		engine_user.destroy(n.e);
		machine_attach(&m, (struct machine_config){.vcpus = 1}, n.ram_fd, n.ram);
		ck_assert_int_eq(engine_user.vcpu_set(m.e, 0, s), 0);
		ck_assert_int_eq(engine_user.resume(m.e), 0);
	}
	wait_progress();
	machine_stop(&m);
	free(s);
}
END_TEST

START_TEST(state_shows_all_that_the_guest_has_set)
{
	uint64_t xmm2;

	s = malloc(sizeof(*s));
	machine_start(&m, (struct machine_config){.task = TASK_STATE});
	machine_wait_reports(&m, 2);
	for (int i = 0; i < 1000; i++) {
		usleep(1000);
		ck_assert_int_eq(engine_user.pause(m.e, 5000), 0);
		ck_assert_int_eq(engine_user.vcpu_get(m.e, 0, s), 0);
		if (s->ctxt.user_regs.r14 == 77)
			break;
		engine_user.resume(m.e);
	}
	ck_assert_uint_eq(s->ctxt.user_regs.r13, 0xabcdef);
	memcpy(&xmm2, s->xsave + 160 + 2 * 16, sizeof(xmm2));
	ck_assert_uint_eq(xmm2, 0xabcdef);
	memcpy(&xmm2, s->ctxt.fpu_ctxt.x + 160 + 2 * 16, sizeof(xmm2));
	ck_assert_uint_eq(xmm2, 0xabcdef);
	ck_assert_uint_eq(s->ctxt.event_callback_eip, m.report[1]);
	ck_assert_uint_eq(s->ctxt.trap_ctxt[14].address, m.report[2]);
	ck_assert_uint_eq(s->ctxt.trap_ctxt[14].flags, 4);
	ck_assert_uint_eq(s->ctxt.kernel_sp, 0x123450);
	ck_assert_uint_eq(s->ctxt.fs_base, 0x1000);
	ck_assert_uint_eq(s->ctxt.gs_base_kernel, 0x2000);
	ck_assert_uint_eq(s->ctxt.gs_base_user, 0x3000);
	ck_assert_uint_eq(s->ctxt.debugreg[2], 0x4000);
	ck_assert_uint_eq(s->ctxt.user_regs.cs, PV_FLAT_KERNEL_CS);
	machine_stop(&m);
	free(s);
}
END_TEST

static void spoil(unsigned how)
{
	struct pv_vcpu_guest_context *c = &s->ctxt;
	const uint64_t ones = ~0ull;

	switch (how) {
	case 0: c->user_regs.rip = 1ull << 47; break;
	case 1: c->event_callback_eip = ones; break;
	case 2: c->fs_base = 1ull << 63; break;
	case 3: c->gs_base_kernel = 1ull << 47; break;
	case 4: /* a component that no processor has */ memcpy(s->xsave + 512, &ones, 8); break;
	case 5: /* compacted */ memcpy(s->xsave + 520, &ones, 8); break;
	case 6: /* MXCSR */ memcpy(s->xsave + 24, &ones, 4); break;
	case 7: s->xsave_size = 8; break;
	case 8: s->xsave_size = ENGINE_XSAVE_MAX + 1; break;
	case 9: s->size = 8; break;
	}
}

START_TEST(state_that_cannot_run_is_refused)
{
	s = malloc(sizeof(*s));
	machine_start(&m, (struct machine_config){.task = TASK_COUNT});
	wait_progress();
	ck_assert_int_eq(engine_user.vcpu_get(m.e, 0, s), -PV_EBUSY);
	ck_assert_int_eq(engine_user.pause(m.e, 5000), 0);
	for (unsigned i = 0; i < 10; i++) {
		ck_assert_int_eq(engine_user.vcpu_get(m.e, 0, s), 0);
		spoil(i);
		ck_assert_int_eq(engine_user.vcpu_set(m.e, 0, s), -PV_EINVAL);
	}
	ck_assert_int_eq(engine_user.vcpu_get(m.e, 1, s), -PV_ENOENT);
	/* And nothing has changed. */
	ck_assert_int_eq(engine_user.resume(m.e), 0);
	wait_progress();
	machine_stop(&m);
	free(s);
}
END_TEST

/* Flags that guest code cannot set for itself do not come in through a state either. */
START_TEST(privileged_flags_of_a_state_are_dropped)
{
	s = malloc(sizeof(*s));
	machine_start(&m, (struct machine_config){.task = TASK_COUNT});
	wait_progress();
	ck_assert_int_eq(engine_user.pause(m.e, 5000), 0);
	ck_assert_int_eq(engine_user.vcpu_get(m.e, 0, s), 0);
	s->ctxt.user_regs.rflags |= 0x3000 | 0x4000 | 0x180000;
	ck_assert_int_eq(engine_user.vcpu_set(m.e, 0, s), 0);
	ck_assert_int_eq(engine_user.vcpu_get(m.e, 0, s), 0);
	ck_assert_uint_eq(s->ctxt.user_regs.rflags & (0x3000 | 0x4000 | 0x180000), 0);
	ck_assert_int_eq(engine_user.resume(m.e), 0);
	wait_progress();
	machine_stop(&m);
	free(s);
}
END_TEST

START_TEST(guest_maps_its_own_pages_and_no_others)
{
	machine_start(&m, (struct machine_config){.task = TASK_MAPPING, .paging = true});
	ck_assert_uint_eq(machine_run(&m), 0);
	machine_stop(&m);
}
END_TEST

START_TEST(mappings_are_made_again_in_another_engine)
{
	struct engine_mapping map[8], bad = {0x600000000000, 1};
	uint64_t gpa;
	int count;

	s = malloc(sizeof(*s));
	machine_start(&m, (struct machine_config){.task = TASK_MAPPING_KEPT, .paging = true});
	machine_wait_reports(&m, 1);
	ck_assert_int_eq(engine_user.pause(m.e, 5000), 0);
	ck_assert_int_eq(engine_user.vcpu_get(m.e, 0, s), 0);
	count = engine_user.mappings_get(m.e, map, 8);
	ck_assert_int_eq(count, 2);
	ck_assert_int_eq(engine_user.gva_to_gpa(m.e, 0, 0x40000123, 1, &gpa), 0);
	ck_assert_uint_eq(gpa, SCRATCH_GPA + 0x20123);
	ck_assert_int_eq(engine_user.gva_to_gpa(m.e, 0, VB + SCRATCH_GPA + 0x21000, 1, &gpa),
			 -PV_EFAULT);
	ck_assert_int_eq(engine_user.gva_to_gpa(m.e, 0, VB + SCRATCH_GPA + 0x21000, 0, &gpa), 0);
	ck_assert_int_eq(engine_user.gva_to_gpa(m.e, 0, VB + RAM_SIZE, 0, &gpa), -PV_EFAULT);
	ck_assert_int_eq(engine_user.gva_to_gpa(m.e, 0, VB - 1, 0, &gpa), -PV_EFAULT);
	engine_user.destroy(m.e);

	machine_attach(&m, (struct machine_config){.vcpus = 1, .paging = true}, m.ram_fd, m.ram);
	ck_assert_int_eq(engine_user.mappings_set(m.e, &bad, 1), -PV_EINVAL);
	ck_assert_int_eq(engine_user.mappings_set(m.e, map, (unsigned)count), 0);
	ck_assert_int_eq(engine_user.vcpu_set(m.e, 0, s), 0);
	ck_assert_int_eq(engine_user.resume(m.e), 0);
	m.ram[SCRATCH_GPA + 0x20000] = 2;
	ck_assert_uint_eq(machine_run(&m), 0);
	machine_stop(&m);
	free(s);
}
END_TEST

START_TEST(four_vcpus_keep_apart)
{
	if (_i)
		setenv("REFHV_ENGINE_FORCE", "noldt,nofsgsbase", 1);
	machine_start(&m, (struct machine_config){.task = TASK_SMP_BOOT, .vcpus = 4});
	ck_assert_uint_eq(machine_run(&m), 0);
	machine_stop(&m);
	unsetenv("REFHV_ENGINE_FORCE");
}
END_TEST

START_TEST(pause_stops_all_of_four_vcpus)
{
	machine_start(&m, (struct machine_config){.task = TASK_SMP_BOOT, .vcpus = 4});
	for (int i = 0; i < 100 && !machine_wait(&m, 0); i++) {
		ck_assert_int_eq(engine_user.pause(m.e, 5000), 0);
		if (!machine_wait(&m, 0))
			ck_assert_int_eq(engine_user.resume(m.e), 0);
		usleep(300);
	}
	ck_assert_uint_eq(machine_run(&m), 0);
	machine_stop(&m);
}
END_TEST

START_TEST(impossible_machines_are_refused_with_a_reason)
{
	static const struct engine_client none;
	struct engine_config c = {
		.max_vcpus = 1, .ram_size = 4096, .virt_base = VB, .client = &none};
	struct engine *e;
	char why[200] = "";

	c.max_vcpus = 0;
	ck_assert_int_eq(engine_user.create(&e, &c, why, sizeof(why)), -PV_EINVAL);
	ck_assert_ptr_eq(e, NULL);
	c.max_vcpus = ENGINE_MAX_VCPUS + 1;
	ck_assert_int_eq(engine_user.create(&e, &c, why, sizeof(why)), -PV_EINVAL);
	c.max_vcpus = 1;
	c.virt_base = 0;
	ck_assert_int_eq(engine_user.create(&e, &c, why, sizeof(why)), -PV_EINVAL);
	ck_assert_ptr_ne(strstr(why, "VIRT_BASE"), NULL);
	c.virt_base = 0xffffffff80000000;
	ck_assert_int_eq(engine_user.create(&e, &c, why, sizeof(why)), -PV_EINVAL);
	c.virt_base = 0x5ffe00000000 - 4096;
	ck_assert_int_eq(engine_user.create(&e, &c, why, sizeof(why)), -PV_EINVAL);
	engine_user.destroy(NULL);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("state");

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, pause_stops_and_resume_goes_on, 0, 3);
	tcase_add_loop_test(t, vcpu_goes_on_in_another_engine, 0, 3);
	tcase_add_test(t, state_shows_all_that_the_guest_has_set);
	tcase_add_test(t, state_that_cannot_run_is_refused);
	tcase_add_test(t, privileged_flags_of_a_state_are_dropped);
	tcase_add_test(t, guest_maps_its_own_pages_and_no_others);
	tcase_add_test(t, mappings_are_made_again_in_another_engine);
	tcase_add_loop_test(t, four_vcpus_keep_apart, 0, 2);
	tcase_add_test(t, pause_stops_all_of_four_vcpus);
	tcase_add_test(t, impossible_machines_are_refused_with_a_reason);
	return run_case("engine-state", t);
}
