/*
 * memory_exchange_is_refused_where_frames_are_translated: Frames of a translated domain cannot be
 * exchanged: EOPNOTSUPP; an exchange that does not add up is invalid, one of too great pages not
 * permitted.
 */
#include "conformance.h"

CASE(memory_exchange_is_refused_where_frames_are_translated)
{
	struct pv_memory_exchange e;
	char *page = pages_alloc(1);
	uint64_t in = va_to_gfn(page), out = in;

	SKIP_IF(!pv_is_translated(pv), "classic PV may");
	CHECK(page);
	memset(&e, 0, sizeof(e));
	e.in.extent_start = ADDR(&in);
	e.out.extent_start = ADDR(&out);
	e.in.nr_extents = e.out.nr_extents = 1;
	e.in.domid = e.out.domid = PV_DOMID_SELF;
	CHECK_EQ(memory_op(PV_XENMEM_exchange, &e), -PV_EOPNOTSUPP);
	CHECK_EQ(e.nr_exchanged, 0);
	e.out.nr_extents = 2;
	CHECK_EQ(memory_op(PV_XENMEM_exchange, &e), -PV_EINVAL);
	e.out.nr_extents = 1;
	e.in.extent_order = e.out.extent_order = 30;
	CHECK_EQ(memory_op(PV_XENMEM_exchange, &e), -PV_EPERM);
	CHECK_EQ(memory_op(PV_XENMEM_exchange, (void *)BAD_ADDRESS), -PV_EFAULT);
	pages_free(page, 1);
}
