/*
 * boot: puts a kernel into a new domain's memory and says where it starts.
 *
 * The kernel file is hostile, the rest of the configuration is the operator's. Nothing is kept: every
 * address in a result is plain. Guest memory is all zero and nobody else touches it meanwhile; guest
 * physical address p is ram + p. Runs in any process, needs only the descriptors.
 */
#ifndef REFHV_BOOT_H
#define REFHV_BOOT_H

#include <stdbool.h>
#include <stdint.h>
#include <pv/domain.h>
#include <pv/elf.h>
#include "boot/acpi.h"

/* One line for a person: names the file, says what is wrong and what to do. */
struct boot_error {
	char text[512];
};

/* A kernel in memory, unpacked, opened and with its notes read. */
struct boot_kernel {
	const char *name; /* as the operator wrote it; kept by reference */
	const char *
		packed; /* what the file was: "bzImage, lz4", "xz", ...; static. NULL: the ELF file itself */
	const void *image; /* the ELF file */
	uint64_t size;	   /* bytes */
	void *map;	   /* owned: the pages around it */
	uint64_t map_size;
	struct pv_elf elf;
	struct pv_elf_xen xen;
	/* PV: physical = p_paddr - paddr_offset, virtual = physical + virt_base. */
	uint64_t virt_base, paddr_offset;
	uint64_t start, end; /* guest physical addresses of everything loaded, end excluded */
};

/*
 * Reads the whole file through `fd` (from its beginning, whatever the file offset), unpacks a bzImage or
 * a compressed ELF file, and checks it. What is packed is unpacked by a child process that can do
 * nothing else, so call this before the caller's own system calls are restricted. 0, or a negative PV_E
 * number with *err filled in. After 0, boot_kernel_free() ends it.
 */
int boot_kernel_read(struct boot_kernel *k, const char *name, int fd, struct boot_error *err);
void boot_kernel_free(struct boot_kernel *k);

struct boot_config {
	void *ram;	     /* guest physical 0 */
	uint64_t ram_size;   /* bytes of RAM, a multiple of 4096 */
	const char *cmdline; /* NULL: empty. PV: at most 1023 bytes; PVH: 64 KiB */
	const char *ramdisk_name;
	int ramdisk_fd; /* negative: none */
	uint32_t
		features; /* bit per PV_XENFEAT_* that the domain has: a kernel may require only these */
	uint32_t store_evtchn, console_evtchn; /* PV: ports of the guest, already allocated */
	unsigned vcpus,
		maxvcpus; /* PVH: enabled at the start; listed. Not 0, at most BOOT_ACPI_MAX_VCPUS */
};

/* Where a PV domain starts. gva: guest virtual; gfn: 4096-byte frame of guest RAM. */
struct boot_result {
	uint64_t entry_gva;
	uint64_t start_info_gva; /* goes into rsi */
	uint64_t stack_gva;	 /* goes into rsp: the end of one page */
	uint64_t virt_base;	 /* of guest physical 0 */
	uint64_t hypercall_gva;	 /* the page to fill; valid if has_hypercall_page */
	bool has_hypercall_page;
	bool suspend_cancel; /* a cancelled suspend returns 1 */
	uint64_t shared_info_gfn;
	uint64_t start_info_gfn;
	uint64_t store_gfn, console_gfn; /* ring pages: grant entries 1 and 0 */
	uint64_t first_free_gfn;	 /* behind everything placed here */
};

/*
 * Whether this kernel can become a PV domain of this shape: its notes and addresses, before there is any memory (ram is not
 * looked at, nor the ramdisk). 0, or a negative PV_E number with *err filled in. boot_pv() looks by itself.
 */
int boot_pv_check(const struct boot_kernel *k, const struct boot_config *c, struct boot_error *err);

/*
 * Builds a PV domain for an engine that maps all RAM at virt_base and is auto-translated. In ascending
 * order: kernel, ramdisk, p2m list (identity), start info, shared info, xenstore ring, console ring,
 * one empty page table frame, stack. 0, or a negative PV_E number with *err filled in; RAM is then in
 * an undefined state.
 */
int boot_pv(const struct boot_kernel *k, const struct boot_config *c, struct boot_result *r,
	    struct boot_error *err);

/* A span of guest-physical addresses; bytes, multiples of 4096. */
struct boot_region {
	uint64_t gpa, size;
};

#define BOOT_MAX_REGIONS 3u
#define BOOT_MAX_MAP	 4u

/*
 * Where a PVH domain of some amount of memory has what. RAM is from 0 to at most BOOT_HOLE_START, the
 * rest from 4 GiB on. Tables, rings and other special pages are below BOOT_HOLE_MEMORY_END, as on Xen.
 */
#define BOOT_HOLE_START	     0xf0000000ull /* xen/include/public/hvm/e820.h: HVM_BELOW_4G_RAM_END */
#define BOOT_SPECIAL_END     0xff000000ull
#define BOOT_HOLE_END	     0x100000000ull
#define BOOT_PVH_STORE_GFN   0xfeffcull
#define BOOT_PVH_CONSOLE_GFN 0xfefffull

struct boot_pvh_layout {
	uint64_t span; /* addresses below it can be memory some time; the size of the RAM file */
	struct boot_region region[BOOT_MAX_REGIONS]; /* memory from the start; ascending, apart */
	unsigned nregions;
	struct pv_domain_memory map[BOOT_MAX_MAP]; /* what the guest is told: XENMEM_memory_map */
	unsigned nmap;
};

/* ram_size: bytes of RAM, a multiple of 4096, not 0, at most BOOT_RAM_MAX. -PV_EINVAL else. */
#define BOOT_RAM_MAX (1ull << 44)
int boot_pvh_layout(uint64_t ram_size, struct boot_pvh_layout *l);

/*
 * Where a PVH domain starts: 32-bit protected mode, paging off, flat segments, interrupts off. Guest
 * physical. All else of a result is in the layout.
 */
struct boot_pvh_result {
	uint32_t entry_gpa;
	uint32_t start_info_gpa; /* goes into ebx */
};

/* As boot_pv_check(), for PVH. */
int boot_pvh_check(const struct boot_kernel *k, const struct boot_config *c,
		   struct boot_error *err);

/*
 * Builds a PVH domain: kernel; start info, module list, memory map and command line behind it; ramdisk at
 * the end of low RAM; ACPI tables. c->ram has the layout of boot_pvh_layout(c->ram_size). The pages of
 * the xenstore and console rings stay zero. 0, or a negative PV_E number with *err filled in.
 */
int boot_pvh(const struct boot_kernel *k, const struct boot_config *c, struct boot_pvh_result *r,
	     struct boot_error *err);

#endif
