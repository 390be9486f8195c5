/*
 * console_io_writes: The initial domain can write to the hypervisor log; others have their ring:
 * EPERM.
 */
#include "conformance.h"

CASE(console_io_writes)
{
	static const char text[] = "# written by console_io\n";
	int64_t rc = pv_hypercall3(pv, PV_HYPERVISOR_console_io, PV_CONSOLEIO_write,
				   sizeof(text) - 1, ADDR(text));

	SKIP_IF(pv->console_ring,
		"a host may or may not take the log of a domain that has a console");
	CHECK_EQ(rc, 0);
}
