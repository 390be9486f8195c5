/*
 * Grant entries: the transitions.
 *
 * The other side of each word is hostile; see the header for the rule that follows from it.
 */
#include "gnttab.h"

#include <pv/abi/errno.h>
#include <pv/abi/grant_table.h>

#define PAGE	  4096u
#define IN_USE	  (PV_GTF_reading | PV_GTF_writing)
#define V2_OFFSET 32
#define V2_LENGTH 48

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

		if (e & IN_USE)
			return -PV_EBUSY;
		if (swap(entry, e, 0))
			return 0;
	}
	return -PV_EBUSY;
}

int pv_gnttab_v1_pin(uint64_t *entry, uint16_t domid, int readonly, struct pv_gnttab_grant *g)
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
			*g = (struct pv_gnttab_grant){(uint32_t)(e >> 32), 0, PAGE};
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

void pv_gnttab_v2_grant(uint64_t *entry, uint16_t domid, uint64_t frame, int readonly,
			uint16_t offset, uint16_t length)
{
	uint64_t flags = PV_GTF_permit_access | (readonly ? PV_GTF_readonly : 0) |
			 (length ? PV_GTF_sub_page : 0);

	/* The head permits, so it comes last; partner: the acquire of the head in pin. */
	__atomic_store_n(&entry[1], frame, __ATOMIC_RELAXED);
	__atomic_store_n(&entry[0],
			 flags | (uint64_t)domid << 16 | (uint64_t)offset << V2_OFFSET |
				 (uint64_t)length << V2_LENGTH,
			 __ATOMIC_RELEASE);
}

int pv_gnttab_v2_end(uint64_t *entry, const uint16_t *status)
{
	uint64_t head = load(entry);

	if (__atomic_load_n(status, __ATOMIC_ACQUIRE) & IN_USE)
		return -PV_EBUSY;
	__atomic_store_n(entry, 0, __ATOMIC_SEQ_CST);
	/* Permission away before the last look; partner: use marked before the last look, in pin. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!(__atomic_load_n(status, __ATOMIC_ACQUIRE) & IN_USE))
		return 0;
	__atomic_store_n(entry, head, __ATOMIC_SEQ_CST);
	return -PV_EBUSY;
}

static int v2_permits(uint64_t head, uint16_t domid, int readonly, int whole)
{
	const uint64_t kind = PV_GTF_type_mask | (whole ? PV_GTF_sub_page : 0);

	return (head & kind) == PV_GTF_permit_access && (uint16_t)(head >> 16) == domid &&
	       (readonly || !(head & PV_GTF_readonly));
}

int pv_gnttab_v2_pin(const uint64_t *entry, uint16_t *status, uint16_t was, uint16_t domid,
		     int readonly, int whole, struct pv_gnttab_grant *g)
{
	uint16_t use = PV_GTF_reading | (readonly ? 0 : PV_GTF_writing), none;
	int i;

	if (!status)
		status = &none;
	for (i = 0; i < PV_GNTTAB_TRIES; i++) {
		uint64_t head = load(entry);

		if (!v2_permits(head, domid, readonly, whole))
			break;
		__atomic_store_n(status, was | use, __ATOMIC_SEQ_CST);
		/* Use marked before the last look; partner: pv_gnttab_v2_end. */
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		if (load(entry) == head) {
			/* Once: a granter that keeps the rules cannot change it any more. */
			g->frame = load(&entry[1]);
			g->offset = 0;
			g->length = PAGE;
			if (head & PV_GTF_sub_page) {
				g->offset = (uint16_t)(head >> V2_OFFSET);
				g->length = (uint16_t)(head >> V2_LENGTH);
			}
			return PV_GNTST_okay;
		}
		pv_gnttab_v2_status(status, was);
	}
	return PV_GNTST_general_error;
}

void pv_gnttab_v2_status(uint16_t *status, uint16_t flags)
{
	/* Release: our accesses to the page come before the granter sees it free. */
	__atomic_store_n(status, flags, __ATOMIC_SEQ_CST);
}

void pv_gnttab_to_v2(uint64_t v1, uint64_t *entry)
{
	__atomic_store_n(&entry[1], v1 >> 32, __ATOMIC_RELAXED);
	__atomic_store_n(&entry[0], (uint32_t)v1 & ~(uint64_t)IN_USE, __ATOMIC_RELEASE);
}

int pv_gnttab_to_v1(const uint64_t *entry, uint64_t *v1)
{
	uint64_t head = load(entry), frame = load(&entry[1]);

	*v1 = 0;
	if ((head & PV_GTF_type_mask) == PV_GTF_transitive)
		return -PV_ERANGE;
	if ((head & PV_GTF_type_mask) != PV_GTF_permit_access)
		return 0;
	if (frame > UINT32_MAX || (head & PV_GTF_sub_page))
		return -PV_ERANGE;
	*v1 = ((uint32_t)head & ~(uint64_t)IN_USE) | frame << 32;
	return 0;
}
