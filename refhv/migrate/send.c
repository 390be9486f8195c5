/*
 * send: the source's half of migrate.h.
 *
 * Algorithm: send all, then again what was written meanwhile, as long as that shrinks; stop the guest when the rest would go out within the
 * aim, measured by the speed of the pass before. Trusts nothing of the receiver but its word that it holds the domain.
 */
#include <pv/abi/errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "memory.h"
#include "migrate.h"

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int send_start(struct migrate_source *s, struct wire *w)
{
	uint8_t head[PV_STREAM_HEADERS_SIZE];
	struct iovec config = {(void *)s->config, strlen(s->config)};
	int rc;

	pv_stream_headers_put(head, PV_STREAM_DHDR_TYPE_X86_PV, 4 << 16 | 17);
	rc = wire_write(w, head, sizeof head);
	if (rc == 0)
		rc = wire_record(w, PV_STREAM_REC_PV_CONFIG, &config, 1);
	return rc < 0 ? rc : image_send_machine(w, &s->machine);
}

/* Pages left in the bitmap, the image, END. The guest stands still. */
static int send_rest(struct migrate_source *s, struct wire *w, const struct image *im,
		     uint64_t *bitmap)
{
	int rc = memory_send(w, s->ram, s->ram_size, bitmap);

	if (rc == 0)
		rc = image_send(w, im);
	return rc < 0 ? rc : wire_record(w, PV_STREAM_REC_END, NULL, 0);
}

int migrate_save(struct migrate_source *s, struct wire *w, const struct image *im,
		 struct migrate_stats *st)
{
	uint64_t *bitmap = calloc(memory_bitmap_words(s->ram_size), sizeof *bitmap);
	uint64_t start = now_ns();
	int rc;

	if (!bitmap)
		return wire_fail(w, -PV_ENOMEM, "no memory for the page bitmap");
	rc = send_start(s, w);
	if (rc == 0)
		rc = wire_record(w, PV_STREAM_REC_STATIC_DATA_END, NULL, 0);
	if (rc == 0) {
		memory_mark_used(s->ram_fd, s->ram, s->ram_size, bitmap);
		st->last_pages = memory_count(bitmap, s->ram_size);
		rc = send_rest(s, w, im, bitmap);
	}
	free(bitmap);
	st->bytes = w->sent;
	st->total_ns = st->downtime_ns = now_ns() - start + st->stop_ns;
	return rc;
}

static int expect(struct wire *w, const char *word)
{
	char line[256];
	int rc = wire_hear(w, line);

	if (rc < 0)
		return rc;
	if (strcmp(line, word) == 0)
		return 0;
	return wire_fail(w, -PV_ECONNREFUSED, "the receiver says: %s",
			 strncmp(line, "no ", 3) ? line : line + 3);
}

/* Passes over memory until the rest is small enough, or will not become so. */
static int passes(struct migrate_source *s, struct wire *w, const struct migrate_options *o,
		  uint64_t *bitmap, struct migrate_stats *st)
{
	uint64_t aim = (o->downtime_ms ? o->downtime_ms : 10) * 1000000ull;
	uint64_t limit = (o->max_downtime_ms ? o->max_downtime_ms : 300) * 1000000ull;
	unsigned max = o->max_rounds ? o->max_rounds : 30;
	int rc;

	memory_mark_used(s->ram_fd, s->ram, s->ram_size, bitmap);
	for (;;) {
		uint64_t pages = memory_count(bitmap, s->ram_size), start = now_ns(), took, left;

		rc = memory_send(w, s->ram, s->ram_size, bitmap);
		if (rc < 0)
			return rc;
		took = now_ns() - start;
		st->rounds++;
		rc = s->dirty_collect(s->ctx, bitmap);
		if (rc < 0)
			return wire_fail(w, rc, "the dirty log failed");
		left = memory_count(bitmap, s->ram_size);
		/* What the rest would take at the speed of this pass. */
		took = pages ? took / pages * left : 0;
		if (left < 64 || took <= aim)
			return 0;
		if (st->rounds >= max)
			return took <= limit ? 0
					     : wire_fail(w, -PV_ETIMEDOUT,
							 "the guest writes faster than the "
							 "connection carries: it would stand still "
							 "for %llu ms",
							 (unsigned long long)(took / 1000000));
	}
}

int migrate_precopy(struct migrate_source *s, struct wire *w, const struct migrate_options *o,
		    uint64_t *bitmap, struct migrate_stats *st)
{
	uint64_t start = now_ns();
	int rc;

	rc = send_start(s, w);
	if (rc == 0)
		rc = expect(w, "ready");
	if (rc == 0)
		rc = wire_record(w, PV_STREAM_REC_STATIC_DATA_END, NULL, 0);
	if (rc == 0) {
		rc = s->dirty_start(s->ctx);
		if (rc < 0)
			return wire_fail(w, rc, "this engine cannot log dirty pages here");
		rc = passes(s, w, o, bitmap, st);
		if (rc < 0)
			s->dirty_stop(s->ctx);
	}
	st->total_ns = now_ns() - start;
	return rc;
}

int migrate_handover(struct migrate_source *s, struct wire *w, const struct image *im,
		     const struct migrate_options *o, uint64_t *bitmap, struct migrate_stats *st)
{
	uint64_t start = now_ns(), sent;
	int rc;

	/* Nobody may keep the guest standing. */
	w->timeout_ms = o->handover_ms ? (int)o->handover_ms : 3000;
	rc = s->dirty_collect(s->ctx, bitmap);
	s->dirty_stop(s->ctx);
	if (rc < 0)
		wire_fail(w, rc, "the dirty log failed");
	if (rc == 0) {
		st->last_pages = memory_count(bitmap, s->ram_size);
		rc = send_rest(s, w, im, bitmap);
	}
	sent = now_ns();
	if (rc == 0)
		rc = expect(w, "holding");
	st->hold_ns = now_ns() - sent;
	/* The last moment at which the move can be called off. */
	if (rc == 0 && atomic_load(&w->cancelled))
		rc = wire_fail(w, -PV_EINTR, "cancelled");
	if (rc == 0)
		rc = wire_say(w, "go");
	st->bytes = w->sent;
	st->downtime_ns = now_ns() - start + st->stop_ns;
	st->total_ns += st->downtime_ns;
	return rc;
}

int migrate_await_running(struct wire *w)
{
	char line[256];

	w->timeout_ms = 10000;
	return wire_hear(w, line) || strcmp(line, "running") ? -PV_EBADMSG : 0;
}
