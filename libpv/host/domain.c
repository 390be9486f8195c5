/*
 * Domains: creation, destruction, the lock, and the two ways to end (crash, shutdown).
 *
 * Trusts the VMM's configuration for sense but checks its limits; no guest input arrives here.
 */
#include "domain.h"

#include <pv/abi/vcpu.h>

#define DEFAULT_VERSION (4u << 16 | 17)

void pv_domain_enter(struct pv_domain *d)
{
	if (d->vmm.lock)
		d->vmm.lock(d->vmm.ctx);
}

void pv_domain_leave(struct pv_domain *d)
{
	if (d->vmm.unlock)
		d->vmm.unlock(d->vmm.ctx);
}

void pv_domain_breathe(struct pv_domain *d)
{
	pv_domain_leave(d);
	pv_domain_enter(d);
}

void *pv_domain_alloc(struct pv_domain *d, size_t size)
{
	return d->vmm.alloc(d->vmm.ctx, size);
}

void pv_domain_free(struct pv_domain *d, void *p, size_t size)
{
	if (p)
		d->vmm.free(d->vmm.ctx, p, size);
}

void *pv_domain_page(struct pv_domain *d, uint64_t gfn, int write)
{
	return gfn > PV_GFN_MAX ? NULL : d->vmm.gpa_map(d->vmm.ctx, gfn * PV_PAGE, PV_PAGE, write);
}

/* Copy up to n - 1 bytes of a string; the rest of dst is zero already. */
static void copy_string(char *dst, const char *src, size_t n)
{
	size_t i;

	for (i = 0; src && i + 1 < n && src[i]; i++)
		dst[i] = src[i];
}

uint32_t pv_domain_features(enum pv_domain_kind kind)
{
	uint32_t common =
		1u << PV_XENFEAT_auto_translated_physmap | 1u << PV_XENFEAT_writable_page_tables |
		1u << PV_XENFEAT_runstate_phys_area | 1u << PV_XENFEAT_vcpu_time_phys_area;

	if (kind == PV_DOMAIN_PVH)
		return common | 1u << PV_XENFEAT_hvm_callback_vector |
		       1u << PV_XENFEAT_hvm_safe_pvclock |
		       1u << PV_XENFEAT_memory_op_vnode_supported |
		       1u << PV_XENFEAT_not_direct_mapped;
	return common | 1u << PV_XENFEAT_gnttab_map_avail_bits |
	       1u << PV_XENFEAT_writable_descriptor_tables |
	       1u << PV_XENFEAT_mmu_pt_update_preserve_ad;
}

static int check_config(const struct pv_domain_config *c, const struct pv_vmm *v)
{
	const uint32_t mandatory = offsetof(struct pv_vmm, lock);

	if (!c || !v || c->size < sizeof(*c) || v->size < mandatory)
		return -PV_EINVAL;
	if (!v->alloc || !v->free || !v->gpa_map || !v->gva_to_gpa || !v->kick || !v->now)
		return -PV_EINVAL;
	if (c->kind != PV_DOMAIN_PV && c->kind != PV_DOMAIN_PVH)
		return -PV_EINVAL;
	if (c->domid >= PV_DOMID_FIRST_RESERVED)
		return -PV_EINVAL;
	if (!c->max_vcpus || c->max_vcpus > PV_MAX_VCPUS)
		return -PV_EINVAL;
	if (c->max_ports > PV_EVTCHN_FIFO_NR_CHANNELS ||
	    c->max_grant_frames > PV_STATE_GRANT_FRAMES ||
	    c->max_maps > PV_MAP_CHUNK * PV_MAP_CHUNKS || c->max_grant_version > 2)
		return -PV_EINVAL;
	return 0;
}

