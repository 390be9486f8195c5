/*
 * boot_pack: packs bytes as a kernel's build does, and wraps them as a bzImage, for tests.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/wait.h>
#include "boot_pack.h"
#ifdef HAVE_ZLIB
#include <zlib.h>
#endif
#ifdef HAVE_BZIP2
#include <bzlib.h>
#endif
#ifdef HAVE_LZMA
#include <lzma.h>
#endif
#ifdef HAVE_LZO
#include <lzo/lzo1x.h>
#endif
#ifdef HAVE_LZ4
#include <lz4.h>
#endif
#ifdef HAVE_ZSTD
#include <zstd.h>
#endif

static void must(int holds)
{
	if (!holds)
		abort();
}

static uint8_t *room(size_t bytes)
{
	uint8_t *p = malloc(bytes);

	must(p != NULL);
	return p;
}

static uint8_t *gzip(const void *in, size_t size, size_t *len)
{
#ifdef HAVE_ZLIB
	size_t n = size + size / 100 + 1024;
	uint8_t *out = room(n);
	z_stream z = {.next_in = (Bytef *)(uintptr_t)in,
		      .avail_in = (uInt)size,
		      .next_out = out,
		      .avail_out = (uInt)n};

	must(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
	must(deflate(&z, Z_FINISH) == Z_STREAM_END);
	*len = z.total_out;
	deflateEnd(&z);
	return out;
#else
	return NULL;
#endif
}

static uint8_t *bzip2(const void *in, size_t size, size_t *len)
{
#ifdef HAVE_BZIP2
	unsigned int n = (unsigned int)(size + size / 100 + 1024);
	uint8_t *out = room(n);

	must(!BZ2_bzBuffToBuffCompress((char *)out, &n, (char *)(uintptr_t)in, (unsigned int)size,
				       9, 0, 0));
	*len = n;
	return out;
#else
	return NULL;
#endif
}

static uint8_t *lzma(bool xz, const void *in, size_t size, size_t *len)
{
#ifdef HAVE_LZMA
	size_t n = size + size / 100 + 4096;
	uint8_t *out = room(n);
	lzma_stream s = LZMA_STREAM_INIT;
	lzma_options_lzma o;

	must(!lzma_lzma_preset(&o, 1));
	must((xz ? lzma_easy_encoder(&s, 1, LZMA_CHECK_CRC32) : lzma_alone_encoder(&s, &o)) ==
	     LZMA_OK);
	s.next_in = in;
	s.avail_in = size;
	s.next_out = out;
	s.avail_out = n;
	must(lzma_code(&s, LZMA_FINISH) == LZMA_STREAM_END);
	*len = s.total_out;
	lzma_end(&s);
	return out;
#else
	return NULL;
#endif
}

#ifdef HAVE_LZO
static void big(uint8_t **p, uint32_t v)
{
	for (int i = 3; i >= 0; i--)
		*(*p)++ = (uint8_t)(v >> 8 * i);
}
#endif

static uint8_t *lzop(const uint8_t *in, size_t size, size_t *len)
{
#ifdef HAVE_LZO
	static const uint8_t head[38] = {0x89, 'L',  'Z',  'O',	 0,    '\r', '\n',
					 0x1a, '\n', 0x10, 0x30, 0x20, 0xa0, 0x09,
					 0x40, 3,    9,	   3,	 0,    0,    1};
	uint8_t *out = room(size + size / 16 + 4096), *p = out + sizeof(head), *work;

	memcpy(out, head, sizeof(head));
	must(lzo_init() == LZO_E_OK);
	work = room(LZO1X_1_MEM_COMPRESS);
	for (size_t at = 0; at < size;) {
		uint32_t n = (uint32_t)(size - at < 262144 ? size - at : 262144);
		lzo_uint packed;

		must(lzo1x_1_compress(in + at, n, p + 12, &packed, work) == LZO_E_OK);
		if (packed >= n) {
			packed = n;
			memcpy(p + 12, in + at, n);
		}
		big(&p, n);
		big(&p, (uint32_t)packed);
		big(&p, lzo_adler32(1, in + at, n));
		p += packed;
		at += n;
	}
	big(&p, 0);
	free(work);
	*len = (size_t)(p - out);
	return out;
#else
	return NULL;
#endif
}

static uint8_t *lz4(const char *in, size_t size, size_t *len)
{
#ifdef HAVE_LZ4
	const size_t block = 8 << 20;
	uint8_t *out = room(size + size / 200 + 4096), *p = out + 4;

	memcpy(out, "\x02\x21\x4c\x18", 4);
	for (size_t at = 0; at < size; at += block) {
		size_t n = size - at < block ? size - at : block;
		uint32_t packed = (uint32_t)LZ4_compress_default(in + at, (char *)p + 4, (int)n,
								 LZ4_COMPRESSBOUND((int)n));

		must(packed != 0);
		memcpy(p, &packed, 4);
		p += 4 + packed;
	}
	*len = (size_t)(p - out);
	return out;
#else
	return NULL;
#endif
}

static uint8_t *zstd(const void *in, size_t size, size_t *len)
{
#ifdef HAVE_ZSTD
	size_t n = ZSTD_compressBound(size);
	uint8_t *out = room(n);

	*len = ZSTD_compress(out, n, in, size, 3);
	must(!ZSTD_isError(*len));
	return out;
#else
	return NULL;
#endif
}

uint8_t *pack_kernel(enum boot_pack kind, const void *in, size_t size, size_t *len)
{
	switch (kind) {
	case BOOT_PACK_GZIP: return gzip(in, size, len);
	case BOOT_PACK_BZIP2: return bzip2(in, size, len);
	case BOOT_PACK_LZMA: return lzma(false, in, size, len);
	case BOOT_PACK_XZ: return lzma(true, in, size, len);
	case BOOT_PACK_LZO: return lzop(in, size, len);
	case BOOT_PACK_LZ4: return lz4(in, size, len);
	case BOOT_PACK_ZSTD: return zstd(in, size, len);
	default: return NULL;
	}
}

/* The commands are those of Linux's scripts/Makefile.lib. */
static const char *const tools[BOOT_PACKS] = {
	[BOOT_PACK_GZIP] = "gzip -n -f -9",
	[BOOT_PACK_BZIP2] = "bzip2 -9",
	[BOOT_PACK_LZMA] = "xz --format=lzma -9",
	[BOOT_PACK_XZ] = "xz --check=crc32 --x86 --lzma2=,dict=128MiB",
	[BOOT_PACK_LZO] = "lzop -9",
	[BOOT_PACK_LZ4] = "lz4 -l -9",
	[BOOT_PACK_ZSTD] = "zstd -22 --ultra",
};

