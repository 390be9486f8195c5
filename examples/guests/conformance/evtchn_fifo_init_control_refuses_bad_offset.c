/*
 * A control block lies within its page, at a multiple of 8.
 */
#include "conformance.h"

CASE_LAST(13, evtchn_fifo_init_control_refuses_bad_offset)
{
	static const uint32_t bad[] = {4, 1, PV_PAGE_SIZE, PV_PAGE_SIZE - 64, UINT32_MAX - 7};
	struct pv_evtchn_init_control c = {.vcpu = 0};
	void *page = pages_alloc(1);
	unsigned i;

	CHECK(page);
	c.control_gfn = va_to_gfn(page);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		c.offset = bad[i];
		CHECK_EQ(evtchn_op(PV_EVTCHNOP_init_control, &c), -PV_EINVAL);
	}
	pages_free(page, 1);
}
