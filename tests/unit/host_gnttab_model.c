/*
 * The grant table against a plain model of it: several domains map, unmap, read, write and copy at
 * random, the guest grants, ends, scribbles and switches versions, allocations fail.
 *
 * The model reads the guest's entry as text says it is laid out, keeps its own counts, and foretells
 * every answer. Checklist rows G2 (XSA-218, 224, 230, 234, 236, 394), G3 (316), G6 (228) and G7.
 * PV_SEED repeats a run.
 */
#include "fake_vmm.h"

#include <stdlib.h>
#include <string.h>

#include <pv/abi/memory.h>

#include "../../libpv/common/gnttab.h"
#include "run.h"

#define REFS	24u /* of which the first 8 are the builder's */
#define HOLDERS 3u
#define MAPS	64u
#define STATUS	(FAKE_GRANTS + 4)
#define STEPS	20000

static struct fake_vmm f;
static unsigned char *table;
static uint16_t *status;
static uint64_t rng;
static unsigned version;
static bool hostile;

/* What the model knows of a reference that is in use. */
static struct use {
	unsigned readers, writers, domid, frame, offset, length;
} uses[REFS];

static struct held {
	struct pv_grant_map map;
	unsigned ref, domid;
	bool readonly, live;
} held[MAPS];

/* An entry as the text of the ABI has it. */
struct entry {
	unsigned flags, domid, offset, length;
	uint64_t frame;
};

static unsigned rnd(unsigned n)
{
	rng = rng * 6364136223846793005ull + 1442695040888963407ull;
	return (unsigned)(rng >> 33) % n;
}

static struct entry read_entry(unsigned ref)
{
	struct entry e = {.length = 4096};

	if (version == 1) {
		struct pv_grant_entry_v1 *v1 = (void *)(table + ref * sizeof(*v1));

		e.flags = v1->flags, e.domid = v1->domid, e.frame = v1->frame;
	} else {
		union pv_grant_entry_v2 *v2 = (void *)(table + ref * sizeof(*v2));

		e.flags = v2->hdr.flags, e.domid = v2->hdr.domid, e.frame = v2->full_page.frame;
		if (e.flags & PV_GTF_sub_page)
			e.offset = v2->sub_page.page_off, e.length = v2->sub_page.length;
	}
	return e;
}

static void write_entry(unsigned ref, const struct entry *e)
{
	if (version == 1) {
		struct pv_grant_entry_v1 v1 = {(uint16_t)e->flags, (uint16_t)e->domid,
					       (uint32_t)e->frame};

		memcpy(table + ref * sizeof(v1), &v1, sizeof(v1));
	} else {
		union pv_grant_entry_v2 v2 = {.sub_page = {{(uint16_t)e->flags, (uint16_t)e->domid},
							   (uint16_t)e->offset,
							   (uint16_t)e->length,
							   e->frame}};

		memcpy(table + ref * sizeof(v2), &v2, sizeof(v2));
	}
}

static struct entry some_entry(void)
{
	static const uint64_t odd[] = {FAKE_PAGES, FAKE_SHARED, FAKE_GRANTS,
				       UINT32_MAX, 1ull << 32,	1ull << 32 | FAKE_DATA};
	struct entry e = {.flags = PV_GTF_permit_access,
			  .domid = rnd(HOLDERS + 1),
			  .frame = FAKE_DATA + rnd(16)};

	if (rnd(8) == 0)
		e.frame = odd[rnd(6)];
	if (rnd(4) == 0)
		e.flags |= PV_GTF_readonly;
	if (rnd(8) == 0)
		e.flags = rnd(4);
	if (version == 2 && rnd(3) == 0)
		e.flags |= PV_GTF_sub_page, e.offset = rnd(4096), e.length = rnd(4096);
	e.domid = e.domid == HOLDERS ? FAKE_DOMID : FAKE_BACKEND + e.domid;
	return e;
}

static bool ram(uint64_t frame)
{
	return frame < FAKE_PAGES && frame != FAKE_SHARED && frame != FAKE_GRANTS &&
	       !(version == 2 && frame == STATUS);
}

/* What must come out of a pin; *grant is what the holder then has. */
static int foretell(unsigned domid, unsigned ref, bool readonly, bool whole, struct use *grant)
{
	const struct use *u = &uses[ref];
	struct entry e = read_entry(ref);
	bool idle = !u->readers && !u->writers;

	*grant = *u;
	if (!idle && (u->domid != domid || (whole && u->length != 4096)))
		return PV_GNTST_general_error;
	if (idle || (!readonly && !u->writers)) {
		if ((e.flags & PV_GTF_type_mask) != PV_GTF_permit_access || e.domid != domid)
			return PV_GNTST_general_error;
		if (!readonly && (e.flags & PV_GTF_readonly))
			return PV_GNTST_general_error;
		if ((e.flags & PV_GTF_sub_page) && (whole || version == 1))
			return PV_GNTST_general_error;
	}
	if (idle) {
		if (!ram(e.frame))
			return PV_GNTST_bad_page;
		grant->domid = domid, grant->frame = (unsigned)e.frame;
		grant->offset = e.offset, grant->length = e.length;
	}
	return PV_GNTST_okay;
}

