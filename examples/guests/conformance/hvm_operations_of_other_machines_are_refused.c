/*
 * hvm_operations_of_other_machines_are_refused: Hints for shadow page tables (EINVAL),
 * alternative maps (EOPNOTSUPP), and arguments where none belongs.
 */
#include "conformance.h"

CASE(hvm_operations_of_other_machines_are_refused)
{
	struct pv_hvm_pagetable_dying d = {.domid = PV_DOMID_SELF};
	uint64_t arg[16] = {0};

	SKIP_IF(!is_pvh(), "PVH only");
	CHECK_EQ(hvm_op(PV_HVMOP_pagetable_dying, &d), -PV_EINVAL);
	d.domid = NO_DOMAIN;
	CHECK_EQ(hvm_op(PV_HVMOP_pagetable_dying, &d), -PV_ESRCH);
	CHECK_EQ(hvm_op(PV_HVMOP_altp2m, arg), -PV_EOPNOTSUPP);
	CHECK_EQ(hvm_op(PV_HVMOP_flush_tlbs, arg), -PV_EINVAL);
	CHECK_EQ(hvm_op(PV_HVMOP_guest_request_vm_event, arg), -PV_EINVAL);
	CHECK_EQ(hvm_op(PV_HVMOP_guest_request_vm_event, NULL), 0);
	CHECK_EQ(hvm_op(99, arg), -PV_ENOSYS);
}
