/*
 * memory_maximum_gpfn_covers_ram: The last frame in use is at least the last frame of RAM that
 * this kernel uses.
 */
#include "conformance.h"

CASE(memory_maximum_gpfn_covers_ram)
{
	struct pv_memory_domain d = {.domid = PV_DOMID_SELF};
	int last = memory_op(PV_XENMEM_maximum_gpfn, &d);

	SKIP_IF(!pv_is_translated(pv), "classic PV tells the host, not the host it");
	CHECK(last > 0);
	CHECK((uint64_t)last + 1 >= guest->ram_bytes >> 12);
}
