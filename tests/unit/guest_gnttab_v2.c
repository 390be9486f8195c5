/*
 * Claims about the guest's grant table in version 2: entries of two words, use told by status words
 * that only the hypervisor writes.
 */
#include "guest_rig.h"

#include <pthread.h>
#include <stdlib.h>

#include "../../libpv/common/gnttab.h"
#include "run.h"

static struct rig r;

#define PEER 7

static uint64_t *entry_of(uint32_t ref)
{
	return (uint64_t *)(void *)(r.ram + r.placed[ref / 256] * 4096) + ref % 256 * 2;
}

static union pv_grant_entry_v2 *v2_of(uint32_t ref)
{
	return (void *)entry_of(ref);
}

static uint16_t *status_of(uint32_t ref)
{
	return (uint16_t *)(void *)(r.ram + r.status_placed[ref / 2048] * 4096) + ref % 2048;
}

static uint32_t permitted(void)
{
	int64_t ref = pv_gnttab_share(&r.pv, PEER, 42, PV_GRANT_RW);

	ck_assert_int_ge(ref, 8);
	return (uint32_t)ref;
}

START_TEST(permit_writes_both_words)
{
	uint32_t ref = permitted();

	ck_assert_uint_eq(r.version, 2);
	ck_assert_uint_eq(v2_of(ref)->hdr.flags, PV_GTF_permit_access);
	ck_assert_uint_eq(v2_of(ref)->hdr.domid, PEER);
	ck_assert_uint_eq(v2_of(ref)->full_page.frame, 42);
	ck_assert_int_eq(pv_gnttab_permit(&r.pv, ref, PEER, 43, 0), -PV_EBUSY);
	ck_assert_int_eq(pv_gnttab_revoke(&r.pv, ref), 0);
	ck_assert_int_eq(pv_gnttab_permit(&r.pv, ref, PEER, 1ull << 40, PV_GRANT_RO), 0);
	ck_assert_uint_eq(v2_of(ref)->full_page.frame, 1ull << 40); /* beyond 16 TiB */
	ck_assert_uint_eq(v2_of(ref)->hdr.flags, PV_GTF_permit_access | PV_GTF_readonly);
}
END_TEST

START_TEST(part_of_a_page_is_lent_with_its_bounds)
{
	uint32_t ref = (uint32_t)pv_gnttab_alloc(&r.pv);

	ck_assert_int_eq(pv_gnttab_permit_part(&r.pv, ref, PEER, 42, 0, 4096, 1), -PV_EINVAL);
	ck_assert_int_eq(pv_gnttab_permit_part(&r.pv, ref, PEER, 42, 0, 100, 0), -PV_EINVAL);
	ck_assert_int_eq(pv_gnttab_permit_part(&r.pv, ref, PEER, 42, 0, 100, 3997), -PV_EINVAL);
	ck_assert_int_eq(pv_gnttab_permit_part(&r.pv, ref, PEER, 42, 0, 1, UINT32_MAX), -PV_EINVAL);
	ck_assert_int_eq(pv_gnttab_permit_part(&r.pv, ref, PEER, 42, PV_GRANT_RO, 100, 3996), 0);
	ck_assert_uint_eq(v2_of(ref)->hdr.flags,
			  PV_GTF_permit_access | PV_GTF_sub_page | PV_GTF_readonly);
	ck_assert_uint_eq(v2_of(ref)->sub_page.page_off, 100);
	ck_assert_uint_eq(v2_of(ref)->sub_page.length, 3996);
	ck_assert_uint_eq(v2_of(ref)->sub_page.frame, 42);
	ck_assert_int_eq(pv_gnttab_end(&r.pv, ref), 0);
}
END_TEST

