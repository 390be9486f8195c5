/*
 * Save and move: the source's side in the domain process.
 *
 * A thread of its own sends, so that the loop serves and hears a cancel all the time; what touches the machine (stopping it, taking its
 * image, letting it go on) happens on the loop's thread, between the thread's phases:
 *
 *	move: [PRECOPY]  stop, image  [HANDOVER]  gone
 *	save: stop, image  [SAVE]  kept until the person's side has the file in its place, then gone
 *
 * Whatever fails, and whoever goes away, before the domain is held elsewhere: the guest goes on here.
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

enum phase { PRECOPY, HANDOVER, SAVE, SAVED };

struct move {
	struct domain *d;
	struct wire wire;
	struct migrate_source source;
	struct migrate_options options;
	struct migrate_stats stats;
	struct image image;
	uint64_t *bitmap;
	enum phase phase;
	pthread_t thread;
	ev_async done; /* the thread has ended its phase, with rc */
	int rc;
	bool was_running;
	bool run_on;  /* save: a checkpoint */
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

/* From here on nothing changes: neither vCPUs nor devices; and what they were is in the image. */
static int stop_and_take(struct move *m)
{
	uint64_t start = clock_monotonic();
	struct domain *d = m->d;
	int rc = m->was_running ? machine_pause(d) : 0;

	if (rc < 0)
		return wire_fail(&m->wire, rc, "the guest did not stop and was killed");
	m->stopped = true;
	devices_quiesce(d, true);
	console_drain(d);
	rc = machine_store(d, &m->image);
	if (rc >= 0)
		rc = devices_export(d, &m->image);
	m->stats.stop_ns = clock_monotonic() - start;
	return rc < 0 ? wire_fail(&m->wire, rc, "the domain's state cannot be taken: error %d", -rc)
		      : 0;
}

static void go_on(struct move *m)
{
	struct domain *d = m->d;

	if (!m->stopped || d->died || (d->state != DOMAIN_RUNNING && d->state != DOMAIN_PAUSED))
		return;
	devices_quiesce(d, false);
	if (m->was_running)
		machine_resume(d);
}

static void phase_ended(struct ev_loop *loop, ev_async *w, int revents);

static void finish(struct move *m)
{
	close(m->wire.fd);
	free((char *)m->source.config);
	free(m->bitmap);
	image_free(&m->image);
	ev_async_stop(m->d->loop, &m->done);
	m->d->move = NULL;
	free(m);
}

static struct move *begin(struct domain *d, int fd, struct refhv_error *e)
{
	struct move *m = NULL;
	json_t *config;

	if (d->kind != PV_DOMAIN_PV)
		refhv_fail(e, REFHV_ENGINE, "shut it down and create it anew",
			   "%s runs on the kvm engine, which cannot save or move a domain yet; it "
			   "goes on",
			   d->name);
	else if (d->state != DOMAIN_RUNNING && d->state != DOMAIN_PAUSED)
		refhv_fail(e, REFHV_STATE, NULL, "%s is %s", d->name, life_state_word(d));
	else if (d->move)
		refhv_fail(e, REFHV_STATE, "wait until that ends", "%s is being moved", d->name);
	else if (!(m = calloc(1, sizeof(*m))) ||
		 !(m->bitmap = calloc(memory_bitmap_words(d->space.size), sizeof(uint64_t))))
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
				.ram_size = d->space.size,
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
		.ram_fd = d->space.fd,
		.ram = d->space.ram,
		.ram_size = d->space.size,
		.dirty_start = dirty_start,
		.dirty_collect = dirty_collect,
		.dirty_stop = dirty_stop,
	};
	json_decref(config);
	ev_async_init(&m->done, phase_ended);
	m->done.data = m;
	ev_async_start(d->loop, &m->done);
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

