/*
 * Guest-physical space: a file as long as all addresses that can ever be memory, and what of it is memory now.
 *
 * Addresses come from the guest and are checked here. Once the guest runs, all of this is called under the domain's lock.
 */
#ifndef REFHV_DOMAIN_SPACE_H
#define REFHV_DOMAIN_SPACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "engine/engine.h"

struct domain;

/*
 * Large pages outside the regions. Those come from a pool that others draw from too, and the machine's own frames, wherever the guest wants them, fill a few (Linux
 * has them side by side).
 */
enum { SPACE_LARGE_MAX = 16 };

struct space {
	int fd;
	bool large;    /* of large pages, which are there before they are touched or not at all */
	void *ram;     /* guest-physical address g is ram + g, memory or not */
	uint64_t size; /* bytes: where the span ends */
	struct engine_region region[ENGINE_MAX_REGIONS]; /* memory from the start, ascending */
	unsigned nregions;
	/* One bit a page: it is otherwise than its region says. Given back by the guest, or memory outside. NULL: none is. */
	uint64_t *odd;
	uint64_t *overlay;		 /* one bit a page: it shows another one; NULL: none does */
	uint64_t taken[SPACE_LARGE_MAX]; /* large pages outside the regions, by number */
	unsigned ntaken;
};

/* The whole span is one region unless *regions says otherwise. Large pages round it up. 0 or -PV_E...; *s stays usable for the regions' sake. */
int space_create(struct space *s, uint64_t size, const struct engine_region *region, unsigned n,
		 unsigned flags);
/* Bytes that are memory from the start. */
uint64_t space_ram(const struct space *s);
/* A pointer to [gpa, gpa + len), which lies in one page; NULL if that is not memory. */
void *space_at(const struct space *s, uint64_t gpa, uint32_t len);

/* The balloon's, and the machine's own pages: see the hooks of the same names in pv/vmm.h. */
int space_release(struct domain *d, uint64_t gfn, unsigned order);
int space_populate(struct domain *d, uint64_t gfn, unsigned order);
int space_frame_set(struct domain *d, uint64_t gfn, bool present);
int space_overlay_set(struct domain *d, uint64_t gfn, uint64_t source, unsigned flags);

/* For an image: the pages that are odd, and back. */
size_t space_odd_size(const struct space *s);
int space_odd_load(struct space *s, const uint64_t *odd, size_t size);

#endif
