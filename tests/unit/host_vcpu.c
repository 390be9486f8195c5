/*
 * Claims about vCPUs on the host side, over the memory-only VMM: life cycle, vcpu_info, time,
 * timers and runstate.
 */
#include "fake_vmm.h"

#include <stddef.h>
#include <string.h>

#include <pv/abi/sched.h>
#include <pv/abi/vcpu.h>
#if defined(__x86_64__)
#include <pv/abi/hvm/hvm_vcpu.h>
#endif
#include "run.h"

#define INFO_GFN (FAKE_DATA + 3)

static struct fake_vmm f;

static int64_t vcpu_op(unsigned cmd, uint32_t vcpu, const void *arg, size_t size)
{
	memcpy(fake_page(&f, FAKE_ARGS), arg, size);
	return fake_hypercall(&f, 0, PV_HYPERVISOR_vcpu_op, cmd, vcpu, fake_gva(FAKE_ARGS), 0);
}

static int64_t simple(unsigned cmd, uint32_t vcpu)
{
	return fake_hypercall(&f, 0, PV_HYPERVISOR_vcpu_op, cmd, vcpu, fake_gva(FAKE_ARGS), 0);
}

static int64_t register_info(uint32_t vcpu, uint64_t gfn, uint32_t offset)
{
	struct pv_vcpu_register_vcpu_info r = {gfn, offset, 0};

	return vcpu_op(PV_VCPUOP_register_vcpu_info, vcpu, &r, sizeof(r));
}

START_TEST(every_operation_refuses_vcpus_that_do_not_exist)
{
	static const uint32_t bad[] = {2, 127, 128, 1u << 31, UINT32_MAX};
	unsigned i, op;

	fake_open(&f, PV_DOMAIN_PV, 2, true);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		for (op = 0; op <= 16; op++)
			ck_assert_int_eq(simple(op, bad[i]), -PV_ENOENT);
	ck_assert_int_eq(simple(16, 1), -PV_ENOSYS);
	ck_assert_int_eq(simple(PV_VCPUOP_get_physid, 1), -PV_EINVAL);
	fake_close(&f);
}
END_TEST

#if defined(__x86_64__)
START_TEST(vcpu_is_initialised_once_then_goes_up_and_down)
{
	fake_open(&f, PV_DOMAIN_PV, 2, true);
	ck_assert_int_eq(simple(PV_VCPUOP_is_up, 0), 1);
	ck_assert_int_eq(simple(PV_VCPUOP_is_up, 1), 0);
	ck_assert_int_eq(simple(PV_VCPUOP_up, 1), -PV_EINVAL);
	f.vcpu_rc = -PV_EINVAL;
	ck_assert_int_eq(simple(PV_VCPUOP_initialise, 1), -PV_EINVAL);
	f.vcpu_rc = 0;
	ck_assert_int_eq(simple(PV_VCPUOP_initialise, 1), 0);
	ck_assert_int_eq(simple(PV_VCPUOP_initialise, 1), -PV_EEXIST);
	ck_assert_int_eq(simple(PV_VCPUOP_initialise, 0), -PV_EEXIST);
	f.vcpu_rc = -PV_ENOMEM;
	ck_assert_int_eq(simple(PV_VCPUOP_up, 1), -PV_ENOMEM);
	ck_assert_int_eq(simple(PV_VCPUOP_is_up, 1), 0);
	f.vcpu_rc = 0;
	f.ups = 0;
	ck_assert_int_eq(simple(PV_VCPUOP_up, 1), 0);
	ck_assert_int_eq(simple(PV_VCPUOP_up, 1), 0);
	ck_assert_uint_eq(f.ups, 1);
	ck_assert_int_eq(simple(PV_VCPUOP_is_up, 1), 1);
	ck_assert_int_eq(simple(PV_VCPUOP_down, 1), 0);
	ck_assert_int_eq(simple(PV_VCPUOP_down, 1), 0);
	ck_assert_uint_eq(f.downs, 1);
	ck_assert_int_eq(pv_domain_vcpu_is_up(f.d, 1), 0);
	fake_close(&f);
}
END_TEST

