/*
 * console_io_bad_pointer_is_refused: Text at an address that is not mapped: EFAULT; to a domain that has a console the host may
 * refuse the log before it looks: EPERM.
 */
#include "conformance.h"

CASE(console_io_bad_pointer_is_refused)
{
	int64_t rc =
		pv_hypercall3(pv, PV_HYPERVISOR_console_io, PV_CONSOLEIO_write, 10, BAD_ADDRESS);

	if (rc != -PV_EPERM || !pv->console_ring)
		CHECK_EQ(rc, -PV_EFAULT);
}
