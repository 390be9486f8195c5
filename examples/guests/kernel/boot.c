/*
 * From the entry point to guest_main(): memory found, libpv initialised, console attached.
 */
#include "internal.h"
#include <pv/abi/features.h>
#include <pv/abi/memory.h>
#include <pv/abi/vcpu.h>
#include <pv/abi/version.h>
#include <pv/abi/hvm/start_info.h>

#define E820_RAM     1
#define E820_ENTRIES 128
#define LOW_END	     0x100000ull /* PVH: below is a PC's odd memory, and nothing we need */

/* Of XENMEM_memory_map: packed, unlike hvm_start_info's. */
struct __attribute__((packed)) e820_entry {
	uint64_t addr, size;
	uint32_t type;
};

struct kernel kernel;
struct pv kernel_pv;
static int is_pv;
static char cmdline[1024];

int kernel_is_pv(void)
{
	return is_pv;
}

static void *hook_alloc(void *ctx, unsigned n)
{
	return pages_alloc(n);
}

static void hook_free(void *ctx, void *va, unsigned n)
{
	pages_free(va, n);
}

static uint64_t hook_gfn(void *ctx, const void *va)
{
	return va_to_gfn(va);
}

static void *hook_map(void *ctx, const uint64_t *gfn, unsigned n, unsigned attr)
{
	return mmu_map_gfn(gfn, n, attr);
}

/* One lock for the library; upcalls of this vCPU are held off meanwhile. */
static char os_lock;

static unsigned long hook_lock(void *ctx)
{
	unsigned long flags = irq_save();

	while (__atomic_test_and_set(&os_lock, __ATOMIC_ACQUIRE))
		__asm__ volatile("pause");
	return flags;
}

static void hook_unlock(void *ctx, unsigned long flags)
{
	__atomic_clear(&os_lock, __ATOMIC_RELEASE);
	irq_restore(flags);
}

static unsigned hook_cpu(void *ctx)
{
	return cpu_id();
}

static const struct pv_os hooks = {
	.size = sizeof(hooks),
	.pages_alloc = hook_alloc,
	.pages_free = hook_free,
	.va_to_gfn = hook_gfn,
	.map_gfn = hook_map,
	.lock = hook_lock,
	.unlock = hook_unlock,
	.vcpu_id = hook_cpu,
};

static void keep_cmdline(const char *s)
{
	size_t n = 0;

	while (s && n < sizeof(cmdline) - 1 && s[n]) {
		cmdline[n] = s[n];
		n++;
	}
	cmdline[n] = 0;
	kernel.cmdline = cmdline;
}

static unsigned count_vcpus(void)
{
	unsigned n = 1;

	while (n < KERNEL_CPUS &&
	       pv_hypercall3(&kernel_pv, PV_HYPERVISOR_vcpu_op, PV_VCPUOP_is_up, n, 0) >= 0)
		n++;
	return n;
}

int cmdline_has(const char *word)
{
	size_t n = strlen(word);
	const char *s;

	for (s = cmdline; *s; s++)
		if ((s == cmdline || s[-1] == ' ') && !strncmp(s, word, n) &&
		    (!s[n] || s[n] == ' '))
			return 1;
	return 0;
}

static void __attribute__((noreturn)) run(const struct pv_boot *boot)
{
	int rc = pv_init(&kernel_pv, &hooks, boot), fifo = 0;

	if (rc)
		panic("pv_init: %d", rc);
	if (cmdline_has("evtchn=fifo"))
		fifo = pv_evtchn_fifo_init(&kernel_pv);
	trap_init();
	console_init();
	if (fifo)
		kprintf("no FIFO event channels: %d\n", fifo);
	kernel.pv = &kernel_pv;
	kernel.vcpus = count_vcpus();
	store_init();
	guest_main(&kernel);
	kernel_shutdown(PV_SHUTDOWN_poweroff);
}

static void reserve_image(void)
{
	page_reserve(va_to_pa(kernel_start), (uint64_t)(kernel_end - kernel_start));
}

