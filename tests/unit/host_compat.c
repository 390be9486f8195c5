/*
 * Claims about hypercalls of 32-bit code: structures in its layout, the shared pages in its layout, and nothing
 * of either for anybody else.
 */
#include "fake_vmm.h"

#include <string.h>

#include <pv/abi/hvm/hvm_op.h>
#include <pv/abi/hvm/params.h>
#include <pv/abi/memory.h>
#include <pv/abi/sched.h>
#include <pv/abi/vcpu.h>
#include <pv/abi/version.h>
#include <pv/abi/x86_32.h>
#include "run.h"

#define LIST  512u /* offset in the page of arguments where arrays are */
#define GUARD 0xa5

static struct fake_vmm f;

static unsigned char *args(void)
{
	return fake_page(&f, FAKE_ARGS);
}

static uint32_t args_gva(unsigned offset)
{
	return (uint32_t)fake_gva(FAKE_ARGS) + offset;
}

static int64_t call32(unsigned vcpu, uint32_t nr, uint32_t a0, uint32_t a1, uint32_t a2)
{
	const uint32_t arg[6] = {a0, a1, a2, 0, 0, 0};

	return pv_domain_hypercall32(f.d, vcpu, nr, arg);
}

/* A call of the form (cmd, pointer), or (cmd, 0, pointer): the bytes behind the structure stay as they are. */
static int64_t op32(uint32_t nr, uint32_t cmd, void *arg, size_t size)
{
	bool third = nr == PV_HYPERVISOR_vcpu_op;
	int64_t rc;

	memcpy(args(), arg, size);
	memset(args() + size, GUARD, 64);
	rc = call32(0, nr, cmd, third ? 0 : args_gva(0), third ? args_gva(0) : 1);
	memcpy(arg, args(), size);
	for (unsigned i = 0; i < 64; i++)
		ck_assert_uint_eq(args()[size + i], GUARD);
	return rc;
}

static int64_t add32(uint32_t space, uint32_t idx, uint32_t gfn)
{
	struct pv_x86_32_add_to_physmap a = {
		.domid = PV_DOMID_SELF, .space = space, .idx = idx, .gpfn = gfn};

	return op32(PV_HYPERVISOR_memory_op, PV_XENMEM_add_to_physmap, &a, sizeof(a));
}

static struct pv_x86_32_shared_info *shared32(void)
{
	return fake_page(&f, pv_domain_shared_info(f.d));
}

static void setup(void)
{
	static const struct pv_clock clock = {.tsc_to_system_mul = 1u << 31};

	fake_open(&f, PV_DOMAIN_PVH, 2, false);
	ck_assert_int_eq(pv_domain_set_clock(f.d, &clock), 0);
	pv_domain_set_wallclock(f.d, 0x123456789ull, 42);
}

static void teardown(void)
{
	fake_close(&f);
}

/* ---- who may call, and what */

START_TEST(only_calls_that_are_looked_at_are_let_in)
{
	for (uint32_t nr = 0; nr < 64; nr++) {
		int64_t rc = call32(0, nr, 0, 0, 0);

		switch (nr) {
		case PV_HYPERVISOR_memory_op:
		case PV_HYPERVISOR_multicall:
		case PV_HYPERVISOR_set_timer_op:
		case PV_HYPERVISOR_xen_version:
		case PV_HYPERVISOR_console_io:
		case PV_HYPERVISOR_grant_table_op:
		case PV_HYPERVISOR_vm_assist:
		case PV_HYPERVISOR_vcpu_op:
		case PV_HYPERVISOR_sched_op:
		case PV_HYPERVISOR_event_channel_op:
		case PV_HYPERVISOR_hvm_op: break;
		default: ck_assert_int_eq(rc, -PV_ENOSYS);
		}
	}
	ck_assert_int_eq(call32(0, UINT32_MAX, 0, 0, 0), -PV_ENOSYS);
	ck_assert_int_eq(call32(2, PV_HYPERVISOR_xen_version, 0, 0, 0), -PV_EINVAL);
}
END_TEST

