/*
 * vcpu_info_refuses_crossing_a_page: A vcpu_info that would run over the end of its page cannot be
 * registered: ENXIO.
 */
#include "conformance.h"

CASE(vcpu_info_refuses_crossing_a_page)
{
	struct pv_vcpu_register_vcpu_info r = {.offset = 4096 - 32};
	char *page = pages_alloc(1);

	CHECK(page);
	r.mfn = va_to_gfn(page);
	CHECK_EQ(vcpu_op(PV_VCPUOP_register_vcpu_info, 0, &r), -PV_ENXIO);
	pages_free(page, 1);
}
