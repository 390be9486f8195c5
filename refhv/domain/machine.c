/*
 * The machine: memory, engine and library domain put together, with a kernel inside.
 */
#include <errno.h>
#include <pv/abi/errno.h>
#include <pv/abi/version.h>
#include <pv/abi/xen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "domain/domain.h"
#include "launch/launch.h"

enum { XEN_VERSION = 4 << 16 | 17, WAIT_MS = 10000, PAUSE_MS = 2000 };

uint64_t machine_now(struct domain *d)
{
	return clock_monotonic() + (uint64_t)d->clock_offset;
}

void machine_mark_dirty(void *ctx, uint64_t gpa, uint64_t len)
{
	struct domain *d = ctx;

	d->impl->mark_dirty(d->engine, gpa, len);
}

static int choose_engine(struct domain *d, struct refhv_error *e)
{
	char why[256] = "";

	if (d->config.engine == CONFIG_ENGINE_KVM)
		return refhv_fail(e, REFHV_ENGINE, "set engine=\"user\" or leave it out",
				  "this refhv has no kvm engine");
	if (d->config.type == CONFIG_TYPE_PVH)
		return refhv_fail(e, REFHV_ENGINE,
				  "use type=\"pv\" or leave it out, if the kernel can do that",
				  "PVH guests need the kvm engine, which this refhv has not");
	d->impl = &engine_user;
	if (d->impl->probe(why, sizeof(why)))
		return refhv_fail(e, REFHV_ENGINE, NULL, "the user engine cannot run here: %s",
				  why);
	return 0;
}

static void cpuid_leaves(uint32_t cpuid[6][4])
{
	/* Xen's leaves (xen/include/public/arch-x86/cpuid.h): signature, version, hypercall page MSR. */
	static const uint32_t leaves[3][4] = {
		{0x40000002, 0x566e6558, 0x65584d4d, 0x4d4d566e},
		{XEN_VERSION, 0, 0, 0},
		{1, 0x40000000, 0, 0},
	};

	memcpy(cpuid, leaves, sizeof(leaves));
}

static int create_engine(struct domain *d, uint64_t virt_base, uint64_t features,
			 struct refhv_error *e)
{
	struct engine_config cfg = {
		.max_vcpus = d->config.maxvcpus,
		.ram_fd = d->ram_fd,
		.ram = d->ram,
		.ram_size = d->ram_size,
		.virt_base = virt_base,
		.paging = true,
		.xen_version = XEN_VERSION,
		.features = {(uint32_t)features},
		.clock_offset = d->clock_offset,
		.client = &d->client,
		.client_ctx = d,
	};
	char why[256] = "";
	int rc;

	cpuid_leaves(cfg.cpuid);
	rc = d->impl->create(&d->engine, &cfg, why, sizeof(why));
	/* The configuration has been checked: what is left is where the image wants to be. */
	if (rc == -PV_EINVAL)
		return refhv_fail_at(e, REFHV_IMAGE, d->config.kernel, 0,
				     "build the kernel for another VIRT_BASE", "%s", why);
	if (rc)
		return refhv_fail(e, REFHV_ENGINE, NULL, "the user engine does not start: %s", why);
	return 0;
}

static int new_domain(struct domain *d)
{
	struct pv_domain_config cfg = {
		.size = sizeof(cfg),
		.kind = PV_DOMAIN_PV,
		.domid = d->domid,
		.max_vcpus = d->config.maxvcpus,
		.nr_pages = d->ram_size / 4096,
		.xen_version = XEN_VERSION,
		.extraversion = ".refhv",
		.commandline = d->config.cmdline,
	};
	struct pv_domain_memory map = {.size = d->ram_size, .type = 1};
	int rc;

	memcpy(cfg.uuid, d->config.uuid, 16);
	rc = pv_domain_create(&d->pv, &cfg, &d->vmm);
	return rc ? rc : pv_domain_set_memory_map(d->pv, &map, 1);
}

static int create_domain(struct domain *d, struct refhv_error *e)
{
	int rc = new_domain(d);

	if (!rc) {
		d->store_port = (uint32_t)(rc = pv_domain_evtchn_alloc_unbound(d->pv, 0));
		if (rc > 0)
			d->console_port = (uint32_t)(rc = pv_domain_evtchn_alloc_unbound(d->pv, 0));
	}
	return rc < 0 ? refhv_fail(e, REFHV_FAILED, NULL, "cannot create the domain: error %d", -rc)
		      : 0;
}

static struct boot_config boot_config(struct domain *d)
{
	return (struct boot_config){
		.ram = d->ram,
		.ram_size = d->config.memory_kib << 10,
		.cmdline = d->config.cmdline,
		.ramdisk_name = d->config.ramdisk,
		.ramdisk_fd = domain_fd(d, "ramdisk", false),
		.features = pv_domain_features(PV_DOMAIN_PV),
		.store_evtchn = d->store_port,
		.console_evtchn = d->console_port,
	};
}

