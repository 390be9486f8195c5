/*
 * Claims about arguments that mean harm, for every hypercall at once, over the memory-only VMM.
 *
 * Checklist section 5: H1 (XSA-29, 63, 84, 212) pointers inside of arguments, H4 (27, 89, 125, 145,
 * 296) lengths, H7 (63, 239, 313) what output shows, H12 (166) how often input is read, H13 (428)
 * that whatever a guest makes grow has an end.
 */
#include "fake_vmm.h"

#include <stddef.h>
#include <string.h>

#include <pv/abi/hvm/hvm_op.h>
#include <pv/abi/memory.h>
#include <pv/abi/sched.h>
#include <pv/abi/vcpu.h>
#include <pv/abi/version.h>
#include "run.h"

#define LIST 1024u /* where in the page of arguments lists are */

static struct fake_vmm f;

/* Addresses that no list of 16 bytes or more may have. */
static const uint64_t wild[] = {
	1,
	FAKE_VIRT - 1,
	FAKE_VIRT - 8,
	FAKE_VIRT + FAKE_PAGES * 4096 - 1, /* its end is in a hole */
	FAKE_VIRT + FAKE_PAGES * 4096,	   /* a hole */
	1ull << 47,			   /* not canonical */
	0xffff800000000000ull - 8,
	UINT64_MAX,
	UINT64_MAX - 15,
};

/* Addresses that are the guest's to write, but mean something to the machine. */
static const uint64_t special[] = {FAKE_SHARED, FAKE_GRANTS};

union args {
	struct pv_memory_map map;
	struct pv_memory_reservation reservation;
	struct pv_memory_exchange exchange;
	struct pv_add_to_physmap_batch batch;
	struct pv_sched_poll poll;
	struct pv_gnttab_setup_table setup;
	struct pv_gnttab_get_status_frames status;
	unsigned char bytes[128];
};

static uint64_t list(unsigned i)
{
	return fake_gva(FAKE_ARGS) + LIST + i * 64;
}

/* One pointer that lies inside of an argument. */
static const struct inner {
	const char *what;
	uint64_t nr, cmd;
	unsigned offset; /* of the pointer */
	int64_t want;	 /* what a wild one gets */
	int status;	 /* with want 0: offset of the status that tells of it, or -1 */
} inner[] = {
	{"memory_map", PV_HYPERVISOR_memory_op, PV_XENMEM_memory_map,
	 offsetof(struct pv_memory_map, buffer), -PV_EFAULT, -1},
	{"decrease", PV_HYPERVISOR_memory_op, PV_XENMEM_decrease_reservation,
	 offsetof(struct pv_memory_reservation, extent_start), 0, -1},
	{"populate", PV_HYPERVISOR_memory_op, PV_XENMEM_populate_physmap,
	 offsetof(struct pv_memory_reservation, extent_start), 0, -1},
	{"exchange", PV_HYPERVISOR_memory_op, PV_XENMEM_exchange,
	 offsetof(struct pv_memory_exchange, in.extent_start), -PV_EFAULT, -1},
	{"batch idxs", PV_HYPERVISOR_memory_op, PV_XENMEM_add_to_physmap_batch,
	 offsetof(struct pv_add_to_physmap_batch, idxs), -PV_EFAULT, -1},
	{"batch gpfns", PV_HYPERVISOR_memory_op, PV_XENMEM_add_to_physmap_batch,
	 offsetof(struct pv_add_to_physmap_batch, gpfns), -PV_EFAULT, -1},
	{"batch errs", PV_HYPERVISOR_memory_op, PV_XENMEM_add_to_physmap_batch,
	 offsetof(struct pv_add_to_physmap_batch, errs), -PV_EFAULT, -1},
	{"poll", PV_HYPERVISOR_sched_op, PV_SCHEDOP_poll, offsetof(struct pv_sched_poll, ports),
	 -PV_EFAULT, -1},
	{"setup_table", PV_HYPERVISOR_grant_table_op, PV_GNTTABOP_setup_table,
	 offsetof(struct pv_gnttab_setup_table, frame_list), 0,
	 offsetof(struct pv_gnttab_setup_table, status)},
	{"status frames", PV_HYPERVISOR_grant_table_op, PV_GNTTABOP_get_status_frames,
	 offsetof(struct pv_gnttab_get_status_frames, frame_list), 0,
	 offsetof(struct pv_gnttab_get_status_frames, status)},
};

