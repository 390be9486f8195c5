/*
 * What is the control domain's to do: refused, in Xen's words.
 *
 * Nothing of the arguments is used; they are looked at as far as the answer depends on them.
 */
#include "access.h"
#include "domain.h"

#define DM_OP_BUFFERS 2u /* what any operation of a device model takes */

/* platform_op, sysctl, domctl: all begin with the command and the version of the interface. */
int64_t pv_do_control(struct pv_domain *d, unsigned vcpu, const uint64_t *arg)
{
	uint32_t head[2];

	return pv_guest_read(d, vcpu, head, arg[0], sizeof(head)) ? -PV_EFAULT : -PV_EPERM;
}

int64_t pv_do_xenpmu_op(struct pv_domain *d, unsigned vcpu, const uint64_t *arg)
{
	(void)d, (void)vcpu, (void)arg;
	return -PV_EOPNOTSUPP; /* performance counters are not virtualised */
}

/* XSA-506: the count is checked, not only against what happens to be used. */
int64_t pv_do_dm_op(struct pv_domain *d, unsigned vcpu, const uint64_t *arg)
{
	uint16_t domid = (uint16_t)arg[0];

	(void)vcpu;
	if ((uint32_t)arg[1] > DM_OP_BUFFERS)
		return -PV_E2BIG;
	return domid == PV_DOMID_SELF || domid == d->domid ? -PV_EPERM
							   : pv_domain_not_self(d, domid);
}
