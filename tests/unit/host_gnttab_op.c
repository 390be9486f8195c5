/*
 * Claims about HYPERVISOR_grant_table_op, over the memory-only VMM: a guest that maps and copies its
 * own grants, in batches, with any of them failing.
 */
#include "fake_vmm.h"

#include <stddef.h>
#include <string.h>

#include <pv/abi/memory.h>
#include <pv/abi/vcpu.h>
#include "run.h"

#define GRANTED (FAKE_DATA + 1)
#define HOLE	(FAKE_DATA + 20) /* where a guest wants to see a granted page */
#define BATCH	8

static struct fake_vmm f;
static uint64_t *entry;

static void open_table(void)
{
	fake_open(&f, PV_DOMAIN_PVH, 1, true);
	entry = fake_grants(&f);
}

static void grant(uint32_t ref, unsigned flags, uint32_t gfn)
{
	entry[ref] = (uint64_t)gfn << 32 | (uint64_t)FAKE_DOMID << 16 | flags;
}

static struct pv_gnttab_map_grant_ref map_op(uint32_t ref, uint64_t gfn)
{
	struct pv_gnttab_map_grant_ref op = {.host_addr = gfn * 4096,
					     .flags = PV_GNTMAP_host_map,
					     .ref = ref,
					     .dom = PV_DOMID_SELF,
					     .status = 77,
					     .handle = 0x5a5a5a5a};

	return op;
}

static int map_one(struct pv_gnttab_map_grant_ref *op)
{
	ck_assert_int_eq(fake_gnttab(&f, PV_GNTTABOP_map_grant_ref, op, sizeof(*op), 1), 0);
	return op->status;
}

static int unmap_one(uint32_t handle, uint64_t host_addr)
{
	struct pv_gnttab_unmap_grant_ref op = {.host_addr = host_addr, .handle = handle};

	ck_assert_int_eq(fake_gnttab(&f, PV_GNTTABOP_unmap_grant_ref, &op, sizeof(op), 1), 0);
	return op.status;
}

START_TEST(guest_sees_its_own_grant_where_it_asked)
{
	struct pv_gnttab_map_grant_ref op = map_op(9, HOLE);

	open_table();
	grant(9, PV_GTF_permit_access, GRANTED);
	ck_assert_int_eq(map_one(&op), PV_GNTST_okay);
	ck_assert_uint_eq(f.overlay[HOLE], GRANTED);
	ck_assert_uint_eq((uint16_t)entry[9],
			  PV_GTF_permit_access | PV_GTF_reading | PV_GTF_writing);
	ck_assert_int_eq(unmap_one(op.handle, (HOLE + 1) * 4096), PV_GNTST_general_error);
	ck_assert_int_eq(unmap_one(op.handle + 1, HOLE * 4096), PV_GNTST_bad_handle);
	ck_assert_int_eq(unmap_one(UINT32_MAX, HOLE * 4096), PV_GNTST_bad_handle);
	ck_assert_int_eq(unmap_one(op.handle, HOLE * 4096), PV_GNTST_okay);
	ck_assert_int_eq(unmap_one(op.handle, HOLE * 4096), PV_GNTST_bad_handle);
	ck_assert(f.overlay[HOLE] == PV_PHYSMAP_NONE);
	ck_assert_uint_eq((uint16_t)entry[9], PV_GTF_permit_access);
	fake_close(&f);
}
END_TEST

START_TEST(guest_cannot_undo_a_backends_map)
{
	struct pv_grant_map m;

	open_table();
	entry[9] = (uint64_t)GRANTED << 32 | FAKE_BACKEND << 16 | PV_GTF_permit_access;
	ck_assert_int_eq(pv_domain_grant_map(f.d, FAKE_BACKEND, 9, 0, &m), 0);
	ck_assert_int_eq(unmap_one(m.handle, 0), PV_GNTST_bad_handle);
	ck_assert_int_eq(pv_domain_grant_unmap(f.d, FAKE_BACKEND, &m), 0);
	fake_close(&f);
}
END_TEST

