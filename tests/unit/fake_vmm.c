/*
 * The hooks of the memory-only VMM.
 */
#include "fake_vmm.h"

#include <stdlib.h>
#include <string.h>

#include <pv/abi/memory.h>

static void *hook_alloc(void *ctx, size_t size)
{
	struct fake_vmm *f = ctx;

	if (f->alloc_left == 0)
		return NULL;
	if (f->alloc_left > 0)
		f->alloc_left--;
	f->allocated += (long)size;
	return calloc(1, size);
}

static void hook_free(void *ctx, void *p, size_t size)
{
	struct fake_vmm *f = ctx;

	f->allocated -= (long)size;
	free(p);
}

static void *hook_gpa_map(void *ctx, uint64_t gpa, uint32_t len, int write)
{
	struct fake_vmm *f = ctx;
	uint64_t gfn = gpa / 4096;

	if (gpa % 4096 + len > 4096)
		abort(); /* the library promised not to */
	f->looked_up++;
	if (gfn == f->map_fail_gfn)
		return NULL;
	if (f->outside_present && gfn == f->outside)
		return f->outside_page + gpa % 4096;
	if (gfn >= FAKE_PAGES || (f->absent[gfn] && f->overlay[gfn] == PV_PHYSMAP_NONE))
		return NULL;
	if (write)
		__atomic_store_n(&f->dirty[gfn], true, __ATOMIC_RELAXED);
	if (f->overlay[gfn] != PV_PHYSMAP_NONE)
		gfn = f->overlay[gfn];
	return f->ram + gfn * 4096 + gpa % 4096;
}

static int hook_gva_to_gpa(void *ctx, unsigned vcpu, uint64_t gva, int write, uint64_t *gpa)
{
	struct fake_vmm *f = ctx;

	(void)vcpu;
	f->fetches += !write;
	if (write && gva / 4096 == FAKE_VIRT / 4096 + f->readonly_gfn)
		return -PV_EFAULT;
	if (gva < FAKE_VIRT || gva - FAKE_VIRT >= 2 * FAKE_PAGES * 4096ull)
		return -PV_EFAULT;
	*gpa = gva - FAKE_VIRT;
	return 0;
}

static void hook_kick(void *ctx, unsigned vcpu, unsigned why)
{
	struct fake_vmm *f = ctx;

	if (why & PV_KICK_UPCALL)
		__atomic_fetch_add(&f->kicks[vcpu], 1, __ATOMIC_RELAXED);
	if (why & PV_KICK_EVENT)
		__atomic_fetch_add(&f->events, 1, __ATOMIC_RELAXED);
}

static uint64_t hook_now(void *ctx)
{
	return __atomic_load_n(&((struct fake_vmm *)ctx)->now, __ATOMIC_RELAXED);
}

static void hook_lock(void *ctx)
{
	struct fake_vmm *f = ctx;

	if (pthread_mutex_lock(&f->mutex))
		abort();
	f->looked_up = 0;
}

static void hook_unlock(void *ctx)
{
	struct fake_vmm *f = ctx;

	if (f->looked_up > f->most_looked_up)
		f->most_looked_up = f->looked_up;
	if (pthread_mutex_unlock(&f->mutex))
		abort(); /* an error-checking mutex: unlocked twice, or by somebody else */
	if (f->on_unlock)
		f->on_unlock(f);
}

static void hook_timer(void *ctx, unsigned vcpu, uint64_t ns)
{
	((struct fake_vmm *)ctx)->timer[vcpu] = ns;
}

static void hook_route(void *ctx, uint32_t port, struct pv_route route)
{
	struct fake_vmm *f = ctx;

	f->route_port = port;
	f->route = route;
}

static void hook_event_array(void *ctx, const uint64_t *gfn, uint32_t n)
{
	struct fake_vmm *f = ctx;

	f->fifo = gfn;
	f->event_pages = n;
}

