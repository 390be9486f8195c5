/*
 * Pair tests of the xenstore: the guest's client against the server through a ring, in one process.
 *
 * Single-threaded tests let the client's wait hook run the server; threaded ones have a server
 * thread and several client threads, and are clean under the thread sanitizer. Hostile servers are
 * played by writing the page.
 */
#include <check.h>
#include <pthread.h>
#include <stdatomic.h>
#include <pv/xs_client.h>
#include "../unit/xs_rig.h"

struct pair {
	struct rig rig;
	struct pv_xenstore_domain_interface page;
	struct pv_store_ring ring;
	struct pv_xs xs;
	unsigned notified; /* the client told the store */
	uint64_t clock;
};

static void to_guest(void *ctx)
{
}

static void to_store(void *ctx)
{
	((struct pair *)ctx)->notified++;
}

/* Nothing happens while the guest runs; all of the server's work is done while it sleeps. */
static int serve(void *ctx, uint64_t deadline)
{
	struct pair *p = ctx;

	p->clock += 1000;
	if (deadline && p->clock > deadline)
		return -PV_ETIMEDOUT;
	pv_store_ring_poll(&p->ring);
	return 0;
}

static uint64_t clock_now(void *ctx)
{
	return ((struct pair *)ctx)->clock;
}

static struct pair *pair_new(void)
{
	struct pair *p = calloc(1, sizeof(*p));
	struct pv_xs_transport t = {
		.page = &p->page, .ctx = p, .notify = to_store, .wait = serve, .now = clock_now};

	rig_init(&p->rig, 1, NULL);
	pv_store_ring_init(&p->ring, p->rig.conn[1], &p->page, to_guest, p);
	pv_xs_init(&p->xs, &t);
	return p;
}

static void pair_free(struct pair *p)
{
	ck_assert_int_eq(pv_store_audit(p->rig.store), 0);
	rig_end(&p->rig);
	free(p);
}

START_TEST(every_call_crosses_the_ring)
{
	struct pair *p = pair_new();
	struct pv_xs *xs = &p->xs;
	struct pv_xs_perm perm[2] = {{.domid = 1}, {.domid = 0, .mode = 3}}, got[4];
	char buf[100];
	uint64_t v;

	ck_assert_int_eq(pv_xs_reset_watches(xs), 0);
	ck_assert_int_eq(pv_xs_write_string(xs, 0, "a/b", "hello"), 0);
	ck_assert_int_eq(pv_xs_read(xs, 0, "a/b", buf, sizeof(buf)), 5);
	ck_assert_str_eq(buf, "hello");
	ck_assert_int_eq(pv_xs_read(xs, 0, "a/b", buf, 5), -PV_E2BIG);
	ck_assert_int_eq(pv_xs_read(xs, 0, "a/c", buf, sizeof(buf)), -PV_ENOENT);
	ck_assert_int_eq(pv_xs_printf(xs, 0, "a/n", "%u", 4000000000u), 0);
	ck_assert_int_eq(pv_xs_read_number(xs, 0, "a/n", &v), 0);
	ck_assert_uint_eq(v, 4000000000u);
	ck_assert_int_eq(pv_xs_read_number(xs, 0, "a/b", &v), -PV_EINVAL);
	ck_assert_int_eq(pv_xs_printf(xs, 0, "a/f", "%s-%d-%x-%lu-%zu-%c%%", "s", -7, 0xbeefu,
				      1ul << 40, (size_t)3, 'z'),
			 0);
	ck_assert_int_gt(pv_xs_read(xs, 0, "a/f", buf, sizeof(buf)), 0);
	ck_assert_str_eq(buf, "s--7-beef-1099511627776-3-z%");
	ck_assert_int_eq(pv_xs_mkdir(xs, 0, "a/d"), 0);
	ck_assert_int_eq(pv_xs_set_perms(xs, 0, "a/d", perm, 2), 0);
	ck_assert_int_eq(pv_xs_get_perms(xs, 0, "a/d", got, 4), 2);
	ck_assert_mem_eq(got, perm, sizeof(perm));
	ck_assert_int_eq(pv_xs_directory(xs, 0, "a", buf, sizeof(buf)), 8);
	ck_assert_mem_eq(buf, "b\0d\0f\0n\0", 8);
	ck_assert_int_eq(pv_xs_domain_path(xs, 1, buf, sizeof(buf)), 15);
	ck_assert_str_eq(buf, "/local/domain/1");
	ck_assert_int_eq(pv_xs_rm(xs, 0, "a"), 0);
	ck_assert_int_eq(pv_xs_rm(xs, 0, "a/b"), -PV_ENOENT);
	ck_assert(p->notified > 0);
	pair_free(p);
}
END_TEST