START_TEST(unreadable_context_initialises_nothing)
{
	fake_open(&f, PV_DOMAIN_PV, 2, true);
	f.map_fail_gfn = FAKE_ARGS + 1; /* the context is longer than a page */
	ck_assert_int_eq(simple(PV_VCPUOP_initialise, 1), -PV_EFAULT);
	ck_assert_uint_eq(f.initialised, 0);
	f.map_fail_gfn = UINT64_MAX;
	f.alloc_left = 0;
	ck_assert_int_eq(simple(PV_VCPUOP_initialise, 1), -PV_ENOMEM);
	f.alloc_left = -1;
	ck_assert_int_eq(simple(PV_VCPUOP_initialise, 1), 0);
	fake_close(&f);
}
END_TEST
#endif

START_TEST(last_vcpu_down_powers_off)
{
	fake_open(&f, PV_DOMAIN_PV, 2, true);
	simple(PV_VCPUOP_down, 0);
	ck_assert_int_eq(f.shutdown_reason, PV_SHUTDOWN_poweroff);
	fake_close(&f);
}
END_TEST

START_TEST(vcpu_info_moves_with_its_contents_and_one_spurious_event)
{
	struct pv_vcpu_info *vi;

	fake_open(&f, PV_DOMAIN_PV, 2, true);
	fake_shared(&f)->vcpu_info[0].evtchn_pending_sel = 4;
	ck_assert_int_eq(register_info(0, INFO_GFN, 64), 0);
	vi = (void *)((char *)fake_page(&f, INFO_GFN) + 64);
	ck_assert_uint_eq(vi->evtchn_upcall_pending, 1);
	ck_assert_uint_eq(vi->evtchn_pending_sel, UINT64_MAX);
	ck_assert_uint_eq(f.kicks[0], 1);
	ck_assert_uint_eq(f.vcpu_info[0], INFO_GFN * 4096 + 64);
	ck_assert_uint_eq(pv_domain_vcpu_info_gpa(f.d, 0), INFO_GFN * 4096 + 64);
	ck_assert_int_eq(register_info(0, INFO_GFN, 256), -PV_EINVAL); /* once */
	memset(fake_shared(&f)->evtchn_mask, 0, 512);
	vi->evtchn_upcall_pending = 0;
	vi->evtchn_pending_sel = 0;
	fake_port_op(&f, PV_EVTCHNOP_send, (uint32_t)fake_ipi(&f, 0));
	ck_assert_uint_eq(vi->evtchn_upcall_pending, 1);
	ck_assert_uint_eq(fake_shared(&f)->vcpu_info[0].evtchn_upcall_pending, 0);
	fake_close(&f);
}
END_TEST

START_TEST(vcpu_info_goes_only_where_it_may)
{
	uint32_t size = sizeof(struct pv_vcpu_info);

	fake_open(&f, PV_DOMAIN_PV, 2, true);
	fake_grants(&f);
	ck_assert_int_eq(register_info(0, INFO_GFN, 4096 - size + 8), -PV_ENXIO);
	ck_assert_int_eq(register_info(0, INFO_GFN, UINT32_MAX), -PV_ENXIO);
	ck_assert_int_eq(register_info(0, INFO_GFN, 4), -PV_ENXIO);
	ck_assert_int_eq(register_info(0, FAKE_PAGES, 0), -PV_EINVAL);
	ck_assert_int_eq(register_info(0, UINT64_MAX, 0), -PV_EINVAL);
	ck_assert_int_eq(register_info(0, FAKE_SHARED, 0), -PV_EINVAL);
	ck_assert_int_eq(register_info(0, FAKE_GRANTS, 0), -PV_EINVAL);
	pv_domain_vcpu_set_up(f.d, 1, 1);
	ck_assert_int_eq(register_info(1, INFO_GFN, 0), -PV_EINVAL); /* somebody else's, running */
	pv_domain_vcpu_set_up(f.d, 1, 0);
	ck_assert_int_eq(register_info(1, INFO_GFN, 4096 - size), 0);
	fake_close(&f);
}
END_TEST

START_TEST(vcpu_beyond_shared_info_gets_its_events_after_registering)
{
	struct pv_vcpu_info *vi = NULL;
	uint32_t port;

	fake_open(&f, PV_DOMAIN_PV, PV_MAX_VCPUS, true);
	memset(fake_shared(&f)->evtchn_mask, 0, 512);
	port = (uint32_t)fake_ipi(&f, 127);
	ck_assert(pv_domain_vcpu_info_gpa(f.d, 127) == PV_STATE_NO_GPA);
	ck_assert_int_eq(fake_port_op(&f, PV_EVTCHNOP_send, port), 0);
	ck_assert(fake_pending(&f, port));
	ck_assert_uint_eq(f.kicks[127], 0);
	ck_assert_int_eq(register_info(127, INFO_GFN, 0), 0);
	vi = fake_page(&f, INFO_GFN);
	ck_assert_uint_eq(vi->evtchn_upcall_pending, 1);
	ck_assert_uint_eq(vi->evtchn_pending_sel, UINT64_MAX);
	ck_assert_uint_eq(f.kicks[127], 1);
	fake_close(&f);
}
END_TEST

