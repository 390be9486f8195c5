/*
 * Claims about the shared words of libpv/common: event bits, grant entries, the pv clock.
 */

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <pv/abi/errno.h>
#include <pv/abi/grant_table.h>
#include <pv/abi/xen.h>

#include "../../libpv/common/bits.h"
#include "../../libpv/common/evtchn.h"
#include "../../libpv/common/evtchn_fifo.h"
#include "../../libpv/common/gnttab.h"
#include "../../libpv/common/time.h"
#include "run.h"

START_TEST(raise_goes_down_the_chain_once)
{
	static struct pv_shared_info si;
	struct pv_vcpu_info *vi = &si.vcpu_info[PV_XEN_LEGACY_MAX_VCPUS - 1];

	memset(&si, 0, sizeof(si));
	ck_assert_uint_eq(pv_evtchn_2l_raise(&si, vi, false, 4095),
			  PV_EVTCHN_RAISED | PV_EVTCHN_UPCALL);
	ck_assert_uint_eq(si.evtchn_pending[63], 1ull << 63);
	ck_assert_uint_eq(vi->evtchn_pending_sel, 1ull << 63);
	ck_assert_uint_eq(vi->evtchn_upcall_pending, 1);
	ck_assert_uint_eq(pv_evtchn_2l_raise(&si, vi, false, 4095), 0);
	ck_assert_uint_eq(pv_evtchn_2l_raise(&si, vi, false, 4094), PV_EVTCHN_RAISED);
	ck_assert_uint_eq(pv_evtchn_2l_raise(&si, vi, false, 1), PV_EVTCHN_RAISED);
	ck_assert_uint_eq(pv_evtchn_2l_raise(&si, NULL, false, 2), PV_EVTCHN_RAISED);
	ck_assert_int_eq(pv_bit_clear(si.evtchn_pending, 1), 1);
	ck_assert_int_eq(pv_bit_clear(si.evtchn_pending, 1), 0);
}
END_TEST

START_TEST(masked_port_is_raised_by_unmask)
{
	static struct pv_shared_info si;
	struct pv_vcpu_info *vi = &si.vcpu_info[0];

	memset(&si, 0, sizeof(si));
	pv_bit_set(si.evtchn_mask, 70);
	ck_assert_uint_eq(pv_evtchn_2l_raise(&si, vi, false, 70), PV_EVTCHN_RAISED);
	ck_assert_uint_eq(vi->evtchn_pending_sel, 0);
	ck_assert_uint_eq(pv_evtchn_2l_unmask(&si, vi, false, 70), PV_EVTCHN_UPCALL);
	ck_assert_uint_eq(vi->evtchn_pending_sel, 2);
	ck_assert_uint_eq(pv_evtchn_2l_unmask(&si, vi, false, 70), 0);
	ck_assert_uint_eq(pv_evtchn_2l_unmask(&si, vi, false, 71), 0);
}
END_TEST

START_TEST(fifo_raise_links_once_and_only_what_is_not_masked)
{
	uint32_t w = 0;

	ck_assert_uint_eq(pv_evtchn_fifo_raise(&w), PV_FIFO_NEWLY_PENDING | PV_FIFO_NEWLY_LINKED);
	ck_assert_uint_eq(pv_evtchn_fifo_raise(&w), 0);
	ck_assert_uint_eq(pv_evtchn_fifo_unlink(&w), 0);
	ck_assert_uint_eq(w, PV_FIFO_PENDING);
	ck_assert_uint_eq(pv_evtchn_fifo_raise(&w), PV_FIFO_NEWLY_LINKED);
	w = PV_FIFO_MASKED;
	ck_assert_uint_eq(pv_evtchn_fifo_raise(&w), PV_FIFO_NEWLY_PENDING);
	ck_assert_uint_eq(w, PV_FIFO_MASKED | PV_FIFO_PENDING);
	ck_assert(pv_evtchn_fifo_unmask(&w));
	ck_assert_uint_eq(w, PV_FIFO_PENDING);
}
END_TEST

START_TEST(fifo_append_changes_the_link_of_a_linked_tail_alone)
{
	uint32_t w = PV_FIFO_MASKED | PV_FIFO_PENDING, all;

	ck_assert(!pv_evtchn_fifo_append(&w, 77));
	ck_assert_uint_eq(w, PV_FIFO_MASKED | PV_FIFO_PENDING);
	all = w |= PV_FIFO_LINKED;
	ck_assert(pv_evtchn_fifo_append(&w, 77));
	ck_assert_uint_eq(w, all | 77);
	ck_assert_uint_eq(pv_evtchn_fifo_unlink(&w), 77);
	/* BUSY that somebody left there goes with the link */
	w = all | PV_FIFO_BUSY | PV_FIFO_LINK;
	ck_assert(!pv_evtchn_fifo_unmask(&w));
	ck_assert(pv_evtchn_fifo_append(&w, 131071));
	ck_assert_uint_eq(w, all | 131071);
}
END_TEST

