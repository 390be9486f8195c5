/*
 * Between the parts of the machine: what every kind of domain has (machine.c), and what each kind does its own way.
 */
#ifndef REFHV_DOMAIN_MACHINE_H
#define REFHV_DOMAIN_MACHINE_H

#include "domain/domain.h"

enum { MACHINE_XEN_VERSION = 4 << 16 | 17 };

/* What the builders want to know of the domain; the ports are there if it has been created. */
struct boot_config machine_boot_config(struct domain *d);
/* Guest memory; n regions, or one. And the hooks, which know it. */
int machine_create_space(struct domain *d, uint64_t size, const struct engine_region *region,
			 unsigned n, struct refhv_error *e);
/* PV: where RAM is mapped. */
int machine_create_engine(struct domain *d, uint64_t virt_base, struct refhv_error *e);
/* The library's half, with this map for the guest. -PV_E... */
int machine_new_domain(struct domain *d, const struct pv_domain_memory *map, unsigned n);
/* The same with ports for the rings. */
int machine_create_domain(struct domain *d, const struct pv_domain_memory *map, unsigned n,
			  struct refhv_error *e);

/* choose.c: sets kind, impl and why_engine. */
int machine_choose(struct domain *d, const struct boot_kernel *k, struct refhv_error *e);
/* For a domain from a stream: those are PV. */
int machine_choose_user(struct domain *d, struct refhv_error *e);

/* machine_pv.c, machine_pvh.c: from a kernel to a domain that waits for its first vCPU. */
int machine_build_pv(struct domain *d, const struct boot_kernel *k, struct refhv_error *e);
int machine_build_pvh(struct domain *d, const struct boot_kernel *k, struct refhv_error *e);
/* The state of the boot vCPU. -PV_E... */
int machine_boot_vcpu_pv(struct domain *d);
int machine_boot_vcpu_pvh(struct domain *d);

#endif