START_TEST(clock_is_written_under_an_even_version_that_grows)
{
	struct pv_clock c = {.tsc_timestamp = 5, .system_time = 7, .tsc_to_system_mul = 9};
	struct pv_vcpu_register_time_memory_area area = {.addr.h = fake_gva(FAKE_DATA + 1) - 16};
	struct pv_vcpu_time_info *t, second;
	unsigned id =
		PV_XEN_LEGACY_MAX_VCPUS > 1; /* the last that shared_info has room for, or 1 */

	fake_open(&f, PV_DOMAIN_PV, 2, true);
	t = &fake_shared(&f)->vcpu_info[id].time;
	ck_assert_int_eq(pv_domain_set_clock(f.d, &c), 0);
	ck_assert_uint_eq(t->version, 2);
	ck_assert_uint_eq(t->tsc_timestamp, 5);
	ck_assert_int_eq(vcpu_op(PV_VCPUOP_register_vcpu_time_memory_area, id, &area, sizeof(area)),
			 0);
	c.system_time = 8;
	t->version = 0x12345677; /* the guest scribbles: the host does not read it back */
	ck_assert_int_eq(pv_domain_set_clock(f.d, &c), 0);
	ck_assert_uint_eq(t->version, 6);
	ck_assert_uint_eq(t->system_time, 8);
	memcpy(&second, (char *)fake_page(&f, FAKE_DATA + 1) - 16, sizeof(second));
	ck_assert_uint_eq(second.version, 6);
	ck_assert_uint_eq(second.system_time, 8);
	area.addr.h = 12; /* nothing there yet: the guest's affair */
	ck_assert_int_eq(vcpu_op(PV_VCPUOP_register_vcpu_time_memory_area, id, &area, sizeof(area)),
			 0);
	area.addr.h = UINT64_MAX - 8; /* no range at all */
	ck_assert_int_eq(vcpu_op(PV_VCPUOP_register_vcpu_time_memory_area, id, &area, sizeof(area)),
			 -PV_EFAULT);
	c.tsc_to_system_mul = 0;
	ck_assert_int_eq(pv_domain_set_clock(f.d, &c), -PV_EINVAL);
	fake_close(&f);
}
END_TEST

START_TEST(wall_clock_is_written_and_normalised)
{
	fake_open(&f, PV_DOMAIN_PV, 1, true);
	pv_domain_set_wallclock(f.d, (1ull << 33) + 5, 1500000000u);
	ck_assert_uint_eq(fake_shared(&f)->wc_sec, 6);
	ck_assert_uint_eq(fake_shared(&f)->wc_sec_hi, 2);
	ck_assert_uint_eq(fake_shared(&f)->wc_nsec, 500000000);
	ck_assert_uint_eq(fake_shared(&f)->wc_version % 2, 0);
	ck_assert_uint_ge(fake_shared(&f)->wc_version, 2);
	fake_close(&f);
}
END_TEST

static int64_t oneshot(uint64_t ns, uint32_t flags)
{
	struct pv_vcpu_set_singleshot_timer s = {ns, flags};

	return vcpu_op(PV_VCPUOP_set_singleshot_timer, 0, &s, sizeof(s));
}

