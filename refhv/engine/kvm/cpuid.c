/*
 * cpuid.c: what a vCPU's CPUID says
 *
 * The host's answers as far as KVM supports them, less what is not for a guest of ours (nested
 * virtualization, performance counters, KVM's own leaves), with a topology of single-threaded cores
 * in one package, and Xen's leaves (xen/include/public/arch-x86/cpuid.h).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <pv/abi/arch-x86/cpuid.h>
#include <pv/abi/errno.h>
#include "boot/acpi.h"
#include "kvm.h"

#define MAX_ENTRIES 256
#define XEN_ENTRIES 10

/* Leaf 1. */
#define ECX_VMX		 (1u << 5)
#define ECX_PDCM	 (1u << 15)
#define ECX_TSC_DEADLINE (1u << 24)
#define ECX_HYPERVISOR	 (1u << 31)
#define EDX_HTT		 (1u << 28)
/* Leaf 0x80000001. */
#define ECX_CMP_LEGACY (1u << 1)
#define ECX_SVM	       (1u << 2)
#define ECX_PERFCTR    (1u << 23 | 1u << 24 | 1u << 28)
/* Leaf 0xd, subleaf 1: under some nestings its sizes are not what the processor needs. */
#define EAX_XSAVES (1u << 3)

/* How many bits number n things. */
static uint32_t bits_for(uint32_t n)
{
	uint32_t bits = 0;

	while (bits < 31 && 1u << bits < n)
		bits++;
	return bits;
}

static void topology(struct kvm_cpuid_entry2 *e, const struct ke_cpuid_config *c)
{
	uint32_t id = BOOT_APIC_ID(c->vcpu), ids = BOOT_APIC_ID(c->max_vcpus);

	e->edx = id;
	switch (e->index) {
	case 0: /* threads: one, which the lowest bit numbers */
		e->eax = 1;
		e->ebx = 1;
		e->ecx = 0x100;
		break;
	case 1: /* cores */
		e->eax = bits_for(ids);
		e->ebx = c->max_vcpus;
		e->ecx = 0x201;
		break;
	default: e->eax = e->ebx = 0; e->ecx = e->index & 0xff;
	}
}

/* Leaf 4: who shares a cache. Level 3: everybody. */
static void intel_cache(struct kvm_cpuid_entry2 *e, const struct ke_cpuid_config *c)
{
	uint32_t ids = (1u << bits_for(BOOT_APIC_ID(c->max_vcpus))) - 1;
	uint32_t sharing = (e->eax >> 5 & 7) >= 3 ? ids : 1;

	if (!(e->eax & 0x1f))
		return;
	if (ids > 63)
		ids = 63;
	e->eax = (e->eax & 0x3fff) | (sharing & 0xfff) << 14 | ids << 26;
}

static void amd_cache(struct kvm_cpuid_entry2 *e, const struct ke_cpuid_config *c)
{
	uint32_t ids = (1u << bits_for(BOOT_APIC_ID(c->max_vcpus))) - 1;
	uint32_t sharing = (e->eax >> 5 & 7) >= 3 ? ids : 1;

	if (e->eax & 0x1f)
		e->eax = (e->eax & 0x3fff) | (sharing & 0xfff) << 14;
}

/* One of the host's leaves; false: the guest does not have it. */
static bool adapt(struct kvm_cpuid_entry2 *e, const struct ke_cpuid_config *c)
{
	uint32_t id = BOOT_APIC_ID(c->vcpu), ids = BOOT_APIC_ID(c->max_vcpus);

	switch (e->function) {
	case 0x1:
		e->ebx = (e->ebx & 0xffff) | (ids > 255 ? 255 : ids) << 16 | (id & 0xff) << 24;
		e->ecx &= ~(ECX_VMX | ECX_PDCM);
		e->ecx |= ECX_HYPERVISOR | (c->tsc_deadline ? ECX_TSC_DEADLINE : 0);
		e->edx &= ~EDX_HTT;
		if (c->max_vcpus > 1)
			e->edx |= EDX_HTT;
		return true;
	case 0x4: intel_cache(e, c); return true;
	case 0xa: e->eax = e->ebx = e->ecx = e->edx = 0; return true;
	case 0xb:
	case 0x1f: topology(e, c); return true;
	case 0xd:
		if (e->index == 1)
			e->eax &= ~EAX_XSAVES;
		return true;
	case 0x80000001:
		e->ecx &= ~(ECX_SVM | ECX_PERFCTR | ECX_CMP_LEGACY);
		if (c->max_vcpus > 1)
			e->ecx |= ECX_CMP_LEGACY;
		return true;
	case 0x80000008: e->ecx = bits_for(ids) << 12 | (ids > 255 ? 255 : ids - 1); return true;
	case 0x8000000a:
	case 0x80000022: e->eax = e->ebx = e->ecx = e->edx = 0; return true;
	case 0x8000001d: amd_cache(e, c); return true;
	case 0x8000001e:
		e->eax = id;
		e->ebx = c->vcpu & 0xff;
		e->ecx = 0;
		return true;
	default: return e->function >> 28 != 4;
	}
}