static void count(unsigned ref, const struct use *grant, bool readonly, int by)
{
	unsigned *n = readonly ? &uses[ref].readers : &uses[ref].writers;
	unsigned readers = uses[ref].readers, writers = uses[ref].writers;

	if (grant) {
		uses[ref] = *grant;
		uses[ref].readers = readers, uses[ref].writers = writers;
	}
	*n += (unsigned)by;
}

static unsigned marks(unsigned ref)
{
	const struct use *u = &uses[ref];

	return (u->readers || u->writers ? PV_GTF_reading : 0) | (u->writers ? PV_GTF_writing : 0);
}

/* The entry (version 1, unless scribbled over) or the status word tells of exactly these uses. */
static void check_marks(void)
{
	unsigned ref, in_use = PV_GTF_reading | PV_GTF_writing;

	for (ref = 0; ref < REFS; ref++) {
		if (version == 2)
			ck_assert_uint_eq(status[ref], marks(ref));
		else if (!hostile)
			ck_assert_uint_eq(read_entry(ref).flags & in_use, marks(ref));
	}
}

static void do_map(void)
{
	struct held *h = &held[rnd(MAPS)];
	unsigned starved = rnd(50) == 0;
	struct use grant;
	int want, rc;

	if (h->live)
		return;
	h->ref = rnd(REFS), h->domid = FAKE_BACKEND + rnd(HOLDERS), h->readonly = rnd(2);
	want = foretell(h->domid, h->ref, h->readonly, true, &grant);
	if (starved)
		f.alloc_left = 0;
	rc = pv_domain_grant_map(f.d, (uint16_t)h->domid, h->ref,
				 h->readonly ? PV_GRANT_READONLY : 0, &h->map);
	f.alloc_left = -1;
	if (starved && rc == PV_GNTST_no_space)
		return;
	ck_assert_int_eq(rc, want);
	if (rc)
		return;
	ck_assert_uint_eq(h->map.gfn, grant.frame);
	count(h->ref, &grant, h->readonly, 1);
	h->live = true;
}

static void do_unmap(void)
{
	struct held *h = &held[rnd(MAPS)];
	struct pv_grant_map m = h->map;
	int want = h->live ? PV_GNTST_okay : PV_GNTST_bad_handle;

	if (h->live && rnd(4) == 0) { /* somebody else tries first, or names another page */
		ck_assert_int_eq(pv_domain_grant_unmap(f.d, (uint16_t)(h->domid + 1), &m),
				 PV_GNTST_bad_handle);
		m.gfn++;
		ck_assert_int_eq(pv_domain_grant_unmap(f.d, (uint16_t)h->domid, &m),
				 PV_GNTST_bad_handle);
		m.gfn--;
	}
	if (!h->domid)
		return;
	ck_assert_int_eq(pv_domain_grant_unmap(f.d, (uint16_t)h->domid, &m), want);
	if (h->live)
		count(h->ref, NULL, h->readonly, -1);
	h->live = false;
}

static bool within(const struct use *g, unsigned at, unsigned n)
{
	return at >= g->offset && at + n <= g->offset + g->length;
}

static void do_transfer(void)
{
	unsigned ref = rnd(REFS), domid = FAKE_BACKEND + rnd(HOLDERS), at = rnd(4097), n = rnd(64);
	bool in = rnd(2);
	struct use grant;
	char buf[64] = "";
	int want, rc;

	want = at + n > 4096 ? PV_GNTST_bad_copy_arg : foretell(domid, ref, in, false, &grant);
	if (!want && !within(&grant, at, n))
		want = PV_GNTST_general_error;
	rc = in ? pv_domain_grant_read(f.d, (uint16_t)domid, ref, at, buf, n)
		: pv_domain_grant_write(f.d, (uint16_t)domid, ref, at, buf, n);
	ck_assert_int_eq(rc, want);
}

