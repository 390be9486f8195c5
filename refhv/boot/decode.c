/*
 * decode: one function for each way of packing, over the usual library.
 *
 * The libraries are not linked but opened when a packed kernel is met: linking all six costs every start
 * of the program about 0.4 ms. Here runs the child that unpack.c has confined, or a fuzzer. The input is
 * hostile; what is written stays within `room`, what is read within `len`.
 */
#include <dlfcn.h>
#include <string.h>
#include "boot/unpack.h"

#ifdef HAVE_ZLIB
#include <zlib.h>

static enum boot_decode gunzip(void *const *fn, const uint8_t *in, uint64_t len, uint8_t *out,
			       uint64_t room, uint64_t *used)
{
	z_stream z = {.next_in = (Bytef *)in,
		      .avail_in = (uInt)len,
		      .next_out = out,
		      .avail_out = (uInt)room};
	__typeof__(inflateInit2_) *init = fn[0];
	__typeof__(inflate) *step = fn[1];
	__typeof__(inflateEnd) *end = fn[2];
	int rc;

	/* 15 + 16: the largest window, gzip's header and nothing else. */
	if (init(&z, 15 + 16, ZLIB_VERSION, (int)sizeof(z)) != Z_OK)
		return BOOT_DECODE_MEMORY;
	rc = step(&z, Z_FINISH);
	end(&z);
	*used = room - z.avail_out;
	if (rc == Z_STREAM_END)
		return BOOT_DECODE_OK;
	if (rc == Z_MEM_ERROR)
		return BOOT_DECODE_MEMORY;
	return z.avail_out || rc == Z_DATA_ERROR ? BOOT_DECODE_DAMAGED : BOOT_DECODE_LARGE;
}
#else
#define gunzip NULL
#endif

#ifdef HAVE_BZIP2
#include <bzlib.h>

static enum boot_decode bunzip2(void *const *fn, const uint8_t *in, uint64_t len, uint8_t *out,
				uint64_t room, uint64_t *used)
{
	__typeof__(BZ2_bzBuffToBuffDecompress) *decompress = fn[0];
	unsigned int n = (unsigned int)room;

	switch (decompress((char *)out, &n, (char *)(uintptr_t)in, (unsigned int)len, 0, 0)) {
	case BZ_OK: *used = n; return BOOT_DECODE_OK;
	case BZ_MEM_ERROR: return BOOT_DECODE_MEMORY;
	case BZ_OUTBUFF_FULL: return BOOT_DECODE_LARGE;
	default: return BOOT_DECODE_DAMAGED;
	}
}
#else
#define bunzip2 NULL
#endif

#ifdef HAVE_LZMA
#include <lzma.h>

/* Bytes: Linux packs with a dictionary of 128 MiB at most (scripts/xz_wrap.sh), and there is more. */
#define LZMA_MEMORY (160ull << 20)

static enum boot_decode lzma_says(lzma_ret rc, bool full)
{
	switch (rc) {
	case LZMA_STREAM_END: return BOOT_DECODE_OK;
	case LZMA_MEM_ERROR:
	case LZMA_MEMLIMIT_ERROR: return BOOT_DECODE_MEMORY;
	case LZMA_OK:
	case LZMA_BUF_ERROR: return full ? BOOT_DECODE_LARGE : BOOT_DECODE_DAMAGED;
	default: return BOOT_DECODE_DAMAGED;
	}
}

/* `rc` is what making the decoder said; fn[1] and on are the same for both kinds. */
static enum boot_decode lzma_run(void *const *fn, lzma_stream *s, lzma_ret rc, uint64_t *used)
{
	__typeof__(lzma_code) *step = fn[1];
	__typeof__(lzma_end) *end = fn[2];
	uint64_t room = s->avail_out;

	if (rc == LZMA_OK)
		rc = step(s, LZMA_FINISH);
	*used = room - s->avail_out;
	end(s);
	return lzma_says(rc, *used == room);
}

static enum boot_decode unlzma(void *const *fn, const uint8_t *in, uint64_t len, uint8_t *out,
			       uint64_t room, uint64_t *used)
{
	__typeof__(lzma_alone_decoder) *init = fn[0];
	lzma_stream s = {.next_in = in, .avail_in = len, .next_out = out, .avail_out = room};

	return lzma_run(fn, &s, init(&s, LZMA_MEMORY), used);
}