START_TEST(pv_guest_has_no_32_bit_mode)
{
	fake_close(&f);
	fake_open(&f, PV_DOMAIN_PV, 1, true);
	ck_assert_int_eq(call32(0, PV_HYPERVISOR_xen_version, 0, 0, 0), -PV_ENOSYS);
}
END_TEST

/* 64-bit code can write any number into a register: none of them is a view. */
START_TEST(view_is_nothing_to_64_bit_code)
{
	for (uint64_t layout = 0; layout < 128; layout++) {
		uint64_t view = 1ull << 63 | layout << 56 | fake_gva(FAKE_ARGS) << 24;

		ck_assert_int_eq(fake_hypercall(&f, 0, PV_HYPERVISOR_memory_op,
						PV_XENMEM_add_to_physmap, view, 0, 0),
				 -PV_EFAULT);
	}
}
END_TEST

/* XSA-212 and its like: the end of the address space is not the beginning of another. */
START_TEST(structure_across_the_end_of_the_address_space_faults)
{
	static const uint32_t at[] = {UINT32_MAX, UINT32_MAX - 3, UINT32_MAX - 14};

	for (unsigned i = 0; i < 3; i++) {
		ck_assert_int_eq(
			call32(0, PV_HYPERVISOR_memory_op, PV_XENMEM_add_to_physmap, at[i], 0),
			-PV_EFAULT);
		ck_assert_int_eq(
			call32(0, PV_HYPERVISOR_event_channel_op, PV_EVTCHNOP_send, at[i], 0),
			-PV_EFAULT);
		ck_assert_int_eq(call32(0, PV_HYPERVISOR_multicall, at[i], 1, 0), -PV_EFAULT);
	}
}
END_TEST

/* ---- structures, one after the other */

START_TEST(pages_are_placed_one_by_one_and_in_a_batch)
{
	struct pv_x86_32_add_to_physmap_batch b = {.domid = PV_DOMID_SELF,
						   .space = PV_XENMAPSPACE_grant_table,
						   .size = 3,
						   .idxs = args_gva(LIST),
						   .gpfns = args_gva(LIST + 12),
						   .errs = args_gva(LIST + 24)};
	const uint32_t list[7] = {0, 1, 99, FAKE_GRANTS, FAKE_GRANTS + 1, FAKE_GRANTS + 2, GUARD};
	struct pv_x86_32_remove_from_physmap r = {.domid = PV_DOMID_SELF, .gpfn = FAKE_GRANTS + 1};
	int32_t errs[3];

	ck_assert_int_eq(add32(PV_XENMAPSPACE_shared_info, 0, FAKE_SHARED), 0);
	ck_assert_uint_eq(pv_domain_shared_info(f.d), FAKE_SHARED);
	memcpy(args() + LIST, list, sizeof(list));
	ck_assert_int_eq(
		op32(PV_HYPERVISOR_memory_op, PV_XENMEM_add_to_physmap_batch, &b, sizeof(b)), 0);
	memcpy(errs, args() + LIST + 24, sizeof(errs));
	ck_assert_int_eq(errs[0], 0);
	ck_assert_int_eq(errs[1], 0);
	ck_assert_int_eq(errs[2], -PV_EINVAL);
	ck_assert_int_eq(
		op32(PV_HYPERVISOR_memory_op, PV_XENMEM_remove_from_physmap, &r, sizeof(r)), 0);
}
END_TEST

