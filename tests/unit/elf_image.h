/*
 * elf_image: builds small ELF images in memory, right or deliberately wrong, for tests.
 *
 * Layout: header, program headers (room for 8), then whatever is appended, section headers last.
 */
#ifndef PV_TESTS_ELF_IMAGE_H
#define PV_TESTS_ELF_IMAGE_H

#include <stdint.h>
#include <string.h>
#include <pv/abi/elfnote.h>
#include <pv/elf.h>

struct elf_image {
	uint8_t b[32768];
	uint32_t size;
	int is64;
	uint16_t phnum, shnum;
	uint32_t shoff;
};

static inline void img_put(struct elf_image *m, uint32_t at, uint64_t v, unsigned bytes)
{
	unsigned i;

	for (i = 0; i < bytes; i++)
		m->b[at + i] = (uint8_t)(v >> 8 * i);
}

static inline uint32_t img_phdr_at(const struct elf_image *m, unsigned i)
{
	return m->is64 ? 64 + 56 * i : 52 + 32 * i;
}

static inline void img_start(struct elf_image *m, int is64, uint64_t entry)
{
	static const uint8_t ident[] = {0x7f, 'E', 'L', 'F', 0, 1, 1};

	memset(m, 0, sizeof(*m));
	m->is64 = is64;
	memcpy(m->b, ident, sizeof(ident));
	m->b[4] = is64 ? 2 : 1;
	img_put(m, 16, 2, 2);
	img_put(m, 18, is64 ? PV_ELF_EM_X86_64 : PV_ELF_EM_386, 2);
	img_put(m, 20, 1, 4);
	if (is64) {
		img_put(m, 24, entry, 8);
		img_put(m, 32, 64, 8);
		img_put(m, 54, 56, 2);
		img_put(m, 58, 64, 2);
	} else {
		img_put(m, 24, entry, 4);
		img_put(m, 28, 52, 4);
		img_put(m, 42, 32, 2);
		img_put(m, 46, 40, 2);
	}
	m->size = img_phdr_at(m, 8);
}

static inline void img_phdr(struct elf_image *m, uint32_t type, uint64_t offset, uint64_t vaddr,
			    uint64_t paddr, uint64_t filesz, uint64_t memsz)
{
	uint32_t at = img_phdr_at(m, m->phnum++);

	img_put(m, at, type, 4);
	if (m->is64) {
		img_put(m, at + 8, offset, 8);
		img_put(m, at + 16, vaddr, 8);
		img_put(m, at + 24, paddr, 8);
		img_put(m, at + 32, filesz, 8);
		img_put(m, at + 40, memsz, 8);
	} else {
		img_put(m, at + 4, offset, 4);
		img_put(m, at + 8, vaddr, 4);
		img_put(m, at + 12, paddr, 4);
		img_put(m, at + 16, filesz, 4);
		img_put(m, at + 20, memsz, 4);
	}
	img_put(m, m->is64 ? 56 : 44, m->phnum, 2);
}

/* Appends bytes and returns their offset. */
static inline uint32_t img_bytes(struct elf_image *m, const void *p, uint32_t len)
{
	uint32_t at = m->size;

	memcpy(m->b + at, p, len);
	m->size += len;
	return at;
}

static inline void img_note(struct elf_image *m, const char *owner, uint32_t type, const void *desc,
			    uint32_t descsz)
{
	uint32_t namesz = (uint32_t)strlen(owner) + 1, at = m->size;

	img_put(m, at, namesz, 4);
	img_put(m, at + 4, descsz, 4);
	img_put(m, at + 8, type, 4);
	memcpy(m->b + at + 12, owner, namesz);
	at += 12 + ((namesz + 3) & ~3u);
	memcpy(m->b + at, desc, descsz);
	m->size = at + ((descsz + 3) & ~3u);
}

static inline void img_note_number(struct elf_image *m, uint32_t type, uint64_t v)
{
	img_note(m, "Xen", type, &v, 8);
}

static inline void img_note_string(struct elf_image *m, uint32_t type, const char *s)
{
	img_note(m, "Xen", type, s, (uint32_t)strlen(s) + 1);
}

/* A PT_NOTE segment over everything from `start` to the end. */
static inline void img_note_segment(struct elf_image *m, uint32_t start)
{
	img_phdr(m, PV_ELF_PT_NOTE, start, 0, 0, m->size - start, m->size - start);
}

/* Section headers start at the current end; call img_section() right after. */
static inline void img_sections(struct elf_image *m, uint16_t shstrndx)
{
	m->shoff = m->size;
	img_put(m, m->is64 ? 40 : 32, m->shoff, m->is64 ? 8 : 4);
	img_put(m, m->is64 ? 62 : 50, shstrndx, 2);
}

static inline void img_section(struct elf_image *m, uint32_t name, uint32_t type, uint64_t offset,
			       uint64_t size)
{
	uint32_t at = m->size;

	img_put(m, at, name, 4);
	img_put(m, at + 4, type, 4);
	if (m->is64) {
		img_put(m, at + 24, offset, 8);
		img_put(m, at + 32, size, 8);
	} else {
		img_put(m, at + 16, offset, 4);
		img_put(m, at + 20, size, 4);
	}
	m->size += m->is64 ? 64 : 40;
	img_put(m, m->is64 ? 60 : 48, ++m->shnum, 2);
}

#endif
