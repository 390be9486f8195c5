/*
 * The backend bus of one device, over a domain and its store in this process. See bus.h.
 */
#include <errno.h>
#include <pv/abi/errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "host/bus.h"

enum { PAGE = 4096, BACK_DOMID = 0, BATCH = 32 };

/* The flags of struct pv_grant_map travel above its 32-bit handle. */
static uint64_t pack_handle(const struct pv_grant_map *m)
{
	return (uint64_t)m->flags << 32 | m->handle;
}

static int map_ring(void *ctx, const uint32_t *ref, unsigned n, void **va)
{
	struct host_bus *b = ctx;
	struct host_bus_ring *r = NULL;
	bool adjacent = true;
	unsigned done;

	for (unsigned i = 0; i < HOST_BUS_RINGS && !r; i++)
		if (!b->ring[i].va)
			r = &b->ring[i];
	if (!r || !n || n > HOST_BUS_RING_PAGES)
		return -PV_E2BIG;
	for (done = 0; done < n; done++) {
		if (pv_domain_grant_map(b->cfg.domain, BACK_DOMID, ref[done], 0, &r->map[done]))
			break;
		adjacent = adjacent && r->map[done].gfn == r->map[0].gfn + done;
	}
	r->alias = !adjacent;
	r->va = done == n ? r->map[0].ptr : NULL;
	if (r->va && r->alias) {
		char *area =
			mmap(NULL, (size_t)n * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		bool ok = area != MAP_FAILED;

		for (unsigned i = 0; i < n && ok; i++)
			ok = mmap(area + (size_t)i * PAGE, PAGE, PROT_READ | PROT_WRITE,
				  MAP_SHARED | MAP_FIXED, b->cfg.ram_fd,
				  (off_t)(r->map[i].gfn * PAGE)) != MAP_FAILED;
		if (!ok && area != MAP_FAILED)
			munmap(area, (size_t)n * PAGE);
		r->va = ok ? area : NULL;
	}
	if (!r->va) {
		while (done)
			pv_domain_grant_unmap(b->cfg.domain, BACK_DOMID, &r->map[--done]);
		return -PV_EINVAL;
	}
	r->n = n;
	*va = r->va;
	return 0;
}

static void unmap_ring(void *ctx, void *va, unsigned n)
{
	struct host_bus *b = ctx;

	for (unsigned i = 0; i < HOST_BUS_RINGS; i++) {
		struct host_bus_ring *r = &b->ring[i];

		if (r->va != va || !va)
			continue;
		if (r->alias)
			munmap(va, (size_t)r->n * PAGE);
		for (unsigned p = 0; p < r->n; p++)
			pv_domain_grant_unmap(b->cfg.domain, BACK_DOMID, &r->map[p]);
		memset(r, 0, sizeof(*r));
		return;
	}
}

static int map(void *ctx, struct pv_back_map *op, unsigned n)
{
	struct pv_grant_batch batch[BATCH];
	struct host_bus *b = ctx;
	unsigned failed = 0;

	while (n) {
		unsigned now = n < BATCH ? n : BATCH;

		for (unsigned i = 0; i < now; i++)
			batch[i] = (struct pv_grant_batch){
				.ref = op[i].ref,
				.map.flags = op[i].readonly ? PV_GRANT_READONLY : 0};
		failed += pv_domain_grant_map_batch(b->cfg.domain, BACK_DOMID, batch, now);
		for (unsigned i = 0; i < now; i++) {
			op[i].status = batch[i].status ? -PV_EFAULT : 0;
			if (op[i].status)
				continue;
			op[i].va = batch[i].map.ptr;
			op[i].handle = pack_handle(&batch[i].map);
		}
		op += now;
		n -= now;
	}
	return (int)failed;
}

static void unmap(void *ctx, const struct pv_back_map *op, unsigned n)
{
	struct pv_grant_batch batch[BATCH];
	struct host_bus *b = ctx;

	while (n) {
		unsigned now = 0;

		for (; n && now < BATCH; op++, n--) {
			if (op->status)
				continue;
			batch[now++].map = (struct pv_grant_map){
				.ptr = op->va,
				.gfn = (uint64_t)((char *)op->va - (char *)b->cfg.ram) / PAGE,
				.handle = (uint32_t)op->handle,
				.flags = (uint32_t)(op->handle >> 32),
			};
		}
		pv_domain_grant_unmap_batch(b->cfg.domain, BACK_DOMID, batch, now);
	}
}

static int copy(void *ctx, struct pv_back_copy *op, unsigned n)
{
	struct pv_grant_copy batch[BATCH];
	struct host_bus *b = ctx;
	uint32_t failed = 0;

	for (unsigned now; n; op += now, n -= now) {
		now = n < BATCH ? n : BATCH;
		for (unsigned i = 0; i < now; i++)
			batch[i] = (struct pv_grant_copy){.ref = op[i].ref,
							  .offset = op[i].offset,
							  .len = op[i].len,
							  .to_grant = op[i].to_grant,
							  .local = op[i].local};
		failed += pv_domain_grant_copy_batch(b->cfg.domain, BACK_DOMID, batch, now);
		for (unsigned i = 0; i < now; i++)
			op[i].status = batch[i].status ? -PV_EFAULT : 0;
	}
	return (int)failed;
}

static void dirty(void *ctx, const void *va, uint64_t len)
{
	struct host_bus *b = ctx;
	const char *p = va;
	uint64_t offset = (uint64_t)(p - (const char *)b->cfg.ram);

	if (p >= (const char *)b->cfg.ram && offset < b->cfg.ram_size) {
		b->cfg.mark_dirty(b->cfg.ctx, offset, len);
		return;
	}
	for (unsigned i = 0; i < HOST_BUS_RINGS; i++) {
		const struct host_bus_ring *r = &b->ring[i];
		const char *start = r->va;

		if (!start || p < start || p >= start + (size_t)r->n * PAGE)
			continue;
		for (uint64_t page = (uint64_t)(p - start) / PAGE;
		     page < r->n && start + page * PAGE < p + len; page++)
			b->cfg.mark_dirty(b->cfg.ctx, r->map[page].gfn * PAGE, PAGE);
	}
}

static void notify(void *ctx, uint32_t port)
{
	struct host_bus *b = ctx;

	if (port < HOST_BUS_PORTS)
		pv_domain_evtchn_send(b->cfg.domain, &b->port[port].host);
}

/* The domain's lock is held: only the eventfd. */
static void kicked(void *arg)
{
	const struct host_bus_port *p = arg;
	uint64_t one = 1;

	if (write(p->kick, &one, sizeof(one)) < 0)
		return; /* full: whoever reads it wakes anyway */
}

static int bind_queue(void *ctx, unsigned queue, uint32_t front_port)
{
	struct host_bus *b = ctx;

	if (queue >= HOST_BUS_QUEUES)
		return -PV_EINVAL;
	for (unsigned i = 0; i < HOST_BUS_PORTS; i++) {
		struct host_bus_port *p = &b->port[i];
		int rc;

		if (p->host.fn)
			continue;
		p->kick = b->kick[queue];
		p->host = (struct pv_host_port){
			.domid = BACK_DOMID, .kick = b->kick_index[queue], .fn = kicked, .arg = p};
		rc = pv_domain_evtchn_bind_host(b->cfg.domain, &p->host, front_port);
		if (rc < 0) {
			p->host.fn = NULL;
			return rc;
		}
		return (int)i;
	}
	return -PV_ENOSPC;
}

static int bind_port(void *ctx, uint32_t front_port)
{
	return bind_queue(ctx, 0, front_port);
}

static void unbind(void *ctx, uint32_t port)
{
	struct host_bus *b = ctx;

	if (port < HOST_BUS_PORTS && b->port[port].host.fn) {
		pv_domain_evtchn_unbind_host(b->cfg.domain, &b->port[port].host);
		b->port[port].host.fn = NULL;
	}
}

static int join(char path[160], const char *dir, const char *key)
{
	return snprintf(path, 160, "%s/%s", dir, key) < 160 ? 0 : -PV_E2BIG;
}

static int read_front(void *ctx, const char *key, char *buf, uint32_t len)
{
	struct host_bus *b = ctx;
	char path[160];
	int n;

	if (!len || join(path, b->front, key))
		return -PV_EINVAL;
	n = pv_store_read(pv_store_self(b->cfg.store), 0, path, buf, len - 1);
	if (n < 0)
		return n == -PV_ENOENT ? n : -PV_ENOENT;
	if ((uint32_t)n > len - 1)
		n = (int)len - 1;
	buf[n] = 0;
	return n;
}

static int write_own(void *ctx, const char *key, const char *value)
{
	struct host_bus *b = ctx;
	char path[160];

	if (join(path, b->back, key))
		return -PV_EINVAL;
	return pv_store_write_string(pv_store_self(b->cfg.store), 0, path, value);
}

static int switch_state(void *ctx, int state)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", state);
	return write_own(ctx, "state", text);
}