START_TEST(reservations_are_lists_of_32_bit_frames)
{
	struct pv_x86_32_memory_reservation a = {
		.extent_start = args_gva(LIST), .nr_extents = 3, .domid = PV_DOMID_SELF};
	const uint32_t frames[3] = {FAKE_DATA, FAKE_DATA + 1, 1u << 30};
	uint16_t self = PV_DOMID_SELF;

	memcpy(args() + LIST, frames, sizeof(frames));
	/* The third is no memory: a short count. */
	ck_assert_int_eq(
		op32(PV_HYPERVISOR_memory_op, PV_XENMEM_decrease_reservation, &a, sizeof(a)), 2);
	ck_assert_int_eq(op32(PV_HYPERVISOR_memory_op, PV_XENMEM_current_reservation, &self, 2),
			 FAKE_PAGES - 2);
	ck_assert_int_eq(op32(PV_HYPERVISOR_memory_op, PV_XENMEM_populate_physmap, &a, sizeof(a)),
			 2);
	ck_assert_uint_eq(a.extent_start, args_gva(LIST));
	/* From the second on: the command has the place above its number. */
	ck_assert_int_eq(op32(PV_HYPERVISOR_memory_op, PV_XENMEM_decrease_reservation | 1 << 6, &a,
			      sizeof(a)),
			 2);
	ck_assert_int_eq(op32(PV_HYPERVISOR_memory_op, PV_XENMEM_current_reservation, &self, 2),
			 FAKE_PAGES - 1);
}
END_TEST

START_TEST(memory_map_has_entries_of_20_bytes)
{
	struct pv_domain_memory map[2] = {{0, 0x10000000, 1, 0}, {1ull << 32, 4096, 2, 0}};
	struct pv_x86_32_memory_map a = {.nr_entries = 5, .buffer = args_gva(LIST)};
	uint64_t addr;

	ck_assert_int_eq(pv_domain_set_memory_map(f.d, map, 2), 0);
	ck_assert_int_eq(op32(PV_HYPERVISOR_memory_op, PV_XENMEM_memory_map, &a, sizeof(a)), 0);
	ck_assert_uint_eq(a.nr_entries, 2);
	ck_assert_uint_eq(a.buffer, args_gva(LIST));
	memcpy(&addr, args() + LIST + 20, 8);
	ck_assert_uint_eq(addr, 1ull << 32);
}
END_TEST

START_TEST(grant_frames_are_listed_in_32_bits)
{
	struct pv_x86_32_gnttab_setup_table a = {
		.dom = PV_DOMID_SELF, .nr_frames = 2, .frame_list = args_gva(LIST)};
	uint32_t list[3] = {1, 2, GUARD};

	ck_assert_int_eq(add32(PV_XENMAPSPACE_grant_table, 0, FAKE_GRANTS), 0);
	memcpy(args() + LIST, list, sizeof(list));
	ck_assert_int_eq(op32(PV_HYPERVISOR_grant_table_op, PV_GNTTABOP_setup_table, &a, sizeof(a)),
			 0);
	ck_assert_int_eq(a.status, 0);
	ck_assert_uint_eq(a.frame_list, args_gva(LIST));
	memcpy(list, args() + LIST, sizeof(list));
	ck_assert_uint_eq(list[0], FAKE_GRANTS);
	ck_assert_uint_eq(list[1], UINT32_MAX);
	ck_assert_uint_eq(list[2], GUARD);
}
END_TEST

START_TEST(copies_are_arrays_of_24_bytes)
{
	struct pv_x86_32_gnttab_copy op[2] = {0};

	for (unsigned i = 0; i < 2; i++) {
		op[i].source.u.gmfn = FAKE_DATA + i;
		op[i].dest.u.gmfn = FAKE_DATA + 8 + i;
		op[i].source.domid = op[i].dest.domid = PV_DOMID_SELF;
		op[i].dest.offset = 100;
		op[i].len = 9;
		op[i].status = 1;
	}
	op[1].len = 4097;
	strcpy(fake_page(&f, FAKE_DATA), "32 bits!");
	memcpy(args(), op, sizeof(op));
	ck_assert_int_eq(call32(0, PV_HYPERVISOR_grant_table_op, PV_GNTTABOP_copy, args_gva(0), 2),
			 0);
	memcpy(op, args(), sizeof(op));
	ck_assert_int_eq(op[0].status, 0);
	ck_assert_int_eq(op[1].status, PV_GNTST_bad_copy_arg);
	ck_assert_uint_eq(op[1].source.u.gmfn, FAKE_DATA + 1);
	ck_assert_uint_eq(op[1].len, 4097);
	ck_assert_str_eq((char *)fake_page(&f, FAKE_DATA + 8) + 100, "32 bits!");
}
END_TEST

