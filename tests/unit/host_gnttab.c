/*
 * Claims about grant tables on the host side, over the memory-only VMM.
 *
 * Checklist section 3: counts that match, flags that reflect use, single reads of entries that change,
 * failure of the k-th in a batch, handles used twice or by others, destruction with live maps.
 */
#include "fake_vmm.h"

#include <stddef.h>
#include <string.h>

#include <pv/abi/memory.h>
#include "run.h"

#define GRANTED (FAKE_DATA + 1)
#define RW	PV_GTF_permit_access
#define RO	(PV_GTF_permit_access | PV_GTF_readonly)

static struct fake_vmm f;
static uint64_t *entry;
static struct pv_grant_map map;

static void open_table(void)
{
	fake_open(&f, PV_DOMAIN_PVH, 1, true);
	entry = fake_grants(&f);
	memset(fake_page(&f, GRANTED), 0x11, 4096);
}

static void grant(uint32_t ref, unsigned flags, uint16_t domid, uint32_t gfn)
{
	__atomic_store_n(&entry[ref], (uint64_t)gfn << 32 | (uint64_t)domid << 16 | (uint64_t)flags,
			 __ATOMIC_SEQ_CST);
}

static unsigned flags_of(uint32_t ref)
{
	return (uint16_t)__atomic_load_n(&entry[ref], __ATOMIC_SEQ_CST);
}

static int map_ref(uint32_t ref, unsigned flags)
{
	return pv_domain_grant_map(f.d, FAKE_BACKEND, ref, flags, &map);
}

START_TEST(backend_maps_what_was_granted)
{
	open_table();
	grant(9, RW, FAKE_BACKEND, GRANTED);
	ck_assert_int_eq(map_ref(9, 0), PV_GNTST_okay);
	ck_assert_ptr_eq(map.ptr, fake_page(&f, GRANTED));
	ck_assert_uint_eq(map.gfn, GRANTED);
	ck_assert(f.dirty[GRANTED]);
	ck_assert_uint_eq(flags_of(9), RW | PV_GTF_reading | PV_GTF_writing);
	ck_assert_int_eq(pv_domain_grant_unmap(f.d, FAKE_BACKEND, &map), PV_GNTST_okay);
	ck_assert_uint_eq(flags_of(9), RW);
	fake_close(&f);
}
END_TEST

static const struct {
	const char *what;
	unsigned flags;
	uint16_t domid;
	uint32_t gfn;
	int status;
} refused[] = {
	{"nothing granted", PV_GTF_invalid, FAKE_BACKEND, GRANTED, PV_GNTST_general_error},
	{"granted to another", RW, FAKE_BACKEND + 1, GRANTED, PV_GNTST_general_error},
	{"read-only", RO, FAKE_BACKEND, GRANTED, PV_GNTST_general_error},
	{"transfer", PV_GTF_accept_transfer, FAKE_BACKEND, GRANTED, PV_GNTST_general_error},
	{"transitive", PV_GTF_transitive, FAKE_BACKEND, GRANTED, PV_GNTST_general_error},
	{"sub-page", RW | PV_GTF_sub_page, FAKE_BACKEND, GRANTED, PV_GNTST_general_error},
	{"no such frame", RW, FAKE_BACKEND, FAKE_PAGES, PV_GNTST_bad_page},
	{"the grant table itself", RW, FAKE_BACKEND, FAKE_GRANTS, PV_GNTST_bad_page},
	{"shared_info", RW, FAKE_BACKEND, FAKE_SHARED, PV_GNTST_bad_page},
	{"highest frame", RW, FAKE_BACKEND, UINT32_MAX, PV_GNTST_bad_page},
};

