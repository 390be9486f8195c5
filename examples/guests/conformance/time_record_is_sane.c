/*
 * time_record_is_sane: The time record has an even version and a scale, and its stamp lies in the
 * past.
 */
#include "conformance.h"

CASE(time_record_is_sane)
{
	struct pv_vcpu_time_info *t = &pv_vcpu_info(pv, 0)->time;

	CHECK(t->version);
	CHECK_EQ(t->version & 1, 0);
	CHECK(t->tsc_to_system_mul);
	CHECK(t->system_time <= kernel_now());
}