START_TEST(maps_are_the_same_for_both)
{
	struct pv_gnttab_map_grant_ref m = {.host_addr = (FAKE_DATA + 3) * 4096ull,
					    .flags = PV_GNTMAP_host_map,
					    .ref = 9,
					    .dom = PV_DOMID_SELF};
	struct pv_gnttab_unmap_grant_ref u = {.host_addr = m.host_addr};
	uint64_t *entry;

	ck_assert_int_eq(add32(PV_XENMAPSPACE_grant_table, 0, FAKE_GRANTS), 0);
	entry = fake_page(&f, FAKE_GRANTS);
	entry[9] = (uint64_t)FAKE_DATA << 32 | (uint64_t)FAKE_DOMID << 16 | PV_GTF_permit_access;
	ck_assert_int_eq(
		op32(PV_HYPERVISOR_grant_table_op, PV_GNTTABOP_map_grant_ref, &m, sizeof(m)), 0);
	ck_assert_int_eq(m.status, 0);
	u.handle = m.handle;
	ck_assert_int_eq(
		op32(PV_HYPERVISOR_grant_table_op, PV_GNTTABOP_unmap_grant_ref, &u, sizeof(u)), 0);
	ck_assert_int_eq(u.status, 0);
}
END_TEST

START_TEST(poll_finds_its_ports)
{
	struct pv_x86_32_sched_poll a = {.ports = args_gva(LIST), .nr_ports = 1, .timeout = 777};
	uint32_t port;

	ck_assert_int_eq(add32(PV_XENMAPSPACE_shared_info, 0, FAKE_SHARED), 0);
	port = (uint32_t)fake_ipi(&f, 0);
	memcpy(args() + LIST, &port, 4);
	ck_assert_int_eq(op32(PV_HYPERVISOR_sched_op, PV_SCHEDOP_poll, &a, sizeof(a)), 0);
	ck_assert_uint_eq(f.blocks, 1);
	ck_assert_uint_eq(f.block_deadline, 777);
	ck_assert_int_eq(fake_port_op(&f, PV_EVTCHNOP_send, port), 0);
	memcpy(args() + LIST, &port, 4);
	ck_assert_int_eq(op32(PV_HYPERVISOR_sched_op, PV_SCHEDOP_poll, &a, sizeof(a)), 0);
	ck_assert_uint_eq(f.blocks, 1);
}
END_TEST

START_TEST(timers_take_their_argument_in_two_halves)
{
	struct pv_x86_32_vcpu_set_singleshot_timer s = {.timeout_abs_ns = 0x500000007ull};
	struct pv_vcpu_set_periodic_timer p = {2000000};

	f.now = 5;
	ck_assert_int_eq(call32(0, PV_HYPERVISOR_set_timer_op, 0x11, 0x3, 0), 0);
	ck_assert_uint_eq(f.timer[0], 0x300000011ull);
	ck_assert_int_eq(op32(PV_HYPERVISOR_vcpu_op, PV_VCPUOP_set_singleshot_timer, &s, sizeof(s)),
			 0);
	ck_assert_uint_eq(f.timer[0], 0x500000007ull);
	ck_assert_int_eq(op32(PV_HYPERVISOR_vcpu_op, PV_VCPUOP_set_periodic_timer, &p, sizeof(p)),
			 0);
	ck_assert_uint_eq(f.timer[0], 5 + 2000000);
}
END_TEST

START_TEST(version_says_nothing_that_does_not_fit)
{
	struct pv_x86_32_platform_parameters p = {GUARD};
	struct pv_feature_info fi = {0};

	ck_assert_int_eq(
		op32(PV_HYPERVISOR_xen_version, PV_XENVER_platform_parameters, &p, sizeof(p)), 0);
	ck_assert_uint_eq(p.virt_start, 0);
	ck_assert_int_eq(op32(PV_HYPERVISOR_xen_version, PV_XENVER_get_features, &fi, sizeof(fi)),
			 0);
	ck_assert_uint_eq(fi.submap, pv_domain_features(PV_DOMAIN_PVH));
}
END_TEST