static enum boot_decode unxz(void *const *fn, const uint8_t *in, uint64_t len, uint8_t *out,
			     uint64_t room, uint64_t *used)
{
	__typeof__(lzma_stream_decoder) *init = fn[0];
	lzma_stream s = {.next_in = in, .avail_in = len, .next_out = out, .avail_out = room};

	return lzma_run(fn, &s, init(&s, LZMA_MEMORY, 0), used);
}
#else
#define unlzma NULL
#define unxz   NULL
#endif

#ifdef HAVE_LZO
#include <lzo/lzo1x.h>

/* lzop's container: numbers are big endian. Source: lib/decompress_unlzo.c of Linux. */
enum {
	LZO_SUM_ADLER_OUT = 0x1,
	LZO_SUM_ADLER_IN = 0x2,
	LZO_EXTRA = 0x40,
	LZO_SUM_CRC_OUT = 0x100,
	LZO_SUM_CRC_IN = 0x200,
	LZO_FILTER = 0x800,
	LZO_BLOCK_MAX = 64 << 20,
};

struct reader {
	const uint8_t *p;
	uint64_t left;
	bool short_of; /* something was read that is not there; it was 0 */
};

static uint32_t take(struct reader *r, unsigned bytes)
{
	uint32_t v = 0;

	if (r->left < bytes) {
		r->short_of = true;
		r->left = 0;
		return 0;
	}
	r->left -= bytes;
	while (bytes--)
		v = v << 8 | *r->p++;
	return v;
}

static void skip(struct reader *r, uint64_t bytes)
{
	if (r->left < bytes) {
		r->short_of = true;
		bytes = r->left;
	}
	r->p += bytes;
	r->left -= bytes;
}

/* Returns the flags. */
static uint32_t lzop_header(struct reader *r)
{
	bool newer;
	uint32_t flags;

	skip(r, 9);
	newer = take(r, 2) >= 0x940;
	skip(r, newer ? 2 + 2 : 2);
	skip(r, newer ? 1 + 1 : 1);
	flags = take(r, 4);
	skip(r, flags & LZO_FILTER ? 4 : 0);
	skip(r, newer ? 4 + 4 + 4 : 4 + 4);
	skip(r, take(r, 1));
	skip(r, 4);
	if (flags & LZO_EXTRA)
		skip(r, take(r, 4) + 4ull);
	return flags;
}

static enum boot_decode unlzop(void *const *fn, const uint8_t *in, uint64_t len, uint8_t *out,
			       uint64_t room, uint64_t *used)
{
	__typeof__(lzo1x_decompress_safe) *decompress = fn[0];
	__typeof__(lzo_adler32) *adler = fn[1];
	struct reader r = {in, len, false};
	uint32_t flags = lzop_header(&r);

	for (*used = 0;;) {
		uint32_t plain = take(&r, 4), packed, sum = 0;
		lzo_uint n;

		if (!plain)
			return r.short_of ? BOOT_DECODE_DAMAGED : BOOT_DECODE_OK;
		packed = take(&r, 4);
		if (flags & LZO_SUM_ADLER_OUT)
			sum = take(&r, 4);
		skip(&r, flags & LZO_SUM_CRC_OUT ? 4 : 0);
		if (packed < plain)
			skip(&r,
			     (flags & LZO_SUM_ADLER_IN ? 4 : 0) + (flags & LZO_SUM_CRC_IN ? 4 : 0));
		if (plain > room - *used)
			return BOOT_DECODE_LARGE;
		if (r.short_of || packed > r.left || packed > plain || plain > LZO_BLOCK_MAX)
			return BOOT_DECODE_DAMAGED;
		n = plain;
		if (packed == plain)
			memcpy(out + *used, r.p, plain);
		else if (decompress(r.p, packed, out + *used, &n, NULL) != LZO_E_OK || n != plain)
			return BOOT_DECODE_DAMAGED;
		if (flags & LZO_SUM_ADLER_OUT && adler(1, out + *used, plain) != sum)
			return BOOT_DECODE_DAMAGED;
		skip(&r, packed);
		*used += plain;
	}
}
#else
#define unlzop NULL
#endif

#ifdef HAVE_LZ4
#include <lz4.h>

