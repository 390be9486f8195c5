/*
 * A bus in memory: see mem_bus.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <pv/abi/errno.h>
#include "mem_bus.h"

uint32_t rng_next(struct rng *r)
{
	/* splitmix64 */
	uint64_t z = (r->s += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return (uint32_t)((z ^ (z >> 31)) >> 16);
}

uint32_t rng_below(struct rng *r, uint32_t n)
{
	return n ? rng_next(r) % n : 0;
}

uint64_t test_seed(const char *what)
{
	const char *s = getenv("PV_TEST_SEED");
	uint64_t seed = s ? strtoull(s, NULL, 0) : (uint64_t)time(NULL);

	printf("# %s: PV_TEST_SEED=%llu\n", what, (unsigned long long)seed);
	fflush(stdout);
	return seed;
}

unsigned test_runs(unsigned full)
{
#if defined(__SANITIZE_THREAD__)
	return full / 20;
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
	return full / 20;
#endif
#endif
	return full;
}

static void breach(struct mem_bus *m, const char *what, uint32_t ref)
{
	if (!m->error[0])
		snprintf(m->error, sizeof(m->error), "%s (%u)", what, ref);
}

static bool fails(long *after)
{
	if (*after < 0)
		return false;
	if (*after == 0) {
		*after = -1;
		return true;
	}
	(*after)--;
	return false;
}

static void enter(struct mem_bus *m)
{
	pthread_mutex_lock(&m->lock);
}

static void leave(struct mem_bus *m)
{
	pthread_mutex_unlock(&m->lock);
}

bool mem_bus_take(unsigned *word)
{
	return __atomic_exchange_n(word, 0, __ATOMIC_ACQ_REL);
}

void raise_event(unsigned *word)
{
	__atomic_store_n(word, 1, __ATOMIC_RELEASE);
}

/* --- the frontend's table --- */

static void *pages_alloc(void *ctx, unsigned n)
{
	struct mem_bus *m = ctx;
	void *va = NULL;

	enter(m);
	if (!fails(&m->fail_front_after) &&
	    posix_memalign(&va, MEM_PAGE, (size_t)n * MEM_PAGE) == 0) {
		memset(va, 0, (size_t)n * MEM_PAGE);
		m->pages += n;
	}
	leave(m);
	return va;
}

static void pages_free(void *ctx, void *va, unsigned n)
{
	struct mem_bus *m = ctx;
	unsigned i;

	enter(m);
	for (i = 0; i < MEM_REFS; i++) {
		const struct mem_grant *g = &m->grant[i];

		if (g->permitted && g->page >= (uint8_t *)va &&
		    g->page < (uint8_t *)va + (size_t)n * MEM_PAGE)
			breach(m, "page freed while granted", i);
	}
	m->pages -= n;
	leave(m);
	free(va);
}

static int gref_alloc(void *ctx, uint32_t *ref, unsigned n)
{
	struct mem_bus *m = ctx;
	unsigned i, got = 0;

	enter(m);
	if (fails(&m->fail_front_after)) {
		leave(m);
		return -PV_ENOSPC;
	}
	/* Reference 0 is never given: a driver that forgets to set one is noticed. */
	for (i = 1; i < m->gref_limit && got < n; i++)
		if (!m->grant[i].allocated)
			ref[got++] = i;
	if (got == n) {
		for (i = 0; i < n; i++)
			m->grant[ref[i]].allocated = true;
		m->refs += n;
	}
	leave(m);
	return got == n ? 0 : -PV_ENOSPC;
}

static void gref_free(void *ctx, const uint32_t *ref, unsigned n)
{
	struct mem_bus *m = ctx;

	enter(m);
	while (n--) {
		uint32_t r = *ref++;

		if (r >= MEM_REFS || !m->grant[r].allocated) {
			breach(m, "freed a reference that is not allocated", r);
			continue;
		}
		if (m->grant[r].permitted && !m->grant[r].zombie)
			breach(m, "freed a reference that was not revoked", r);
		if (!m->grant[r].zombie)
			m->grant[r].allocated = false;
		m->refs--;
	}
	leave(m);
}

static void permit(void *ctx, uint32_t ref, const void *va, bool readonly)
{
	struct mem_bus *m = ctx;

	enter(m);
	if (ref >= MEM_REFS || !m->grant[ref].allocated) {
		breach(m, "permitted a reference that is not allocated", ref);
	} else {
		if (m->grant[ref].permitted)
			breach(m, "permitted twice", ref);
		m->grant[ref].permitted = true;
		m->grant[ref].readonly = readonly;
		m->grant[ref].page = (uint8_t *)((uintptr_t)va & ~(uintptr_t)(MEM_PAGE - 1));
	}
	leave(m);
}

