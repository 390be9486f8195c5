/*
 * elf_xen: what a kernel image says about itself, from Xen's notes or the older __xen_guest text.
 *
 * Trusts nothing in the image; strings end at their first NUL or at the end of their descriptor.
 * Which sources count, their order and the defaults are those of xen/common/libelf/libelf-dominfo.c.
 */
#include <pv/abi/errno.h>
#include <pv/abi/features.h>
#include <pv/elf.h>
#include "elf_bytes.h"

#define XEN_PAGE_SHIFT 12

static bool same(struct pv_elf_string s, const char *word)
{
	uint32_t i;

	for (i = 0; i < s.len; i++)
		if (!word[i] || s.p[i] != word[i])
			return false;
	return !word[s.len];
}

static const struct {
	const char *name;
	uint8_t bit;
} feature_names[] = {
	{"writable_page_tables", PV_XENFEAT_writable_page_tables},
	{"writable_descriptor_tables", PV_XENFEAT_writable_descriptor_tables},
	{"auto_translated_physmap", PV_XENFEAT_auto_translated_physmap},
	{"supervisor_mode_kernel", PV_XENFEAT_supervisor_mode_kernel},
	{"pae_pgdir_above_4gb", PV_XENFEAT_pae_pgdir_above_4gb},
	{"mmu_pt_update_preserve_ad", PV_XENFEAT_mmu_pt_update_preserve_ad},
	{"highmem_assist", PV_XENFEAT_highmem_assist},
	{"gnttab_map_avail_bits", PV_XENFEAT_gnttab_map_avail_bits},
	{"hvm_callback_vector", PV_XENFEAT_hvm_callback_vector},
	{"hvm_safe_pvclock", PV_XENFEAT_hvm_safe_pvclock},
	{"hvm_pirqs", PV_XENFEAT_hvm_pirqs},
	{"dom0", PV_XENFEAT_dom0},
	{"memory_op_vnode_supported", PV_XENFEAT_memory_op_vnode_supported},
	{"ARM_SMCCC_supported", PV_XENFEAT_ARM_SMCCC_supported},
	{"linux_rsdp_unrestricted", PV_XENFEAT_linux_rsdp_unrestricted},
	{"not_direct_mapped", PV_XENFEAT_not_direct_mapped},
	{"direct_mapped", PV_XENFEAT_direct_mapped},
};

static void one_feature(struct pv_elf_xen *x, struct pv_elf_string word)
{
	bool required = word.len && word.p[0] == '!';
	uint32_t i;

	if (required) {
		word.p++;
		word.len--;
	}
	if (!word.len)
		return;
	for (i = 0; i < sizeof(feature_names) / sizeof(feature_names[0]); i++) {
		if (!same(word, feature_names[i].name))
			continue;
		x->features_supported |= 1U << feature_names[i].bit;
		if (required)
			x->features_required |= 1U << feature_names[i].bit;
		return;
	}
	if (required)
		x->unknown_required = word;
}

static void parse_features(struct pv_elf_xen *x)
{
	struct pv_elf_string word = {x->features.p, 0};
	const char *end;

	if (!x->features.len)
		return;
	end = x->features.p + x->features.len;
	while (word.p < end) {
		for (word.len = 0; word.p + word.len < end && word.p[word.len] != '|';)
			word.len++;
		one_feature(x, word);
		word.p += word.len + (word.p + word.len < end);
	}
}

static struct pv_elf_string *string_field(struct pv_elf_xen *x, uint32_t type)
{
	switch (type) {
	case PV_XEN_ELFNOTE_XEN_VERSION: return &x->xen_version;
	case PV_XEN_ELFNOTE_GUEST_OS: return &x->guest_os;
	case PV_XEN_ELFNOTE_GUEST_VERSION: return &x->guest_version;
	case PV_XEN_ELFNOTE_LOADER: return &x->loader;
	case PV_XEN_ELFNOTE_PAE_MODE: return &x->pae_mode;
	case PV_XEN_ELFNOTE_FEATURES: return &x->features;
	case PV_XEN_ELFNOTE_BSD_SYMTAB: return &x->bsd_symtab;
	default: return 0;
	}
}