START_TEST(map_refuses_entries_that_do_not_permit_it)
{
	open_table();
	grant(9, refused[_i].flags, refused[_i].domid, refused[_i].gfn);
	ck_assert_msg(map_ref(9, 0) == refused[_i].status, "%s", refused[_i].what);
	ck_assert_uint_eq(flags_of(9), refused[_i].flags); /* no bit left behind */
	ck_assert_uint_eq(f.dirty[GRANTED], 0);
	/* the handle that was reserved is free again */
	grant(10, RW, FAKE_BACKEND, GRANTED);
	ck_assert_int_eq(map_ref(10, 0), PV_GNTST_okay);
	ck_assert_uint_eq(map.handle & 0xffff, 0);
	fake_close(&f);
}
END_TEST

START_TEST(map_refuses_reference_beyond_table)
{
	static const uint32_t bad[] = {512, 513, 64 * 512, 1u << 31, UINT32_MAX};
	unsigned i;

	open_table();
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_int_eq(map_ref(bad[i], 0), PV_GNTST_bad_gntref);
	fake_close(&f);
}
END_TEST

START_TEST(readonly_map_of_a_readonly_grant_does_not_dirty)
{
	open_table();
	grant(9, RO, FAKE_BACKEND, GRANTED);
	ck_assert_int_eq(map_ref(9, PV_GRANT_READONLY), PV_GNTST_okay);
	ck_assert_uint_eq(flags_of(9), RO | PV_GTF_reading);
	ck_assert(!f.dirty[GRANTED]);
	fake_close(&f);
}
END_TEST

START_TEST(use_bits_stay_until_the_last_unmap_of_their_kind)
{
	struct pv_grant_map w, r1, r2;

	open_table();
	grant(9, RW, FAKE_BACKEND, GRANTED);
	ck_assert_int_eq(map_ref(9, PV_GRANT_READONLY), 0);
	r1 = map;
	ck_assert_uint_eq(flags_of(9), RW | PV_GTF_reading);
	ck_assert_int_eq(map_ref(9, 0), 0);
	w = map;
	ck_assert_int_eq(map_ref(9, PV_GRANT_READONLY), 0);
	r2 = map;
	ck_assert_int_eq(pv_domain_grant_unmap(f.d, FAKE_BACKEND, &r1), 0);
	ck_assert_uint_eq(flags_of(9), RW | PV_GTF_reading | PV_GTF_writing);
	ck_assert_int_eq(pv_domain_grant_unmap(f.d, FAKE_BACKEND, &w), 0);
	ck_assert_uint_eq(flags_of(9), RW | PV_GTF_reading);
	ck_assert_int_eq(pv_domain_grant_unmap(f.d, FAKE_BACKEND, &r2), 0);
	ck_assert_uint_eq(flags_of(9), RW);
	fake_close(&f);
}
END_TEST

START_TEST(map_in_use_keeps_the_frame_of_its_first_use)
{
	struct pv_grant_map first;

	open_table();
	grant(9, RW, FAKE_BACKEND, GRANTED);
	ck_assert_int_eq(map_ref(9, 0), 0);
	first = map;
	/* the guest breaks the rules and changes an entry in use */
	grant(9, RW | PV_GTF_reading | PV_GTF_writing, FAKE_BACKEND, GRANTED + 1);
	ck_assert_int_eq(map_ref(9, 0), 0);
	ck_assert_uint_eq(map.gfn, GRANTED);
	ck_assert_int_eq(pv_domain_grant_map(f.d, FAKE_BACKEND + 1, 9, 0, &map),
			 PV_GNTST_general_error);
	ck_assert_int_eq(pv_domain_grant_unmap(f.d, FAKE_BACKEND, &first), 0);
	fake_close(&f);
}
END_TEST

