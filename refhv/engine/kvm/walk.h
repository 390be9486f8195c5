/*
 * walk.h: from a guest's virtual address to its physical one
 *
 * Page tables are the guest's own and change while they are read: each entry is read once.
 * Whatever they say, a walk ends after at most five steps, and looks only at what `map` hands out.
 */
#ifndef REFHV_ENGINE_KVM_WALK_H
#define REFHV_ENGINE_KVM_WALK_H

#include <stdint.h>

struct walk_cpu {
	uint64_t cr0, cr3, cr4, efer;
};

struct walk_memory {
	/* [gpa, gpa + len), within one page and aligned to len; NULL where no memory is. */
	void *(*map)(void *ctx, uint64_t gpa, uint32_t len);
	/* This word of a page table was written (accessed and dirty bits). May be NULL. */
	void (*written)(void *ctx, uint64_t gpa, uint32_t len);
	void *ctx;
};

/*
 * As an access by ring 0: 0 and *gpa, or -PV_EFAULT. Sets accessed and dirty bits as a processor
 * would. Whether there is memory at *gpa is for the caller to ask.
 */
int walk(const struct walk_cpu *cpu, const struct walk_memory *mem, uint64_t gva, int write,
	 uint64_t *gpa);

#endif
