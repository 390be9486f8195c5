/*
 * What the kernel's own files share and guests do not see.
 */
#ifndef KERNEL_INTERNAL_H
#define KERNEL_INTERNAL_H

#include "kernel.h"
#include "asm.h"
#include <pv/abi/xen.h>
#include <pv/abi/errno.h>
#include <pv/abi/sched.h>

#define LOAD(p)	    __atomic_load_n((p), __ATOMIC_RELAXED)
#define STORE(p, v) __atomic_store_n((p), (v), __ATOMIC_RELAXED)

extern struct kernel kernel;
extern struct pv kernel_pv;

/* Linker script and assembly. */
extern char kernel_start[], kernel_end[], hypercall_page[], boot_stack[];
extern char trap_entries[], pv_trap_entries[], upcall_entry[];
extern char pv_event_entry[], pv_failsafe_entry[], pv_cpu_start[], pvh_cpu_start[];
extern char pvh_pml4[];
extern uint8_t trap_return_pv;

static inline void *pa_to_va(uint64_t pa)
{
	return (void *)(uintptr_t)(KERNEL_VIRT_BASE + pa);
}

static inline uint64_t va_to_pa(const void *va)
{
	return (uint64_t)(uintptr_t)va - KERNEL_VIRT_BASE;
}

/* boot.c */
void boot_pv(const struct pv_start_info *si);
void boot_pvh(uint64_t start_info_pa);
int kernel_is_pv(void);
int cmdline_has(const char *word); /* as a whole */

/* page.c: which physical pages there are; nothing is free at first. */
void page_add(uint64_t first_pfn, uint64_t end_pfn);
void page_reserve(uint64_t pa, uint64_t bytes); /* every page that it touches */
int page_is_free(uint64_t pfn);

/* mmu.c: page tables of classic PV; the other modes have everything mapped already. */
void mmu_init_pv(const struct pv_start_info *si, uint64_t nr_pages);
void *mmu_map_gfn(const uint64_t *gfn, unsigned n, unsigned attr);
uint64_t mmu_cr3(void); /* for further vCPUs */

/* trap.c */
void trap_init(void);
void trap_load(void); /* on each further vCPU of a PVH guest */
void trap_dispatch(struct trap_frame *f);
struct pv_trap_info;
unsigned trap_table(struct pv_trap_info *t); /* 32 entries and the end mark */

/* cpu.c */
void cpu_main(void);

/* store.c */
void store_init(void);
unsigned store_work(void); /* how many watch callbacks ran */

/* console.c */
void console_init(void);
void console_drain(void);

#endif