static void add(struct kvm_cpuid2 *out, uint32_t function, int index, uint32_t eax, uint32_t ebx,
		uint32_t ecx, uint32_t edx)
{
	out->entries[out->nent++] = (struct kvm_cpuid_entry2){
		.function = function,
		.index = index < 0 ? 0 : (uint32_t)index,
		/* Other leaves count whatever ECX is: some guests leave rubbish there. */
		.flags = index < 0 ? 0 : KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
		.eax = eax,
		.ebx = ebx,
		.ecx = ecx,
		.edx = edx,
	};
}

static void add_xen(struct kvm_cpuid2 *out, const struct ke_cpuid_config *c)
{
	const uint32_t base = 0x40000000u, khz = (uint32_t)c->tsc_khz;

	add(out, base, -1, base + 5, PV_XEN_CPUID_SIGNATURE_EBX, PV_XEN_CPUID_SIGNATURE_ECX,
	    PV_XEN_CPUID_SIGNATURE_EDX);
	add(out, base + 1, -1, c->xen_version, 0, 0, 0);
	add(out, base + 2, -1, 1, KE_MSR_PAGE, 0, 0);
	/* TSC: that of the host, reliable (mode 2: never emulated). */
	add(out, base + 3, 0, 2, 2, khz, 0);
	add(out, base + 3, 1, 0, 0, 0, 0);
	add(out, base + 3, 2, khz, 0, 0, 0);
	add(out, base + 4, -1,
	    PV_XEN_HVM_CPUID_VCPU_ID_PRESENT | PV_XEN_HVM_CPUID_DOMID_PRESENT |
		    PV_XEN_HVM_CPUID_X2APIC_VIRT | PV_XEN_HVM_CPUID_APIC_ACCESS_VIRT |
		    PV_XEN_HVM_CPUID_UPCALL_VECTOR,
	    c->vcpu, c->domid, 0);
	add(out, base + 5, -1, 0, 0, 0, 0);
}

void ke_cpuid_build(const struct kvm_cpuid2 *in, const struct ke_cpuid_config *c,
		    struct kvm_cpuid2 *out)
{
	out->nent = 0;
	for (uint32_t i = 0; i < in->nent; i++) {
		struct kvm_cpuid_entry2 e = in->entries[i];

		if (adapt(&e, c))
			out->entries[out->nent++] = e;
	}
	add_xen(out, c);
}

static struct kvm_cpuid2 *table(unsigned n)
{
	struct kvm_cpuid2 *t = calloc(1, sizeof(*t) + n * sizeof(t->entries[0]));

	if (t)
		t->nent = n;
	return t;
}

int ke_cpuid_set(struct ke_vcpu *v)
{
	struct engine *e = v->e;
	struct ke_cpuid_config c = {
		.vcpu = v->id,
		.max_vcpus = e->config.max_vcpus,
		.domid = e->config.domid,
		.xen_version = e->config.xen_version,
		.tsc_khz = e->tsc_khz,
		.tsc_deadline = ioctl(e->vm, KVM_CHECK_EXTENSION, KVM_CAP_TSC_DEADLINE_TIMER) > 0,
	};
	struct kvm_cpuid2 *in = table(MAX_ENTRIES), *out = table(MAX_ENTRIES + XEN_ENTRIES);
	int ret = -1;

	if (in && out && !ioctl(e->config.kvm_fd, KVM_GET_SUPPORTED_CPUID, in)) {
		ke_cpuid_build(in, &c, out);
		ret = ioctl(v->fd, KVM_SET_CPUID2, out);
	}
	free(in);
	free(out);
	return ret;
}
