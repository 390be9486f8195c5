/*
 * Save and move: the source's side in the domain process.
 *
 * While memory streams the guest runs, the loop serves, and a thread of its own sends. The last part, with the guest stopped, runs on the
 * loop's thread: it is short, and it touches everything. Whatever fails before the receiver has said that it holds the domain, the
 * guest goes on here.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "domain/domain.h"
#include "migrate/memory.h"
#include "migrate/migrate.h"

/* How long user networking waits for a restore, and for the domain that moved. */
enum { HOLD_SAVED_S = 600, HOLD_MOVED_S = 30 };

struct move {
	struct domain *d;
	struct wire wire;
	struct migrate_source source;
	struct migrate_options options;
	struct migrate_stats stats;
	uint64_t *bitmap;
	pthread_t thread;
	ev_async done; /* precopy ended, with rc */
	int rc;
	bool was_running;
	bool stopped; /* by us: to be resumed on failure */
};

static int dirty_start(void *ctx)
{
	struct move *m = ctx;

	return m->d->impl->dirty_start(m->d->engine);
}

static int dirty_collect(void *ctx, uint64_t *bitmap)
{
	struct move *m = ctx;

	return m->d->impl->dirty_collect(m->d->engine, bitmap);
}

static void dirty_stop(void *ctx)
{
	struct move *m = ctx;

	m->d->impl->dirty_stop(m->d->engine);
}

/* From here on nothing changes: neither vCPUs nor devices nor, as this is the loop's thread, the store. */
static int stand_still(void *ctx, struct wire *w)
{
	struct move *m = ctx;
	int rc = m->was_running ? machine_pause(m->d) : 0;

	if (rc < 0)
		return wire_fail(w, rc, "the guest did not stop and was killed");
	m->stopped = true;
	devices_quiesce(m->d, true);
	console_drain(m->d->console);
	return 0;
}

static int take_image(void *ctx, struct image *im, struct wire *w)
{
	struct move *m = ctx;
	int rc = machine_store(m->d, im);

	if (rc >= 0)
		rc = devices_export(m->d, im);
	return rc < 0 ? wire_fail(w, rc, "the domain's state cannot be taken: error %d", -rc) : 0;
}

static void go_on(struct move *m)
{
	if (!m->stopped || m->d->died)
		return;
	devices_quiesce(m->d, false);
	if (m->was_running)
		machine_resume(m->d);
}

static void finish(struct move *m)
{
	close(m->wire.fd);
	free((char *)m->source.config);
	free(m->bitmap);
	m->d->move = NULL;
	free(m);
}

static struct move *begin(struct domain *d, int fd, struct refhv_error *e)
{
	struct move *m = NULL;
	json_t *config;

	if (d->state != DOMAIN_RUNNING && d->state != DOMAIN_PAUSED)
		refhv_fail(e, REFHV_STATE, NULL, "%s is %s", d->name, life_state_word(d));
	else if (d->move)
		refhv_fail(e, REFHV_STATE, "wait until that ends", "%s is being moved", d->name);
	else if (!(m = calloc(1, sizeof(*m))) ||
		 !(m->bitmap = calloc(memory_bitmap_words(d->ram_size), sizeof(uint64_t))))
		refhv_fail(e, REFHV_FAILED, NULL, "out of memory");
	if (!m || !m->bitmap) {
		free(m);
		close(fd);
		return NULL;
	}
	m->d = d;
	m->was_running = d->state == DOMAIN_RUNNING;
	wire_init(&m->wire, fd);
	config = config_to_json(&d->config);
	m->source = (struct migrate_source){
		.ctx = m,
		.config = json_dumps(config, JSON_COMPACT),
		.machine =
			{
				.size = sizeof(struct image_machine),
				.vcpus = d->config.maxvcpus,
				.ram_size = d->ram_size,
				.virt_base = d->boot.virt_base,
				.hypercall_gva =
					d->boot.has_hypercall_page ? d->boot.hypercall_gva : 0,
				.console_gfn = d->boot.console_gfn,
				.store_gfn = d->boot.store_gfn,
				.console_port = d->console_port,
				.store_port = d->store_port,
				.domid = d->domid,
				.paused = !m->was_running,
			},
		.ram_fd = d->ram_fd,
		.ram = d->ram,
		.ram_size = d->ram_size,
		.dirty_start = dirty_start,
		.dirty_collect = dirty_collect,
		.dirty_stop = dirty_stop,
		.stop = stand_still,
		.image = take_image,
	};
	json_decref(config);
	d->move = m;
	return m;
}

