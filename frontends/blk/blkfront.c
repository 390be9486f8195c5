/*
 * Block frontend: the data path. See pv/front/blk.h.
 *
 * Trust: the backend is hostile. A response names a request by number and generation; what does
 * not name one in flight, or echoes another operation, breaks the device. Nothing is ever read
 * back from a request slot or an indirect page.
 */
#include "../../libpv/common/mem.h"
#include "internal.h"

#define SECTOR 512u

static uint32_t op_on_wire(uint8_t op)
{
	switch (op) {
	case PV_BLKFRONT_READ: return PV_BLKIF_OP_READ;
	case PV_BLKFRONT_WRITE: return PV_BLKIF_OP_WRITE;
	case PV_BLKFRONT_FLUSH: return PV_BLKIF_OP_FLUSH_DISKCACHE;
	default: return PV_BLKIF_OP_DISCARD;
	}
}

/* Pieces within one page each, and the length in bytes; -PV_EINVAL if anything is not aligned. */
static int measure(const struct pv_blkfront *f, const struct pv_blkfront_req *r, uint64_t *bytes)
{
	uint64_t n = 0, total = 0;
	uint32_t i;

	for (i = 0; i < r->nseg; i++) {
		uint64_t first = (uint64_t)(uintptr_t)r->seg[i].va, len = r->seg[i].len;

		if (len == 0 || first % f->info.sector_size || len % f->info.sector_size)
			return -PV_EINVAL;
		n += (first + len - 1) / PAGE - first / PAGE + 1;
		total += len;
	}
	*bytes = total;
	return n > INT32_MAX ? -PV_E2BIG : (int)n;
}

/* Pieces (0 for a request without data), or the error that submit returns. */
static int check(const struct pv_blkfront *f, const struct pv_blkfront_req *r)
{
	uint64_t bytes = 0, n;
	int pieces = 0;

	if (r->op == PV_BLKFRONT_FLUSH)
		return f->info.flush ? 0 : -PV_EOPNOTSUPP;
	if (r->op > PV_BLKFRONT_DISCARD)
		return -PV_EINVAL;
	if (r->op == PV_BLKFRONT_DISCARD && !f->info.discard)
		return -PV_EOPNOTSUPP;
	if (r->op != PV_BLKFRONT_READ && f->info.readonly)
		return -PV_EROFS;
	if (r->op == PV_BLKFRONT_DISCARD) {
		n = r->nr_sectors;
	} else {
		pieces = measure(f, r, &bytes);
		n = bytes / SECTOR;
	}
	if (pieces < 0)
		return pieces;
	if (n == 0 || r->sector > f->info.sectors || n > f->info.sectors - r->sector ||
	    (r->sector | n) % (f->info.sector_size / SECTOR))
		return -PV_EINVAL;
	return (uint32_t)pieces > f->info.max_segs ? -PV_E2BIG : pieces;
}

/* A page of the pool in place of the caller's: granted for both directions, once and for all. */
static void lend(struct pv_blkfront *f, struct pv_blkfront_slot *s, uint32_t i, uint64_t va,
		 uint32_t len)
{
	uint8_t *page = f->pool + (uint64_t)i * PAGE;

	if (!f->gref[i].granted)
		f->bus->permit(f->bus->ctx, f->gref[i].ref, page, false);
	f->gref[i].granted = true;
	if (s->op != PV_BLKIF_OP_READ)
		memcpy(page + va % PAGE, (const void *)(uintptr_t)va, len);
}

static struct pv_blkif_request_segment grant(struct pv_blkfront *f, struct pv_blkfront_slot *s,
					     uint64_t va, uint32_t len)
{
	uint32_t i = f->free_gref;

	f->free_gref = f->gref[i].next;
	f->nr_free_gref--;
	f->gref[i].next = NONE;
	if (s->gref == NONE)
		s->gref = i;
	else
		f->gref[s->last].next = i;
	s->last = i;
	if (f->info.persistent)
		lend(f, s, i, va, len);
	else
		f->bus->permit(f->bus->ctx, f->gref[i].ref, (void *)(uintptr_t)va,
			       s->op != PV_BLKIF_OP_READ);
	return (struct pv_blkif_request_segment){
		.gref = f->gref[i].ref,
		.first_sect = (uint8_t)(va % PAGE / SECTOR),
		.last_sect = (uint8_t)((va % PAGE + len) / SECTOR - 1),
	};
}

/* What was read into pages of the pool goes where the caller wants it. */
static void copy_back(struct pv_blkfront *f, const struct pv_blkfront_slot *s)
{
	uint32_t i, g = s->gref;

	for (i = 0; i < s->req->nseg; i++) {
		uint64_t va = (uint64_t)(uintptr_t)s->req->seg[i].va, left = s->req->seg[i].len;

		while (left) {
			uint32_t room = PAGE - (uint32_t)(va % PAGE);
			uint32_t len = left < room ? (uint32_t)left : room;

			memcpy((void *)(uintptr_t)va, f->pool + (uint64_t)g * PAGE + va % PAGE,
			       len);
			g = f->gref[g].next;
			va += len;
			left -= len;
		}
	}
}