START_TEST(map_arguments_are_checked)
{
	struct pv_gnttab_map_grant_ref op;

	open_table();
	grant(9, PV_GTF_permit_access, GRANTED);
	op = map_op(9, HOLE);
	op.flags = 0;
	ck_assert_int_eq(map_one(&op), PV_GNTST_bad_gntref);
	op = map_op(9, HOLE);
	op.flags |= PV_GNTMAP_contains_pte;
	ck_assert_int_eq(map_one(&op), PV_GNTST_general_error);
	op = map_op(9, HOLE);
	op.dom = 0; /* is there, and lends nothing */
	ck_assert_int_eq(map_one(&op), PV_GNTST_general_error);
	op = map_op(9, HOLE);
	op.dom = 9;
	ck_assert_int_eq(map_one(&op), PV_GNTST_bad_domain);
	op = map_op(9, HOLE);
	op.flags |= PV_GNTMAP_application_map; /* there are no user mappings of ours in PVH */
	ck_assert_int_eq(map_one(&op), PV_GNTST_general_error);
	op = map_op(9, HOLE);
	op.host_addr += 8;
	ck_assert_int_eq(map_one(&op), PV_GNTST_general_error);
	op = map_op(9, GRANTED); /* over itself */
	ck_assert_int_eq(map_one(&op), PV_GNTST_general_error);
	op = map_op(9, FAKE_SHARED);
	ck_assert_int_eq(map_one(&op), PV_GNTST_general_error);
	op = map_op(9, FAKE_GRANTS);
	ck_assert_int_eq(map_one(&op), PV_GNTST_general_error);
	op = map_op(9, 1ull << 51);
	ck_assert_int_eq(map_one(&op), PV_GNTST_general_error);
	op = map_op(8, HOLE);
	ck_assert_int_eq(map_one(&op), PV_GNTST_general_error);
	op = map_op(UINT32_MAX, HOLE);
	ck_assert_int_eq(map_one(&op), PV_GNTST_bad_gntref);
	ck_assert_uint_eq((uint16_t)entry[9], PV_GTF_permit_access);
	fake_close(&f);
}
END_TEST

START_TEST(kth_failure_of_a_batch_spares_the_others)
{
	struct pv_gnttab_map_grant_ref op[BATCH];
	struct pv_gnttab_unmap_grant_ref un[BATCH];
	int i, k = _i;

	open_table();
	for (i = 0; i < BATCH; i++) {
		grant(8 + (uint32_t)i, i == k ? PV_GTF_invalid : PV_GTF_permit_access,
		      GRANTED + (uint32_t)i);
		op[i] = map_op(8 + (uint32_t)i, HOLE + (uint64_t)i);
	}
	ck_assert_int_eq(fake_gnttab(&f, PV_GNTTABOP_map_grant_ref, op, sizeof(op[0]), BATCH), 0);
	for (i = 0; i < BATCH; i++) {
		ck_assert_int_eq(op[i].status, i == k ? PV_GNTST_general_error : PV_GNTST_okay);
		un[i] = (struct pv_gnttab_unmap_grant_ref){.host_addr = op[i].host_addr,
							   .handle = op[i].handle};
	}
	ck_assert_uint_eq(op[k].handle, 0x5a5a5a5a);
	ck_assert_int_eq(fake_gnttab(&f, PV_GNTTABOP_unmap_grant_ref, un, sizeof(un[0]), BATCH), 0);
	for (i = 0; i < BATCH; i++) {
		ck_assert_int_eq(un[i].status, i == k ? PV_GNTST_bad_handle : PV_GNTST_okay);
		ck_assert_uint_eq((uint16_t)entry[8 + i], i == k ? 0 : PV_GTF_permit_access);
		ck_assert(f.overlay[HOLE + i] == PV_PHYSMAP_NONE);
	}
	fake_close(&f);
}
END_TEST

START_TEST(map_undoes_itself_when_the_vmm_refuses)
{
	struct pv_gnttab_map_grant_ref op = map_op(9, HOLE);

	open_table();
	grant(9, PV_GTF_permit_access, GRANTED);
	f.physmap_refuse = true;
	ck_assert_int_eq(map_one(&op), PV_GNTST_general_error);
	ck_assert_uint_eq((uint16_t)entry[9], PV_GTF_permit_access);
	fake_close(&f);
}
END_TEST

