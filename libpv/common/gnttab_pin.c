/*
 * Grant entries of both versions: what the holder does, and the change of version. Hosts only.
 *
 * The granter's words are hostile; see the header for the rule that follows from it.
 */
#include "gnttab.h"

#include <pv/abi/errno.h>

#define PAGE 4096u

int pv_gnttab_v1_pin(uint64_t *entry, uint16_t domid, int readonly, struct pv_gnttab_grant *g)
{
	const uint64_t kind = PV_GTF_type_mask | PV_GTF_sub_page;
	int i;

	for (i = 0; i < PV_GNTTAB_TRIES; i++) {
		uint64_t e = pv_gnttab_load(entry);
		uint64_t use = PV_GTF_reading | (readonly ? 0 : PV_GTF_writing);

		if ((e & kind) != PV_GTF_permit_access || (uint16_t)(e >> 16) != domid)
			return PV_GNTST_general_error;
		if (!readonly && (e & PV_GTF_readonly))
			return PV_GNTST_general_error;
		if (pv_gnttab_swap(entry, e, e | use)) {
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
		uint64_t head = pv_gnttab_load(entry);

		if (!v2_permits(head, domid, readonly, whole))
			break;
		__atomic_store_n(status, was | use, __ATOMIC_SEQ_CST);
		/* Use marked before the last look; partner: pv_gnttab_v2_end. */
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		if (pv_gnttab_load(entry) == head) {
			/* Once: a granter that keeps the rules cannot change it any more. */
			g->frame = pv_gnttab_load(&entry[1]);
			g->offset = 0;
			g->length = PAGE;
			if (head & PV_GTF_sub_page) {
				g->offset = (uint16_t)(head >> PV_GNTTAB_V2_OFFSET);
				g->length = (uint16_t)(head >> PV_GNTTAB_V2_LENGTH);
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
	__atomic_store_n(&entry[0], (uint32_t)v1 & ~(uint64_t)PV_GNTTAB_IN_USE, __ATOMIC_RELEASE);
}

int pv_gnttab_to_v1(const uint64_t *entry, uint64_t *v1)
{
	uint64_t head = pv_gnttab_load(entry), frame = pv_gnttab_load(&entry[1]);

	*v1 = 0;
	if ((head & PV_GTF_type_mask) == PV_GTF_transitive)
		return -PV_ERANGE;
	if ((head & PV_GTF_type_mask) != PV_GTF_permit_access)
		return 0;
	if (frame > UINT32_MAX || (head & PV_GTF_sub_page))
		return -PV_ERANGE;
	*v1 = ((uint32_t)head & ~(uint64_t)PV_GNTTAB_IN_USE) | frame << 32;
	return 0;
}