/* Before there is an engine, which would complain of what the kernel's notes say, or do not. */
static int read_kernel(struct domain *d, struct boot_kernel *k, struct refhv_error *e)
{
	struct boot_config cfg = boot_config(d);
	struct boot_error err = {""};

	if (boot_kernel_read(k, d->config.kernel, domain_fd(d, "kernel", false), &err) ||
	    boot_pv_check(k, &cfg, &err))
		return refhv_fail(e, REFHV_IMAGE, NULL, "%s", err.text);
	return 0;
}

static int load_kernel(struct domain *d, struct boot_kernel *k, struct refhv_error *e)
{
	struct boot_config cfg = boot_config(d);
	struct boot_error err = {""};

	if (boot_pv(k, &cfg, &d->boot, &err))
		return refhv_fail(e, REFHV_IMAGE, NULL, "%s", err.text);
	if (d->boot.has_hypercall_page)
		d->impl->hypercall_page(
			d->engine, (char *)d->ram + (d->boot.hypercall_gva - d->boot.virt_base));
	return 0;
}

/* The library learns what the builder decided. */
static int wire_up(struct domain *d, struct refhv_error *e)
{
	int rc = pv_domain_set_shared_info(d->pv, d->boot.shared_info_gfn);

	d->shared_info = d->boot.shared_info_gfn;
	if (!rc)
		rc = d->impl->shared_info_set(d->engine, d->boot.shared_info_gfn << 12);
	if (!rc)
		rc = pv_domain_grant_seed(d->pv, 0, 0, d->boot.console_gfn);
	if (!rc)
		rc = pv_domain_grant_seed(d->pv, 1, 0, d->boot.store_gfn);
	return rc < 0 ? refhv_fail(e, REFHV_FAILED, NULL, "cannot wire the domain up: error %d",
				   -rc)
		      : 0;
}

static int create_memory(struct domain *d, uint64_t size, struct refhv_error *e)
{
	int rc = engine_ram_create(size, 0, &d->ram_fd, &d->ram);

	d->ram_size = size;
	hooks_init(d);
	return rc < 0 ? refhv_fail(e, REFHV_RESOURCE, "lower memory=", "no %llu MiB of memory: %s",
				   (unsigned long long)(size >> 20), strerror(-rc))
		      : 0;
}

int machine_build(struct domain *d, struct refhv_error *e)
{
	struct boot_kernel kernel = {0};
	int rc = choose_engine(d, e);

	if (rc)
		return rc;
	d->clock_offset = -(int64_t)clock_monotonic();
	rc = read_kernel(d, &kernel, e);
	if (!rc)
		rc = create_memory(d, d->config.memory_kib << 10, e);
	if (!rc)
		rc = create_engine(d, kernel.virt_base, pv_domain_features(PV_DOMAIN_PV), e);
	if (!rc)
		rc = create_domain(d, e);
	if (!rc)
		rc = load_kernel(d, &kernel, e);
	if (!rc)
		rc = wire_up(d, e);
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
		return refhv_fail(e, REFHV_ENGINE, NULL, "the user engine does not start: %s", why);
	ev_io_init(&d->watch_engine, engine_news, d->impl->watch_fd(d->engine), EV_READ);
	d->watch_engine.data = d;
	ev_io_start(d->loop, &d->watch_engine);
	return 0;
}

int machine_build_incoming(struct domain *d, const struct image_machine *m, struct refhv_error *e)
{
	int rc = choose_engine(d, e);

	if (rc)
		return rc;
	if (m->ram_size != d->config.memory_kib << 10 || m->vcpus != d->config.maxvcpus ||
	    m->console_gfn >= m->ram_size >> 12 || m->store_gfn >= m->ram_size >> 12 ||
	    m->hypercall_gva % 4096 || !m->domid || m->domid >= PV_DOMID_FIRST_RESERVED)
		return refhv_fail(e, REFHV_IMAGE, NULL,
				  "the stream's machine is not the one that it describes");
	d->domid = (uint16_t)m->domid;
	d->store_port = m->store_port;
	d->console_port = m->console_port;
	d->boot = (struct boot_result){
		.virt_base = m->virt_base,
		.hypercall_gva = m->hypercall_gva,
		.has_hypercall_page = m->hypercall_gva != 0,
		.store_gfn = m->store_gfn,
		.console_gfn = m->console_gfn,
	};
	d->clock_offset = -(int64_t)clock_monotonic();
	rc = create_memory(d, m->ram_size, e);
	if (!rc)
		rc = create_engine(d, m->virt_base, pv_domain_features(PV_DOMAIN_PV), e);
	if (!rc && new_domain(d))
		rc = refhv_fail(e, REFHV_FAILED, NULL, "cannot create the domain");
	return rc;
}

