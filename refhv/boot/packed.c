/*
 * packed: recognises a bzImage and the compressed files that people have instead of an ELF file.
 *
 * Trusts nothing in the image. The header is that of the x86 boot protocol (Linux:
 * Documentation/x86/boot.rst), of which only the place of the payload counts here.
 */
#include <string.h>
#include <pv/abi/errno.h>
#include "boot/boot_internal.h"
#include "boot/unpack.h"

enum {
	SECTOR = 512,
	SETUP_SECTS = 0x1f1, /* 0 means 4 */
	BOOT_FLAG = 0x1fe,
	MAGIC = 0x202,
	VERSION = 0x206,
	PAYLOAD_OFFSET = 0x248,
	PAYLOAD_LENGTH = 0x24c,
	HEADER_END = 0x250,
	VERSION_PAYLOAD = 0x208, /* the first with these two fields */
	SIZE_BYTES = 4, /* the build appends the unpacked size; gzip's own trailer is the same */
};

static const struct {
	enum boot_pack pack;
	uint8_t len;
	char magic[9];
} magics[] = {
	{BOOT_PACK_GZIP, 2, "\x1f\x8b"},
	{BOOT_PACK_BZIP2, 3, "BZh"},
	{BOOT_PACK_LZMA, 3, "\x5d\0\0"},
	{BOOT_PACK_XZ, 6,
	 "\xfd"
	 "7zXZ"},
	{BOOT_PACK_LZO, 9, "\x89LZO\0\r\n\x1a\n"},
	{BOOT_PACK_LZ4, 4, "\x02\x21\x4c\x18"},
	{BOOT_PACK_ZSTD, 4, "\x28\xb5\x2f\xfd"},
	{BOOT_PACK_NONE, 4, "\177ELF"},
};

/* The kind of these bytes, or -1. */
static int kind(const uint8_t *p, uint64_t len)
{
	for (unsigned i = 0; i < sizeof(magics) / sizeof(magics[0]); i++)
		if (len >= magics[i].len && !memcmp(p, magics[i].magic, magics[i].len))
			return (int)magics[i].pack;
	return -1;
}

static uint32_t u32(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static bool is_bzimage(const uint8_t *p, uint64_t size)
{
	return size >= HEADER_END && p[BOOT_FLAG] == 0x55 && p[BOOT_FLAG + 1] == 0xaa &&
	       !memcmp(p + MAGIC, "HdrS", 4);
}

static int find_payload(const char *name, const uint8_t *image, uint64_t size,
			struct boot_packed *p, struct boot_error *err)
{
	uint64_t start = ((image[SETUP_SECTS] ? image[SETUP_SECTS] : 4) + 1ull) * SECTOR;
	int k;

	if ((u32(image + VERSION) & 0xffff) < VERSION_PAYLOAD)
		return boot_fail(
			err, PV_ENOEXEC,
			"%s: is a bzImage from before Linux 2.6.26, which no PVH kernel is; "
			"give a newer one",
			name);
	p->bzimage = true;
	p->offset = start + u32(image + PAYLOAD_OFFSET);
	p->len = u32(image + PAYLOAD_LENGTH);
	if (p->offset > size || p->len > size - p->offset || p->len <= SIZE_BYTES)
		return boot_fail(
			err, PV_EINVAL,
			"%s: is a bzImage that is cut short or damaged (its payload ends at "
			"byte %llu of %llu); copy it again",
			name, (unsigned long long)(p->offset + p->len), (unsigned long long)size);
	k = kind(image + p->offset, p->len);
	if (k < 0)
		return boot_fail(
			err, PV_EINVAL,
			"%s: is a bzImage whose payload is packed in a way nobody here knows; "
			"give the ELF file inside (extract-vmlinux writes it)",
			name);
	p->pack = (enum boot_pack)k;
	if (p->pack == BOOT_PACK_NONE)
		return 1;
	p->size = u32(image + p->offset + p->len - SIZE_BYTES);
	if (p->pack != BOOT_PACK_GZIP)
		p->len -= SIZE_BYTES;
	if (!p->size || p->size > BOOT_UNPACK_MAX)
		return boot_fail(
			err, PV_EINVAL,
			"%s: is a bzImage that claims to unpack to %llu bytes, which no kernel "
			"does; copy it again",
			name, (unsigned long long)p->size);
	return 1;
}

int boot_packed_find(const char *name, const uint8_t *image, uint64_t size, struct boot_packed *p,
		     struct boot_error *err)
{
	int k;

	*p = (struct boot_packed){.len = size};
	if (is_bzimage(image, size))
		return find_payload(name, image, size, p, err);
	k = kind(image, size);
	if (k <= (int)BOOT_PACK_NONE)
		return 0;
	p->pack = (enum boot_pack)k;
	return 1;
}