START_TEST(map_undoes_itself_when_the_handle_cannot_be_told)
{
	struct pv_gnttab_map_grant_ref op = map_op(9, HOLE);

	open_table();
	grant(9, PV_GTF_permit_access, GRANTED);
	f.readonly_gfn = FAKE_ARGS;
	ck_assert_int_eq(fake_gnttab(&f, PV_GNTTABOP_map_grant_ref, &op, sizeof(op), 1),
			 -PV_EFAULT);
	ck_assert_uint_eq((uint16_t)entry[9], PV_GTF_permit_access);
	ck_assert(f.overlay[HOLE] == PV_PHYSMAP_NONE);
	fake_close(&f);
}
END_TEST

START_TEST(mapped_frames_stay_what_they_are)
{
	struct pv_gnttab_map_grant_ref op = map_op(9, HOLE), second;
	struct pv_vcpu_register_vcpu_info info = {HOLE, 0, 0};
	struct pv_memory_reservation r = {fake_gva(FAKE_DATA), 1, 0, 0, PV_DOMID_SELF};
	struct pv_add_to_physmap a = {PV_DOMID_SELF, 0, PV_XENMAPSPACE_shared_info, 0, 0};
	static const uint64_t busy[] = {GRANTED, HOLE};
	struct pv_grant_map m;
	unsigned i;

	open_table();
	grant(9, PV_GTF_permit_access, GRANTED);
	ck_assert_int_eq(map_one(&op), PV_GNTST_okay);
	for (i = 0; i < 2; i++) {
		*(uint64_t *)fake_page(&f, FAKE_DATA) = busy[i];
		ck_assert_int_eq(fake_op(&f, PV_HYPERVISOR_memory_op,
					 PV_XENMEM_decrease_reservation, &r, sizeof(r)),
				 0);
		a.gpfn = busy[i];
		ck_assert_int_eq(fake_op(&f, PV_HYPERVISOR_memory_op, PV_XENMEM_add_to_physmap, &a,
					 sizeof(a)),
				 -PV_EINVAL);
		second = map_op(9, busy[i]);
		ck_assert_int_eq(map_one(&second), PV_GNTST_general_error);
	}
	memcpy(fake_page(&f, FAKE_ARGS), &info, sizeof(info));
	ck_assert_int_eq(fake_hypercall(&f, 0, PV_HYPERVISOR_vcpu_op, PV_VCPUOP_register_vcpu_info,
					0, fake_gva(FAKE_ARGS), 0),
			 -PV_EINVAL);
	/* a grant of the overlay itself is no page of the guest's to give */
	entry[10] = (uint64_t)HOLE << 32 | FAKE_BACKEND << 16 | PV_GTF_permit_access;
	ck_assert_int_eq(pv_domain_grant_map(f.d, FAKE_BACKEND, 10, 0, &m), PV_GNTST_bad_page);
	ck_assert_uint_eq((uint16_t)entry[10], PV_GTF_permit_access);
	fake_close(&f);
}
END_TEST

START_TEST(destruction_takes_overlays_away)
{
	struct pv_gnttab_map_grant_ref op = map_op(9, HOLE);

	open_table();
	grant(9, PV_GTF_permit_access, GRANTED);
	ck_assert_int_eq(map_one(&op), PV_GNTST_okay);
	pv_domain_destroy(f.d);
	ck_assert(f.overlay[HOLE] == PV_PHYSMAP_NONE);
	fake_fini(&f);
}
END_TEST

static struct pv_gnttab_copy copy_op(uint64_t from, uint64_t to, unsigned flags)
{
	struct pv_gnttab_copy op = {.source = {.domid = PV_DOMID_SELF},
				    .dest = {.domid = PV_DOMID_SELF},
				    .len = 100,
				    .flags = (uint16_t)flags,
				    .status = 77};

	if (flags & PV_GNTCOPY_source_gref)
		op.source.u.ref = (uint32_t)from;
	else
		op.source.u.gmfn = from;
	if (flags & PV_GNTCOPY_dest_gref)
		op.dest.u.ref = (uint32_t)to;
	else
		op.dest.u.gmfn = to;
	return op;
}

static int copy_one(struct pv_gnttab_copy *op)
{
	ck_assert_int_eq(fake_gnttab(&f, PV_GNTTABOP_copy, op, sizeof(*op), 1), 0);
	return op->status;
}

