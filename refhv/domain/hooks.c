/*
 * The library asks the engine, and the engine asks the library: struct pv_vmm and struct engine_client.
 *
 * LEAF hooks come with the domain's lock held and touch only the engine, which never calls back from these.
 */
#include <pv/abi/errno.h>
#include <pv/abi/hvm/params.h>
#include <pv/abi/sched.h>
#include <sched.h>
#include <pv/abi/xen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "domain/domain.h"

static void *hook_alloc(void *ctx, size_t size)
{
	return calloc(1, size);
}

static void hook_free(void *ctx, void *p, size_t size)
{
	free(p);
}

static void hook_lock(void *ctx)
{
	struct domain *d = ctx;

	if (!pthread_mutex_trylock(&d->lock))
		return;
	__atomic_add_fetch(&d->lock_waiters, 1, __ATOMIC_RELAXED);
	pthread_mutex_lock(&d->lock);
	__atomic_sub_fetch(&d->lock_waiters, 1, __ATOMIC_RELAXED);
}

/*
 * The library marks a page as it maps it and writes before it lets go of the lock (pv/vmm.h). Between the two a collect of the dirty log may
 * have taken the mark: so what was mapped for writing under the lock is marked again when it is let go.
 */
static void hook_unlock(void *ctx)
{
	struct domain *d = ctx;

	if (d->nwritten == DOMAIN_WRITTEN)
		d->impl->mark_dirty(d->engine, 0, d->space.size);
	else
		for (unsigned i = 0; i < d->nwritten; i++)
			d->impl->mark_dirty(d->engine, d->written[i], 4096);
	d->nwritten = 0;
	pthread_mutex_unlock(&d->lock);
	/* Who does a long list takes it again at once, and whoever was woken for it would find it taken, always. */
	if (__atomic_load_n(&d->lock_waiters, __ATOMIC_RELAXED))
		sched_yield();
}

static int hook_release(void *ctx, uint64_t gfn, unsigned order)
{
	return space_release(ctx, gfn, order);
}

static int hook_populate(void *ctx, uint64_t gfn, unsigned order)
{
	return space_populate(ctx, gfn, order);
}

static void *hook_gpa_map(void *ctx, uint64_t gpa, uint32_t len, int write)
{
	struct domain *d = ctx;
	void *p = space_at(&d->space, gpa, len);

	if (p && write) {
		d->impl->mark_dirty(d->engine, gpa, len);
		if (d->nwritten < DOMAIN_WRITTEN &&
		    (!d->nwritten || d->written[d->nwritten - 1] != (gpa & ~4095ull)))
			d->written[d->nwritten++] = gpa & ~4095ull;
	}
	return p;
}

static int hook_gva_to_gpa(void *ctx, unsigned vcpu, uint64_t gva, int write, uint64_t *gpa)
{
	struct domain *d = ctx;

	return d->impl->gva_to_gpa(d->engine, vcpu, gva, write, gpa);
}

static void hook_kick(void *ctx, unsigned vcpu, unsigned why)
{
	struct domain *d = ctx;

	d->impl->kick(d->engine, vcpu, why);
}

static uint64_t hook_now(void *ctx)
{
	return machine_now(ctx);
}

static void hook_timer_set(void *ctx, unsigned vcpu, uint64_t abs_ns)
{
	struct domain *d = ctx;

	d->impl->timer_set(d->engine, vcpu, abs_ns);
}

static void hook_route_changed(void *ctx, uint32_t port, struct pv_route route)
{
	struct domain *d = ctx;

	d->impl->route_set(d->engine, port, route);
}

static void hook_event_array_set(void *ctx, const uint64_t *gfn, uint32_t n)
{
	struct domain *d = ctx;

	if (d->impl->event_array_set)
		d->impl->event_array_set(d->engine, gfn, n);
}