uint8_t *pack_by_tool(enum boot_pack kind, const void *in, size_t size, size_t *len)
{
	char from[] = "/tmp/pack-XXXXXX", command[200];
	int fd = mkstemp(from);
	uint8_t *out = room(2 * size + 4096);
	FILE *f;

	must(fd >= 0 && write(fd, in, size) == (ssize_t)size);
	close(fd);
	snprintf(command, sizeof(command), "command -v %.*s >/dev/null && %s < %s 2>/dev/null",
		 (int)strcspn(tools[kind], " "), tools[kind], tools[kind], from);
	f = popen(command, "r");
	must(f != NULL);
	*len = fread(out, 1, 2 * size + 4096, f);
	if (pclose(f)) {
		free(out);
		out = NULL;
	}
	unlink(from);
	return out;
}

uint8_t *wrap(const uint8_t *payload, size_t len, bool gz, uint32_t claim, size_t *size)
{
	size_t body = len + (gz ? 0 : 4);
	uint8_t *image = calloc(1, WRAP_START + body + 512);
	uint32_t n = (uint32_t)body;

	must(image != NULL);
	image[0x1f1] = WRAP_START / 512 - 1;
	memcpy(image + 0x1fe, "\x55\xaa", 2);
	memcpy(image + 0x202, "HdrS\x0f\x02", 6);
	memcpy(image + 0x24c, &n, 4);
	memcpy(image + WRAP_START, payload, len);
	memcpy(image + WRAP_START + body - 4, &claim, 4);
	*size = WRAP_START + body + 512;
	return image;
}
