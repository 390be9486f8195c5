/*
 * trap.c: how the guest's hypercalls are caught
 *
 * Best is KVM's own support for Xen guests. Without, the two functions by which Linux calls Xen
 * (sites.h) are patched in memory: when the image has been loaded, and when a kernel that came
 * otherwise (GRUB's, an unpacked one) writes EFER on its way to long mode, which it does before its
 * first hypercall. Guests that ask for a hypercall page need none of this.
 *
 * Nothing is touched unless exactly one place in reach looks right.
 */
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <pv/abi/errno.h>
#include "kvm.h"
#include "sites.h"

/* Around the instruction that writes EFER: farther than any kernel is long. */
#define REACH (64ull << 20)

static const struct sites_ports ports = {KE_PORT_CALL, KE_PORT_UNDONE, KE_PORT_SEND};

static bool kvm_xen_init(struct engine *e)
{
	struct kvm_xen_hvm_config c = {
		.flags = KVM_XEN_HVM_CONFIG_INTERCEPT_HCALL,
		.msr = KE_MSR_PAGE,
	};
	/* Without, KVM knows a quarter of the event channels. */
	struct kvm_xen_hvm_attr wide = {.type = KVM_XEN_ATTR_TYPE_LONG_MODE, .u.long_mode = 1};
	int caps = ioctl(e->vm, KVM_CHECK_EXTENSION, KVM_CAP_XEN_HVM);

	if (caps <= 0 || !(caps & KVM_XEN_HVM_CONFIG_INTERCEPT_HCALL) ||
	    ioctl(e->vm, KVM_XEN_HVM_CONFIG, &c))
		return false;
	e->xen_sends =
		caps & KVM_XEN_HVM_CONFIG_EVTCHN_SEND && !ioctl(e->vm, KVM_XEN_HVM_SET_ATTR, &wide);
	return true;
}

static int user_msrs(struct engine *e, uint64_t reasons)
{
	struct kvm_enable_cap c = {.cap = KVM_CAP_X86_USER_SPACE_MSR, .args = {reasons}};

	return ioctl(e->vm, KVM_ENABLE_CAP, &c);
}

