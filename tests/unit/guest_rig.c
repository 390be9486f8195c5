/*
 * The made-up hypervisor: see guest_rig.h. Trusts the library's pointers: both are one process.
 */
#include "guest_rig.h"
#include <stdlib.h>
#include <string.h>

static void *alloc(void *ctx, unsigned n)
{
	struct rig *r = ctx;
	unsigned i;

	ck_assert_uint_eq(n, 1);
	ck_assert_msg(!r->locked, "pages are asked for with the lock held");
	if (!r->pages_left)
		return NULL;
	r->pages_left--;
	for (i = 1; i < RIG_PAGES && r->used[i]; i++)
		;
	ck_assert_uint_lt(i, RIG_PAGES);
	r->used[i] = true;
	r->nr_used++;
	return memset(r->ram + i * 4096, 0, 4096);
}

static uint64_t gfn_of(void *ctx, const void *va)
{
	struct rig *r = ctx;

	return (uint64_t)((const unsigned char *)va - r->ram) / 4096;
}

static void release(void *ctx, void *va, unsigned n)
{
	struct rig *r = ctx;
	uint64_t i = gfn_of(ctx, va);

	ck_assert(i < RIG_PAGES && r->used[i]);
	r->used[i] = false;
	r->nr_used--;
}

static void *map(void *ctx, const uint64_t *gfn, unsigned n, unsigned attr)
{
	struct rig *r = ctx;

	return gfn[0] < RIG_PAGES ? r->ram + gfn[0] * 4096 : NULL;
}

static unsigned long lock(void *ctx)
{
	struct rig *r = ctx;

	return r->locked++;
}

static void unlock(void *ctx, unsigned long flags)
{
	struct rig *r = ctx;

	r->locked--;
	ck_assert_uint_eq(r->locked, flags);
}

static uint64_t now(void *ctx)
{
	return ((struct rig *)ctx)->now;
}

static int64_t evtchn(struct rig *r, uint64_t op, void *arg)
{
	struct pv_evtchn_unmask *u = arg;
	struct pv_shared_info *si = r->pv.shared_info;

	switch (op) {
	case PV_EVTCHNOP_alloc_unbound:
		((struct pv_evtchn_alloc_unbound *)arg)->port = r->next_port++;
		return 0;
	case PV_EVTCHNOP_bind_virq:
		((struct pv_evtchn_bind_virq *)arg)->port = r->next_port++;
		return 0;
	case PV_EVTCHNOP_bind_ipi:
		((struct pv_evtchn_bind_ipi *)arg)->port = r->next_port++;
		return 0;
	case PV_EVTCHNOP_close:
		r->closed[r->nr_closed++ % 16] = ((struct pv_evtchn_close *)arg)->port;
		return 0;
	case PV_EVTCHNOP_send:
		r->sent[r->nr_sent++ % 16] = ((struct pv_evtchn_send *)arg)->port;
		return 0;
	case PV_EVTCHNOP_bind_vcpu: return 0;
	case PV_EVTCHNOP_unmask:
		r->unmasks++;
		if (si->evtchn_mask[u->port / 64] >> u->port % 64 & 1) {
			bool is = si->evtchn_pending[u->port / 64] >> u->port % 64 & 1;

			si->evtchn_mask[u->port / 64] &= ~(1ull << u->port % 64);
			if (is)
				rig_raise(r, u->port, 0);
		}
		return 0;
	default: return -PV_ENOSYS;
	}
}

static int64_t memory(struct rig *r, uint64_t op, const struct pv_add_to_physmap *a)
{
	if (op == PV_XENMEM_maximum_gpfn)
		return r->last_gfn;
	if (op != PV_XENMEM_add_to_physmap)
		return -PV_ENOSYS;
	ck_assert_uint_lt(a->gpfn, RIG_PAGES);
	ck_assert(r->used[a->gpfn]);
	if (a->space == PV_XENMAPSPACE_grant_table && (a->idx & PV_XENMAPIDX_grant_table_status)) {
		uint32_t i = (uint32_t)a->idx & ~PV_XENMAPIDX_grant_table_status;

		if (r->version != 2 || i >= (r->max_frames + 7) / 8)
			return -PV_EINVAL;
		r->status_placed[i] = a->gpfn;
	} else if (a->space == PV_XENMAPSPACE_grant_table) {
		if (a->idx >= r->max_frames)
			return -PV_EINVAL;
		r->placed[a->idx] = a->gpfn;
	}
	return 0;
}