START_TEST(end_of_a_grant_in_use_leaves_it_permitted)
{
	static const uint16_t use[] = {PV_GTF_reading, PV_GTF_writing,
				       PV_GTF_reading | PV_GTF_writing};
	uint32_t ref = permitted(), left = r.pv.gnttab.nr_free;
	unsigned i;

	for (i = 0; i < 3; i++) {
		*status_of(ref) = use[i];
		ck_assert_int_eq(pv_gnttab_in_use(&r.pv, ref), 1);
		ck_assert_int_eq(pv_gnttab_revoke(&r.pv, ref), -PV_EBUSY);
		ck_assert_int_eq(pv_gnttab_end(&r.pv, ref), -PV_EBUSY);
		ck_assert_int_eq(pv_gnttab_free(&r.pv, ref), -PV_EBUSY);
		ck_assert_uint_eq(v2_of(ref)->hdr.flags, PV_GTF_permit_access);
		ck_assert_uint_eq(*status_of(ref), use[i]); /* the hypervisor's, not ours */
	}
	ck_assert_uint_eq(r.pv.gnttab.nr_free, left);
	*status_of(ref) = 0;
	ck_assert_int_eq(pv_gnttab_in_use(&r.pv, ref), 0);
	ck_assert_int_eq(pv_gnttab_end(&r.pv, ref), 0);
	ck_assert_uint_eq(v2_of(ref)->hdr.flags, 0);
	ck_assert_uint_eq(r.pv.gnttab.nr_free, left + 1);
}
END_TEST

START_TEST(table_grows_with_its_status_frames)
{
	static unsigned char seen[16 * 256];
	int64_t ref;
	unsigned n;

	r.pv.gnttab.max_frames = r.max_frames = 16;
	for (n = 0; (ref = pv_gnttab_share(&r.pv, PEER, 42, 0)) >= 0; n++) {
		ck_assert_int_ge(ref, 8);
		ck_assert_int_lt(ref, 16 * 256);
		ck_assert_uint_eq(seen[ref]++, 0);
		ck_assert_uint_eq(v2_of((uint32_t)ref)->hdr.flags, PV_GTF_permit_access);
		ck_assert_uint_eq(*status_of((uint32_t)ref), 0);
	}
	ck_assert_int_eq(ref, -PV_ENOSPC);
	ck_assert_uint_eq(n, 16 * 256 - 8);
	ck_assert(r.status_placed[1] && r.status_placed[1] != r.status_placed[0]);
	*status_of(4095) = PV_GTF_reading;
	ck_assert_int_eq(pv_gnttab_end(&r.pv, 4095), -PV_EBUSY);
	*status_of(4095) = 0;
	ck_assert_int_eq(pv_gnttab_end(&r.pv, 4095), 0);
}
END_TEST

START_TEST(growth_without_memory_keeps_the_table)
{
	unsigned used = r.nr_used, i;

	r.pv.gnttab.max_frames = r.max_frames = 16;
	for (i = 0; i < 256 - 8; i++)
		ck_assert_int_ge(pv_gnttab_alloc(&r.pv), 8);
	r.pages_left = 0;
	ck_assert_int_eq(pv_gnttab_alloc(&r.pv), -PV_ENOMEM);
	ck_assert_uint_eq(r.nr_used, used);
	r.pages_left = 7; /* 7 frames more have their status words in the first status frame */
	for (i = 0; i < 7 * 256; i++)
		ck_assert_int_ge(pv_gnttab_alloc(&r.pv), 256);
	ck_assert_uint_eq(r.nr_used, used + 7);
	for (i = 0; i < 2; i++) { /* the eighth needs a page for the status frame, then its own */
		r.pages_left = i;
		ck_assert_int_eq(pv_gnttab_alloc(&r.pv), -PV_ENOMEM);
		ck_assert_uint_eq(r.nr_used, used + 7 + i);
	}
	r.pages_left = 1;
	ck_assert_int_ge(pv_gnttab_alloc(&r.pv), 2048);
	ck_assert_uint_eq(r.nr_used, used + 9);
}
END_TEST

START_TEST(status_frame_that_the_host_refuses_costs_nothing)
{
	unsigned used, i;

	r.pv.gnttab.max_frames = 16; /* more than the host has */
	r.max_frames = 8;
	for (i = 0; i < 8 * 256 - 8; i++)
		ck_assert_int_ge(pv_gnttab_alloc(&r.pv), 8);
	used = r.nr_used;
	for (i = 0; i < 2; i++) {
		ck_assert_int_eq(pv_gnttab_alloc(&r.pv), -PV_EINVAL);
		ck_assert_uint_eq(r.nr_used, used);
	}
}
END_TEST

