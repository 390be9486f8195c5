/*
 * Grant entries of version 2: what the granter does.
 *
 * The status word is the holder's and hostile; see the header for the rule that follows from it.
 */
#include "gnttab.h"

#include <pv/abi/errno.h>

void pv_gnttab_v2_grant(uint64_t *entry, uint16_t domid, uint64_t frame, int readonly,
			uint16_t offset, uint16_t length)
{
	uint64_t flags = PV_GTF_permit_access | (readonly ? PV_GTF_readonly : 0) |
			 (length ? PV_GTF_sub_page : 0);

	/* The head permits, so it comes last; partner: the acquire of the head in pin. */
	__atomic_store_n(&entry[1], frame, __ATOMIC_RELAXED);
	__atomic_store_n(&entry[0],
			 flags | (uint64_t)domid << 16 | (uint64_t)offset << PV_GNTTAB_V2_OFFSET |
				 (uint64_t)length << PV_GNTTAB_V2_LENGTH,
			 __ATOMIC_RELEASE);
}

int pv_gnttab_v2_end(uint64_t *entry, const uint16_t *status)
{
	uint64_t head = pv_gnttab_load(entry);

	if (__atomic_load_n(status, __ATOMIC_ACQUIRE) & PV_GNTTAB_IN_USE)
		return -PV_EBUSY;
	__atomic_store_n(entry, 0, __ATOMIC_SEQ_CST);
	/* Permission away before the last look; partner: use marked before the last look, in pin. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!(__atomic_load_n(status, __ATOMIC_ACQUIRE) & PV_GNTTAB_IN_USE))
		return 0;
	__atomic_store_n(entry, head, __ATOMIC_SEQ_CST);
	return -PV_EBUSY;
}
