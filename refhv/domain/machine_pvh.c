/*
 * A PVH domain: a whole CPU that starts in 32-bit mode, memory with Xen's hole below 4 GiB, rings named by HVM parameters.
 */
#include <pv/abi/errno.h>
#include <pv/abi/hvm/params.h>
#include <pv/abi/xen.h>
#include <string.h>
#include "domain/machine.h"

static int create_space(struct domain *d, const struct boot_pvh_layout *l, struct refhv_error *e)
{
	struct engine_region region[ENGINE_MAX_REGIONS];

	for (unsigned i = 0; i < l->nregions; i++)
		region[i] = (struct engine_region){l->region[i].gpa, l->region[i].size};
	return machine_create_space(d, l->span, region, l->nregions, e);
}

static int load_kernel(struct domain *d, const struct boot_kernel *k, struct refhv_error *e)
{
	struct boot_config cfg = machine_boot_config(d);
	struct boot_error err = {""};
	char why[256] = "";

	if (boot_pvh(k, &cfg, &d->boot_pvh, &err))
		return refhv_fail(e, REFHV_IMAGE, NULL, "%s", err.text);
	d->boot.store_gfn = BOOT_PVH_STORE_GFN;
	d->boot.console_gfn = BOOT_PVH_CONSOLE_GFN;
	/* PVH loads by p_paddr alone; the offset is for PV. */
	if (d->impl->image_loaded(d->engine, k->start + k->paddr_offset, k->end + k->paddr_offset,
				  why, sizeof(why)))
		return refhv_fail_at(e, REFHV_ENGINE, d->config.kernel, 0, NULL, "%s", why);
	return 0;
}

static int wire_up(struct domain *d, struct refhv_error *e)
{
	const struct {
		uint32_t index;
		uint64_t value;
	} params[] = {
		{PV_HVM_PARAM_STORE_PFN, d->boot.store_gfn},
		{PV_HVM_PARAM_STORE_EVTCHN, d->store_port},
		{PV_HVM_PARAM_CONSOLE_PFN, d->boot.console_gfn},
		{PV_HVM_PARAM_CONSOLE_EVTCHN, d->console_port},
	};
	int rc = 0;

	d->shared_info = PV_STATE_NO_GPA;
	for (unsigned i = 0; i < sizeof(params) / sizeof(params[0]) && !rc; i++)
		rc = pv_domain_set_hvm_param(d->pv, params[i].index, params[i].value);
	if (!rc)
		rc = pv_domain_grant_seed(d->pv, 0, 0, d->boot.console_gfn);
	if (!rc)
		rc = pv_domain_grant_seed(d->pv, 1, 0, d->boot.store_gfn);
	return rc < 0 ? refhv_fail(e, REFHV_FAILED, NULL, "cannot wire the domain up: error %d",
				   -rc)
		      : 0;
}

int machine_build_pvh(struct domain *d, const struct boot_kernel *k, struct refhv_error *e)
{
	struct boot_pvh_layout l;
	int rc = boot_pvh_layout(machine_ram(d), &l);

	if (rc)
		return refhv_fail(e, REFHV_CONFIG,
				  "lower memory=", "a PVH domain cannot have so much memory");
	rc = create_space(d, &l, e);
	if (!rc)
		rc = machine_create_engine(d, 0, e);
	if (!rc)
		rc = machine_create_domain(d, l.map, l.nmap, e);
	if (!rc)
		rc = load_kernel(d, k, e);
	return rc ? rc : wire_up(d, e);
}

/* docs/misc/pvh.pandoc of Xen: protected mode without paging, flat segments, EBX the start info. */
int machine_boot_vcpu_pvh(struct domain *d)
{
	struct pv_vcpu_hvm_context ctx = {.mode = PV_VCPU_HVM_MODE_32B};

	ctx.cpu_regs.x86_32 = (struct pv_vcpu_hvm_x86_32){
		.eip = d->boot_pvh.entry_gpa,
		.ebx = d->boot_pvh.start_info_gpa,
		.eflags = 2,
		.cr0 = 1,
		.cs_limit = UINT32_MAX,
		.ds_limit = UINT32_MAX,
		.ss_limit = UINT32_MAX,
		.es_limit = UINT32_MAX,
		.tr_limit = 0x67,
		.cs_ar = 0xc9b,
		.ds_ar = 0xc93,
		.ss_ar = 0xc93,
		.es_ar = 0xc93,
		.tr_ar = 0x8b,
	};
	return d->impl->vcpu_start_set(d->engine, 0, &ctx);
}
