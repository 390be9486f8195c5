/*
 * user.c: the user engine's entry in the table of engines
 *
 * A guest is a process of its own, G (stub/), that has RAM, its control pages and six system calls;
 * this side (monitor/) lives in the domain process. See layout.h for what the two share, monitor.h
 * for whom we trust.
 */
#include <cpuid.h>
#include <errno.h>
#include <linux/seccomp.h>
#include <pv/abi/errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <fcntl.h>
#include "monitor.h"

#define HWCAP2_FSGSBASE_BIT 2ul
#define MIN_VIRT_BASE	    0x10000ull

static int user_probe(char *why, size_t size)
{
	const uint32_t trap = SECCOMP_RET_TRAP;
	uint32_t a, b, c, d;

	__cpuid(0x80000001, a, b, c, d);
	if (!(d >> 27 & 1)) {
		snprintf(why, size, "the processor has no rdtscp");
		return -PV_ENODEV;
	}
	__cpuid(1, a, b, c, d);
	if (!(c >> 27 & 1) || ue_xsave_size() > ENGINE_XSAVE_MAX) {
		snprintf(why, size, "the processor's FPU state cannot be saved with XSAVE");
		return -PV_ENODEV;
	}
	if (syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &trap)) {
		snprintf(why, size, "the kernel has no seccomp filters");
		return -PV_ENOSYS;
	}
	return 0;
}

static int check_config(const struct engine_config *c, char *why, size_t size)
{
	if (!c->max_vcpus || c->max_vcpus > UE_MAX_VCPUS) {
		snprintf(why, size, "a domain has 1 to %u vCPUs", (unsigned)UE_MAX_VCPUS);
		return -PV_EINVAL;
	}
	if (!c->ram_size || c->ram_size & 4095 || c->ram_size >= UE_GUEST_END) {
		snprintf(why, size, "memory must be a multiple of 4 KiB");
		return -PV_EINVAL;
	}
	if (c->virt_base & 4095 || c->virt_base < MIN_VIRT_BASE ||
	    c->virt_base >= UE_GUEST_END - c->ram_size) {
		snprintf(why, size,
			 "the guest's VIRT_BASE %#llx cannot be mapped in a process: it must be "
			 "between %#llx "
			 "and %#llx",
			 (unsigned long long)c->virt_base, MIN_VIRT_BASE,
			 (unsigned long long)(UE_GUEST_END - c->ram_size));
		return -PV_EINVAL;
	}
	return 0;
}

/* For tests, and for a person who must avoid something: a list of words. */
static bool forced(const char *word)
{
	const char *list = secure_getenv("REFHV_ENGINE_FORCE");

	return list && strstr(list, word);
}

static uint32_t find_caps(const struct engine *e)
{
	char ldt[8];
	uint32_t caps = 0;

	if (getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE_BIT && !forced("nofsgsbase"))
		caps |= ENGINE_CAP_FSGSBASE;
	/* Reading our own, empty table tells whether there is such a call. */
	if (e->config.max_vcpus > 1 && syscall(SYS_modify_ldt, 0, ldt, sizeof(ldt)) >= 0 &&
	    !forced("noldt"))
		caps |= ENGINE_CAP_LDT;
	if (CPU_COUNT(&e->cpus) > 1 && !forced("nospin"))
		caps |= ENGINE_CAP_SPIN;
	return caps;
}

static uint32_t wanted(const struct engine_config *c)
{
	return (c->paging ? UE_WANT_PAGING : 0) | (c->no_speculation ? UE_WANT_NO_SPECULATION : 0) |
	       (forced("mprotect") ? UE_WANT_MPROTECT_LOG : 0) |
	       (forced("nonamespaces") ? UE_WANT_NO_NAMESPACES : 0);
}

static uint64_t page_up(uint64_t x)
{
	return (x + 4095) & ~4095ull;
}

