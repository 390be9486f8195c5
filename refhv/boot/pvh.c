/*
 * pvh: builds a PVH domain: the kernel at its physical addresses, and an hvm_start_info.
 *
 * The protocol is docs/misc/pvh.pandoc of Xen. Everything told to the guest lies below 4 GiB; RAM is
 * one block from 0, as long as it stays below the hole for devices at 0xF0000000.
 */
#include <stddef.h>
#include <string.h>
#include <pv/abi/errno.h>
#include <pv/abi/hvm/start_info.h>
#include "boot/boot_internal.h"

#define PVH_RAM_MAX 0xF0000000ULL /* xen/include/public/hvm/e820.h: HVM_BELOW_4G_RAM_END */

struct boot_block {
	struct pv_hvm_start_info si;
	struct pv_hvm_modlist_entry mod;
	struct pv_hvm_memmap_table_entry map[1];
};

static int check(const struct boot_kernel *k, const struct boot_config *c, struct boot_error *err)
{
	const struct pv_elf_xen *x = &k->xen;

	if (!pv_elf_xen_has(x, PV_XEN_ELFNOTE_PHYS32_ENTRY))
		return boot_fail(
			err, PV_ENOEXEC,
			"%s: has no PVH entry point (note PHYS32_ENTRY); give a kernel with "
			"PVH support",
			k->name);
	if (c->ram_size > PVH_RAM_MAX)
		return boot_fail(err, PV_E2BIG,
				 "%s: a PVH domain has at most 3840 MiB of memory; lower memory",
				 k->name);
	if (x->phys32_entry < k->start || x->phys32_entry >= k->end)
		return boot_fail(err, PV_EINVAL,
				 "%s: its PHYS32_ENTRY note %#llx is outside the loaded image; "
				 "rebuild it",
				 k->name, (unsigned long long)x->phys32_entry);
	return 0;
}

int boot_pvh(const struct boot_kernel *k, const struct boot_config *c, struct boot_pvh_result *r,
	     struct boot_error *err)
{
	uint64_t ramdisk, ramdisk_len, block, cmdline = 0, store, console;
	struct boot_block b = {.si = {.magic = PV_XEN_HVM_START_MAGIC_VALUE, .version = 1}};
	struct boot_kernel physical = *k;
	struct boot_space s;
	size_t len = c->cmdline ? strlen(c->cmdline) + 1 : 0;
	int rc;

	/* PVH loads by p_paddr alone; the offset is for PV. */
	physical.paddr_offset = 0;
	physical.start += k->paddr_offset;
	physical.end += k->paddr_offset;
	rc = check(&physical, c, err);
	if (!rc)
		rc = boot_load(&physical, c, &s, err);
	if (!rc)
		rc = boot_ramdisk(c, &s, &ramdisk, &ramdisk_len, err);
	if (!rc)
		rc = boot_place(&s, sizeof(b), "start info", &block, err);
	if (!rc && len)
		rc = boot_place(&s, len, "command line", &cmdline, err);
	if (!rc)
		rc = boot_place(&s, BOOT_PAGE, "xenstore ring", &store, err);
	if (!rc)
		rc = boot_place(&s, BOOT_PAGE, "console ring", &console, err);
	if (rc)
		return rc;
	if (ramdisk_len) {
		b.mod = (struct pv_hvm_modlist_entry){.paddr = ramdisk, .size = ramdisk_len};
		b.si.nr_modules = 1;
		b.si.modlist_paddr = block + offsetof(struct boot_block, mod);
	}
	b.map[0] = (struct pv_hvm_memmap_table_entry){.size = c->ram_size,
						      .type = PV_XEN_HVM_MEMMAP_TYPE_RAM};
	b.si.memmap_paddr = block + offsetof(struct boot_block, map);
	b.si.memmap_entries = 1;
	b.si.cmdline_paddr = cmdline;
	memcpy(s.ram + block, &b, sizeof(b));
	if (len)
		memcpy(s.ram + cmdline, c->cmdline, len);
	*r = (struct boot_pvh_result){
		.entry_gpa = (uint32_t)k->xen.phys32_entry,
		.start_info_gpa = (uint32_t)block,
		.store_gfn = store / BOOT_PAGE,
		.console_gfn = console / BOOT_PAGE,
		.first_free_gfn = s.next / BOOT_PAGE,
	};
	return 0;
}
