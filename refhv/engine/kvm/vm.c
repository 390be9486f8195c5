/*
 * vm.c: the VM and its map of memory
 *
 * Each region of the configuration is one slot of KVM's; so is each single page that becomes memory
 * later (frame_set), because a slot cannot grow while vCPUs run. A slot shows the part of the RAM
 * file that has its own addresses: an overlay is another page of the file mapped over that place
 * in this process, and KVM follows.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <pv/abi/errno.h>
#include "kvm.h"

#define PAGE 4096ull
/* Three pages that Intel processors without "unrestricted guest" need, and one more below. Far
 * from all that is memory. */
#define TSS_ADDRESS	     0xfffbd000ul
#define IDENTITY_MAP_ADDRESS 0xfffbc000ull
/* Routes for an I/O APIC that nobody has. KVM wants a number. */
#define IRQCHIP_PINS 24

static int set_slot(struct engine *e, unsigned i, bool log)
{
	struct kvm_userspace_memory_region r = {
		.slot = i,
		.flags = log ? KVM_MEM_LOG_DIRTY_PAGES : 0,
		.guest_phys_addr = e->slot[i].gpa,
		.memory_size = e->slot[i].size,
		.userspace_addr = (uintptr_t)e->config.ram + e->slot[i].gpa,
	};

	return ioctl(e->vm, KVM_SET_USER_MEMORY_REGION, &r) ? -errno : 0;
}

/* Under map_lock, or before anybody else knows the engine. */
static int add_slot(struct engine *e, uint64_t gpa, uint64_t size)
{
	unsigned i = 0;
	int ret;

	while (i < e->nslots && e->slot[i].size)
		i++;
	if (i == KE_MAX_SLOTS)
		return -PV_ENOSPC;
	e->slot[i].gpa = gpa;
	ke_write(&e->slot[i].size, size);
	ret = set_slot(e, i, ke_read(&e->logging));
	if (ret)
		ke_write(&e->slot[i].size, 0);
	else if (i == e->nslots)
		ke_write(&e->nslots, i + 1);
	return ret;
}

static int find_slot(struct engine *e, uint64_t gpa, uint64_t len)
{
	for (unsigned i = 0; i < ke_read(&e->nslots); i++) {
		uint64_t size = ke_read(&e->slot[i].size), at = ke_read(&e->slot[i].gpa);

		if (gpa - at < size && len <= size - (gpa - at))
			return (int)i;
	}
	return -1;
}

/*
 * What the guest has at gpa. Slots of single pages come and go while others look here; the RAM
 * file's mapping stays, so the worst is a page of the guest's own that it has just given up.
 */
void *ke_mem(struct engine *e, uint64_t gpa, uint64_t len)
{
	return find_slot(e, gpa, len) < 0 ? NULL : (char *)e->config.ram + gpa;
}

static bool is_region(struct engine *e, uint64_t gpa)
{
	for (unsigned i = 0; i < e->config.nregions; i++)
		if (gpa - e->config.region[i].gpa < e->config.region[i].size)
			return true;
	return false;
}

static int remove_page(struct engine *e, uint64_t gpa)
{
	int i = find_slot(e, gpa, PAGE);

	if (i < 0)
		return 0;
	ke_write(&e->slot[i].size, 0);
	return set_slot(e, (unsigned)i, false);
}

int ke_frame_set(struct engine *e, uint64_t gfn, bool present)
{
	uint64_t gpa = gfn * PAGE;
	int ret = 0;

	if (gfn >= e->config.ram_size / PAGE)
		return -PV_EINVAL;
	if (is_region(e, gpa))
		return 0;
	pthread_mutex_lock(&e->map_lock);
	if (present && find_slot(e, gpa, PAGE) < 0)
		ret = add_slot(e, gpa, PAGE);
	else if (!present)
		ret = remove_page(e, gpa);
	pthread_mutex_unlock(&e->map_lock);
	return ret;
}

static struct ke_overlay *find_overlay(struct engine *e, uint64_t gfn)
{
	for (unsigned i = 0; i < e->noverlays; i++)
		if (e->overlay[i].gfn == gfn)
			return &e->overlay[i];
	return NULL;
}

static int show(struct engine *e, uint64_t gfn, uint64_t source)
{
	void *at = (char *)e->config.ram + gfn * PAGE;

	return mmap(at, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED | MAP_NORESERVE,
		    e->config.ram_fd, (off_t)(source * PAGE)) == MAP_FAILED
		       ? -PV_ENOMEM
		       : 0;
}

