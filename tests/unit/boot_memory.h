/*
 * boot_memory: guest memory for tests of the PVH builder, of which only what is memory can be touched.
 *
 * A builder that writes beside RAM, the tables or the special pages dies of it.
 */
#ifndef PV_TESTS_BOOT_MEMORY_H
#define PV_TESTS_BOOT_MEMORY_H

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include "boot/boot.h"

struct boot_memory {
	uint8_t *at; /* guest physical 0 */
	struct boot_pvh_layout l;
};

static inline void memory_make(struct boot_memory *m, uint64_t ram_size)
{
	if (boot_pvh_layout(ram_size, &m->l))
		abort();
	m->at = mmap(NULL, m->l.span, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
		     0);
	if (m->at == MAP_FAILED)
		abort();
	for (unsigned i = 0; i < m->l.nregions; i++)
		if (mprotect(m->at + m->l.region[i].gpa, m->l.region[i].size,
			     PROT_READ | PROT_WRITE))
			abort();
}

static inline void memory_drop(struct boot_memory *m)
{
	munmap(m->at, m->l.span);
}

#endif