static size_t absent_size(const struct domain *d)
{
	return ((d->ram_size >> 18) + 1) * sizeof(*d->absent);
}

static int store_absent(const struct domain *d, struct image *im)
{
	if (!d->absent)
		return 0;
	im->absent_size = absent_size(d);
	im->absent = malloc(im->absent_size);
	if (!im->absent)
		return -PV_ENOMEM;
	memcpy(im->absent, d->absent, im->absent_size);
	return 0;
}

/* Before anything looks at memory through the hooks. */
static int load_absent(struct domain *d, const struct image *im)
{
	if (!im->absent)
		return 0;
	if (im->absent_size != absent_size(d))
		return -PV_EINVAL;
	d->absent = malloc(im->absent_size);
	if (!d->absent)
		return -PV_ENOMEM;
	memcpy(d->absent, im->absent, im->absent_size);
	for (size_t i = 0; i < im->absent_size / sizeof(*d->absent); i++)
		d->absent_pages += (unsigned)__builtin_popcountll(d->absent[i]);
	return 0;
}

/* The guest's words all lie in RAM by now. */
int machine_load(struct domain *d, struct image *im)
{
	uint64_t page = d->boot.hypercall_gva - d->boot.virt_base;
	uint64_t gfn;
	int rc;

	/* Guest time goes on where it stood. */
	d->clock_offset = (int64_t)im->guest_ns - (int64_t)clock_monotonic();
	d->impl->clock_set(d->engine, d->clock_offset);
	rc = load_absent(d, im);
	if (!rc)
		rc = pv_domain_set_state(d->pv, &im->state);
	if (rc < 0)
		return rc;
	gfn = pv_domain_shared_info(d->pv);
	d->shared_info = gfn;
	rc = d->impl->shared_info_set(d->engine,
				      gfn == PV_STATE_NO_GPA ? ENGINE_NO_GPA : gfn << 12);
	if (rc >= 0)
		rc = d->impl->mappings_set(d->engine, im->mapping, im->nmappings);
	for (unsigned i = 0; i < im->machine.vcpus && rc >= 0; i++) {
		d->impl->vcpu_info_set(d->engine, i, pv_domain_vcpu_info_gpa(d->pv, i));
		rc = d->impl->vcpu_set(d->engine, i, &im->vcpu[i]);
	}
	if (rc >= 0 && d->boot.has_hypercall_page) {
		if (page > d->ram_size - 4096)
			return -PV_EINVAL;
		d->impl->hypercall_page(d->engine, (char *)d->ram + page);
	}
	return rc;
}

int machine_store(struct domain *d, struct image *im)
{
	int rc = image_alloc(im, d->config.maxvcpus);

	if (!rc)
		rc = store_absent(d, im);
	if (rc)
		return rc;
	im->guest_ns = machine_now(d);
	rc = pv_domain_get_state(d->pv, &im->state);
	for (unsigned i = 0; i < im->machine.vcpus && rc >= 0; i++)
		rc = d->impl->vcpu_get(d->engine, i, &im->vcpu[i]);
	if (rc >= 0)
		rc = d->impl->mappings_get(d->engine, im->mapping, ENGINE_MAP_MAX);
	if (rc >= 0)
		im->nmappings = (unsigned)rc;
	return rc < 0 ? rc : pv_store_save(d->store, image_store_sink, im);
}

static int set_boot_vcpu(struct domain *d)
{
	struct engine_vcpu_state *st;
	int rc;

	if (posix_memalign((void **)&st, 64, sizeof(*st)))
		return -PV_ENOMEM;
	memset(st, 0, sizeof(*st));
	st->size = sizeof(*st);
	st->ctxt.user_regs.rip = d->boot.entry_gva;
	st->ctxt.user_regs.rsi = d->boot.start_info_gva;
	st->ctxt.user_regs.rsp = d->boot.stack_gva;
	st->ctxt.user_regs.rflags = 0x202;
	st->ctxt.user_regs.cs = PV_FLAT_RING3_CS64;
	st->ctxt.user_regs.ss = PV_FLAT_RING3_SS64;
	rc = d->impl->vcpu_set(d->engine, 0, st);
	free(st);
	return rc;
}

int machine_start(struct domain *d, bool paused, struct refhv_error *e)
{
	int rc;

	clock_start(d);
	rc = set_boot_vcpu(d);
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
	return d->impl->pause(d->engine, PAUSE_MS);
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
	/* A process's CPU clock has this number (clock_getcpuclockid(3)); no path is opened. */
	if (info.pid <= 0 || clock_gettime((clockid_t)(~(unsigned)info.pid << 3 | 2), &t))
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