static uint32_t flipped;
static bool flip_on;

/* Faster than any guest is allowed to be, but for BUSY, which is the host's. */
static void *flipper(void *arg)
{
	(void)arg;
	while (__atomic_load_n(&flip_on, __ATOMIC_ACQUIRE)) {
		(void)pv_fifo_set(&flipped, PV_FIFO_LINKED | PV_FIFO_MASKED);
		(void)pv_fifo_clear(&flipped, PV_FIFO_PENDING);
		(void)pv_fifo_clear(&flipped, PV_FIFO_MASKED);
		(void)pv_fifo_set(&flipped, PV_FIFO_PENDING);
		(void)pv_evtchn_fifo_unlink(&flipped);
	}
	return NULL;
}

START_TEST(fifo_append_ends_and_leaves_no_word_busy)
{
	pthread_t t;
	int i;

	flip_on = true;
	pthread_create(&t, NULL, flipper, NULL);
	for (i = 0; i < 300000; i++) {
		(void)pv_evtchn_fifo_append(&flipped, 5);
		ck_assert_uint_eq(pv_fifo_read(&flipped) & PV_FIFO_BUSY, 0);
	}
	__atomic_store_n(&flip_on, false, __ATOMIC_RELEASE);
	pthread_join(t, NULL);
}
END_TEST

static struct pv_shared_info shared;
static unsigned long raised, seen;

