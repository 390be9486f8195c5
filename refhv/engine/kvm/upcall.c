/*
 * upcall.c: telling a vCPU that events are pending
 *
 * A per-vCPU vector comes as a message-signalled interrupt to the local APIC, and the guest sends
 * an EOI for it. KVM drops such a message while the APIC is switched off (early in the boot, after
 * INIT, after a resume), where Xen would keep it; evtchn_upcall_pending stays 1, so no second one
 * would ever be sent. Therefore what was not delivered is repeated, at each exit and every 2 ms.
 *
 * The older way, one callback vector for all, knows no EOI: the SynIC of KVM's Hyper-V support,
 * which the guest does not see, ends such interrupts by itself (AutoEOI). Neither does it know of
 * the local APIC, through which KVM sends it all the same: for guests of that kind the APIC is
 * switched on. Both is done on each vCPU, from that vCPU's thread, and again after each INIT.
 * Without a SynIC the first such upcall would be the last: the guest is ended with that reason.
 */
#include <string.h>
#include <sys/ioctl.h>
#include <pv/abi/xen.h>
#include "boot/acpi.h"
#include "kvm.h"

#define MSR_SCONTROL  0x40000080u
#define MSR_SINT0     0x40000090u
#define SINT_MASKED   (1u << 16)
#define SINT_AUTO_EOI (1u << 17)
#define APIC_SPIV     0xf0u
#define APIC_ENABLED  (1u << 8)
#define LOWEST_VECTOR 16u
#define RETRY_NS      2000000ull
#define SLOW_RETRY_NS 32000000ull
#define FAST_RETRIES  500u /* then the guest does not want it soon */

static uint32_t vector_of(struct ke_vcpu *v)
{
	uint32_t own = ke_read(&v->vector);

	return own ? own : ke_read(&v->e->callback);
}

static bool is_pending(struct ke_vcpu *v)
{
	uint64_t gpa = ke_read(&v->vinfo_gpa);
	struct pv_vcpu_info *vi;

	if (gpa == ENGINE_NO_GPA)
		return false;
	vi = (struct pv_vcpu_info *)((char *)v->e->config.ram + gpa);
	return ke_read(&vi->evtchn_upcall_pending);
}

static bool inject(struct ke_vcpu *v)
{
	uint32_t own = ke_read(&v->vector), vector = own ? own : ke_read(&v->e->callback);
	struct kvm_msi msi = {
		.address_lo = KE_LOCAL_APIC_BASE | BOOT_APIC_ID(v->id) << 12,
		.data = vector,
	};

	if (!own && vector && !ke_read(&v->synic)) {
		ke_ask(v, KE_SYNIC);
		return false;
	}
	return vector >= LOWEST_VECTOR && ioctl(v->e->vm, KVM_SIGNAL_MSI, &msi) > 0;
}

/* Raise it now; false: it stays undelivered and is repeated. */
bool ke_upcall(struct ke_vcpu *v)
{
	bool done;

	/* Marked first: a repetition too many does no harm. */
	ke_write(&v->undelivered, 1);
	done = ke_read(&v->up) && inject(v);
	if (done)
		ke_write(&v->undelivered, 0);
	return done;
}

/* Once more, if the guest has not found the events by itself. */
bool ke_upcall_retry(struct ke_vcpu *v)
{
	if (!is_pending(v)) {
		ke_write(&v->undelivered, 0);
		return true;
	}
	return ke_upcall(v);
}

/* The APIC has been reset, or the vector is another one: what was delivered may be lost. */
void ke_upcall_check(struct ke_vcpu *v)
{
	if (is_pending(v) && !ke_upcall(v))
		ke_service_wake(v->e);
}

/* By the service thread: when to come again, 0 = no need. */
uint64_t ke_upcall_repeat(struct ke_vcpu *v, uint64_t now)
{
	if (!ke_read(&v->undelivered) || !ke_read(&v->up) || !vector_of(v)) {
		v->retries = 0;
		return 0;
	}
	if (now < v->retry_at)
		return v->retry_at;
	if (v->retries && ke_upcall_retry(v)) {
		v->retries = 0;
		return 0;
	}
	if (!ke_read(&v->vector))
		ke_ask(v, KE_SYNIC);
	if (v->retries < FAST_RETRIES)
		v->retries++;
	v->retry_at = now + (v->retries < FAST_RETRIES ? RETRY_NS : SLOW_RETRY_NS);
	return v->retry_at;
}

void ke_upcall_vector_set(struct engine *e, unsigned vcpu, uint8_t vector)
{
	if (vcpu >= e->config.max_vcpus)
		return;
	ke_write(&e->vcpu[vcpu].vector, vector);
	if (ke_read(&e->callback))
		ke_ask(&e->vcpu[vcpu], KE_SYNIC);
	ke_upcall_check(&e->vcpu[vcpu]);
}

void ke_callback_set(struct engine *e, uint8_t vector)
{
	ke_write(&e->callback, vector);
	for (unsigned i = 0; i < e->config.max_vcpus; i++)
		ke_ask(&e->vcpu[i], KE_SYNIC);
}

static void apic_on(struct ke_vcpu *v)
{
	struct kvm_lapic_state s;
	uint32_t spiv;

	if (ioctl(v->fd, KVM_GET_LAPIC, &s))
		return;
	memcpy(&spiv, s.regs + APIC_SPIV, sizeof(spiv));
	if (spiv & APIC_ENABLED)
		return;
	spiv |= APIC_ENABLED;
	memcpy(s.regs + APIC_SPIV, &spiv, sizeof(spiv));
	ioctl(v->fd, KVM_SET_LAPIC, &s);
}

/* On the vCPU's thread. */
void ke_synic_set(struct ke_vcpu *v)
{
	struct kvm_enable_cap cap = {.cap = KVM_CAP_HYPERV_SYNIC};
	uint32_t vector = ke_read(&v->vector) ? 0 : ke_read(&v->e->callback);

	if (vector && v->e->has_synic) {
		if (!ioctl(v->fd, KVM_ENABLE_CAP, &cap) && !ke_msr_set(v, MSR_SCONTROL, 1))
			ke_write(&v->synic, !ke_msr_set(v, MSR_SINT0, SINT_AUTO_EOI | vector));
		if (ke_read(&v->synic))
			apic_on(v);
	} else if (ke_read(&v->synic)) {
		ke_msr_set(v, MSR_SINT0, SINT_MASKED);
		ke_write(&v->synic, 0);
	}
	if (vector && !ke_read(&v->synic) && ke_read(&v->up) && is_pending(v))
		ke_died(v, "it takes upcalls by the callback vector, and this KVM has no SynIC for "
			   "that; give a kernel with a vector for each vCPU (Linux 6.0)");
	else
		ke_upcall_check(v);
}

void ke_kick(struct engine *e, unsigned vcpu, unsigned why)
{
	struct ke_vcpu *v;

	if (vcpu >= e->config.max_vcpus)
		return;
	v = &e->vcpu[vcpu];
	ke_write(&v->kicked, 1);
	ke_unblock(v);
	if (why & PV_KICK_UPCALL && !ke_upcall(v))
		ke_service_wake(e);
	for (unsigned i = 0; why & PV_KICK_EVENT && i < e->config.max_vcpus; i++)
		if (i != vcpu && ke_read(&e->vcpu[i].sleeps))
			ke_unblock(&e->vcpu[i]);
}