START_TEST(messages_larger_than_the_ring_pass)
{
	struct pair *p = pair_new();
	char big[2000], back[2001];

	for (unsigned i = 0; i < sizeof(big); i++)
		big[i] = (char)(i * 7);
	for (unsigned len = 1990; len < sizeof(big); len++) {
		ck_assert_int_eq(pv_xs_write(&p->xs, 0, "big", big, len), 0);
		ck_assert_int_eq(pv_xs_read(&p->xs, 0, "big", back, sizeof(back)), (int)len);
		ck_assert_mem_eq(back, big, len);
	}
	pair_free(p);
}
END_TEST

START_TEST(long_directories_come_in_parts)
{
	struct pair *p = pair_new();
	char path[100], buf[PV_XENSTORE_PAYLOAD_MAX];
	struct pv_xs_dir dir;
	const char *name;
	unsigned n = 0;

	for (unsigned i = 0; i < 900; i++) {
		snprintf(path, sizeof(path), "/local/domain/1/d/entry-%04u", i);
		ck_assert_int_eq(pv_store_write_string(pv_store_self(p->rig.store), 0, path, ""),
				 0);
	}
	ck_assert_int_eq(pv_store_set_perms(pv_store_self(p->rig.store), 0, "/local/domain/1/d",
					    &(struct pv_xs_perm){.domid = 1}, 1),
			 0);
	ck_assert_int_eq(pv_xs_directory(&p->xs, 0, "d", buf, sizeof(buf)), -PV_E2BIG);
	ck_assert_int_eq(pv_xs_dir_open(&dir, &p->xs, 0, "d", buf, sizeof(buf)), 0);
	while ((name = pv_xs_dir_next(&dir))) {
		snprintf(path, sizeof(path), "entry-%04u", n++);
		ck_assert_str_eq(name, path);
	}
	ck_assert_int_eq(dir.err, 0);
	ck_assert_uint_eq(n, 900);
	/* A change in the middle is noticed. */
	ck_assert_int_eq(pv_xs_dir_open(&dir, &p->xs, 0, "d", buf, sizeof(buf)), 0);
	pv_store_rm(pv_store_self(p->rig.store), 0, "/local/domain/1/d/entry-0000");
	while (pv_xs_dir_next(&dir))
		;
	ck_assert_int_eq(dir.err, -PV_EAGAIN);
	/* Short and empty ones work the same way. */
	ck_assert_int_eq(pv_xs_mkdir(&p->xs, 0, "e"), 0);
	ck_assert_int_eq(pv_xs_dir_open(&dir, &p->xs, 0, "e", buf, sizeof(buf)), 0);
	ck_assert_ptr_null(pv_xs_dir_next(&dir));
	ck_assert_int_eq(dir.err, 0);
	pair_free(p);
}
END_TEST

struct seen {
	unsigned n;
	char path[200];
};

static void on_watch(void *arg, struct pv_xs_watch *w, const char *path)
{
	struct seen *s = arg;

	s->n++;
	snprintf(s->path, sizeof(s->path), "%s", path);
}

