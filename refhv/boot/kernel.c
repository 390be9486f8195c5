/*
 * kernel: a kernel file becomes a checked image in memory.
 *
 * The file is hostile. It is copied first and then looked at, so nobody can change it between check
 * and use; what is packed is unpacked by a process that can do nothing else. Whatever is wrong with it is said in one line.
 */
#include <sys/mman.h>
#include <pv/abi/errno.h>
#include "boot/boot_internal.h"
#include "boot/unpack.h"

#define KERNEL_MAX (1ULL << 30) /* bytes: beyond any kernel, short of exhausting a host */

static int open_elf(struct boot_kernel *k, struct boot_error *err)
{
	int rc = pv_elf_open(&k->elf, k->image, k->size);

	if (rc == -PV_ENOEXEC)
		return boot_fail(err, PV_ENOEXEC, "%s: %s; give a kernel image", k->name,
				 k->packed ? "unpacks to something that is not an ELF file"
					   : "is not an ELF file or a bzImage");
	if (rc == -PV_EOPNOTSUPP)
		return boot_fail(err, PV_ENOEXEC,
				 "%s: is an ELF file, but not a little-endian executable; give a "
				 "kernel image",
				 k->name);
	if (rc)
		return boot_fail(
			err, PV_EINVAL,
			"%s: is cut short or damaged (its ELF header points beyond its %llu "
			"bytes); copy it again",
			k->name, (unsigned long long)k->size);
	rc = pv_elf_xen(&k->elf, &k->xen);
	if (rc)
		return boot_fail(err, PV_EINVAL,
				 "%s: its ELF notes are damaged; copy it again or rebuild it",
				 k->name);
	return 0;
}

/* The physical range that is loaded; an image may start below the offset it claims, which is a lie. */
static int find_range(struct boot_kernel *k, struct boot_error *err)
{
	struct pv_elf_segment seg;
	uint32_t i = 0;
	int rc;

	if (pv_elf_xen_base(&k->xen, &k->virt_base, &k->paddr_offset))
		return boot_fail(err, PV_EINVAL,
				 "%s: has the note PADDR_OFFSET without VIRT_BASE; rebuild it",
				 k->name);
	k->start = UINT64_MAX;
	while ((rc = pv_elf_next_load(&k->elf, &i, &seg)) > 0) {
		uint64_t at = seg.paddr - k->paddr_offset;

		if (seg.paddr < k->paddr_offset || seg.memsz > UINT64_MAX - at)
			return boot_fail(err, PV_EINVAL,
					 "%s: program header %u lies below the PADDR_OFFSET note; "
					 "rebuild it",
					 k->name, i - 1);
		if (at < k->start)
			k->start = at;
		if (at + seg.memsz > k->end)
			k->end = at + seg.memsz;
	}
	if (rc)
		return boot_fail(
			err, PV_EINVAL,
			"%s: program header %u is damaged or the file is cut short; copy it "
			"again",
			k->name, i);
	if (k->start == UINT64_MAX)
		return boot_fail(err, PV_EINVAL, "%s: has nothing to load; give a kernel image",
				 k->name);
	return 0;
}

/* The file becomes pages of ours. */
static int read_file(struct boot_kernel *k, int fd, struct boot_error *err)
{
	int rc = boot_file_size(k->name, fd, &k->size, err);

	if (rc)
		return rc;
	if (!k->size)
		return boot_fail(err, PV_ENOEXEC, "%s: is empty; give a kernel image", k->name);
	if (k->size > KERNEL_MAX)
		return boot_fail(err, PV_E2BIG, "%s: is larger than any kernel (1 GiB)", k->name);
	k->map = mmap(NULL, k->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (k->map == MAP_FAILED) {
		k->map = NULL;
		return boot_fail(err, PV_ENOMEM, "%s: no memory to read its %llu bytes", k->name,
				 (unsigned long long)k->size);
	}
	k->map_size = k->size;
	k->image = k->map;
	return boot_read(k->name, fd, k->map, k->size, err);
}

static const char *const packed_names[BOOT_PACKS][2] = {
	[BOOT_PACK_NONE] = {NULL, "bzImage"},
	[BOOT_PACK_GZIP] = {"gzip", "bzImage, gzip"},
	[BOOT_PACK_BZIP2] = {"bzip2", "bzImage, bzip2"},
	[BOOT_PACK_LZMA] = {"lzma", "bzImage, lzma"},
	[BOOT_PACK_XZ] = {"xz", "bzImage, xz"},
	[BOOT_PACK_LZO] = {"lzo", "bzImage, lzo"},
	[BOOT_PACK_LZ4] = {"lz4", "bzImage, lz4"},
	[BOOT_PACK_ZSTD] = {"zstd", "bzImage, zstd"},
};

/* What is packed in the file takes the file's place. */
static int unpack(struct boot_kernel *k, struct boot_error *err)
{
	struct boot_packed p;
	uint64_t len, mapped;
	void *to;
	int rc = boot_packed_find(k->name, k->image, k->size, &p, err);

	if (rc <= 0)
		return rc;
	k->packed = packed_names[p.pack][p.bzimage];
	if (p.pack == BOOT_PACK_NONE) {
		k->image = (const uint8_t *)k->image + p.offset;
		k->size = p.len;
		return 0;
	}
	rc = boot_unpack(k->name, k->image, &p, &to, &len, &mapped, err);
	if (rc)
		return rc;
	munmap(k->map, k->map_size);
	k->image = k->map = to;
	k->map_size = mapped;
	k->size = len;
	return 0;
}

int boot_kernel_read(struct boot_kernel *k, const char *name, int fd, struct boot_error *err)
{
	int rc;

	*k = (struct boot_kernel){.name = name};
	rc = read_file(k, fd, err);
	if (!rc)
		rc = unpack(k, err);
	if (!rc)
		rc = open_elf(k, err);
	if (!rc)
		rc = find_range(k, err);
	if (rc)
		boot_kernel_free(k);
	return rc;
}

void boot_kernel_free(struct boot_kernel *k)
{
	if (k->map)
		munmap(k->map, k->map_size);
	k->map = NULL;
}