START_TEST(multicall_has_entries_of_32_bytes)
{
	struct pv_x86_32_multicall_entry e[3] = {
		{.op = PV_HYPERVISOR_xen_version, .args = {PV_XENVER_version}},
		{.op = PV_HYPERVISOR_memory_op, .args = {PV_XENMEM_add_to_physmap, args_gva(LIST)}},
		{.op = PV_HYPERVISOR_multicall, .args = {0, 0}},
	};
	struct pv_x86_32_add_to_physmap a = {
		.domid = PV_DOMID_SELF, .space = PV_XENMAPSPACE_grant_table, .gpfn = FAKE_GRANTS};

	memcpy(args(), e, sizeof(e));
	memcpy(args() + LIST, &a, sizeof(a));
	ck_assert_int_eq(call32(0, PV_HYPERVISOR_multicall, args_gva(0), 3, 0), 0);
	memcpy(e, args(), sizeof(e));
	ck_assert_uint_eq(e[0].result, 4 << 16 | 17);
	ck_assert_uint_eq(e[1].result, 0);
	ck_assert_uint_eq(e[2].result, (uint32_t)-PV_ENOSYS);
	ck_assert_uint_eq(e[2].op, PV_HYPERVISOR_multicall);
	ck_assert_int_eq(call32(0, PV_HYPERVISOR_multicall, args_gva(0), 65537, 0), -PV_EINVAL);
}
END_TEST

/* A handler reads all of a structure before it acts, and answers in the fields that are its answer. */
START_TEST(what_is_not_an_answer_is_not_written)
{
	struct pv_x86_32_gnttab_transfer t = {.mfn = FAKE_DATA, .domid = 3, .ref = 7, .status = 1};

	memset(&t.domid + 1, GUARD, 2); /* padding */
	ck_assert_int_eq(op32(PV_HYPERVISOR_grant_table_op, PV_GNTTABOP_transfer, &t, sizeof(t)),
			 -PV_ENOSYS);
	ck_assert_int_eq(t.status, 1);
	ck_assert_uint_eq(t.ref, 7);
	ck_assert_uint_eq(((unsigned char *)&t)[6], GUARD);
}
END_TEST

/* ---- pages that are shared */

START_TEST(shared_info_has_the_layout_of_who_places_it)
{
	struct pv_x86_32_shared_info *si;
	uint32_t port;

	ck_assert_int_eq(add32(PV_XENMAPSPACE_shared_info, 0, FAKE_SHARED), 0);
	si = shared32();
	for (unsigned i = 0; i < 32; i++)
		ck_assert_uint_eq(si->evtchn_mask[i], UINT32_MAX);
	ck_assert_uint_eq(si->wc_version & 1, 0);
	ck_assert_uint_eq(si->wc_sec, 0x23456789);
	ck_assert_uint_eq(si->wc_nsec, 42);
	ck_assert_uint_eq(si->arch.wc_sec_hi, 1);
	ck_assert_uint_eq(si->vcpu_info[1].time.tsc_to_system_mul, 1u << 31);
	do
		port = (uint32_t)fake_ipi(&f, 1);
	while (port < 33);
	si->evtchn_mask[1] = 0;
	ck_assert_int_eq(fake_port_op(&f, PV_EVTCHNOP_send, port), 0);
	ck_assert_uint_eq(si->evtchn_pending[1], 2);
	ck_assert_uint_eq(si->vcpu_info[1].evtchn_pending_sel, 2);
	ck_assert_uint_eq(si->vcpu_info[1].evtchn_upcall_pending, 1);
	ck_assert_uint_eq(f.kicks[1], 1);
	/* Nothing of it in the 64-bit places. */
	ck_assert_uint_eq(fake_shared(&f)->vcpu_info[1].evtchn_pending_sel, 0);
}
END_TEST