static void do_copy(void)
{
	unsigned a = rnd(REFS), b = rnd(REFS), at = rnd(4096), n = rnd(64);
	struct pv_gnttab_copy op = {.source = {.u.ref = a, .domid = PV_DOMID_SELF},
				    .dest = {.u.ref = b, .domid = PV_DOMID_SELF},
				    .len = (uint16_t)n,
				    .flags = PV_GNTCOPY_source_gref | PV_GNTCOPY_dest_gref};
	struct use grant;
	int want;

	op.source.offset = op.dest.offset = (uint16_t)at;
	want = at + n > 4096 ? PV_GNTST_bad_copy_arg : foretell(FAKE_DOMID, a, true, false, &grant);
	if (!want && !within(&grant, at, n))
		want = PV_GNTST_general_error;
	if (!want) {
		count(a, &grant, true, 1); /* the source is held while the other end is opened */
		want = foretell(FAKE_DOMID, b, false, false, &grant);
		if (!want && !within(&grant, at, n))
			want = PV_GNTST_general_error;
		count(a, NULL, true, -1);
	}
	ck_assert_int_eq(fake_gnttab(&f, PV_GNTTABOP_copy, &op, sizeof(op), 1), 0);
	ck_assert_int_eq(op.status, want);
}

static void do_grant(void)
{
	unsigned ref = rnd(REFS);
	struct entry e = some_entry();

	if (hostile ? rnd(4) == 0 : read_entry(ref).flags == 0 && !marks(ref))
		write_entry(ref, &e);
}

static void do_end(void)
{
	unsigned ref = rnd(REFS);
	int rc;

	if (version == 1)
		rc = pv_gnttab_v1_end((uint64_t *)(void *)table + ref);
	else
		rc = pv_gnttab_v2_end((uint64_t *)(void *)table + 2 * ref, &status[ref]);
	if (!hostile)
		ck_assert_int_eq(rc, marks(ref) ? -PV_EBUSY : 0);
}

static void do_swap(void)
{
	struct pv_gnttab_swap_grant_ref s = {rnd(REFS), rnd(REFS), 77};
	int want = s.ref_a == s.ref_b		      ? PV_GNTST_okay
		   : marks(s.ref_a) || marks(s.ref_b) ? PV_GNTST_eagain
						      : PV_GNTST_okay;

	ck_assert_int_eq(fake_gnttab(&f, PV_GNTTABOP_swap_grant_ref, &s, sizeof(s), 1), 0);
	ck_assert_int_eq(s.status, want);
}

static void place_status(void)
{
	struct pv_add_to_physmap a = {PV_DOMID_SELF, 0, PV_XENMAPSPACE_grant_table,
				      PV_XENMAPIDX_grant_table_status, STATUS};

	ck_assert_int_eq(
		fake_op(&f, PV_HYPERVISOR_memory_op, PV_XENMEM_add_to_physmap, &a, sizeof(a)), 0);
	status = fake_page(&f, STATUS);
}

static int foretell_version(unsigned to)
{
	unsigned ref;

	if (to == version)
		return 0;
	for (ref = 8; ref < REFS; ref++)
		if (marks(ref))
			return -PV_EBUSY;
	for (ref = 0; version == 2 && ref < 8; ref++) {
		struct entry e = read_entry(ref);

		if ((e.flags & PV_GTF_type_mask) == PV_GTF_transitive)
			return -PV_ERANGE;
		if ((e.flags & PV_GTF_type_mask) == PV_GTF_permit_access &&
		    (e.frame >> 32 || (e.flags & PV_GTF_sub_page)))
			return -PV_ERANGE;
	}
	return 0;
}

static void do_version(void)
{
	struct pv_gnttab_set_version v = {1 + rnd(2)};
	unsigned to = v.version, was = version, ref, in_use = PV_GTF_reading | PV_GTF_writing;
	struct entry before[8], e;
	int want = foretell_version(to);

	for (ref = 0; ref < 8; ref++)
		before[ref] = read_entry(ref);
	ck_assert_int_eq(fake_gnttab(&f, PV_GNTTABOP_set_version, &v, sizeof(v), 1), want);
	if (want)
		to = was;
	ck_assert_uint_eq(v.version, to);
	version = to;
	if (to == was)
		return;
	if (version == 2)
		place_status();
	for (ref = 0; ref < REFS; ref++) {
		e = read_entry(ref);
		if (ref < 8 && (before[ref].flags & PV_GTF_type_mask) == PV_GTF_permit_access) {
			ck_assert_uint_eq(e.flags & ~in_use, before[ref].flags & ~in_use);
			ck_assert_uint_eq(e.domid, before[ref].domid);
			ck_assert_uint_eq(e.frame, before[ref].frame);
		} else if (ref >= 8) {
			ck_assert_uint_eq(e.flags | e.domid | e.frame, 0);
		}
	}
}

static void clear(void)
{
	unsigned i;

	for (i = 0; i < MAPS; i++) {
		if (!held[i].live)
			continue;
		ck_assert_int_eq(pv_domain_grant_unmap(f.d, (uint16_t)held[i].domid, &held[i].map),
				 0);
		count(held[i].ref, NULL, held[i].readonly, -1);
		held[i].live = false;
	}
}

