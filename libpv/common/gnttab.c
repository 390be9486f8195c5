/*
 * Grant entries of version 1: what the granter does.
 *
 * The holder's marks are hostile; see the header for the rule that follows from it.
 */
#include "gnttab.h"

#include <pv/abi/errno.h>

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
		uint64_t e = pv_gnttab_load(entry);

		if (e & PV_GNTTAB_IN_USE)
			return -PV_EBUSY;
		if (pv_gnttab_swap(entry, e, 0))
			return 0;
	}
	return -PV_EBUSY;
}