START_TEST(unmasking_finds_what_is_pending)
{
	struct pv_x86_32_shared_info *si;
	uint32_t port;

	ck_assert_int_eq(add32(PV_XENMAPSPACE_shared_info, 0, FAKE_SHARED), 0);
	si = shared32();
	do
		port = (uint32_t)fake_ipi(&f, 0);
	while (port < 70);
	ck_assert_int_eq(fake_port_op(&f, PV_EVTCHNOP_send, port), 0);
	ck_assert_uint_eq(si->vcpu_info[0].evtchn_upcall_pending, 0);
	ck_assert_int_eq(fake_port_op(&f, PV_EVTCHNOP_unmask, port), 0);
	ck_assert_uint_eq(si->evtchn_mask[2], ~(1u << 6));
	ck_assert_uint_eq(si->vcpu_info[0].evtchn_pending_sel, 4);
	ck_assert_uint_eq(si->vcpu_info[0].evtchn_upcall_pending, 1);
}
END_TEST

/* XSA-342: a page with 1024 bits has no bit for a port beyond. */
START_TEST(no_port_beyond_1024_in_32_bit_words)
{
	unsigned char before[4096];
	int64_t port, last = 0;

	ck_assert_int_eq(add32(PV_XENMAPSPACE_shared_info, 0, FAKE_SHARED), 0);
	while ((port = fake_ipi(&f, 0)) > 0)
		last = port;
	ck_assert_int_eq(port, -PV_ENOSPC);
	ck_assert_int_eq(last, 1023);
	memcpy(before, shared32(), sizeof(before));
	ck_assert_int_eq(fake_port_op(&f, PV_EVTCHNOP_send, 1024), -PV_EINVAL);
	ck_assert_int_eq(memcmp(before, shared32(), sizeof(before)), 0);
}
END_TEST

START_TEST(port_of_a_64_bit_former_life_touches_no_word)
{
	struct pv_add_to_physmap a = {.domid = PV_DOMID_SELF, .gpfn = FAKE_SHARED};
	unsigned char before[4096];
	uint32_t port;

	ck_assert_int_eq(
		fake_op(&f, PV_HYPERVISOR_memory_op, PV_XENMEM_add_to_physmap, &a, sizeof(a)), 0);
	do
		port = (uint32_t)fake_ipi(&f, 0);
	while (port < 2000);
	ck_assert_int_eq(add32(PV_XENMAPSPACE_shared_info, 0, FAKE_SHARED + 20), 0);
	memcpy(before, shared32(), sizeof(before));
	(void)fake_port_op(&f, PV_EVTCHNOP_send, port);
	(void)fake_port_op(&f, PV_EVTCHNOP_unmask, port);
	ck_assert_int_eq(memcmp(before, shared32(), sizeof(before)), 0);
	ck_assert_int_eq(fake_port_op(&f, PV_EVTCHNOP_close, port), 0);
	ck_assert_int_eq(memcmp(before, shared32(), sizeof(before)), 0);
}
END_TEST

/* A 32-bit loader starts a 64-bit kernel. */
START_TEST(layout_follows_the_kernel_that_comes_after)
{
	struct pv_add_to_physmap a = {.domid = PV_DOMID_SELF, .gpfn = FAKE_SHARED + 20};
	struct pv_shared_info *si;
	uint32_t port;

	ck_assert_int_eq(add32(PV_XENMAPSPACE_shared_info, 0, FAKE_SHARED), 0);
	port = (uint32_t)fake_ipi(&f, 0);
	ck_assert_int_eq(fake_port_op(&f, PV_EVTCHNOP_send, port), 0);
	ck_assert_int_eq(
		fake_op(&f, PV_HYPERVISOR_memory_op, PV_XENMEM_add_to_physmap, &a, sizeof(a)), 0);
	si = fake_shared(&f);
	for (unsigned i = 0; i < 64; i++)
		ck_assert_uint_eq(si->evtchn_mask[i], UINT64_MAX);
	ck_assert_uint_eq(si->wc_sec, 0x23456789);
	ck_assert_uint_eq(si->wc_sec_hi, 1);
	ck_assert(fake_pending(&f, port));
	ck_assert_int_eq(fake_port_op(&f, PV_EVTCHNOP_unmask, port), 0);
	ck_assert_uint_eq(si->vcpu_info[0].evtchn_upcall_pending, 1);
}
END_TEST