START_TEST(copy_moves_bytes_between_frames_and_grants)
{
	struct pv_gnttab_copy op;
	unsigned flags = (unsigned)_i;

	open_table();
	memset(fake_page(&f, GRANTED), 0x11, 4096);
	memset(fake_page(&f, GRANTED + 1), 0x22, 4096);
	grant(9, PV_GTF_permit_access | PV_GTF_readonly, GRANTED);
	grant(10, PV_GTF_permit_access, GRANTED + 1);
	op = copy_op(flags & PV_GNTCOPY_source_gref ? 9 : GRANTED,
		     flags & PV_GNTCOPY_dest_gref ? 10 : GRANTED + 1, flags);
	op.source.offset = 3;
	op.dest.offset = 4096 - 100;
	ck_assert_int_eq(copy_one(&op), PV_GNTST_okay);
	ck_assert_uint_eq(((unsigned char *)fake_page(&f, GRANTED + 1))[4095 - 100], 0x22);
	ck_assert_uint_eq(((unsigned char *)fake_page(&f, GRANTED + 1))[4096 - 100], 0x11);
	ck_assert_uint_eq(((unsigned char *)fake_page(&f, GRANTED + 1))[4095], 0x11);
	ck_assert_uint_eq((uint16_t)entry[9], PV_GTF_permit_access | PV_GTF_readonly);
	ck_assert_uint_eq((uint16_t)entry[10], PV_GTF_permit_access);
	fake_close(&f);
}
END_TEST

START_TEST(copy_arguments_are_checked)
{
	struct pv_gnttab_copy op;

	open_table();
	grant(9, PV_GTF_permit_access | PV_GTF_readonly, GRANTED);
	op = copy_op(GRANTED, GRANTED + 1, 0);
	op.source.domid = 0;
	ck_assert_int_eq(copy_one(&op), PV_GNTST_permission_denied);
	op.source.domid = 0x7fef;
	ck_assert_int_eq(copy_one(&op), PV_GNTST_bad_domain);
	op = copy_op(9, GRANTED + 1, PV_GNTCOPY_source_gref);
	op.source.domid = 3;
	ck_assert_int_eq(copy_one(&op), PV_GNTST_bad_domain);
	op = copy_op(GRANTED, GRANTED + 1, 0);
	op.source.offset = 4096 - 99;
	ck_assert_int_eq(copy_one(&op), PV_GNTST_bad_copy_arg);
	op = copy_op(GRANTED, GRANTED + 1, 0);
	op.dest.offset = 0xffff;
	ck_assert_int_eq(copy_one(&op), PV_GNTST_bad_copy_arg);
	op = copy_op(GRANTED, GRANTED + 1, 0);
	op.len = 4097;
	ck_assert_int_eq(copy_one(&op), PV_GNTST_bad_copy_arg);
	op = copy_op(FAKE_PAGES, GRANTED + 1, 0);
	ck_assert_int_eq(copy_one(&op), PV_GNTST_bad_page);
	op = copy_op(UINT64_MAX, GRANTED + 1, 0);
	ck_assert_int_eq(copy_one(&op), PV_GNTST_bad_page);
	op = copy_op(GRANTED + 1, 9, PV_GNTCOPY_dest_gref); /* read-only */
	ck_assert_int_eq(copy_one(&op), PV_GNTST_general_error);
	op = copy_op(9, FAKE_PAGES, PV_GNTCOPY_source_gref); /* fails with the source open */
	ck_assert_int_eq(copy_one(&op), PV_GNTST_bad_page);
	ck_assert_uint_eq((uint16_t)entry[9], PV_GTF_permit_access | PV_GTF_readonly);
	fake_close(&f);
}
END_TEST