static void open_all(void)
{
	struct pv_domain_memory ram[2] = {{0, 4096, 1, 0}, {8192, 4096, 1, 0}};
	struct pv_gnttab_set_version v = {2};

	fake_open(&f, PV_DOMAIN_PV, 2, true);
	pv_domain_set_memory_map(f.d, ram, 2);
	fake_grants(&f);
	ck_assert_int_eq(fake_gnttab(&f, PV_GNTTABOP_set_version, &v, sizeof(v), 1), 0);
}

/* An argument with which the call would do something, were it not for the pointer. */
static union args good(const struct inner *p)
{
	union args a;

	memset(&a, 0, sizeof(a));
	switch (p->nr << 8 | p->cmd) {
	case PV_HYPERVISOR_memory_op << 8 | PV_XENMEM_memory_map:
		a.map = (struct pv_memory_map){2, list(0)};
		break;
	case PV_HYPERVISOR_memory_op << 8 | PV_XENMEM_exchange:
		a.exchange.in = (struct pv_memory_reservation){list(0), 2, 0, 0, PV_DOMID_SELF};
		a.exchange.out = (struct pv_memory_reservation){list(1), 2, 0, 0, PV_DOMID_SELF};
		break;
	case PV_HYPERVISOR_memory_op << 8 | PV_XENMEM_add_to_physmap_batch:
		a.batch = (struct pv_add_to_physmap_batch){
			PV_DOMID_SELF, PV_XENMAPSPACE_gmfn, 4, {0}, list(0), list(1), list(2)};
		break;
	case PV_HYPERVISOR_sched_op << 8 | PV_SCHEDOP_poll:
		a.poll = (struct pv_sched_poll){list(0), 4, 1};
		break;
	case PV_HYPERVISOR_grant_table_op << 8 | PV_GNTTABOP_setup_table:
		a.setup = (struct pv_gnttab_setup_table){PV_DOMID_SELF, 1, 77, list(0)};
		break;
	case PV_HYPERVISOR_grant_table_op << 8 | PV_GNTTABOP_get_status_frames:
		a.status = (struct pv_gnttab_get_status_frames){1, PV_DOMID_SELF, 77, list(0)};
		break;
	default:
		a.reservation = (struct pv_memory_reservation){list(0), 2, 0, 0, PV_DOMID_SELF};
		break;
	}
	return a;
}

static int64_t run(const struct inner *p, union args *a)
{
	return p->nr == PV_HYPERVISOR_grant_table_op ? fake_gnttab(&f, p->cmd, a, sizeof(*a), 1)
						     : fake_op(&f, p->nr, p->cmd, a, sizeof(*a));
}

static int64_t reservation(void)
{
	struct pv_memory_domain d = {PV_DOMID_SELF};

	return fake_op(&f, PV_HYPERVISOR_memory_op, PV_XENMEM_current_reservation, &d, sizeof(d));
}

START_TEST(wild_pointer_inside_of_an_argument_is_refused)
{
	const struct inner *p = &inner[_i];
	int16_t status;
	unsigned i;

	open_all();
	for (i = 0; i < sizeof(wild) / sizeof(wild[0]); i++) {
		union args a = good(p);
		int64_t rc;

		memcpy(a.bytes + p->offset, &wild[i], 8);
		rc = run(p, &a);
		if (p->status >= 0 && rc == 0) {
			memcpy(&status, a.bytes + p->status, 2);
			ck_assert_msg(status == PV_GNTST_bad_virt_addr, "%s pointer %u: status %d",
				      p->what, i, status);
		} else if (p->status >= 0) {
			ck_assert_int_eq(rc, -PV_EFAULT); /* no range at all */
		} else {
			ck_assert_msg(rc == p->want, "%s pointer %u: %lld", p->what, i,
				      (long long)rc);
		}
		ck_assert_int_eq(reservation(), FAKE_PAGES);
	}
	fake_close(&f);
}
END_TEST

/* What is the guest's, the guest may have overwritten: whatever comes of it, the host stands. */
START_TEST(pointer_to_a_page_of_the_machine_harms_the_guest_only)
{
	const struct inner *p = &inner[_i];
	struct pv_state_vcpu vcpu[2];
	struct pv_state st = {.vcpu = vcpu, .nr_vcpus = 2};
	unsigned i, k;

	open_all();
	for (i = 0; i < 2; i++)
		for (k = 0; k < 2; k++) {
			union args a = good(p);
			uint64_t at = fake_gva(special[i]) + k * 4088;

			memcpy(a.bytes + p->offset, &at, 8);
			(void)run(p, &a);
		}
	ck_assert_int_eq(pv_domain_get_state(f.d, &st), 0);
	ck_assert_uint_eq(st.domain.shared_info_gfn, FAKE_SHARED);
	ck_assert_uint_eq(st.domain.grant_frame_gfn[0], FAKE_GRANTS);
	ck_assert_int_gt(fake_ipi(&f, 0), 0);
	fake_close(&f);
}
END_TEST