static void hook_block(void *ctx, unsigned vcpu, uint64_t deadline)
{
	struct fake_vmm *f = ctx;

	(void)vcpu;
	f->blocks++;
	f->block_deadline = deadline;
	if (f->on_block)
		f->on_block(f);
}

static int hook_shutdown(void *ctx, unsigned vcpu, unsigned reason)
{
	struct fake_vmm *f = ctx;

	(void)vcpu;
	f->shutdown_reason = (int)reason;
	return f->shutdown_rc;
}

static void hook_crash(void *ctx, const char *reason)
{
	((struct fake_vmm *)ctx)->crash = reason;
}

static int hook_initialise(void *ctx, unsigned by, unsigned vcpu, const void *c, uint32_t size)
{
	struct fake_vmm *f = ctx;

	(void)by, (void)vcpu, (void)c, (void)size;
	f->initialised++;
	return f->vcpu_rc;
}

static int hook_up(void *ctx, unsigned by, unsigned vcpu)
{
	struct fake_vmm *f = ctx;

	(void)by, (void)vcpu;
	f->ups++;
	return f->vcpu_rc;
}

static int hook_down(void *ctx, unsigned by, unsigned vcpu)
{
	struct fake_vmm *f = ctx;

	(void)by, (void)vcpu;
	f->downs++;
	if (f->on_down)
		f->on_down(f);
	return f->vcpu_rc;
}

static void hook_vcpu_info(void *ctx, unsigned vcpu, uint64_t gpa)
{
	((struct fake_vmm *)ctx)->vcpu_info[vcpu] = gpa;
}

static int hook_console(void *ctx, const char *buf, uint32_t len)
{
	struct fake_vmm *f = ctx;

	if (len > PV_CONSOLE_CHUNK)
		abort();
	if (len > sizeof(f->console) - f->console_len)
		len = (uint32_t)sizeof(f->console) - f->console_len;
	memcpy(f->console + f->console_len, buf, len);
	f->console_len += len;
	return 0;
}

static int hook_frame(void *ctx, uint64_t gfn, int present)
{
	struct fake_vmm *f = ctx;

	if (!present) {
		if (gfn == f->outside)
			f->outside_present = false;
		return 0;
	}
	if (f->frame_refuse)
		return -PV_ENOMEM;
	if (gfn == f->outside)
		f->outside_present = true;
	return 0;
}

static int hook_physmap(void *ctx, uint64_t gfn, uint64_t source, unsigned flags)
{
	struct fake_vmm *f = ctx;

	(void)flags;
	if (gfn >= FAKE_PAGES || (source != PV_PHYSMAP_NONE && source >= FAKE_PAGES))
		return -PV_EINVAL;
	if (source != PV_PHYSMAP_NONE && (f->physmap_refuse || f->overlay[gfn] != PV_PHYSMAP_NONE))
		return -PV_EBUSY;
	f->overlay[gfn] = source;
	return 0;
}

static int balloon(struct fake_vmm *f, uint64_t gfn, unsigned order, bool absent)
{
	uint64_t i;

	if (f->balloon_refuse || gfn >= FAKE_PAGES || 1ull << order > FAKE_PAGES - gfn)
		return -PV_ENOMEM;
	for (i = gfn; i < gfn + (1ull << order); i++) {
		if (absent || f->absent[i])
			memset(f->ram + i * 4096, 0xa5, 4096);
		f->absent[i] = absent;
	}
	return 0;
}

static int hook_populate(void *ctx, uint64_t gfn, unsigned order)
{
	return balloon(ctx, gfn, order, false);
}

static int hook_release(void *ctx, uint64_t gfn, unsigned order)
{
	return balloon(ctx, gfn, order, true);
}

static int hook_nmi(void *ctx, unsigned by, unsigned vcpu)
{
	struct fake_vmm *f = ctx;

	(void)by, (void)vcpu;
	f->nmis++;
	return f->vcpu_rc;
}

