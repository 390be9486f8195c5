/*
 * console_io_bad_pointer_is_refused: Text at an address that is not mapped: EFAULT.
 */
#include "conformance.h"

CASE(console_io_bad_pointer_is_refused)
{
	int64_t rc =
		pv_hypercall3(pv, PV_HYPERVISOR_console_io, PV_CONSOLEIO_write, 10, BAD_ADDRESS);

	SKIP_IF(pv->console_ring,
		"a host may or may not take the log of a domain that has a console");
	CHECK_EQ(rc, -PV_EFAULT);
}