START_TEST(watches_fire_at_first_and_after_changes)
{
	struct pair *p = pair_new();
	struct seen seen = {0};
	struct pv_xs_watch w = {.fn = on_watch, .arg = &seen, .path = "device"};

	ck_assert_int_eq(pv_xs_watch(&p->xs, &w), 0);
	serve(p, 0);
	ck_assert_uint_eq(pv_xs_dispatch(&p->xs), 1);
	ck_assert_str_eq(seen.path, "device");
	ck_assert_uint_eq(pv_xs_dispatch(&p->xs), 0);
	pv_store_write_string(pv_store_self(p->rig.store), 0, "/local/domain/1/device/vif/0/state",
			      "4");
	serve(p, 0);
	ck_assert_uint_eq(pv_xs_dispatch(&p->xs), 1);
	ck_assert_str_eq(seen.path, "device/vif/0/state");
	/* Two paths before the callback runs: "at or below". */
	pv_store_write_string(pv_store_self(p->rig.store), 0, "/local/domain/1/device/vif/0/state",
			      "5");
	pv_store_write_string(pv_store_self(p->rig.store), 0, "/local/domain/1/device/vif/1/state",
			      "5");
	serve(p, 0);
	ck_assert_uint_eq(pv_xs_dispatch(&p->xs), 1);
	ck_assert_str_eq(seen.path, "device");
	ck_assert_int_eq(pv_xs_unwatch(&p->xs, &w), 0);
	pv_store_write_string(pv_store_self(p->rig.store), 0, "/local/domain/1/device/vif/1/state",
			      "6");
	serve(p, 0);
	ck_assert_uint_eq(pv_xs_dispatch(&p->xs), 0);
	ck_assert_uint_eq(seen.n, 3);
	pair_free(p);
}
END_TEST

static void write_back(void *arg, struct pv_xs_watch *w, const char *path)
{
	struct pair *p = arg;

	ck_assert_int_eq(pv_xs_write_string(&p->xs, 0, "answer", path), 0);
}

START_TEST(a_watch_callback_may_make_calls)
{
	struct pair *p = pair_new();
	struct pv_xs_watch w = {.fn = write_back, .arg = p, .path = "question"};
	char buf[50];

	ck_assert_int_eq(pv_xs_watch(&p->xs, &w), 0);
	serve(p, 0);
	pv_xs_dispatch(&p->xs);
	ck_assert_int_eq(pv_store_read_string(pv_store_self(p->rig.store), 0,
					      "/local/domain/1/answer", buf, sizeof(buf)),
			 8);
	pair_free(p);
}
END_TEST

struct spoil {
	struct pair *p;
	unsigned runs, spoiled;
};

static int read_then_write(void *arg, struct pv_xs *xs, uint32_t tx)
{
	struct spoil *s = arg;
	uint64_t v;
	int rc = pv_xs_read_number(xs, tx, "count", &v);

	if (rc < 0)
		return rc;
	if (s->runs++ < s->spoiled)
		pv_store_write_string(pv_store_self(s->p->rig.store), 0, "/local/domain/1/count",
				      "40");
	return pv_xs_printf(xs, tx, "count", "%llu", (unsigned long long)v + 1);
}

START_TEST(a_spoiled_transaction_runs_again)
{
	struct pair *p = pair_new();
	struct spoil s = {p, 0, 3};
	uint64_t v;

	ck_assert_int_eq(pv_xs_transaction(&p->xs, read_then_write, &s), -PV_ENOENT);
	ck_assert_int_eq(pv_xs_write_string(&p->xs, 0, "count", "0"), 0);
	ck_assert_int_eq(pv_xs_transaction(&p->xs, read_then_write, &s), 0);
	ck_assert_uint_eq(s.runs, 4);
	ck_assert_int_eq(pv_xs_read_number(&p->xs, 0, "count", &v), 0);
	ck_assert_uint_eq(v, 41);
	pair_free(p);
}
END_TEST

START_TEST(a_silent_store_times_out_and_may_answer_later)
{
	struct pair *p = pair_new();
	char buf[10];

	ck_assert_int_eq(pv_xs_write_string(&p->xs, 0, "a", "1"), 0);
	p->xs.timeout_ns = 500;
	ck_assert_int_eq(pv_xs_read(&p->xs, 0, "a", buf, sizeof(buf)), -PV_ETIMEDOUT);
	p->xs.timeout_ns = 0;
	/* The late answer belongs to nobody and is dropped. */
	ck_assert_int_eq(pv_xs_write_string(&p->xs, 0, "a", "2"), 0);
	ck_assert_int_eq(pv_xs_read(&p->xs, 0, "a", buf, sizeof(buf)), 1);
	ck_assert_str_eq(buf, "2");
	pair_free(p);
}
END_TEST

