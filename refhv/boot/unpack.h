/*
 * unpack: finds what is packed in a kernel file, and unpacks it in a child process that can do nothing else.
 *
 * The file is hostile, and so is a decoder that has met it. What comes out is bytes of a bounded number,
 * as hostile as what went in.
 */
#ifndef REFHV_BOOT_UNPACK_H
#define REFHV_BOOT_UNPACK_H

#include <stdbool.h>
#include <stdint.h>
#include "boot/boot.h"

#define BOOT_UNPACK_MAX (1ull << 30) /* bytes: beyond any kernel, short of exhausting a host */

enum boot_pack {
	BOOT_PACK_NONE,
	BOOT_PACK_GZIP,
	BOOT_PACK_BZIP2,
	BOOT_PACK_LZMA,
	BOOT_PACK_XZ,
	BOOT_PACK_LZO,
	BOOT_PACK_LZ4,
	BOOT_PACK_ZSTD,
};
#define BOOT_PACKS 8u

/* Why a decoder gave up. */
enum boot_decode {
	BOOT_DECODE_OK,
	BOOT_DECODE_DAMAGED,
	BOOT_DECODE_LARGE,   /* more than fits */
	BOOT_DECODE_MEMORY,  /* none left for the decoder itself */
	BOOT_DECODE_LIBRARY, /* not installed, or not the one that we know */
	BOOT_DECODE_CONFINE, /* the child could not be locked in */
};

/* One decoder: the library is opened first, when files can be, and used later, when nothing can. */
struct boot_decoder {
	const char *name, *library, *soname;
	const char *symbols[5]; /* what is looked up in it, NULL-terminated */
	/* fn[]: the symbols' addresses. NULL if this program was built without the library. */
	enum boot_decode (*decode)(void *const *fn, const uint8_t *in, uint64_t len, uint8_t *out,
				   uint64_t room, uint64_t *used);
};
extern const struct boot_decoder boot_decoders[BOOT_PACKS];

/* Opens the library into fn[]. OK or LIBRARY. */
enum boot_decode boot_decoder_open(const struct boot_decoder *d, void *fn[5]);

/* Something packed within an image. */
struct boot_packed {
	enum boot_pack pack;
	bool bzimage;
	uint64_t offset, len; /* bytes of the image */
	uint64_t size;	      /* unpacked, as the image claims; 0: it does not say */
};

/*
 * What an image is. 1: *p is filled in (pack NONE: the payload of a bzImage is an ELF file as it is); 0:
 * nothing that we know as packed; or a negative PV_E number with *err filled in.
 */
int boot_packed_find(const char *name, const uint8_t *image, uint64_t size, struct boot_packed *p,
		     struct boot_error *err);

/*
 * Unpacks into memory of its own: *to, of which *len bytes are used and *mapped bytes are to be unmapped
 * by the caller. 0, or a negative PV_E number with *err filled in.
 */
int boot_unpack(const char *name, const uint8_t *image, const struct boot_packed *p, void **to,
		uint64_t *len, uint64_t *mapped, struct boot_error *err);

/*
 * Takes everything from the calling process but computing and memory of its own (`memory` more bytes than
 * it has), for good. For a child before it looks at the file. 0, or -1.
 */
int boot_unpack_confine(uint64_t memory);

#endif
