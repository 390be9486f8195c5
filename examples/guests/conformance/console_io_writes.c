/*
 * console_io_writes: A domain without a console of its own can write to the hypervisor's log. To one that has a console the
 * host may refuse it: EPERM.
 */
#include "conformance.h"

CASE(console_io_writes)
{
	static const char text[] = "# written by console_io\n";
	int64_t rc = pv_hypercall3(pv, PV_HYPERVISOR_console_io, PV_CONSOLEIO_write,
				   sizeof(text) - 1, ADDR(text));

	if (rc != -PV_EPERM || !pv->console_ring)
		CHECK_EQ(rc, 0);
}
