/*
 * pv: builds a PV domain for an auto-translated engine.
 *
 * Order and contents are those of Xen's builder (tools/libs/guest/xg_dom_x86.c), without page tables:
 * all RAM is mapped at the kernel's VIRT_BASE, machine frames are guest frames. The kernel's notes are
 * hostile: what the engine will use of them is checked against the loaded image here.
 */
#include <string.h>
#include <pv/abi/errno.h>
#include <pv/abi/xen.h>
#include "boot/boot_internal.h"

static bool string_is(struct pv_elf_string s, const char *prefix)
{
	size_t n = strlen(prefix);

	return s.len >= n && !memcmp(s.p, prefix, n);
}

static bool in_image(const struct boot_kernel *k, uint64_t gva, uint64_t len)
{
	uint64_t gpa = gva - k->virt_base;

	return gva >= k->virt_base && gpa >= k->start && gpa < k->end && len <= k->end - gpa;
}

/* The same demands as Xen's elf_xen_note_check(), in its order. */
static int check_notes(const struct boot_kernel *k, struct boot_error *err)
{
	const struct pv_elf_xen *x = &k->xen;

	if (k->elf.machine != PV_ELF_EM_X86_64 || !k->elf.is64)
		return boot_fail(err, PV_ENOEXEC, "%s: is not a 64-bit x86 kernel; %s", k->name,
				 boot_otherwise(k, "give one built for x86_64"));
	if (x->source == PV_ELF_SOURCE_NONE)
		return boot_fail(err, PV_ENOEXEC,
				 "%s: has no Xen PV notes (ELF notes of the owner \"Xen\"); give a "
				 "kernel with PV support",
				 k->name);
	if (!x->loader.len && !x->xen_version.len && pv_elf_xen_has(x, PV_XEN_ELFNOTE_PHYS32_ENTRY))
		return boot_fail(
			err, PV_EOPNOTSUPP,
			"%s: is a PVH kernel only (it has PHYS32_ENTRY and no LOADER note); %s",
			k->name, boot_otherwise(k, ""));
	if (!string_is(x->loader, "generic") && !string_is(x->guest_os, "linux"))
		return boot_fail(err, PV_ENOEXEC,
				 "%s: its LOADER note is not \"generic\"; give a kernel with PV "
				 "support",
				 k->name);
	if (!string_is(x->xen_version, "xen-3.0"))
		return boot_fail(
			err, PV_ENOEXEC,
			"%s: its XEN_VERSION note is not \"xen-3.0\"; give a kernel with PV "
			"support",
			k->name);
	return 0;
}

static uint64_t entry_point(const struct boot_kernel *k)
{
	return pv_elf_xen_has(&k->xen, PV_XEN_ELFNOTE_ENTRY) ? k->xen.entry : k->elf.entry;
}

static int check_addresses(const struct boot_kernel *k, const struct boot_config *c,
			   struct boot_error *err)
{
	const struct pv_elf_xen *x = &k->xen;
	uint64_t entry = entry_point(k);

	if (k->virt_base % BOOT_PAGE || c->ram_size > UINT64_MAX - k->virt_base)
		return boot_fail(
			err, PV_EINVAL,
			"%s: its VIRT_BASE note %#llx cannot be a kernel's base; rebuild it",
			k->name, (unsigned long long)k->virt_base);
	if (!in_image(k, entry, 1))
		return boot_fail(
			err, PV_EINVAL,
			"%s: its entry point %#llx is outside the loaded image; rebuild it",
			k->name, (unsigned long long)entry);
	if (pv_elf_xen_has(x, PV_XEN_ELFNOTE_HYPERCALL_PAGE) &&
	    (x->hypercall_page % BOOT_PAGE || !in_image(k, x->hypercall_page, BOOT_PAGE)))
		return boot_fail(err, PV_EINVAL,
				 "%s: its HYPERCALL_PAGE note %#llx is not a page of the loaded "
				 "image; rebuild it",
				 k->name, (unsigned long long)x->hypercall_page);
	return 0;
}

struct layout {
	uint64_t ramdisk, ramdisk_len, p2m, start_info, shared_info, store, console, pt, stack;
};

