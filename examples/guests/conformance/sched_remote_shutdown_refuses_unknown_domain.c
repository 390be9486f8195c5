/*
 * sched_remote_shutdown_refuses_unknown_domain: A domain that does not exist cannot be shut down:
 * ESRCH. By number only: DOMID_SELF is nobody.
 */
#include "conformance.h"

CASE(sched_remote_shutdown_refuses_unknown_domain)
{
	struct pv_sched_remote_shutdown r = {.domain_id = NO_DOMAIN};

	CHECK_EQ(sched_op(PV_SCHEDOP_remote_shutdown, &r), -PV_ESRCH);
	r.domain_id = PV_DOMID_SELF;
	CHECK_EQ(sched_op(PV_SCHEDOP_remote_shutdown, &r), -PV_ESRCH);
	CHECK_EQ(sched_op(PV_SCHEDOP_remote_shutdown, (void *)BAD_ADDRESS), -PV_EFAULT);
}