static int hook_tlb_flush(void *ctx, unsigned by)
{
	struct fake_vmm *f = ctx;

	(void)by;
	f->tlb_flushes++;
	return f->vcpu_rc;
}

void fake_init(struct fake_vmm *f)
{
	pthread_mutexattr_t attr;
	unsigned i;

	memset(f, 0, sizeof(*f));
	f->ram = aligned_alloc(4096, FAKE_PAGES * 4096);
	f->outside_page = aligned_alloc(4096, 4096);
	memset(f->ram, 0xa5, FAKE_PAGES * 4096); /* memory that was somebody's before */
	memset(f->outside_page, 0xa5, 4096);
	for (i = 0; i < FAKE_PAGES; i++)
		f->overlay[i] = PV_PHYSMAP_NONE;
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ERRORCHECK);
	pthread_mutex_init(&f->mutex, &attr);
	f->alloc_left = -1;
	f->map_fail_gfn = UINT64_MAX;
	f->readonly_gfn = UINT32_MAX;
	f->outside = UINT64_MAX;
	f->now = 1000000000;
	f->shutdown_reason = -1;
	f->vmm = (struct pv_vmm){
		.size = sizeof(f->vmm),
		.ctx = f,
		.alloc = hook_alloc,
		.free = hook_free,
		.gpa_map = hook_gpa_map,
		.gva_to_gpa = hook_gva_to_gpa,
		.kick = hook_kick,
		.now = hook_now,
		.lock = hook_lock,
		.unlock = hook_unlock,
		.timer_set = hook_timer,
		.route_changed = hook_route,
		.event_array_set = hook_event_array,
		.block = hook_block,
		.shutdown = hook_shutdown,
		.crash = hook_crash,
		.vcpu_initialise = hook_initialise,
		.vcpu_up = hook_up,
		.vcpu_down = hook_down,
		.vcpu_info_set = hook_vcpu_info,
		.console_write = hook_console,
		.frame_set = hook_frame,
		.physmap_set = hook_physmap,
		.populate = hook_populate,
		.release = hook_release,
		.nmi = hook_nmi,
		.tlb_flush = hook_tlb_flush,
	};
}

void fake_fini(struct fake_vmm *f)
{
	if (f->allocated)
		abort(); /* the domain leaked */
	pthread_mutex_destroy(&f->mutex);
	free(f->ram);
	free(f->outside_page);
}

void fake_config(struct pv_domain_config *cfg, enum pv_domain_kind kind, unsigned vcpus)
{
	memset(cfg, 0, sizeof(*cfg));
	cfg->size = sizeof(*cfg);
	cfg->kind = kind;
	cfg->domid = FAKE_DOMID;
	cfg->max_vcpus = vcpus;
	cfg->nr_pages = FAKE_PAGES;
	cfg->max_pages = FAKE_PAGES;
}

void fake_open_cfg(struct fake_vmm *f, const struct pv_domain_config *cfg, bool shared)
{
	fake_init(f);
	if (pv_domain_create(&f->d, cfg, &f->vmm))
		abort();
	if (shared && pv_domain_set_shared_info(f->d, FAKE_SHARED))
		abort();
}

void fake_open(struct fake_vmm *f, enum pv_domain_kind kind, unsigned vcpus, bool shared)
{
	struct pv_domain_config cfg;

	fake_config(&cfg, kind, vcpus);
	fake_open_cfg(f, &cfg, shared);
}

void fake_close(struct fake_vmm *f)
{
	pv_domain_destroy(f->d);
	fake_fini(f);
}

void *fake_page(struct fake_vmm *f, uint64_t gfn)
{
	return f->ram + gfn * 4096;
}

int64_t fake_hypercall(struct fake_vmm *f, unsigned vcpu, uint64_t nr, uint64_t a0, uint64_t a1,
		       uint64_t a2, uint64_t a3)
{
	const uint64_t arg[6] = {a0, a1, a2, a3, 0, 0};

	return pv_domain_hypercall(f->d, vcpu, nr, arg);
}

