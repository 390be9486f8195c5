/*
 * version_unknown_feature_map_is_refused: A feature map that does not exist: EINVAL.
 */
#include "conformance.h"

CASE(version_unknown_feature_map_is_refused)
{
	struct pv_feature_info f = {.submap_idx = 1000};

	CHECK_EQ(pv_hypercall2(pv, PV_HYPERVISOR_xen_version, PV_XENVER_get_features, ADDR(&f)),
		 -PV_EINVAL);
}
