/*
 * HYPERVISOR_vcpu_op: the life of virtual CPUs, and what each of them registers.
 *
 * The vCPU number is the guest's and is checked once, in pv_do_vcpu_op.
 */
#include "access.h"
#include "domain.h"

#include <pv/abi/sched.h>
#include <pv/abi/vcpu.h>
#if defined(__x86_64__)
#include <pv/abi/hvm/hvm_vcpu.h>

#define CR0_PG	 (1ull << 31)
#define CR4_PAE	 (1ull << 5)
#define EFER_LME (1ull << 8)
#define EFER_LMA (1ull << 10)
#endif

static uint32_t context_size(const struct pv_domain *d)
{
#if defined(__x86_64__)
	return d->kind == PV_DOMAIN_PV ? sizeof(struct pv_vcpu_guest_context)
				       : sizeof(struct pv_vcpu_hvm_context);
#else
	(void)d;
	return 0; /* vCPUs of arm64 guests come up by PSCI, which is the engine's */
#endif
}

#if defined(__x86_64__)
#define SEG_TYPE    0x00f
#define SEG_CODE    0x008
#define SEG_WRITE   0x002 /* data: writable; code: readable */
#define SEG_SYSTEM  0x010 /* 0: a system segment */
#define SEG_DPL(ar) ((ar) >> 5 & 3)
#define SEG_PRESENT 0x080
#define SEG_GRANULE 0x800
#define TSS_BUSY    0xb

/* Attributes of data segments: absent, or present, readable, and no more privileged than code. */
static bool data_ok(uint16_t ar, uint16_t cs)
{
	if (!ar)
		return true;
	return (ar & SEG_SYSTEM) && (ar & SEG_PRESENT) && SEG_DPL(ar) <= SEG_DPL(cs) &&
	       (!(ar & SEG_CODE) || (ar & SEG_WRITE));
}

static bool context32_ok(const struct pv_vcpu_hvm_x86_32 *r)
{
	uint64_t limit = r->cs_limit;
	uint32_t all = r->cs_ar | r->ds_ar | r->ss_ar | r->es_ar | r->tr_ar;

	if (r->pad1 || r->pad2[0] || r->pad2[1] || r->pad2[2] || all >> 12)
		return false;
	if (r->cs_ar & SEG_GRANULE)
		limit = limit << 12 | 0xfff;
	if (!(r->cs_ar & SEG_SYSTEM) || !(r->cs_ar & SEG_PRESENT) || !(r->cs_ar & SEG_CODE) ||
	    r->eip > limit)
		return false;
	if (!(r->ss_ar & SEG_SYSTEM) || !(r->ss_ar & SEG_PRESENT) || (r->ss_ar & SEG_CODE) ||
	    !(r->ss_ar & SEG_WRITE) || SEG_DPL(r->ss_ar) != SEG_DPL(r->cs_ar))
		return false;
	/* A 32-bit task state segment; busy or not, it will be busy. */
	if ((r->tr_ar & SEG_SYSTEM) || !(r->tr_ar & SEG_PRESENT) ||
	    (r->tr_ar & SEG_TYPE & ~2u) != (TSS_BUSY & ~2u))
		return false;
	return data_ok(r->ds_ar, r->cs_ar) && data_ok(r->es_ar, r->cs_ar) &&
	       (!(r->efer & EFER_LMA) || (r->efer & EFER_LME));
}

static bool context64_ok(const struct pv_vcpu_hvm_x86_64 *r)
{
	return (uint64_t)((int64_t)(r->rip << 16) >> 16) == r->rip && (r->cr0 & CR0_PG) &&
	       (r->cr4 & CR4_PAE) && (r->efer & EFER_LME);
}

/* Xen's checks of a PVH context; what the processor in hand cannot do is the engine's to refuse. */
static bool context_ok(const struct pv_domain *d, const void *context)
{
	const struct pv_vcpu_hvm_context *c = context;

	if (d->kind == PV_DOMAIN_PV)
		return true;
	if (c->pad)
		return false;
	return c->mode == PV_VCPU_HVM_MODE_32B	 ? context32_ok(&c->cpu_regs.x86_32)
	       : c->mode == PV_VCPU_HVM_MODE_64B ? context64_ok(&c->cpu_regs.x86_64)
						 : false;
}
#else
static bool context_ok(const struct pv_domain *d, const void *context)
{
	(void)d, (void)context;
	return false;
}
#endif