static int add_overlay(struct engine *e, uint64_t gfn, uint64_t source)
{
	uint64_t gpa = gfn * PAGE;
	int ret;

	if (find_overlay(e, gfn))
		return -PV_EBUSY;
	if (e->noverlays == e->max_overlays) {
		unsigned n = e->max_overlays ? 2 * e->max_overlays : 64;
		struct ke_overlay *more = reallocarray(e->overlay, n, sizeof(*more));

		if (!more)
			return -PV_ENOMEM;
		e->overlay = more;
		e->max_overlays = n;
	}
	ret = show(e, gfn, source);
	if (!ret && find_slot(e, gpa, PAGE) < 0) {
		ret = add_slot(e, gpa, PAGE);
		if (ret)
			show(e, gfn, gfn);
	}
	if (!ret)
		e->overlay[e->noverlays++] = (struct ke_overlay){gfn, source};
	return ret;
}

static int drop_overlay(struct engine *e, uint64_t gfn)
{
	struct ke_overlay *o = find_overlay(e, gfn);
	int ret;

	if (!o)
		return 0;
	ret = show(e, gfn, gfn);
	if (ret)
		return ret;
	/* What was written through it would no longer be found. */
	ke_mark_dirty(e, o->source * PAGE, PAGE);
	*o = e->overlay[--e->noverlays];
	return is_region(e, gfn * PAGE) ? 0 : remove_page(e, gfn * PAGE);
}

/*
 * Both pages are this guest's own, so a read-only overlay protects it from nobody but itself; it
 * gets a writable one, like a processor without memory protection.
 */
int ke_overlay_set(struct engine *e, uint64_t gfn, uint64_t source, unsigned flags)
{
	uint64_t pages = e->config.ram_size / PAGE;
	int ret;

	if (gfn >= pages || (source != PV_PHYSMAP_NONE && source >= pages))
		return -PV_EINVAL;
	pthread_mutex_lock(&e->map_lock);
	ret = source == PV_PHYSMAP_NONE ? drop_overlay(e, gfn) : add_overlay(e, gfn, source);
	pthread_mutex_unlock(&e->map_lock);
	return ret;
}

int ke_slots_log(struct engine *e, bool on)
{
	int ret = 0;

	for (unsigned i = 0; i < e->nslots && !ret; i++)
		if (e->slot[i].size)
			ret = set_slot(e, i, on);
	return ret;
}

static int enable(struct engine *e, uint32_t cap, uint64_t arg)
{
	struct kvm_enable_cap c = {.cap = cap, .args = {arg}};

	return ioctl(e->vm, KVM_ENABLE_CAP, &c);
}

static int fail(char *why, size_t size, const char *what)
{
	int ret = errno ? -errno : -PV_EIO;

	snprintf(why, size, "KVM: %s: %s", what, strerror(errno));
	return ret;
}

int ke_vm_create(struct engine *e, char *why, size_t size)
{
	uint64_t identity = IDENTITY_MAP_ADDRESS;
	int kvm = e->config.kvm_fd, ret;

	e->vm = ioctl(kvm, KVM_CREATE_VM, 0);
	if (e->vm < 0)
		return fail(why, size, "no new VM");
	ret = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (ret < (int)sizeof(struct kvm_run))
		return fail(why, size, "vCPUs without shared state");
	e->run_size = (size_t)ret;
	if (ioctl(e->vm, KVM_SET_TSS_ADDR, TSS_ADDRESS) ||
	    ioctl(e->vm, KVM_SET_IDENTITY_MAP_ADDR, &identity))
		return fail(why, size, "no place for its own pages");
	if (enable(e, KVM_CAP_SPLIT_IRQCHIP, IRQCHIP_PINS))
		return fail(why, size, "no local APICs");
	/* No performance counters: they tell of the host. Older kernels cannot do without. */
	enable(e, KVM_CAP_PMU_CAPABILITY, KVM_PMU_CAP_DISABLE);
	e->has_synic = ioctl(e->vm, KVM_CHECK_EXTENSION, KVM_CAP_HYPERV_SYNIC) > 0;
	for (unsigned i = 0; i < e->config.nregions; i++) {
		ret = add_slot(e, e->config.region[i].gpa, e->config.region[i].size);
		if (ret) {
			snprintf(why, size, "KVM does not take the guest's memory: %s",
				 strerror(-ret));
			return ret;
		}
	}
	return 0;
}