START_TEST(unmap_is_done_once_and_by_its_owner)
{
	struct pv_grant_map again, forged;

	open_table();
	grant(9, RW, FAKE_BACKEND, GRANTED);
	ck_assert_int_eq(map_ref(9, 0), 0);
	again = forged = map;
	ck_assert_int_eq(pv_domain_grant_unmap(f.d, FAKE_BACKEND + 1, &map), PV_GNTST_bad_handle);
	forged.handle = UINT32_MAX;
	ck_assert_int_eq(pv_domain_grant_unmap(f.d, FAKE_BACKEND, &forged), PV_GNTST_bad_handle);
	ck_assert_uint_eq(flags_of(9), RW | PV_GTF_reading | PV_GTF_writing);
	ck_assert_int_eq(pv_domain_grant_unmap(f.d, FAKE_BACKEND, &map), 0);
	ck_assert_int_eq(pv_domain_grant_unmap(f.d, FAKE_BACKEND, &map), PV_GNTST_bad_handle);
	/* the slot has a new tenant: the old handle is not his */
	ck_assert_int_eq(map_ref(9, 0), 0);
	ck_assert_int_eq(pv_domain_grant_unmap(f.d, FAKE_BACKEND, &again), PV_GNTST_bad_handle);
	ck_assert_int_eq(pv_domain_grant_unmap(f.d, FAKE_BACKEND, &map), 0);
	fake_close(&f);
}
END_TEST

START_TEST(exhausted_handles_fail_cleanly)
{
	struct pv_domain_config cfg;
	struct pv_grant_map maps[300];
	unsigned i;

	fake_config(&cfg, PV_DOMAIN_PVH, 1);
	cfg.max_maps = 300;
	fake_open_cfg(&f, &cfg, true);
	entry = fake_grants(&f);
	grant(9, RW, FAKE_BACKEND, GRANTED);
	for (i = 0; i < 300; i++)
		ck_assert_int_eq(pv_domain_grant_map(f.d, FAKE_BACKEND, 9, 0, &maps[i]), 0);
	ck_assert_int_eq(map_ref(9, 0), PV_GNTST_no_space);
	ck_assert_int_eq(pv_domain_grant_unmap(f.d, FAKE_BACKEND, &maps[123]), 0);
	ck_assert_int_eq(map_ref(9, 0), 0);
	fake_close(&f); /* with 300 live maps: destruction is clean */
}
END_TEST

START_TEST(batch_maps_what_it_can_and_names_the_rest)
{
	struct pv_grant_batch op[70] = {{0}}; /* more than one hold of the lock */
	unsigned i;

	open_table();
	grant(9, RW, FAKE_BACKEND, GRANTED);
	grant(10, RO, FAKE_BACKEND, GRANTED);
	for (i = 0; i < 70; i++)
		op[i].ref = 9;
	op[3].ref = op[40].ref = 10;
	op[40].map.flags = PV_GRANT_READONLY;
	ck_assert_uint_eq(pv_domain_grant_map_batch(f.d, FAKE_BACKEND, op, 70), 1);
	for (i = 0; i < 70; i++) {
		ck_assert_int_eq(op[i].status, i == 3 ? PV_GNTST_general_error : PV_GNTST_okay);
		if (i != 3)
			ck_assert_ptr_eq(op[i].map.ptr, fake_page(&f, GRANTED));
	}
	ck_assert_uint_eq(flags_of(10), RO | PV_GTF_reading);
	op[3].map = op[2].map;
	ck_assert_uint_eq(pv_domain_grant_unmap_batch(f.d, FAKE_BACKEND, op, 70), 1);
	ck_assert_int_eq(op[3].status, PV_GNTST_bad_handle);
	ck_assert_uint_eq(flags_of(9), RW);
	ck_assert_uint_eq(flags_of(10), RO);
	fake_close(&f);
}
END_TEST

START_TEST(failing_allocations_leave_no_bits_behind)
{
	int left;

	for (left = 0; left < 2; left++) {
		open_table();
		grant(9, RW, FAKE_BACKEND, GRANTED);
		f.alloc_left = left;
		ck_assert_int_eq(map_ref(9, 0), PV_GNTST_no_space);
		ck_assert_uint_eq(flags_of(9), RW);
		f.alloc_left = -1;
		ck_assert_int_eq(map_ref(9, 0), 0);
		fake_close(&f);
	}
}
END_TEST

