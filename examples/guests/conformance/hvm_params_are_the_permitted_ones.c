/*
 * hvm_params_are_the_permitted_ones: Parameters of the toolstack can be read at most (EPERM),
 * deprecated ones not even that (EINVAL), and a value that makes no sense is refused.
 */
#include "conformance.h"

CASE(hvm_params_are_the_permitted_ones)
{
	struct pv_hvm_param p = {.domid = PV_DOMID_SELF};

	SKIP_IF(!is_pvh(), "PVH only");
	p.index = PV_HVM_PARAM_STORE_PFN;
	CHECK_EQ(hvm_op(PV_HVMOP_get_param, &p), 0);
	CHECK_EQ(hvm_op(PV_HVMOP_set_param, &p), -PV_EPERM);
	p.index = PV_HVM_PARAM_IOREQ_PFN;
	CHECK_EQ(hvm_op(PV_HVMOP_get_param, &p), -PV_EPERM);
	CHECK_EQ(hvm_op(PV_HVMOP_set_param, &p), -PV_EPERM);
	p.index = PV_HVM_PARAM_PAE_ENABLED;
	CHECK_EQ(hvm_op(PV_HVMOP_get_param, &p), -PV_EINVAL);
	CHECK_EQ(hvm_op(PV_HVMOP_set_param, &p), -PV_EINVAL);
	p.index = PV_HVM_PARAM_X87_FIP_WIDTH;
	CHECK_EQ(hvm_op(PV_HVMOP_get_param, &p), 0);
	p.value = 5;
	CHECK_EQ(hvm_op(PV_HVMOP_set_param, &p), -PV_EINVAL);
	p.index = PV_HVM_PARAM_ACPI_IOPORTS_LOCATION;
	p.value = 1;
	CHECK_EQ(hvm_op(PV_HVMOP_set_param, &p), -PV_ENODEV);
	p.domid = NO_DOMAIN;
	CHECK_EQ(hvm_op(PV_HVMOP_get_param, &p), -PV_ESRCH);
}