/* The legacy frame: blocks of a size and data, up to the end. Source: lib/decompress_unlz4.c of Linux. */
#define LZ4_BLOCK (8u << 20) /* bytes of a block at most, unpacked */

static uint32_t lz4_number(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static enum boot_decode unlz4(void *const *fn, const uint8_t *in, uint64_t len, uint8_t *out,
			      uint64_t room, uint64_t *used)
{
	__typeof__(LZ4_decompress_safe) *decompress = fn[0];
	uint64_t at = 4;

	for (*used = 0; at < len;) {
		uint64_t left = room - *used, n;
		uint32_t packed;
		int got;

		if (len - at < 4)
			return BOOT_DECODE_DAMAGED;
		packed = lz4_number(in + at);
		at += 4;
		if (!packed || packed > len - at || packed > LZ4_COMPRESSBOUND(LZ4_BLOCK))
			return BOOT_DECODE_DAMAGED;
		n = left < LZ4_BLOCK ? left : LZ4_BLOCK;
		got = decompress((const char *)in + at, (char *)out + *used, (int)packed, (int)n);
		if (got < 0)
			return n < LZ4_BLOCK ? BOOT_DECODE_LARGE : BOOT_DECODE_DAMAGED;
		at += packed;
		*used += (unsigned)got;
	}
	return BOOT_DECODE_OK;
}
#else
#define unlz4 NULL
#endif

#ifdef HAVE_ZSTD
#include <zstd.h>
#include <zstd_errors.h>

static enum boot_decode unzstd(void *const *fn, const uint8_t *in, uint64_t len, uint8_t *out,
			       uint64_t room, uint64_t *used)
{
	__typeof__(ZSTD_decompress) *decompress = fn[0];
	__typeof__(ZSTD_isError) *is_error = fn[1];
	__typeof__(ZSTD_getErrorCode) *code = fn[2];
	size_t n = decompress(out, room, in, len);

	if (!is_error(n)) {
		*used = n;
		return BOOT_DECODE_OK;
	}
	switch (code(n)) {
	case ZSTD_error_dstSize_tooSmall: return BOOT_DECODE_LARGE;
	case ZSTD_error_memory_allocation: return BOOT_DECODE_MEMORY;
	default: return BOOT_DECODE_DAMAGED;
	}
}
#else
#define unzstd NULL
#endif

const struct boot_decoder boot_decoders[BOOT_PACKS] = {
	[BOOT_PACK_GZIP] =
		{"gzip", "zlib", "libz.so.1", {"inflateInit2_", "inflate", "inflateEnd"}, gunzip},
	[BOOT_PACK_BZIP2] =
		{"bzip2", "libbz2", "libbz2.so.1", {"BZ2_bzBuffToBuffDecompress"}, bunzip2},
	[BOOT_PACK_LZMA] = {"lzma",
			    "liblzma",
			    "liblzma.so.5",
			    {"lzma_alone_decoder", "lzma_code", "lzma_end"},
			    unlzma},
	[BOOT_PACK_XZ] = {"xz",
			  "liblzma",
			  "liblzma.so.5",
			  {"lzma_stream_decoder", "lzma_code", "lzma_end"},
			  unxz},
	[BOOT_PACK_LZO] = {"lzo",
			   "liblzo2",
			   "liblzo2.so.2",
			   {"lzo1x_decompress_safe", "lzo_adler32"},
			   unlzop},
	[BOOT_PACK_LZ4] = {"lz4", "liblz4", "liblz4.so.1", {"LZ4_decompress_safe"}, unlz4},
	[BOOT_PACK_ZSTD] = {"zstd",
			    "libzstd",
			    "libzstd.so.1",
			    {"ZSTD_decompress", "ZSTD_isError", "ZSTD_getErrorCode"},
			    unzstd},
};

enum boot_decode boot_decoder_open(const struct boot_decoder *d, void *fn[5])
{
	void *library = dlopen(d->soname, RTLD_NOW | RTLD_LOCAL);

	if (!library)
		return BOOT_DECODE_LIBRARY;
	for (unsigned i = 0; d->symbols[i]; i++) {
		fn[i] = dlsym(library, d->symbols[i]);
		if (!fn[i])
			return BOOT_DECODE_LIBRARY;
	}
	return BOOT_DECODE_OK;
}
