/*
 * boot_pack: packs bytes as a kernel's build does, and wraps them as a bzImage, for tests.
 */
#ifndef PV_TESTS_BOOT_PACK_H
#define PV_TESTS_BOOT_PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "boot/unpack.h"

/*
 * Packs by the library; *len bytes, to be freed. NULL if this test was built without it.
 */
uint8_t *pack_kernel(enum boot_pack kind, const void *in, size_t size, size_t *len);

/* The same by the tool that kernel builds use. NULL if it is not installed. */
uint8_t *pack_by_tool(enum boot_pack kind, const void *in, size_t size, size_t *len);

/*
 * A bzImage around a payload: `claim` is appended as the unpacked size, except to gzip (whose own last
 * four bytes are set to it). To be freed.
 */
uint8_t *wrap(const uint8_t *payload, size_t len, bool gzip, uint32_t claim, size_t *size);

#define WRAP_START 1024u /* where the payload is in it */

#endif
