/*
 * version_features_fit_the_mode: A PVH guest is told that its frames are translated, and that time
 * and callback vector work its way.
 */
#include "conformance.h"

CASE(version_features_fit_the_mode)
{
	SKIP_IF(!is_pvh(), "a PV guest may be translated or not");
	CHECK(pv_has_feature(pv, PV_XENFEAT_auto_translated_physmap));
	CHECK(pv_has_feature(pv, PV_XENFEAT_hvm_callback_vector));
	CHECK(pv_has_feature(pv, PV_XENFEAT_hvm_safe_pvclock));
}