static json_t *stats_json(const struct migrate_stats *st)
{
	return json_pack("{s:I, s:i, s:f, s:f, s:f, s:f, s:I}", "bytes", (json_int_t)st->bytes,
			 "rounds", (int)st->rounds, "total_ms", (double)st->total_ns / 1e6,
			 "downtime_ms", (double)st->downtime_ns / 1e6, "stop_ms",
			 (double)st->stop_ns / 1e6, "hold_ms", (double)st->hold_ns / 1e6,
			 "pages_while_stopped", (json_int_t)st->last_pages);
}

int move_save(struct domain *d, int fd, bool run_on, json_t **result, struct refhv_error *e)
{
	struct move *m = begin(d, fd, e);
	int rc;

	if (!m)
		return -(int)e->exit;
	rc = migrate_save(&m->source, &m->wire, &m->stats);
	if (!rc && fdatasync(fd))
		rc = wire_fail(&m->wire, -1, "the file cannot be made durable");
	if (rc)
		rc = refhv_fail(e, REFHV_RESOURCE, "the domain goes on as before", "%s",
				m->wire.err);
	else
		*result = stats_json(&m->stats);
	if (rc || run_on)
		go_on(m);
	else
		devices_hold(d, HOLD_SAVED_S);
	finish(m);
	return rc;
}

static void *precopy(void *arg)
{
	struct move *m = arg;

	m->rc = migrate_precopy(&m->source, &m->wire, &m->options, m->bitmap, &m->stats);
	ev_async_send(m->d->loop, &m->done);
	return NULL;
}

/* The receiver tells when it runs; that it holds the domain is what counts. */
static void await_running(struct move *m)
{
	char line[256];

	m->wire.timeout_ms = 10000;
	if (wire_hear(&m->wire, line) || strcmp(line, "running"))
		domain_log(m->d, "the receiver holds the domain, and has not said that it runs");
}

static void precopy_done(struct ev_loop *loop, ev_async *w, int revents)
{
	struct move *m = w->data;
	struct domain *d = m->d;
	struct refhv_error e;
	json_t *result;
	int rc;

	ev_async_stop(loop, w);
	pthread_join(m->thread, NULL);
	rc = m->rc;
	if (!rc)
		rc = migrate_handover(&m->source, &m->wire, m->bitmap, &m->stats);
	if (rc) {
		refhv_fail(&e, REFHV_STATE, "the domain goes on here", "not moved: %s",
			   m->wire.err);
		domain_log(d, "%s", e.what);
		go_on(m);
		finish(m);
		server_tell_moved(d, NULL, &e);
		return;
	}
	devices_hold(d, HOLD_MOVED_S);
	await_running(m);
	result = stats_json(&m->stats);
	finish(m);
	server_tell_moved(d, result, NULL);
	life_moved(d, "moved away");
}

int move_start(struct domain *d, int fd, const json_t *options, struct refhv_error *e)
{
	struct move *m = begin(d, fd, e);

	if (!m)
		return -(int)e->exit;
	m->options = (struct migrate_options){
		.downtime_ms =
			(unsigned)json_integer_value(json_object_get(options, "downtime_ms")),
		.max_downtime_ms =
			(unsigned)json_integer_value(json_object_get(options, "max_downtime_ms")),
	};
	ev_async_init(&m->done, precopy_done);
	m->done.data = m;
	ev_async_start(d->loop, &m->done);
	if (!pthread_create(&m->thread, NULL, precopy, m))
		return 0;
	ev_async_stop(d->loop, &m->done);
	finish(m);
	return refhv_fail(e, REFHV_FAILED, NULL, "no thread for the move");
}

void move_cancel(struct domain *d)
{
	struct move *m = d->move;
	struct refhv_error e;

	if (!m)
		return;
	m->wire.cancelled = 1;
	pthread_join(m->thread, NULL);
	ev_async_stop(d->loop, &m->done);
	/* A precopy that had just ended well has left the dirty log on. */
	if (!m->rc)
		dirty_stop(m);
	finish(m);
	refhv_fail(&e, REFHV_STATE, NULL, "the move of %s was called off", d->name);
	server_tell_moved(d, NULL, &e);
}
