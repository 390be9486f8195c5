/*
 * Start of the guest library: hypercalls, version, features, shared info, console and store rings.
 *
 * Everything read here comes from the domain builder or the hypervisor, which are trusted.
 */
#include "internal.h"
#include "arch/arch.h"
#include "shared_info.h"
#include <pv/abi/version.h>
#include <pv/abi/features.h>
#include <pv/abi/hvm/params.h>
#include <pv/abi/hvm/start_info.h>

int pv_is_translated(const struct pv *pv)
{
	return pv->mode == PV_MODE_PVH || pv_has_feature(pv, PV_XENFEAT_auto_translated_physmap);
}

static int copy_hooks(struct pv *pv, const struct pv_os *os)
{
	uint32_t size = os->size < sizeof(pv->os) ? os->size : sizeof(pv->os);

	memset(&pv->os, 0, sizeof(pv->os));
	memcpy(&pv->os, os, size);
	if (!pv->os.pages_alloc || !pv->os.pages_free || !pv->os.va_to_gfn || !pv->os.map_gfn)
		return -PV_EINVAL;
	if (!pv->os.lock != !pv->os.unlock)
		return -PV_EINVAL;
	return 0;
}

static int query_version(struct pv *pv)
{
	struct pv_feature_info fi = {.submap_idx = 0};
	int64_t rc = pv_hypercall2(pv, PV_HYPERVISOR_xen_version, PV_XENVER_version, 0);

	if (rc < 0)
		return (int)rc;
	pv->version = (uint32_t)rc;
	rc = pv_hypercall2(pv, PV_HYPERVISOR_xen_version, PV_XENVER_get_features, handle(&fi));
	if (rc < 0)
		return (int)rc;
	pv->features = fi.submap;
	return 0;
}

static int map_ring(struct pv *pv, uint64_t gfn, uint64_t port, void **ring, uint32_t *ring_port)
{
	*ring = NULL;
	*ring_port = 0;
	/* 0 means "none" for both values; a port beyond the ABI's range would index our tables. */
	if (!gfn || !port || port >= PV_EVTCHN_PORTS)
		return 0;
	*ring = pv->os.map_gfn(pv->os.ctx, &gfn, 1, PV_MAP_WRITE);
	if (!*ring)
		return -PV_ENOMEM;
	*ring_port = (uint32_t)port;
	return 0;
}

static uint64_t param_or_zero(struct pv *pv, uint32_t index)
{
	int64_t v = pv_hvm_param_get(pv, index);

	return v > 0 ? (uint64_t)v : 0;
}

static int find_rings(struct pv *pv, const struct pv_start_info *si)
{
	uint64_t sgfn, sport, cgfn = 0, cport = 0;
	int rc;

	if (pv->mode == PV_MODE_PVH) {
		sgfn = param_or_zero(pv, PV_HVM_PARAM_STORE_PFN);
		sport = param_or_zero(pv, PV_HVM_PARAM_STORE_EVTCHN);
		cgfn = param_or_zero(pv, PV_HVM_PARAM_CONSOLE_PFN);
		cport = param_or_zero(pv, PV_HVM_PARAM_CONSOLE_EVTCHN);
	} else {
		sgfn = si->store_mfn;
		sport = si->store_evtchn;
		/* In an initial domain the same bytes describe a VGA console. */
		if (!(si->flags & PV_SIF_INITDOMAIN)) {
			cgfn = si->console.domU.mfn;
			cport = si->console.domU.evtchn;
		}
	}
	rc = map_ring(pv, sgfn, sport, &pv->store_ring, &pv->store_port);
	if (rc)
		return rc;
	return map_ring(pv, cgfn, cport, &pv->console_ring, &pv->console_port);
}

int pv_init(struct pv *pv, const struct pv_os *os, const struct pv_boot *boot)
{
	int rc;

	if (boot->mode == PV_MODE_PV && !boot->start_info)
		return -PV_EINVAL;
	memset(pv, 0, sizeof(*pv));
	rc = copy_hooks(pv, os);
	if (rc)
		return rc;
	rc = pv_hypercall_init(pv, boot);
	if (rc)
		return rc;
	if (boot->mode == PV_MODE_PVH && boot->hypercall_page && !boot->hypercall)
		pv_arch_hypercall_page(pv, boot->hypercall_page,
				       pv->os.va_to_gfn(pv->os.ctx, boot->hypercall_page));
	rc = query_version(pv);
	if (rc)
		return rc;
	if (boot->mode == PV_MODE_PV) {
		pv->flags = boot->start_info->flags;
		pv->nr_pages = boot->start_info->nr_pages;
	} else if (boot->hvm_start_info) {
		pv->flags = boot->hvm_start_info->flags;
	}
	rc = pv_shared_info_map(pv, boot->mode == PV_MODE_PV ? boot->start_info->shared_info : 0);
	if (rc)
		return rc;
	return find_rings(pv, boot->start_info);
}