/* Grants every piece and writes its segment to `to`, in memory that the backend may see:
 * stores only. */
static void grant_all(struct pv_blkfront *f, struct pv_blkfront_slot *s,
		      struct pv_blkif_request_segment *to)
{
	uint32_t i;

	for (i = 0; i < s->req->nseg; i++) {
		uint64_t va = (uint64_t)(uintptr_t)s->req->seg[i].va, left = s->req->seg[i].len;

		while (left) {
			uint32_t room = PAGE - (uint32_t)(va % PAGE);
			uint32_t len = left < room ? (uint32_t)left : room;
			struct pv_blkif_request_segment seg = grant(f, s, va, len);

			pv_ring_copy_out(to++, &seg, sizeof(seg));
			va += len;
			left -= len;
		}
	}
}

static void write_direct(struct pv_blkfront *f, struct pv_blkfront_slot *s, uint64_t id,
			 uint32_t pieces)
{
	struct pv_blkif_request w;

	memset(&w, 0, sizeof(w));
	w.operation = s->op;
	w.nr_segments = (uint8_t)pieces;
	w.id = id;
	w.sector_number = s->req->op == PV_BLKFRONT_FLUSH ? 0 : s->req->sector;
	if (pieces)
		grant_all(f, s, w.seg);
	pv_ring_copy_out(pv_ring_front_next(&f->ring), &w, sizeof(w));
}

static void write_indirect(struct pv_blkfront *f, struct pv_blkfront_slot *s, uint64_t id,
			   uint32_t pieces)
{
	struct pv_blkif_request_indirect w;
	uint8_t *page;

	s->ind = f->free_ind;
	page = f->ind_page + (uint64_t)s->ind * PAGE;
	f->free_ind = f->ind_next[s->ind];
	grant_all(f, s, (struct pv_blkif_request_segment *)page);

	memset(&w, 0, sizeof(w));
	w.operation = PV_BLKIF_OP_INDIRECT;
	w.indirect_op = s->op;
	w.nr_segments = (uint16_t)pieces;
	w.id = id;
	w.sector_number = s->req->sector;
	w.indirect_grefs[0] = f->ind_ref[s->ind];
	pv_ring_copy_out(pv_ring_front_next(&f->ring), &w, sizeof(w));
}

static void write_discard(struct pv_blkfront *f, struct pv_blkfront_slot *s, uint64_t id)
{
	struct pv_blkif_request_discard w;

	memset(&w, 0, sizeof(w));
	w.operation = PV_BLKIF_OP_DISCARD;
	w.id = id;
	w.sector_number = s->req->sector;
	w.nr_sectors = s->req->nr_sectors;
	pv_ring_copy_out(pv_ring_front_next(&f->ring), &w, sizeof(w));
}

static int send(struct pv_blkfront *f, struct pv_blkfront_req *req)
{
	struct pv_blkfront_slot *s;
	int pieces = check(f, req);
	bool indirect = pieces > PV_BLKIF_MAX_SEGMENTS_PER_REQUEST;
	uint32_t index = f->free_slot;
	uint64_t id;

	if (pieces < 0)
		return pieces;
	if (index == NONE || pv_ring_front_room(&f->ring) == 0 ||
	    (uint32_t)pieces > f->nr_free_gref || (indirect && f->free_ind == NONE))
		return -PV_EAGAIN;

	s = &f->slot[index];
	f->free_slot = s->next;
	s->req = req;
	s->generation = ++f->generation;
	s->gref = s->ind = NONE;
	s->op = (uint8_t)op_on_wire(req->op);
	id = (uint64_t)s->generation << 32 | index;
	req->status = PV_BLKFRONT_BUSY;
	if (indirect)
		write_indirect(f, s, id, (uint32_t)pieces);
	else if (req->op == PV_BLKFRONT_DISCARD)
		write_discard(f, s, id);
	else
		write_direct(f, s, id, (uint32_t)pieces);
	return 0;
}

int pv_blkfront_submit(struct pv_blkfront *f, struct pv_blkfront_req *req)
{
	if (f->broken)
		return -PV_EPROTO;
	if (f->suspended || f->again)
		return -PV_EAGAIN;
	if (!f->ready)
		return -PV_ENOTCONN;
	return send(f, req);
}

void pv_blkfront_push(struct pv_blkfront *f)
{
	if (f->ready && !f->broken && !f->suspended && pv_ring_front_push(&f->ring))
		f->bus->notify(f->bus->ctx, f->port);
}

