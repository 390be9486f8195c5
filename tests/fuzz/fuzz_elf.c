/*
 * fuzz_elf: the ELF reader over arbitrary bytes.
 *
 * Walks everything that the reader hands out and touches every byte of it, so that a range outside
 * the image shows under the address sanitizer; what must hold of any accepted image is checked.
 */
#include <stdlib.h>
#include <pv/elf.h>
#include "fuzz.h"

static volatile uint8_t sink;

static void touch(const struct pv_elf *e, const void *p, uint64_t len)
{
	const uint8_t *b = p;

	if (!len)
		return;
	if (b < e->image || len > e->size || (uint64_t)(b - e->image) > e->size - len)
		abort();
	sink ^= b[0] ^ b[len - 1];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pv_elf e;
	struct pv_elf_segment seg;
	struct pv_elf_xen x;
	uint64_t base, offset;
	uint32_t i = 0, loads = 0;

	if (pv_elf_open(&e, data, size))
		return 0;
	while (pv_elf_next_load(&e, &i, &seg) > 0) {
		if (!seg.memsz || seg.filesz > seg.memsz || seg.paddr + seg.memsz < seg.paddr ||
		    seg.vaddr + seg.memsz < seg.vaddr || ++loads > e.phnum)
			abort();
		touch(&e, e.image + seg.offset, seg.filesz);
	}
	if (pv_elf_xen(&e, &x))
		return 0;
	touch(&e, x.features.p, x.features.len);
	touch(&e, x.guest_os.p, x.guest_os.len);
	touch(&e, x.loader.p, x.loader.len);
	touch(&e, x.xen_version.p, x.xen_version.len);
	touch(&e, x.unknown_required.p, x.unknown_required.len);
	if (x.features_required & ~x.features_supported)
		abort();
	if (x.source == PV_ELF_SOURCE_NONE && x.present)
		abort();
	(void)pv_elf_xen_base(&x, &base, &offset);
	return 0;
}
