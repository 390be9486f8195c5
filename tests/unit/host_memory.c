/*
 * Claims about HYPERVISOR_memory_op, over the memory-only VMM: the physical map, reservations, and
 * what is refused in Xen's words.
 *
 * Checklist rows H4 (XSA-27, 89, 296), H6 (XSA-22, 212, 379, 507), H13 (428).
 */
#include "fake_vmm.h"

#include <stddef.h>
#include <string.h>

#include <pv/abi/memory.h>
#include "run.h"

static struct fake_vmm f;

static int64_t op(unsigned cmd, void *arg, size_t size)
{
	return fake_op(&f, PV_HYPERVISOR_memory_op, cmd, arg, size);
}

static int64_t add(unsigned space, uint64_t idx, uint64_t gfn)
{
	struct pv_add_to_physmap a = {PV_DOMID_SELF, 0, space, idx, gfn};

	return op(PV_XENMEM_add_to_physmap, &a, sizeof(a));
}

static int64_t take_away(uint64_t gfn)
{
	struct pv_remove_from_physmap r = {PV_DOMID_SELF, gfn};

	return op(PV_XENMEM_remove_from_physmap, &r, sizeof(r));
}

static int64_t pages(unsigned cmd)
{
	struct pv_memory_domain d = {PV_DOMID_SELF};

	return op(cmd, &d, sizeof(d));
}

static int64_t balloon(unsigned cmd, uint64_t gfn, unsigned order, uint32_t flags)
{
	struct pv_memory_reservation r = {fake_gva(FAKE_ARGS) + 512, 1, order, flags,
					  PV_DOMID_SELF};

	memcpy((char *)fake_page(&f, FAKE_ARGS) + 512, &gfn, 8);
	return op(cmd, &r, sizeof(r));
}

static void open_small(void)
{
	struct pv_domain_config cfg;

	fake_config(&cfg, PV_DOMAIN_PVH, 1);
	cfg.nr_pages = FAKE_PAGES;
	cfg.max_pages = FAKE_PAGES + 8; /* room that no gfn uses */
	fake_open_cfg(&f, &cfg, true);
}

START_TEST(page_moves_to_another_place_and_leaves_a_hole)
{
	open_small();
	memset(fake_page(&f, FAKE_DATA), 0x33, 4096);
	ck_assert_int_eq(add(PV_XENMAPSPACE_gmfn, FAKE_DATA, FAKE_DATA + 1), 0);
	ck_assert_int_eq(((unsigned char *)fake_page(&f, FAKE_DATA + 1))[4095], 0x33);
	ck_assert(f.absent[FAKE_DATA] && !f.absent[FAKE_DATA + 1]);
	/* the page that was there is gone */
	ck_assert_int_eq(pages(PV_XENMEM_current_reservation), FAKE_PAGES - 1);
	ck_assert_int_eq(add(PV_XENMAPSPACE_gmfn, FAKE_DATA, FAKE_DATA + 2), -PV_EINVAL);
	ck_assert_int_eq(add(PV_XENMAPSPACE_gmfn, FAKE_DATA + 1, FAKE_DATA), 0); /* into a hole */
	ck_assert(!f.absent[FAKE_DATA] && f.absent[FAKE_DATA + 1]);
	ck_assert_int_eq(pages(PV_XENMEM_current_reservation), FAKE_PAGES - 1);
	ck_assert_int_eq(((unsigned char *)fake_page(&f, FAKE_DATA))[0], 0x33);
	ck_assert_int_eq(add(PV_XENMAPSPACE_gmfn, FAKE_DATA, FAKE_DATA), 0);
	f.balloon_refuse = true; /* a VMM without memory: nothing has changed */
	ck_assert_int_eq(add(PV_XENMAPSPACE_gmfn, FAKE_DATA, FAKE_DATA + 1), -PV_ENOMEM);
	ck_assert_int_eq(add(PV_XENMAPSPACE_gmfn, FAKE_DATA, FAKE_DATA + 2), -PV_ENOMEM);
	ck_assert_int_eq(pages(PV_XENMEM_current_reservation), FAKE_PAGES - 1);
	fake_close(&f);
}
END_TEST