/* Every hypercall and every command, with arguments that are all zeros but for the domain. */
static const uint64_t numbers[] = {
	PV_HYPERVISOR_event_channel_op, PV_HYPERVISOR_grant_table_op, PV_HYPERVISOR_memory_op,
	PV_HYPERVISOR_vcpu_op,		PV_HYPERVISOR_sched_op,	      PV_HYPERVISOR_hvm_op,
	PV_HYPERVISOR_xen_version,	PV_HYPERVISOR_platform_op,    PV_HYPERVISOR_vm_assist,
	PV_HYPERVISOR_multicall,
};
#define COMMANDS 32

static int64_t call(uint64_t nr, uint64_t cmd)
{
	uint64_t at = fake_gva(FAKE_ARGS);

	if (nr == PV_HYPERVISOR_sched_op &&
	    (cmd == PV_SCHEDOP_shutdown || cmd == PV_SCHEDOP_shutdown_code))
		return 0;
	if (nr == PV_HYPERVISOR_vcpu_op)
		return fake_hypercall(&f, 0, nr, cmd, 0, at, 0);
	if (nr == PV_HYPERVISOR_multicall)
		return fake_hypercall(&f, 0, nr, at, 1, 0, 0);
	if (nr == PV_HYPERVISOR_platform_op)
		return fake_hypercall(&f, 0, nr, at, 0, 0, 0);
	return fake_hypercall(&f, 0, nr, cmd, at, 1, 0);
}

static void __attribute__((noinline)) poison_stack(int with)
{
	volatile unsigned char junk[16384];
	unsigned i;

	for (i = 0; i < sizeof(junk); i++)
		junk[i] = (unsigned char)with;
}

/* H7: the same call twice, on a stack full of one thing and full of another. */
START_TEST(output_shows_nothing_of_what_was_on_the_stack)
{
	static unsigned char seen[2][4096];
	uint64_t nr = numbers[_i];
	unsigned cmd, round;

	for (cmd = 0; cmd < COMMANDS; cmd++) {
		for (round = 0; round < 2; round++) {
			fake_open(&f, PV_DOMAIN_PVH, 1, true);
			memset(fake_page(&f, FAKE_ARGS), 0, 4096);
			*(uint16_t *)fake_page(&f, FAKE_ARGS) = PV_DOMID_SELF;
			poison_stack(round ? 0xee : 0x11);
			(void)call(nr, cmd);
			memcpy(seen[round], fake_page(&f, FAKE_ARGS), 4096);
			fake_close(&f);
		}
		ck_assert_msg(!memcmp(seen[0], seen[1], 4096), "call %u command %u", (unsigned)nr,
			      cmd);
	}
}
END_TEST

/* H12: nobody can change an argument between two looks at it, because there is one. */
START_TEST(argument_is_fetched_once)
{
	uint64_t nr = numbers[_i];
	unsigned cmd;

	for (cmd = 0; cmd < COMMANDS; cmd++) {
		fake_open(&f, PV_DOMAIN_PVH, 2, true);
		memset(fake_page(&f, FAKE_ARGS), 0, 4096);
		*(uint16_t *)fake_page(&f, FAKE_ARGS) = PV_DOMID_SELF;
		f.fetches = 0;
		(void)call(nr, cmd);
		ck_assert_msg(f.fetches <= 1, "call %u command %u: %u fetches", (unsigned)nr, cmd,
			      f.fetches);
		fake_close(&f);
	}
}
END_TEST

