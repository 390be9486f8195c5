/*
 * Claims about version 2 of the grant table on the host side, over the memory-only VMM: the switch,
 * status frames, sub-page grants, and entries that change while they are read.
 *
 * Checklist section 3, rows G1, G4, G5 and G8, for both versions where it makes a difference.
 */
#include "fake_vmm.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <pv/abi/memory.h>
#include "run.h"

#define GRANTED (FAKE_DATA + 1)
#define OTHER	(FAKE_DATA + 2)
#define STATUS	(FAKE_GRANTS + 4) /* gfn of status frame 0 */
#define HOLE	(FAKE_DATA + 20)
#define RW	PV_GTF_permit_access
#define RO	(PV_GTF_permit_access | PV_GTF_readonly)

static struct fake_vmm f;
static union pv_grant_entry_v2 *entry;
static uint16_t *status;
static struct pv_grant_map map;

static int set_version(uint32_t version)
{
	struct pv_gnttab_set_version v = {version};
	int rc = (int)fake_gnttab(&f, PV_GNTTABOP_set_version, &v, sizeof(v), 1);
	struct pv_gnttab_get_version g = {.dom = PV_DOMID_SELF};

	ck_assert_int_eq(fake_gnttab(&f, PV_GNTTABOP_get_version, &g, sizeof(g), 1), 0);
	ck_assert_uint_eq(v.version, g.version); /* whatever happens, the answer is the truth */
	if (!rc)
		ck_assert_uint_eq(v.version, version);
	return rc;
}

static int64_t add(uint64_t idx, uint64_t gfn)
{
	struct pv_add_to_physmap a = {PV_DOMID_SELF, 0, PV_XENMAPSPACE_grant_table, idx, gfn};

	return fake_op(&f, PV_HYPERVISOR_memory_op, PV_XENMEM_add_to_physmap, &a, sizeof(a));
}

static int64_t take_away(uint64_t gfn)
{
	struct pv_remove_from_physmap r = {PV_DOMID_SELF, gfn};

	return fake_op(&f, PV_HYPERVISOR_memory_op, PV_XENMEM_remove_from_physmap, &r, sizeof(r));
}

/* As Linux does: the version before any frame. */
static void open_table(void)
{
	fake_open(&f, PV_DOMAIN_PVH, 1, true);
	ck_assert_int_eq(set_version(2), 0);
	entry = (void *)fake_grants(&f);
	ck_assert_int_eq(add(PV_XENMAPIDX_grant_table_status, STATUS), 0);
	status = fake_page(&f, STATUS);
	memset(fake_page(&f, GRANTED), 0x11, 4096);
}

static void grant(uint32_t ref, unsigned flags, uint16_t domid, uint64_t gfn)
{
	entry[ref].full_page.frame = gfn;
	entry[ref].full_page.pad0 = 0;
	entry[ref].hdr.domid = domid;
	__atomic_store_n(&entry[ref].hdr.flags, (uint16_t)flags, __ATOMIC_SEQ_CST);
}

static void grant_part(uint32_t ref, unsigned flags, uint16_t domid, uint16_t off, uint16_t len)
{
	entry[ref].sub_page.page_off = off;
	entry[ref].sub_page.length = len;
	entry[ref].sub_page.frame = GRANTED;
	entry[ref].hdr.domid = domid;
	entry[ref].hdr.flags = (uint16_t)(flags | PV_GTF_sub_page);
}

static int map_ref(uint32_t ref, unsigned flags)
{
	return pv_domain_grant_map(f.d, FAKE_BACKEND, ref, flags, &map);
}

START_TEST(version_two_maps_and_tells_by_the_status_word)
{
	struct pv_grant_map second;

	open_table();
	grant(9, RW, FAKE_BACKEND, GRANTED);
	ck_assert_int_eq(map_ref(9, PV_GRANT_READONLY), PV_GNTST_okay);
	ck_assert_uint_eq(map.gfn, GRANTED);
	ck_assert_uint_eq(*(unsigned char *)map.ptr, 0x11);
	ck_assert_uint_eq(status[9], PV_GTF_reading);
	ck_assert_uint_eq(entry[9].hdr.flags, RW); /* the entry itself is the guest's alone */
	ck_assert_int_eq(pv_domain_grant_map(f.d, FAKE_BACKEND, 9, 0, &second), PV_GNTST_okay);
	ck_assert_uint_eq(status[9], PV_GTF_reading | PV_GTF_writing);
	ck_assert_int_eq(pv_domain_grant_unmap(f.d, FAKE_BACKEND, &second), 0);
	ck_assert_uint_eq(status[9],
			  PV_GTF_reading); /* XSA-230: until the last use, not the first */
	ck_assert_int_eq(pv_domain_grant_unmap(f.d, FAKE_BACKEND, &map), 0);
	ck_assert_uint_eq(status[9], 0);
	fake_close(&f);
}
END_TEST

