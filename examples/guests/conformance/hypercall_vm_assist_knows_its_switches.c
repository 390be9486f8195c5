/*
 * hypercall_vm_assist_knows_its_switches: The switch for run state updates goes on and off;
 * unknown switches are invalid, unknown commands not there.
 */
#include "conformance.h"

CASE(hypercall_vm_assist_knows_its_switches)
{
	CHECK_EQ(pv_hypercall2(pv, PV_HYPERVISOR_vm_assist, PV_VMASST_CMD_enable,
			       PV_VMASST_TYPE_runstate_update_flag),
		 0);
	CHECK_EQ(pv_hypercall2(pv, PV_HYPERVISOR_vm_assist, PV_VMASST_CMD_disable,
			       PV_VMASST_TYPE_runstate_update_flag),
		 0);
	CHECK_EQ(pv_hypercall2(pv, PV_HYPERVISOR_vm_assist, PV_VMASST_CMD_enable, 63), -PV_EINVAL);
	CHECK_EQ(pv_hypercall2(pv, PV_HYPERVISOR_vm_assist, PV_VMASST_CMD_enable, 64), -PV_EINVAL);
	CHECK_EQ(pv_hypercall2(pv, PV_HYPERVISOR_vm_assist, 7, PV_VMASST_TYPE_runstate_update_flag),
		 -PV_ENOSYS);
}