START_TEST(oneshot_timer_fires_once)
{
	uint32_t port;

	fake_open(&f, PV_DOMAIN_PV, 2, true);
	port = (uint32_t)fake_virq(&f, PV_VIRQ_TIMER, 0);
	ck_assert_int_eq(oneshot(f.now + 100, 0), 0);
	ck_assert_uint_eq(f.timer[0], f.now + 100);
	pv_domain_timer_fired(f.d, 0); /* early: no harm, still armed */
	ck_assert(!fake_pending(&f, port));
	ck_assert_uint_eq(f.timer[0], f.now + 100);
	f.now += 100;
	pv_domain_timer_fired(f.d, 0);
	ck_assert(fake_pending(&f, port));
	fake_clear(&f, port);
	pv_domain_timer_fired(f.d, 0);
	pv_domain_timer_fired(f.d, 99);
	ck_assert(!fake_pending(&f, port));
	ck_assert_int_eq(oneshot(f.now - 1, PV_VCPU_SSHOTTMR_future), 0);
	ck_assert_int_eq(oneshot(f.now - 1, 0), 0);
	ck_assert_int_eq(oneshot(UINT64_MAX, 0), 0);
	ck_assert_int_eq(simple(PV_VCPUOP_stop_singleshot_timer, 0), 0);
	ck_assert_uint_eq(f.timer[0], 0);
	ck_assert_int_eq(simple(PV_VCPUOP_set_singleshot_timer, 1), -PV_EINVAL);
	ck_assert_int_eq(fake_hypercall(&f, 0, PV_HYPERVISOR_set_timer_op, 77, 0, 0, 0), 0);
	ck_assert_uint_eq(f.timer[0], 77);
	ck_assert_int_eq(fake_hypercall(&f, 0, PV_HYPERVISOR_set_timer_op, 0, 0, 0, 0), 0);
	ck_assert_uint_eq(f.timer[0], 0);
	fake_close(&f);
}
END_TEST

START_TEST(periodic_timer_keeps_its_phase_over_missed_ticks)
{
	struct pv_vcpu_set_periodic_timer p = {10000000};
	uint64_t start;
	uint32_t port;

	fake_open(&f, PV_DOMAIN_PV, 1, true);
	start = f.now;
	port = (uint32_t)fake_virq(&f, PV_VIRQ_TIMER, 0);
	ck_assert_int_eq(vcpu_op(PV_VCPUOP_set_periodic_timer, 0, &p, sizeof(p)), 0);
	ck_assert_uint_eq(f.timer[0], start + 10000000);
	f.now = start + 10000000 * 1000ull + 3;
	pv_domain_timer_fired(f.d, 0);
	ck_assert(fake_pending(&f, port));
	ck_assert_uint_eq(f.timer[0], start + 10000000 * 1001ull);
	p.period_ns = 999999;
	ck_assert_int_eq(vcpu_op(PV_VCPUOP_set_periodic_timer, 0, &p, sizeof(p)), -PV_EINVAL);
	p.period_ns = UINT64_MAX;
	ck_assert_int_eq(vcpu_op(PV_VCPUOP_set_periodic_timer, 0, &p, sizeof(p)), -PV_EINVAL);
	ck_assert_int_eq(simple(PV_VCPUOP_stop_periodic_timer, 0), 0);
	ck_assert_uint_eq(f.timer[0], 0);
	fake_close(&f);
}
END_TEST

static int64_t watchdog(uint32_t id, uint32_t seconds)
{
	struct pv_sched_watchdog w = {id, seconds};

	return fake_op(&f, PV_HYPERVISOR_sched_op, PV_SCHEDOP_watchdog, &w, sizeof(w));
}

START_TEST(watchdog_barks_unless_petted)
{
	fake_open(&f, PV_DOMAIN_PV, 1, true);
	ck_assert_int_eq(watchdog(1, 5), -PV_EINVAL);
	ck_assert_int_eq(watchdog(3, 5), -PV_EINVAL);
	ck_assert_int_eq(watchdog(0, 5), 1);
	ck_assert_int_eq(watchdog(0, 9), 2);
	ck_assert_int_eq(watchdog(0, 9), -PV_ENOSPC);
	f.now += 4000000000;
	ck_assert_int_eq(watchdog(1, 5), 0);
	f.now += 4000000000;
	pv_domain_timer_fired(f.d, 0);
	ck_assert_int_eq(f.shutdown_reason, -1);
	ck_assert_int_eq(watchdog(1, 0), 0);
	f.now += 1000000000;
	pv_domain_timer_fired(f.d, 0);
	ck_assert_int_eq(f.shutdown_reason, PV_SHUTDOWN_watchdog);
	fake_close(&f);
}
END_TEST

