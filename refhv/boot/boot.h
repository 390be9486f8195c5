/*
 * boot: puts a kernel into a new domain's memory and says where it starts.
 *
 * The kernel file is hostile, the rest of the configuration is the operator's. Nothing is kept: every
 * address in a result is plain. Guest RAM is one block, all zero, that nobody else touches meanwhile;
 * guest physical address p is ram + p. Runs in any process, needs only the descriptors.
 */
#ifndef REFHV_BOOT_H
#define REFHV_BOOT_H

#include <stdbool.h>
#include <stdint.h>
#include <pv/elf.h>

/* One line for a person: names the file, says what is wrong and what to do. */
struct boot_error {
	char text[512];
};

/* A kernel file in memory, opened and with its notes read. */
struct boot_kernel {
	const char *name; /* as the operator wrote it; kept by reference */
	void *image;	  /* owned */
	uint64_t size;	  /* bytes */
	struct pv_elf elf;
	struct pv_elf_xen xen;
	/* PV: physical = p_paddr - paddr_offset, virtual = physical + virt_base. */
	uint64_t virt_base, paddr_offset;
	uint64_t start, end; /* guest physical addresses of everything loaded, end excluded */
};

/*
 * Reads the whole file through `fd` (from its beginning, whatever the file offset) and checks it. 0,
 * or a negative PV_E number with *err filled in. After 0, boot_kernel_free() ends it.
 */
int boot_kernel_read(struct boot_kernel *k, const char *name, int fd, struct boot_error *err);
void boot_kernel_free(struct boot_kernel *k);

struct boot_config {
	void *ram;
	uint64_t ram_size;   /* bytes, a multiple of 4096 */
	const char *cmdline; /* NULL: empty. PV: at most 1023 bytes */
	const char *ramdisk_name;
	int ramdisk_fd; /* negative: none */
	uint32_t
		features; /* bit per PV_XENFEAT_* that the domain has: a kernel may require only these */
	uint32_t store_evtchn, console_evtchn; /* ports of the guest, already allocated */
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

/* Where a PVH domain starts: 32-bit protected mode, paging off, flat segments. Guest physical. */
struct boot_pvh_result {
	uint32_t entry_gpa;
	uint32_t start_info_gpa;	 /* goes into ebx */
	uint64_t store_gfn, console_gfn; /* for the HVM parameters */
	uint64_t first_free_gfn;
};

/* Builds a PVH domain: kernel, ramdisk, command line, module list, memory map, start info, rings. */
int boot_pvh(const struct boot_kernel *k, const struct boot_config *c, struct boot_pvh_result *r,
	     struct boot_error *err);

#endif