START_TEST(the_client_survives_indices_out_of_range)
{
	struct pair *p = pair_new();
	char buf[10];

	p->page.rsp_prod += 1025;
	ck_assert_int_eq(pv_xs_read(&p->xs, 0, "a", buf, sizeof(buf)), -PV_EIO);
	ck_assert_int_eq(pv_xs_read(&p->xs, 0, "a", buf, sizeof(buf)), -PV_EIO);
	pair_free(p);
	p = pair_new();
	p->page.req_cons += 1;
	ck_assert_int_eq(pv_xs_read(&p->xs, 0, "a", buf, sizeof(buf)), -PV_EIO);
	pair_free(p);
}
END_TEST

struct forged {
	struct pair *p;
	unsigned seed;
};

/* A server that answers with noise: every header field is wrong now and then. */
static int forge(void *ctx, uint64_t deadline)
{
	struct forged *f = ctx;
	struct pv_xenstore_domain_interface *page = &f->p->page;
	struct pv_xsd_sockmsg h = {.type = PV_XS_READ};
	char msg[200];

	page->req_cons = page->req_prod;
	h.req_id = f->p->xs.next_id + (rand_r(&f->seed) % 4 == 0);
	h.type = (uint32_t)rand_r(&f->seed) % 3 ? PV_XS_READ : (uint32_t)rand_r(&f->seed) % 25;
	h.len = (uint32_t)rand_r(&f->seed) % 20 ? (uint32_t)rand_r(&f->seed) % 100
						: (uint32_t)rand_r(&f->seed);
	memcpy(msg, &h, sizeof(h));
	for (unsigned i = sizeof(h); i < sizeof(msg); i++)
		msg[i] = "0123456789/a\0"[(unsigned)rand_r(&f->seed) % 13];
	for (unsigned i = 0; i < sizeof(h) + (h.len < 100 ? h.len : 100); i++)
		page->rsp[page->rsp_prod++ & 1023] = msg[i];
	return 0;
}

START_TEST(the_client_survives_forged_answers)
{
	for (unsigned seed = 0; seed < 3000; seed++) {
		struct pair *p = pair_new();
		struct forged f = {p, seed};
		struct seen seen = {0};
		struct pv_xs_watch w = {.fn = on_watch, .arg = &seen, .path = "d"};
		struct {
			char buf[30], guard[30];
		} b = {{0}, {0}};
		int rc;

		p->xs.t.ctx = &f;
		p->xs.t.wait = forge;
		p->xs.t.now = NULL;
		p->xs.t.notify = to_guest;
		pv_xs_watch(&p->xs, &w);
		rc = pv_xs_read(&p->xs, 0, "x", b.buf, sizeof(b.buf));
		ck_assert_int_lt(rc, (int)sizeof(b.buf));
		pv_xs_dispatch(&p->xs);
		for (unsigned i = 0; i < sizeof(b.guard); i++)
			ck_assert_int_eq(b.guard[i], 0);
		pair_free(p);
	}
}
END_TEST

START_TEST(the_server_refuses_indices_and_lengths_and_lives)
{
	struct pair *p = pair_new();
	struct pv_xsd_sockmsg h = {.type = PV_XS_READ, .len = 4097};

	/* XSA-38. */
	p->page.req_prod = 1025;
	ck_assert_int_eq(pv_store_ring_poll(&p->ring), -PV_EBADMSG);
	ck_assert_uint_eq(p->page.error, PV_XENSTORE_ERROR_RINGIDX);
	p->page.req_prod = 0;
	ck_assert_int_eq(pv_store_ring_poll(&p->ring), -PV_EBADMSG);
	/* A guest that reconnects starts anew. */
	p->page.connection = PV_XENSTORE_RECONNECT;
	ck_assert_int_eq(pv_store_ring_poll(&p->ring), 0);
	ck_assert_uint_eq(p->page.connection, PV_XENSTORE_CONNECTED);
	ck_assert_uint_eq(p->page.error, 0);
	p->page.rsp_cons = 5;
	ck_assert_int_eq(pv_store_ring_poll(&p->ring), -PV_EBADMSG);
	p->page.connection = PV_XENSTORE_RECONNECT;
	ck_assert_int_eq(pv_store_ring_poll(&p->ring), 0);
	memcpy(p->page.req, &h, sizeof(h));
	p->page.req_prod = sizeof(h);
	ck_assert_int_eq(pv_store_ring_poll(&p->ring), -PV_EBADMSG);
	ck_assert_uint_eq(p->page.error, PV_XENSTORE_ERROR_PROTO);
	/* XSA-325: released while broken, twice. */
	ck_assert_int_eq(pv_store_domain_release(p->rig.store, 1), 0);
	ck_assert_int_eq(pv_store_domain_release(p->rig.store, 1), -PV_ENOENT);
	pair_free(p);
}
END_TEST

