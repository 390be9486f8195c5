/*
 * walk.c: see walk.h
 *
 * Formats: Intel SDM volume 3, chapter 4; AMD APM volume 2, chapter 5.
 */
#include <stdbool.h>
#include <pv/abi/errno.h>
#include "walk.h"

#define CR0_WP	  (1ull << 16)
#define CR0_PG	  (1ull << 31)
#define CR4_PSE	  (1ull << 4)
#define CR4_PAE	  (1ull << 5)
#define CR4_LA57  (1ull << 12)
#define EFER_LMA  (1ull << 10)
#define PTE_P	  (1ull << 0)
#define PTE_RW	  (1ull << 1)
#define PTE_A	  (1ull << 5)
#define PTE_D	  (1ull << 6)
#define PTE_PS	  (1ull << 7)
#define PTE_ADDR  0x000ffffffffff000ull
#define MAX_RETRY 8

struct access {
	bool write;
	bool need_rw; /* write, and read-only pages are read-only for ring 0, too */
};

struct step {
	uint64_t pte;
	bool leaf;
};

/*
 * One entry of `width` bytes. `may_be_leaf`: PS has that meaning here. Refuses what is not present
 * or not writable; sets the accessed bit and, where it matters, the dirty bit.
 */
static int read_entry(const struct walk_memory *mem, uint64_t gpa, unsigned width, bool may_be_leaf,
		      bool last, struct access a, struct step *s)
{
	void *p = mem->map(mem->ctx, gpa, width);

	if (!p)
		return -PV_EFAULT;
	for (int i = 0; i < MAX_RETRY; i++) {
		uint64_t old = width == 8 ? __atomic_load_n((uint64_t *)p, __ATOMIC_RELAXED)
					  : __atomic_load_n((uint32_t *)p, __ATOMIC_RELAXED);
		uint64_t set = PTE_A;
		uint32_t old32 = (uint32_t)old;
		bool done;

		s->pte = old;
		s->leaf = last || (may_be_leaf && old & PTE_PS);
		if (!(old & PTE_P) || (a.need_rw && !(old & PTE_RW)))
			return -PV_EFAULT;
		if (a.write && s->leaf)
			set |= PTE_D;
		if ((old & set) == set)
			return 0;
		/* The guest may have changed it meanwhile: then look again. */
		done = width == 8
			       ? __atomic_compare_exchange_n((uint64_t *)p, &old, old | set, false,
							     __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)
			       : __atomic_compare_exchange_n((uint32_t *)p, &old32,
							     old32 | (uint32_t)set, false,
							     __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
		if (!done)
			continue;
		if (mem->written)
			mem->written(mem->ctx, gpa, width);
		return 0;
	}
	return -PV_EFAULT;
}

static bool canonical(uint64_t gva, unsigned bits)
{
	int64_t top = (int64_t)gva >> (bits - 1);

	return top == 0 || top == -1;
}

/* Levels of 9 bits: four or five of them, or two of PAE's three. */
static int walk_wide(const struct walk_memory *mem, uint64_t table, unsigned level, uint64_t gva,
		     struct access a, uint64_t *gpa)
{
	struct step s;

	for (;; level--) {
		unsigned shift = 12 + 9 * level;
		int ret = read_entry(mem, table + (gva >> shift & 511) * 8, 8,
				     level == 1 || level == 2, !level, a, &s);

		if (ret)
			return ret;
		if (s.leaf) {
			uint64_t in = (1ull << shift) - 1;

			*gpa = (s.pte & PTE_ADDR & ~in) | (gva & in);
			return 0;
		}
		if (s.pte & PTE_PS)
			return -PV_EFAULT;
		table = s.pte & PTE_ADDR;
	}
}

static int walk_pae(const struct walk_cpu *cpu, const struct walk_memory *mem, uint64_t gva,
		    struct access a, uint64_t *gpa)
{
	/* Four pointers, 32-byte aligned, with neither permissions nor accessed bits. */
	uint64_t *p = mem->map(mem->ctx, (cpu->cr3 & 0xffffffe0ull) + (gva >> 30) * 8, 8), pdpte;

	if (!p)
		return -PV_EFAULT;
	pdpte = __atomic_load_n(p, __ATOMIC_RELAXED);
	if (!(pdpte & PTE_P))
		return -PV_EFAULT;
	return walk_wide(mem, pdpte & PTE_ADDR, 1, gva, a, gpa);
}

static int walk_32(const struct walk_cpu *cpu, const struct walk_memory *mem, uint64_t gva,
		   struct access a, uint64_t *gpa)
{
	struct step s;
	int ret = read_entry(mem, (cpu->cr3 & 0xfffff000ull) + (gva >> 22) * 4, 4,
			     cpu->cr4 & CR4_PSE, false, a, &s);

	if (ret)
		return ret;
	if (s.leaf) {
		/* PSE-36: bits 20:13 of the entry are bits 39:32 of the address. */
		*gpa = (s.pte & 0xffc00000ull) | (s.pte & 0x1fe000ull) << 19 | (gva & 0x3fffffull);
		return 0;
	}
	ret = read_entry(mem, (s.pte & 0xfffff000ull) + (gva >> 12 & 1023) * 4, 4, false, true, a,
			 &s);
	if (!ret)
		*gpa = (s.pte & 0xfffff000ull) | (gva & 0xfffull);
	return ret;
}

int walk(const struct walk_cpu *cpu, const struct walk_memory *mem, uint64_t gva, int write,
	 uint64_t *gpa)
{
	struct access a = {.write = write, .need_rw = write && cpu->cr0 & CR0_WP};
	bool la57 = cpu->cr4 & CR4_LA57;

	if (!(cpu->efer & EFER_LMA))
		gva = (uint32_t)gva;
	if (!(cpu->cr0 & CR0_PG)) {
		*gpa = gva;
		return 0;
	}
	if (cpu->efer & EFER_LMA) {
		if (!canonical(gva, la57 ? 57 : 48))
			return -PV_EFAULT;
		return walk_wide(mem, cpu->cr3 & PTE_ADDR, la57 ? 4 : 3, gva, a, gpa);
	}
	if (cpu->cr4 & CR4_PAE)
		return walk_pae(cpu, mem, gva, a, gpa);
	return walk_32(cpu, mem, gva, a, gpa);
}