START_TEST(version_is_the_one_asked_for_or_the_one_needed)
{
	static struct rig w;

	rig_init(&w);
	ck_assert_int_eq(pv_gnttab_init_version(&w.pv, 3), -PV_EINVAL);
	ck_assert_int_eq(pv_gnttab_init(&w.pv), 0);
	ck_assert_uint_eq(w.version, 1);
	ck_assert_int_eq(pv_gnttab_init(&w.pv), -PV_EBUSY);
	ck_assert_int_eq(pv_gnttab_init_version(&w.pv, 2), -PV_EBUSY);
	ck_assert_int_eq(pv_gnttab_permit_part(&w.pv, 8, PEER, 42, 0, 0, 8), -PV_EOPNOTSUPP);
	rig_done(&w);
	rig_init(&w);
	ck_assert_int_eq(pv_gnttab_init_version(&w.pv, 0), 0);
	ck_assert_uint_eq(w.version, 1);
	rig_done(&w);
	rig_init(&w);
	w.last_gfn = 1ll << 32; /* memory that version 1 cannot name */
	ck_assert_int_eq(pv_gnttab_init_version(&w.pv, 0), 0);
	ck_assert_uint_eq(w.version, 2);
	rig_done(&w);
	rig_init(&w);
	w.last_gfn = 1ll << 32;
	ck_assert_int_eq(pv_gnttab_init(&w.pv), 0); /* 1, whatever there is */
	ck_assert_uint_eq(w.version, 1);
	ck_assert_int_eq(pv_gnttab_share(&w.pv, PEER, 1ll << 32, 0), -PV_ERANGE);
	rig_done(&w);
	rig_init(&w);
	w.max_version = 0; /* a host that does not know the question */
	ck_assert_int_eq(pv_gnttab_init_version(&w.pv, 2), -PV_ENOSYS);
	w.last_gfn = 1ll << 32;
	ck_assert_int_eq(pv_gnttab_init_version(&w.pv, 0), 0);
	ck_assert_uint_eq(w.pv.gnttab.version, 1);
	rig_done(&w);
}
END_TEST

static bool stop, owned;
static unsigned uses, thefts;

/* The hypervisor's side of the words, on behalf of a peer that uses the grant whenever it can. */
static void *use_grant(void *arg)
{
	uint32_t ref = *(uint32_t *)arg;
	struct pv_gnttab_grant g;

	while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
		if (pv_gnttab_v2_pin(entry_of(ref), status_of(ref), 0, PEER, 1, 1, &g))
			continue;
		__atomic_fetch_add(&uses, 1, __ATOMIC_RELAXED);
		if (!__atomic_load_n(&owned, __ATOMIC_ACQUIRE))
			thefts++;
		pv_gnttab_v2_status(status_of(ref), 0);
	}
	return NULL;
}

START_TEST(revoke_never_ends_a_use_that_has_begun)
{
	uint32_t ref = permitted();
	unsigned rounds;
	pthread_t peer;

	owned = true;
	ck_assert_int_eq(pthread_create(&peer, NULL, use_grant, &ref), 0);
	for (rounds = 0;
	     rounds < 20000 || (!__atomic_load_n(&uses, __ATOMIC_RELAXED) && rounds < 100000000);
	     rounds++) {
		while (pv_gnttab_revoke(&r.pv, ref))
			;
		__atomic_store_n(&owned, false, __ATOMIC_RELEASE); /* the page is ours alone */
		__atomic_store_n(&owned, true, __ATOMIC_RELEASE);
		ck_assert_int_eq(pv_gnttab_permit(&r.pv, ref, PEER, rounds, 0), 0);
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELEASE);
	pthread_join(peer, NULL);
	ck_assert_uint_gt(uses, 0);
	ck_assert_uint_eq(thefts, 0);
}
END_TEST

static void setup(void)
{
	rig_init(&r);
	ck_assert_int_eq(pv_gnttab_init_version(&r.pv, 2), 0);
}

static void teardown(void)
{
	rig_done(&r);
}

int main(void)
{
	TCase *t = tcase_create("guest-gnttab-v2");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, permit_writes_both_words);
	tcase_add_test(t, part_of_a_page_is_lent_with_its_bounds);
	tcase_add_test(t, end_of_a_grant_in_use_leaves_it_permitted);
	tcase_add_test(t, table_grows_with_its_status_frames);
	tcase_add_test(t, growth_without_memory_keeps_the_table);
	tcase_add_test(t, status_frame_that_the_host_refuses_costs_nothing);
	tcase_add_test(t, version_is_the_one_asked_for_or_the_one_needed);
	tcase_add_test(t, revoke_never_ends_a_use_that_has_begun);
	return run_case("guest-gnttab-v2", t);
}
