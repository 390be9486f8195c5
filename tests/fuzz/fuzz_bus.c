/*
 * The bus of a backend whose frontend is the fuzzer: see fuzz_bus.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <pv/abi/errno.h>
#include "fuzz_bus.h"

#define PAGE 4096u

uint8_t fuzz_u8(struct fuzz_input *in)
{
	if (!in->left)
		return 0;
	in->left--;
	return *in->p++;
}

uint16_t fuzz_u16(struct fuzz_input *in)
{
	uint16_t low = fuzz_u8(in);

	return (uint16_t)(low | fuzz_u8(in) << 8);
}

uint32_t fuzz_u32(struct fuzz_input *in)
{
	uint32_t low = fuzz_u16(in);

	return low | (uint32_t)fuzz_u16(in) << 16;
}

void fuzz_mutate(struct fuzz_bus *b)
{
	uint32_t where, v;
	uint8_t kind;

	if (!b->in->left || !b->mutations)
		return;
	kind = fuzz_u8(b->in);
	/* Most calls are left alone, so that requests also succeed. */
	if (kind < 192)
		return;
	b->mutations--;
	where = fuzz_u16(b->in) % (FUZZ_PAGES * PAGE / 4);
	v = kind & 1 ? fuzz_u32(b->in) : fuzz_u8(b->in);
	__atomic_store_n((uint32_t *)b->pages + where, v, __ATOMIC_RELAXED);
}

void fuzz_inside(const struct fuzz_bus *b, const void *p, uint64_t len)
{
	uint64_t at = (uint64_t)((const uint8_t *)p - b->pages);

	if (at > FUZZ_PAGES * PAGE || len > FUZZ_PAGES * PAGE - at)
		abort();
}

static uint8_t *page_of(struct fuzz_bus *b, uint32_t ref, bool write)
{
	if (ref >= FUZZ_PAGES + 4 || (write && ref >= FUZZ_PAGES))
		return NULL;
	return b->pages + ref % FUZZ_PAGES * PAGE;
}

static int map_ring(void *ctx, const uint32_t *ref, unsigned n, void **va)
{
	struct fuzz_bus *b = ctx;

	if (!n || n > FUZZ_PAGES || ref[0] > FUZZ_PAGES - n)
		return -PV_EINVAL;
	b->rings += n;
	*va = b->pages + ref[0] * PAGE;
	return 0;
}

static void unmap_ring(void *ctx, void *va, unsigned n)
{
	struct fuzz_bus *b = ctx;

	fuzz_inside(b, va, (uint64_t)n * PAGE);
	b->rings -= n;
}

static int map(void *ctx, struct pv_back_map *op, unsigned n)
{
	struct fuzz_bus *b = ctx;
	int failed = 0;

	for (; n--; op++) {
		fuzz_mutate(b);
		op->va = page_of(b, op->ref, !op->readonly);
		op->status = op->va ? 0 : -PV_EINVAL;
		op->handle = 0x1234;
		b->maps += !op->status;
		failed += op->status != 0;
	}
	return failed;
}

static void unmap(void *ctx, const struct pv_back_map *op, unsigned n)
{
	struct fuzz_bus *b = ctx;

	for (; n--; op++) {
		if (op->status || op->handle != 0x1234 || --b->maps < 0)
			abort();
		fuzz_mutate(b);
	}
}

static int copy(void *ctx, struct pv_back_copy *op, unsigned n)
{
	struct fuzz_bus *b = ctx;
	int failed = 0;

	for (; n--; op++) {
		uint8_t *p;

		fuzz_mutate(b);
		if ((uint32_t)op->offset + op->len > PAGE)
			abort();
		p = page_of(b, op->ref, op->to_grant);
		op->status = p ? 0 : -PV_EINVAL;
		failed += !p;
		if (p && op->to_grant)
			memcpy(p + op->offset, op->local, op->len);
		else if (p)
			memcpy(op->local, p + op->offset, op->len);
	}
	return failed;
}

static void dirty(void *ctx, const void *va, uint64_t len)
{
	fuzz_inside(ctx, va, len);
	fuzz_mutate(ctx);
}

static void notify(void *ctx, uint32_t port)
{
	struct fuzz_bus *b = ctx;

	if (b->ports <= 0)
		abort();
	fuzz_mutate(b);
}

static int bind_port(void *ctx, uint32_t port)
{
	struct fuzz_bus *b = ctx;

	b->ports++;
	return (int)(port & 0xff);
}

static int bind_queue(void *ctx, unsigned queue, uint32_t port)
{
	return bind_port(ctx, port + queue);
}

static void unbind_port(void *ctx, uint32_t port)
{
	struct fuzz_bus *b = ctx;

	if (--b->ports < 0)
		abort();
}

static int read_front(void *ctx, const char *key, char *buf, uint32_t len)
{
	struct fuzz_bus *b = ctx;
	unsigned i;

	for (i = 0; b->keys[i][0]; i++)
		if (strcmp(b->keys[i][0], key) == 0)
			return snprintf(buf, len, "%s", b->keys[i][1]);
	return -PV_ENOENT;
}

static int write_key(void *ctx, const char *key, const char *value)
{
	return 0;
}

static int switch_state(void *ctx, int state)
{
	((struct fuzz_bus *)ctx)->back_state = state;
	return 0;
}

static int front_state(void *ctx)
{
	return ((struct fuzz_bus *)ctx)->front_state;
}

static void broken(void *ctx, const char *reason)
{
	((struct fuzz_bus *)ctx)->broken++;
}

void fuzz_bus_init(struct fuzz_bus *b, struct fuzz_input *in)
{
	memset(b, 0, sizeof(*b));
	b->in = in;
	b->mutations = 256;
	b->front_state = 1;
	if (posix_memalign((void **)&b->pages, PAGE, FUZZ_PAGES * PAGE))
		abort();
	memset(b->pages, 0, FUZZ_PAGES * PAGE);
	b->bus = (struct pv_back_bus){.size = sizeof(b->bus),
				      .ctx = b,
				      .map_ring = map_ring,
				      .unmap_ring = unmap_ring,
				      .map = map,
				      .unmap = unmap,
				      .copy = copy,
				      .dirty = dirty,
				      .notify = notify,
				      .bind = bind_port,
				      .unbind = unbind_port,
				      .read_front = read_front,
				      .write = write_key,
				      .switch_state = switch_state,
				      .front_state = front_state,
				      .broken = broken,
				      .bind_queue = bind_queue};
}

void fuzz_bus_fini(struct fuzz_bus *b)
{
	if (b->maps || b->rings || b->ports)
		abort();
	free(b->pages);
}