START_TEST(a_guest_that_reads_no_replies_stalls_only_itself)
{
	struct pair *p = pair_new();
	struct pv_xsd_sockmsg h = {.type = PV_XS_DIRECTORY, .len = 2};
	size_t bytes;
	unsigned taken = 0;

	pv_store_ring_poll(&p->ring);
	bytes = p->rig.bytes;
	for (unsigned i = 0; i < 10000; i++) {
		if (p->page.req_prod - p->page.req_cons > 1024 - 18)
			break;
		for (unsigned k = 0; k < 18; k++)
			p->page.req[p->page.req_prod++ & 1023] =
				k < 16 ? ((char *)&h)[k] : "/"[k - 16];
		pv_store_ring_poll(&p->ring);
		taken++;
	}
	ck_assert_uint_lt(taken, 200);
	ck_assert_uint_eq(p->rig.bytes, bytes);
	/* The rest goes on when it reads. */
	while (p->page.rsp_cons != p->page.rsp_prod) {
		p->page.rsp_cons = p->page.rsp_prod;
		pv_store_ring_poll(&p->ring);
	}
	ck_assert_uint_eq(p->page.req_cons, p->page.req_prod);
	pair_free(p);
}
END_TEST

START_TEST(the_ring_goes_on_in_another_server)
{
	struct pair *p = pair_new();
	struct pv_store_ring next;
	char buf[10];

	ck_assert_int_eq(pv_xs_write_string(&p->xs, 0, "a", "1"), 0);
	pv_store_ring_init(&next, p->rig.conn[1], &p->page, to_guest, p);
	p->ring = next;
	ck_assert_int_eq(pv_xs_read(&p->xs, 0, "a", buf, sizeof(buf)), 1);
	pair_free(p);
}
END_TEST

/* ---- Threads ---- */

struct threads {
	struct pair p;
	pthread_mutex_t mutex; /* the client's lock */
	pthread_mutex_t sleep;
	pthread_cond_t store_cond, guest_cond;
	unsigned store_events, guest_events;
	atomic_bool stop;
	unsigned seed;
};

static void kick_guest(void *ctx)
{
	struct threads *t = ctx;

	pthread_mutex_lock(&t->sleep);
	t->guest_events++;
	pthread_cond_broadcast(&t->guest_cond);
	pthread_mutex_unlock(&t->sleep);
}

static void kick_store(void *ctx)
{
	struct threads *t = ctx;

	pthread_mutex_lock(&t->sleep);
	t->store_events++;
	pthread_cond_signal(&t->store_cond);
	pthread_mutex_unlock(&t->sleep);
}

/* Several contexts wait: each remembers what it saw last. */
static __thread unsigned last_seen;

static int sleep_guest(void *ctx, uint64_t deadline)
{
	struct threads *t = ctx;

	pthread_mutex_lock(&t->sleep);
	while (t->guest_events == last_seen)
		pthread_cond_wait(&t->guest_cond, &t->sleep);
	last_seen = t->guest_events;
	pthread_mutex_unlock(&t->sleep);
	return 0;
}

static unsigned long take_lock(void *ctx)
{
	pthread_mutex_lock(&((struct threads *)ctx)->mutex);
	return 0;
}

static void drop_lock(void *ctx, unsigned long flags)
{
	pthread_mutex_unlock(&((struct threads *)ctx)->mutex);
}

static void *server(void *arg)
{
	struct threads *t = arg;
	unsigned seen = 0;

	while (!t->stop) {
		if (pv_store_ring_poll(&t->p.ring) < 0)
			abort();
		pthread_mutex_lock(&t->sleep);
		while (t->store_events == seen && !t->stop)
			pthread_cond_wait(&t->store_cond, &t->sleep);
		seen = t->store_events;
		pthread_mutex_unlock(&t->sleep);
	}
	return NULL;
}

