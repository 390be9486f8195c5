/*
 * mapping.c: the guest's own page mappings
 *
 * There is no shadow of the guest's page tables in this engine: guest-physical memory is mapped
 * flat, and update_va_mapping changes single pages of the address space by system calls that the
 * filter allows for the guest's own memory. What differs from flat is kept in a table, so that it
 * can be saved and made again.
 *
 * Permissions are those of the PTE, except that a page is never writable and executable at once: RW
 * wins. See stub.h for trust.
 */
#include <sys/mman.h>
#include <pv/abi/errno.h>
#include "stub.h"

#define MAX_BATCH (1u << 20)

static void lock(void)
{
	while (stub_swap(&stub_shared->map_lock, 1))
		SYS0(SYS_sched_yield);
}

static void unlock(void)
{
	stub_store(&stub_shared->map_lock, 0);
}

const struct ue_mapping *stub_mapping_find(uint64_t gva)
{
	uint32_t slot = ue_map_hash(gva);

	for (unsigned i = 0; i < UE_MAP_SLOTS; i++) {
		const struct ue_mapping *m = &stub_maps[(slot + i) % UE_MAP_SLOTS];
		uint64_t key = stub_load(&m->gva);

		if (key == gva)
			return m;
		if (!key)
			break;
	}
	return NULL;
}

/* Room for gva in the table, under the lock; a quarter stays free, so that searches end soon. */
static struct ue_mapping *find_or_add(uint64_t gva)
{
	uint32_t slot = ue_map_hash(gva);

	for (unsigned i = 0; i < UE_MAP_SLOTS; i++) {
		struct ue_mapping *m = &stub_maps[(slot + i) % UE_MAP_SLOTS];

		if (m->gva == gva)
			return m;
		if (!m->gva) {
			if (stub_shared->nr_mappings >= UE_MAP_SLOTS / 4 * 3)
				return NULL;
			stub_shared->nr_mappings++;
			return m;
		}
	}
	return NULL;
}

static int protection(uint64_t pte)
{
	if (pte & UE_PTE_RW)
		return PROT_READ | PROT_WRITE;
	return pte & UE_PTE_NX ? PROT_READ : PROT_READ | PROT_EXEC;
}

static bool acceptable(uint64_t va, uint64_t pte)
{
	if (va & 0xfff || va < 0x10000 || va >= UE_GUEST_END)
		return false;
	return !(pte & UE_PTE_P) || (pte & UE_PTE_ADDR) < stub_info->ram_size;
}

static int64_t apply(uint64_t va, uint64_t pte)
{
	long ret;

	if (!(pte & UE_PTE_P))
		return SYS2(SYS_munmap, va, 4096);
	ret = SYS6(SYS_mmap, va, 4096, protection(pte), MAP_SHARED | MAP_FIXED, UE_FD_RAM,
		   pte & UE_PTE_ADDR);
	return ret < 0 && ret > -4096 ? ret : 0;
}

/* The dirty log does not see writes through this mapping: once it is gone, the page has to count as
 * written. */
static void note_writable(uint64_t pte)
{
	uint64_t *map = (uint64_t *)(UE_SHARED + UE_BITMAP_OFF + 2 * stub_info->bitmap_size);
	uint64_t page = (pte & UE_PTE_ADDR) >> 12;

	if ((pte & (UE_PTE_P | UE_PTE_RW)) == (UE_PTE_P | UE_PTE_RW) &&
	    page < stub_info->ram_size >> 12)
		__atomic_or_fetch(&map[page / 64], 1ull << page % 64, __ATOMIC_SEQ_CST);
}

int64_t stub_update_va_mapping(uint64_t va, uint64_t pte)
{
	struct ue_mapping *m;
	int64_t ret;

	if (!(stub_info->flags & UE_WANT_PAGING))
		return -PV_ENOSYS;
	va &= ~0xfffull;
	if (!acceptable(va, pte))
		return -PV_EINVAL;
	lock();
	m = find_or_add(va);
	ret = m ? apply(va, pte) : -PV_ENOMEM;
	if (!ret) {
		if (m->gva)
			note_writable(m->pte);
		m->pte = pte & (UE_PTE_P | UE_PTE_RW | UE_PTE_NX | UE_PTE_ADDR);
		/* Readers search without the lock. */
		stub_store(&m->gva, va);
	} else if (m && !m->gva) {
		stub_shared->nr_mappings--;
	}
	unlock();
	return ret;
}

void stub_mappings_replay(void)
{
	for (unsigned i = 0; i < UE_MAP_SLOTS; i++) {
		struct ue_mapping m = stub_maps[i];

		if (m.gva && acceptable(m.gva, m.pte))
			apply(m.gva, m.pte);
	}
}

/*
 * mmu_update writes entries of page tables that nothing walks: as with writable page tables, it is
 * a store. The guest's own use of its tables stays right.
 */
int64_t stub_mmu_update(uint64_t reqs, uint64_t count, uint64_t done)
{
	struct pv_mmu_update u;
	uint32_t n = 0;
	int64_t ret = 0;

	if (count > MAX_BATCH)
		return -PV_EINVAL;
	for (; n < count; n++) {
		if (stub_copy(&u, (void *)(reqs + n * sizeof(u)), sizeof(u))) {
			ret = -PV_EFAULT;
			break;
		}
		uint64_t ptr = u.ptr & ~7ull;

		/* machphys is the identity here. */
		if ((u.ptr & 3) == PV_MMU_MACHPHYS_UPDATE)
			continue;
		if (ptr >= stub_info->ram_size) {
			ret = -PV_EINVAL;
			break;
		}
		if (stub_copy((void *)(stub_info->virt_base + ptr), &u.val, 8)) {
			ret = -PV_EFAULT;
			break;
		}
	}
	if (done && stub_copy((void *)done, &n, sizeof(n)))
		ret = -PV_EFAULT;
	return ret;
}

/* Page tables that nothing walks can be pinned, loaded and flushed for nothing. */
int64_t stub_mmuext_op(uint64_t ops, uint64_t count, uint64_t done)
{
	struct pv_mmuext_op op;
	uint32_t n = 0;
	int64_t ret = 0;

	if (count > MAX_BATCH)
		return -PV_EINVAL;
	for (; n < count && !ret; n++) {
		if (stub_copy(&op, (void *)(ops + n * sizeof(op)), sizeof(op))) {
			ret = -PV_EFAULT;
			break;
		}
		switch (op.cmd) {
		case PV_MMUEXT_PIN_L1_TABLE ... PV_MMUEXT_NEW_BASEPTR:
			if (op.arg1.mfn >= stub_info->ram_size >> 12)
				ret = -PV_EINVAL;
			break;
		case PV_MMUEXT_TLB_FLUSH_LOCAL ... PV_MMUEXT_INVLPG_ALL:
		case PV_MMUEXT_FLUSH_CACHE:
		case PV_MMUEXT_NEW_USER_BASEPTR:
		case PV_MMUEXT_FLUSH_CACHE_GLOBAL: break;
		case PV_MMUEXT_SET_LDT:
			/* The LDT is the engine's. */
			if (op.arg2.nr_ents)
				ret = -PV_EINVAL;
			break;
		default: ret = -PV_ENOSYS;
		}
		if (ret)
			break;
	}
	if (done && stub_copy((void *)done, &n, sizeof(n)))
		ret = -PV_EFAULT;
	return ret;
}