void boot_pv(const struct pv_start_info *si)
{
	struct pv_boot boot = {.size = sizeof(boot),
			       .mode = PV_MODE_PV,
			       .start_info = si,
			       .hypercall_page = hypercall_page};
	struct pv_feature_info fi = {.submap_idx = 0};
	uint64_t pages = si->nr_pages;

	is_pv = 1;
	if (pv_hypercall_init(&kernel_pv, &boot) ||
	    pv_hypercall2(&kernel_pv, PV_HYPERVISOR_xen_version, PV_XENVER_get_features,
			  (uintptr_t)&fi))
		panic("no features");
	if (pages > KERNEL_RAM_MAX >> PV_PAGE_SHIFT)
		pages = KERNEL_RAM_MAX >> PV_PAGE_SHIFT;
	/* Frame 0 stays out: as a frame number it means "none" in several places. */
	page_add(1, pages);
	kernel.ram_bytes = pages << PV_PAGE_SHIFT;
	reserve_image();
	page_reserve(va_to_pa(si), sizeof(*si));
	if (si->pt_base)
		page_reserve(va_to_pa((void *)si->pt_base), si->nr_pt_frames << PV_PAGE_SHIFT);
	if (si->mfn_list >= KERNEL_VIRT_BASE)
		page_reserve(va_to_pa((void *)si->mfn_list), si->nr_pages * sizeof(uint64_t));
	if (si->mod_len && !(si->flags & PV_SIF_MOD_START_PFN)) {
		kernel.ramdisk = (const void *)si->mod_start;
		kernel.ramdisk_bytes = si->mod_len;
		page_reserve(va_to_pa(kernel.ramdisk), si->mod_len);
	}
	keep_cmdline((const char *)si->cmd_line);
	if (fi.submap >> PV_XENFEAT_auto_translated_physmap & 1) {
		page_reserve(si->shared_info, PV_PAGE_SIZE);
		page_reserve(si->store_mfn << PV_PAGE_SHIFT, PV_PAGE_SIZE);
		page_reserve(si->console.domU.mfn << PV_PAGE_SHIFT, PV_PAGE_SIZE);
	} else {
		mmu_init_pv(si, pages);
	}
	run(&boot);
}

static void add_ram(uint64_t addr, uint64_t size, uint32_t type)
{
	uint64_t end = addr + size;

	if (type != E820_RAM || end < addr)
		return;
	if (addr < LOW_END)
		addr = LOW_END;
	if (end > KERNEL_RAM_MAX)
		end = KERNEL_RAM_MAX;
	addr = (addr + PV_PAGE_SIZE - 1) >> PV_PAGE_SHIFT;
	end >>= PV_PAGE_SHIFT;
	if (end <= addr)
		return;
	page_add(addr, end);
	kernel.ram_bytes += (end - addr) << PV_PAGE_SHIFT;
}

static void find_ram(const struct pv_hvm_start_info *si)
{
	static struct e820_entry e820[E820_ENTRIES];
	struct pv_memory_map m = {.nr_entries = E820_ENTRIES, .buffer = (uintptr_t)e820};
	const struct pv_hvm_memmap_table_entry *e;
	uint32_t i;

	if (si->version >= 1 && si->memmap_paddr) {
		e = pa_to_va(si->memmap_paddr);
		for (i = 0; i < si->memmap_entries; i++)
			add_ram(e[i].addr, e[i].size, e[i].type);
		page_reserve(si->memmap_paddr, si->memmap_entries * sizeof(*e));
		return;
	}
	if (pv_hypercall2(&kernel_pv, PV_HYPERVISOR_memory_op, PV_XENMEM_memory_map, (uintptr_t)&m))
		panic("no memory map");
	for (i = 0; i < m.nr_entries; i++)
		add_ram(e820[i].addr, e820[i].size, e820[i].type);
}

void boot_pvh(uint64_t start_info_pa)
{
	const struct pv_hvm_start_info *si = pa_to_va(start_info_pa);
	const struct pv_hvm_modlist_entry *mod;
	struct pv_boot boot = {.size = sizeof(boot),
			       .mode = PV_MODE_PVH,
			       .hvm_start_info = si,
			       .hypercall_page = hypercall_page};
	uint32_t i;

	if (pv_hypercall_init(&kernel_pv, &boot))
		panic("not on Xen");
	if (si->magic != PV_XEN_HVM_START_MAGIC_VALUE)
		panic("start info at %lx has magic %x", start_info_pa, si->magic);
	find_ram(si);
	reserve_image();
	page_reserve(start_info_pa, sizeof(*si));
	keep_cmdline(si->cmdline_paddr ? pa_to_va(si->cmdline_paddr) : NULL);
	if (si->cmdline_paddr)
		page_reserve(si->cmdline_paddr, sizeof(cmdline));
	mod = pa_to_va(si->modlist_paddr);
	page_reserve(si->modlist_paddr, si->nr_modules * sizeof(*mod));
	for (i = 0; i < si->nr_modules; i++)
		page_reserve(mod[i].paddr, mod[i].size);
	if (si->nr_modules) {
		kernel.ramdisk = pa_to_va(mod[0].paddr);
		kernel.ramdisk_bytes = mod[0].size;
	}
	run(&boot);
}