static int64_t gnttab(struct rig *r, uint64_t op, void *arg)
{
	struct pv_gnttab_query_size *q = arg;

	if (op == PV_GNTTABOP_set_version) {
		struct pv_gnttab_set_version *v = arg;

		if (v->version > r->max_version)
			return -PV_ENOSYS;
		r->version = v->version;
		return 0;
	}
	if (op != PV_GNTTABOP_query_size)
		return -PV_ENOSYS;
	q->nr_frames = 1;
	q->max_nr_frames = r->max_frames;
	q->status = PV_GNTST_okay;
	return 0;
}

static int64_t hypercall(struct pv *pv, uint64_t nr, uint64_t a1, uint64_t a2, uint64_t a3,
			 uint64_t a4, uint64_t a5)
{
	struct rig *r = pv->hypercall_ctx;
	void *arg = (void *)(uintptr_t)a2;

	if (r->during)
		r->during(r, nr, a1);
	switch (nr) {
	case PV_HYPERVISOR_xen_version:
		if (a1 == PV_XENVER_get_features)
			((struct pv_feature_info *)arg)->submap =
				1u << PV_XENFEAT_auto_translated_physmap;
		return 4 << 16;
	case PV_HYPERVISOR_event_channel_op: return evtchn(r, a1, arg);
	case PV_HYPERVISOR_memory_op: return memory(r, a1, arg);
	case PV_HYPERVISOR_grant_table_op: return gnttab(r, a1, arg);
	case PV_HYPERVISOR_sched_op:
		if (a1 == PV_SCHEDOP_poll)
			r->polls++;
		return 0;
	case PV_HYPERVISOR_vcpu_op: return 0;
	default: return -PV_ENOSYS;
	}
}

void rig_raise(struct rig *r, uint32_t port, unsigned vcpu)
{
	struct pv_shared_info *si = r->pv.shared_info;
	struct pv_vcpu_info *vi = pv_vcpu_info(&r->pv, vcpu);

	si->evtchn_pending[port / 64] |= 1ull << port % 64;
	if (si->evtchn_mask[port / 64] >> port % 64 & 1)
		return;
	vi->evtchn_pending_sel |= 1ull << port / 64;
	vi->evtchn_upcall_pending = 1;
}

struct pv_grant_entry_v1 *rig_entry(struct rig *r, uint32_t ref)
{
	return (struct pv_grant_entry_v1 *)(r->ram + r->placed[ref / 512] * 4096) + ref % 512;
}

void rig_init(struct rig *r)
{
	struct pv_os os = {.size = sizeof(os),
			   .ctx = r,
			   .pages_alloc = alloc,
			   .pages_free = release,
			   .va_to_gfn = gfn_of,
			   .map_gfn = map,
			   .lock = lock,
			   .unlock = unlock,
			   .now_ns = now};
	struct pv_boot boot = {.size = sizeof(boot),
			       .mode = PV_MODE_PVH,
			       .hypercall = hypercall,
			       .hypercall_ctx = r};

	memset(r, 0, sizeof(*r));
	r->ram = aligned_alloc(4096, RIG_PAGES * 4096);
	ck_assert_ptr_nonnull(r->ram);
	r->pages_left = UINT32_MAX;
	r->next_port = 1;
	r->max_frames = 4;
	r->max_version = 2;
	r->last_gfn = RIG_PAGES - 1;
	ck_assert_int_eq(pv_init(&r->pv, &os, &boot), 0);
}

void rig_done(struct rig *r)
{
	ck_assert_uint_eq(r->locked, 0);
	free(r->ram);
}
