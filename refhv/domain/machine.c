/*
 * The machine: memory, engine and library domain put together, with a kernel inside.
 */
#include <errno.h>
#include <pv/abi/errno.h>
#include <pv/abi/version.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "domain/console.h"
#include "domain/machine.h"

enum { WAIT_MS = 10000, PAUSE_MS = 2000 };

uint64_t machine_now(struct domain *d)
{
	return clock_monotonic() + (uint64_t)d->clock_offset;
}

void machine_mark_dirty(void *ctx, uint64_t gpa, uint64_t len)
{
	struct domain *d = ctx;

	d->impl->mark_dirty(d->engine, gpa, len);
}

static void cpuid_leaves(uint32_t cpuid[6][4])
{
	/* Xen's leaves (xen/include/public/arch-x86/cpuid.h): signature, version, hypercall page MSR. */
	static const uint32_t leaves[3][4] = {
		{0x40000002, 0x566e6558, 0x65584d4d, 0x4d4d566e},
		{MACHINE_XEN_VERSION, 0, 0, 0},
		{1, 0x40000000, 0, 0},
	};

	memcpy(cpuid, leaves, sizeof(leaves));
}

int machine_create_engine(struct domain *d, uint64_t virt_base, struct refhv_error *e)
{
	struct engine_config cfg = {
		.max_vcpus = d->config.maxvcpus,
		.ram_fd = d->space.fd,
		.ram = d->space.ram,
		.ram_size = d->space.size,
		.nregions = d->space.nregions,
		.virt_base = virt_base,
		.paging = true,
		.xen_version = MACHINE_XEN_VERSION,
		.features = {pv_domain_features(d->kind)},
		.clock_offset = d->clock_offset,
		.kvm_fd = domain_fd(d, "kvm", false),
		.domid = d->domid,
		.trap = (enum engine_trap)d->config.trap,
		.client = &d->client,
		.client_ctx = d,
	};
	char why[256] = "";
	int rc;

	if (d->config.maxvcpus > d->impl->max_vcpus)
		return refhv_fail(e, REFHV_ENGINE, "lower vcpus= or maxvcpus=",
				  "a domain of the %s engine has 1 to %u vCPUs", d->impl->name,
				  d->impl->max_vcpus);
	memcpy(cfg.region, d->space.region, sizeof(cfg.region));
	cpuid_leaves(cfg.cpuid);
	rc = d->impl->create(&d->engine, &cfg, why, sizeof(why));
	/* The configuration has been checked: what is left is where a PV image wants to be. */
	if (rc == -PV_EINVAL && d->kind == PV_DOMAIN_PV)
		return refhv_fail_at(e, REFHV_IMAGE, d->config.kernel, 0,
				     "build the kernel for another VIRT_BASE", "%s", why);
	if (rc)
		return refhv_fail(e, REFHV_ENGINE, NULL, "the %s engine does not start: %s",
				  d->impl->name, why);
	return 0;
}

int machine_new_domain(struct domain *d, const struct pv_domain_memory *map, unsigned n)
{
	struct pv_domain_config cfg = {
		.size = sizeof(cfg),
		.kind = d->kind,
		.domid = d->domid,
		.max_vcpus = d->config.maxvcpus,
		.max_ports = d->config.max_event_channels ? d->config.max_event_channels + 1 : 0,
		.max_grant_frames = d->config.max_grant_frames,
		.max_grant_version = d->config.max_grant_version,
		.nr_pages = machine_ram(d) / 4096,
		.max_gfn = d->space.size / 4096 - 1,
		.xen_version = MACHINE_XEN_VERSION,
		.extraversion = ".refhv",
		.commandline = d->config.cmdline,
	};
	int rc;

	memcpy(cfg.uuid, d->config.uuid, 16);
	rc = pv_domain_create(&d->pv, &cfg, &d->vmm);
	return rc ? rc : pv_domain_set_memory_map(d->pv, map, n);
}

int machine_create_domain(struct domain *d, const struct pv_domain_memory *map, unsigned n,
			  struct refhv_error *e)
{
	int rc = machine_new_domain(d, map, n);

	if (!rc) {
		d->store_port = (uint32_t)(rc = pv_domain_evtchn_alloc_unbound(d->pv, 0));
		if (rc > 0)
			d->console_port = (uint32_t)(rc = pv_domain_evtchn_alloc_unbound(d->pv, 0));
	}
	return rc < 0 ? refhv_fail(e, REFHV_FAILED, NULL, "cannot create the domain: error %d", -rc)
		      : 0;
}

/* A PVH guest starts with all that it may ever have, and gives back what is beyond memory/target: its balloon does so. */
uint64_t machine_ram(const struct domain *d)
{
	if (d->kind == PV_DOMAIN_PVH)
		return d->config.maxmem_kib << 10;
	return d->space.size ? d->space.size : d->config.memory_kib << 10;
}

struct boot_config machine_boot_config(struct domain *d)
{
	return (struct boot_config){
		.ram = d->space.ram,
		.ram_size = machine_ram(d),
		.cmdline = d->config.cmdline,
		.ramdisk_name = d->config.ramdisk,
		.ramdisk_fd = domain_fd(d, "ramdisk", false),
		.features = pv_domain_features(d->kind),
		.store_evtchn = d->store_port,
		.console_evtchn = d->console_port,
		/* As Xen does: only what is online is enabled. The others wait for cpu/N/availability. */
		.vcpus = d->config.vcpus,
		.maxvcpus = d->config.maxvcpus,
	};
}

#define LINUX_SHARED_INFO 0xfe700000ull