/* H4: a length is what it is, and a call with a great one ends. */
START_TEST(great_lengths_are_refused_or_end_at_the_first_fault)
{
	static const uint64_t counts[] = {65536,      65537,	  UINT32_MAX,
					  1ull << 32, 1ull << 40, UINT64_MAX};
	unsigned i, cmd;
	int64_t rc;

	fake_open(&f, PV_DOMAIN_PV, 1, true);
	for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		for (cmd = 0; cmd < 16; cmd++) {
			if (cmd == PV_GNTTABOP_set_version || cmd == PV_GNTTABOP_get_version)
				continue; /* take no count */
			rc = fake_hypercall(&f, 0, PV_HYPERVISOR_grant_table_op, cmd,
					    fake_gva(FAKE_PAGES - 1), counts[i], 0);
			ck_assert_int_lt(rc, 0);
		}
		rc = fake_hypercall(&f, 0, PV_HYPERVISOR_multicall, fake_gva(FAKE_PAGES - 1),
				    counts[i], 0, 0);
		ck_assert_int_lt(rc, 0);
		rc = fake_hypercall(&f, 0, PV_HYPERVISOR_mmuext_op, fake_gva(FAKE_PAGES - 1),
				    counts[i], 0, PV_DOMID_SELF);
		/* the count has 32 bits: 2^32 is none */
		ck_assert_int_le(rc, 0);
		rc = fake_hypercall(&f, 0, PV_HYPERVISOR_console_io, PV_CONSOLEIO_write, counts[i],
				    fake_gva(FAKE_PAGES - 1), 0);
		ck_assert_int_le(rc, 0);
	}
	fake_close(&f);
}
END_TEST

/* H13: maps, ports, watchdogs, overlays: an error at the limit, and all is well after it. */
START_TEST(whatever_a_guest_makes_has_an_end)
{
	struct pv_gnttab_map_grant_ref m = {.host_addr = (FAKE_DATA + 20) * 4096,
					    .flags = PV_GNTMAP_host_map,
					    .ref = 9,
					    .dom = PV_DOMID_SELF};
	struct pv_sched_watchdog w = {0, 100};
	struct pv_domain_config cfg;
	struct pv_grant_map held;
	uint64_t *entry;
	unsigned n;

	fake_config(&cfg, PV_DOMAIN_PVH, 1);
	cfg.max_ports = 64;
	cfg.max_maps = 8;
	cfg.max_grant_frames = 2;
	fake_open_cfg(&f, &cfg, true);
	entry = fake_grants(&f);
	entry[9] = (uint64_t)FAKE_DATA << 32 | FAKE_DOMID << 16 | PV_GTF_permit_access;
	entry[10] = (uint64_t)FAKE_DATA << 32 | FAKE_BACKEND << 16 | PV_GTF_permit_access;
	for (n = 0; n < 8; n++)
		ck_assert_int_eq(pv_domain_grant_map(f.d, FAKE_BACKEND, 10, 0, &held), 0);
	ck_assert_int_eq(fake_gnttab(&f, PV_GNTTABOP_map_grant_ref, &m, sizeof(m), 1), 0);
	ck_assert_int_eq(m.status, PV_GNTST_no_space);
	ck_assert_int_eq(pv_domain_grant_unmap(f.d, FAKE_BACKEND, &held), 0);
	ck_assert_int_eq(fake_gnttab(&f, PV_GNTTABOP_map_grant_ref, &m, sizeof(m), 1), 0);
	ck_assert_int_eq(m.status, PV_GNTST_okay);
	for (n = 1; n < 64; n++)
		ck_assert_int_gt(fake_unbound(&f, 0), 0);
	ck_assert_int_eq(fake_unbound(&f, 0), -PV_ENOSPC);
	for (n = 0; n < 2; n++) {
		w.id = 0;
		ck_assert_int_gt(
			fake_op(&f, PV_HYPERVISOR_sched_op, PV_SCHEDOP_watchdog, &w, sizeof(w)), 0);
	}
	w.id = 0;
	ck_assert_int_eq(fake_op(&f, PV_HYPERVISOR_sched_op, PV_SCHEDOP_watchdog, &w, sizeof(w)),
			 -PV_ENOSPC);
	fake_close(&f);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("host hostile");

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, wild_pointer_inside_of_an_argument_is_refused, 0,
			    sizeof(inner) / sizeof(inner[0]));
	tcase_add_loop_test(t, pointer_to_a_page_of_the_machine_harms_the_guest_only, 0,
			    sizeof(inner) / sizeof(inner[0]));
	tcase_add_loop_test(t, output_shows_nothing_of_what_was_on_the_stack, 0,
			    sizeof(numbers) / sizeof(numbers[0]));
	tcase_add_loop_test(t, argument_is_fetched_once, 0, sizeof(numbers) / sizeof(numbers[0]));
	tcase_add_test(t, great_lengths_are_refused_or_end_at_the_first_fault);
	tcase_add_test(t, whatever_a_guest_makes_has_an_end);
	return run_case("host hostile", t);
}
