/*
 * kvm.c: the kvm engine's entry in the table of engines
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <pv/abi/errno.h>
#include "kvm.h"
#include "kvm_probe.h"

/* Far below where a region could meet the pages that KVM or the local APICs have. */
#define LAPIC_END (KE_LOCAL_APIC_BASE + 4096ull)

static const char *const exit_name[KE_EXITS] = {
	[KE_EXIT_CALL] = "hypercall", [KE_EXIT_SEND] = "send", [KE_EXIT_PIO] = "pio",
	[KE_EXIT_MMIO] = "mmio",      [KE_EXIT_MSR] = "msr",   [KE_EXIT_EFER] = "efer",
	[KE_EXIT_PAGE] = "page",      [KE_EXIT_SIPI] = "sipi", [KE_EXIT_POKED] = "poked",
	[KE_EXIT_OTHER] = "other",
};

static int kvm_engine_probe(char *why, size_t size)
{
	int fd = kvm_open(why, size), ret;

	if (fd < 0)
		return fd;
	ret = kvm_check(fd, why, size);
	close(fd);
	return ret;
}

static int check_regions(struct engine_config *c)
{
	uint64_t end = 0;

	if (!c->nregions) {
		c->nregions = 1;
		c->region[0] = (struct engine_region){0, c->ram_size};
	}
	if (c->nregions > ENGINE_MAX_REGIONS)
		return -PV_EINVAL;
	for (unsigned i = 0; i < c->nregions; i++) {
		const struct engine_region *r = &c->region[i];

		if (!r->size || (r->gpa | r->size) & 4095 || r->gpa < end ||
		    r->gpa >= c->ram_size || r->size > c->ram_size - r->gpa)
			return -PV_EINVAL;
		end = r->gpa + r->size;
		if (r->gpa < LAPIC_END && end > KE_LOCAL_APIC_BASE)
			return -PV_EINVAL;
	}
	return 0;
}

static int check_config(struct engine_config *c, char *why, size_t size)
{
	int ret = kvm_check(c->kvm_fd, why, size), most;

	if (ret)
		return ret;
	if (!c->max_vcpus || c->max_vcpus > ENGINE_MAX_VCPUS) {
		snprintf(why, size, "a domain has 1 to %u vCPUs", ENGINE_MAX_VCPUS);
		return -PV_EINVAL;
	}
	most = ioctl(c->kvm_fd, KVM_CHECK_EXTENSION, KVM_CAP_MAX_VCPUS);
	if (c->max_vcpus > (unsigned)most) {
		snprintf(why, size, "the host's KVM has at most %d vCPUs for a domain", most);
		return -PV_EINVAL;
	}
	if (!c->ram_size || c->ram_size & 4095 || check_regions(c)) {
		snprintf(why, size, "memory must be a multiple of 4 KiB");
		return -PV_EINVAL;
	}
	return 0;
}

/* A hypercall with a long list may outlast anybody's patience: then the thread is left to the end of the process. */
static bool joined(pthread_t thread)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += KE_PATIENCE_S;
	return !pthread_timedjoin_np(thread, NULL, &until);
}

static void kvm_engine_destroy(struct engine *e)
{
	bool all = true;

	if (!e)
		return;
	ke_write(&e->stopping, 1);
	pthread_mutex_lock(&e->lock);
	for (unsigned i = 0; i < e->config.max_vcpus; i++)
		if (e->vcpu[i].started)
			ke_ask(&e->vcpu[i], KE_QUIT);
	pthread_cond_broadcast(&e->changed);
	pthread_mutex_unlock(&e->lock);
	for (unsigned i = 0; i < e->config.max_vcpus; i++)
		if (e->vcpu[i].started)
			all &= joined(e->vcpu[i].thread);
	if (!all)
		return;
	if (e->serving) {
		ke_service_wake(e);
		pthread_join(e->service, NULL);
	}
	for (unsigned i = 0; i < e->config.max_vcpus; i++) {
		if (e->vcpu[i].run)
			munmap(e->vcpu[i].run, e->run_size);
		if (e->vcpu[i].fd >= 0)
			close(e->vcpu[i].fd);
	}
	if (e->vm >= 0)
		close(e->vm);
	for (unsigned i = 0; i < ENGINE_KICK_FDS; i++)
		if (e->kick[i] >= 0)
			close(e->kick[i]);
	free(e->overlay);
	free(e->written);
	pthread_mutex_destroy(&e->lock);
	pthread_mutex_destroy(&e->map_lock);
	pthread_mutex_destroy(&e->trap_lock);
	pthread_cond_destroy(&e->rested);
	pthread_cond_destroy(&e->changed);
	free(e);
}

