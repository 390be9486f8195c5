/*
 * engine_choice: claims about which engine a domain gets, and about how a KVM's speed is measured, on machines that are made up.
 */
#include <fcntl.h>
#include <pv/abi/errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "domain/engine_choice.h"
#include "launch/launch.h"
#include "run.h"

/* A machine, whose clock only its virtual CPU moves. */
static struct machine {
	uint64_t now, exit_ns, round_ns, wake_ns;
	uint64_t hiccup_ns; /* on top of every third run */
	int broken;	    /* runs fail from this one on; 0: never */
	unsigned runs, measured, woken;
} m;

static uint64_t model_now(void *ctx)
{
	return m.now;
}

static int model_run(void *ctx, uint32_t rounds, uint64_t until)
{
	uint64_t ns = m.exit_ns + rounds * m.round_ns;

	m.runs++;
	if (m.broken && m.runs >= (unsigned)m.broken)
		return -PV_EIO;
	if (m.runs % 3 == 1)
		ns += m.hiccup_ns;
	/* The first pays for page faults. */
	if (m.runs == 1)
		ns *= 10;
	if (m.now + ns > until) {
		m.now = until;
		return -PV_EIO;
	}
	m.now += ns;
	return 0;
}

static const struct kvm_trial trial = {.now = model_now, .run = model_run};

static int meter_kvm(void *ctx, struct kvm_speed *s)
{
	m.measured++;
	return kvm_speed_measure(&trial, s);
}

static uint64_t meter_handover(void *ctx)
{
	m.woken++;
	return m.wake_ns;
}

static const struct choice_meter meter = {.kvm = meter_kvm, .handover = meter_handover};
static struct choice_facts f;
static struct choice c;

static void setup(void)
{
	/* A round is two instructions. */
	m = (struct machine){.now = 7, .exit_ns = 1500, .round_ns = 1, .wake_ns = 8000};
	f = (struct choice_facts){
		.pv = true, .pvh = true, .user = "", .kvm = "", .cpus = 4, .meter = &meter};
}

static void expect(enum choice_verdict verdict, unsigned measured, const char *why)
{
	m.measured = m.runs = m.woken = 0;
	engine_choose(&f, &c);
	ck_assert_int_eq(c.verdict, verdict);
	ck_assert_uint_eq(m.measured, measured);
	ck_assert_msg(strstr(c.why, why), "%s", c.why);
	ck_assert_ptr_null(strchr(c.why, '\n'));
}

START_TEST(image_for_pv_alone_gets_the_user_engine_and_no_measuring)
{
	f.pvh = false;
	for (f.cpus = 1; f.cpus < 3; f.cpus++) {
		expect(CHOICE_USER, 0, "paravirtual");
		f.kvm = "there is none";
	}
	f.user = "no";
	expect(CHOICE_NO_USER, 0, "");
	f.type = CONFIG_TYPE_PVH;
	expect(CHOICE_NO_PVH, 0, "");
}
END_TEST

START_TEST(image_for_pvh_alone_gets_the_kvm_engine)
{
	f.pv = false;
	expect(CHOICE_KVM, 1, "needs a virtual CPU");
	ck_assert(!c.slow);
	ck_assert_ptr_null(strstr(c.why, "emulator"));
	f.user = "no";
	expect(CHOICE_KVM, 1, "needs a virtual CPU");
	f.kvm = "there is none";
	expect(CHOICE_NO_KVM, 0, "");
	f.type = CONFIG_TYPE_PV;
	expect(CHOICE_NO_PV, 0, "");
}
END_TEST

START_TEST(an_emulated_kvm_is_said_with_its_speed)
{
	f.pv = false;
	m.round_ns = 1000;
	m.exit_ns = 20000;
	expect(CHOICE_KVM, 1, "emulator in software: 2.0 million instructions a second");
	ck_assert(c.slow);
	f.want = CONFIG_ENGINE_KVM;
	expect(CHOICE_KVM, 1, "the configuration says so; this /dev/kvm is an emulator");
	ck_assert(c.slow);
}
END_TEST

START_TEST(image_for_both_gets_the_user_engine_where_there_are_several_cpus)
{
	expect(CHOICE_USER, 0, "both ways");
	f.kvm = "there is no /dev/kvm: the module is not loaded";
	expect(CHOICE_USER, 0, "the module is not loaded");
}
END_TEST

