/*
 * kernel: a kernel file becomes a checked image in memory.
 *
 * The file is hostile. It is copied first and then looked at, so nobody can change it between check
 * and use. Whatever is wrong with it is said in one line.
 */
#include <stdlib.h>
#include <string.h>
#include <pv/abi/errno.h>
#include "boot/boot_internal.h"

#define KERNEL_MAX (1ULL << 30) /* bytes: beyond any kernel, short of exhausting a host */

/* Recognises what people give instead of an ELF file. Returns what to say, or NULL. */
static const char *another_kind(const uint8_t *p, uint64_t size)
{
	if (size >= 0x206 && !memcmp(p + 0x202, "HdrS", 4))
		return "is a Linux bzImage; give the ELF file inside (extract-vmlinux writes it)";
	if (size >= 2 && p[0] == 0x1f && p[1] == 0x8b)
		return "is compressed with gzip; unpack it first";
	if (size >= 6 && !memcmp(p,
				 "\xfd"
				 "7zXZ",
				 6))
		return "is compressed with xz; unpack it first";
	if (size >= 4 && !memcmp(p, "\x28\xb5\x2f\xfd", 4))
		return "is compressed with zstd; unpack it first";
	return NULL;
}

static int open_elf(struct boot_kernel *k, struct boot_error *err)
{
	const char *why = another_kind(k->image, k->size);
	int rc = pv_elf_open(&k->elf, k->image, k->size);

	if (rc == -PV_ENOEXEC)
		return boot_fail(err, PV_ENOEXEC, "%s: %s", k->name,
				 why ? why : "is not an ELF file; give a kernel image");
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

int boot_kernel_read(struct boot_kernel *k, const char *name, int fd, struct boot_error *err)
{
	int rc;

	*k = (struct boot_kernel){.name = name};
	rc = boot_file_size(name, fd, &k->size, err);
	if (rc)
		return rc;
	if (!k->size)
		return boot_fail(err, PV_ENOEXEC, "%s: is empty; give a kernel image", name);
	if (k->size > KERNEL_MAX)
		return boot_fail(err, PV_E2BIG, "%s: is larger than any kernel (1 GiB)", name);
	k->image = malloc(k->size);
	if (!k->image)
		return boot_fail(err, PV_ENOMEM, "%s: no memory to read its %llu bytes", name,
				 (unsigned long long)k->size);
	rc = boot_read(name, fd, k->image, k->size, err);
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
	free(k->image);
	k->image = NULL;
}
