/*
 * The guest's grant table between gnttab.c, which serves both versions and knows version 1, and
 * gnttab_v2.c.
 *
 * The hypervisor is trusted; its marks in entries and status words change at any moment.
 */
#ifndef PV_GUEST_GNTTAB_H
#define PV_GUEST_GNTTAB_H

#include <pv/guest.h>
#include <pv/abi/grant_table.h>
#include "../common/gnttab.h"

/* What version 2 does otherwise. */
struct pv_gnttab_v2 {
	/* Makes sure that the frame's references have a status frame, before the frame is added. */
	int (*cover)(struct pv *pv, uint32_t index);
	/* Of a reference and its entry: pv_gnttab_permit(), pv_gnttab_revoke(), pv_gnttab_in_use(). */
	void (*grant)(uint64_t *entry, uint16_t peer, uint64_t gfn, unsigned flags);
	int (*end)(const struct pv *pv, uint32_t ref, uint64_t *entry);
	uint16_t (*use)(const struct pv *pv, uint32_t ref); /* PV_GTF_reading, PV_GTF_writing */
};

/* Sets the table up in version 1 (v2: NULL) or 2. */
int pv_gnttab_start(struct pv *pv, const struct pv_gnttab_v2 *v2);
/* The entry of a reference that alloc gave out and free has not taken back, or NULL. */
uint64_t *pv_gnttab_entry(const struct pv *pv, uint32_t ref);
/* Classic PV: lets the table grow to frame index; list: room for the machine frames up to it. */
int pv_gnttab_setup(struct pv *pv, uint32_t index, uint64_t *list);
int pv_gnttab_op(struct pv *pv, unsigned op, void *arg, unsigned n);

#endif
