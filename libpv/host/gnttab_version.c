/*
 * Grant table, the switch between versions 1 and 2.
 *
 * The switch rewrites the table under its own entries, which has cost Xen five advisories (XSA-26,
 * 255, 379, 384, 486). Here it happens only while nothing but the builder's references is in use,
 * and a copy never leaves the domain's lock half done; those references are carried over from one
 * reading of each, and everything else starts as zeros.
 */
#include "access.h"
#include "domain.h"

/* What the builder's references say now, in version 1's form and with their marks of use. */
static int read_seeds(struct pv_domain *d, uint64_t *seed)
{
	uint64_t *page;
	uint32_t i;

	if (d->grant_gfn[0] == PV_NO_GPA) {
		memcpy(seed, d->grant_seed, sizeof(d->grant_seed));
		return 0;
	}
	page = pv_domain_page(d, d->grant_gfn[0], 0);
	if (!page)
		return -PV_EFAULT;
	for (i = 0; i < PV_STATE_GRANT_SEEDS; i++) {
		if (d->grant_version == 1)
			seed[i] = __atomic_load_n(&page[i], __ATOMIC_ACQUIRE);
		else if (pv_gnttab_to_v1(&page[2 * i], &seed[i]))
			return -PV_ERANGE;
		seed[i] &= ~(uint64_t)(PV_GTF_reading | PV_GTF_writing);
		seed[i] |= pv_domain_grant_marks(d, i);
	}
	return 0;
}

static void write_seeds(struct pv_domain *d, const uint64_t *seed)
{
	uint64_t *page =
		d->grant_gfn[0] == PV_NO_GPA ? NULL : pv_domain_page(d, d->grant_gfn[0], 1);
	uint32_t i;

	for (i = 0; page && i < PV_STATE_GRANT_SEEDS; i++) {
		if (d->grant_version == 2)
			pv_gnttab_to_v2(seed[i], &page[2 * i]);
		else
			__atomic_store_n(&page[i], seed[i], __ATOMIC_RELEASE);
	}
}

int pv_domain_grant_set_version(struct pv_domain *d, uint32_t version)
{
	uint64_t seed[PV_STATE_GRANT_SEEDS];
	uint32_t i;
	void *page;
	int rc;

	if (version != 1 && version != 2)
		return -PV_EINVAL;
	if (version > d->max_grant_version)
		return -PV_ENOSYS; /* as before there was a version 2 */
	if (version == d->grant_version)
		return 0;
	if (pv_domain_grants_busy(d, PV_GNTTAB_NR_RESERVED_ENTRIES,
				  PV_STATE_GRANT_FRAMES * PV_GNTTAB_V1_ENTRIES))
		return -PV_EBUSY;
	rc = read_seeds(d, seed);
	if (rc)
		return rc;
	for (i = 0; i < PV_STATE_STATUS_FRAMES; i++)
		if (d->status_gfn[i] != PV_NO_GPA)
			(void)pv_domain_grant_displace(d, d->status_gfn[i]);
	for (i = 0; i < d->grant_frames; i++) {
		page = d->grant_gfn[i] == PV_NO_GPA ? NULL : pv_domain_page(d, d->grant_gfn[i], 1);
		if (page)
			pv_shared_clear(page);
	}
	d->grant_version = version;
	write_seeds(d, seed);
	return 0;
}
