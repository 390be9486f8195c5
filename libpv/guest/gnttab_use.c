/*
 * Using other domains' grants: map, unmap, copy.
 *
 * The granter is not trusted: it may revoke before we map, or leave a page paged out for ever; both
 * become errors here. What is in a mapped page is the caller's to check.
 */
#include "internal.h"
#include "gnttab.h"
#include "arch/arch.h"

/* The granter's page is paged out: the hypervisor asks for it and says eagain meanwhile. */
#define EAGAIN_LIMIT_NS 1000000000ull

int pv_gnttab_error(int16_t status)
{
	switch (status) {
	case PV_GNTST_okay: return 0;
	case PV_GNTST_bad_domain: return -PV_ESRCH;
	case PV_GNTST_bad_gntref: return -PV_EINVAL;
	case PV_GNTST_bad_handle: return -PV_EBADF;
	case PV_GNTST_bad_virt_addr: return -PV_EFAULT;
	case PV_GNTST_bad_dev_addr: return -PV_EINVAL;
	case PV_GNTST_no_device_space: return -PV_ENOSPC;
	case PV_GNTST_permission_denied: return -PV_EPERM;
	case PV_GNTST_bad_page: return -PV_ENXIO;
	case PV_GNTST_bad_copy_arg: return -PV_E2BIG;
	case PV_GNTST_address_too_big: return -PV_ERANGE;
	case PV_GNTST_eagain: return -PV_EAGAIN;
	case PV_GNTST_no_space: return -PV_ENOMEM;
	default: return -PV_EIO;
	}
}

/* True while another attempt makes sense; the first call sets the limit. */
static int try_again(struct pv *pv, int16_t status, uint64_t *limit)
{
	uint64_t now;

	if (status != PV_GNTST_eagain)
		return 0;
	now = pv_time_now(pv);
	if (!*limit)
		*limit = now + EAGAIN_LIMIT_NS;
	if (now >= *limit)
		return 0;
	pv_sched_yield(pv);
	return 1;
}

/* eagain that lasted: the granter does not give its page; to the caller that is a timeout. */
static int final_error(int16_t status)
{
	return status == PV_GNTST_eagain ? -PV_ETIMEDOUT : pv_gnttab_error(status);
}

int pv_gnttab_map(struct pv *pv, uint16_t dom, uint32_t ref, uint64_t host_addr, unsigned flags,
		  uint32_t *out)
{
	struct pv_gnttab_map_grant_ref m;
	uint64_t limit = 0;
	int rc;

	do {
		memset(&m, 0, sizeof(m));
		m.host_addr = host_addr;
		m.flags = flags | PV_GNTMAP_host_map;
		m.ref = ref;
		m.dom = dom;
		rc = pv_gnttab_op(pv, PV_GNTTABOP_map_grant_ref, &m, 1);
		if (rc)
			return rc;
	} while (try_again(pv, m.status, &limit));
	if (m.status == PV_GNTST_okay)
		*out = m.handle;
	return final_error(m.status);
}

int pv_gnttab_unmap(struct pv *pv, uint64_t host_addr, uint32_t map)
{
	struct pv_gnttab_unmap_grant_ref u = {.host_addr = host_addr, .handle = map};
	int rc = pv_gnttab_op(pv, PV_GNTTABOP_unmap_grant_ref, &u, 1);

	return rc ? rc : pv_gnttab_error(u.status);
}

int pv_gnttab_copy(struct pv *pv, struct pv_gnttab_copy *op, unsigned n)
{
	int rc = pv_gnttab_op(pv, PV_GNTTABOP_copy, op, n);
	int first = 0;
	unsigned i;

	if (rc)
		return rc;
	for (i = 0; i < n; i++) {
		uint64_t limit = 0;

		while (try_again(pv, op[i].status, &limit)) {
			rc = pv_gnttab_op(pv, PV_GNTTABOP_copy, &op[i], 1);
			if (rc)
				return rc;
		}
		if (op[i].status != PV_GNTST_okay && !first)
			first = final_error(op[i].status);
	}
	return first;
}