static int end_access(void *ctx, uint32_t ref)
{
	struct mem_bus *m = ctx;
	int rc = 0;

	enter(m);
	if (ref >= MEM_REFS || !m->grant[ref].allocated) {
		breach(m, "revoked a reference that is not allocated", ref);
	} else if (m->grant[ref].maps) {
		m->grant[ref].zombie = true;
		rc = -PV_EBUSY;
	} else {
		m->grant[ref].permitted = false;
	}
	leave(m);
	return rc;
}

static int evtchn_alloc(void *ctx, void (*fn)(void *arg), void *arg, uint32_t *port)
{
	struct mem_bus *m = ctx;
	uint32_t i;
	int rc = -PV_ENOSPC;

	enter(m);
	for (i = 1; i < MEM_PORTS && rc && !fails(&m->fail_front_after); i++)
		if (!m->port[i].used) {
			m->port[i] = (struct mem_port){.used = true, .fn = fn, .arg = arg};
			m->ports++;
			*port = i;
			rc = 0;
		}
	leave(m);
	return rc;
}

static void evtchn_close(void *ctx, uint32_t port)
{
	struct mem_bus *m = ctx;

	enter(m);
	if (port >= MEM_PORTS || !m->port[port].used) {
		breach(m, "closed a port that is not open", port);
	} else {
		m->port[port].used = false;
		m->ports--;
	}
	leave(m);
}

static void front_notify(void *ctx, uint32_t port)
{
	struct mem_bus *m = ctx;
	uint64_t one = 1;
	int kick = -1;
	bool bound;

	enter(m);
	m->notifies[0]++;
	/* An event sent before the backend has bound is lost, as on Xen. */
	bound = port < MEM_PORTS && m->port[port].used && m->port[port].bound;
	if (bound)
		kick = m->port[port].queue ? m->more_kicks[m->port[port].queue] : m->kick_fd;
	leave(m);
	if (!bound)
		return;
	raise_event(&m->back_event);
	if (kick >= 0 && write(kick, &one, sizeof(one)) != sizeof(one))
		abort();
}

static int dir_get(struct mem_bus *m, unsigned dir, const char *key, char *buf, uint32_t len)
{
	struct mem_dir *d = &m->dir[dir];
	unsigned i;
	int rc = -PV_ENOENT;

	enter(m);
	for (i = 0; i < d->n; i++)
		if (strcmp(d->key[i].key, key) == 0) {
			snprintf(buf, len, "%s", d->key[i].value);
			rc = (int)strlen(d->key[i].value);
		}
	leave(m);
	return rc;
}

static void dir_set(struct mem_dir *d, const char *key, const char *value)
{
	unsigned i;

	for (i = 0; i < d->n && strcmp(d->key[i].key, key) != 0; i++)
		;
	if (i == MEM_KEYS)
		abort();
	if (i == d->n)
		d->n++;
	snprintf(d->key[i].key, sizeof(d->key[i].key), "%s", key);
	snprintf(d->key[i].value, sizeof(d->key[i].value), "%s", value);
}

static void set_state(struct mem_bus *m, unsigned dir, int state)
{
	__atomic_store_n(&m->dir[dir].state, state, __ATOMIC_RELEASE);
	raise_event(dir ? &m->front_watch : &m->back_watch);
}

static int read_own(void *ctx, const char *key, char *buf, uint32_t len)
{
	return dir_get(ctx, 0, key, buf, len);
}

static int read_peer(void *ctx, const char *key, char *buf, uint32_t len)
{
	return dir_get(ctx, 1, key, buf, len);
}

static int publish(void *ctx, const struct pv_front_key *keys, unsigned n, int state)
{
	struct mem_bus *m = ctx;

	enter(m);
	if (n && fails(&m->fail_front_after)) {
		leave(m);
		return -PV_EIO;
	}
	while (n--) {
		dir_set(&m->dir[0], keys->key, keys->value);
		keys++;
	}
	set_state(m, 0, state);
	leave(m);
	return 0;
}

static int peer_state(void *ctx)
{
	struct mem_bus *m = ctx;

	return __atomic_load_n(&m->dir[1].state, __ATOMIC_ACQUIRE);
}

