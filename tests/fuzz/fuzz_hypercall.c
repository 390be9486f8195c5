/*
 * fuzz_hypercall: a guest that makes any hypercall with any argument, over a fake guest memory.
 *
 * Input: a kind byte, then records of {call, command, pointer selector, argument bytes}. Arguments go to
 * guest memory, so that most calls get past the first pointer check; some pointers are wild. After the
 * input the domain must still be whole: what it says about itself can be saved, restored into a fresh
 * one and saved again with the same result, every lock is free and every byte is given back.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/fake_vmm.h"
#include "fuzz.h"

#define MAX_CALLS     200
#define BACKEND_PORTS 4

static struct fake_vmm f, g;
static struct pv_state_vcpu vcpus[2][4];
static struct pv_state_port ports[2][512];
static struct pv_state_map maps[2][512];
static struct pv_host_port ends[BACKEND_PORTS];

struct input {
	const uint8_t *p;
	size_t n;
};

static uint64_t take(struct input *in, unsigned bytes)
{
	uint64_t v = 0;
	unsigned i;

	for (i = 0; i < bytes && in->n; i++, in->p++, in->n--)
		v |= (uint64_t)*in->p << (8 * i);
	return v;
}

/* A small choice becomes an interesting number. */
static uint64_t number(struct input *in)
{
	static const uint64_t some[] = {
		0,	   1,		2,	     3,		 PV_DOMID_SELF,
		FAKE_DATA, FAKE_SHARED, FAKE_GRANTS, UINT32_MAX, UINT64_MAX};
	uint64_t c = take(in, 1);

	if (c < 10)
		return some[c];
	return c < 128 ? c - 10 : take(in, 8);
}

static uint64_t pointer(struct input *in, unsigned at)
{
	uint64_t c = take(in, 1);

	if (c < 224) /* where the arguments are */
		return fake_gva(FAKE_ARGS) + at;
	if (c < 240)
		return fake_gva(c - 224) +
		       4080; /* across pages, or where the machine's pages are */
	return take(in, 8);
}

/* Fill an argument struct with little numbers, domid SELF where the ABI begins with one. */
static void fill_args(struct input *in)
{
	unsigned char *page = fake_page(&f, FAKE_ARGS);
	unsigned words = (unsigned)take(in, 1) % 12, i;

	for (i = 0; i < words; i++) {
		uint64_t v = number(in);
		unsigned width = 1u << take(in, 1) % 4, at = (unsigned)take(in, 1) % 120;

		memcpy(page + at, &v, width);
	}
}

/* What a backend would do meanwhile. */
static void backend(struct input *in)
{
	unsigned what = (unsigned)take(in, 1), port = (unsigned)take(in, 1) % 16;
	struct pv_host_port *hp = &ends[what / 8 % BACKEND_PORTS];
	struct pv_grant_map m;
	char buf[16];

	switch (what % 8) {
	case 0:
		if (!hp->port) {
			hp->domid = FAKE_BACKEND;
			(void)pv_domain_evtchn_bind_host(f.d, hp, port);
		}
		break;
	case 1: pv_domain_evtchn_unbind_host(f.d, hp); break;
	case 2: (void)pv_domain_evtchn_send(f.d, hp); break;
	case 3:
		if (pv_domain_grant_map(f.d, FAKE_BACKEND, port, what & 16, &m) == 0 &&
		    pv_domain_grant_unmap(f.d, FAKE_BACKEND, &m))
			abort();
		break;
	case 4: (void)pv_domain_grant_read(f.d, FAKE_BACKEND, port, what, buf, 16); break;
	case 5:
		f.now += number(in) % 1000000000;
		pv_domain_timer_fired(f.d, port % 4);
		break;
	case 6: (void)pv_domain_virq(f.d, port % 4, what % 24); break;
	default: /* the guest writes to the pages it shares */
		((unsigned char *)fake_page(&f, what & 16 ? FAKE_GRANTS : FAKE_SHARED))[port] =
			(unsigned char)take(in, 1);
		break;
	}
}

