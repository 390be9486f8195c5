/*
 * Shared info: mapping the page, and the vcpu_info of each vCPU.
 *
 * The page is written by the hypervisor, which is trusted, and by every vCPU of this domain.
 */
#include "internal.h"
#include "shared_info.h"
#include <pv/abi/memory.h>
#include <pv/abi/vcpu.h>

int pv_shared_info_map(struct pv *pv, uint64_t maddr)
{
	struct pv_shared_info *si;
	unsigned i;

	if (maddr) {
		uint64_t gfn = maddr >> PV_PAGE_SHIFT;

		si = pv->os.map_gfn(pv->os.ctx, &gfn, 1, PV_MAP_WRITE);
		if (!si)
			return -PV_ENOMEM;
	} else {
		/* The hypervisor's page replaces one of ours, in place. */
		int rc;

		si = page_alloc(pv);
		if (!si)
			return -PV_ENOMEM;
		rc = pv_add_to_physmap(pv, PV_XENMAPSPACE_shared_info, 0,
				       pv->os.va_to_gfn(pv->os.ctx, si));
		if (rc) {
			page_free(pv, si);
			return rc;
		}
	}
	/* No port has a handler yet; a builder leaves the mask at 0. */
	for (i = 0; i < PV_EVTCHN_PORTS / 64; i++)
		STORE(&si->evtchn_mask[i], ~0ull);
	pv->shared_info = si;
	for (i = 0; i < PV_LEGACY_VCPUS && i < PV_XEN_LEGACY_MAX_VCPUS; i++)
		pv->vcpu_info[i] = &si->vcpu_info[i];
	return 0;
}

struct pv_vcpu_info *pv_vcpu_info(struct pv *pv, unsigned vcpu)
{
	return vcpu < PV_MAX_VCPUS ? pv->vcpu_info[vcpu] : NULL;
}

int pv_vcpu_info_set(struct pv *pv, unsigned vcpu, void *va)
{
	struct pv_vcpu_register_vcpu_info r = {
		.mfn = pv->os.va_to_gfn(pv->os.ctx, va),
		.offset = (uint32_t)((uintptr_t)va % PV_PAGE_SIZE),
	};
	unsigned long flags;
	int rc;

	if (vcpu >= PV_MAX_VCPUS || r.offset > PV_PAGE_SIZE - sizeof(struct pv_vcpu_info))
		return -PV_EINVAL;
	/*
	 * The hypervisor copies the old contents and raises upcall_pending, so nothing is lost. But
	 * an upcall before the pointer is stored would look into the old record, find nothing, and
	 * come again for ever: upcalls are held off.
	 */
	flags = pv_lock(pv);
	rc = (int)pv_hypercall3(pv, PV_HYPERVISOR_vcpu_op, PV_VCPUOP_register_vcpu_info, vcpu,
				handle(&r));
	if (!rc)
		__atomic_store_n(&pv->vcpu_info[vcpu], (struct pv_vcpu_info *)va, __ATOMIC_RELEASE);
	pv_unlock(pv, flags);
	return rc;
}

unsigned pv_vcpu_id(const struct pv *pv)
{
	return pv->os.vcpu_id ? pv->os.vcpu_id(pv->os.ctx) : 0;
}

unsigned long pv_lock(struct pv *pv)
{
	return pv->os.lock ? pv->os.lock(pv->os.ctx) : 0;
}

void pv_unlock(struct pv *pv, unsigned long flags)
{
	if (pv->os.unlock)
		pv->os.unlock(pv->os.ctx, flags);
}