static int front_state(void *ctx)
{
	char text[16];
	int state = 0;

	if (read_front(ctx, "state", text, sizeof(text)) <= 0)
		return 0;
	for (const char *p = text; *p; p++) {
		if (*p < '0' || *p > '9' || state > 99)
			return 0;
		state = state * 10 + *p - '0';
	}
	return state;
}

void host_bus_tell(struct host_bus *b, const char *reason)
{
	unsigned before = __atomic_fetch_add(&b->told, 1, __ATOMIC_RELAXED);

	/* A frontend can break and reconnect as often as it likes (XSA-157: no log flood). */
	if (before < HOST_BUS_REASONS)
		b->cfg.broken(b->cfg.ctx, b->cfg.kind, b->cfg.index, reason);
	else if (before == HOST_BUS_REASONS)
		b->cfg.broken(b->cfg.ctx, b->cfg.kind, b->cfg.index,
			      "so often that it is not told any more");
}

static void broken(void *ctx, const char *reason)
{
	host_bus_tell(ctx, reason);
}

void host_bus_init(struct host_bus *b, const struct host_bus_config *cfg)
{
	memset(b, 0, sizeof(*b));
	b->cfg = *cfg;
	for (unsigned i = 0; i < HOST_BUS_QUEUES; i++)
		host_bus_set_kick(b, i, cfg->kick, cfg->kick_index);
	snprintf(b->front, sizeof(b->front), "/local/domain/%u/device/%s/%u", cfg->domid, cfg->kind,
		 cfg->index);
	snprintf(b->back, sizeof(b->back), "/local/domain/0/backend/%s/%u/%u", cfg->kind,
		 cfg->domid, cfg->index);
	b->bus = (struct pv_back_bus){
		.size = sizeof(b->bus),
		.ctx = b,
		.map_ring = map_ring,
		.unmap_ring = unmap_ring,
		.map = map,
		.unmap = unmap,
		.copy = copy,
		.dirty = dirty,
		.notify = notify,
		.bind = bind_port,
		.unbind = unbind,
		.read_front = read_front,
		.write = write_own,
		.switch_state = switch_state,
		.front_state = front_state,
		.broken = broken,
		.bind_queue = bind_queue,
	};
}

void host_bus_set_kick(struct host_bus *b, unsigned queue, int kick, uint16_t kick_index)
{
	b->kick[queue] = kick;
	b->kick_index[queue] = kick_index;
}

void host_bus_close(struct host_bus *b)
{
	for (unsigned i = 0; i < HOST_BUS_PORTS; i++)
		unbind(b, i);
	for (unsigned i = 0; i < HOST_BUS_RINGS; i++)
		unmap_ring(b, b->ring[i].va, b->ring[i].n);
}