START_TEST(setting_the_callback_latches_the_layout_too)
{
	struct pv_hvm_param p = {.domid = PV_DOMID_SELF,
				 .index = PV_HVM_PARAM_CALLBACK_IRQ,
				 .value = 2ull << 56 | 0xf3};

	ck_assert_int_eq(pv_domain_set_shared_info(f.d, FAKE_SHARED), 0);
	ck_assert_uint_eq(fake_shared(&f)->wc_sec, 0x23456789);
	ck_assert_int_eq(op32(PV_HYPERVISOR_hvm_op, PV_HVMOP_set_param, &p, sizeof(p)), 0);
	ck_assert_uint_eq(shared32()->wc_sec, 0x23456789);
	ck_assert_uint_eq(shared32()->evtchn_mask[31], UINT32_MAX);
}
END_TEST

START_TEST(registered_vcpu_info_is_told_in_its_own_selector)
{
	struct pv_vcpu_register_vcpu_info a = {.mfn = FAKE_DATA, .offset = 64};
	struct pv_x86_32_vcpu_info *vi;

	ck_assert_int_eq(add32(PV_XENMAPSPACE_shared_info, 0, FAKE_SHARED), 0);
	ck_assert_int_eq(op32(PV_HYPERVISOR_vcpu_op, PV_VCPUOP_register_vcpu_info, &a, sizeof(a)),
			 0);
	vi = (void *)((char *)fake_page(&f, FAKE_DATA) + 64);
	ck_assert_uint_eq(vi->evtchn_pending_sel, UINT32_MAX);
	ck_assert_uint_eq(vi->evtchn_upcall_pending, 1);
	ck_assert_uint_eq(vi->arch.cr2, 0);
	ck_assert_uint_eq(vi->time.tsc_to_system_mul, 1u << 31);
}
END_TEST

START_TEST(runstate_is_published_in_44_bytes)
{
	struct pv_x86_32_vcpu_register_runstate_memory_area a = {0};
	struct pv_x86_32_vcpu_runstate_info r, read;
	unsigned char *page = fake_page(&f, FAKE_DATA);

	ck_assert_int_eq(add32(PV_XENMAPSPACE_shared_info, 0, FAKE_SHARED), 0);
	memset(page, GUARD, 64);
	/* The upper half of the union is nobody's. */
	a.addr.p = 0xdeadbeef00000000ull | (uint32_t)fake_gva(FAKE_DATA);
	ck_assert_int_eq(
		op32(PV_HYPERVISOR_vcpu_op, PV_VCPUOP_register_runstate_memory_area, &a, sizeof(a)),
		0);
	f.now += 1000;
	pv_domain_runstate(f.d, 0, PV_RUNSTATE_blocked);
	f.now += 500;
	pv_domain_runstate(f.d, 0, PV_RUNSTATE_running);
	memcpy(&r, page, sizeof(r));
	ck_assert_int_eq(r.state, PV_RUNSTATE_running);
	ck_assert_uint_eq(r.state_entry_time, f.now);
	ck_assert_uint_eq(r.time[PV_RUNSTATE_blocked], 500);
	for (unsigned i = sizeof(r); i < 64; i++)
		ck_assert_uint_eq(page[i], GUARD);
	ck_assert_int_eq(
		op32(PV_HYPERVISOR_vcpu_op, PV_VCPUOP_get_runstate_info, &read, sizeof(read)), 0);
	ck_assert_int_eq(memcmp(&r, &read, sizeof(r)), 0);
}
END_TEST