int64_t fake_op(struct fake_vmm *f, uint64_t nr, uint64_t cmd, void *arg, size_t size)
{
	unsigned char *page = fake_page(f, FAKE_ARGS);
	int64_t rc;

	memcpy(page, arg, size);
	rc = fake_hypercall(f, 0, nr, cmd, fake_gva(FAKE_ARGS), 0, 0);
	memcpy(arg, page, size);
	return rc;
}

int64_t fake_gnttab(struct fake_vmm *f, uint64_t cmd, void *arg, size_t size, unsigned count)
{
	unsigned char *page = fake_page(f, FAKE_ARGS);
	int64_t rc;

	memcpy(page, arg, size * count);
	rc = fake_hypercall(f, 0, PV_HYPERVISOR_grant_table_op, cmd, fake_gva(FAKE_ARGS), count, 0);
	memcpy(arg, page, size * count);
	return rc;
}

struct pv_shared_info *fake_shared(struct fake_vmm *f)
{
	return fake_page(f, pv_domain_shared_info(f->d));
}

bool fake_pending(struct fake_vmm *f, uint32_t port)
{
	return __atomic_load_n(&fake_shared(f)->evtchn_pending[port / 64], __ATOMIC_SEQ_CST) >>
		       (port % 64) &
	       1;
}

void fake_clear(struct fake_vmm *f, uint32_t port)
{
	__atomic_fetch_and(&fake_shared(f)->evtchn_pending[port / 64], ~(1ull << (port % 64)),
			   __ATOMIC_SEQ_CST);
}

uint64_t *fake_grants(struct fake_vmm *f)
{
	struct pv_add_to_physmap a = {
		.domid = PV_DOMID_SELF,
		.space = PV_XENMAPSPACE_grant_table,
		.gpfn = FAKE_GRANTS,
	};

	if (fake_op(f, PV_HYPERVISOR_memory_op, PV_XENMEM_add_to_physmap, &a, sizeof(a)))
		abort();
	return fake_page(f, FAKE_GRANTS);
}

int64_t fake_unbound(struct fake_vmm *f, uint16_t remote)
{
	struct pv_evtchn_alloc_unbound a = {PV_DOMID_SELF, remote, 0};
	int64_t rc = fake_op(f, PV_HYPERVISOR_event_channel_op, PV_EVTCHNOP_alloc_unbound, &a,
			     sizeof(a));

	return rc ? rc : a.port;
}

int64_t fake_interdomain(struct fake_vmm *f, uint32_t remote_port)
{
	struct pv_evtchn_bind_interdomain a = {PV_DOMID_SELF, remote_port, 0};
	int64_t rc = fake_op(f, PV_HYPERVISOR_event_channel_op, PV_EVTCHNOP_bind_interdomain, &a,
			     sizeof(a));

	return rc ? rc : a.local_port;
}

int64_t fake_virq(struct fake_vmm *f, uint32_t virq, uint32_t vcpu)
{
	struct pv_evtchn_bind_virq a = {virq, vcpu, 0};
	int64_t rc =
		fake_op(f, PV_HYPERVISOR_event_channel_op, PV_EVTCHNOP_bind_virq, &a, sizeof(a));

	return rc ? rc : a.port;
}

int64_t fake_ipi(struct fake_vmm *f, uint32_t vcpu)
{
	struct pv_evtchn_bind_ipi a = {vcpu, 0};
	int64_t rc =
		fake_op(f, PV_HYPERVISOR_event_channel_op, PV_EVTCHNOP_bind_ipi, &a, sizeof(a));

	return rc ? rc : a.port;
}

int64_t fake_port_op(struct fake_vmm *f, unsigned cmd, uint32_t port)
{
	struct pv_evtchn_send a = {port};

	return fake_op(f, PV_HYPERVISOR_event_channel_op, cmd, &a, sizeof(a));
}
