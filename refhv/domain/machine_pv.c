/*
 * A PV domain: RAM at the kernel's virtual base, a hypercall page, a start info page.
 */
#include <pv/abi/errno.h>
#include <pv/abi/xen.h>
#include <stdlib.h>
#include <string.h>
#include "domain/machine.h"

static int load_kernel(struct domain *d, const struct boot_kernel *k, struct refhv_error *e)
{
	struct boot_config cfg = machine_boot_config(d);
	struct boot_error err = {""};

	if (boot_pv(k, &cfg, &d->boot, &err))
		return refhv_fail(e, REFHV_IMAGE, NULL, "%s", err.text);
	return 0;
}

static int wire_up(struct domain *d, struct refhv_error *e)
{
	uint64_t page = d->boot.hypercall_gva - d->boot.virt_base;
	int rc;

	if (d->boot.has_hypercall_page)
		d->impl->hypercall_page(d->engine, (char *)d->space.ram + page);
	rc = pv_domain_set_shared_info(d->pv, d->boot.shared_info_gfn);
	d->shared_info = d->boot.shared_info_gfn;
	if (!rc)
		rc = d->impl->shared_info_set(d->engine, d->boot.shared_info_gfn << 12);
	if (!rc)
		rc = pv_domain_grant_seed(d->pv, 0, 0, d->boot.console_gfn);
	if (!rc)
		rc = pv_domain_grant_seed(d->pv, 1, 0, d->boot.store_gfn);
	return rc < 0 ? refhv_fail(e, REFHV_FAILED, NULL, "cannot wire the domain up: error %d",
				   -rc)
		      : 0;
}

int machine_build_pv(struct domain *d, const struct boot_kernel *k, struct refhv_error *e)
{
	uint64_t size = d->config.memory_kib << 10;
	struct pv_domain_memory map = {.size = size, .type = 1};
	int rc = machine_create_space(d, size, NULL, 0, e);

	if (!rc)
		rc = machine_create_engine(d, k->virt_base, e);
	if (!rc)
		rc = machine_create_domain(d, &map, 1, e);
	if (!rc)
		rc = load_kernel(d, k, e);
	return rc ? rc : wire_up(d, e);
}

int machine_boot_vcpu_pv(struct domain *d)
{
	struct engine_vcpu_state *st;
	int rc;

	if (posix_memalign((void **)&st, 64, sizeof(*st)))
		return -PV_ENOMEM;
	memset(st, 0, sizeof(*st));
	st->size = sizeof(*st);
	st->ctxt.user_regs.rip = d->boot.entry_gva;
	st->ctxt.user_regs.rsi = d->boot.start_info_gva;
	st->ctxt.user_regs.rsp = d->boot.stack_gva;
	st->ctxt.user_regs.rflags = 0x202;
	st->ctxt.user_regs.cs = PV_FLAT_RING3_CS64;
	st->ctxt.user_regs.ss = PV_FLAT_RING3_SS64;
	rc = d->impl->vcpu_set(d->engine, 0, st);
	free(st);
	return rc;
}
