/*
 * hvm_upcall_vector_is_a_vector_of_a_vcpu: Vectors below 16 are exceptions (EINVAL), and a vCPU
 * that does not exist has none (ENOENT).
 */
#include "conformance.h"

CASE(hvm_upcall_vector_is_a_vector_of_a_vcpu)
{
	struct pv_hvm_evtchn_upcall_vector u = {.vcpu = 0, .vector = 15};

	SKIP_IF(!is_pvh(), "PVH only");
	CHECK_EQ(hvm_op(PV_HVMOP_set_evtchn_upcall_vector, &u), -PV_EINVAL);
	u.vcpu = 4096;
	u.vector = 0x40;
	CHECK_EQ(hvm_op(PV_HVMOP_set_evtchn_upcall_vector, &u), -PV_ENOENT);
}