START_TEST(read_and_write_check_their_range_and_leave_no_bits)
{
	char buf[16] = "0123456789abcde";

	open_table();
	grant(9, RW, FAKE_BACKEND, GRANTED);
	ck_assert_int_eq(pv_domain_grant_write(f.d, FAKE_BACKEND, 9, 4080, buf, 16), 0);
	memset(buf, 0, 16);
	ck_assert_int_eq(pv_domain_grant_read(f.d, FAKE_BACKEND, 9, 4081, buf, 15), 0);
	ck_assert_str_eq(buf, "123456789abcde");
	ck_assert_int_eq(pv_domain_grant_write(f.d, FAKE_BACKEND, 9, 4081, buf, 16),
			 PV_GNTST_bad_copy_arg);
	ck_assert_int_eq(pv_domain_grant_read(f.d, FAKE_BACKEND, 9, UINT32_MAX, buf, 16),
			 PV_GNTST_bad_copy_arg);
	ck_assert_int_eq(pv_domain_grant_read(f.d, FAKE_BACKEND, 9, 16, buf, UINT32_MAX),
			 PV_GNTST_bad_copy_arg);
	ck_assert_uint_eq(flags_of(9), RW);
	grant(9, RO, FAKE_BACKEND, GRANTED);
	ck_assert_int_eq(pv_domain_grant_write(f.d, FAKE_BACKEND, 9, 0, buf, 16),
			 PV_GNTST_general_error);
	ck_assert_int_eq(pv_domain_grant_read(f.d, FAKE_BACKEND, 9, 0, buf, 16), 0);
	ck_assert_uint_eq(flags_of(9), RO);
	fake_close(&f);
}
END_TEST

START_TEST(seeds_wait_for_the_first_frame)
{
	fake_open(&f, PV_DOMAIN_PVH, 1, true);
	ck_assert_int_eq(pv_domain_grant_seed(f.d, 1, FAKE_BACKEND, GRANTED), 0);
	ck_assert_int_eq(pv_domain_grant_seed(f.d, 8, FAKE_BACKEND, GRANTED), -PV_EINVAL);
	ck_assert_int_eq(map_ref(1, 0), 0); /* a backend may be early */
	entry = fake_grants(&f);
	ck_assert_uint_eq(flags_of(1), RW | PV_GTF_reading | PV_GTF_writing);
	ck_assert_uint_eq(entry[1] >> 32, GRANTED);
	ck_assert_uint_eq(entry[2], 0); /* not what the page held before */
	ck_assert_uint_eq(entry[511], 0);
	ck_assert_int_eq(pv_domain_grant_unmap(f.d, FAKE_BACKEND, &map), 0);
	ck_assert_uint_eq(flags_of(1), RW);
	fake_close(&f);
}
END_TEST

static int64_t add(uint64_t idx, uint64_t gfn)
{
	struct pv_add_to_physmap a = {PV_DOMID_SELF, 0, PV_XENMAPSPACE_grant_table, idx, gfn};

	return fake_op(&f, PV_HYPERVISOR_memory_op, PV_XENMEM_add_to_physmap, &a, sizeof(a));
}

START_TEST(moved_frame_takes_its_entries_and_uses_along)
{
	open_table();
	grant(9, RW, FAKE_BACKEND, GRANTED);
	ck_assert_int_eq(map_ref(9, 0), 0);
	ck_assert_int_eq(add(0, FAKE_GRANTS + 1), 0);
	entry = fake_page(&f, FAKE_GRANTS + 1);
	ck_assert_uint_eq(flags_of(9), RW | PV_GTF_reading | PV_GTF_writing);
	ck_assert_int_eq(pv_domain_grant_unmap(f.d, FAKE_BACKEND, &map), 0);
	ck_assert_uint_eq(flags_of(9), RW);
	fake_close(&f);
}
END_TEST

