/*
 * memory_reservation_refuses_unknown_domain: The reservation of a domain that does not exist:
 * ESRCH.
 */
#include "conformance.h"

CASE(memory_reservation_refuses_unknown_domain)
{
	struct pv_memory_domain d = {.domid = NO_DOMAIN};

	CHECK_EQ(memory_op(PV_XENMEM_current_reservation, &d), -PV_ESRCH);
}