struct worker {
	struct threads *t;
	unsigned id;
};

static int bump(void *arg, struct pv_xs *xs, uint32_t tx)
{
	uint64_t v;
	int rc = pv_xs_read_number(xs, tx, "shared", &v);

	return rc < 0 ? rc : pv_xs_printf(xs, tx, "shared", "%lu", (unsigned long)v + 1);
}

#define ROUNDS 150

static void *client(void *arg)
{
	struct worker *w = arg;
	struct pv_xs *xs = &w->t->p.xs;
	unsigned seed = w->t->seed + w->id;
	char path[30], value[1200], back[1300];

	for (unsigned i = 0; i < ROUNDS; i++) {
		size_t len = (unsigned)rand_r(&seed) % sizeof(value);

		memset(value, 'a' + (int)(i + w->id) % 26, len);
		snprintf(path, sizeof(path), "w%u/%u", w->id, i % 5);
		if (pv_xs_write(xs, 0, path, value, len) < 0 ||
		    pv_xs_read(xs, 0, path, back, sizeof(back)) != (int)len ||
		    memcmp(back, value, len) || pv_xs_transaction(xs, bump, NULL) < 0)
			abort();
		if (w->id == 0)
			pv_xs_dispatch(xs);
	}
	return NULL;
}

START_TEST(threads_share_one_client)
{
	struct threads *t = calloc(1, sizeof(*t));
	struct pv_xs_transport tr = {.page = &t->p.page,
				     .ctx = t,
				     .notify = kick_store,
				     .wait = sleep_guest,
				     .wake = kick_guest,
				     .lock = take_lock,
				     .unlock = drop_lock};
	struct worker w[3];
	pthread_t thread[3], srv;
	struct seen seen = {0};
	struct pv_xs_watch watch = {.fn = on_watch, .arg = &seen, .path = "shared"};
	struct pv_store_quota q;
	uint64_t v;

	pv_store_quota_default(&q);
	q.conflict_burst = 0;
	rig_init(&t->p.rig, 1, &q);
	pthread_mutex_init(&t->mutex, NULL);
	pthread_mutex_init(&t->sleep, NULL);
	pthread_cond_init(&t->store_cond, NULL);
	pthread_cond_init(&t->guest_cond, NULL);
	t->seed = getenv("SEED") ? (unsigned)atoi(getenv("SEED")) : 1;
	printf("# SEED=%u\n", t->seed);
	pv_store_ring_init(&t->p.ring, t->p.rig.conn[1], &t->p.page, kick_guest, t);
	pv_xs_init(&t->p.xs, &tr);
	pthread_create(&srv, NULL, server, t);
	ck_assert_int_eq(pv_xs_write_string(&t->p.xs, 0, "shared", "0"), 0);
	ck_assert_int_eq(pv_xs_watch(&t->p.xs, &watch), 0);
	for (unsigned i = 0; i < 3; i++) {
		w[i] = (struct worker){t, i};
		pthread_create(&thread[i], NULL, client, &w[i]);
	}
	for (unsigned i = 0; i < 3; i++)
		pthread_join(thread[i], NULL);
	/* No increment was lost, and the watch saw some of them. */
	ck_assert_int_eq(pv_xs_read_number(&t->p.xs, 0, "shared", &v), 0);
	ck_assert_uint_eq(v, 3 * ROUNDS);
	pv_xs_dispatch(&t->p.xs);
	ck_assert_uint_gt(seen.n, 1);
	t->stop = true;
	kick_store(t);
	pthread_join(srv, NULL);
	ck_assert_int_eq(pv_store_audit(t->p.rig.store), 0);
	rig_end(&t->p.rig);
	free(t);
}
END_TEST

RUN("xs_ring", every_call_crosses_the_ring, messages_larger_than_the_ring_pass,
    long_directories_come_in_parts, watches_fire_at_first_and_after_changes,
    a_watch_callback_may_make_calls, a_spoiled_transaction_runs_again,
    a_silent_store_times_out_and_may_answer_later, the_client_survives_indices_out_of_range,
    the_client_survives_forged_answers, the_server_refuses_indices_and_lengths_and_lives,
    a_guest_that_reads_no_replies_stalls_only_itself, the_ring_goes_on_in_another_server,
    threads_share_one_client)
