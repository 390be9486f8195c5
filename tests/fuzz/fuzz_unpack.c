/*
 * fuzz_unpack: the search for what is packed, and each decoder, in this process: no child stands in the way
 * of the fuzzer, nor hides what it finds.
 */
#include <stdlib.h>
#include <string.h>
#include "boot/unpack.h"
#include "fuzz.h"

#define ROOM (1u << 20)

static void must(int holds)
{
	if (!holds)
		abort();
}

static void decode(const struct boot_packed *p, const uint8_t *image)
{
	const struct boot_decoder *d = &boot_decoders[p->pack];
	uint64_t used = 0, room = p->size && p->size < ROOM ? p->size : ROOM;
	/* Of exactly these sizes, so that a sanitizer sees a byte too far. */
	uint8_t *in = malloc(p->len), *out = malloc(room);
	void *fn[5];

	must(in && out);
	memcpy(in, image + p->offset, p->len);
	if (d->decode && boot_decoder_open(d, fn) == BOOT_DECODE_OK &&
	    d->decode(fn, in, p->len, out, room, &used) == BOOT_DECODE_OK)
		must(used <= room);
	free(in);
	free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct boot_error err = {""};
	struct boot_packed p;
	int rc = boot_packed_find("kernel", data, size, &p, &err);

	if (rc < 0)
		must(!strncmp(err.text, "kernel: ", 8) && !strchr(err.text, '\n'));
	else if (rc > 0)
		must(p.offset <= size && p.len <= size - p.offset);
	if (rc > 0 && p.pack != BOOT_PACK_NONE)
		decode(&p, data);
	return 0;
}