START_TEST(time_area_is_the_same_for_both)
{
	struct pv_x86_32_vcpu_register_time_memory_area a = {0};
	const struct pv_vcpu_time_info *t = fake_page(&f, FAKE_DATA);

	a.addr.p = 0xdeadbeef00000000ull | (uint32_t)fake_gva(FAKE_DATA);
	ck_assert_int_eq(op32(PV_HYPERVISOR_vcpu_op, PV_VCPUOP_register_vcpu_time_memory_area, &a,
			      sizeof(a)),
			 0);
	ck_assert_uint_eq(t->tsc_to_system_mul, 1u << 31);
}
END_TEST

START_TEST(width_is_part_of_the_state)
{
	static struct pv_state_vcpu vcpus[2];
	static struct pv_state_port ports[16];
	static struct pv_state_map maps[16];
	struct pv_state st = {.vcpu = vcpus, .port = ports, .map = maps};
	static unsigned char ram[FAKE_PAGES * 4096];
	struct pv_domain_config cfg;
	uint32_t port;

	st.nr_vcpus = 2;
	st.nr_ports = st.nr_maps = 16;
	ck_assert_int_eq(add32(PV_XENMAPSPACE_shared_info, 0, FAKE_SHARED), 0);
	port = (uint32_t)fake_ipi(&f, 0);
	ck_assert_int_eq(pv_domain_get_state(f.d, &st), 0);
	ck_assert(st.domain.flags & PV_STATE_NARROW);
	memcpy(ram, f.ram, sizeof(ram));
	fake_close(&f);
	fake_config(&cfg, PV_DOMAIN_PV, 2);
	fake_open_cfg(&f, &cfg, false);
	ck_assert_int_eq(pv_domain_set_state(f.d, &st), -PV_EINVAL);
	fake_close(&f);
	fake_open(&f, PV_DOMAIN_PVH, 2, false);
	memcpy(f.ram, ram, sizeof(ram));
	ck_assert_int_eq(pv_domain_set_state(f.d, &st), 0);
	shared32()->evtchn_mask[0] = 0;
	ck_assert_int_eq(fake_port_op(&f, PV_EVTCHNOP_send, port), 0);
	ck_assert_uint_eq(shared32()->vcpu_info[0].evtchn_pending_sel, 1);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("host-compat");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, only_calls_that_are_looked_at_are_let_in);
	tcase_add_test(t, pv_guest_has_no_32_bit_mode);
	tcase_add_test(t, view_is_nothing_to_64_bit_code);
	tcase_add_test(t, structure_across_the_end_of_the_address_space_faults);
	tcase_add_test(t, pages_are_placed_one_by_one_and_in_a_batch);
	tcase_add_test(t, reservations_are_lists_of_32_bit_frames);
	tcase_add_test(t, memory_map_has_entries_of_20_bytes);
	tcase_add_test(t, grant_frames_are_listed_in_32_bits);
	tcase_add_test(t, copies_are_arrays_of_24_bytes);
	tcase_add_test(t, maps_are_the_same_for_both);
	tcase_add_test(t, poll_finds_its_ports);
	tcase_add_test(t, timers_take_their_argument_in_two_halves);
	tcase_add_test(t, version_says_nothing_that_does_not_fit);
	tcase_add_test(t, multicall_has_entries_of_32_bytes);
	tcase_add_test(t, what_is_not_an_answer_is_not_written);
	tcase_add_test(t, shared_info_has_the_layout_of_who_places_it);
	tcase_add_test(t, unmasking_finds_what_is_pending);
	tcase_add_test(t, no_port_beyond_1024_in_32_bit_words);
	tcase_add_test(t, port_of_a_64_bit_former_life_touches_no_word);
	tcase_add_test(t, layout_follows_the_kernel_that_comes_after);
	tcase_add_test(t, setting_the_callback_latches_the_layout_too);
	tcase_add_test(t, registered_vcpu_info_is_told_in_its_own_selector);
	tcase_add_test(t, runstate_is_published_in_44_bytes);
	tcase_add_test(t, time_area_is_the_same_for_both);
	tcase_add_test(t, width_is_part_of_the_state);
	return run_case("host-compat", t);
}