START_TEST(version_two_refuses_what_version_one_does)
{
	open_table();
	ck_assert_int_eq(map_ref(9, 0), PV_GNTST_general_error);
	grant(9, RW, FAKE_BACKEND + 1, GRANTED);
	ck_assert_int_eq(map_ref(9, 0), PV_GNTST_general_error);
	grant(9, RO, FAKE_BACKEND, GRANTED);
	ck_assert_int_eq(map_ref(9, 0), PV_GNTST_general_error);
	grant(9, PV_GTF_accept_transfer, FAKE_BACKEND, GRANTED);
	ck_assert_int_eq(map_ref(9, 0), PV_GNTST_general_error);
	grant(9, RW, FAKE_BACKEND, FAKE_PAGES);
	ck_assert_int_eq(map_ref(9, 0), PV_GNTST_bad_page);
	grant(9, RW, FAKE_BACKEND, UINT64_MAX);
	ck_assert_int_eq(map_ref(9, 0), PV_GNTST_bad_page);
	grant(9, RW, FAKE_BACKEND,
	      (1ull << 32) | GRANTED); /* no truncation to version 1's 32 bits */
	ck_assert_int_eq(map_ref(9, 0), PV_GNTST_bad_page);
	grant(9, RW, FAKE_BACKEND, STATUS); /* a page of the machine's is not the guest's to give */
	ck_assert_int_eq(map_ref(9, 0), PV_GNTST_bad_page);
	ck_assert_int_eq(map_ref(256, 0), PV_GNTST_bad_gntref);
	ck_assert_int_eq(map_ref(UINT32_MAX, 0), PV_GNTST_bad_gntref);
	ck_assert_uint_eq(status[9], 0);
	fake_close(&f);
}
END_TEST

/* XSA-500 and its elders: what passed the checks is what is used. */
START_TEST(frame_of_a_live_grant_is_what_it_was_when_pinned)
{
	struct pv_grant_map second;

	open_table();
	grant(9, RW, FAKE_BACKEND, GRANTED);
	ck_assert_int_eq(map_ref(9, PV_GRANT_READONLY), 0);
	grant(9, RW, FAKE_BACKEND, OTHER);
	ck_assert_int_eq(pv_domain_grant_map(f.d, FAKE_BACKEND, 9, PV_GRANT_READONLY, &second), 0);
	ck_assert_uint_eq(second.gfn, GRANTED);
	ck_assert_int_eq(pv_domain_grant_unmap(f.d, FAKE_BACKEND, &second), 0);
	ck_assert_int_eq(pv_domain_grant_map(f.d, FAKE_BACKEND, 9, 0, &second), 0);
	ck_assert_uint_eq(second.gfn, GRANTED);
	grant_part(9, RW, FAKE_BACKEND, 0, 8); /* a part cannot become the whole of a new use */
	ck_assert_int_eq(pv_domain_grant_unmap(f.d, FAKE_BACKEND, &second), 0);
	ck_assert_int_eq(pv_domain_grant_map(f.d, FAKE_BACKEND, 9, 0, &second),
			 PV_GNTST_general_error);
	ck_assert_uint_eq(status[9], PV_GTF_reading);
	ck_assert_int_eq(pv_domain_grant_unmap(f.d, FAKE_BACKEND, &map), 0);
	ck_assert_uint_eq(status[9], 0);
	fake_close(&f);
}
END_TEST

/* The status words are told, not asked: a guest that writes to them harms itself. */
START_TEST(scribbled_status_misleads_nobody_but_the_guest)
{
	open_table();
	grant(9, RW, FAKE_BACKEND, GRANTED);
	status[9] = 0xffff;
	ck_assert_int_eq(map_ref(9, 0), 0);
	status[9] = 0;
	ck_assert_int_eq(set_version(1), -PV_EBUSY);
	ck_assert_int_eq(pv_domain_grant_unmap(f.d, FAKE_BACKEND, &map), 0);
	ck_assert_uint_eq(status[9], 0);
	status[10] = 0xffff;
	ck_assert_int_eq(set_version(1), 0);
	fake_close(&f);
}
END_TEST

