/*
 * Page tables of classic PV: mapping all RAM, and foreign frames in a window behind it.
 *
 * The builder mapped the kernel and what came with it. Everything else is added with mmu_update,
 * which the hypervisor checks: a page that is a page table must have no writable mapping, so each
 * new table is made read-only before it is linked. In the other modes all memory is mapped from the
 * start and addresses are frames.
 */
#include "internal.h"
#include <pv/abi/memory.h>

#define PTE_P	  1ull
#define PTE_RW	  0x67ull /* present, writable, user (the kernel is in ring 3), accessed, dirty */
#define PTE_RO	  0x65ull
#define PTE_FRAME 0x000ffffffffff000ull
#define L1_SPAN	  0x200000ull
#define BATCH	  64

static const uint64_t *p2m, *m2p; /* NULL unless frames have machine numbers */
static uint64_t max_mfn, nr_pfn;
static uint64_t *l4;
static uint64_t next_table;	     /* pfn to look at next for a new table */
static uint64_t window, window_used; /* virtual address; pages handed out */

static struct pv_mmu_update batch[BATCH];
static unsigned batched;

static void flush(void)
{
	if (batched && pv_hypercall5(&kernel_pv, PV_HYPERVISOR_mmu_update,
				     (uint64_t)(uintptr_t)batch, batched, 0, PV_DOMID_SELF, 0))
		panic("mmu_update refused");
	batched = 0;
}

static uint64_t mfn_of(const void *va)
{
	return p2m[va_to_pa(va) >> PV_PAGE_SHIFT];
}

static void set_entry(uint64_t *entry, uint64_t value)
{
	uint64_t machine = mfn_of(entry) << PV_PAGE_SHIFT | (uintptr_t)entry % PV_PAGE_SIZE;

	batch[batched++] = (struct pv_mmu_update){machine | PV_MMU_NORMAL_PT_UPDATE, value};
	if (batched == BATCH)
		flush();
}

static uint64_t *table(uint64_t entry)
{
	return pa_to_va(m2p[(entry & PTE_FRAME) >> PV_PAGE_SHIFT] << PV_PAGE_SHIFT);
}

/* The entry for va in the table of its level (1 to 4), or NULL if a table above is missing. */
static uint64_t *walk(uint64_t va, int level)
{
	uint64_t *t = l4;
	int at;

	for (at = 4; at > level; at--) {
		uint64_t e = t[va >> (12 + 9 * (at - 1)) & 511];

		if (!(e & PTE_P))
			return NULL;
		t = table(e);
	}
	return &t[va >> (12 + 9 * (level - 1)) & 511];
}

static int set_va(uint64_t va, uint64_t pte)
{
	return (int)pv_hypercall3(&kernel_pv, PV_HYPERVISOR_update_va_mapping, va, pte,
				  PV_UVMF_INVLPG | PV_UVMF_ALL);
}

/* A page for a table: mapped already, writable until link(). */
static uint64_t *new_table(void)
{
	for (;; next_table++) {
		uint64_t va = KERNEL_VIRT_BASE + (next_table << PV_PAGE_SHIFT), *l1;

		if (next_table >= nr_pfn)
			panic("no page for a page table");
		l1 = walk(va, 1);
		if (page_is_free(next_table) && l1 && *l1 & PTE_P) {
			page_reserve(next_table << PV_PAGE_SHIFT, PV_PAGE_SIZE);
			return memset((void *)va, 0, PV_PAGE_SIZE);
		}
	}
}

static void link(uint64_t *entry, uint64_t *new)
{
	uint64_t frame = mfn_of(new) << PV_PAGE_SHIFT;

	if (set_va((uintptr_t) new, frame | PTE_RO))
		panic("page table page stays writable");
	set_entry(entry, frame | PTE_RW);
	flush();
}

