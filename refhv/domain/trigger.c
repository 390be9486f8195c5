/*
 * What a person does to a machine rather than asks of its guest: an NMI, the reset button, the power button.
 */
#include <stdatomic.h>
#include <pv/abi/sched.h>
#include <string.h>
#include "domain/domain.h"

/* Linux answers with a backtrace, or a crash dump if it was told to. */
static int nmi(struct domain *d, unsigned vcpu, struct refhv_error *e)
{
	if (!d->impl->nmi)
		return refhv_fail(e, REFHV_ENGINE, NULL, "the %s engine has no NMIs",
				  d->impl->name);
	if (vcpu >= d->config.maxvcpus)
		return refhv_fail(e, REFHV_USAGE, NULL, "%s has vCPUs 0 to %u", d->name,
				  d->config.maxvcpus - 1);
	return d->impl->nmi(d->engine, vcpu) ? refhv_fail(e, REFHV_FAILED, NULL, "it did not work")
					     : 0;
}

/* As if the guest had asked for a reboot, which it is not asked about. */
static int reset(struct domain *d)
{
	d->impl->stop(d->engine);
	d->end_reason = PV_SHUTDOWN_reboot;
	ev_async_send(d->loop, &d->news);
	return 0;
}

int trigger(struct domain *d, const char *what, unsigned vcpu, struct refhv_error *e)
{
	int rc = life_check_alive(d, e);

	if (rc)
		return rc;
	if (what && !strcmp(what, "nmi"))
		return nmi(d, vcpu, e);
	if (what && !strcmp(what, "reset"))
		return reset(d);
	/* These machines have no button that a guest could see; this is what it would do. */
	if (what && !strcmp(what, "power"))
		return life_shutdown(d, "poweroff", e);
	return refhv_fail(e, REFHV_USAGE, "use nmi, reset or power",
			  "this machine has no \"%.20s\" to trigger", what ? what : "");
}