static uint64_t *number_field(struct pv_elf_xen *x, uint32_t type)
{
	switch (type) {
	case PV_XEN_ELFNOTE_ENTRY: return &x->entry;
	case PV_XEN_ELFNOTE_HYPERCALL_PAGE: return &x->hypercall_page;
	case PV_XEN_ELFNOTE_VIRT_BASE: return &x->virt_base;
	case PV_XEN_ELFNOTE_PADDR_OFFSET: return &x->paddr_offset;
	case PV_XEN_ELFNOTE_HV_START_LOW: return &x->hv_start_low;
	case PV_XEN_ELFNOTE_SUSPEND_CANCEL: return &x->suspend_cancel;
	case PV_XEN_ELFNOTE_INIT_P2M: return &x->init_p2m;
	case PV_XEN_ELFNOTE_MOD_START_PFN: return &x->mod_start_pfn;
	case PV_XEN_ELFNOTE_PHYS32_ENTRY: return &x->phys32_entry;
	default: return 0;
	}
}

static int note_number(const struct pv_elf_note *n, uint64_t *value)
{
	switch (n->descsz) {
	case 1: *value = n->desc[0]; return 0;
	case 2: *value = pv_elf_u16(n->desc); return 0;
	case 4: *value = pv_elf_u32(n->desc); return 0;
	case 8: *value = pv_elf_u64(n->desc); return 0;
	default: return -PV_EINVAL;
	}
}

static int take_note(struct pv_elf_xen *x, const struct pv_elf_note *n)
{
	struct pv_elf_string *s = string_field(x, n->type);
	uint64_t *v = number_field(x, n->type), bits;

	if (s) {
		s->p = (const char *)n->desc;
		for (s->len = 0; s->len < n->descsz && s->p[s->len]; s->len++)
			;
	} else if (v) {
		if (note_number(n, v))
			return -PV_EINVAL;
	} else if (n->type == PV_XEN_ELFNOTE_SUPPORTED_FEATURES) {
		if (note_number(n, &bits))
			return -PV_EINVAL;
		x->features_supported |= (uint32_t)bits;
	}
	/* An unknown type (there are newer ones) is no reason to refuse an image. */
	if (n->type < 32)
		x->present |= 1U << n->type;
	x->source = PV_ELF_SOURCE_NOTES;
	return 0;
}

static int take_notes(const struct pv_elf *e, struct pv_elf_xen *x, uint64_t off, uint64_t len)
{
	struct pv_elf_note n;
	uint64_t pos = 0;
	int rc;

	while ((rc = pv_elf_next_note(e->image + off, len, &pos, &n)) > 0) {
		if (n.namesz != 4 || n.name[0] != 'X' || n.name[1] != 'e' || n.name[2] != 'n' ||
		    n.name[3])
			continue;
		rc = take_note(x, &n);
		if (rc)
			return rc;
	}
	return rc;
}

static int segment_notes(const struct pv_elf *e, struct pv_elf_xen *x)
{
	struct pv_elf_segment seg;
	uint32_t i;
	int rc;

	for (i = 0; i < e->phnum; i++) {
		rc = pv_elf_segment(e, i, &seg);
		if (seg.type != PV_ELF_PT_NOTE)
			continue;
		if (rc)
			return rc;
		/* Some versions of binutils left the offset of note segments at 0. */
		if (!seg.offset)
			continue;
		rc = take_notes(e, x, seg.offset, seg.filesz);
		if (rc)
			return rc;
	}
	return 0;
}

static int section_notes(const struct pv_elf *e, struct pv_elf_xen *x)
{
	struct pv_elf_section s;
	uint32_t i;
	int rc;

	for (i = 0; i < e->shnum; i++) {
		rc = pv_elf_section(e, i, &s);
		if (s.type != PV_ELF_SHT_NOTE)
			continue;
		if (!rc)
			rc = take_notes(e, x, s.offset, s.size);
		if (rc)
			return rc;
	}
	return 0;
}

static bool text_number(struct pv_elf_string s, uint64_t *value)
{
	unsigned base = 10, digit;
	uint32_t i = 0;

	if (s.len > 2 && s.p[0] == '0' && (s.p[1] == 'x' || s.p[1] == 'X')) {
		base = 16;
		i = 2;
	}
	for (*value = 0; i < s.len; i++) {
		char c = s.p[i];

		if (c >= '0' && c <= '9')
			digit = (unsigned)(c - '0');
		else if ((c | 32) >= 'a' && (c | 32) <= 'f')
			digit = (unsigned)((c | 32) - 'a') + 10;
		else
			return false;
		if (digit >= base || *value > (UINT64_MAX - digit) / base)
			return false;
		*value = *value * base + digit;
	}
	return s.len > 0;
}

