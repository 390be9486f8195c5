/*
 * elf: the ELF container: header, program headers, sections' bounds, notes.
 *
 * Trusts nothing in the image. Every access goes through in_image(), so an offset that passes here
 * has been compared with the image's size without a sum that could wrap. What the notes mean is
 * elf_xen.c.
 */
#include <pv/abi/errno.h>
#include <pv/elf.h>
#include "elf_bytes.h"

#define ET_EXEC 2
#define ET_DYN	3

/* Offsets within the file's structures, [is64]. Source: the System V ABI, chapter 4 and 5. */
static const uint8_t header_size[2] = {52, 64};
static const uint8_t phdr_size[2] = {32, 56};
static const uint8_t shdr_size[2] = {40, 64};

static int table_ok(const struct pv_elf *e, uint64_t off, uint32_t num, uint16_t entsize,
		    uint16_t least)
{
	if (!num)
		return 1;
	/* 32 bits times 16 bits cannot wrap. */
	return entsize >= least && pv_elf_in_image(e, off, (uint64_t)num * entsize);
}

int pv_elf_open(struct pv_elf *e, const void *image, uint64_t size)
{
	const uint8_t *p = image;
	uint16_t type;

	if (size < 20 || p[0] != 0x7f || p[1] != 'E' || p[2] != 'L' || p[3] != 'F')
		return -PV_ENOEXEC;
	if ((p[4] != 1 && p[4] != 2) || p[5] != 1 || p[6] != 1)
		return -PV_EOPNOTSUPP;
	*e = (struct pv_elf){.image = p, .size = size, .is64 = p[4] == 2};
	if (size < header_size[e->is64])
		return -PV_EINVAL;
	type = pv_elf_u16(p + 16);
	if (type != ET_EXEC && type != ET_DYN)
		return -PV_EOPNOTSUPP;
	e->machine = pv_elf_u16(p + 18);
	if (e->is64) {
		e->entry = pv_elf_u64(p + 24);
		e->phoff = pv_elf_u64(p + 32);
		e->shoff = pv_elf_u64(p + 40);
		p += 54;
	} else {
		e->entry = pv_elf_u32(p + 24);
		e->phoff = pv_elf_u32(p + 28);
		e->shoff = pv_elf_u32(p + 32);
		p += 42;
	}
	e->phentsize = pv_elf_u16(p);
	e->phnum = pv_elf_u16(p + 2);
	e->shentsize = pv_elf_u16(p + 4);
	e->shnum = pv_elf_u16(p + 6);
	e->shstrndx = pv_elf_u16(p + 8);
	if (!table_ok(e, e->phoff, e->phnum, e->phentsize, phdr_size[e->is64]))
		return -PV_EINVAL;
	/* Sections are a convenience in an executable: a stripped image may point nowhere. */
	if (!table_ok(e, e->shoff, e->shnum, e->shentsize, shdr_size[e->is64]))
		e->shnum = 0;
	return 0;
}

int pv_elf_segment(const struct pv_elf *e, uint32_t i, struct pv_elf_segment *seg)
{
	const uint8_t *p;

	if (i >= e->phnum)
		return -PV_ERANGE;
	p = e->image + e->phoff + (uint64_t)i * e->phentsize;
	seg->type = pv_elf_u32(p);
	if (e->is64) {
		seg->flags = pv_elf_u32(p + 4);
		seg->offset = pv_elf_u64(p + 8);
		seg->vaddr = pv_elf_u64(p + 16);
		seg->paddr = pv_elf_u64(p + 24);
		seg->filesz = pv_elf_u64(p + 32);
		seg->memsz = pv_elf_u64(p + 40);
	} else {
		seg->offset = pv_elf_u32(p + 4);
		seg->vaddr = pv_elf_u32(p + 8);
		seg->paddr = pv_elf_u32(p + 12);
		seg->filesz = pv_elf_u32(p + 16);
		seg->memsz = pv_elf_u32(p + 20);
		seg->flags = pv_elf_u32(p + 24);
	}
	if (!pv_elf_in_image(e, seg->offset, seg->filesz))
		return -PV_EINVAL;
	if (seg->type != PV_ELF_PT_LOAD)
		return 0;
	if (seg->filesz > seg->memsz || seg->memsz > UINT64_MAX - seg->vaddr ||
	    seg->memsz > UINT64_MAX - seg->paddr)
		return -PV_EINVAL;
	return 0;
}

int pv_elf_next_load(const struct pv_elf *e, uint32_t *i, struct pv_elf_segment *seg)
{
	while (*i < e->phnum) {
		int rc = pv_elf_segment(e, *i, seg);

		/* A segment of another type may lie anywhere; only what is loaded must be sound. */
		if (rc && seg->type == PV_ELF_PT_LOAD)
			return rc;
		++*i;
		if (seg->type == PV_ELF_PT_LOAD && seg->memsz)
			return 1;
	}
	return 0;
}

int pv_elf_section(const struct pv_elf *e, uint32_t i, struct pv_elf_section *s)
{
	const uint8_t *p;

	if (i >= e->shnum)
		return -PV_ERANGE;
	p = e->image + e->shoff + (uint64_t)i * e->shentsize;
	s->name = pv_elf_u32(p);
	s->type = pv_elf_u32(p + 4);
	if (e->is64) {
		s->offset = pv_elf_u64(p + 24);
		s->size = pv_elf_u64(p + 32);
	} else {
		s->offset = pv_elf_u32(p + 16);
		s->size = pv_elf_u32(p + 20);
	}
	return pv_elf_in_image(e, s->offset, s->size) ? 0 : -PV_EINVAL;
}

int pv_elf_next_note(const void *notes, uint64_t len, uint64_t *pos, struct pv_elf_note *note)
{
	const uint8_t *p = (const uint8_t *)notes + *pos;
	uint64_t left = len - *pos, name, desc;

	if (!left)
		return 0;
	if (left < 12)
		return -PV_EINVAL;
	note->namesz = pv_elf_u32(p);
	note->descsz = pv_elf_u32(p + 4);
	note->type = pv_elf_u32(p + 8);
	/* Both are padded to 4 bytes, in ELF64 too; 64-bit sums of 32-bit sizes cannot wrap. */
	name = ((uint64_t)note->namesz + 3) & ~3ULL;
	desc = ((uint64_t)note->descsz + 3) & ~3ULL;
	if (12 + name + note->descsz > left)
		return -PV_EINVAL;
	note->name = (const char *)p + 12;
	note->desc = p + 12 + name;
	/* The last one's padding may be missing. */
	*pos += 12 + name + (12 + name + desc <= left ? desc : note->descsz);
	return 1;
}