START_TEST(setup_table_hands_out_the_builders_frames)
{
	uint64_t gfns[4] = {FAKE_GRANTS, FAKE_GRANTS + 1, FAKE_GRANTS + 2, FAKE_GRANTS + 3};
	struct pv_gnttab_setup_table s = {PV_DOMID_SELF, 2, 77, fake_gva(FAKE_DATA)};
	struct pv_gnttab_query_size q = {.dom = PV_DOMID_SELF};
	struct pv_domain_config cfg;
	uint64_t *list;

	fake_config(&cfg, PV_DOMAIN_PV, 1);
	cfg.max_grant_frames = 4;
	cfg.grant_gfns = gfns;
	fake_open_cfg(&f, &cfg, true);
	list = fake_page(&f, FAKE_DATA);
	ck_assert_int_eq(fake_gnttab(&f, PV_GNTTABOP_query_size, &q, sizeof(q), 1), 0);
	ck_assert_uint_eq(q.nr_frames, 1);
	ck_assert_uint_eq(q.max_nr_frames, 4);
	ck_assert_int_eq(fake_gnttab(&f, PV_GNTTABOP_setup_table, &s, sizeof(s), 1), 0);
	ck_assert_int_eq(s.status, PV_GNTST_okay);
	ck_assert_uint_eq(list[0], FAKE_GRANTS);
	ck_assert_uint_eq(list[1], FAKE_GRANTS + 1);
	s.nr_frames = 5;
	ck_assert_int_eq(fake_gnttab(&f, PV_GNTTABOP_setup_table, &s, sizeof(s), 1), 0);
	ck_assert_int_eq(s.status, PV_GNTST_general_error);
	s.nr_frames = 1;
	s.frame_list = 0;
	ck_assert_int_eq(fake_gnttab(&f, PV_GNTTABOP_setup_table, &s, sizeof(s), 1), 0);
	ck_assert_int_eq(s.status, PV_GNTST_bad_virt_addr);
	s.dom = 0;
	ck_assert_int_eq(fake_gnttab(&f, PV_GNTTABOP_setup_table, &s, sizeof(s), 1), 0);
	ck_assert_int_eq(s.status, PV_GNTST_permission_denied);
	s.dom = 9;
	ck_assert_int_eq(fake_gnttab(&f, PV_GNTTABOP_setup_table, &s, sizeof(s), 1), 0);
	ck_assert_int_eq(s.status, PV_GNTST_bad_domain);
	ck_assert_int_eq(fake_hypercall(&f, 0, PV_HYPERVISOR_grant_table_op,
					PV_GNTTABOP_setup_table, fake_gva(FAKE_ARGS), 2, 0),
			 -PV_EINVAL);
	fake_close(&f);
}
END_TEST

static bool known(unsigned op, enum pv_domain_kind kind)
{
	switch (op) {
	case PV_GNTTABOP_transfer:
	case PV_GNTTABOP_unmap_and_replace:
	case PV_GNTTABOP_get_status_frames:
	case PV_GNTTABOP_cache_flush: return kind == PV_DOMAIN_PV; /* Xen: not for HVM guests */
	default: return op <= PV_GNTTABOP_cache_flush && op != PV_GNTTABOP_dump_table;
	}
}

/* XSA-232: a kind of domain does not reach what is not meant for it. Row G11, H4. */
START_TEST(other_operations_and_huge_counts_are_refused)
{
	enum pv_domain_kind kind = _i ? PV_DOMAIN_PV : PV_DOMAIN_PVH;
	unsigned op;

	fake_open(&f, kind, 1, true);
	for (op = 0; op < 40; op++) {
		ck_assert_int_eq(fake_hypercall(&f, 0, PV_HYPERVISOR_grant_table_op, op,
						fake_gva(FAKE_ARGS), 1ull << 40, 0),
				 -PV_EINVAL);
		if (known(op, kind)) /* a wild pointer */
			ck_assert_int_eq(
				fake_hypercall(&f, 0, PV_HYPERVISOR_grant_table_op, op, 8, 1, 0),
				-PV_EFAULT);
		else
			ck_assert_int_eq(fake_hypercall(&f, 0, PV_HYPERVISOR_grant_table_op, op,
							fake_gva(FAKE_ARGS), 1, 0),
					 -PV_ENOSYS);
	}
	fake_close(&f);
}
END_TEST