static int64_t do_initialise(struct pv_domain *d, unsigned by, unsigned vcpu, uint64_t gva)
{
	uint32_t size = context_size(d);
	void *context;
	int rc;

	if (!d->vmm.vcpu_initialise || !size)
		return -PV_ENOSYS;
	/* Beyond shared_info a vCPU has no event words before it registers some. */
	if (vcpu >= PV_XEN_LEGACY_MAX_VCPUS && d->vcpu[vcpu].info_gpa == PV_NO_GPA)
		return -PV_EINVAL;
	context = pv_domain_alloc(d, size);
	if (!context)
		return -PV_ENOMEM;
	rc = pv_guest_read(d, by, context, gva, size);
	if (!rc && d->vcpu[vcpu].initialised)
		rc = -PV_EEXIST;
	if (!rc && !context_ok(d, context))
		rc = -PV_EINVAL;
	if (!rc) {
		/*
		 * Claimed before the lock goes: a second initialise of it must not reach the hook.
		 */
		d->vcpu[vcpu].initialised = true;
		pv_domain_leave(d);
		rc = d->vmm.vcpu_initialise(d->vmm.ctx, by, vcpu, context, size);
		pv_domain_enter(d);
		if (rc < 0)
			d->vcpu[vcpu].initialised = false;
	}
	pv_domain_free(d, context, size);
	return rc < 0 ? rc : 0;
}

static void set_up(struct pv_domain *d, unsigned vcpu, bool up)
{
	d->vcpu[vcpu].up = up;
	pv_domain_runstate_set(d, vcpu, up ? PV_RUNSTATE_running : PV_RUNSTATE_offline);
}

/* One change at a time: the hooks run without the lock, and must not be overtaken by the other's. */
static int turn(struct pv_domain *d, unsigned by, unsigned vcpu, bool up)
{
	int rc;

	d->vcpu[vcpu].turning = true;
	set_up(d, vcpu, up);
	pv_domain_leave(d);
	rc = (up ? d->vmm.vcpu_up : d->vmm.vcpu_down)(d->vmm.ctx, by, vcpu);
	pv_domain_enter(d);
	if (rc < 0)
		set_up(d, vcpu, !up);
	d->vcpu[vcpu].turning = false;
	return rc < 0 ? rc : 0;
}

static void settle(struct pv_domain *d, unsigned vcpu)
{
	while (d->vcpu[vcpu].turning)
		pv_domain_breathe(d);
}

static int64_t do_up(struct pv_domain *d, unsigned by, unsigned vcpu)
{
	if (!d->vmm.vcpu_up)
		return -PV_ENOSYS;
	settle(d, vcpu);
	if (!d->vcpu[vcpu].initialised)
		return -PV_EINVAL;
	if (d->vcpu[vcpu].up)
		return 0;
	return turn(d, by, vcpu, true);
}

static bool last_up(const struct pv_domain *d, unsigned vcpu)
{
	uint32_t i;

	for (i = 0; i < d->max_vcpus; i++)
		if (i != vcpu && d->vcpu[i].up)
			return false;
	return true;
}

static int64_t do_down(struct pv_domain *d, unsigned by, unsigned vcpu)
{
	if (!d->vmm.vcpu_down)
		return -PV_ENOSYS;
	settle(d, vcpu);
	if (!d->vcpu[vcpu].up)
		return 0;
	if (last_up(d, vcpu)) /* nobody would be left to bring one up: power off, as Xen does */
		return pv_domain_do_shutdown(d, by, PV_SHUTDOWN_poweroff);
	return turn(d, by, vcpu, false);
}

static int64_t do_get_runstate(struct pv_domain *d, unsigned by, unsigned vcpu, uint64_t gva)
{
	struct pv_vcpu_runstate_info info;

	pv_domain_runstate_read(d, vcpu, &info);
	return pv_guest_write(d, by, gva, &info, sizeof(info));
}

/* May an area of so many bytes lie at this physical address? */
static int phys_area_ok(struct pv_domain *d, uint64_t gpa, uint32_t size)
{
	if (gpa % PV_PAGE > PV_PAGE - size || gpa % 8)
		return -PV_ENXIO;
	return pv_domain_page(d, gpa / PV_PAGE, 1) ? 0 : -PV_EINVAL;
}

/*
 * runstate and time areas. A virtual address is the vCPU's own and may get its mapping later, so
 * a write that fails is no error, as on Xen. A vCPU has one of each: the last one registered.
 */
static int64_t do_area(struct pv_domain *d, unsigned by, unsigned vcpu, unsigned op, uint64_t gva)
{
	bool runstate = op == PV_VCPUOP_register_runstate_memory_area ||
			op == PV_VCPUOP_register_runstate_phys_area;
	bool phys = op >= PV_VCPUOP_register_runstate_phys_area;
	uint32_t size =
		runstate ? sizeof(struct pv_vcpu_runstate_info) : sizeof(struct pv_vcpu_time_info);
	struct pv_vcpu *v = &d->vcpu[vcpu];
	struct pv_vcpu_runstate_info info;
	uint64_t addr;
	int rc = 0;

	if (phys && d->narrow) /* nobody has defined their layout */
		return -PV_ENOSYS;
	if (pv_guest_read(d, by, &addr, gva, sizeof(addr)))
		return -PV_EFAULT;
	if (phys && addr == UINT64_MAX)
		addr = 0;
	else if (phys)
		rc = phys_area_ok(d, addr, size);
	else if (!pv_guest_range_ok(addr, 1, size))
		rc = -PV_EFAULT;
	if (rc)
		return rc;
	phys = phys && addr;
	if (runstate) {
		/* Once as the caller sees the address: the other vCPU may not be up yet. */
		if (by != vcpu && addr && !phys) {
			pv_domain_runstate_read(d, vcpu, &info);
			(void)pv_domain_runstate_put(d, by, addr, &info);
		}
		v->runstate_gva = addr;
		v->runstate_phys = phys;
		pv_domain_runstate_publish(d, vcpu);
	} else {
		v->time_gva = addr;
		v->time_phys = phys;
		pv_domain_time_vcpu(d, vcpu);
	}
	return 0;
}