static int make_control_pages(struct engine *e)
{
	const struct engine_config *c = &e->config;
	uint64_t pages = c->ram_size >> 12, chunks = (c->ram_size >> UE_CHUNK_SHIFT) + 1;
	uint64_t vrw_size = (uint64_t)c->max_vcpus * UE_VRW_STRIDE, bitmap, shared;
	struct ue_info *info;

	e->page_words = (pages + 63) / 64;
	bitmap = page_up((chunks + 63) / 64 * 8);
	shared = UE_BITMAP_OFF + 2 * bitmap + page_up(e->page_words * 8);
	e->ctl_size = UE_INFO_SIZE + vrw_size + shared;
	e->ctl_fd = memfd_create("guest-control", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (e->ctl_fd < 0 || ftruncate(e->ctl_fd, (off_t)e->ctl_size) ||
	    fcntl(e->ctl_fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))
		return -PV_ENOMEM;
	e->ctl = mmap(NULL, e->ctl_size, PROT_READ | PROT_WRITE, MAP_SHARED, e->ctl_fd, 0);
	if (e->ctl == MAP_FAILED) {
		e->ctl = NULL;
		return -PV_ENOMEM;
	}
	info = e->info = e->ctl;
	e->routes = (uint8_t *)e->ctl + UE_ROUTE_OFF;
	e->shared = (struct ue_shared *)((char *)e->ctl + UE_INFO_SIZE + vrw_size);
	info->max_vcpus = c->max_vcpus;
	info->monitor_pid = (uint32_t)getpid();
	info->virt_base = c->virt_base;
	info->ram_size = c->ram_size;
	info->shared_size = shared;
	info->bitmap_size = bitmap;
	/* Twice RAM: enough for every page to be mapped once more, not for page tables without end.
	 */
	info->address_limit = 2 * c->ram_size + (64ull << 20) + shared;
	info->flags = wanted(c);
	info->caps = e->caps;
	info->clock_offset = c->clock_offset;
	info->xen_version = c->xen_version;
	memcpy(info->features, c->features, sizeof(info->features));
	memcpy(info->cpuid, c->cpuid, sizeof(info->cpuid));
	info->nowhere[offsetof(struct pv_vcpu_info, evtchn_upcall_mask)] = 1;

	for (unsigned i = 0; i < c->max_vcpus; i++) {
		struct ue_vcpu *v = &e->vcpu[i];

		v->e = e;
		v->id = i;
		v->pinned = -1;
		v->vinfo_gpa = ENGINE_NO_GPA;
		v->ro = (struct ue_vro *)((char *)e->ctl + UE_VRO_OFF + i * UE_VRO_STRIDE);
		v->rw = (struct ue_vrw *)((char *)e->ctl + UE_INFO_SIZE +
					  (uint64_t)i * UE_VRW_STRIDE);
		v->ro->stop = 1;
		v->ro->vinfo = UE_INFO + offsetof(struct ue_info, nowhere);
		v->rw->id = i;
		v->rw->fresh = 1;
		ue_fpu_reset((char *)v->rw + UE_VRW_XSAVE);
		v->rw->ro = UE_INFO + UE_VRO_OFF + (uint64_t)i * UE_VRO_STRIDE;
	}
	return 0;
}

static void user_destroy(struct engine *e)
{
	if (!e)
		return;
	ue_write(&e->killing, 1);
	if (e->pid > 0) {
		kill(e->pid, SIGKILL);
		while (waitpid(e->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	ue_write(&e->stopping, 1);
	for (unsigned i = 0; i < e->config.max_vcpus; i++) {
		if (!e->vcpu[i].started)
			continue;
		ue_service_wake(&e->vcpu[i]);
		pthread_join(e->vcpu[i].thread, NULL);
	}
	const int fds[] = {e->ctl_fd, e->sock, e->pidfd, e->pagemap, e->uffd};

	for (unsigned i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	for (unsigned i = 0; i < ENGINE_KICK_FDS; i++)
		if (e->kick[i] >= 0)
			close(e->kick[i]);
	if (e->ctl)
		munmap(e->ctl, e->ctl_size);
	free(e->written);
	pthread_mutex_destroy(&e->lock);
	free(e);
}

static int user_create(struct engine **out, const struct engine_config *config, char *why,
		       size_t size)
{
	struct engine *e;
	int ret = check_config(config, why, size);

	*out = NULL;
	if (ret)
		return ret;
	e = calloc(1, sizeof(*e));
	if (!e)
		return -PV_ENOMEM;
	e->impl = &engine_user;
	e->config = *config;
	e->paused = true;
	e->generation = 1;
	e->ctl_fd = e->sock = e->pidfd = e->pagemap = e->uffd = -1;
	memset(e->kick, -1, sizeof(e->kick));
	pthread_mutex_init(&e->lock, NULL);
	CPU_ZERO(&e->cpus);
	sched_getaffinity(0, sizeof(e->cpus), &e->cpus);
	e->caps = find_caps(e);

	ret = make_control_pages(e);
	for (unsigned i = 0; i < ENGINE_KICK_FDS && !ret; i++) {
		e->kick[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		if (e->kick[i] < 0)
			ret = -PV_EMFILE;
	}
	if (ret)
		snprintf(why, size, "no memory or descriptors for a guest: %s", strerror(errno));
	if (!ret)
		ret = ue_launch(e, why, size);
	if (ret) {
		user_destroy(e);
		return ret;
	}
	*out = e;
	return 0;
}

static void user_hypercall_page(struct engine *e, void *page)
{
	bool by_trap = e->config.max_vcpus > 1 && !(e->caps & ENGINE_CAP_LDT);
	uint8_t *p = page;

	memset(page, 0xcc, 4096);
	for (uint32_t nr = 0; nr < 128; nr++, p += 32) {
		const bool iret = nr == PV_HYPERVISOR_iret;
		uint64_t target = iret ? UE_HC_IRET : UE_HC_ENTRY;
		unsigned n = 0;

		if (by_trap) {
			/* As Xen's own page: the call is trapped, rcx and r11 are lost by the
			 * instruction. */
			static const uint8_t head[] = {0x51, 0x41, 0x53}; /* push %rcx, %r11 */
			static const uint8_t tail[] = {0x0f, 0x05, 0x41, 0x5b, 0x59, 0xc3};

			memcpy(p + n, head, sizeof(head));
			n += sizeof(head);
			if (iret)
				p[n++] = 0x50; /* push %rax */
			p[n++] = 0xb8;
			memcpy(p + n, &nr, 4);
			memcpy(p + n + 4, tail, sizeof(tail));
			continue;
		}
		if (iret) {
			p[n++] = 0x50; /* push %rax */
		} else {
			p[n++] = 0xb8; /* mov $nr, %eax */
			memcpy(p + n, &nr, 4);
			n += 4;
		}
		p[n++] = 0xff; /* jmp *0(%rip) */
		p[n++] = 0x25;
		memset(p + n, 0, 4);
		memcpy(p + n + 4, &target, 8);
	}
}

static bool page_in_ram(const struct engine *e, uint64_t gpa, uint64_t len)
{
	return gpa < e->config.ram_size && len <= e->config.ram_size - gpa;
}

static int user_vcpu_info_set(struct engine *e, unsigned vcpu, uint64_t gpa)
{
	struct ue_vcpu *v;

	if (vcpu >= e->config.max_vcpus)
		return -PV_ENOENT;
	v = &e->vcpu[vcpu];
	if (gpa == ENGINE_NO_GPA) {
		ue_write(&v->ro->vinfo, UE_INFO + offsetof(struct ue_info, nowhere));
	} else {
		if (gpa & 7 || !page_in_ram(e, gpa, sizeof(struct pv_vcpu_info)))
			return -PV_EINVAL;
		ue_write(&v->ro->vinfo, e->config.virt_base + gpa);
	}
	ue_write(&v->vinfo_gpa, gpa);
	return 0;
}

static int user_shared_info_set(struct engine *e, uint64_t gpa)
{
	if (gpa != ENGINE_NO_GPA && (gpa & 4095 || !page_in_ram(e, gpa, 4096)))
		return -PV_EINVAL;
	ue_write(&e->info->shared_info, gpa == ENGINE_NO_GPA ? 0 : e->config.virt_base + gpa);
	return 0;
}

static void user_event_array_set(struct engine *e, const uint64_t *gfn, uint32_t n)
{
	uint32_t i;

	for (i = 0; gfn && i < n && i < UE_EVENT_PAGES; i++)
		ue_write(&e->info->event_page[i], page_in_ram(e, gfn[i] << 12, 4096)
							  ? e->config.virt_base + (gfn[i] << 12)
							  : 0);
	/* Last: a vCPU that polls meanwhile looks again when it is woken. */
	ue_write(&e->info->event_fifo, gfn ? 1 + i : 0);
}

static void user_clock_set(struct engine *e, int64_t offset)
{
	ue_write(&e->info->clock_offset, offset);
	/* Whoever sleeps towards a deadline works it out anew. */
	for (unsigned i = 0; i < e->config.max_vcpus; i++) {
		ue_service_wake(&e->vcpu[i]);
		ue_add(&e->vcpu[i].ro->wake, 1);
		ue_futex_wake(&e->vcpu[i].ro->wake);
	}
}

static int user_kick_fd(struct engine *e, unsigned i)
{
	return i < ENGINE_KICK_FDS ? e->kick[i] : -PV_EINVAL;
}

static void user_route_set(struct engine *e, uint32_t port, struct pv_route route)
{
	uint8_t to = UE_ROUTE_MONITOR;

	if (port >= ENGINE_MAX_PORTS)
		return;
	if (route.kind == PV_ROUTE_KICK && route.kick < ENGINE_KICK_FDS)
		to = (uint8_t)(1 + route.kick);
	ue_write(&e->routes[port], to);
}

static int user_watch_fd(struct engine *e)
{
	return e->pidfd;
}

static void user_info(struct engine *e, struct engine_info *info)
{
	*info = (struct engine_info){.caps = e->caps};
	info->pid = e->pid;
	info->hypercalls = ue_read(&e->hypercalls);
	info->kicks = ue_read(&e->kicks);
}

const struct engine_impl engine_user = {
	.name = "user",
	.guest = ENGINE_GUEST_PV,
	.max_vcpus = UE_MAX_VCPUS,
	.probe = user_probe,
	.create = user_create,
	.wait = ue_wait,
	.destroy = user_destroy,
	.hypercall_page = user_hypercall_page,
	.vcpu_set = ue_vcpu_set,
	.vcpu_get = ue_vcpu_get,
	.vcpu_up = ue_vcpu_up,
	.vcpu_down = ue_vcpu_down,
	.vcpu_info_set = user_vcpu_info_set,
	.shared_info_set = user_shared_info_set,
	.kick = ue_kick,
	.timer_set = ue_timer_set,
	.clock_set = user_clock_set,
	.kick_fd = user_kick_fd,
	.route_set = user_route_set,
	.event_array_set = user_event_array_set,
	.stop = ue_stop,
	.pause = ue_pause,
	.resume = ue_resume,
	.dirty_start = ue_dirty_start,
	.dirty_collect = ue_dirty_collect,
	.dirty_stop = ue_dirty_stop,
	.mark_dirty = ue_mark_dirty,
	.gva_to_gpa = ue_gva_to_gpa,
	.mappings_get = ue_mappings_get,
	.mappings_set = ue_mappings_set,
	.watch_fd = user_watch_fd,
	.watch = ue_watch,
	.info = user_info,
};