static void init(struct engine *e, const struct engine_config *c)
{
	pthread_condattr_t attr;

	e->impl = &engine_kvm;
	e->config = *c;
	e->paused = true;
	e->clock = c->clock_offset;
	e->vm = -1;
	memset(e->kick, -1, sizeof(e->kick));
	pthread_mutex_init(&e->lock, NULL);
	pthread_mutex_init(&e->map_lock, NULL);
	pthread_mutex_init(&e->trap_lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&e->rested, &attr);
	pthread_cond_init(&e->changed, &attr);
	pthread_condattr_destroy(&attr);
	for (unsigned i = 0; i < c->max_vcpus; i++) {
		struct ke_vcpu *v = &e->vcpu[i];

		v->e = e;
		v->id = i;
		v->fd = -1;
		v->todo = KE_REST;
		v->vinfo_gpa = ENGINE_NO_GPA;
	}
}

static int kvm_engine_create(struct engine **out, const struct engine_config *config, char *why,
			     size_t size)
{
	struct engine_config c = *config;
	struct engine *e;
	int ret = check_config(&c, why, size);

	*out = NULL;
	if (ret)
		return ret;
	e = calloc(1, sizeof(*e));
	if (!e) {
		snprintf(why, size, "no memory for the engine");
		return -PV_ENOMEM;
	}
	init(e, &c);
	for (unsigned i = 0; i < ENGINE_KICK_FDS && !ret; i++) {
		e->kick[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		if (e->kick[i] < 0) {
			snprintf(why, size, "no descriptors for a guest: %s", strerror(errno));
			ret = -PV_EMFILE;
		}
	}
	if (!ret)
		ret = ke_vm_create(e, why, size);
	if (!ret)
		ret = ke_trap_init(e, why, size);
	for (unsigned i = 0; i < c.max_vcpus && !ret; i++)
		ret = ke_vcpu_create(&e->vcpu[i], why, size);
	if (ret) {
		kvm_engine_destroy(e);
		return ret;
	}
	*out = e;
	return 0;
}

static int kvm_engine_wait(struct engine *e, unsigned timeout_ms, char *why, size_t size)
{
	int ret = ke_signal_init();

	for (unsigned i = 0; i < e->config.max_vcpus && !ret; i++)
		ret = ke_vcpu_thread(&e->vcpu[i]);
	if (!ret)
		ret = ke_service_start(e);
	if (ret) {
		snprintf(why, size, "no threads for the vCPUs");
		return -PV_EAGAIN;
	}
	e->waited = true;
	return 0;
}

static void kvm_engine_hypercall_page(struct engine *e, void *page)
{
	ke_page_fill(page, false);
}

/* See engine.h: nothing reads or writes it in this form. */
static int kvm_engine_vcpu_set(struct engine *e, unsigned vcpu,
			       const struct engine_vcpu_state *state)
{
	return -PV_ENOSYS;
}

static int kvm_engine_vcpu_get(struct engine *e, unsigned vcpu, struct engine_vcpu_state *state)
{
	return -PV_ENOSYS;
}

static int kvm_engine_vcpu_info_set(struct engine *e, unsigned vcpu, uint64_t gpa)
{
	if (vcpu >= e->config.max_vcpus)
		return -PV_ENOENT;
	if (gpa != ENGINE_NO_GPA && (gpa & 7 || gpa >= e->config.ram_size ||
				     sizeof(struct pv_vcpu_info) > e->config.ram_size - gpa))
		return -PV_EINVAL;
	ke_write(&e->vcpu[vcpu].vinfo_gpa, gpa);
	return 0;
}

/* Nobody here looks at it: the library answers polls itself. */
static int kvm_engine_shared_info_set(struct engine *e, uint64_t gpa)
{
	return gpa != ENGINE_NO_GPA && (gpa & 4095 || gpa >= e->config.ram_size) ? -PV_EINVAL : 0;
}

static int kvm_engine_kick_fd(struct engine *e, unsigned i)
{
	return i < ENGINE_KICK_FDS ? e->kick[i] : -1;
}

static int kvm_engine_mappings_get(struct engine *e, struct engine_mapping *map, unsigned n)
{
	return 0;
}

static int kvm_engine_mappings_set(struct engine *e, const struct engine_mapping *map, unsigned n)
{
	return n ? -PV_EINVAL : 0;
}

/* There is no guest process that could die by itself. */
static int kvm_engine_watch_fd(struct engine *e)
{
	return -1;
}

static void kvm_engine_watch(struct engine *e)
{
}

static uint64_t cpu_ns(struct ke_vcpu *v)
{
	struct timespec t;
	clockid_t clock;

	if (!v->started || pthread_getcpuclockid(v->thread, &clock) || clock_gettime(clock, &t))
		return 0;
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void kvm_engine_info(struct engine *e, struct engine_info *info)
{
	*info = (struct engine_info){.trap = ke_trap_name(e), .nexits = KE_EXITS};
	info->kicks = ke_read(&e->kicks);
	for (unsigned k = 0; k < KE_EXITS; k++)
		info->exits[k].kind = exit_name[k];
	for (unsigned i = 0; i < e->config.max_vcpus; i++) {
		info->cpu_ns += cpu_ns(&e->vcpu[i]);
		for (unsigned k = 0; k < KE_EXITS; k++)
			info->exits[k].count += ke_read(&e->vcpu[i].exits[k]);
	}
	info->hypercalls = info->exits[KE_EXIT_CALL].count;
}

const struct engine_impl engine_kvm = {
	.name = "kvm",
	.guest = ENGINE_GUEST_PVH,
	.max_vcpus = ENGINE_MAX_VCPUS,
	.probe = kvm_engine_probe,
	.create = kvm_engine_create,
	.wait = kvm_engine_wait,
	.destroy = kvm_engine_destroy,
	.hypercall_page = kvm_engine_hypercall_page,
	.vcpu_set = kvm_engine_vcpu_set,
	.vcpu_get = kvm_engine_vcpu_get,
	.image_loaded = ke_image_loaded,
	.vcpu_start_set = ke_start_set,
	.upcall_vector_set = ke_upcall_vector_set,
	.callback_set = ke_callback_set,
	.nmi = ke_nmi,
	.tlb_flush = ke_tlb_flush,
	.frame_set = ke_frame_set,
	.overlay_set = ke_overlay_set,
	.block = ke_block,
	.vcpu_up = ke_vcpu_up,
	.vcpu_down = ke_vcpu_down,
	.vcpu_info_set = kvm_engine_vcpu_info_set,
	.shared_info_set = kvm_engine_shared_info_set,
	.kick = ke_kick,
	.timer_set = ke_timer_set,
	.clock_set = ke_clock_set,
	.kick_fd = kvm_engine_kick_fd,
	.route_set = ke_route_set,
	.stop = ke_stop,
	.pause = ke_pause,
	.resume = ke_resume,
	.dirty_start = ke_dirty_start,
	.dirty_collect = ke_dirty_collect,
	.dirty_stop = ke_dirty_stop,
	.mark_dirty = ke_mark_dirty,
	.gva_to_gpa = ke_gva_to_gpa,
	.mappings_get = kvm_engine_mappings_get,
	.mappings_set = kvm_engine_mappings_set,
	.watch_fd = kvm_engine_watch_fd,
	.watch = kvm_engine_watch,
	.info = kvm_engine_info,
};
