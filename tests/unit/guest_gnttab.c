/*
 * Unit tests of the guest's grant table: ending an access tells the truth, whatever the peer does
 * meanwhile (Zephyr leaked ended references and freed used ones; iPXE overwrote flags in use).
 */
#include "guest_rig.h"
#include <pthread.h>
#include "run.h"

static struct rig r;

#define PEER 7

static uint32_t permitted(void)
{
	int64_t ref = pv_gnttab_share(&r.pv, PEER, 42, PV_GRANT_RW);

	ck_assert_int_ge(ref, 8);
	return (uint32_t)ref;
}

START_TEST(permit_writes_the_entry)
{
	uint32_t ref = permitted();
	struct pv_grant_entry_v1 *e = rig_entry(&r, ref);

	ck_assert_uint_eq(e->flags, PV_GTF_permit_access);
	ck_assert_uint_eq(e->domid, PEER);
	ck_assert_uint_eq(e->frame, 42);
	ck_assert_int_eq(pv_gnttab_permit(&r.pv, ref, PEER, 43, 0), -PV_EBUSY);
	ck_assert_int_eq(pv_gnttab_revoke(&r.pv, ref), 0);
	ck_assert_int_eq(pv_gnttab_permit(&r.pv, ref, PEER, 1ull << 32, 0), -PV_ERANGE);
	ck_assert_int_eq(pv_gnttab_permit(&r.pv, ref, PEER, 43, PV_GRANT_RO), 0);
	ck_assert_uint_eq(e->flags, PV_GTF_permit_access | PV_GTF_readonly);
}
END_TEST

START_TEST(end_of_an_unused_grant_frees_its_reference)
{
	uint32_t ref = permitted(), left = r.pv.gnttab.nr_free;

	ck_assert_int_eq(pv_gnttab_end(&r.pv, ref), 0);
	ck_assert_uint_eq(rig_entry(&r, ref)->flags, 0);
	ck_assert_uint_eq(r.pv.gnttab.nr_free, left + 1);
}
END_TEST

START_TEST(end_of_a_grant_in_use_changes_nothing)
{
	static const uint16_t use[] = {PV_GTF_reading, PV_GTF_writing,
				       PV_GTF_reading | PV_GTF_writing};
	uint32_t ref = permitted(), left = r.pv.gnttab.nr_free;
	unsigned i;

	for (i = 0; i < 3; i++) {
		rig_entry(&r, ref)->flags = PV_GTF_permit_access | use[i];
		ck_assert_int_eq(pv_gnttab_in_use(&r.pv, ref), 1);
		ck_assert_int_eq(pv_gnttab_revoke(&r.pv, ref), -PV_EBUSY);
		ck_assert_int_eq(pv_gnttab_end(&r.pv, ref), -PV_EBUSY);
		ck_assert_int_eq(pv_gnttab_free(&r.pv, ref), -PV_EBUSY);
		ck_assert_uint_eq(rig_entry(&r, ref)->flags, PV_GTF_permit_access | use[i]);
	}
	ck_assert_uint_eq(r.pv.gnttab.nr_free, left);
	rig_entry(&r, ref)->flags = PV_GTF_permit_access;
	ck_assert_int_eq(pv_gnttab_end(&r.pv, ref), 0);
}
END_TEST

START_TEST(free_refuses_a_permitted_and_a_free_reference)
{
	uint32_t ref = permitted();

	ck_assert_int_eq(pv_gnttab_free(&r.pv, ref), -PV_EBUSY);
	ck_assert_int_eq(pv_gnttab_revoke(&r.pv, ref), 0);
	ck_assert_int_eq(pv_gnttab_free(&r.pv, ref), 0);
	ck_assert_int_eq(pv_gnttab_free(&r.pv, ref), -PV_EINVAL);
	ck_assert_int_eq(pv_gnttab_revoke(&r.pv, ref), -PV_EINVAL);
	ck_assert_int_eq(pv_gnttab_permit(&r.pv, ref, PEER, 1, 0), -PV_EINVAL);
}
END_TEST

START_TEST(reserved_and_unknown_references_are_refused)
{
	ck_assert_int_eq(pv_gnttab_free(&r.pv, 0), -PV_EINVAL);
	ck_assert_int_eq(pv_gnttab_revoke(&r.pv, 1), -PV_EINVAL);
	ck_assert_int_eq(pv_gnttab_revoke(&r.pv, 512), -PV_EINVAL);
	ck_assert_int_eq(pv_gnttab_permit(&r.pv, PV_GREF_NONE, PEER, 1, 0), -PV_EINVAL);
}
END_TEST

