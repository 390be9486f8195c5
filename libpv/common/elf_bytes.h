/*
 * elf_bytes: little-endian reads and the bounds check, shared by elf.c and elf_xen.c.
 *
 * The readers trust their pointer; callers have been through pv_elf_in_image() for it.
 */
#ifndef PV_COMMON_ELF_BYTES_H
#define PV_COMMON_ELF_BYTES_H

#include <pv/elf.h>

/* Bytewise, because nothing in an image need be aligned. */
static inline uint16_t pv_elf_u16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t pv_elf_u32(const uint8_t *p)
{
	return pv_elf_u16(p) | (uint32_t)pv_elf_u16(p + 2) << 16;
}

static inline uint64_t pv_elf_u64(const uint8_t *p)
{
	return pv_elf_u32(p) | (uint64_t)pv_elf_u32(p + 4) << 32;
}

static inline bool pv_elf_in_image(const struct pv_elf *e, uint64_t off, uint64_t len)
{
	return off <= e->size && len <= e->size - off;
}

struct pv_elf_section {
	uint32_t name; /* offset in the section of names */
	uint32_t type;
	uint64_t offset, size;
};

#define PV_ELF_SHT_STRTAB 3
#define PV_ELF_SHT_NOTE	  7

/* Section `i` of shnum: -PV_ERANGE past the end, -PV_EINVAL if its bytes are not in the image. */
int pv_elf_section(const struct pv_elf *e, uint32_t i, struct pv_elf_section *s);

#endif