static int copy(uint32_t ref, unsigned flag, uint16_t offset, uint16_t len)
{
	struct pv_gnttab_copy op = {.source = {.u.gmfn = OTHER, .domid = PV_DOMID_SELF},
				    .dest = {.u.gmfn = OTHER, .domid = PV_DOMID_SELF},
				    .len = len,
				    .flags = (uint16_t)flag};
	struct pv_gnttab_copy_ptr *p = flag == PV_GNTCOPY_source_gref ? &op.source : &op.dest;

	p->u.gmfn = 0;
	p->u.ref = ref;
	p->offset = offset;
	ck_assert_int_eq(fake_gnttab(&f, PV_GNTTABOP_copy, &op, sizeof(op), 1), 0);
	return op.status;
}

START_TEST(copy_stays_within_the_part_that_is_lent)
{
	static const struct {
		uint16_t off, len; /* of the grant */
		uint16_t at, n;	   /* of the copy */
		int want;
	} t[] = {
		{100, 50, 100, 50, PV_GNTST_okay},
		{100, 50, 149, 1, PV_GNTST_okay},
		{100, 50, 120, 0, PV_GNTST_okay},
		{100, 50, 99, 1, PV_GNTST_general_error},
		{100, 50, 100, 51, PV_GNTST_general_error},
		{100, 50, 150, 1, PV_GNTST_general_error},
		{100, 50, 0, 4096, PV_GNTST_general_error},
		{100, 50, 4095, 2, PV_GNTST_bad_copy_arg},
		{4000, 200, 4000, 96, PV_GNTST_okay}, /* lends beyond the page: there is nothing */
		{4000, 200, 4000, 97, PV_GNTST_bad_copy_arg},
		{0xffff, 0xffff, 0, 1, PV_GNTST_general_error},
		{5, 0, 5, 1, PV_GNTST_general_error},
	};
	unsigned flag = _i & 1 ? PV_GNTCOPY_source_gref : PV_GNTCOPY_dest_gref;
	char buf[64];
	unsigned i;

	open_table();
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		grant_part(9, RW, FAKE_DOMID, t[i].off, t[i].len);
		ck_assert_msg(copy(9, flag, t[i].at, t[i].n) == t[i].want, "row %u", i);
		ck_assert_uint_eq(status[9], 0);
		/* and the same for a backend */
		grant_part(10, RW, FAKE_BACKEND, t[i].off, t[i].len);
		if (t[i].n <= sizeof(buf)) {
			ck_assert_int_eq(
				pv_domain_grant_read(f.d, FAKE_BACKEND, 10, t[i].at, buf, t[i].n),
				t[i].want);
			ck_assert_int_eq(
				pv_domain_grant_write(f.d, FAKE_BACKEND, 10, t[i].at, buf, t[i].n),
				t[i].want);
		}
		ck_assert_uint_eq(status[10], 0);
	}
	fake_close(&f);
}
END_TEST

/* XSA-134, XSA-226 and XSA-318 came with them; a part of a page cannot be shown by a page table. */
START_TEST(transitive_grants_are_refused_and_parts_are_never_mapped)
{
	struct pv_gnttab_map_grant_ref op = {.host_addr = HOLE * 4096,
					     .flags = PV_GNTMAP_host_map,
					     .ref = 9,
					     .dom = PV_DOMID_SELF};

	open_table();
	grant_part(9, RW, FAKE_BACKEND, 0, 4096);
	ck_assert_int_eq(map_ref(9, 0), PV_GNTST_general_error);
	grant_part(9, RW, FAKE_DOMID, 0, 4096);
	ck_assert_int_eq(fake_gnttab(&f, PV_GNTTABOP_map_grant_ref, &op, sizeof(op), 1), 0);
	ck_assert_int_eq(op.status, PV_GNTST_general_error);
	entry[9].transitive.trans_domid = FAKE_DOMID;
	entry[9].transitive.gref = 10;
	entry[9].hdr.domid = FAKE_DOMID;
	entry[9].hdr.flags = PV_GTF_transitive;
	grant(10, RW, FAKE_DOMID, GRANTED);
	ck_assert_int_eq(copy(9, PV_GNTCOPY_source_gref, 0, 8), PV_GNTST_general_error);
	ck_assert_int_eq(copy(9, PV_GNTCOPY_dest_gref, 0, 8), PV_GNTST_general_error);
	ck_assert_int_eq(fake_gnttab(&f, PV_GNTTABOP_map_grant_ref, &op, sizeof(op), 1), 0);
	ck_assert_int_eq(op.status, PV_GNTST_general_error);
	ck_assert_uint_eq(status[9], 0);
	fake_close(&f);
}
END_TEST