static void call(struct input *in)
{
	static const uint8_t calls[] = {
		PV_HYPERVISOR_event_channel_op, PV_HYPERVISOR_grant_table_op,
		PV_HYPERVISOR_memory_op,	PV_HYPERVISOR_vcpu_op,
		PV_HYPERVISOR_sched_op,		PV_HYPERVISOR_hvm_op,
		PV_HYPERVISOR_xen_version,	PV_HYPERVISOR_console_io,
		PV_HYPERVISOR_mmuext_op,	PV_HYPERVISOR_mmu_update,
		PV_HYPERVISOR_multicall,	PV_HYPERVISOR_vm_assist,
		PV_HYPERVISOR_set_timer_op,
	};
	uint64_t which = take(in, 1);
	uint64_t nr = which < 250 ? calls[which % sizeof(calls)] : number(in);
	uint64_t arg[6] = {0};
	unsigned vcpu = (unsigned)take(in, 1) % 4;

	fill_args(in);
	arg[0] = take(in, 1) % 32;
	arg[1] = pointer(in, 0);
	arg[2] = take(in, 1) % 8;
	arg[3] = PV_DOMID_SELF;
	if (nr == PV_HYPERVISOR_vcpu_op) {
		arg[1] = arg[2] % 5;
		arg[2] = pointer(in, 0);
	} else if (nr == PV_HYPERVISOR_console_io) {
		arg[1] = number(in);
		arg[2] = pointer(in, 0);
	} else if (nr == PV_HYPERVISOR_mmuext_op || nr == PV_HYPERVISOR_mmu_update ||
		   nr == PV_HYPERVISOR_multicall) {
		arg[0] = pointer(in, 0);
		arg[1] = take(in, 1) % 4;
		arg[2] = take(in, 1) & 1 ? pointer(in, 64) : 0;
	}
	(void)pv_domain_hypercall(f.d, vcpu, nr, arg);
}

static void save(struct fake_vmm *v, struct pv_state *st, unsigned i)
{
	*st = (struct pv_state){.vcpu = vcpus[i], .port = ports[i], .map = maps[i]};
	st->nr_vcpus = 4;
	st->nr_ports = st->nr_maps = 512;
	if (pv_domain_get_state(v->d, st))
		abort();
}

static void open_domain(struct fake_vmm *v, enum pv_domain_kind kind, bool shared)
{
	struct pv_domain_config cfg;

	fake_config(&cfg, kind, 4);
	cfg.max_ports = 512;
	cfg.max_maps = 512;
	fake_open_cfg(v, &cfg, shared);
}

/* Whatever state a guest can bring its domain to, a fresh one accepts and repeats. */
static void check_round_trip(enum pv_domain_kind kind)
{
	struct pv_state a, b;
	unsigned i;

	save(&f, &a, 0);
	open_domain(&g, kind, false);
	memcpy(g.ram, f.ram, FAKE_PAGES * 4096);
	if (pv_domain_set_state(g.d, &a))
		abort();
	save(&g, &b, 1);
	if (memcmp(&a.domain, &b.domain, sizeof(a.domain)) || a.nr_ports != b.nr_ports ||
	    a.nr_maps != b.nr_maps || memcmp(vcpus[0], vcpus[1], sizeof(vcpus[0])) ||
	    memcmp(ports[0], ports[1], a.nr_ports * sizeof(ports[0][0])) ||
	    memcmp(maps[0], maps[1], a.nr_maps * sizeof(maps[0][0])))
		abort();
	fake_close(&g);
	for (i = 0; i < BACKEND_PORTS; i++)
		pv_domain_evtchn_unbind_host(f.d, &ends[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	enum pv_domain_kind kind = take(&in, 1) & 1 ? PV_DOMAIN_PV : PV_DOMAIN_PVH;
	unsigned i;

	memset(ends, 0, sizeof(ends));
	open_domain(&f, kind, true);
	(void)fake_grants(&f);
	for (i = 0; i < MAX_CALLS && in.n; i++) {
		if (take(&in, 1) < 60)
			backend(&in);
		else
			call(&in);
	}
	check_round_trip(kind);
	fake_close(&f);
	return 0;
}