static void broken(void *ctx, const char *reason)
{
	struct mem_bus *m = ctx;

	enter(m);
	snprintf(m->broken, sizeof(m->broken), "%s", reason);
	__atomic_add_fetch(&m->nr_broken, 1, __ATOMIC_RELEASE);
	leave(m);
}

/* --- the backend's table --- */

static struct mem_grant *usable(struct mem_bus *m, uint32_t ref, bool write)
{
	struct mem_grant *g = ref < MEM_REFS ? &m->grant[ref] : NULL;

	return g && g->permitted && !(write && g->readonly) ? g : NULL;
}

static int map_ring(void *ctx, const uint32_t *ref, unsigned n, void **va)
{
	struct mem_bus *m = ctx;
	struct mem_grant *first;
	unsigned i;
	int rc = 0;

	enter(m);
	first = usable(m, ref[0], true);
	if (!first || fails(&m->fail_back_after))
		rc = -PV_EINVAL;
	/* One process, one mapping: the pages have to be contiguous as the frontend allocated
	 * them. */
	for (i = 0; i < n && !rc; i++) {
		struct mem_grant *g = usable(m, ref[i], true);

		if (!g || g->page != first->page + (size_t)i * MEM_PAGE)
			rc = -PV_EINVAL;
	}
	for (i = 0; i < n && !rc; i++)
		m->grant[ref[i]].maps++;
	if (!rc) {
		m->maps += n;
		*va = first->page;
	}
	leave(m);
	return rc;
}

static void drop_map(struct mem_bus *m, uint32_t ref)
{
	if (ref >= MEM_REFS || m->grant[ref].maps == 0) {
		breach(m, "unmapped what is not mapped", ref);
		return;
	}
	m->grant[ref].maps--;
	m->maps--;
}

static void unmap_ring(void *ctx, void *va, unsigned n)
{
	struct mem_bus *m = ctx;
	unsigned i, r;

	enter(m);
	for (i = 0; i < n; i++) {
		for (r = 0; r < MEM_REFS; r++)
			if (m->grant[r].maps &&
			    m->grant[r].page == (uint8_t *)va + (size_t)i * MEM_PAGE)
				break;
		drop_map(m, r);
	}
	leave(m);
}

static int map(void *ctx, struct pv_back_map *op, unsigned n)
{
	struct mem_bus *m = ctx;
	int failed = 0;

	enter(m);
	for (; n--; op++) {
		struct mem_grant *g = usable(m, op->ref, !op->readonly);

		if (!g || fails(&m->fail_back_after)) {
			op->status = -PV_EINVAL;
			failed++;
			continue;
		}
		g->maps++;
		m->maps++;
		op->va = g->page;
		op->handle = op->ref;
		op->status = 0;
	}
	leave(m);
	return failed;
}

static void unmap(void *ctx, const struct pv_back_map *op, unsigned n)
{
	struct mem_bus *m = ctx;

	enter(m);
	for (; n--; op++) {
		if (op->status)
			breach(m, "unmapped a failed mapping", op->ref);
		drop_map(m, (uint32_t)op->handle);
	}
	leave(m);
}

static int copy(void *ctx, struct pv_back_copy *op, unsigned n)
{
	struct mem_bus *m = ctx;
	int failed = 0;

	enter(m);
	for (; n--; op++) {
		struct mem_grant *g = usable(m, op->ref, op->to_grant);

		if (op->offset + op->len > MEM_PAGE)
			breach(m, "copy beyond the page", op->ref);
		else if (g && !fails(&m->fail_back_after)) {
			if (op->to_grant)
				memcpy(g->page + op->offset, op->local, op->len);
			else
				memcpy(op->local, g->page + op->offset, op->len);
			op->status = 0;
			continue;
		}
		op->status = -PV_EINVAL;
		failed++;
	}
	leave(m);
	return failed;
}

static void dirty(void *ctx, const void *va, uint64_t len)
{
	struct mem_bus *m = ctx;

	enter(m);
	m->dirty += len;
	leave(m);
}

static void back_notify(void *ctx, uint32_t port)
{
	struct mem_bus *m = ctx;
	struct mem_port p = {0};

	enter(m);
	m->notifies[1]++;
	if (port < MEM_PORTS && m->port[port].used) {
		m->port[port].notifies++;
		p = m->port[port];
	}
	leave(m);
	if (!p.used)
		return;
	raise_event(&m->front_event);
	if (p.fn)
		p.fn(p.arg);
}