static void init_config(struct pv_domain *d, const struct pv_domain_config *c)
{
	uint32_t i;

	d->kind = c->kind;
	d->domid = c->domid;
	d->max_vcpus = c->max_vcpus;
	d->max_ports = c->max_ports ? c->max_ports : PV_EVTCHN_2L_PORTS;
	d->max_grant_frames = c->max_grant_frames ? c->max_grant_frames : PV_STATE_GRANT_FRAMES;
	d->max_maps = c->max_maps ? c->max_maps : PV_MAP_CHUNK * PV_MAP_CHUNKS;
	d->nr_pages = c->nr_pages;
	d->max_pages = c->max_pages ? c->max_pages : c->nr_pages;
	d->max_gfn = c->max_gfn ? c->max_gfn : c->nr_pages ? c->nr_pages - 1 : 0;
	d->features = c->features ? c->features : pv_domain_features(c->kind);
	d->xen_version = c->xen_version ? c->xen_version : DEFAULT_VERSION;
	copy_string(d->extraversion, c->extraversion, sizeof(d->extraversion));
	copy_string(d->commandline, c->commandline, sizeof(d->commandline));
	memcpy(d->uuid, c->uuid, sizeof(d->uuid));
	d->m2p_start = c->m2p_start;
	d->m2p_end = c->m2p_end;
	d->m2p_max_mfn = c->m2p_max_mfn;
	d->shared_info_gfn = PV_NO_GPA;
	d->grant_frames = 1;
	d->grant_version = 1;
	d->max_grant_version = c->max_grant_version ? c->max_grant_version : 2;
	for (i = 0; i < PV_STATE_STATUS_FRAMES; i++)
		d->status_gfn[i] = PV_NO_GPA;
	for (i = 0; i < PV_STATE_GRANT_FRAMES; i++) {
		d->grant_gfn[i] = PV_NO_GPA;
		d->grant_setup_gfn[i] = PV_NO_GPA;
		if (c->grant_gfns && i < d->max_grant_frames)
			d->grant_setup_gfn[i] = c->grant_gfns[i];
	}
}

static void init_vcpus(struct pv_domain *d)
{
	uint64_t now = pv_domain_now(d);
	uint32_t i;

	for (i = 0; i < d->max_vcpus; i++) {
		d->vcpu[i].info_gpa = PV_NO_GPA;
		d->vcpu[i].runstate = i ? PV_RUNSTATE_offline : PV_RUNSTATE_running;
		d->vcpu[i].runstate_entry = now;
	}
	d->vcpu[0].initialised = true;
	d->vcpu[0].up = true;
}

int pv_domain_create(struct pv_domain **out, const struct pv_domain_config *cfg,
		     const struct pv_vmm *vmm)
{
	struct pv_domain *d;
	int rc = check_config(cfg, vmm);

	if (rc)
		return rc;
	d = vmm->alloc(vmm->ctx, sizeof(*d));
	if (!d)
		return -PV_ENOMEM;
	memcpy(&d->vmm, vmm, vmm->size < sizeof(d->vmm) ? vmm->size : sizeof(d->vmm));
	init_config(d, cfg);
	d->vcpu = pv_domain_alloc(d, sizeof(*d->vcpu) * d->max_vcpus);
	rc = d->vcpu ? pv_domain_ports_init(d) : -PV_ENOMEM;
	if (rc) {
		pv_domain_destroy(d);
		return rc;
	}
	init_vcpus(d);
	*out = d;
	return 0;
}

void pv_domain_destroy(struct pv_domain *d)
{
	if (!d)
		return;
	pv_domain_grants_fini(d);
	pv_domain_ports_fini(d);
	pv_domain_free(d, d->vcpu, sizeof(*d->vcpu) * d->max_vcpus);
	pv_domain_free(d, d, sizeof(*d));
}

void pv_domain_crash_locked(struct pv_domain *d, const char *reason)
{
	if (d->crash_reason)
		return;
	d->crash_reason = reason;
	if (d->vmm.crash)
		d->vmm.crash(d->vmm.ctx, reason);
}

void pv_domain_crash(struct pv_domain *d, const char *reason)
{
	pv_domain_enter(d);
	pv_domain_crash_locked(d, reason);
	pv_domain_leave(d);
}

const char *pv_domain_crash_reason(struct pv_domain *d)
{
	const char *reason;

	pv_domain_enter(d);
	reason = d->crash_reason;
	pv_domain_leave(d);
	return reason;
}

int pv_domain_shutdown_reason(struct pv_domain *d)
{
	int rc;

	pv_domain_enter(d);
	rc = d->shut_down ? (int)d->shutdown_reason : -PV_ENODATA;
	pv_domain_leave(d);
	return rc;
}

void pv_domain_shutdown_clear(struct pv_domain *d)
{
	pv_domain_enter(d);
	d->shut_down = false;
	d->shutdown_reason = 0;
	d->shutdown_code_set = false;
	d->shutdown_code = 0;
	pv_domain_leave(d);
}
