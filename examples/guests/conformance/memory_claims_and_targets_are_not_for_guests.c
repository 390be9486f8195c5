/*
 * memory_claims_and_targets_are_not_for_guests: Claims and populate-on-demand targets are the
 * control domain's (EPERM), resources of others cannot be had (EACCES), and there is one memory
 * node (EOPNOTSUPP).
 */
#include "conformance.h"

CASE(memory_claims_and_targets_are_not_for_guests)
{
	struct pv_memory_reservation r = {.domid = own_domid, .nr_extents = 1};
	struct pv_mem_acquire_resource a;
	struct pv_pod_target p;
	uint16_t v[20] = {PV_DOMID_SELF};

	SKIP_IF(is_privileged(), "the initial domain may");
	SKIP_IF(!is_pvh(), "PVH only");
	memset(&p, 0, sizeof(p));
	memset(&a, 0, sizeof(a));
	p.domid = PV_DOMID_SELF;
	a.domid = own_domid;
	CHECK_EQ(memory_op(PV_XENMEM_claim_pages, &r), -PV_EPERM);
	r.domid = PV_DOMID_SELF;
	CHECK_EQ(memory_op(PV_XENMEM_claim_pages, &r), -PV_EINVAL);
	CHECK_EQ(memory_op(PV_XENMEM_get_pod_target, &p), -PV_EPERM);
	CHECK_EQ(memory_op(PV_XENMEM_set_pod_target, &p), -PV_EPERM);
	p.domid = NO_DOMAIN;
	CHECK_EQ(memory_op(PV_XENMEM_get_pod_target, &p), -PV_ESRCH);
	CHECK_EQ(memory_op(PV_XENMEM_acquire_resource, &a), -PV_EACCES);
	CHECK_EQ(memory_op(PV_XENMEM_get_vnumainfo, v), -PV_EOPNOTSUPP);
	CHECK_EQ(memory_op(PV_XENMEM_machine_memory_map, v), -PV_ENOSYS);
}
