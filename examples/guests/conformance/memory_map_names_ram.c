/*
 * memory_map_names_ram: The memory map that a guest can ask for covers its RAM. A PVH guest has one; a PV guest may be told that
 * there is none: ENOSYS.
 */
#include "conformance.h"

CASE(memory_map_names_ram)
{
	static struct {
		uint64_t addr, size;
		uint32_t type;
	} __attribute__((packed)) e[128];
	struct pv_memory_map m = {.nr_entries = 128, .buffer = ADDR(e)};
	uint64_t ram = 0;
	uint32_t i;
	int rc = memory_op(PV_XENMEM_memory_map, &m);

	SKIP_IF(!is_pvh() && rc == -PV_ENOSYS, "this PV guest was given no memory map");
	CHECK_EQ(rc, 0);
	CHECK(m.nr_entries >= 1 && m.nr_entries <= 128);
	for (i = 0; i < m.nr_entries; i++)
		if (e[i].type == 1)
			ram += e[i].size;
	CHECK(ram >= guest->ram_bytes);
}
