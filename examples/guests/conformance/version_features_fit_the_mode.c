/*
 * version_features_fit_the_mode: A PVH guest is told that its frames are translated, and that time
 * and callback vector work its way. A PV guest has no callback vector; with translated frames its page tables are its own.
 */
#include "conformance.h"

CASE(version_features_fit_the_mode)
{
	CHECK_EQ(pv_has_feature(pv, PV_XENFEAT_hvm_callback_vector), is_pvh());
	CHECK_EQ(pv_has_feature(pv, PV_XENFEAT_hvm_safe_pvclock), is_pvh());
	if (is_pvh())
		CHECK(pv_has_feature(pv, PV_XENFEAT_auto_translated_physmap));
	else
		CHECK_EQ(pv_has_feature(pv, PV_XENFEAT_auto_translated_physmap),
			 pv_has_feature(pv, PV_XENFEAT_writable_page_tables));
}