/* XSA-26, 255, 379, 384, 486: not while anything is in use. */
START_TEST(version_changes_only_while_idle)
{
	struct pv_gnttab_map_grant_ref op = {.host_addr = HOLE * 4096,
					     .flags = PV_GNTMAP_host_map,
					     .ref = 10,
					     .dom = PV_DOMID_SELF};
	struct pv_gnttab_unmap_grant_ref un = {.host_addr = HOLE * 4096};
	uint64_t *v1;

	fake_open(&f, PV_DOMAIN_PVH, 1, true);
	v1 = fake_grants(&f);
	ck_assert_int_eq(set_version(0), -PV_EINVAL);
	ck_assert_int_eq(set_version(3), -PV_EINVAL);
	v1[9] = (uint64_t)GRANTED << 32 | FAKE_BACKEND << 16 | RW;
	ck_assert_int_eq(map_ref(9, 0), 0);
	ck_assert_int_eq(set_version(2), -PV_EBUSY);
	ck_assert_int_eq(set_version(1), 0);
	ck_assert_uint_eq((uint16_t)v1[9], RW | PV_GTF_reading | PV_GTF_writing);
	ck_assert_int_eq(pv_domain_grant_unmap(f.d, FAKE_BACKEND, &map), 0);
	ck_assert_int_eq(set_version(2), 0);
	ck_assert_uint_eq(v1[9], 0);
	entry = (void *)v1;
	grant(10, RW, FAKE_DOMID, GRANTED);
	ck_assert_int_eq(fake_gnttab(&f, PV_GNTTABOP_map_grant_ref, &op, sizeof(op), 1), 0);
	ck_assert_int_eq(op.status, 0);
	ck_assert_int_eq(set_version(1), -PV_EBUSY);
	un.handle = op.handle;
	ck_assert_int_eq(fake_gnttab(&f, PV_GNTTABOP_unmap_grant_ref, &un, sizeof(un), 1), 0);
	ck_assert_int_eq(set_version(1), 0);
	fake_close(&f);
}
END_TEST

START_TEST(version_two_is_refused_where_it_is_switched_off)
{
	struct pv_domain_config cfg;

	fake_config(&cfg, PV_DOMAIN_PVH, 1);
	cfg.max_grant_version = 3;
	fake_init(&f);
	ck_assert_int_eq(pv_domain_create(&f.d, &cfg, &f.vmm), -PV_EINVAL);
	fake_fini(&f);
	cfg.max_grant_version = 1;
	fake_open_cfg(&f, &cfg, true);
	ck_assert_int_eq(set_version(2), -PV_ENOSYS);
	ck_assert_int_eq(set_version(1), 0);
	ck_assert_int_eq(set_version(3), -PV_EINVAL);
	fake_close(&f);
}
END_TEST

/* Console and xenstore hold theirs all the time: these do not stand in the way, and stay. */
START_TEST(builders_references_survive_the_switch_even_in_use)
{
	uint64_t *v1;

	fake_open(&f, PV_DOMAIN_PVH, 1, true);
	v1 = fake_grants(&f);
	v1[1] = (uint64_t)GRANTED << 32 | FAKE_BACKEND << 16 | RW;
	v1[2] = PV_GTF_accept_transfer;
	v1[9] = (uint64_t)OTHER << 32 | FAKE_BACKEND << 16 | RW;
	ck_assert_int_eq(map_ref(1, 0), 0);
	ck_assert_int_eq(set_version(2), 0);
	entry = (void *)v1;
	ck_assert_uint_eq(entry[1].hdr.flags, RW);
	ck_assert_uint_eq(entry[1].hdr.domid, FAKE_BACKEND);
	ck_assert_uint_eq(entry[1].full_page.frame, GRANTED);
	ck_assert_uint_eq(entry[9].hdr.flags, 0);
	ck_assert_int_eq(add(PV_XENMAPIDX_grant_table_status, STATUS), 0);
	status = fake_page(&f, STATUS);
	ck_assert_uint_eq(status[1], PV_GTF_reading | PV_GTF_writing);
	ck_assert_uint_eq(status[2], 0);
	ck_assert_int_eq(set_version(1), 0);
	ck_assert_uint_eq(v1[1], (uint64_t)GRANTED << 32 | FAKE_BACKEND << 16 | RW |
					 PV_GTF_reading | PV_GTF_writing);
	ck_assert_uint_eq(v1[2], 0);
	ck_assert_int_eq(pv_domain_grant_unmap(f.d, FAKE_BACKEND, &map), 0);
	ck_assert_uint_eq((uint16_t)v1[1], RW);
	fake_close(&f);
}
END_TEST