START_TEST(image_for_both_gets_what_costs_less_on_one_cpu)
{
	f.cpus = 1;
	expect(CHOICE_KVM, 1, "(1.5 us) costs less than waking the domain process (8.0 us)");
	ck_assert(!c.slow);
	ck_assert_uint_eq(m.woken, 1);
	/* As in a machine whose virtualization is nested in an emulator. */
	m.exit_ns = 56000;
	expect(CHOICE_USER, 1, "(56.0 us) costs no less than waking the domain process (8.0 us)");
	/* Unknown: nothing says that the other is better. */
	m.wake_ns = 0;
	expect(CHOICE_USER, 1, "no less");
	/* An emulated /dev/kvm loses, however long a wakeup takes. */
	m.round_ns = 1000;
	m.wake_ns = 1u << 30;
	expect(CHOICE_USER, 1, "emulator in software");
	ck_assert(!c.slow);
	ck_assert_uint_eq(m.woken, 0);
	m.broken = 1;
	expect(CHOICE_USER, 1, "runs no virtual CPU");
}
END_TEST

START_TEST(image_for_both_gets_the_engine_that_can_run_here)
{
	f.user = "no futex";
	expect(CHOICE_KVM, 1, "cannot run here: no futex");
	f.kvm = "no kvm";
	expect(CHOICE_NO_USER, 0, "");
	f.user = "";
	f.only_kvm = "large pages";
	expect(CHOICE_USER, 0, "no kvm");
	f.kvm = "";
	expect(CHOICE_KVM, 1, "both ways; large pages");
}
END_TEST

START_TEST(what_the_configuration_says_is_done)
{
	f.cpus = 1;
	f.want = CONFIG_ENGINE_USER;
	expect(CHOICE_USER, 0, "the configuration says so");
	f.user = "no";
	expect(CHOICE_NO_USER, 0, "");
	f.pv = false;
	expect(CHOICE_NO_PV, 0, "");
	setup();
	f.want = CONFIG_ENGINE_KVM;
	expect(CHOICE_KVM, 1, "the configuration says so");
	f.kvm = "none";
	expect(CHOICE_NO_KVM, 0, "");
	f.pvh = false;
	expect(CHOICE_NO_PVH, 0, "");
	setup();
	f.type = CONFIG_TYPE_PVH;
	expect(CHOICE_KVM, 1, "type is pvh");
	f.type = CONFIG_TYPE_PV;
	expect(CHOICE_USER, 0, "type is pv");
}
END_TEST

START_TEST(image_for_neither_is_no_pv_image)
{
	f.pv = f.pvh = false;
	expect(CHOICE_NO_PV, 0, "");
	f.type = CONFIG_TYPE_PVH;
	expect(CHOICE_NO_PVH, 0, "");
}
END_TEST

START_TEST(speed_is_the_median_of_trials)
{
	struct kvm_speed s;

	m.hiccup_ns = 3000000;
	ck_assert_int_eq(kvm_speed_measure(&trial, &s), 0);
	ck_assert_uint_eq(s.exit_ns, 1500);
	ck_assert(s.rate > 1.99e9 && s.rate < 2.01e9);
	ck_assert(!kvm_speed_interpreted(&s));
}
END_TEST

START_TEST(measuring_ends_when_its_time_is_up)
{
	struct kvm_speed s;
	uint64_t start = m.now;

	/* Two trials fit. */
	m.round_ns = 4000;
	m.exit_ns = 100000;
	ck_assert_int_eq(kvm_speed_measure(&trial, &s), 0);
	ck_assert(m.now - start <= KVM_SPEED_BUDGET_NS);
	ck_assert(kvm_speed_interpreted(&s));
	ck_assert(s.rate > 0.49e6 && s.rate < 0.51e6);
	/* Not one does. */
	start = m.now;
	m.round_ns = 1000000;
	ck_assert_int_eq(kvm_speed_measure(&trial, &s), -PV_ETIMEDOUT);
	ck_assert(m.now - start <= KVM_SPEED_BUDGET_NS);
}
END_TEST

START_TEST(virtual_cpu_that_fails_is_no_measure)
{
	struct kvm_speed s;

	m.broken = 1;
	ck_assert_int_eq(kvm_speed_measure(&trial, &s), -PV_EIO);
	m.runs = 0;
	m.broken = 3;
	ck_assert_int_eq(kvm_speed_measure(&trial, &s), -PV_EIO);
	/* What was measured before counts. */
	m.runs = 0;
	m.broken = 6;
	ck_assert_int_eq(kvm_speed_measure(&trial, &s), 0);
	ck_assert_uint_eq(s.exit_ns, 1500);
}
END_TEST