START_TEST(runstate_adds_up_and_pads_with_zeros)
{
	struct pv_vcpu_register_runstate_memory_area area = {.addr.h =
								     fake_gva(FAKE_DATA + 1) - 20};
	struct pv_vcpu_runstate_info r;
	uint64_t start;

	fake_open(&f, PV_DOMAIN_PV, 1, true);
	start = f.now;
	ck_assert_int_eq(vcpu_op(PV_VCPUOP_register_runstate_memory_area, 0, &area, sizeof(area)),
			 0);
	fake_hypercall(&f, 0, PV_HYPERVISOR_vm_assist, PV_VMASST_CMD_enable,
		       PV_VMASST_TYPE_runstate_update_flag, 0, 0);
	f.now += 30;
	pv_domain_runstate(f.d, 0, PV_RUNSTATE_blocked);
	f.now += 12;
	pv_domain_runstate(f.d, 0, PV_RUNSTATE_running);
	memcpy(&r, (char *)fake_page(&f, FAKE_DATA + 1) - 20, sizeof(r));
	ck_assert_int_eq(r.state, PV_RUNSTATE_running);
	ck_assert_uint_eq(r.state_entry_time, start + 42);
	ck_assert_uint_eq(r.time[PV_RUNSTATE_running], 30);
	ck_assert_uint_eq(r.time[PV_RUNSTATE_blocked], 12);
	f.now += 5;
	memset(fake_page(&f, FAKE_ARGS), 0x5a, sizeof(r));
	ck_assert_int_eq(simple(PV_VCPUOP_get_runstate_info, 0), 0);
	memcpy(&r, fake_page(&f, FAKE_ARGS), sizeof(r));
	ck_assert_uint_eq(r.time[PV_RUNSTATE_running], 35);
	ck_assert_uint_eq(((uint32_t *)fake_page(&f, FAKE_ARGS))[1], 0);
	fake_close(&f);
}
END_TEST

START_TEST(areas_may_lie_at_physical_addresses)
{
	struct pv_vcpu_register_runstate_memory_area area = {.addr.p = FAKE_DATA * 4096 + 64};
	struct pv_clock c = {.tsc_to_system_mul = 1u << 31, .system_time = 7};
	struct pv_vcpu_time_info *t;
	struct pv_vcpu_runstate_info *r;
	static const uint64_t bad[] = {FAKE_DATA * 4096 + 4096 - 24, FAKE_DATA * 4096 + 4,
				       FAKE_PAGES * 4096, 1ull << 60, UINT64_MAX - 7};
	unsigned op, i;

	fake_open(&f, PV_DOMAIN_PVH, 2, true);
	r = (void *)((char *)fake_page(&f, FAKE_DATA) + 64);
	t = fake_page(&f, FAKE_DATA + 1);
	ck_assert_int_eq(pv_domain_set_clock(f.d, &c), 0);
	ck_assert_int_eq(vcpu_op(PV_VCPUOP_register_runstate_phys_area, 0, &area, sizeof(area)), 0);
	ck_assert_int_eq(r->state, PV_RUNSTATE_running);
	f.now += 100;
	pv_domain_runstate(f.d, 0, PV_RUNSTATE_blocked);
	ck_assert_int_eq(r->state, PV_RUNSTATE_blocked);
	ck_assert_uint_eq(r->time[PV_RUNSTATE_running], 100);
	area.addr.p = (FAKE_DATA + 1) * 4096;
	ck_assert_int_eq(vcpu_op(PV_VCPUOP_register_vcpu_time_phys_area, 1, &area, sizeof(area)),
			 0);
	ck_assert_uint_eq(t->system_time, 7);
	ck_assert_uint_eq(t->version % 2, 0);
	area.addr.p = UINT64_MAX; /* no more */
	ck_assert_int_eq(vcpu_op(PV_VCPUOP_register_runstate_phys_area, 0, &area, sizeof(area)), 0);
	pv_domain_runstate(f.d, 0, PV_RUNSTATE_running);
	ck_assert_int_eq(r->state, PV_RUNSTATE_blocked);
	for (op = PV_VCPUOP_register_runstate_phys_area;
	     op <= PV_VCPUOP_register_vcpu_time_phys_area; op++)
		for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
			area.addr.p = bad[i];
			ck_assert_int_lt(vcpu_op(op, 0, &area, sizeof(area)), 0);
		}
	fake_close(&f);
}
END_TEST

START_TEST(nmi_reaches_the_vmm_and_takes_no_argument)
{
	fake_open(&f, PV_DOMAIN_PVH, 2, true);
	ck_assert_int_eq(simple(PV_VCPUOP_send_nmi, 1), -PV_EINVAL);
	ck_assert_int_eq(fake_hypercall(&f, 0, PV_HYPERVISOR_vcpu_op, PV_VCPUOP_send_nmi, 1, 0, 0),
			 0);
	ck_assert_uint_eq(f.nmis, 1);
	fake_close(&f);
}
END_TEST