static void *run_phase(void *arg)
{
	struct move *m = arg;

	switch (m->phase) {
	case PRECOPY:
		m->rc = migrate_precopy(&m->source, &m->wire, &m->options, m->bitmap, &m->stats);
		break;
	case HANDOVER:
		m->rc = migrate_handover(&m->source, &m->wire, &m->image, &m->options, m->bitmap,
					 &m->stats);
		if (!m->rc && migrate_await_running(&m->wire))
			domain_log(m->d,
				   "the receiver holds the domain, and has not said that it runs");
		break;
	case SAVE:
		m->rc = migrate_save(&m->source, &m->wire, &m->image, &m->stats);
		if (!m->rc && fdatasync(m->wire.fd))
			m->rc = wire_fail(&m->wire, -1, "the file cannot be made durable");
		break;
	case SAVED: break;
	}
	ev_async_send(m->d->loop, &m->done);
	return NULL;
}

static void failed(struct move *m)
{
	bool saving = m->phase == SAVE || m->phase == SAVED;
	struct domain *d = m->d;
	struct refhv_error e;

	refhv_fail(&e, saving ? REFHV_RESOURCE : REFHV_STATE, "the domain goes on as before",
		   "not %s: %s", saving ? "saved" : "moved", m->wire.err);
	domain_log(d, "%s", e.what);
	go_on(m);
	finish(m);
	server_tell_moved(d, NULL, &e);
}

static int begin_phase(struct move *m, enum phase phase)
{
	m->phase = phase;
	m->rc = 0;
	if (!pthread_create(&m->thread, NULL, run_phase, m))
		return 0;
	return wire_fail(&m->wire, -1, "no thread for it");
}

static void moved(struct move *m)
{
	struct domain *d = m->d;
	json_t *result = stats_json(&m->stats);

	devices_hold(d, HOLD_MOVED_S);
	finish(m);
	server_tell_moved(d, result, NULL);
	life_moved(d, "moved away");
}

/* The thread is joined. */
static void next_phase(struct move *m)
{
	if (m->phase == HANDOVER && !m->rc) {
		moved(m);
	} else if (m->phase == SAVE && !m->rc) {
		m->phase = SAVED;
		server_tell_moved(m->d, stats_json(&m->stats), NULL);
	} else if (m->phase == PRECOPY && !m->rc) {
		if (stop_and_take(m) || begin_phase(m, HANDOVER)) {
			dirty_stop(m);
			failed(m);
		}
	} else {
		failed(m);
	}
}

static void phase_ended(struct ev_loop *loop, ev_async *w, int revents)
{
	struct move *m = w->data;

	pthread_join(m->thread, NULL);
	next_phase(m);
}

int move_save(struct domain *d, int fd, bool run_on, struct refhv_error *e)
{
	struct move *m = begin(d, fd, e);

	if (!m)
		return -(int)e->exit;
	m->run_on = run_on;
	if (!stop_and_take(m) && !begin_phase(m, SAVE))
		return 0;
	refhv_fail(e, REFHV_FAILED, NULL, "not saved: %s", m->wire.err);
	go_on(m);
	finish(m);
	return -(int)e->exit;
}

int move_saved(struct domain *d, bool *end, struct refhv_error *e)
{
	struct move *m = d->move;

	if (!m || m->phase != SAVED)
		return refhv_fail(e, REFHV_STATE, NULL, "%s is not being saved", d->name);
	*end = !m->run_on;
	if (m->run_on)
		go_on(m);
	else
		devices_hold(d, HOLD_SAVED_S);
	finish(m);
	return 0;
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
	if (!begin_phase(m, PRECOPY))
		return 0;
	finish(m);
	return refhv_fail(e, REFHV_FAILED, NULL, "no thread for the move");
}

void move_cancel(struct domain *d)
{
	struct move *m = d->move;

	if (!m)
		return;
	m->wire.cancelled = 1;
	if (m->phase != SAVED)
		pthread_join(m->thread, NULL);
	/* Too late: "go" was said, and the domain is the receiver's. */
	if (m->phase == HANDOVER && !m->rc) {
		moved(m);
		return;
	}
	/* A precopy that had just ended well has left the dirty log on. */
	if (m->phase == PRECOPY && !m->rc)
		dirty_stop(m);
	wire_fail(&m->wire, -1, "called off");
	failed(m);
}