/* XSA-507: one frame, one purpose. */
START_TEST(what_means_something_is_not_moved_nor_covered)
{
	struct pv_grant_map m;
	uint64_t *entry;
	static const uint64_t special[] = {FAKE_SHARED, FAKE_GRANTS, FAKE_DATA + 5};
	unsigned i;

	open_small();
	entry = fake_grants(&f);
	entry[9] = (uint64_t)(FAKE_DATA + 5) << 32 | FAKE_BACKEND << 16 | PV_GTF_permit_access;
	ck_assert_int_eq(pv_domain_grant_map(f.d, FAKE_BACKEND, 9, 0, &m), 0); /* as a ring is */
	for (i = 0; i < 3; i++) {
		ck_assert_int_eq(add(PV_XENMAPSPACE_gmfn, special[i], FAKE_DATA), -PV_EBUSY);
		ck_assert_int_eq(add(PV_XENMAPSPACE_gmfn, FAKE_DATA, special[i]), -PV_EBUSY);
		ck_assert_int_eq(balloon(PV_XENMEM_decrease_reservation, special[i], 0, 0), 0);
		ck_assert_int_eq(balloon(PV_XENMEM_populate_physmap, special[i], 0, 0), 0);
		if (special[i] != FAKE_SHARED)
			ck_assert_int_eq(add(PV_XENMAPSPACE_shared_info, 0, special[i]),
					 -PV_EINVAL);
		if (special[i] != FAKE_GRANTS)
			ck_assert_int_eq(add(PV_XENMAPSPACE_grant_table, 0, special[i]),
					 -PV_EINVAL);
	}
	ck_assert_int_eq(take_away(FAKE_SHARED), -PV_EBUSY);
	ck_assert_int_eq(take_away(FAKE_DATA + 5), -PV_EBUSY);
	ck_assert_int_eq(add(PV_XENMAPSPACE_shared_info, 0, FAKE_SHARED), 0); /* twice is once */
	ck_assert_int_eq(add(PV_XENMAPSPACE_shared_info, 1, FAKE_DATA), -PV_EINVAL);
	ck_assert_int_eq(pv_domain_grant_unmap(f.d, FAKE_BACKEND, &m), 0);
	ck_assert_int_eq(take_away(FAKE_DATA + 5), 0);
	fake_close(&f);
}
END_TEST

START_TEST(ram_can_be_removed_and_stays_counted)
{
	open_small();
	ck_assert_int_eq(take_away(FAKE_DATA), 0);
	ck_assert(f.absent[FAKE_DATA]);
	ck_assert_int_eq(take_away(FAKE_DATA), -PV_ENOENT);
	ck_assert_int_eq(take_away(FAKE_PAGES), -PV_ENOENT);
	ck_assert_int_eq(take_away(UINT64_MAX), -PV_ENOENT);
	ck_assert_int_eq(pages(PV_XENMEM_current_reservation), FAKE_PAGES);
	ck_assert_int_eq(balloon(PV_XENMEM_populate_physmap, FAKE_DATA, 0, 0), 1);
	ck_assert_int_eq(pages(PV_XENMEM_current_reservation), FAKE_PAGES + 1);
	fake_close(&f);
}
END_TEST

START_TEST(range_moves_page_by_page)
{
	struct pv_add_to_physmap a = {PV_DOMID_SELF, 3, PV_XENMAPSPACE_gmfn_range, FAKE_DATA,
				      FAKE_DATA + 8};
	unsigned i;

	open_small();
	for (i = 0; i < 3; i++)
		memset(fake_page(&f, FAKE_DATA + i), (int)i + 1, 4096);
	ck_assert_int_eq(op(PV_XENMEM_add_to_physmap, &a, sizeof(a)), 0);
	for (i = 0; i < 3; i++)
		ck_assert_uint_eq(*(unsigned char *)fake_page(&f, FAKE_DATA + 8 + i), i + 1);
	ck_assert_int_eq(op(PV_XENMEM_add_to_physmap, &a, sizeof(a)), -PV_EINVAL); /* holes now */
	a.idx = UINT64_MAX - 1;
	ck_assert_int_eq(op(PV_XENMEM_add_to_physmap, &a, sizeof(a)), -PV_EOVERFLOW);
	a.idx = FAKE_DATA;
	a.gpfn = UINT64_MAX - 2;
	ck_assert_int_eq(op(PV_XENMEM_add_to_physmap, &a, sizeof(a)), -PV_EOVERFLOW);
	fake_close(&f);
}
END_TEST