static int64_t do_nmi(struct pv_domain *d, unsigned by, unsigned vcpu, uint64_t gva)
{
	int rc;

	if (gva)
		return -PV_EINVAL;
	if (!d->vmm.nmi)
		return -PV_ENOSYS;
	pv_domain_leave(d);
	rc = d->vmm.nmi(d->vmm.ctx, by, vcpu);
	pv_domain_enter(d);
	return rc < 0 ? rc : 0;
}

static int64_t do_set_timer(struct pv_domain *d, unsigned by, unsigned vcpu, unsigned op,
			    uint64_t gva)
{
	struct pv_vcpu_set_singleshot_timer single;
	struct pv_vcpu_set_periodic_timer periodic;

	if (op == PV_VCPUOP_set_periodic_timer) {
		if (pv_guest_read(d, by, &periodic, gva, sizeof(periodic)))
			return -PV_EFAULT;
		return pv_domain_timer_op(d, by, vcpu, op, periodic.period_ns);
	}
	if (by != vcpu)
		return -PV_EINVAL;
	if (pv_guest_read(d, by, &single, gva, sizeof(single)))
		return -PV_EFAULT;
	/* PV_VCPU_SSHOTTMR_future is ignored, as Xen 4.17 does: a past time fires at once. */
	return pv_domain_timer_op(d, by, vcpu, op, single.timeout_abs_ns);
}

int64_t pv_do_vcpu_op(struct pv_domain *d, unsigned by, const uint64_t *arg)
{
	struct pv_vcpu_register_vcpu_info info;
	unsigned vcpu = (unsigned)arg[1];
	uint64_t gva = arg[2];

	if ((uint32_t)arg[1] >= d->max_vcpus)
		return -PV_ENOENT;
	switch (arg[0]) {
	case PV_VCPUOP_initialise: return do_initialise(d, by, vcpu, gva);
	case PV_VCPUOP_up: return do_up(d, by, vcpu);
	case PV_VCPUOP_down: return do_down(d, by, vcpu);
	case PV_VCPUOP_is_up: return d->vcpu[vcpu].up;
	case PV_VCPUOP_get_runstate_info: return do_get_runstate(d, by, vcpu, gva);
	case PV_VCPUOP_register_runstate_memory_area:
	case PV_VCPUOP_register_vcpu_time_memory_area:
	case PV_VCPUOP_register_runstate_phys_area:
	case PV_VCPUOP_register_vcpu_time_phys_area:
		return do_area(d, by, vcpu, (unsigned)arg[0], gva);
	case PV_VCPUOP_send_nmi: return do_nmi(d, by, vcpu, gva);
	case PV_VCPUOP_set_periodic_timer:
	case PV_VCPUOP_set_singleshot_timer:
		return do_set_timer(d, by, vcpu, (unsigned)arg[0], gva);
	case PV_VCPUOP_stop_periodic_timer:
	case PV_VCPUOP_stop_singleshot_timer:
		return pv_domain_timer_op(d, by, vcpu, (unsigned)arg[0], 0);
	case PV_VCPUOP_register_vcpu_info:
		if (pv_guest_read(d, by, &info, gva, sizeof(info)))
			return -PV_EFAULT;
		return pv_domain_register_vcpu_info(d, by, vcpu, info.mfn, info.offset);
	case PV_VCPUOP_get_physid: return -PV_EINVAL; /* no vCPU is pinned to a CPU */
	default: return -PV_ENOSYS;
	}
}

int pv_domain_vcpu_is_up(struct pv_domain *d, unsigned vcpu)
{
	int up;

	if (vcpu >= d->max_vcpus)
		return -PV_ENOENT;
	pv_domain_enter(d);
	up = d->vcpu[vcpu].up;
	pv_domain_leave(d);
	return up;
}

int pv_domain_vcpu_set_up(struct pv_domain *d, unsigned vcpu, int up)
{
	if (vcpu >= d->max_vcpus)
		return -PV_ENOENT;
	pv_domain_enter(d);
	d->vcpu[vcpu].initialised |= up != 0;
	set_up(d, vcpu, up != 0);
	pv_domain_leave(d);
	return 0;
}
