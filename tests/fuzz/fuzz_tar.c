/*
 * fuzz_tar: the tar index over arbitrary bytes, taken as a disk. What must hold of any index: every file lies on the
 * disk, names are harmless, and indexing ends.
 */
#include <stdlib.h>
#include <string.h>

#include "tar.h"
#include "fuzz.h"

static void check(const struct tar *tar)
{
	for (uint32_t i = 0; i < tar->n_entries; i++) {
		const struct tar_entry *e = &tar->entries[i];
		const char *name = tar_name(tar, e);

		if (e->name + e->name_len > TAR_NAMES || !e->name_len || name[0] == '/' ||
		    name[e->name_len - 1] == '/')
			abort();
		if (tar_find(tar, name, e->name_len) != e)
			abort();
		if (e->name_len >= 2 && !memcmp(name, "..", 2) &&
		    (e->name_len == 2 || name[2] == '/'))
			abort();
		if (!e->directory &&
		    (e->sector > tar->sectors || e->size > (tar->sectors - e->sector) * TAR_SECTOR))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct tar tar;
	uint64_t at, steps = 0;

	tar_init(&tar, size / TAR_SECTOR);
	while ((at = tar_next(&tar)) != TAR_DONE) {
		uint8_t block[TAR_SECTOR];

		if (at >= tar.sectors || ++steps > tar.sectors)
			abort();
		memcpy(block, data + at * TAR_SECTOR, TAR_SECTOR);
		tar_feed(&tar, block);
	}
	check(&tar);
	return 0;
}
