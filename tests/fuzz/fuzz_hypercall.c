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

#include <pv/abi/hvm/hvm_op.h>
#include <pv/abi/memory.h>
#include <pv/abi/sched.h>
#include <pv/abi/vcpu.h>

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

/* A few small choices make an argument that gets past the first checks. */
static void plausible_args(struct input *in, uint64_t nr, uint64_t cmd)
{
	uint32_t n = (uint32_t)take(in, 1) % 16, gfn = FAKE_DATA + n;
	union {
		struct pv_gnttab_map_grant_ref map;
		struct pv_gnttab_unmap_grant_ref unmap;
		struct pv_gnttab_copy copy;
		struct pv_gnttab_setup_table setup;
		struct pv_gnttab_swap_grant_ref swap;
		struct pv_add_to_physmap add;
		struct pv_memory_reservation reservation;
		struct pv_hvm_param param;
		struct pv_vcpu_register_vcpu_info info;
		struct pv_sched_poll poll;
		struct pv_evtchn_init_control control;
		struct pv_evtchn_set_priority priority;
		uint64_t words[8];
		uint16_t domid;
	} a;

	memset(&a, 0, sizeof(a));
	a.words[0] = n; /* port, reason, timer, area: whatever begins with a number */
	if (nr == PV_HYPERVISOR_event_channel_op && cmd == PV_EVTCHNOP_init_control)
		a.control = (struct pv_evtchn_init_control){.control_gfn = gfn, .vcpu = n / 4};
	else if (nr == PV_HYPERVISOR_event_channel_op && cmd == PV_EVTCHNOP_expand_array)
		a.words[0] = FAKE_DATA + n % 4;
	else if (nr == PV_HYPERVISOR_event_channel_op && cmd == PV_EVTCHNOP_set_priority)
		a.priority = (struct pv_evtchn_set_priority){n, n};
	else if (nr == PV_HYPERVISOR_event_channel_op && cmd != PV_EVTCHNOP_send &&
		 cmd != PV_EVTCHNOP_close && cmd != PV_EVTCHNOP_unmask) {
		a.words[0] = PV_DOMID_SELF |
			     (uint64_t)(n & 1 ? FAKE_BACKEND : PV_DOMID_SELF) << 16 |
			     (uint64_t)n << 32;
		if (cmd == PV_EVTCHNOP_bind_virq || cmd == PV_EVTCHNOP_bind_ipi ||
		    cmd == PV_EVTCHNOP_bind_vcpu)
			a.words[0] = n | (uint64_t)(n / 4) << 32;
	} else if (nr == PV_HYPERVISOR_grant_table_op) {
		if (cmd == PV_GNTTABOP_map_grant_ref)
			a.map = (struct pv_gnttab_map_grant_ref){.host_addr = gfn * 4096ull,
								 .flags = 2 | (n & 4),
								 .ref = n,
								 .dom = PV_DOMID_SELF};
		else if (cmd == PV_GNTTABOP_unmap_grant_ref)
			a.unmap = (struct pv_gnttab_unmap_grant_ref){.host_addr = gfn * 4096ull,
								     .handle = n / 4};
		else if (cmd == PV_GNTTABOP_copy)
			a.copy = (struct pv_gnttab_copy){
				.source = {{.gmfn = n & 1 ? n : gfn}, PV_DOMID_SELF, 0},
				.dest = {{.gmfn = n & 2 ? n : gfn + 1u}, PV_DOMID_SELF, 64},
				.len = 64,
				.flags = n & 3};
		else if (cmd == PV_GNTTABOP_setup_table)
			a.setup = (struct pv_gnttab_setup_table){PV_DOMID_SELF, n, 0,
								 fake_gva(FAKE_DATA)};
		else if (cmd == PV_GNTTABOP_set_version)
			a.words[0] = 1 + (n & 1);
		else if (cmd == PV_GNTTABOP_swap_grant_ref)
			a.swap = (struct pv_gnttab_swap_grant_ref){n, n / 2, 0};
		else
			a.words[0] = PV_DOMID_SELF;
	} else if (nr == PV_HYPERVISOR_memory_op) {
		a.add = (struct pv_add_to_physmap){PV_DOMID_SELF, 0, n & 1, n / 4,
						   n & 2 ? FAKE_GRANTS + n / 4 : gfn};
		if (n & 8)
			a.add.idx |= PV_XENMAPIDX_grant_table_status;
		if (n % 5 == 4) {
			a.add.space = PV_XENMAPSPACE_gmfn + n / 8;
			a.add.size = 3;
			a.add.idx = FAKE_DATA + n / 2;
		}
		if (cmd < 7 && cmd != 2)
			a.reservation = (struct pv_memory_reservation){fake_gva(FAKE_ARGS) + 256, 2,
								       n % 3, 0, PV_DOMID_SELF};
		else if (cmd == PV_XENMEM_remove_from_physmap)
			a.words[1] = FAKE_GRANTS + n / 4;
	} else if (nr == PV_HYPERVISOR_hvm_op) {
		a.param = (struct pv_hvm_param){PV_DOMID_SELF, 0, n * 2, n};
	} else if (nr == PV_HYPERVISOR_vcpu_op) {
		a.words[0] = n & 1 ? fake_gva(gfn) + n : f.now + 1000000ull * n;
		if (cmd == PV_VCPUOP_register_vcpu_info)
			a.info = (struct pv_vcpu_register_vcpu_info){gfn, 64u * n, 0};
	} else if (nr == PV_HYPERVISOR_sched_op && cmd == PV_SCHEDOP_poll) {
		a.poll = (struct pv_sched_poll){fake_gva(FAKE_DATA), n, f.now + n};
	}
	memcpy(fake_page(&f, FAKE_ARGS), &a, sizeof(a));
}

/* Spoil an argument struct with numbers of any width anywhere. */
static void fill_args(struct input *in)
{
	unsigned char *page = fake_page(&f, FAKE_ARGS);
	unsigned words = (unsigned)take(in, 1) % 12, i;

	words = words > 4 ? words - 4 : 0; /* nothing, as often as not */

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
	default: /* the guest writes to the pages it shares: FIFO words of few ports among them */
		((unsigned char *)fake_page(&f, what & 32   ? FAKE_DATA + what / 64
						: what & 16 ? FAKE_GRANTS
							    : FAKE_SHARED))[port] =
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
	unsigned who = (unsigned)take(in, 1), vcpu = who % 4;
	uint32_t low[6];

	arg[0] = take(in, 1) % 32;
	plausible_args(in, nr, arg[0]);
	fill_args(in);
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
	for (unsigned i = 0; i < 6; i++)
		low[i] = (uint32_t)arg[i];
	if (who & 128)
		(void)pv_domain_hypercall32(f.d, vcpu, (uint32_t)nr, low);
	else
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
	static const struct pv_clock clock = {.tsc_to_system_mul = 1u << 31};
	uint64_t *entry;
	unsigned i;

	memset(ends, 0, sizeof(ends));
	open_domain(&f, kind, true);
	entry = fake_grants(&f);
	for (i = 0; i < 16; i++)
		entry[i] = (uint64_t)(FAKE_DATA + i) << 32 |
			   (uint64_t)(i & 1 ? FAKE_BACKEND : FAKE_DOMID) << 16 |
			   (i & 2 ? PV_GTF_readonly : 0) | PV_GTF_permit_access;
	(void)pv_domain_set_clock(f.d, &clock);
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