START_TEST(what_version_one_cannot_say_stays_in_version_two)
{
	open_table();
	grant(1, RW, FAKE_BACKEND, 1ull << 32);
	ck_assert_int_eq(set_version(1), -PV_ERANGE);
	grant(1, PV_GTF_transitive, FAKE_BACKEND, 0);
	ck_assert_int_eq(set_version(1), -PV_ERANGE);
	ck_assert_uint_eq(entry[1].hdr.flags, PV_GTF_transitive);
	grant(1, PV_GTF_invalid, FAKE_BACKEND, 1ull << 32);
	ck_assert_int_eq(set_version(1), 0);
	fake_close(&f);
}
END_TEST

START_TEST(seeds_become_entries_of_the_version_in_use)
{
	fake_open(&f, PV_DOMAIN_PVH, 1, true);
	ck_assert_int_eq(pv_domain_grant_seed(f.d, 0, FAKE_BACKEND, GRANTED), 0);
	ck_assert_int_eq(map_ref(0, 0), 0);
	ck_assert_int_eq(set_version(2), 0);
	entry = (void *)fake_grants(&f);
	ck_assert_int_eq(add(PV_XENMAPIDX_grant_table_status, STATUS), 0);
	status = fake_page(&f, STATUS);
	ck_assert_uint_eq(entry[0].hdr.flags, RW);
	ck_assert_uint_eq(entry[0].full_page.frame, GRANTED);
	ck_assert_uint_eq(status[0], PV_GTF_reading | PV_GTF_writing);
	ck_assert_int_eq(take_away(FAKE_GRANTS), -PV_EBUSY);
	ck_assert_int_eq(pv_domain_grant_unmap(f.d, FAKE_BACKEND, &map), 0);
	ck_assert_uint_eq(status[0], 0);
	ck_assert_int_eq(take_away(FAKE_GRANTS), 0);
	ck_assert_int_eq(map_ref(0, 0), 0); /* still lent */
	ck_assert_int_eq(set_version(1), 0);
	ck_assert_uint_eq((uint16_t)*fake_grants(&f), RW | PV_GTF_reading | PV_GTF_writing);
	ck_assert_int_eq(pv_domain_grant_seed(f.d, 3, FAKE_BACKEND, OTHER), 0);
	ck_assert_int_eq(set_version(2), 0);
	ck_assert_int_eq(pv_domain_grant_seed(f.d, 4, FAKE_BACKEND, OTHER), 0);
	ck_assert_uint_eq(entry[3].full_page.frame, OTHER);
	ck_assert_uint_eq(entry[4].full_page.frame, OTHER);
	ck_assert_int_eq(pv_domain_grant_seed(f.d, 8, FAKE_BACKEND, OTHER), -PV_EINVAL);
	fake_close(&f);
}
END_TEST