/* On the thread of the vCPU that asks. The loop decides what becomes of the domain. */
static int hook_shutdown(void *ctx, unsigned vcpu, unsigned reason)
{
	struct domain *d = ctx;

	if (reason == PV_SHUTDOWN_suspend) {
		d->suspended = true;
		ev_async_send(d->loop, &d->news);
		return 1;
	}
	d->impl->stop(d->engine);
	d->end_reason = (int)reason;
	ev_async_send(d->loop, &d->news);
	return 0;
}

static void hook_crash(void *ctx, const char *reason)
{
	struct domain *d = ctx;

	d->impl->stop(d->engine);
	d->end_reason = PV_SHUTDOWN_crash;
	ev_async_send(d->loop, &d->news);
}

static int hook_vcpu_initialise(void *ctx, unsigned by, unsigned vcpu, const void *context,
				uint32_t size)
{
	struct domain *d = ctx;
	struct engine_vcpu_state *st;
	int rc;

	if (d->kind == PV_DOMAIN_PVH)
		return size < sizeof(struct pv_vcpu_hvm_context)
			       ? -PV_EINVAL
			       : d->impl->vcpu_start_set(d->engine, vcpu, context);
	if (size < sizeof(struct pv_vcpu_guest_context))
		return -PV_EINVAL;
	/* calloc promises 16 bytes; the XSAVE area wants 64. */
	if (posix_memalign((void **)&st, 64, sizeof(*st)))
		return -PV_ENOMEM;
	memset(st, 0, sizeof(*st));
	st->size = sizeof(*st);
	memcpy(&st->ctxt, context, sizeof(struct pv_vcpu_guest_context));
	rc = d->impl->vcpu_set(d->engine, vcpu, st);
	free(st);
	return rc;
}

static int hook_vcpu_up(void *ctx, unsigned by, unsigned vcpu)
{
	struct domain *d = ctx;

	return d->impl->vcpu_up(d->engine, vcpu);
}

static int hook_vcpu_down(void *ctx, unsigned by, unsigned vcpu)
{
	struct domain *d = ctx;

	return d->impl->vcpu_down(d->engine, vcpu);
}

static void hook_vcpu_info_set(void *ctx, unsigned vcpu, uint64_t gpa)
{
	struct domain *d = ctx;

	d->impl->vcpu_info_set(d->engine, vcpu, gpa);
}

static int hook_console_write(void *ctx, const char *buf, uint32_t len)
{
	struct domain *d = ctx;

	return d->console[0] ? console_io_write(d->console[0], buf, len) : (int)len;
}

static int hook_console_read(void *ctx, char *buf, uint32_t len)
{
	struct domain *d = ctx;

	return d->console[0] ? console_io_read(d->console[0], buf, len) : 0;
}

static int hook_frame_set(void *ctx, uint64_t gfn, int present)
{
	return space_frame_set(ctx, gfn, present);
}

static int hook_physmap_set(void *ctx, uint64_t gfn, uint64_t source, unsigned flags)
{
	return space_overlay_set(ctx, gfn, source, flags);
}

static void hook_block(void *ctx, unsigned vcpu, uint64_t deadline_ns)
{
	struct domain *d = ctx;

	d->impl->block(d->engine, vcpu, deadline_ns);
}

static int hook_nmi(void *ctx, unsigned by, unsigned vcpu)
{
	struct domain *d = ctx;

	return d->impl->nmi(d->engine, vcpu);
}

static int hook_tlb_flush(void *ctx, unsigned by)
{
	struct domain *d = ctx;

	return d->impl->tlb_flush(d->engine, by);
}

static void hook_upcall_vector_set(void *ctx, unsigned vcpu, uint8_t vector)
{
	struct domain *d = ctx;

	d->impl->upcall_vector_set(d->engine, vcpu, vector);
}

/* Of the ways to be called back (xen/include/public/hvm/params.h) a PVH domain has the vector: there is no interrupt line. */
static void hook_hvm_param_set(void *ctx, uint32_t index, uint64_t value)
{
	struct domain *d = ctx;

	if (index == PV_HVM_PARAM_CALLBACK_IRQ)
		d->impl->callback_set(d->engine, value >> 56 == PV_HVM_PARAM_CALLBACK_TYPE_VECTOR
							 ? (uint8_t)value
							 : 0);
}