START_TEST(a_clock_that_stands_still_is_no_division_by_zero)
{
	struct kvm_speed s;

	m.exit_ns = m.round_ns = 0;
	ck_assert_int_eq(kvm_speed_measure(&trial, &s), 0);
	ck_assert(s.exit_ns && s.rate > 0);
}
END_TEST

START_TEST(median_is_in_the_middle_of_any_order)
{
	uint64_t one[] = {5}, two[] = {9, 1}, five[] = {7, 7, 1, 900, 3};

	ck_assert_uint_eq(kvm_speed_median(one, 1), 5);
	ck_assert_uint_eq(kvm_speed_median(two, 2), 9);
	ck_assert_uint_eq(kvm_speed_median(five, 5), 7);
}
END_TEST

static char top[] = "/tmp/kvm-speed.XXXXXX";

static void put(int dir, const char *text)
{
	int fd = openat(dir, ".kvm-speed", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	ck_assert(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

START_TEST(what_was_measured_counts_until_the_next_boot)
{
	struct kvm_speed s = {1234, 5e9}, t;
	char text[128], other[128];
	ssize_t n;
	int dir, fd;

	ck_assert_ptr_nonnull(mkdtemp(top));
	dir = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert(!launch_kvm_speed_load(dir, &t));
	launch_kvm_speed_store(dir, &s);
	ck_assert(launch_kvm_speed_load(dir, &t));
	ck_assert_uint_eq(t.exit_ns, 1234);
	ck_assert(t.rate > 4.99e9 && t.rate < 5.01e9);
	fd = openat(dir, ".kvm-speed", O_RDONLY | O_CLOEXEC);
	n = read(fd, text, sizeof(text) - 1);
	ck_assert_int_gt(n, 40);
	text[n] = 0;
	close(fd);
	/* Another boot; damaged; out of all bounds. */
	strcpy(other, text);
	other[0] = other[0] == '0' ? '1' : '0';
	put(dir, other);
	ck_assert(!launch_kvm_speed_load(dir, &t));
	for (ssize_t i = 0; i < 38; i++) {
		memcpy(other, text, (size_t)i);
		other[i] = 0;
		put(dir, other);
		ck_assert(!launch_kvm_speed_load(dir, &t));
	}
	strcpy(other, text);
	strcpy(other + 36, " 0 1\n");
	put(dir, other);
	ck_assert(!launch_kvm_speed_load(dir, &t));
	strcpy(other + 36, " 99999999999 5\n");
	put(dir, other);
	ck_assert(!launch_kvm_speed_load(dir, &t));
	/* What nobody can have measured is not kept. */
	put(dir, text);
	launch_kvm_speed_store(dir, &(struct kvm_speed){0, 1});
	launch_kvm_speed_store(dir, &(struct kvm_speed){1, -1});
	ck_assert(launch_kvm_speed_load(dir, &t));
	ck_assert_uint_eq(t.exit_ns, 1234);
	unlinkat(dir, ".kvm-speed", 0);
	close(dir);
	rmdir(top);
}
END_TEST

START_TEST(handing_over_takes_time_and_ends)
{
	ck_assert(handover_measure() > 0);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("engine-choice");

	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_test(t, image_for_pv_alone_gets_the_user_engine_and_no_measuring);
	tcase_add_test(t, image_for_pvh_alone_gets_the_kvm_engine);
	tcase_add_test(t, an_emulated_kvm_is_said_with_its_speed);
	tcase_add_test(t, image_for_both_gets_the_user_engine_where_there_are_several_cpus);
	tcase_add_test(t, image_for_both_gets_what_costs_less_on_one_cpu);
	tcase_add_test(t, image_for_both_gets_the_engine_that_can_run_here);
	tcase_add_test(t, what_the_configuration_says_is_done);
	tcase_add_test(t, image_for_neither_is_no_pv_image);
	tcase_add_test(t, speed_is_the_median_of_trials);
	tcase_add_test(t, measuring_ends_when_its_time_is_up);
	tcase_add_test(t, virtual_cpu_that_fails_is_no_measure);
	tcase_add_test(t, a_clock_that_stands_still_is_no_division_by_zero);
	tcase_add_test(t, median_is_in_the_middle_of_any_order);
	tcase_add_test(t, what_was_measured_counts_until_the_next_boot);
	tcase_add_test(t, handing_over_takes_time_and_ends);
	return run_case("engine-choice", t);
}