static int bind_queue(void *ctx, unsigned queue, uint32_t port)
{
	struct mem_bus *m = ctx;
	int rc = -PV_EINVAL;

	enter(m);
	if (queue < MEM_KICKS && port < MEM_PORTS && m->port[port].used && !m->port[port].bound &&
	    !fails(&m->fail_back_after)) {
		m->port[port].bound = true;
		m->port[port].queue = queue;
		rc = (int)port;
	}
	leave(m);
	return rc;
}

static int bind_port(void *ctx, uint32_t port)
{
	return bind_queue(ctx, 0, port);
}

static void unbind_port(void *ctx, uint32_t port)
{
	struct mem_bus *m = ctx;

	enter(m);
	if (port >= MEM_PORTS || (m->port[port].used && !m->port[port].bound))
		breach(m, "unbound a port that is not bound", port);
	else
		m->port[port].bound = false;
	leave(m);
}

static int read_front(void *ctx, const char *key, char *buf, uint32_t len)
{
	return dir_get(ctx, 0, key, buf, len);
}

static int write_back(void *ctx, const char *key, const char *value)
{
	mem_dir_write(ctx, 1, key, value);
	return 0;
}

static int switch_state(void *ctx, int state)
{
	mem_dir_state(ctx, 1, state);
	return 0;
}

static int front_state(void *ctx)
{
	struct mem_bus *m = ctx;

	return __atomic_load_n(&m->dir[0].state, __ATOMIC_ACQUIRE);
}

/* --- the test's side --- */

void mem_dir_write(struct mem_bus *m, unsigned dir, const char *key, const char *value)
{
	enter(m);
	dir_set(&m->dir[dir], key, value);
	leave(m);
}

const char *mem_dir_read(struct mem_bus *m, unsigned dir, const char *key)
{
	unsigned i;

	for (i = 0; i < m->dir[dir].n; i++)
		if (strcmp(m->dir[dir].key[i].key, key) == 0)
			return m->dir[dir].key[i].value;
	return NULL;
}

void mem_dir_state(struct mem_bus *m, unsigned dir, int state)
{
	enter(m);
	set_state(m, dir, state);
	leave(m);
}

void *mem_grant_page(struct mem_bus *m, uint32_t ref)
{
	struct mem_grant *g = usable(m, ref, false);

	return g ? g->page : NULL;
}

const char *mem_bus_error(struct mem_bus *m)
{
	return m->error[0] ? m->error : NULL;
}

bool mem_bus_idle(struct mem_bus *m, unsigned pages)
{
	if (m->pages == pages && !m->refs && !m->maps && !m->ports)
		return true;
	printf("# left: %u pages, %u references, %u mappings, %u ports\n", m->pages, m->refs,
	       m->maps, m->ports);
	return false;
}

void mem_bus_init(struct mem_bus *m)
{
	memset(m, 0, sizeof(*m));
	pthread_mutex_init(&m->lock, NULL);
	m->gref_limit = MEM_REFS;
	m->kick_fd = -1;
	memset(m->more_kicks, 0xff, sizeof(m->more_kicks));
	m->fail_front_after = m->fail_back_after = -1;
	m->dir[0].state = m->dir[1].state = 1;
	m->front = (struct pv_front_bus){.size = sizeof(m->front),
					 .ctx = m,
					 .pages_alloc = pages_alloc,
					 .pages_free = pages_free,
					 .gref_alloc = gref_alloc,
					 .gref_free = gref_free,
					 .permit = permit,
					 .revoke = end_access,
					 .evtchn_alloc = evtchn_alloc,
					 .evtchn_close = evtchn_close,
					 .notify = front_notify,
					 .read_own = read_own,
					 .read_peer = read_peer,
					 .publish = publish,
					 .peer_state = peer_state,
					 .broken = broken};
	m->back = (struct pv_back_bus){.size = sizeof(m->back),
				       .ctx = m,
				       .map_ring = map_ring,
				       .unmap_ring = unmap_ring,
				       .map = map,
				       .unmap = unmap,
				       .copy = copy,
				       .dirty = dirty,
				       .notify = back_notify,
				       .bind = bind_port,
				       .unbind = unbind_port,
				       .read_front = read_front,
				       .write = write_back,
				       .switch_state = switch_state,
				       .front_state = front_state,
				       .broken = broken,
				       .bind_queue = bind_queue};
}

void mem_bus_fini(struct mem_bus *m)
{
	pthread_mutex_destroy(&m->lock);
}