static int place_all(struct boot_space *s, const struct boot_config *c, struct layout *l,
		     struct boot_error *err)
{
	uint64_t pages = c->ram_size / BOOT_PAGE;
	int rc = boot_ramdisk(c, s, boot_place, &l->ramdisk, &l->ramdisk_len, err);

	if (!rc)
		rc = boot_place(s, pages * sizeof(uint64_t), "p2m list", &l->p2m, err);
	if (!rc)
		rc = boot_place(s, BOOT_PAGE, "start info", &l->start_info, err);
	if (!rc)
		rc = boot_place(s, BOOT_PAGE, "shared info", &l->shared_info, err);
	if (!rc)
		rc = boot_place(s, BOOT_PAGE, "xenstore ring", &l->store, err);
	if (!rc)
		rc = boot_place(s, BOOT_PAGE, "console ring", &l->console, err);
	if (!rc)
		rc = boot_place(s, BOOT_PAGE, "page tables", &l->pt, err);
	if (!rc)
		rc = boot_place(s, BOOT_PAGE, "stack", &l->stack, err);
	return rc;
}

static void fill_start_info(struct pv_start_info *si, const struct boot_kernel *k,
			    const struct boot_config *c, const struct layout *l)
{
	*si = (struct pv_start_info){
		.magic = "xen-3.0-x86_64",
		.nr_pages = c->ram_size / BOOT_PAGE,
		.shared_info = l->shared_info,
		.store_mfn = l->store / BOOT_PAGE,
		.store_evtchn = c->store_evtchn,
		.pt_base = k->virt_base + l->pt,
		.nr_pt_frames = 1,
		.mfn_list = k->virt_base + l->p2m,
	};
	si->console.domU.mfn = l->console / BOOT_PAGE;
	si->console.domU.evtchn = c->console_evtchn;
	if (l->ramdisk_len) {
		si->mod_start = k->virt_base + l->ramdisk;
		si->mod_len = l->ramdisk_len;
	}
	if (c->cmdline)
		memcpy(si->cmd_line, c->cmdline, strlen(c->cmdline));
}

int boot_pv_check(const struct boot_kernel *k, const struct boot_config *c, struct boot_error *err)
{
	int rc = check_notes(k, err);

	if (rc)
		return rc;
	if (c->cmdline && strlen(c->cmdline) >= PV_MAX_GUEST_CMDLINE)
		return boot_fail(
			err, PV_E2BIG,
			"%s: the command line has %zu bytes, a PV kernel takes %d; shorten "
			"extra",
			k->name, strlen(c->cmdline), PV_MAX_GUEST_CMDLINE - 1);
	rc = boot_features(k, c->features, err);
	return rc ? rc : check_addresses(k, c, err);
}

int boot_pv(const struct boot_kernel *k, const struct boot_config *c, struct boot_result *r,
	    struct boot_error *err)
{
	const struct pv_elf_xen *x = &k->xen;
	struct pv_start_info si;
	struct boot_space s;
	struct layout l;
	uint64_t i, *p2m;
	int rc = boot_pv_check(k, c, err);

	if (!rc)
		rc = boot_load(k, c->ram, c->ram_size, &s, err);
	if (!rc)
		rc = place_all(&s, c, &l, err);
	if (rc)
		return rc;
	p2m = (uint64_t *)(s.ram + l.p2m);
	for (i = 0; i < c->ram_size / BOOT_PAGE; i++)
		p2m[i] = i;
	fill_start_info(&si, k, c, &l);
	memcpy(s.ram + l.start_info, &si, sizeof(si));
	*r = (struct boot_result){
		.entry_gva = entry_point(k),
		.start_info_gva = k->virt_base + l.start_info,
		.stack_gva = k->virt_base + l.stack + BOOT_PAGE,
		.virt_base = k->virt_base,
		.hypercall_gva = x->hypercall_page,
		.has_hypercall_page = pv_elf_xen_has(x, PV_XEN_ELFNOTE_HYPERCALL_PAGE),
		.suspend_cancel = x->suspend_cancel == 1,
		.shared_info_gfn = l.shared_info / BOOT_PAGE,
		.start_info_gfn = l.start_info / BOOT_PAGE,
		.store_gfn = l.store / BOOT_PAGE,
		.console_gfn = l.console / BOOT_PAGE,
		.first_free_gfn = s.next / BOOT_PAGE,
	};
	return 0;
}