START_TEST(frames_go_where_nothing_else_is)
{
	open_table();
	ck_assert_int_eq(add(1, FAKE_GRANTS), -PV_EINVAL);    /* over another frame */
	ck_assert_int_eq(add(1, FAKE_SHARED), -PV_EINVAL);    /* over shared_info */
	ck_assert_int_eq(add(1, FAKE_PAGES + 5), -PV_EINVAL); /* no memory */
	ck_assert_int_eq(add(1, UINT64_MAX), -PV_EINVAL);
	ck_assert_int_eq(add(1, UINT64_MAX >> 12), -PV_EINVAL);
	ck_assert_int_eq(add(64, FAKE_GRANTS + 1), -PV_EINVAL);
	ck_assert_int_eq(add(PV_XENMAPIDX_grant_table_status, FAKE_GRANTS + 1), -PV_EINVAL);
	ck_assert_int_eq(add(UINT64_MAX, FAKE_GRANTS + 1), -PV_EINVAL);
	f.frame_refuse = true;
	ck_assert_int_eq(add(1, FAKE_GRANTS + 1), -PV_EINVAL);
	f.frame_refuse = false;
	ck_assert_int_eq(map_ref(512, 0), PV_GNTST_bad_gntref); /* the table did not grow */
	ck_assert_int_eq(add(0, FAKE_GRANTS), 0);		/* twice is once */
	ck_assert_int_eq(add(5, FAKE_GRANTS + 1), 0);
	ck_assert_int_eq(map_ref(512, 0), PV_GNTST_general_error); /* grown, no place yet */
	fake_close(&f);
}
END_TEST

START_TEST(frame_may_live_outside_ram_if_the_vmm_says_so)
{
	fake_open(&f, PV_DOMAIN_PVH, 1, true);
	f.outside = 0x100000;
	ck_assert_int_eq(add(0, 0x100000), 0);
	entry = (uint64_t *)(void *)f.outside_page;
	grant(9, RW, FAKE_BACKEND, GRANTED);
	ck_assert_int_eq(map_ref(9, 0), 0);
	fake_close(&f);
}
END_TEST

START_TEST(removing_a_frame_in_use_is_refused)
{
	struct pv_remove_from_physmap r = {PV_DOMID_SELF, FAKE_GRANTS};

	open_table();
	grant(9, RW, FAKE_BACKEND, GRANTED);
	ck_assert_int_eq(map_ref(9, 0), 0);
	ck_assert_int_eq(
		fake_op(&f, PV_HYPERVISOR_memory_op, PV_XENMEM_remove_from_physmap, &r, sizeof(r)),
		-PV_EBUSY);
	ck_assert_int_eq(pv_domain_grant_unmap(f.d, FAKE_BACKEND, &map), 0);
	ck_assert_int_eq(
		fake_op(&f, PV_HYPERVISOR_memory_op, PV_XENMEM_remove_from_physmap, &r, sizeof(r)),
		0);
	ck_assert_int_eq(map_ref(9, 0), PV_GNTST_general_error);
	fake_close(&f);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("host grants");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, backend_maps_what_was_granted);
	tcase_add_loop_test(t, map_refuses_entries_that_do_not_permit_it, 0,
			    sizeof(refused) / sizeof(refused[0]));
	tcase_add_test(t, map_refuses_reference_beyond_table);
	tcase_add_test(t, readonly_map_of_a_readonly_grant_does_not_dirty);
	tcase_add_test(t, use_bits_stay_until_the_last_unmap_of_their_kind);
	tcase_add_test(t, map_in_use_keeps_the_frame_of_its_first_use);
	tcase_add_test(t, unmap_is_done_once_and_by_its_owner);
	tcase_add_test(t, exhausted_handles_fail_cleanly);
	tcase_add_test(t, batch_maps_what_it_can_and_names_the_rest);
	tcase_add_test(t, failing_allocations_leave_no_bits_behind);
	tcase_add_test(t, read_and_write_check_their_range_and_leave_no_bits);
	tcase_add_test(t, seeds_wait_for_the_first_frame);
	tcase_add_test(t, moved_frame_takes_its_entries_and_uses_along);
	tcase_add_test(t, frames_go_where_nothing_else_is);
	tcase_add_test(t, frame_may_live_outside_ram_if_the_vmm_says_so);
	tcase_add_test(t, removing_a_frame_in_use_is_refused);
	return run_case("host grants", t);
}