#if defined(__x86_64__) /* Arm starts its vCPUs by other means */
/* vCPUs 32 and up have no event words in shared_info: first they register some. */
START_TEST(vcpu_beyond_shared_info_starts_after_registering)
{
	fake_open(&f, PV_DOMAIN_PV, PV_MAX_VCPUS, true);
	ck_assert_int_eq(simple(PV_VCPUOP_initialise, 31), 0);
	ck_assert_int_eq(simple(PV_VCPUOP_initialise, 32), -PV_EINVAL);
	ck_assert_int_eq(simple(PV_VCPUOP_up, 32), -PV_EINVAL);
	ck_assert_int_eq(register_info(32, FAKE_DATA, 0), 0);
	ck_assert_int_eq(simple(PV_VCPUOP_initialise, 32), 0);
	ck_assert_int_eq(simple(PV_VCPUOP_up, 32), 0);
	ck_assert_int_eq(register_info(127, FAKE_DATA, 64), 0);
	ck_assert_int_eq(simple(PV_VCPUOP_initialise, 127), 0);
	ck_assert_int_eq(simple(PV_VCPUOP_initialise, 128), -PV_ENOENT);
	ck_assert_uint_eq(f.vcpu_info[127], FAKE_DATA * 4096 + 64);
	fake_close(&f);
}
END_TEST
#endif

START_TEST(timeout_of_weeks_or_wrapped_is_looked_at_soon)
{
	fake_open(&f, PV_DOMAIN_PVH, 1, true);
	fake_hypercall(&f, 0, PV_HYPERVISOR_set_timer_op, f.now + 5000, 0, 0, 0);
	ck_assert_uint_eq(f.timer[0], f.now + 5000);
	fake_hypercall(&f, 0, PV_HYPERVISOR_set_timer_op, f.now + (1ull << 50), 0, 0, 0);
	ck_assert_uint_eq(f.timer[0], f.now + 100000000);
	fake_hypercall(&f, 0, PV_HYPERVISOR_set_timer_op, UINT64_MAX, 0, 0, 0);
	ck_assert_uint_eq(f.timer[0], f.now + 100000000);
	fake_hypercall(&f, 0, PV_HYPERVISOR_set_timer_op, 0, 0, 0, 0);
	ck_assert_uint_eq(f.timer[0], 0);
	fake_close(&f);
}
END_TEST

#if defined(__x86_64__)
/* A context that Xen takes: flat, 32-bit, protected mode. */
static struct pv_vcpu_hvm_context context32(void)
{
	struct pv_vcpu_hvm_context c = {.mode = PV_VCPU_HVM_MODE_32B,
					.cpu_regs.x86_32 = {.eip = 0x100000,
							    .cr0 = 1,
							    .cs_limit = 0xfffff,
							    .ds_limit = 0xfffff,
							    .ss_limit = 0xfffff,
							    .es_limit = 0xfffff,
							    .tr_limit = 0x67,
							    .cs_ar = 0xc9b,
							    .ds_ar = 0xc93,
							    .ss_ar = 0xc93,
							    .es_ar = 0xc93,
							    .tr_ar = 0x8b}};

	return c;
}

static struct pv_vcpu_hvm_context context64(void)
{
	struct pv_vcpu_hvm_context c = {
		.mode = PV_VCPU_HVM_MODE_64B,
		.cpu_regs.x86_64 = {
			.rip = 0xffffffff81000000, .cr0 = 0x80000001, .cr4 = 0x20, .efer = 0x500}};

	return c;
}