START_TEST(unmap_without_an_address_keeps_the_map)
{
	struct pv_gnttab_map_grant_ref op = map_op(9, HOLE);
	struct pv_gnttab_unmap_and_replace x = {0};

	fake_open(&f, PV_DOMAIN_PV, 1, true);
	entry = fake_grants(&f);
	grant(9, PV_GTF_permit_access, GRANTED);
	op.host_addr = fake_gva(HOLE);
	ck_assert_int_eq(map_one(&op), PV_GNTST_okay);
	ck_assert_int_eq(unmap_one(op.handle, 0), PV_GNTST_okay);
	ck_assert_uint_eq(f.overlay[HOLE], GRANTED);
	x.handle = op.handle;
	x.host_addr = fake_gva(HOLE);
	x.new_addr = fake_gva(HOLE + 1);
	ck_assert_int_eq(fake_gnttab(&f, PV_GNTTABOP_unmap_and_replace, &x, sizeof(x), 1), 0);
	ck_assert_int_eq(x.status, PV_GNTST_general_error);
	ck_assert_uint_eq(f.overlay[HOLE], GRANTED);
	x.new_addr = 0;
	ck_assert_int_eq(fake_gnttab(&f, PV_GNTTABOP_unmap_and_replace, &x, sizeof(x), 1), 0);
	ck_assert_int_eq(x.status, PV_GNTST_okay);
	ck_assert(f.overlay[HOLE] == PV_PHYSMAP_NONE);
	ck_assert_uint_eq((uint16_t)entry[9], PV_GTF_permit_access);
	ck_assert_int_eq(fake_gnttab(&f, PV_GNTTABOP_unmap_and_replace, &x, sizeof(x), 1), 0);
	ck_assert_int_eq(x.status, PV_GNTST_bad_handle);
	fake_close(&f);
}
END_TEST

START_TEST(cache_flush_and_transfer_check_and_change_nothing)
{
	struct pv_gnttab_cache_flush c = {.a.dev_bus_addr = GRANTED * 4096, .length = 8};
	struct pv_gnttab_transfer t = {.mfn = GRANTED};

	fake_open(&f, PV_DOMAIN_PV, 1, true);
	c.op = PV_GNTTAB_CACHE_CLEAN;
	ck_assert_int_eq(fake_gnttab(&f, PV_GNTTABOP_cache_flush, &c, sizeof(c), 1), 0);
	c.op = PV_GNTTAB_CACHE_INVAL;
	ck_assert_int_eq(fake_gnttab(&f, PV_GNTTABOP_cache_flush, &c, sizeof(c), 1),
			 -PV_EOPNOTSUPP);
	c.op = PV_GNTTAB_CACHE_SOURCE_GREF;
	ck_assert_int_eq(fake_gnttab(&f, PV_GNTTABOP_cache_flush, &c, sizeof(c), 1), -PV_EINVAL);
	c.op = PV_GNTTAB_CACHE_CLEAN;
	c.offset = 4090;
	ck_assert_int_eq(fake_gnttab(&f, PV_GNTTABOP_cache_flush, &c, sizeof(c), 1), -PV_EINVAL);
	c.offset = 0;
	c.a.dev_bus_addr = UINT64_MAX;
	ck_assert_int_eq(fake_gnttab(&f, PV_GNTTABOP_cache_flush, &c, sizeof(c), 1), -PV_EINVAL);
	ck_assert_int_eq(fake_gnttab(&f, PV_GNTTABOP_transfer, &t, sizeof(t), 1), 0);
	ck_assert_int_eq(t.status, PV_GNTST_general_error);
	t.mfn = FAKE_PAGES;
	ck_assert_int_eq(fake_gnttab(&f, PV_GNTTABOP_transfer, &t, sizeof(t), 1), 0);
	ck_assert_int_eq(t.status, PV_GNTST_bad_page);
	fake_close(&f);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("host grant_table_op");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, guest_sees_its_own_grant_where_it_asked);
	tcase_add_test(t, guest_cannot_undo_a_backends_map);
	tcase_add_test(t, map_arguments_are_checked);
	tcase_add_loop_test(t, kth_failure_of_a_batch_spares_the_others, 0, BATCH);
	tcase_add_test(t, map_undoes_itself_when_the_vmm_refuses);
	tcase_add_test(t, map_undoes_itself_when_the_handle_cannot_be_told);
	tcase_add_test(t, mapped_frames_stay_what_they_are);
	tcase_add_test(t, destruction_takes_overlays_away);
	tcase_add_loop_test(t, copy_moves_bytes_between_frames_and_grants, 0, 4);
	tcase_add_test(t, copy_arguments_are_checked);
	tcase_add_test(t, setup_table_hands_out_the_builders_frames);
	tcase_add_loop_test(t, other_operations_and_huge_counts_are_refused, 0, 2);
	tcase_add_test(t, unmap_without_an_address_keeps_the_map);
	tcase_add_test(t, cache_flush_and_transfer_check_and_change_nothing);
	return run_case("host grant_table_op", t);
}