/* Frees a slot; 0, or -PV_EBUSY when the backend still holds memory of the request. */
static int retire(struct pv_blkfront *f, struct pv_blkfront_slot *s)
{
	uint32_t i, next;
	int rc = 0;

	for (i = s->gref; i != NONE; i = next) {
		next = f->gref[i].next;
		if (!f->info.persistent && f->bus->revoke(f->bus->ctx, f->gref[i].ref) < 0) {
			/* The reference is the bus's now; the pool goes on without it. */
			f->bus->gref_free(f->bus->ctx, &f->gref[i].ref, 1);
			f->gref[i].ref = PV_FRONT_NO_GREF;
			rc = -PV_EBUSY;
			continue;
		}
		f->gref[i].next = f->free_gref;
		f->free_gref = i;
		f->nr_free_gref++;
	}
	if (s->ind != NONE) {
		f->ind_next[s->ind] = f->free_ind;
		f->free_ind = s->ind;
	}
	s->req = NULL;
	s->next = f->free_slot;
	f->free_slot = (uint32_t)(s - f->slot);
	return rc;
}

static void finish(struct pv_blkfront_req *req, int status)
{
	req->status = status;
	if (req->done)
		req->done(req);
}

void pv_blkfront_fail_all(struct pv_blkfront *f)
{
	uint32_t i;

	for (i = 0; i < f->nr_slots; i++) {
		struct pv_blkfront_req *req = f->slot[i].req;
		int rc;

		if (!req)
			continue;
		rc = retire(f, &f->slot[i]);
		finish(req, rc < 0 ? rc : -PV_EIO);
	}
}

void pv_blkfront_break(struct pv_blkfront *f, const char *reason)
{
	if (f->broken)
		return;
	f->broken = true;
	f->reason = reason;
	if (f->bus->broken)
		f->bus->broken(f->bus->ctx, reason);
	pv_blkfront_fail_all(f);
}

static int status_of(int16_t wire)
{
	if (wire == PV_BLKIF_RSP_OKAY)
		return 0;
	return wire == PV_BLKIF_RSP_EOPNOTSUPP ? -PV_EOPNOTSUPP : -PV_EIO;
}

/* One response; false when it broke the device. */
static bool take(struct pv_blkfront *f)
{
	struct pv_blkif_response rsp;
	struct pv_blkfront_slot *s;
	struct pv_blkfront_req *req;
	uint32_t index;
	int rc;

	pv_ring_front_take(&f->ring, &rsp, sizeof(rsp));
	index = (uint32_t)rsp.id;
	s = index < f->nr_slots ? &f->slot[index] : NULL;
	if (!s || !s->req || s->generation != rsp.id >> 32) {
		pv_blkfront_break(f, "response to a request that is not in flight");
		return false;
	}
	if (rsp.operation != s->op) {
		pv_blkfront_break(f, "response with another operation than its request");
		return false;
	}
	req = s->req;
	if (f->info.persistent && rsp.status == PV_BLKIF_RSP_OKAY && s->op == PV_BLKIF_OP_READ)
		copy_back(f, s);
	rc = retire(f, s);
	if (rc < 0) {
		pv_blkfront_break(f, "response while the backend still holds the memory");
		finish(req, rc);
		return false;
	}
	finish(req, status_of(rsp.status));
	return true;
}

int pv_blkfront_reap(struct pv_blkfront *f, uint32_t budget)
{
	uint32_t reaped = 0;
	int n = 0;

	if (f->broken)
		return -PV_EPROTO;
	if (!f->ready || f->suspended)
		return 0;
	while (reaped < budget && f->ready && !f->broken) {
		if (n == 0)
			n = pv_ring_front_pending(&f->ring);
		if (n < 0)
			pv_blkfront_break(f, "response producer beyond the requests");
		if (n <= 0 || !take(f))
			break;
		reaped++;
		n--;
	}
	if (f->broken)
		return -PV_EPROTO;
	if (f->again)
		pv_blkfront_send_again(f);
	return (int)reaped;
}

bool pv_blkfront_arm(struct pv_blkfront *f)
{
	return f->ready && !f->broken && !f->suspended && pv_ring_front_arm(&f->ring) != 0;
}

/* Puts a carried request where its age belongs. Ages are compared around zero: they wrap. */
static void carry_one(struct pv_blkfront *f, struct pv_blkfront_req *req, uint32_t generation)
{
	struct pv_blkfront_req **p = &f->again;

	req->age = generation;
	while (*p && (int32_t)((*p)->age - generation) < 0)
		p = &(*p)->next;
	req->next = *p;
	*p = req;
}

void pv_blkfront_carry(struct pv_blkfront *f)
{
	uint32_t i;

	for (i = 0; i < f->nr_slots; i++) {
		struct pv_blkfront_req *req = f->slot[i].req;

		if (!req)
			continue;
		(void)retire(f, &f->slot[i]);
		carry_one(f, req, f->slot[i].generation);
	}
}

void pv_blkfront_send_again(struct pv_blkfront *f)
{
	while (f->again && f->ready && !f->broken) {
		struct pv_blkfront_req *req = f->again;
		int rc = send(f, req);

		if (rc == -PV_EAGAIN)
			break;
		f->again = req->next;
		/* The new backend offers less than the old one did. */
		if (rc < 0)
			finish(req, rc);
	}
	pv_blkfront_push(f);
}