static bool efer_init(struct engine *e)
{
	/* One bit for each MSR of the range: 0 = comes here. */
	uint8_t bitmap[8] = {0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	struct kvm_msr_filter f = {
		.flags = KVM_MSR_FILTER_DEFAULT_ALLOW,
		.ranges[0] = {.flags = KVM_MSR_FILTER_WRITE,
			      .nmsrs = 1,
			      .base = KE_MSR_EFER,
			      .bitmap = bitmap},
	};

	return ioctl(e->vm, KVM_CHECK_EXTENSION, KVM_CAP_X86_MSR_FILTER) > 0 &&
	       !user_msrs(e, KVM_MSR_EXIT_REASON_UNKNOWN | KVM_MSR_EXIT_REASON_INVAL |
				     KVM_MSR_EXIT_REASON_FILTER) &&
	       !ioctl(e->vm, KVM_X86_SET_MSR_FILTER, &f);
}

int ke_trap_init(struct engine *e, char *why, size_t size)
{
	enum engine_trap want = e->config.trap;

	e->trap = KE_TRAP_PAGE;
	if (user_msrs(e, KVM_MSR_EXIT_REASON_UNKNOWN | KVM_MSR_EXIT_REASON_INVAL)) {
		snprintf(why, size, "KVM does not hand out MSRs");
		return -PV_ENOSYS;
	}
	if ((want == ENGINE_TRAP_AUTO || want == ENGINE_TRAP_KVM_XEN) && kvm_xen_init(e)) {
		e->trap = KE_TRAP_KVM_XEN;
		return 0;
	}
	if (want == ENGINE_TRAP_KVM_XEN) {
		snprintf(why, size,
			 "the host's KVM has no support for Xen guests (CONFIG_KVM_XEN)");
		return -PV_ENOSYS;
	}
	if (want == ENGINE_TRAP_AUTO || want == ENGINE_TRAP_RUN_TIME)
		e->filtered = efer_init(e);
	if (want == ENGINE_TRAP_RUN_TIME && !e->filtered) {
		snprintf(why, size,
			 "the host's KVM cannot filter MSRs, which patching at run time "
			 "needs (Linux 5.10)");
		return -PV_ENOSYS;
	}
	if (e->filtered)
		e->trap = KE_TRAP_WAITING;
	return 0;
}

/* Under trap_lock: patch the pair in [from, to), if there is exactly one. Returns how many. */
static unsigned patch_in(struct engine *e, uint64_t from, uint64_t to, enum ke_trap_state state)
{
	struct sites s, first = {0};
	unsigned found = 0, n;

	for (unsigned i = 0; i < e->config.nregions && found < 2; i++) {
		uint64_t start = e->config.region[i].gpa, end = start + e->config.region[i].size;
		off_t data, hole;

		start = start > from ? start : from;
		end = end < to ? end : to;
		/* Pages that were never touched are not to be touched now. */
		while (start < end && found < 2) {
			data = lseek(e->config.ram_fd, (off_t)start, SEEK_DATA);
			hole = data < 0 ? -1 : lseek(e->config.ram_fd, data, SEEK_HOLE);
			if (hole < 0 || (uint64_t)data >= end)
				break;
			start = (uint64_t)hole < end ? (uint64_t)hole : end;
			n = sites_find((char *)e->config.ram + data, start - (uint64_t)data, &s);
			if (n && !found)
				first = (struct sites){.at = (uint64_t)data + s.at, .gap = s.gap};
			found += n;
		}
	}
	if (found > 1)
		ke_write(&e->trap, KE_TRAP_AMBIGUOUS);
	if (found != 1)
		return found;
	sites_patch(e->config.ram, &first, &ports);
	ke_mark_dirty(e, first.at, first.gap + SITE_ALIGN);
	e->sites = first;
	ke_write(&e->try_short, 1);
	e->patched = true;
	ke_write(&e->trap, state);
	return 1;
}

int ke_image_loaded(struct engine *e, uint64_t start, uint64_t end, char *why, size_t size)
{
	enum engine_trap want = e->config.trap;
	unsigned found;

	if (start >= end || end > e->config.ram_size) {
		snprintf(why, size, "the kernel lies outside memory");
		return -PV_EINVAL;
	}
	if (ke_read(&e->trap) == KE_TRAP_KVM_XEN ||
	    (want != ENGINE_TRAP_AUTO && want != ENGINE_TRAP_LOAD_TIME))
		return 0;
	pthread_mutex_lock(&e->trap_lock);
	found = patch_in(e, start & ~(uint64_t)(SITE_ALIGN - 1), end, KE_TRAP_LOAD_TIME);
	pthread_mutex_unlock(&e->trap_lock);
	if (found != 1 && want == ENGINE_TRAP_LOAD_TIME) {
		snprintf(
			why, size,
			"%s the two hypercall functions of Linux in this kernel, which patching at "
			"load time needs",
			found ? "there is more than one pair of" : "there are none of");
		return -PV_ENOEXEC;
	}
	return 0;
}

/* The guest is about to write EFER: at this moment its kernel is in place. */
void ke_trap_efer(struct ke_vcpu *v)
{
	struct engine *e = v->e;
	const struct kvm_sregs *s = &v->run->s.regs.sregs;
	uint64_t rip = v->run->s.regs.regs.rip + (ke_long_mode(s) ? 0 : s->cs.base), at;

	ke_note_cpu(v);
	if (ke_gva_to_gpa(e, v->id, rip, 0, &at))
		return;
	at &= ~4095ull;
	pthread_mutex_lock(&e->trap_lock);
	/* A kernel that was started by the one before it (kexec) brings a pair of its own. */
	if (e->patched && !sites_patched(e->config.ram, &e->sites, &ports))
		e->patched = false;
	if (!e->patched)
		patch_in(e, at > REACH ? at - REACH : 0, at + REACH, KE_TRAP_RUN_TIME);
	pthread_mutex_unlock(&e->trap_lock);
}

/*
 * The first hypercall of 64-bit code shows which of the two functions this guest uses: the other
 * one's place is free then. Not once other vCPUs run, who might be in the middle of it.
 */
void ke_trap_shorten(struct ke_vcpu *v)
{
	struct engine *e = v->e;
	uint64_t at;
	bool alone = true;

	if (!ke_long_mode(&v->run->s.regs.sregs) || !ke_swap(&e->try_short, 0))
		return;
	for (unsigned i = 0; i < e->config.max_vcpus; i++)
		alone &= i == v->id || !ke_read(&e->vcpu[i].up);
	if (!alone || ke_gva_to_gpa(e, v->id, v->run->s.regs.regs.rip, 0, &at))
		return;
	pthread_mutex_lock(&e->trap_lock);
	if (e->patched && (at == e->sites.at || at == e->sites.at + e->sites.gap) &&
	    sites_patched(e->config.ram, &e->sites, &ports) &&
	    sites_shorten(e->config.ram, &e->sites, &ports, at != e->sites.at))
		ke_mark_dirty(e, e->sites.at, e->sites.gap + SITE_ALIGN);
	pthread_mutex_unlock(&e->trap_lock);
}

/*
 * Out by the OUT of sites_shorten(): step over the rest, which would make the result 0. KVM, which
 * has the instruction half done, sees that and leaves it at that.
 */
void ke_trap_skip(struct ke_vcpu *v)
{
	struct kvm_regs *r = &v->run->s.regs.regs;
	struct engine *e = v->e;

	for (int i = 0; i < 2; i++) {
		uint64_t out = e->sites.at + sites_send_at(i);

		/* An address and where it leads to have these bits in common. KVM may be through
		 * with the OUT's two bytes. */
		if (e->sites.shortened && !((r->rip ^ out) & 4095))
			r->rip += 3;
		else if (e->sites.shortened && !((r->rip ^ (out + 2)) & 4095))
			r->rip += 1;
	}
}

const char *ke_trap_name(struct engine *e)
{
	switch (ke_read(&e->trap)) {
	case KE_TRAP_KVM_XEN: return "KVM's own Xen support";
	case KE_TRAP_WAITING: return "hypercall page; patch at run time when a kernel turns up";
	case KE_TRAP_LOAD_TIME:
		return e->sites.shortened ? "2 sites patched at load time, 22 bytes"
					  : "2 sites patched at load time, 6 bytes";
	case KE_TRAP_RUN_TIME:
		return e->sites.shortened ? "2 sites patched at run time, 22 bytes"
					  : "2 sites patched at run time, 6 bytes";
	case KE_TRAP_AMBIGUOUS:
		return "hypercall page; more than one pair of sites found, none patched";
	default: return "hypercall page";
	}
}
