/*
 * The smallest VMM: a domain whose memory is an array, and whose "guest" is this file.
 *
 * Fills in the mandatory hooks of struct pv_vmm, makes a domain, and plays the guest's part of an event channel: the guest allocates an
 * unbound port, the host binds to it, each side sends to the other. A real VMM runs a guest instead and calls pv_domain_hypercall() when
 * it exits; nothing else changes.
 *
 * Trusts itself: there is no real guest here.
 */
#include <pv/abi/errno.h>
#include <pv/abi/event_channel.h>
#include <pv/abi/version.h>
#include <pv/abi/xen.h>
#include <pv/domain.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PAGES 64u

struct vmm {
	uint8_t ram[PAGES * 4096];
	unsigned kicks;	 /* upcalls that a real VMM would deliver */
	unsigned events; /* sends that reached the host's end */
};

static void *vmm_alloc(void *ctx, size_t size)
{
	return calloc(1, size);
}

static void vmm_free(void *ctx, void *p, size_t size)
{
	free(p);
}

static void *vmm_gpa_map(void *ctx, uint64_t gpa, uint32_t len, int write)
{
	struct vmm *v = ctx;

	return gpa < sizeof v->ram && len <= sizeof v->ram - gpa ? v->ram + gpa : NULL;
}

/* This guest runs with paging off: an address is its own translation. */
static int vmm_gva_to_gpa(void *ctx, unsigned vcpu, uint64_t gva, int write, uint64_t *gpa)
{
	*gpa = gva;
	return gva < sizeof((struct vmm *)ctx)->ram ? 0 : -PV_EFAULT;
}

static void vmm_kick(void *ctx, unsigned vcpu, unsigned why)
{
	if (why & PV_KICK_UPCALL)
		((struct vmm *)ctx)->kicks++;
}

static uint64_t vmm_now(void *ctx)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void host_end(void *arg)
{
	((struct vmm *)arg)->events++;
}

int main(void)
{
	static struct vmm v;
	struct pv_vmm hooks = {
		.size = sizeof hooks,
		.ctx = &v,
		.alloc = vmm_alloc,
		.free = vmm_free,
		.gpa_map = vmm_gpa_map,
		.gva_to_gpa = vmm_gva_to_gpa,
		.kick = vmm_kick,
		.now = vmm_now,
	};
	struct pv_domain_config cfg = {
		.size = sizeof cfg,
		.kind = PV_DOMAIN_PV,
		.domid = 1,
		.max_vcpus = 1,
		.nr_pages = PAGES,
	};
	struct pv_host_port hp = {
		.domid = 0, .kick = PV_KICK_INDEX_NONE, .fn = host_end, .arg = &v};
	struct pv_evtchn_alloc_unbound *alloc = (void *)(v.ram + 0x2000);
	struct pv_evtchn_send *send = (void *)(v.ram + 0x3000);
	struct pv_shared_info *si = (void *)(v.ram + 0x1000);
	struct pv_domain *d;
	uint64_t arg[6] = {0};
	int64_t version;

	if (pv_domain_create(&d, &cfg, &hooks) < 0 || pv_domain_set_shared_info(d, 1) < 0) {
		fprintf(stderr, "vmm: no domain\n");
		return 1;
	}
	version = pv_domain_hypercall(d, 0, PV_HYPERVISOR_xen_version, arg);
	printf("the guest is told version %d.%d\n", (int)(version >> 16), (int)(version & 0xffff));

	alloc->dom = PV_DOMID_SELF;
	alloc->remote_dom = 0;
	arg[0] = PV_EVTCHNOP_alloc_unbound;
	arg[1] = 0x2000;
	if (pv_domain_hypercall(d, 0, PV_HYPERVISOR_event_channel_op, arg) != 0 ||
	    pv_domain_evtchn_bind_host(d, &hp, alloc->port) < 0) {
		fprintf(stderr, "vmm: no event channel\n");
		return 1;
	}
	si->evtchn_mask[0] = 0;
	si->vcpu_info[0].evtchn_upcall_mask = 0;
	send->port = alloc->port;
	arg[0] = PV_EVTCHNOP_send;
	arg[1] = 0x3000;
	v.events = 0;
	pv_domain_hypercall(d, 0, PV_HYPERVISOR_event_channel_op, arg);
	pv_domain_evtchn_send(d, &hp);
	printf("port %u: the host saw %u event, the guest has pending %d and would get %u upcall\n",
	       alloc->port, v.events, (int)(si->evtchn_pending[0] >> alloc->port & 1), v.kicks);
	pv_domain_evtchn_unbind_host(d, &hp);
	pv_domain_destroy(d);
	return v.events == 1 ? 0 : 1;
}
