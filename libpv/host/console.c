/*
 * HYPERVISOR_console_io: the guest's emergency console, in small pieces.
 *
 * Output is the guest's and unfiltered; the VMM's hook limits its rate. The lock is given up
 * around each piece, so that a slow console stalls only the vCPU that writes.
 */
#include "access.h"
#include "domain.h"

/* One hypercall prints at most this much, so that a vCPU gets back to where it can be paused. */
#define MAX_WRITE 65536u

static int64_t do_write(struct pv_domain *d, unsigned vcpu, uint32_t count, uint64_t gva)
{
	char buf[PV_CONSOLE_CHUNK];
	uint32_t n;
	int rc;

	if (!d->vmm.console_write)
		return -PV_ENOSYS;
	if (count > MAX_WRITE)
		return -PV_E2BIG;
	for (; count; count -= n, gva += n) {
		n = count < sizeof(buf) ? count : sizeof(buf);
		if (pv_guest_read(d, vcpu, buf, gva, n))
			return -PV_EFAULT;
		pv_domain_leave(d);
		rc = d->vmm.console_write(d->vmm.ctx, buf, n);
		pv_domain_enter(d);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int64_t do_read(struct pv_domain *d, unsigned vcpu, uint32_t count, uint64_t gva)
{
	char buf[PV_CONSOLE_CHUNK];
	int n = 0;

	if (count > sizeof(buf))
		count = sizeof(buf);
	if (d->vmm.console_read && count) {
		pv_domain_leave(d);
		n = d->vmm.console_read(d->vmm.ctx, buf, count);
		pv_domain_enter(d);
	}
	if (n > 0 && pv_guest_write(d, vcpu, gva, buf, (size_t)n))
		return -PV_EFAULT;
	return n;
}

int64_t pv_do_console_io(struct pv_domain *d, unsigned vcpu, const uint64_t *arg)
{
	if ((int32_t)arg[1] < 0)
		return -PV_EINVAL;
	switch (arg[0]) {
	case PV_CONSOLEIO_write: return do_write(d, vcpu, (uint32_t)arg[1], arg[2]);
	case PV_CONSOLEIO_read: return do_read(d, vcpu, (uint32_t)arg[1], arg[2]);
	default: return -PV_ENOSYS;
	}
}
