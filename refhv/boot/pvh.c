/*
 * pvh: builds a PVH domain: the kernel at its physical addresses, an hvm_start_info, ACPI tables.
 *
 * The protocol is docs/misc/pvh.pandoc of Xen, the places are those of its builder
 * (tools/libs/guest/xg_dom_x86.c): everything told to the guest lies below 4 GiB, tables and special
 * pages below 0xff000000. The kernel's notes are hostile.
 */
#include <stddef.h>
#include <string.h>
#include <pv/abi/errno.h>
#include <pv/abi/features.h>
#include <pv/abi/hvm/start_info.h>
#include "boot/boot_internal.h"

#define CMDLINE_MAX 65536u	 /* bytes, with the NUL */
#define SPARE	    (1ull << 30) /* of address space behind RAM, for pages that guests place there */

/* Where kernels look for the RSDP that do not take it from hvm_start_info. */
#define LOW_RSDP (0x100000u - BOOT_ACPI_RSDP_SIZE)

struct boot_block {
	struct pv_hvm_start_info si;
	struct pv_hvm_modlist_entry mod;
	struct pv_hvm_memmap_table_entry map[BOOT_MAX_MAP];
};

static uint64_t low_end(uint64_t ram_size)
{
	return ram_size < BOOT_HOLE_START ? ram_size : BOOT_HOLE_START;
}

static void add_map(struct boot_pvh_layout *l, uint64_t addr, uint64_t end, uint32_t type)
{
	l->map[l->nmap++] =
		(struct pv_domain_memory){.addr = addr, .size = end - addr, .type = type};
}

int boot_pvh_layout(uint64_t ram_size, struct boot_pvh_layout *l)
{
	uint64_t low, high;

	if (!ram_size || ram_size % BOOT_PAGE || ram_size > BOOT_RAM_MAX)
		return -PV_EINVAL;
	low = low_end(ram_size);
	high = ram_size - low;
	*l = (struct boot_pvh_layout){.span = BOOT_HOLE_END + high + SPARE};
	l->region[l->nregions++] = (struct boot_region){0, low};
	l->region[l->nregions++] =
		(struct boot_region){BOOT_ACPI_START, BOOT_SPECIAL_END - BOOT_ACPI_START};
	add_map(l, 0, low, PV_XEN_HVM_MEMMAP_TYPE_RAM);
	/* As Xen tells it: a kernel reclaims neither. */
	add_map(l, BOOT_ACPI_START, BOOT_ACPI_END, PV_XEN_HVM_MEMMAP_TYPE_NVS);
	add_map(l, BOOT_ACPI_END, BOOT_SPECIAL_END, PV_XEN_HVM_MEMMAP_TYPE_RESERVED);
	if (high) {
		l->region[l->nregions++] = (struct boot_region){BOOT_HOLE_END, high};
		add_map(l, BOOT_HOLE_END, BOOT_HOLE_END + high, PV_XEN_HVM_MEMMAP_TYPE_RAM);
	}
	return 0;
}

/* PVH loads by p_paddr alone; the offset is for PV. */
static struct boot_kernel physical(const struct boot_kernel *k)
{
	struct boot_kernel p = *k;

	p.paddr_offset = 0;
	p.start += k->paddr_offset;
	p.end += k->paddr_offset;
	return p;
}

static int check(const struct boot_kernel *k, const struct boot_config *c, struct boot_error *err)
{
	const struct pv_elf_xen *x = &k->xen;

	if (k->elf.machine != (k->elf.is64 ? PV_ELF_EM_X86_64 : PV_ELF_EM_386))
		return boot_fail(err, PV_ENOEXEC,
				 "%s: is not a kernel for x86; give one built for x86_64 or i386",
				 k->name);
	if (!pv_elf_xen_has(x, PV_XEN_ELFNOTE_PHYS32_ENTRY))
		return boot_fail(err, PV_ENOEXEC,
				 "%s: has no PVH entry point (note PHYS32_ENTRY); %s", k->name,
				 x->loader.len
					 ? "set type=\"pv\", or give a kernel with PVH support"
					 : "give a kernel with PVH support");
	if (x->phys32_entry < k->start || x->phys32_entry >= k->end || k->end > BOOT_HOLE_END)
		return boot_fail(err, PV_EINVAL,
				 "%s: its PHYS32_ENTRY note %#llx is outside the loaded image, or "
				 "that beyond 4 GiB; rebuild it",
				 k->name, (unsigned long long)x->phys32_entry);
	if (c->cmdline && strlen(c->cmdline) >= CMDLINE_MAX)
		return boot_fail(
			err, PV_E2BIG,
			"%s: the command line has %zu bytes, at most %u fit; shorten extra",
			k->name, strlen(c->cmdline), CMDLINE_MAX - 1);
	return 0;
}

