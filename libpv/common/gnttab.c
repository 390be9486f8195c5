/*
 * Version 1 grant entries: the transitions.
 *
 * The other side of the word is hostile; see the header for the rule that follows from it.
 */
#include "gnttab.h"

#include <pv/abi/errno.h>
#include <pv/abi/grant_table.h>

static uint64_t load(const uint64_t *entry)
{
	return __atomic_load_n(entry, __ATOMIC_ACQUIRE);
}

static int swap(uint64_t *entry, uint64_t was, uint64_t is)
{
	return __atomic_compare_exchange_n(entry, &was, is, 0, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
}

void pv_gnttab_v1_grant(uint64_t *entry, uint16_t domid, uint32_t frame, int readonly)
{
	unsigned flags = PV_GTF_permit_access | (readonly ? PV_GTF_readonly : 0);

	/* One store publishes all of it; release: what the page holds is visible to the holder. */
	__atomic_store_n(entry, PV_GNTTAB_V1(flags, domid, frame), __ATOMIC_RELEASE);
}

int pv_gnttab_v1_end(uint64_t *entry)
{
	int i;

	for (i = 0; i < PV_GNTTAB_TRIES; i++) {
		uint64_t e = load(entry);

		if (e & (PV_GTF_reading | PV_GTF_writing))
			return -PV_EBUSY;
		if (swap(entry, e, 0))
			return 0;
	}
	return -PV_EBUSY;
}

int pv_gnttab_v1_pin(uint64_t *entry, uint16_t domid, int readonly, uint32_t *frame)
{
	const uint64_t kind = PV_GTF_type_mask | PV_GTF_sub_page;
	int i;

	for (i = 0; i < PV_GNTTAB_TRIES; i++) {
		uint64_t e = load(entry);
		uint64_t use = PV_GTF_reading | (readonly ? 0 : PV_GTF_writing);

		if ((e & kind) != PV_GTF_permit_access || (uint16_t)(e >> 16) != domid)
			return PV_GNTST_general_error;
		if (!readonly && (e & PV_GTF_readonly))
			return PV_GNTST_general_error;
		if (swap(entry, e, e | use)) {
			*frame = (uint32_t)(e >> 32);
			return PV_GNTST_okay;
		}
	}
	return PV_GNTST_general_error;
}

void pv_gnttab_v1_unpin(uint64_t *entry, int keep_reading)
{
	uint64_t bits = PV_GTF_writing | (keep_reading ? 0 : PV_GTF_reading);

	/* Release: our accesses to the page come before the granter sees it free. */
	__atomic_fetch_and(entry, ~bits, __ATOMIC_SEQ_CST);
}