static const struct {
	const char *name;
	uint8_t type;
} text_names[] = {
	{"VIRT_ENTRY", PV_XEN_ELFNOTE_ENTRY},
	{"HYPERCALL_PAGE", PV_XEN_ELFNOTE_HYPERCALL_PAGE},
	{"VIRT_BASE", PV_XEN_ELFNOTE_VIRT_BASE},
	{"ELF_PADDR_OFFSET", PV_XEN_ELFNOTE_PADDR_OFFSET},
	{"XEN_VER", PV_XEN_ELFNOTE_XEN_VERSION},
	{"GUEST_OS", PV_XEN_ELFNOTE_GUEST_OS},
	{"GUEST_VER", PV_XEN_ELFNOTE_GUEST_VERSION},
	{"LOADER", PV_XEN_ELFNOTE_LOADER},
	{"PAE", PV_XEN_ELFNOTE_PAE_MODE},
	{"FEATURES", PV_XEN_ELFNOTE_FEATURES},
	{"BSD_SYMTAB", PV_XEN_ELFNOTE_BSD_SYMTAB},
};

static int take_text(struct pv_elf_xen *x, struct pv_elf_string name, struct pv_elf_string value)
{
	struct pv_elf_string *s;
	uint64_t *v;
	uint32_t i, type;

	for (i = 0; i < sizeof(text_names) / sizeof(text_names[0]); i++) {
		if (!same(name, text_names[i].name))
			continue;
		type = text_names[i].type;
		s = string_field(x, type);
		v = number_field(x, type);
		if (s)
			*s = value;
		else if (v && !text_number(value, v))
			return -PV_EINVAL;
		x->present |= 1U << type;
		return 0;
	}
	return 0;
}

/* "NAME=VALUE,NAME,..." up to a NUL or the end of the section. */
static int parse_text(struct pv_elf_xen *x, const char *p, uint64_t len)
{
	const char *end = p + (len < UINT32_MAX ? len : UINT32_MAX);
	int rc;

	x->source = PV_ELF_SOURCE_TEXT;
	while (p < end && *p) {
		struct pv_elf_string name = {p, 0}, value = {p, 0};

		while (p < end && *p && *p != ',' && *p != '=')
			p++;
		name.len = (uint32_t)(p - name.p);
		if (p < end && *p == '=') {
			value.p = ++p;
			while (p < end && *p && *p != ',')
				p++;
			value.len = (uint32_t)(p - value.p);
		}
		rc = take_text(x, name, value);
		if (rc)
			return rc;
		if (p < end && *p == ',')
			p++;
	}
	/* This form gives the page's number within the image's own addresses. */
	if (pv_elf_xen_has(x, PV_XEN_ELFNOTE_HYPERCALL_PAGE))
		x->hypercall_page = (x->hypercall_page << XEN_PAGE_SHIFT) + x->virt_base;
	return 0;
}

static int guest_section(const struct pv_elf *e, struct pv_elf_xen *x)
{
	static const char wanted[] = "__xen_guest";
	struct pv_elf_section names, s;
	uint32_t i, j;

	if (pv_elf_section(e, e->shstrndx, &names) || names.type != PV_ELF_SHT_STRTAB)
		return 0;
	for (i = 0; i < e->shnum; i++) {
		if (pv_elf_section(e, i, &s) || s.name >= names.size ||
		    names.size - s.name < sizeof(wanted))
			continue;
		for (j = 0; j < sizeof(wanted); j++)
			if (e->image[names.offset + s.name + j] != (uint8_t)wanted[j])
				break;
		if (j == sizeof(wanted))
			return parse_text(x, (const char *)e->image + s.offset, s.size);
	}
	return 0;
}

int pv_elf_xen(const struct pv_elf *e, struct pv_elf_xen *x)
{
	int rc;

	*x = (struct pv_elf_xen){.source = PV_ELF_SOURCE_NONE};
	rc = segment_notes(e, x);
	if (!rc && x->source == PV_ELF_SOURCE_NONE)
		rc = section_notes(e, x);
	if (!rc && x->source == PV_ELF_SOURCE_NONE)
		rc = guest_section(e, x);
	if (rc)
		return rc;
	parse_features(x);
	return 0;
}

int pv_elf_xen_base(const struct pv_elf_xen *x, uint64_t *virt_base, uint64_t *paddr_offset)
{
	bool base = pv_elf_xen_has(x, PV_XEN_ELFNOTE_VIRT_BASE);
	bool offset = pv_elf_xen_has(x, PV_XEN_ELFNOTE_PADDR_OFFSET);

	if (offset && !base)
		return -PV_EINVAL;
	*virt_base = base ? x->virt_base : 0;
	*paddr_offset = offset ? x->paddr_offset : 0;
	if (!offset && x->source == PV_ELF_SOURCE_TEXT)
		*paddr_offset = *virt_base;
	return 0;
}