START_TEST(alloc_gives_each_reference_once_and_ends_at_the_hosts_limit)
{
	static unsigned char seen[4 * 512];
	unsigned n;
	int64_t ref;

	for (n = 0; (ref = pv_gnttab_alloc(&r.pv)) >= 0; n++) {
		ck_assert_int_ge(ref, 8);
		ck_assert_int_lt(ref, 4 * 512);
		ck_assert_uint_eq(seen[ref]++, 0);
	}
	ck_assert_int_eq(ref, -PV_ENOSPC);
	ck_assert_uint_eq(n, 4 * 512 - 8);
	ck_assert_int_eq(pv_gnttab_free(&r.pv, 1999), 0);
	ck_assert_int_eq(pv_gnttab_alloc(&r.pv), 1999);
}
END_TEST

START_TEST(growth_without_memory_fails_and_keeps_the_table)
{
	unsigned used = r.nr_used, i;

	r.pages_left = 0;
	for (i = 0; i < 512 - 8; i++)
		ck_assert_int_ge(pv_gnttab_alloc(&r.pv), 8);
	ck_assert_int_eq(pv_gnttab_alloc(&r.pv), -PV_ENOMEM);
	ck_assert_uint_eq(r.nr_used, used);
	r.pages_left = 1;
	ck_assert_int_ge(pv_gnttab_alloc(&r.pv), 512);
}
END_TEST

START_TEST(every_grant_status_is_an_error_of_its_own_kind)
{
	int status;

	ck_assert_int_eq(pv_gnttab_error(PV_GNTST_okay), 0);
	for (status = -20; status < 0; status++)
		ck_assert_int_lt(pv_gnttab_error((int16_t)status), 0);
	ck_assert_int_eq(pv_gnttab_error(PV_GNTST_eagain), -PV_EAGAIN);
}
END_TEST

static bool stop;
static unsigned uses, wiped;

/* The hypervisor on behalf of a peer: uses the grant whenever it is permitted. */
static void *use_grant(void *arg)
{
	uint16_t *flags = arg, seen;

	while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
		seen = PV_GTF_permit_access;
		if (!__atomic_compare_exchange_n(flags, &seen, seen | PV_GTF_reading, 0,
						 __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
			continue;
		__atomic_fetch_add(&uses, 1, __ATOMIC_RELAXED);
		seen = __atomic_fetch_and(flags, (uint16_t)~PV_GTF_reading, __ATOMIC_SEQ_CST);
		if (!(seen & PV_GTF_reading))
			wiped++;
	}
	return NULL;
}

START_TEST(revoke_never_ends_a_use_that_has_begun)
{
	uint32_t ref = permitted();
	unsigned rounds;
	pthread_t peer;

	stop = false;
	ck_assert_int_eq(pthread_create(&peer, NULL, use_grant, &rig_entry(&r, ref)->flags), 0);
	for (rounds = 0;
	     rounds < 20000 || (!__atomic_load_n(&uses, __ATOMIC_RELAXED) && rounds < 100000000);
	     rounds++) {
		while (pv_gnttab_revoke(&r.pv, ref))
			;
		ck_assert_int_eq(pv_gnttab_permit(&r.pv, ref, PEER, rounds, 0), 0);
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELEASE);
	pthread_join(peer, NULL);
	ck_assert_uint_gt(uses, 0);
	ck_assert_uint_eq(wiped, 0);
}
END_TEST

static void setup(void)
{
	rig_init(&r);
	ck_assert_int_eq(pv_gnttab_init(&r.pv), 0);
}

static void teardown(void)
{
	rig_done(&r);
}

int main(void)
{
	TCase *t = tcase_create("guest-gnttab");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, permit_writes_the_entry);
	tcase_add_test(t, end_of_an_unused_grant_frees_its_reference);
	tcase_add_test(t, end_of_a_grant_in_use_changes_nothing);
	tcase_add_test(t, free_refuses_a_permitted_and_a_free_reference);
	tcase_add_test(t, reserved_and_unknown_references_are_refused);
	tcase_add_test(t, alloc_gives_each_reference_once_and_ends_at_the_hosts_limit);
	tcase_add_test(t, growth_without_memory_fails_and_keeps_the_table);
	tcase_add_test(t, revoke_never_ends_a_use_that_has_begun);
	tcase_add_test(t, every_grant_status_is_an_error_of_its_own_kind);
	return run_case("guest-gnttab", t);
}
