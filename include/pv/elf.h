/*
 * elf: reads ELF kernel images: segments to load, and what the image says of itself in Xen's notes.
 *
 * Works on an image that is wholly in memory and does not change meanwhile. The image is hostile:
 * every offset and size is checked against the image before use, and sums cannot wrap. Nothing is
 * written, allocated or kept; strings handed out point into the image and carry their length.
 * ELF32 and ELF64, little endian. Any function may run concurrently with any other.
 */
#ifndef PV_ELF_H
#define PV_ELF_H

#include <stdbool.h>
#include <stdint.h>
#include <pv/abi/elfnote.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PV_ELF_EM_386	  3
#define PV_ELF_EM_X86_64  62
#define PV_ELF_EM_AARCH64 183

#define PV_ELF_PT_LOAD 1
#define PV_ELF_PT_NOTE 4

/* An opened image. Fields are for reading. */
struct pv_elf {
	const uint8_t *image;
	uint64_t size; /* bytes */
	bool is64;
	uint16_t machine; /* PV_ELF_EM_* */
	uint64_t entry;	  /* e_entry; 0 is a legal address */
	uint64_t phoff, shoff;
	uint32_t phnum, shnum, shstrndx;
	uint16_t phentsize, shentsize;
};

/*
 * Checks the header and both tables. 0, or
 *   -PV_ENOEXEC     not an ELF file at all
 *   -PV_EOPNOTSUPP  an ELF file of another kind: big endian, an object file, an unknown version
 *   -PV_EINVAL      truncated or inconsistent
 */
int pv_elf_open(struct pv_elf *e, const void *image, uint64_t size);

struct pv_elf_segment {
	uint32_t type, flags;
	uint64_t offset, filesz; /* bytes of the image */
	uint64_t vaddr, paddr;
	uint64_t memsz; /* bytes in memory; from filesz on they are 0 */
};

/*
 * Segment `i` of phnum. 0; -PV_ERANGE past the end; -PV_EINVAL if its bytes are not in the image, it
 * is larger in the file than in memory, or an address range wraps (both for PT_LOAD only). *seg is
 * filled in that last case too.
 */
int pv_elf_segment(const struct pv_elf *e, uint32_t i, struct pv_elf_segment *seg);

/*
 * The next PT_LOAD that occupies memory, from index *i on (start with 0). 1: *seg is filled and *i is
 * behind it; 0: no more; -PV_EINVAL as above. Segments of no size are passed over, wherever they are.
 */
int pv_elf_next_load(const struct pv_elf *e, uint32_t *i, struct pv_elf_segment *seg);

struct pv_elf_note {
	uint32_t type;
	uint32_t namesz, descsz; /* bytes; the name's includes its NUL, if it has one */
	const char *name;
	const uint8_t *desc;
};

/*
 * The note at *pos of the `len` bytes at `notes`. 1: *note is filled and *pos is behind it; 0: the
 * end; -PV_EINVAL: the bytes left are no note.
 */
int pv_elf_next_note(const void *notes, uint64_t len, uint64_t *pos, struct pv_elf_note *note);

struct pv_elf_string {
	const char *p; /* not NUL-terminated */
	uint32_t len;
};

enum pv_elf_source {
	PV_ELF_SOURCE_NONE,  /* the image says nothing about Xen */
	PV_ELF_SOURCE_NOTES, /* ELF notes */
	PV_ELF_SOURCE_TEXT,  /* the older __xen_guest section */
};

/* What the image says. A field counts if its note's bit is set in `present`. */
struct pv_elf_xen {
	enum pv_elf_source source;
	uint32_t present; /* bit per PV_XEN_ELFNOTE_*, see pv_elf_xen_has() */
	uint64_t entry;
	uint64_t hypercall_page; /* virtual, also if the text gave a PFN */
	uint64_t virt_base;
	uint64_t paddr_offset;
	uint64_t hv_start_low;
	uint64_t suspend_cancel;
	uint64_t init_p2m;
	uint64_t mod_start_pfn;
	uint64_t phys32_entry;
	struct pv_elf_string xen_version, guest_os, guest_version, loader, pae_mode, bsd_symtab;
	struct pv_elf_string features; /* as written */
	uint32_t features_supported;   /* bit per PV_XENFEAT_*, both notes taken together */
	uint32_t features_required;    /* of those, the ones marked '!' */
	struct pv_elf_string
		unknown_required; /* a feature marked '!' that has no number; len 0: none */
};

static inline bool pv_elf_xen_has(const struct pv_elf_xen *x, unsigned note)
{
	return note < 32 && (x->present >> note & 1);
}

/*
 * Collects the notes whose owner is exactly "Xen" from PT_NOTE segments; if there are none, from
 * SHT_NOTE sections; if there are none, the text of the section __xen_guest. Of two notes of one type
 * the later counts. 0 also if the image says nothing; -PV_EINVAL if a note area is malformed or a
 * number is not 1, 2, 4 or 8 bytes.
 */
int pv_elf_xen(const struct pv_elf *e, struct pv_elf_xen *x);

/*
 * The addresses a PV image is loaded by: p_paddr - *paddr_offset is a guest physical address, and
 * guest virtual = guest physical + *virt_base. Absent values get Xen's defaults (0; in the text form
 * the offset defaults to the base). -PV_EINVAL: an offset without a base.
 */
int pv_elf_xen_base(const struct pv_elf_xen *x, uint64_t *virt_base, uint64_t *paddr_offset);

#ifdef __cplusplus
}
#endif

#endif