/* Maps [va, va + L1_SPAN); pages from nr_pfn on are left empty. */
static void map_span(uint64_t va)
{
	uint64_t pfn = (va - KERNEL_VIRT_BASE) >> PV_PAGE_SHIFT, *l2, *l1;
	unsigned i;
	int level;

	for (level = 3; level >= 2; level--) {
		uint64_t *e = walk(va, level + 1);

		if (!(*e & PTE_P))
			link(e, new_table());
	}
	l2 = walk(va, 2);
	if (*l2 & PTE_P) {
		l1 = table(*l2);
		for (i = 0; i < 512 && pfn + i < nr_pfn; i++)
			if (!(l1[i] & PTE_P))
				set_entry(&l1[i], p2m[pfn + i] << PV_PAGE_SHIFT | PTE_RW);
		flush();
		return;
	}
	l1 = new_table();
	for (i = 0; i < 512 && pfn + i < nr_pfn; i++)
		l1[i] = p2m[pfn + i] << PV_PAGE_SHIFT | PTE_RW;
	link(l2, l1);
}

static void reserve_frame(uint64_t mfn)
{
	if (mfn && mfn <= max_mfn && m2p[mfn] < nr_pfn)
		page_reserve(m2p[mfn] << PV_PAGE_SHIFT, PV_PAGE_SIZE);
}

void mmu_init_pv(const struct pv_start_info *si, uint64_t nr_pages)
{
	struct pv_machphys_mapping m = {0};
	uint64_t va, end;

	if (pv_hypercall2(&kernel_pv, PV_HYPERVISOR_memory_op, PV_XENMEM_machphys_mapping,
			  (uint64_t)(uintptr_t)&m))
		panic("no machine-to-physical table");
	m2p = (const uint64_t *)m.v_start;
	max_mfn = m.max_mfn;
	p2m = (const uint64_t *)si->mfn_list;
	nr_pfn = nr_pages;
	l4 = (uint64_t *)si->pt_base;
	next_table = 1;
	reserve_frame(si->store_mfn);
	if (!(si->flags & PV_SIF_INITDOMAIN))
		reserve_frame(si->console.domU.mfn);
	end = KERNEL_VIRT_BASE + (nr_pages << PV_PAGE_SHIFT);
	window = (end + L1_SPAN - 1) & ~(L1_SPAN - 1);
	for (va = KERNEL_VIRT_BASE; va <= window; va += L1_SPAN)
		map_span(va);
}

uint64_t va_to_gfn(const void *va)
{
	return p2m ? mfn_of(va) : va_to_pa(va) >> PV_PAGE_SHIFT;
}

void *mmu_map_gfn(const uint64_t *gfn, unsigned n, unsigned attr)
{
	uint64_t va;
	unsigned i;

	if (!p2m) {
		for (i = 0; i < n; i++)
			if (gfn[i] != gfn[0] + i || gfn[i] >= KERNEL_RAM_MAX >> PV_PAGE_SHIFT)
				return NULL;
		return pa_to_va(gfn[0] << PV_PAGE_SHIFT);
	}
	/* A frame of our own RAM has an address. */
	if (n == 1 && gfn[0] <= max_mfn && m2p[gfn[0]] < nr_pfn && p2m[m2p[gfn[0]]] == gfn[0])
		return pa_to_va(m2p[gfn[0]] << PV_PAGE_SHIFT);
	if (window_used + n > L1_SPAN >> PV_PAGE_SHIFT)
		return NULL;
	va = window + (window_used << PV_PAGE_SHIFT);
	for (i = 0; i < n; i++)
		if (set_va(va + (uint64_t)i * PV_PAGE_SIZE,
			   gfn[i] << PV_PAGE_SHIFT | (attr & PV_MAP_WRITE ? PTE_RW : PTE_RO)))
			return NULL;
	window_used += n;
	return (void *)va;
}

uint64_t mmu_cr3(void)
{
	if (p2m)
		return mfn_of(l4) << PV_PAGE_SHIFT;
	return kernel_is_pv() ? 0 : va_to_pa(pvh_pml4);
}