static void check_counters(void)
{
	struct pv_state_vcpu vcpu;
	struct pv_state st = {.vcpu = &vcpu, .nr_vcpus = 1};
	unsigned i, live = 0;

	for (i = 0; i < MAPS; i++)
		live += held[i].live;
	ck_assert_int_eq(pv_domain_get_state(f.d, &st), live ? -PV_ENOBUFS : 0);
	ck_assert_uint_eq(st.nr_maps, live);
}

static void start(void)
{
	fake_open(&f, PV_DOMAIN_PVH, 1, true);
	table = (void *)fake_grants(&f);
	version = 1;
	memset(uses, 0, sizeof(uses));
	memset(held, 0, sizeof(held));
}

START_TEST(every_answer_is_the_models_and_counters_return_to_zero)
{
	static void (*const steps[])(void) = {do_map,	do_map,	  do_map,      do_unmap,
					      do_unmap, do_copy,  do_transfer, do_end,
					      do_grant, do_grant, do_swap};
	const char *seed = getenv("PV_SEED");
	unsigned i, switches = 0, refused = 0;

	rng = seed ? strtoull(seed, NULL, 0) : 1000u + (unsigned)_i;
	hostile = _i & 1;
	start();
	for (i = 0; i < STEPS; i++) {
		steps[rnd(sizeof(steps) / sizeof(steps[0]))]();
		if (rnd(100) == 0) {
			unsigned was = version;

			if (rnd(2))
				clear(); /* else a switch would hardly ever be possible */
			do_version();
			switches += version != was;
			refused += version == was;
		}
		check_marks();
	}
	ck_assert_uint_gt(switches, 10);
	ck_assert_uint_gt(refused, 10);
	check_counters();
	clear();
	check_counters();
	check_marks();
	for (i = 0; i < REFS; i++)
		ck_assert_uint_eq(uses[i].readers + uses[i].writers, 0);
	fake_close(&f);
}
END_TEST

/* G7: the domain goes with maps still live, in whatever version; close aborts on a leak. */
START_TEST(domain_ends_with_whatever_is_mapped)
{
	unsigned i;

	rng = 77u + (unsigned)_i;
	hostile = true;
	start();
	for (i = 0; i < 500; i++) {
		do_grant();
		do_map();
		if (rnd(50) == 0)
			do_version();
	}
	fake_close(&f);
}
END_TEST

/* One of everything that allocates. */
static bool script(void)
{
	struct entry e = {PV_GTF_permit_access, FAKE_BACKEND, 0, 0, FAKE_DATA};
	struct pv_gnttab_map_grant_ref op = {.host_addr = (FAKE_DATA + 20) * 4096,
					     .flags = PV_GNTMAP_host_map,
					     .ref = 11,
					     .dom = PV_DOMID_SELF};
	struct pv_gnttab_unmap_grant_ref un = {.host_addr = (FAKE_DATA + 20) * 4096};
	struct pv_grant_map m;
	bool whole = true;
	char c = 0;

	write_entry(9, &e);
	if (pv_domain_grant_map(f.d, FAKE_BACKEND, 9, 0, &m))
		whole = false;
	else
		ck_assert_int_eq(pv_domain_grant_unmap(f.d, FAKE_BACKEND, &m), 0);
	write_entry(10, &e);
	whole &= pv_domain_grant_write(f.d, FAKE_BACKEND, 10, 0, &c, 1) == 0;
	e.domid = FAKE_DOMID;
	write_entry(11, &e);
	ck_assert_int_eq(fake_gnttab(&f, PV_GNTTABOP_map_grant_ref, &op, sizeof(op), 1), 0);
	whole &= !op.status;
	un.handle = op.handle;
	if (!op.status)
		ck_assert_int_eq(fake_gnttab(&f, PV_GNTTABOP_unmap_grant_ref, &un, sizeof(un), 1),
				 0);
	return whole;
}

START_TEST(each_failing_allocation_leaves_nothing_in_use)
{
	int left;
	bool whole = false;

	for (left = 0; !whole; left++) {
		ck_assert_int_lt(left, 20);
		start();
		version = 1 + (unsigned)_i;
		if (version == 2) {
			struct pv_gnttab_set_version v = {2};

			ck_assert_int_eq(fake_gnttab(&f, PV_GNTTABOP_set_version, &v, sizeof(v), 1),
					 0);
			place_status();
		}
		f.alloc_left = left;
		whole = script();
		check_marks();
		check_counters();
		f.alloc_left = -1;
		ck_assert(script());
		fake_close(&f);
	}
	ck_assert_int_gt(left, 1);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("host grants model");

	tcase_set_timeout(t, 120);
	tcase_add_loop_test(t, every_answer_is_the_models_and_counters_return_to_zero, 0, 8);
	tcase_add_loop_test(t, domain_ends_with_whatever_is_mapped, 0, 4);
	tcase_add_loop_test(t, each_failing_allocation_leaves_nothing_in_use, 0, 2);
	return run_case("host grants model", t);
}