START_TEST(spaces_that_a_guest_may_not_use_are_refused_as_on_xen)
{
	struct pv_add_to_physmap a = {0, 0, PV_XENMAPSPACE_gmfn, FAKE_DATA, FAKE_DATA + 1};

	open_small();
	ck_assert_int_eq(add(PV_XENMAPSPACE_gmfn_foreign, 0, FAKE_DATA), -PV_ENOSYS);
	ck_assert_int_eq(add(PV_XENMAPSPACE_dev_mmio, 0, FAKE_DATA), -PV_EACCES);
	ck_assert_int_eq(add(6, 0, FAKE_DATA), -PV_EINVAL);
	ck_assert_int_eq(add(PV_XENMAPSPACE_gmfn, FAKE_DATA, UINT64_MAX), -PV_EINVAL);
	ck_assert_int_eq(op(PV_XENMEM_add_to_physmap, &a, sizeof(a)), -PV_EPERM);
	a.domid = 9;
	ck_assert_int_eq(op(PV_XENMEM_add_to_physmap, &a, sizeof(a)), -PV_ESRCH);
	fake_close(&f);
}
END_TEST

START_TEST(batch_reports_each_of_its_pages)
{
	struct pv_add_to_physmap_batch b = {PV_DOMID_SELF,
					    PV_XENMAPSPACE_gmfn,
					    3,
					    {0},
					    fake_gva(FAKE_DATA),
					    fake_gva(FAKE_DATA) + 256,
					    fake_gva(FAKE_DATA) + 512};
	uint64_t *idx, *gfn;
	int32_t *err;

	open_small();
	idx = fake_page(&f, FAKE_DATA);
	gfn = idx + 32;
	err = (int32_t *)(idx + 64);
	idx[0] = FAKE_DATA + 4, gfn[0] = FAKE_DATA + 5;
	idx[1] = FAKE_PAGES, gfn[1] = FAKE_DATA + 6;
	idx[2] = FAKE_DATA + 7, gfn[2] = FAKE_SHARED;
	ck_assert_int_eq(op(PV_XENMEM_add_to_physmap_batch, &b, sizeof(b)), 0);
	ck_assert_int_eq(err[0], 0);
	ck_assert_int_eq(err[1], -PV_EINVAL);
	ck_assert_int_eq(err[2], -PV_EBUSY);
	b.space = PV_XENMAPSPACE_gmfn_foreign;
	b.size = 1;
	for (b.u.foreign_domid = 0; b.u.foreign_domid < 10; b.u.foreign_domid++) {
		ck_assert_int_eq(op(PV_XENMEM_add_to_physmap_batch, &b, sizeof(b)), 0);
		ck_assert_int_eq(err[0], -PV_EPERM);
	}
	b.space = PV_XENMAPSPACE_gmfn_range;
	ck_assert_int_eq(op(PV_XENMEM_add_to_physmap_batch, &b, sizeof(b)), -PV_EOPNOTSUPP);
	b.space = PV_XENMAPSPACE_dev_mmio;
	ck_assert_int_eq(op(PV_XENMEM_add_to_physmap_batch, &b, sizeof(b)), -PV_EACCES);
	b.space = PV_XENMAPSPACE_gmfn;
	gfn[0] = UINT64_MAX;
	ck_assert_int_eq(op(PV_XENMEM_add_to_physmap_batch, &b, sizeof(b)), -PV_EINVAL);
	b.size = 65535;
	b.errs = UINT64_MAX - 4096;
	ck_assert_int_eq(op(PV_XENMEM_add_to_physmap_batch, &b, sizeof(b)), -PV_EFAULT);
	fake_close(&f);
}
END_TEST