/* Large pages that are not there when they are touched would end the process: they are taken at once, or not at all. */
static int prefault(struct domain *d)
{
	bool huge = d->config.pages == CONFIG_PAGES_HUGE;
	uint64_t mask = huge ? (2ull << 20) - 1 : 4095, start, end;
	int rc = 0;

	for (unsigned i = 0; (d->config.prefault || huge) && i < d->space.nregions && rc >= 0;
	     i++) {
		start = d->space.region[i].gpa & ~mask;
		end = (d->space.region[i].gpa + d->space.region[i].size + mask) & ~mask;
		rc = engine_ram_prefault(d->space.fd, d->space.ram, start, end - start);
	}
	/* Linux has its shared_info here, outside all regions (arch/x86/xen/enlighten_hvm.c): it is the one page that is sure to be wanted. */
	if (huge && rc >= 0 && LINUX_SHARED_INFO < d->space.size)
		rc = engine_ram_prefault(d->space.fd, d->space.ram, LINUX_SHARED_INFO & ~mask,
					 mask + 1);
	return rc;
}

int machine_create_space(struct domain *d, uint64_t size, const struct engine_region *region,
			 unsigned n, struct refhv_error *e)
{
	static const unsigned flags[] = {0, ENGINE_RAM_THP, ENGINE_RAM_HUGE};
	bool huge = d->config.pages == CONFIG_PAGES_HUGE;
	int rc;

	if (huge && d->kind == PV_DOMAIN_PV)
		return refhv_fail(e, REFHV_CONFIG, "leave hugepages out",
				  "hugepages=\"yes\" needs the kvm engine");
	rc = space_create(&d->space, size, region, n, flags[d->config.pages]);
	hooks_init(d);
	if (rc >= 0)
		rc = prefault(d);
	return rc < 0 ? refhv_fail(e, REFHV_RESOURCE,
				   huge ? "set pages aside: /proc/sys/vm/nr_hugepages"
					: "lower memory=",
				   "no %llu MiB of memory%s: %s",
				   (unsigned long long)(space_ram(&d->space) >> 20),
				   huge ? " in large pages" : "", strerror(-rc))
		      : 0;
}

/* The kernel is read before there is an engine, which would complain of what its notes say, or do not. */
int machine_build(struct domain *d, struct refhv_error *e)
{
	struct boot_kernel kernel = {0};
	struct boot_error err = {""};
	int rc;

	d->clock_offset = -(int64_t)clock_monotonic();
	if (boot_kernel_read(&kernel, d->config.kernel, domain_fd(d, "kernel", false), &err))
		return refhv_fail(e, REFHV_IMAGE, NULL, "%s", err.text);
	rc = machine_choose(d, &kernel, e);
	if (!rc)
		rc = d->kind == PV_DOMAIN_PV ? machine_build_pv(d, &kernel, e)
					     : machine_build_pvh(d, &kernel, e);
	boot_kernel_free(&kernel);
	return rc;
}

static void engine_news(struct ev_loop *loop, ev_io *w, int revents)
{
	struct domain *d = w->data;

	ev_io_stop(loop, w);
	d->impl->watch(d->engine);
}

int machine_wait(struct domain *d, struct refhv_error *e)
{
	char why[256] = "";

	if (d->impl->wait(d->engine, WAIT_MS, why, sizeof(why)))
		return refhv_fail(e, REFHV_ENGINE, NULL, "the %s engine does not start: %s",
				  d->impl->name, why);
	ev_io_init(&d->watch_engine, engine_news, d->impl->watch_fd(d->engine), EV_READ);
	d->watch_engine.data = d;
	if (d->watch_engine.fd >= 0)
		ev_io_start(d->loop, &d->watch_engine);
	return 0;
}

int machine_start(struct domain *d, bool paused, struct refhv_error *e)
{
	int rc;

	clock_start(d);
	rc = d->kind == PV_DOMAIN_PV ? machine_boot_vcpu_pv(d) : machine_boot_vcpu_pvh(d);
	if (!rc)
		rc = d->impl->vcpu_up(d->engine, 0);
	d->state = paused ? DOMAIN_PAUSED : DOMAIN_RUNNING;
	if (!rc && !paused)
		rc = machine_resume(d);
	return rc ? refhv_fail(e, REFHV_ENGINE, NULL, "the guest cannot be started: error %d", -rc)
		  : 0;
}

int machine_go_on(struct domain *d, bool paused, struct refhv_error *e)
{
	clock_start(d);
	devices_quiesce(d, false);
	d->state = paused ? DOMAIN_PAUSED : DOMAIN_RUNNING;
	if (!paused && machine_resume(d))
		return refhv_fail(e, REFHV_ENGINE, NULL, "the guest cannot be resumed");
	return 0;
}

int machine_pause(struct domain *d)
{
	int rc;

	if (d->console[0])
		console_pausing(d->console[0], true);
	rc = d->impl->pause(d->engine, PAUSE_MS);
	if (d->console[0])
		console_pausing(d->console[0], false);
	return rc;
}

int machine_resume(struct domain *d)
{
	return d->impl->resume(d->engine);
}

double machine_cpu_seconds(struct domain *d)
{
	struct engine_info info = {0};
	struct timespec t;

	d->impl->info(d->engine, &info);
	if (!info.pid)
		return (double)info.cpu_ns / 1e9;
	/* A process's CPU clock has this number (clock_getcpuclockid(3)); no path is opened. */
	if (info.pid < 0 || clock_gettime((clockid_t)(~(unsigned)info.pid << 3 | 2), &t))
		return 0;
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void machine_destroy(struct domain *d)
{
	if (d->engine) {
		ev_io_stop(d->loop, &d->watch_engine);
		clock_stop(d);
		d->impl->destroy(d->engine);
	}
	d->engine = NULL;
}