START_TEST(pvh_context_is_one_that_a_processor_could_be_in)
{
	struct pv_vcpu_hvm_context c;

#define BAD(make, field, value)                                                              \
	do {                                                                                 \
		c = make();                                                                  \
		c.field = (value);                                                           \
		ck_assert_msg(vcpu_op(PV_VCPUOP_initialise, 1, &c, sizeof(c)) == -PV_EINVAL, \
			      #field " = " #value);                                          \
	} while (0)
	fake_open(&f, PV_DOMAIN_PVH, 4, true);
	BAD(context32, mode, 2);
	BAD(context32, mode, UINT32_MAX);
	BAD(context32, pad, 1);
	BAD(context32, cpu_regs.x86_32.pad1, 1);
	BAD(context32, cpu_regs.x86_32.pad2[2], 1);
	BAD(context32, cpu_regs.x86_32.cs_ar, 0);
	BAD(context32, cpu_regs.x86_32.cs_ar, 0xc93);  /* data */
	BAD(context32, cpu_regs.x86_32.cs_ar, 0xc1b);  /* not present */
	BAD(context32, cpu_regs.x86_32.cs_ar, 0xc8b);  /* a system segment */
	BAD(context32, cpu_regs.x86_32.cs_ar, 0x1c9b); /* bits beyond the twelve */
	BAD(context32, cpu_regs.x86_32.cs_ar, 0x49b);  /* eip beyond a limit in bytes */
	BAD(context32, cpu_regs.x86_32.ss_ar, 0);
	BAD(context32, cpu_regs.x86_32.ss_ar, 0xc91); /* read-only */
	BAD(context32, cpu_regs.x86_32.ss_ar, 0xcf3); /* ring 3 on a kernel's code */
	BAD(context32, cpu_regs.x86_32.ds_ar, 0xcf3);
	BAD(context32, cpu_regs.x86_32.ds_ar, 0xc99); /* unreadable code */
	BAD(context32, cpu_regs.x86_32.es_ar, 0xc83);
	BAD(context32, cpu_regs.x86_32.tr_ar, 0);
	BAD(context32, cpu_regs.x86_32.tr_ar, 0x83); /* 16-bit */
	BAD(context32, cpu_regs.x86_32.tr_ar, 0x9b);
	BAD(context32, cpu_regs.x86_32.efer, 0x400);
	BAD(context64, cpu_regs.x86_64.rip, 1ull << 47);
	BAD(context64, cpu_regs.x86_64.cr0, 1);
	BAD(context64, cpu_regs.x86_64.cr4, 0);
	BAD(context64, cpu_regs.x86_64.efer, 0);
	ck_assert_uint_eq(f.initialised, 0);
	c = context32();
	c.cpu_regs.x86_32.cs_ar = 0x49b;
	c.cpu_regs.x86_32.cs_limit = UINT32_MAX;
	c.cpu_regs.x86_32.ds_ar = 0; /* may be absent */
	ck_assert_int_eq(vcpu_op(PV_VCPUOP_initialise, 1, &c, sizeof(c)), 0);
	c = context64();
	ck_assert_int_eq(vcpu_op(PV_VCPUOP_initialise, 2, &c, sizeof(c)), 0);
	c = context32();
	ck_assert_int_eq(vcpu_op(PV_VCPUOP_initialise, 3, &c, sizeof(c)), 0);
	ck_assert_uint_eq(f.initialised, 3);
	fake_close(&f);
}
END_TEST
#endif

int main(void)
{
	TCase *t = tcase_create("host vcpus");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, every_operation_refuses_vcpus_that_do_not_exist);
#if defined(__x86_64__)
	tcase_add_test(t, vcpu_is_initialised_once_then_goes_up_and_down);
	tcase_add_test(t, pvh_context_is_one_that_a_processor_could_be_in);
	tcase_add_test(t, unreadable_context_initialises_nothing);
#endif
	tcase_add_test(t, last_vcpu_down_powers_off);
	tcase_add_test(t, areas_may_lie_at_physical_addresses);
	tcase_add_test(t, nmi_reaches_the_vmm_and_takes_no_argument);
#if defined(__x86_64__)
	tcase_add_test(t, vcpu_beyond_shared_info_starts_after_registering);
#endif
	tcase_add_test(t, timeout_of_weeks_or_wrapped_is_looked_at_soon);
	tcase_add_test(t, vcpu_info_moves_with_its_contents_and_one_spurious_event);
	tcase_add_test(t, vcpu_info_goes_only_where_it_may);
	tcase_add_test(t, vcpu_beyond_shared_info_gets_its_events_after_registering);
	tcase_add_test(t, clock_is_written_under_an_even_version_that_grows);
	tcase_add_test(t, wall_clock_is_written_and_normalised);
	tcase_add_test(t, oneshot_timer_fires_once);
	tcase_add_test(t, periodic_timer_keeps_its_phase_over_missed_ticks);
	tcase_add_test(t, watchdog_barks_unless_petted);
	tcase_add_test(t, runstate_adds_up_and_pads_with_zeros);
	return run_case("host vcpus", t);
}