START_TEST(every_order_up_to_two_megabytes_and_only_known_flags)
{
	unsigned order;

	open_small();
	for (order = 0; order <= 4; order++) {
		ck_assert_int_eq(balloon(PV_XENMEM_decrease_reservation, 32, order, 0), 1);
		ck_assert_int_eq(pages(PV_XENMEM_current_reservation), FAKE_PAGES - (1 << order));
		ck_assert_int_eq(balloon(PV_XENMEM_populate_physmap, 32, order, 40), 1);
	}
	ck_assert_int_eq(balloon(PV_XENMEM_decrease_reservation, 32, 32, 0), 0);
	ck_assert_int_eq(balloon(PV_XENMEM_decrease_reservation, 32, UINT32_MAX, 0), 0);
	ck_assert_int_eq(balloon(PV_XENMEM_decrease_reservation, 32, 0, 12), 0); /* 12-bit memory */
	ck_assert_int_eq(balloon(PV_XENMEM_decrease_reservation, 32, 0, 13), 1);
	ck_assert_int_eq(
		balloon(PV_XENMEM_populate_physmap, 32, 0, 1 << 8 | PV_XENMEMF_exact_node_request),
		0);
	ck_assert_int_eq(balloon(PV_XENMEM_populate_physmap, 32, 0, PV_XENMEMF_populate_on_demand),
			 0);
	ck_assert_int_eq(balloon(PV_XENMEM_populate_physmap, 32, 0, 1 << 8), 1); /* a wish */
	f.balloon_refuse = true;
	ck_assert_int_eq(balloon(PV_XENMEM_decrease_reservation, 32, 0, 0), 0);
	ck_assert_int_eq(pages(PV_XENMEM_current_reservation), FAKE_PAGES);
	f.balloon_refuse = false;
	/* pages without a place only count */
	ck_assert_int_eq(balloon(PV_XENMEM_increase_reservation, 0, 3, 0), 1);
	ck_assert_int_eq(pages(PV_XENMEM_current_reservation), FAKE_PAGES + 8);
	ck_assert_int_eq(balloon(PV_XENMEM_increase_reservation, 0, 0, 0), 0);
	fake_close(&f);
}
END_TEST

/* H4: lists of any length end, and what was done is told. */
START_TEST(endless_lists_end)
{
	struct pv_memory_reservation r = {fake_gva(FAKE_DATA), 0, 0, 0, PV_DOMID_SELF};
	static const uint64_t counts[] = {UINT32_MAX >> 6, (UINT32_MAX >> 6) + 1ull, UINT64_MAX,
					  1ull << 61};
	unsigned i, cmd;

	open_small();
	for (i = 0; i < 4; i++)
		for (cmd = 0; cmd < 7; cmd++) {
			r.nr_extents = counts[i];
			if (cmd == PV_XENMEM_decrease_reservation ||
			    cmd == PV_XENMEM_populate_physmap)
				ck_assert_int_eq(op(cmd, &r, sizeof(r)), 0);
		}
	/* Xen's own way to go on in the middle of a list: no more than the list has */
	memset(fake_page(&f, FAKE_DATA), 0xff, 4096);
	r.nr_extents = 5;
	ck_assert_int_eq(op(PV_XENMEM_decrease_reservation | 5 << 6, &r, sizeof(r)), 5);
	ck_assert_int_eq(op(PV_XENMEM_decrease_reservation | 3 << 6, &r, sizeof(r)), 3);
	ck_assert_int_eq(pages(PV_XENMEM_current_reservation | 1 << 6), -PV_EINVAL);
	fake_close(&f);
}
END_TEST