int boot_pvh_check(const struct boot_kernel *k, const struct boot_config *c, struct boot_error *err)
{
	struct boot_kernel p = physical(k);

	return check(&p, c, err);
}

static bool text_is(struct pv_elf_string s, const char *word)
{
	return s.len == strlen(word) && !memcmp(s.p, word, s.len);
}

/* The same question as libxl's: Linux 4.11 to 4.19 looks for the RSDP where a PC has it. */
static bool wants_low_rsdp(const struct boot_kernel *k)
{
	return text_is(k->xen.guest_os, "linux") &&
	       !(k->xen.features_supported >> PV_XENFEAT_linux_rsdp_unrestricted & 1);
}

static void put_tables(const struct boot_kernel *k, const struct boot_config *c)
{
	uint8_t *ram = c->ram;

	boot_acpi(ram + BOOT_ACPI_START, c->vcpus, c->maxvcpus);
	/* A kernel that lies there itself looks elsewhere. */
	if (wants_low_rsdp(k) && k->start >= 0x100000)
		memcpy(ram + LOW_RSDP, ram + BOOT_ACPI_RSDP, BOOT_ACPI_RSDP_SIZE);
}

static void fill_map(struct boot_block *b, uint64_t at, const struct boot_pvh_layout *l)
{
	for (unsigned i = 0; i < l->nmap; i++)
		b->map[i] = (struct pv_hvm_memmap_table_entry){
			.addr = l->map[i].addr, .size = l->map[i].size, .type = l->map[i].type};
	b->si.memmap_paddr = at + offsetof(struct boot_block, map);
	b->si.memmap_entries = l->nmap;
}

int boot_pvh(const struct boot_kernel *k, const struct boot_config *c, struct boot_pvh_result *r,
	     struct boot_error *err)
{
	uint64_t ramdisk, ramdisk_len, block, cmdline = 0;
	struct boot_block b = {.si = {.magic = PV_XEN_HVM_START_MAGIC_VALUE,
				      .version = 1,
				      .rsdp_paddr = BOOT_ACPI_RSDP}};
	struct boot_kernel p = physical(k);
	struct boot_pvh_layout l;
	struct boot_space s;
	size_t len = c->cmdline ? strlen(c->cmdline) + 1 : 0;
	int rc = check(&p, c, err);

	if (!rc && boot_pvh_layout(c->ram_size, &l))
		return boot_fail(err, PV_EINVAL, "%s: no machine has %llu bytes of memory", k->name,
				 (unsigned long long)c->ram_size);
	if (!rc)
		rc = boot_load(&p, c->ram, low_end(c->ram_size), &s, err);
	if (!rc)
		rc = boot_ramdisk(c, &s, boot_place_top, &ramdisk, &ramdisk_len, err);
	if (!rc)
		rc = boot_place(&s, sizeof(b), "start info", &block, err);
	if (!rc && len)
		rc = boot_place(&s, len, "command line", &cmdline, err);
	if (rc)
		return rc;
	if (ramdisk_len) {
		b.mod = (struct pv_hvm_modlist_entry){.paddr = ramdisk, .size = ramdisk_len};
		b.si.nr_modules = 1;
		b.si.modlist_paddr = block + offsetof(struct boot_block, mod);
	}
	fill_map(&b, block, &l);
	b.si.cmdline_paddr = cmdline;
	memcpy(s.ram + block, &b, sizeof(b));
	if (len)
		memcpy(s.ram + cmdline, c->cmdline, len);
	put_tables(&p, c);
	*r = (struct boot_pvh_result){
		.entry_gpa = (uint32_t)k->xen.phys32_entry,
		.start_info_gpa = (uint32_t)block,
	};
	return 0;
}