START_TEST(status_frames_go_with_version_two)
{
	struct pv_gnttab_get_status_frames s = {1, PV_DOMID_SELF, 77, fake_gva(FAKE_DATA)};
	uint64_t *list;

	fake_open(&f, PV_DOMAIN_PV, 1, true); /* HVM guests cannot ask for lists */
	fake_grants(&f);
	list = fake_page(&f, FAKE_DATA);
	ck_assert_int_eq(add(PV_XENMAPIDX_grant_table_status, STATUS), -PV_EINVAL);
	ck_assert_int_eq(fake_gnttab(&f, PV_GNTTABOP_get_status_frames, &s, sizeof(s), 1), 0);
	ck_assert_int_eq(s.status, PV_GNTST_general_error);
	ck_assert_int_eq(set_version(2), 0);
	ck_assert_int_eq(fake_gnttab(&f, PV_GNTTABOP_get_status_frames, &s, sizeof(s), 1), 0);
	ck_assert_int_eq(s.status, PV_GNTST_okay);
	ck_assert(list[0] == UINT64_MAX); /* no place yet */
	ck_assert_int_eq(add(PV_XENMAPIDX_grant_table_status, STATUS), 0);
	ck_assert_int_eq(add(PV_XENMAPIDX_grant_table_status, STATUS), 0); /* twice is once */
	ck_assert_int_eq(fake_gnttab(&f, PV_GNTTABOP_get_status_frames, &s, sizeof(s), 1), 0);
	ck_assert_uint_eq(list[0], STATUS);
	/* XSA-379, XSA-507: only one thing at a gfn */
	ck_assert_int_eq(add(0, STATUS), -PV_EINVAL);
	ck_assert_int_eq(add(PV_XENMAPIDX_grant_table_status, FAKE_GRANTS), -PV_EINVAL);
	ck_assert_int_eq(add(PV_XENMAPIDX_grant_table_status, FAKE_SHARED), -PV_EINVAL);
	ck_assert_int_eq(add(PV_XENMAPIDX_grant_table_status, FAKE_PAGES), -PV_EINVAL);
	ck_assert_int_eq(add(PV_XENMAPIDX_grant_table_status, UINT64_MAX), -PV_EINVAL);
	ck_assert_int_eq(add(PV_XENMAPIDX_grant_table_status | 8, HOLE), -PV_EINVAL);
	ck_assert_int_eq(add(PV_XENMAPIDX_grant_table_status | 0x7fffffff, HOLE), -PV_EINVAL);
	ck_assert_int_eq(add(PV_XENMAPIDX_grant_table_status | 1ull << 32, HOLE), -PV_EINVAL);
	s.nr_frames = 2;
	ck_assert_int_eq(fake_gnttab(&f, PV_GNTTABOP_get_status_frames, &s, sizeof(s), 1), 0);
	ck_assert_int_eq(s.status, PV_GNTST_general_error);
	/* a later one makes the table grow to what it speaks of */
	ck_assert_int_eq(add(PV_XENMAPIDX_grant_table_status | 1, HOLE), 0);
	ck_assert_int_eq(fake_gnttab(&f, PV_GNTTABOP_get_status_frames, &s, sizeof(s), 1), 0);
	ck_assert_int_eq(s.status, PV_GNTST_okay);
	ck_assert_uint_eq(list[1], HOLE);
	s.dom = 0;
	ck_assert_int_eq(fake_gnttab(&f, PV_GNTTABOP_get_status_frames, &s, sizeof(s), 1), 0);
	ck_assert_int_eq(s.status, PV_GNTST_permission_denied);
	s.dom = 9;
	ck_assert_int_eq(fake_gnttab(&f, PV_GNTTABOP_get_status_frames, &s, sizeof(s), 1), 0);
	ck_assert_int_eq(s.status, PV_GNTST_bad_domain);
	s = (struct pv_gnttab_get_status_frames){1, PV_DOMID_SELF, 77, 8};
	ck_assert_int_eq(fake_gnttab(&f, PV_GNTTABOP_get_status_frames, &s, sizeof(s), 1), 0);
	ck_assert_int_eq(s.status, PV_GNTST_bad_virt_addr);
	ck_assert_int_eq(take_away(HOLE), 0);
	ck_assert_int_eq(add(0, HOLE), 0); /* and is free for something else */
	/* with the version they are gone, and their gfns free */
	ck_assert_int_eq(set_version(1), 0);
	ck_assert_int_eq(add(1, STATUS), 0);
	fake_close(&f);
}
END_TEST

START_TEST(frames_may_come_highest_first)
{
	open_table();
	ck_assert_int_eq(add(2, HOLE + 2), 0);
	ck_assert_int_eq(add(1, HOLE + 1), 0);
	entry = fake_page(&f, HOLE + 2);
	grant(700 - 512, RW, FAKE_BACKEND, GRANTED);
	ck_assert_int_eq(map_ref(700, 0), 0);
	ck_assert_uint_eq(status[700], PV_GTF_reading | PV_GTF_writing);
	ck_assert_int_eq(take_away(HOLE + 2), -PV_EBUSY);
	ck_assert_int_eq(take_away(STATUS), 0); /* repeats what is known: nothing is lost */
	ck_assert_int_eq(pv_domain_grant_unmap(f.d, FAKE_BACKEND, &map), 0);
	ck_assert_int_eq(add(PV_XENMAPIDX_grant_table_status, STATUS), 0);
	ck_assert_uint_eq(status[700], 0);
	fake_close(&f);
}
END_TEST

