/*
 * mappings.c: the monitor's look at the pages that the guest has remapped
 *
 * Trust: the table is the guest's. A false entry makes it misread its own memory, no more:
 * addresses are checked against RAM here.
 */
#include <pv/abi/errno.h>
#include "monitor.h"

static struct ue_mapping *table(struct engine *e)
{
	return (struct ue_mapping *)((char *)e->shared + UE_MAP_OFF);
}

static bool lookup(struct engine *e, uint64_t gva, uint64_t *pte)
{
	struct ue_mapping *m = table(e);
	uint32_t slot = ue_map_hash(gva);

	if (!ue_read(&e->shared->nr_mappings))
		return false;
	for (unsigned i = 0; i < UE_MAP_SLOTS; i++) {
		struct ue_mapping *at = &m[(slot + i) % UE_MAP_SLOTS];
		uint64_t key = ue_read(&at->gva);

		if (key == gva) {
			*pte = ue_read(&at->pte);
			return true;
		}
		if (!key)
			break;
	}
	return false;
}

/* All vCPUs share one address space. */
int ue_gva_to_gpa(struct engine *e, unsigned vcpu, uint64_t gva, int write, uint64_t *gpa)
{
	uint64_t pte, at = gva - e->config.virt_base;

	if (lookup(e, gva & ~0xfffull, &pte)) {
		if (!(pte & UE_PTE_P) || (write && !(pte & UE_PTE_RW)))
			return -PV_EFAULT;
		at = (pte & UE_PTE_ADDR) | (gva & 0xfff);
	}
	if (at >= e->config.ram_size)
		return -PV_EFAULT;
	*gpa = at;
	return 0;
}

int ue_mappings_get(struct engine *e, struct engine_mapping *map, unsigned n)
{
	struct ue_mapping *m = table(e);
	unsigned found = 0;

	for (unsigned i = 0; i < UE_MAP_SLOTS; i++) {
		uint64_t gva = ue_read(&m[i].gva), pte = ue_read(&m[i].pte);

		if (!gva)
			continue;
		if (found < n)
			map[found] = (struct engine_mapping){gva, pte};
		found++;
	}
	return (int)found;
}

int ue_mappings_set(struct engine *e, const struct engine_mapping *map, unsigned n)
{
	struct ue_mapping *m = table(e);

	if (!n)
		return 0;
	if (!e->waited || !e->config.paging || n > UE_MAP_SLOTS / 4 * 3 - e->shared->nr_mappings)
		return -PV_EINVAL;
	for (unsigned i = 0; i < n; i++) {
		const uint64_t gva = map[i].gva, pte = map[i].pte;

		if (gva & 0xfff || gva < 0x10000 || gva >= UE_GUEST_END)
			return -PV_EINVAL;
		if (pte & ~(UE_PTE_P | UE_PTE_RW | UE_PTE_NX | UE_PTE_ADDR))
			return -PV_EINVAL;
		if (pte & UE_PTE_P && (pte & UE_PTE_ADDR) >= e->config.ram_size)
			return -PV_EINVAL;
	}
	for (unsigned i = 0; i < n; i++) {
		uint32_t slot = ue_map_hash(map[i].gva);

		/* No guest code has run: the table is as we left it, and has room. */
		while (m[slot % UE_MAP_SLOTS].gva && m[slot % UE_MAP_SLOTS].gva != map[i].gva)
			slot++;
		if (!m[slot % UE_MAP_SLOTS].gva)
			e->shared->nr_mappings++;
		m[slot % UE_MAP_SLOTS] = (struct ue_mapping){map[i].gva, map[i].pte};
	}
	return ue_command(e, UE_CMD_REPLAY);
}

/* Writes through these mappings are in nobody's log: their pages count as written, always. */
void ue_mappings_dirty(struct engine *e, uint64_t *bitmap)
{
	struct ue_mapping *m = table(e);

	if (!ue_read(&e->shared->nr_mappings))
		return;
	for (unsigned i = 0; i < UE_MAP_SLOTS; i++) {
		uint64_t gva = ue_read(&m[i].gva), pte = ue_read(&m[i].pte);
		uint64_t page = (pte & UE_PTE_ADDR) >> 12;

		if (gva && (pte & UE_PTE_P) && (pte & UE_PTE_RW) && page < e->config.ram_size >> 12)
			bitmap[page / 64] |= 1ull << page % 64;
	}
}