static void *raiser(void *arg)
{
	int i;

	(void)arg;
	for (i = 0; i < 20000; i++)
		if (pv_evtchn_2l_raise(&shared, &shared.vcpu_info[0], false, 65 + (uint32_t)i % 3))
			__atomic_fetch_add(&raised, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

static void scan(void)
{
	struct pv_vcpu_info *vi = &shared.vcpu_info[0];
	uint32_t port;

	if (!__atomic_exchange_n(&vi->evtchn_upcall_pending, 0, __ATOMIC_SEQ_CST))
		return;
	if (__atomic_exchange_n(&vi->evtchn_pending_sel, 0, __ATOMIC_SEQ_CST) & 2)
		for (port = 64; port < 128; port++)
			if (pv_bit_clear(shared.evtchn_pending, port))
				seen++;
}

START_TEST(no_event_is_lost_between_raisers_and_a_scanner)
{
	pthread_t t[2];
	int i;

	for (i = 0; i < 2; i++)
		pthread_create(&t[i], NULL, raiser, NULL);
	for (i = 0; i < 100000; i++)
		scan();
	for (i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	/* an event that is pending has left its mark on the way up */
	scan();
	scan();
	ck_assert_uint_eq(shared.evtchn_pending[1], 0);
	ck_assert_uint_eq(raised, seen);
}
END_TEST

START_TEST(entry_in_use_cannot_be_ended)
{
	uint64_t e = 0;
	struct pv_gnttab_grant g = {0};

	pv_gnttab_v1_grant(&e, 7, 0x1234, 0);
	ck_assert_uint_eq(e, PV_GNTTAB_V1(PV_GTF_permit_access, 7, 0x1234));
	ck_assert_int_eq(pv_gnttab_v1_pin(&e, 7, 0, &g), PV_GNTST_okay);
	ck_assert_uint_eq(g.frame, 0x1234);
	ck_assert_uint_eq(g.length, 4096);
	ck_assert_int_eq(pv_gnttab_v1_end(&e), -PV_EBUSY);
	pv_gnttab_v1_unpin(&e, 1);
	ck_assert_uint_eq(e & 0xffff, PV_GTF_permit_access | PV_GTF_reading);
	ck_assert_int_eq(pv_gnttab_v1_end(&e), -PV_EBUSY);
	pv_gnttab_v1_unpin(&e, 0);
	ck_assert_int_eq(pv_gnttab_v1_end(&e), 0);
	ck_assert_uint_eq(e, 0);
	ck_assert_int_eq(pv_gnttab_v1_pin(&e, 7, 0, &g), PV_GNTST_general_error);
}
END_TEST

START_TEST(readonly_entry_is_pinned_for_reading_only)
{
	uint64_t e = 0;
	struct pv_gnttab_grant g = {0};

	pv_gnttab_v1_grant(&e, 7, UINT32_MAX, 1);
	ck_assert_int_eq(pv_gnttab_v1_pin(&e, 7, 0, &g), PV_GNTST_general_error);
	ck_assert_int_eq(pv_gnttab_v1_pin(&e, 8, 1, &g), PV_GNTST_general_error);
	ck_assert_int_eq(pv_gnttab_v1_pin(&e, 7, 1, &g), PV_GNTST_okay);
	ck_assert_uint_eq(g.frame, UINT32_MAX);
	ck_assert_uint_eq(e & PV_GTF_writing, 0);
}
END_TEST

START_TEST(clock_factors_are_exact_to_32_bits)
{
	static const uint64_t khz[] = {1,	999,	 1000,	  24000,   999999,
				       1000000, 1000001, 2400000, 3999999, 100000000};
	uint64_t ns, want;
	uint32_t mul;
	int8_t shift;

	ck_assert_int_eq(pv_time_factors(khz[_i], &mul, &shift), 0);
	ck_assert_uint_ge(mul, 1u << 31);
	/* an hour of cycles: within one part in 2^30 */
	ns = pv_time_scale(khz[_i] * 1000 * 3600, mul, shift);
	want = 3600ull * 1000000000;
	ck_assert_uint_le(ns > want ? ns - want : want - ns, (want >> 30) + 1000000 / khz[_i] + 1);
}
END_TEST

START_TEST(absurd_clocks_are_refused_or_saturate)
{
	uint32_t mul;
	int8_t shift;

	ck_assert_int_eq(pv_time_factors(0, &mul, &shift), -PV_EINVAL);
	ck_assert_int_eq(pv_time_factors(UINT64_MAX, &mul, &shift), -PV_EINVAL);
	ck_assert_uint_eq(pv_time_scale(UINT64_MAX, UINT32_MAX, 64), 0);
	ck_assert_uint_eq(pv_time_scale(UINT64_MAX, UINT32_MAX, -64), 0);
}
END_TEST

START_TEST(clock_that_never_settles_is_given_up_on)
{
	struct pv_vcpu_time_info t = {.version = 3}, copy;

	ck_assert_int_eq(pv_time_read(&t, &copy), -PV_EAGAIN);
}
END_TEST

static struct pv_vcpu_time_info shared_time;
static int writing;

static void *clock_writer(void *arg)
{
	uint32_t i;

	(void)arg;
	for (i = 1; i < 100000; i++) {
		struct pv_vcpu_time_info t = {
			.tsc_timestamp = i, .system_time = i * 7ull, .tsc_to_system_mul = i * 3};

		pv_time_write(&shared_time, &t, i * 2);
	}
	__atomic_store_n(&writing, 0, __ATOMIC_SEQ_CST);
	return NULL;
}

START_TEST(clock_is_read_whole_while_it_is_written)
{
	struct pv_vcpu_time_info c;
	pthread_t t;

	writing = 1;
	pthread_create(&t, NULL, clock_writer, NULL);
	while (__atomic_load_n(&writing, __ATOMIC_SEQ_CST)) {
		if (pv_time_read(&shared_time, &c))
			continue;
		ck_assert_uint_eq(c.system_time, c.tsc_timestamp * 7);
		ck_assert_uint_eq(c.tsc_to_system_mul, (uint32_t)c.tsc_timestamp * 3);
		ck_assert_uint_eq(c.version, (uint32_t)c.tsc_timestamp * 2);
	}
	pthread_join(t, NULL);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("shared words");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, raise_goes_down_the_chain_once);
	tcase_add_test(t, masked_port_is_raised_by_unmask);
	tcase_add_test(t, fifo_raise_links_once_and_only_what_is_not_masked);
	tcase_add_test(t, fifo_append_changes_the_link_of_a_linked_tail_alone);
	tcase_add_test(t, fifo_append_ends_and_leaves_no_word_busy);
	tcase_add_test(t, no_event_is_lost_between_raisers_and_a_scanner);
	tcase_add_test(t, entry_in_use_cannot_be_ended);
	tcase_add_test(t, readonly_entry_is_pinned_for_reading_only);
	tcase_add_loop_test(t, clock_factors_are_exact_to_32_bits, 0, 10);
	tcase_add_test(t, absurd_clocks_are_refused_or_saturate);
	tcase_add_test(t, clock_that_never_settles_is_given_up_on);
	tcase_add_test(t, clock_is_read_whole_while_it_is_written);
	return run_case("shared words", t);
}