/* The guest may move shared_info with any memory operation: the engine polls its words. */
static void follow_shared_info(struct domain *d)
{
	uint64_t gfn = pv_domain_shared_info(d->pv);

	if (gfn != atomic_exchange(&d->shared_info, gfn))
		d->impl->shared_info_set(d->engine,
					 gfn == PV_STATE_NO_GPA ? ENGINE_NO_GPA : gfn << 12);
}

static int64_t on_hypercall(void *ctx, unsigned vcpu, uint64_t nr, const uint64_t arg[6])
{
	struct domain *d = ctx;
	int64_t rc = pv_domain_hypercall(d->pv, vcpu, nr, arg);

	if (nr == PV_HYPERVISOR_memory_op)
		follow_shared_info(d);
	return rc;
}

static int64_t on_hypercall32(void *ctx, unsigned vcpu, uint32_t nr, const uint32_t arg[6])
{
	struct domain *d = ctx;
	int64_t rc = pv_domain_hypercall32(d->pv, vcpu, nr, arg);

	if (nr == PV_HYPERVISOR_memory_op)
		follow_shared_info(d);
	return rc;
}

static void on_vcpu_changed(void *ctx, unsigned vcpu, bool up)
{
	struct domain *d = ctx;

	pv_domain_vcpu_set_up(d->pv, vcpu, up);
}

static void on_ended(void *ctx, unsigned reason)
{
	struct domain *d = ctx;

	d->end_reason = (int)reason;
	ev_async_send(d->loop, &d->news);
}

static void on_timer(void *ctx, unsigned vcpu)
{
	struct domain *d = ctx;

	pv_domain_timer_fired(d->pv, vcpu);
}

static void on_died(void *ctx, const char *why)
{
	struct domain *d = ctx;

	snprintf(d->why, sizeof(d->why), "%s", why);
	d->died = true;
	ev_async_send(d->loop, &d->news);
}

/* To the console's reader, as HYPERVISOR_console_io; Xen has a log for both. */
static void on_debug_write(void *ctx, const char *buf, uint32_t n)
{
	(void)hook_console_write(ctx, buf, n);
}

static void pvh_hooks(struct domain *d)
{
	d->vmm.frame_set = hook_frame_set;
	d->vmm.physmap_set = hook_physmap_set;
	d->vmm.block = hook_block;
	d->vmm.nmi = hook_nmi;
	d->vmm.tlb_flush = hook_tlb_flush;
	d->vmm.upcall_vector_set = hook_upcall_vector_set;
	d->vmm.hvm_param_set = hook_hvm_param_set;
	d->client.hypercall32 = on_hypercall32;
	d->client.vcpu_changed = on_vcpu_changed;
	d->client.ended = on_ended;
	d->client.debug_write = on_debug_write;
}

void hooks_init(struct domain *d)
{
	d->vmm = (struct pv_vmm){
		.size = sizeof(d->vmm),
		.ctx = d,
		.alloc = hook_alloc,
		.free = hook_free,
		.gpa_map = hook_gpa_map,
		.gva_to_gpa = hook_gva_to_gpa,
		.kick = hook_kick,
		.now = hook_now,
		.lock = hook_lock,
		.unlock = hook_unlock,
		.timer_set = hook_timer_set,
		.route_changed = hook_route_changed,
		.event_array_set = hook_event_array_set,
		.shutdown = hook_shutdown,
		.crash = hook_crash,
		.vcpu_initialise = hook_vcpu_initialise,
		.vcpu_up = hook_vcpu_up,
		.vcpu_down = hook_vcpu_down,
		.vcpu_info_set = hook_vcpu_info_set,
		.populate = hook_populate,
		.release = hook_release,
		.console_write = hook_console_write,
		.console_read = hook_console_read,
	};
	d->client = (struct engine_client){
		.hypercall = on_hypercall, .timer = on_timer, .died = on_died};
	if (d->kind == PV_DOMAIN_PVH)
		pvh_hooks(d);
}