START_TEST(exchange_is_refused_after_its_checks)
{
	struct pv_memory_exchange e,
		good = {.in = {fake_gva(FAKE_DATA), 2, 0, 0, PV_DOMID_SELF},
			.out = {fake_gva(FAKE_DATA) + 64, 1, 1, 0, PV_DOMID_SELF}};

	open_small();
	*(uint64_t *)fake_page(&f, FAKE_DATA) = FAKE_DATA + 3;
	e = good;
	ck_assert_int_eq(op(PV_XENMEM_exchange, &e, sizeof(e)), -PV_EOPNOTSUPP);
	ck_assert_uint_eq(e.nr_exchanged, 0);
	e.in.extent_order = 10;
	ck_assert_int_eq(op(PV_XENMEM_exchange, &e, sizeof(e)), -PV_EPERM);
	e = good, e.out.nr_extents = 2;
	ck_assert_int_eq(op(PV_XENMEM_exchange, &e, sizeof(e)), -PV_EINVAL);
	e = good, e.in.nr_extents = e.out.nr_extents = UINT64_MAX;
	ck_assert_int_eq(op(PV_XENMEM_exchange, &e, sizeof(e)), -PV_EINVAL);
	e = good, e.nr_exchanged = 3;
	ck_assert_int_eq(op(PV_XENMEM_exchange, &e, sizeof(e)), -PV_EINVAL);
	e = good, e.nr_exchanged = 2;
	ck_assert_int_eq(op(PV_XENMEM_exchange, &e, sizeof(e)), 0);
	e = good, e.out.domid = 0;
	ck_assert_int_eq(op(PV_XENMEM_exchange, &e, sizeof(e)), -PV_EINVAL);
	e = good, e.in.domid = e.out.domid = 9;
	ck_assert_int_eq(op(PV_XENMEM_exchange, &e, sizeof(e)), -PV_ESRCH);
	e = good, e.in.extent_start = 16;
	ck_assert_int_eq(op(PV_XENMEM_exchange, &e, sizeof(e)), -PV_EFAULT);
	e = good, e.out.extent_start = UINT64_MAX;
	ck_assert_int_eq(op(PV_XENMEM_exchange, &e, sizeof(e)), -PV_EFAULT);
	*(uint64_t *)fake_page(&f, FAKE_DATA) = FAKE_PAGES;
	e = good;
	ck_assert_int_eq(op(PV_XENMEM_exchange, &e, sizeof(e)), -PV_EINVAL);
	fake_close(&f);
}
END_TEST

START_TEST(what_is_the_control_domains_is_refused)
{
	struct pv_memory_reservation r = {.domid = FAKE_DOMID};
	struct pv_mem_acquire_resource a = {.domid = FAKE_DOMID};
	struct pv_pod_target p = {.domid = PV_DOMID_SELF};
	uint16_t v[20] = {PV_DOMID_SELF};

	open_small();
	ck_assert_int_eq(op(PV_XENMEM_claim_pages, &r, sizeof(r)), -PV_EPERM);
	r.domid = PV_DOMID_SELF;
	ck_assert_int_eq(op(PV_XENMEM_claim_pages, &r, sizeof(r)), -PV_EINVAL);
	ck_assert_int_eq(op(PV_XENMEM_acquire_resource, &a, sizeof(a)), -PV_EACCES);
	ck_assert_int_eq(op(PV_XENMEM_get_pod_target, &p, sizeof(p)), -PV_EPERM);
	ck_assert_int_eq(op(PV_XENMEM_set_pod_target, &p, sizeof(p)), -PV_EPERM);
	p.domid = 9;
	ck_assert_int_eq(op(PV_XENMEM_get_pod_target, &p, sizeof(p)), -PV_ESRCH);
	ck_assert_int_eq(op(PV_XENMEM_get_vnumainfo, v, sizeof(v)), -PV_EOPNOTSUPP);
	v[1] = 1;
	ck_assert_int_eq(op(PV_XENMEM_get_vnumainfo, v, sizeof(v)), -PV_EINVAL);
	ck_assert_int_eq(op(PV_XENMEM_machine_memory_map, v, sizeof(v)), -PV_ENOSYS);
	ck_assert_int_eq(op(PV_XENMEM_machphys_mapping, v, sizeof(v)), -PV_ENOSYS);
	fake_close(&f);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("host memory_op");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, page_moves_to_another_place_and_leaves_a_hole);
	tcase_add_test(t, what_means_something_is_not_moved_nor_covered);
	tcase_add_test(t, ram_can_be_removed_and_stays_counted);
	tcase_add_test(t, range_moves_page_by_page);
	tcase_add_test(t, spaces_that_a_guest_may_not_use_are_refused_as_on_xen);
	tcase_add_test(t, batch_reports_each_of_its_pages);
	tcase_add_test(t, every_order_up_to_two_megabytes_and_only_known_flags);
	tcase_add_test(t, endless_lists_end);
	tcase_add_test(t, exchange_is_refused_after_its_checks);
	tcase_add_test(t, what_is_the_control_domains_is_refused);
	return run_case("host memory_op", t);
}
