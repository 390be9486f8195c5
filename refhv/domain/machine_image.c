/*
 * The machine in an image: taken from a domain at rest, put into a new one. PV domains only.
 */
#include <pv/abi/errno.h>
#include <pv/abi/xen.h>
#include <stdlib.h>
#include <string.h>
#include "domain/machine.h"

int machine_build_incoming(struct domain *d, const struct image_machine *m, struct refhv_error *e)
{
	struct pv_domain_memory map = {.size = m->ram_size, .type = 1};
	int rc = machine_choose_user(d, e);

	if (rc)
		return rc;
	if (!m->ram_size || m->ram_size % 4096 || m->ram_size > d->config.maxmem_kib << 10 ||
	    m->vcpus != d->config.maxvcpus || m->console_gfn >= m->ram_size >> 12 ||
	    m->store_gfn >= m->ram_size >> 12 || m->hypercall_gva % 4096 || !m->domid ||
	    m->domid >= PV_DOMID_FIRST_RESERVED)
		return refhv_fail(e, REFHV_IMAGE, NULL,
				  "the stream's machine is not the one that it describes");
	d->domid = (uint16_t)m->domid;
	d->store_port = m->store_port;
	d->console_port = m->console_port;
	d->boot = (struct boot_result){
		.virt_base = m->virt_base,
		.hypercall_gva = m->hypercall_gva,
		.has_hypercall_page = m->hypercall_gva != 0,
		.store_gfn = m->store_gfn,
		.console_gfn = m->console_gfn,
	};
	d->clock_offset = -(int64_t)clock_monotonic();
	rc = machine_create_space(d, m->ram_size, NULL, 0, e);
	if (!rc)
		rc = machine_create_engine(d, m->virt_base, e);
	if (!rc && machine_new_domain(d, &map, 1))
		rc = refhv_fail(e, REFHV_FAILED, NULL, "cannot create the domain");
	return rc;
}

static int store_absent(const struct domain *d, struct image *im)
{
	if (!d->space.odd)
		return 0;
	im->absent_size = space_odd_size(&d->space);
	im->absent = malloc(im->absent_size);
	if (!im->absent)
		return -PV_ENOMEM;
	memcpy(im->absent, d->space.odd, im->absent_size);
	return 0;
}

/* The guest's words all lie in RAM by now. */
int machine_load(struct domain *d, struct image *im)
{
	uint64_t page = d->boot.hypercall_gva - d->boot.virt_base;
	uint64_t gfn;
	int rc;

	/* Guest time goes on where it stood. */
	d->clock_offset = (int64_t)im->guest_ns - (int64_t)clock_monotonic();
	d->impl->clock_set(d->engine, d->clock_offset);
	/* Before anything looks at memory through the hooks. */
	rc = im->absent ? space_odd_load(&d->space, im->absent, im->absent_size) : 0;
	if (!rc)
		rc = pv_domain_set_state(d->pv, &im->state);
	if (rc < 0)
		return rc;
	gfn = pv_domain_shared_info(d->pv);
	d->shared_info = gfn;
	rc = d->impl->shared_info_set(d->engine,
				      gfn == PV_STATE_NO_GPA ? ENGINE_NO_GPA : gfn << 12);
	if (rc >= 0)
		rc = d->impl->mappings_set(d->engine, im->mapping, im->nmappings);
	for (unsigned i = 0; i < im->machine.vcpus && rc >= 0; i++) {
		d->impl->vcpu_info_set(d->engine, i, pv_domain_vcpu_info_gpa(d->pv, i));
		rc = d->impl->vcpu_set(d->engine, i, &im->vcpu[i]);
	}
	if (rc >= 0 && d->boot.has_hypercall_page) {
		if (page > d->space.size - 4096)
			return -PV_EINVAL;
		d->impl->hypercall_page(d->engine, (char *)d->space.ram + page);
	}
	return rc;
}

int machine_store(struct domain *d, struct image *im)
{
	int rc = image_alloc(im, d->config.maxvcpus);

	if (!rc)
		rc = store_absent(d, im);
	if (rc)
		return rc;
	im->guest_ns = machine_now(d);
	rc = pv_domain_get_state(d->pv, &im->state);
	for (unsigned i = 0; i < im->machine.vcpus && rc >= 0; i++)
		rc = d->impl->vcpu_get(d->engine, i, &im->vcpu[i]);
	if (rc >= 0)
		rc = d->impl->mappings_get(d->engine, im->mapping, ENGINE_MAP_MAX);
	if (rc >= 0)
		im->nmappings = (unsigned)rc;
	return rc < 0 ? rc : pv_store_save(d->store, image_store_sink, im);
}