START_TEST(swap_exchanges_idle_entries_only)
{
	struct pv_gnttab_swap_grant_ref s = {9, 10, 77};
	uint64_t *v1;

	fake_open(&f, PV_DOMAIN_PVH, 1, true);
	v1 = fake_grants(&f);
	if (_i == 2)
		ck_assert_int_eq(set_version(2), 0);
	entry = (void *)v1;
	if (_i == 1) {
		v1[9] = (uint64_t)GRANTED << 32 | FAKE_BACKEND << 16 | RW;
		v1[10] = (uint64_t)OTHER << 32 | FAKE_BACKEND << 16 | RO;
	} else {
		grant(9, RW, FAKE_BACKEND, GRANTED);
		grant(10, RO, FAKE_BACKEND, OTHER);
	}
	ck_assert_int_eq(fake_gnttab(&f, PV_GNTTABOP_swap_grant_ref, &s, sizeof(s), 1), 0);
	ck_assert_int_eq(s.status, PV_GNTST_okay);
	ck_assert_int_eq(map_ref(10, 0), 0);
	ck_assert_uint_eq(map.gfn, GRANTED);
	ck_assert_int_eq(fake_gnttab(&f, PV_GNTTABOP_swap_grant_ref, &s, sizeof(s), 1), 0);
	ck_assert_int_eq(s.status, PV_GNTST_eagain);
	s = (struct pv_gnttab_swap_grant_ref){10, 9, 77};
	ck_assert_int_eq(fake_gnttab(&f, PV_GNTTABOP_swap_grant_ref, &s, sizeof(s), 1), 0);
	ck_assert_int_eq(s.status, PV_GNTST_eagain);
	s = (struct pv_gnttab_swap_grant_ref){10, 10, 77};
	ck_assert_int_eq(fake_gnttab(&f, PV_GNTTABOP_swap_grant_ref, &s, sizeof(s), 1), 0);
	ck_assert_int_eq(s.status, PV_GNTST_okay);
	ck_assert_int_eq(pv_domain_grant_unmap(f.d, FAKE_BACKEND, &map), 0);
	s = (struct pv_gnttab_swap_grant_ref){9, 512, 77};
	ck_assert_int_eq(fake_gnttab(&f, PV_GNTTABOP_swap_grant_ref, &s, sizeof(s), 1), 0);
	ck_assert_int_eq(s.status, PV_GNTST_bad_gntref);
	s = (struct pv_gnttab_swap_grant_ref){UINT32_MAX, 9, 77};
	ck_assert_int_eq(fake_gnttab(&f, PV_GNTTABOP_swap_grant_ref, &s, sizeof(s), 1), 0);
	ck_assert_int_eq(s.status, PV_GNTST_bad_gntref);
	fake_close(&f);
}
END_TEST

START_TEST(no_use_counts_when_there_is_no_memory_for_it)
{
	open_table();
	grant(9, RW, FAKE_BACKEND, GRANTED);
	f.alloc_left = 0;
	ck_assert_int_eq(map_ref(9, 0), PV_GNTST_no_space);
	f.alloc_left = 1; /* the handle, but not the count */
	ck_assert_int_eq(map_ref(9, 0), PV_GNTST_no_space);
	ck_assert_uint_eq(status[9], 0);
	f.alloc_left = -1;
	ck_assert_int_eq(map_ref(9, 0), 0);
	f.map_fail_gfn = STATUS; /* the page of the status cannot be reached: the use is counted */
	ck_assert_int_eq(pv_domain_grant_unmap(f.d, FAKE_BACKEND, &map), 0);
	f.map_fail_gfn = UINT64_MAX;
	ck_assert_int_eq(map_ref(9, PV_GRANT_READONLY), 0);
	ck_assert_uint_eq(status[9], PV_GTF_reading);
	ck_assert_int_eq(pv_domain_grant_unmap(f.d, FAKE_BACKEND, &map), 0);
	f.map_fail_gfn = FAKE_GRANTS;
	ck_assert_int_eq(map_ref(9, 0), PV_GNTST_general_error);
	ck_assert_int_eq(set_version(1), -PV_EFAULT);
	f.map_fail_gfn = UINT64_MAX;
	ck_assert_int_eq(set_version(1), 0);
	fake_close(&f);
}
END_TEST

START_TEST(state_of_version_two_comes_back)
{
	static struct pv_state st, st2;
	static struct pv_state_vcpu vcpu[1];
	static struct pv_state_map maps[2];
	static struct fake_vmm g;
	struct pv_domain_config cfg;

	open_table();
	grant(9, RW, FAKE_BACKEND, GRANTED);
	ck_assert_int_eq(map_ref(9, 0), 0);
	st = (struct pv_state){.vcpu = vcpu, .map = maps, .nr_vcpus = 1, .nr_maps = 2};
	ck_assert_int_eq(pv_domain_get_state(f.d, &st), 0);
	ck_assert_uint_eq(st.domain.grant_version, 2);
	ck_assert_uint_eq(st.domain.grant_status_gfn[0], STATUS);
	fake_config(&cfg, PV_DOMAIN_PVH, 1);
	cfg.max_grant_version = 1;
	fake_open_cfg(&g, &cfg, false);
	memcpy(g.ram, f.ram, FAKE_PAGES * 4096);
	ck_assert_int_eq(pv_domain_set_state(g.d, &st), -PV_EINVAL); /* its limit */
	fake_close(&g);
	fake_open(&g, PV_DOMAIN_PVH, 1, false);
	memcpy(g.ram, f.ram, FAKE_PAGES * 4096);
	/* a status frame is a page of the machine's like any other */
	st2 = st;
	st2.domain.grant_status_gfn[0] = FAKE_GRANTS;
	ck_assert_int_eq(pv_domain_set_state(g.d, &st2), -PV_EINVAL);
	st2.domain.grant_status_gfn[0] = FAKE_SHARED;
	ck_assert_int_eq(pv_domain_set_state(g.d, &st2), -PV_EINVAL);
	st2.domain.grant_status_gfn[0] = FAKE_PAGES;
	ck_assert_int_eq(pv_domain_set_state(g.d, &st2), -PV_EINVAL);
	st2.domain.grant_status_gfn[0] = GRANTED;
	ck_assert_int_eq(pv_domain_set_state(g.d, &st2), -PV_EINVAL);
	st2 = st;
	st2.domain.grant_status_gfn[1] = HOLE;
	ck_assert_int_eq(pv_domain_set_state(g.d, &st2), -PV_EINVAL);
	maps[0].ref = 256; /* beyond one frame of version 2, within one of version 1 */
	ck_assert_int_eq(pv_domain_set_state(g.d, &st), -PV_EINVAL);
	maps[0].ref = 9;
	ck_assert_int_eq(pv_domain_set_state(g.d, &st), 0);
	pv_domain_destroy(f.d);
	fake_fini(&f);
	status = fake_page(&g, STATUS);
	ck_assert_uint_eq(status[9], PV_GTF_reading | PV_GTF_writing);
	pv_domain_grant_settle(g.d);
	ck_assert_uint_eq(status[9], 0);
	ck_assert_int_eq(pv_domain_grant_map(g.d, FAKE_BACKEND, 9, 0, &map), 0);
	ck_assert_uint_eq(status[9], PV_GTF_reading | PV_GTF_writing);
	fake_close(&g);
}
END_TEST

/* G11, XSA-232: whatever the operation, a domain without any frame, or one that ends. */
START_TEST(every_operation_bears_a_table_without_frames)
{
	unsigned op, version;

	for (version = 1; version <= 2; version++) {
		fake_open(&f, PV_DOMAIN_PVH, 1, false);
		ck_assert_int_eq(set_version(version), 0);
		if (_i)
			pv_domain_crash(f.d, "test");
		for (op = 0; op < 16; op++) {
			memset(fake_page(&f, FAKE_ARGS), 0, 64);
			*(uint16_t *)fake_page(&f, FAKE_ARGS) =
				op == PV_GNTTABOP_set_version ? (uint16_t)version : PV_DOMID_SELF;
			ck_assert_int_le(fake_hypercall(&f, 0, PV_HYPERVISOR_grant_table_op, op,
							fake_gva(FAKE_ARGS), 1, 0),
					 0);
		}
		ck_assert_int_eq(map_ref(9, 0), PV_GNTST_general_error);
		fake_close(&f);
	}
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("host grants v2");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, version_two_maps_and_tells_by_the_status_word);
	tcase_add_test(t, version_two_refuses_what_version_one_does);
	tcase_add_test(t, frame_of_a_live_grant_is_what_it_was_when_pinned);
	tcase_add_test(t, scribbled_status_misleads_nobody_but_the_guest);
	tcase_add_loop_test(t, copy_stays_within_the_part_that_is_lent, 0, 2);
	tcase_add_test(t, transitive_grants_are_refused_and_parts_are_never_mapped);
	tcase_add_test(t, version_changes_only_while_idle);
	tcase_add_test(t, version_two_is_refused_where_it_is_switched_off);
	tcase_add_test(t, builders_references_survive_the_switch_even_in_use);
	tcase_add_test(t, what_version_one_cannot_say_stays_in_version_two);
	tcase_add_test(t, seeds_become_entries_of_the_version_in_use);
	tcase_add_test(t, status_frames_go_with_version_two);
	tcase_add_test(t, frames_may_come_highest_first);
	tcase_add_loop_test(t, swap_exchanges_idle_entries_only, 1, 3);
	tcase_add_test(t, no_use_counts_when_there_is_no_memory_for_it);
	tcase_add_test(t, state_of_version_two_comes_back);
	tcase_add_loop_test(t, every_operation_bears_a_table_without_frames, 0, 2);
	return run_case("host grants v2", t);
}
