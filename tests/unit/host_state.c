/*
 * Claims about save and restore of a domain through struct pv_state: nothing is lost, and a state from a
 * hostile stream is refused without effect.
 */
#include "fake_vmm.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <pv/abi/sched.h>
#include <pv/abi/vcpu.h>
#include "run.h"

#define GRANTED (FAKE_DATA + 1)
#define HOLE	(FAKE_DATA + 20)
#define ARRAY	64

static struct fake_vmm f, g;
static struct pv_state st, st2;
static struct pv_state_vcpu vcpus[4], vcpus2[4];
static struct pv_state_port ports[ARRAY], ports2[ARRAY];
static struct pv_state_map maps[ARRAY], maps2[ARRAY];
static struct pv_grant_map backend_map;
static struct pv_host_port hp;
static uint32_t bound, loop_a, loop_b, timer_port;
static uint64_t *entry;
static unsigned rings;

static void ring(void *arg)
{
	(void)arg;
	rings++;
}

static int save(struct fake_vmm *v, struct pv_state *s, struct pv_state_vcpu *sv,
		struct pv_state_port *sp, struct pv_state_map *sm)
{
	memset(s, 0x5a, sizeof(*s));
	memset(sv, 0x5a, sizeof(vcpus));
	memset(sp, 0x5a, sizeof(ports));
	memset(sm, 0x5a, sizeof(maps));
	s->vcpu = sv, s->nr_vcpus = 4;
	s->port = sp, s->nr_ports = ARRAY;
	s->map = sm, s->nr_maps = ARRAY;
	return pv_domain_get_state(v->d, s);
}

static int64_t vcpu_op(unsigned cmd, uint32_t vcpu, const void *arg, size_t size)
{
	memcpy(fake_page(&f, FAKE_ARGS), arg, size);
	return fake_hypercall(&f, 0, PV_HYPERVISOR_vcpu_op, cmd, vcpu, fake_gva(FAKE_ARGS), 0);
}

/* A domain with one of everything, saved in st. */
static void busy_domain(void)
{
	struct pv_gnttab_map_grant_ref op = {.host_addr = HOLE * 4096,
					     .flags = PV_GNTMAP_host_map,
					     .ref = 10,
					     .dom = PV_DOMID_SELF};
	struct pv_vcpu_register_vcpu_info info = {FAKE_DATA, 64, 0};
	struct pv_vcpu_set_periodic_timer period = {20000000};
	struct pv_sched_watchdog dog = {0, 100};

	fake_open(&f, PV_DOMAIN_PVH, 4, true);
	entry = fake_grants(&f);
	entry[9] = (uint64_t)GRANTED << 32 | FAKE_BACKEND << 16 | PV_GTF_permit_access;
	entry[10] = (uint64_t)(GRANTED + 1) << 32 | FAKE_DOMID << 16 | PV_GTF_permit_access;
	ck_assert_int_eq(pv_domain_grant_map(f.d, FAKE_BACKEND, 9, 0, &backend_map), 0);
	ck_assert_int_eq(fake_gnttab(&f, PV_GNTTABOP_map_grant_ref, &op, sizeof(op), 1), 0);
	ck_assert_int_eq(op.status, 0);
	bound = (uint32_t)fake_unbound(&f, FAKE_BACKEND);
	hp = (struct pv_host_port){.domid = FAKE_BACKEND, .kick = 1, .fn = ring};
	ck_assert_int_eq(pv_domain_evtchn_bind_host(f.d, &hp, bound), 0);
	loop_a = (uint32_t)fake_unbound(&f, PV_DOMID_SELF);
	loop_b = (uint32_t)fake_interdomain(&f, loop_a);
	timer_port = (uint32_t)fake_virq(&f, PV_VIRQ_TIMER, 2);
	fake_ipi(&f, 3);
	fake_virq(&f, PV_VIRQ_CONSOLE, 0);
	pv_domain_set_wallclock(f.d, 1000, 5);
	pv_domain_set_hvm_param(f.d, 1, 77);
	ck_assert_int_eq(vcpu_op(PV_VCPUOP_register_vcpu_info, 2, &info, sizeof(info)), 0);
	ck_assert_int_eq(vcpu_op(PV_VCPUOP_set_periodic_timer, 2, &period, sizeof(period)), 0);
	pv_domain_vcpu_set_up(f.d, 1, 1);
	fake_op(&f, PV_HYPERVISOR_sched_op, PV_SCHEDOP_watchdog, &dog, sizeof(dog));
	ck_assert_int_eq(save(&f, &st, vcpus, ports, maps), 0);
}

/* A second VMM with the first one's memory, as after a migration. */
static void arrive(void)
{
	struct pv_domain_config cfg;

	fake_config(&cfg, PV_DOMAIN_PVH, 4);
	fake_open_cfg(&g, &cfg, false);
	memcpy(g.ram, f.ram, FAKE_PAGES * 4096);
}

static void leave(void)
{
	fake_close(&g);
	fake_close(&f);
}

START_TEST(state_comes_back_as_it_was)
{
	busy_domain();
	arrive();
	ck_assert_int_eq(pv_domain_set_state(g.d, &st), 0);
	ck_assert_int_eq(save(&g, &st2, vcpus2, ports2, maps2), 0);
	ck_assert_int_eq(memcmp(&st.domain, &st2.domain, sizeof(st.domain)), 0);
	ck_assert_uint_eq(st.nr_ports, st2.nr_ports);
	ck_assert_uint_eq(st.nr_maps, st2.nr_maps);
	ck_assert_uint_eq(st.nr_maps, 2);
	ck_assert_int_eq(memcmp(vcpus, vcpus2, sizeof(vcpus)), 0);
	ck_assert_int_eq(memcmp(ports, ports2, st.nr_ports * sizeof(ports[0])), 0);
	ck_assert_int_eq(memcmp(maps, maps2, st.nr_maps * sizeof(maps[0])), 0);
	leave();
}
END_TEST

START_TEST(restored_domain_goes_on)
{
	struct pv_gnttab_unmap_grant_ref un = {.host_addr = HOLE * 4096};
	struct pv_host_port new_hp = {.domid = FAKE_BACKEND, .kick = 2, .fn = ring};
	struct pv_grant_map m;
	uint64_t *e;

	busy_domain();
	arrive();
	ck_assert_int_eq(pv_domain_set_state(g.d, &st), 0);
	e = fake_page(&g, FAKE_GRANTS);
	rings = 0;
	/* backends bind and map again; the holds of the old ones keep the entry busy until settled */
	ck_assert_int_eq(pv_domain_evtchn_bind_host(g.d, &new_hp, bound), 0);
	ck_assert_uint_eq(rings, 1);
	ck_assert_int_eq(pv_domain_grant_map(g.d, FAKE_BACKEND, 9, 0, &m), 0);
	ck_assert_int_eq(pv_domain_grant_unmap(g.d, FAKE_BACKEND, &m), 0);
	ck_assert(e[9] & PV_GTF_writing);
	ck_assert_int_eq(pv_domain_grant_unmap(g.d, FAKE_BACKEND, &backend_map),
			 PV_GNTST_bad_handle);
	pv_domain_grant_settle(g.d);
	ck_assert_uint_eq(e[9] & (PV_GTF_writing | PV_GTF_reading), 0);
	/* the guest's own handle is still good */
	un.handle = maps[1].handle;
	ck_assert(g.overlay[HOLE] == GRANTED + 1);
	ck_assert_int_eq(fake_gnttab(&g, PV_GNTTABOP_unmap_grant_ref, &un, sizeof(un), 1), 0);
	ck_assert_int_eq(un.status, 0);
	ck_assert(g.overlay[HOLE] == PV_PHYSMAP_NONE);
	ck_assert_uint_eq(e[10] & PV_GTF_writing, 0);
	/* ports, virqs, timers */
	fake_clear(&g, loop_b);
	ck_assert_int_eq(fake_port_op(&g, PV_EVTCHNOP_send, loop_a), 0);
	ck_assert(fake_pending(&g, loop_b));
	ck_assert_uint_eq(g.timer[2], f.now + 20000000);
	g.now = f.now + 20000000;
	pv_domain_timer_fired(g.d, 2);
	ck_assert(fake_pending(&g, timer_port));
	ck_assert_uint_eq(g.vcpu_info[2], FAKE_DATA * 4096 + 64);
	ck_assert_int_eq(fake_unbound(&g, 0), (int64_t)st.nr_ports + 1);
	leave();
}
END_TEST

START_TEST(arrays_too_small_are_told_and_not_touched)
{
	busy_domain();
	st2 = (struct pv_state){.vcpu = vcpus2, .port = ports2, .map = maps2};
	ck_assert_int_eq(pv_domain_get_state(f.d, &st2), -PV_ENOBUFS);
	ck_assert_uint_eq(st2.nr_vcpus, 4);
	ck_assert_uint_eq(st2.nr_ports, st.nr_ports);
	ck_assert_uint_eq(st2.nr_maps, 2);
	ck_assert_uint_eq(st2.domain.size, 0);
	fake_close(&f);
}
END_TEST

START_TEST(state_is_for_fresh_domains)
{
	busy_domain();
	ck_assert_int_eq(pv_domain_set_state(f.d, &st), -PV_EBUSY);
	arrive();
	ck_assert_int_gt(pv_domain_evtchn_alloc_unbound(g.d, 0), 0);
	ck_assert_int_eq(pv_domain_set_state(g.d, &st), -PV_EBUSY);
	leave();
}
END_TEST

/* One lie each; ports[] holds: 1 host, 2 and 3 loop, 4 timer of vCPU 2, 5 ipi, 6 console. */
static const struct {
	const char *what;
	void *at;
	size_t size;
	uint64_t value;
} lies[] = {
#define LIE(lvalue, v)                                                     \
	{                                                                  \
#lvalue " = " #v, &(lvalue), sizeof(lvalue), (uint64_t)(v) \
	}
	LIE(st.domain.size, sizeof(st.domain) - 8),
	LIE(st.domain.size, sizeof(st.domain) + 8),
	LIE(st.domain.flags, 8),
	LIE(st.domain.max_vcpus, 5),
	LIE(st.domain.max_vcpus, 3),
	LIE(st.domain.max_ports, 0),
	LIE(st.domain.max_ports, 4097),
	LIE(st.domain.max_ports, 4),
	LIE(st.domain.shutdown_reason, 6),
	LIE(st.domain.shutdown_code, UINT32_MAX),
	LIE(st.domain.shared_info_gfn, FAKE_PAGES),
	LIE(st.domain.shared_info_gfn, UINT64_MAX - 1),
	LIE(st.domain.shared_info_gfn, FAKE_GRANTS),
	LIE(st.domain.shared_info_gfn, FAKE_DATA),
	LIE(st.domain.shared_info_gfn, HOLE),
	LIE(st.domain.vm_assist, 1ull << 63),
	LIE(st.domain.wallclock_nsec, 1000000000),
	LIE(st.domain.wallclock_version, 7),
	LIE(st.domain.nr_pages, FAKE_PAGES + 1),
	LIE(st.domain.grant_version, 0),
	LIE(st.domain.grant_version, 3),
	LIE(st.domain.grant_status_gfn[0], 9),
	LIE(st.domain.grant_frames, 0),
	LIE(st.domain.grant_frames, 65),
	LIE(st.domain.grant_frame_gfn[0], FAKE_PAGES),
	LIE(st.domain.grant_frame_gfn[0], FAKE_SHARED),
	LIE(st.domain.grant_frame_gfn[0], FAKE_DATA),
	LIE(st.domain.grant_frame_gfn[0], 1ull << 60),
	LIE(st.domain.grant_frame_gfn[1], FAKE_DATA + 5),
	LIE(st.domain.early_pending[3], 1),
	LIE(vcpus[0].size, 0),
	LIE(vcpus[0].id, 1),
	LIE(vcpus[3].id, 4),
	LIE(vcpus[1].flags, 4),
	LIE(vcpus[1].flags, PV_STATE_VCPU_UP),
	LIE(vcpus[1].upcall_vector, 15),
	LIE(vcpus[1].upcall_vector, 256),
	LIE(vcpus[2].vcpu_info_gpa, FAKE_DATA * 4096 + 4),
	LIE(vcpus[2].vcpu_info_gpa, FAKE_DATA * 4096 + 4096 - 8),
	LIE(vcpus[2].vcpu_info_gpa, FAKE_SHARED * 4096),
	LIE(vcpus[2].vcpu_info_gpa, FAKE_GRANTS * 4096),
	LIE(vcpus[2].vcpu_info_gpa, FAKE_PAGES * 4096),
	LIE(vcpus[2].vcpu_info_gpa, UINT64_MAX - 7),
	LIE(vcpus[2].period_ns, 1),
	LIE(vcpus[2].period_ns, UINT64_MAX),
	LIE(vcpus[0].period_next_ns, 5),
	LIE(vcpus[0].runstate, 4),
	LIE(vcpus[0].time_version, 1),
	LIE(ports[0].size, 0),
	LIE(ports[0].port, 0),
	LIE(ports[1].port, 1),
	LIE(ports[5].port, 4096),
	LIE(ports[5].port, UINT32_MAX),
	LIE(ports[0].kind, 0),
	LIE(ports[0].kind, 5),
	LIE(ports[0].kind, UINT16_MAX),
	LIE(ports[0].flags, 2),
	LIE(ports[4].flags, PV_STATE_PORT_WAS_BOUND),
	LIE(ports[0].vcpu, 4),
	LIE(ports[0].vcpu, UINT32_MAX),
	LIE(ports[0].remote_port, 9),
	LIE(ports[1].remote_port, 2),
	LIE(ports[1].remote_port, 1),
	LIE(ports[1].remote_port, 4095),
	LIE(ports[1].remote_port, UINT32_MAX),
	LIE(ports[3].virq, PV_NR_VIRQS),
	LIE(ports[3].virq, UINT32_MAX),
	LIE(ports[3].virq, PV_VIRQ_CONSOLE),
	LIE(ports[4].virq, 1),
	LIE(maps[0].size, 0),
	LIE(maps[0].handle, 1),
	LIE(maps[1].handle, 0x10000),
	LIE(maps[0].flags, 4),
	LIE(maps[0].flags, PV_STATE_MAP_GUEST),
	LIE(maps[0].ref, 512),
	LIE(maps[0].ref, UINT32_MAX),
	LIE(maps[0].ref, 10),
	LIE(maps[0].gfn, FAKE_PAGES),
	LIE(maps[0].gfn, 1ull << 40),
	LIE(maps[0].gfn, FAKE_SHARED),
	LIE(maps[0].gpa, 4096),
	LIE(maps[1].gpa, HOLE * 4096 + 1),
	LIE(maps[1].gpa, FAKE_SHARED * 4096),
	LIE(maps[1].gpa, FAKE_GRANTS * 4096),
	LIE(maps[1].gpa, FAKE_PAGES * 4096),
	LIE(maps[1].gpa, GRANTED * 4096),
	LIE(maps[1].gpa, UINT64_MAX - 4095),
	LIE(maps[1].domid, FAKE_BACKEND),
	LIE(st.nr_vcpus, 3),
	LIE(st.nr_ports, UINT32_MAX),
	LIE(st.nr_ports, 5000),
	LIE(st.nr_maps, UINT32_MAX),
};

START_TEST(lie_is_refused_without_effect)
{
	struct pv_state_vcpu before[4];

	busy_domain();
	arrive();
	ck_assert_int_eq(save(&g, &st2, before, ports2, maps2), 0);
	memcpy(lies[_i].at, &lies[_i].value, lies[_i].size);
	ck_assert_msg(pv_domain_set_state(g.d, &st) < 0, "accepted: %s", lies[_i].what);
	/* as fresh as before */
	ck_assert_int_eq(save(&g, &st2, vcpus2, ports2, maps2), 0);
	ck_assert_uint_eq(st2.nr_ports, 0);
	ck_assert_uint_eq(st2.nr_maps, 0);
	ck_assert_int_eq(memcmp(before, vcpus2, sizeof(before)), 0);
	ck_assert(pv_domain_shared_info(g.d) == PV_STATE_NO_GPA);
	ck_assert(g.overlay[HOLE] == PV_PHYSMAP_NONE);
	/* and still able to take the truth */
	fake_close(&f);
	busy_domain();
	ck_assert_int_eq(pv_domain_set_state(g.d, &st), 0);
	leave();
}
END_TEST

START_TEST(third_end_of_a_loop_is_refused)
{
	busy_domain();
	arrive();
	ports[4].kind = PV_STATE_PORT_LOOP; /* the IPI claims to be bound to port 2 as well */
	ports[4].remote_port = loop_a;
	ck_assert_int_eq(pv_domain_set_state(g.d, &st), -PV_EINVAL);
	leave();
}
END_TEST

START_TEST(failing_allocation_and_refusing_vmm_leave_it_fresh)
{
	int left;

	busy_domain();
	arrive();
	for (left = 0; left < 2; left++) {
		g.alloc_left = left;
		ck_assert_int_eq(pv_domain_set_state(g.d, &st), -PV_ENOMEM);
	}
	g.alloc_left = -1;
	g.physmap_refuse = true;
	ck_assert_int_eq(pv_domain_set_state(g.d, &st), -PV_EINVAL);
	g.physmap_refuse = false;
	g.frame_refuse = true;
	ck_assert_int_eq(pv_domain_set_state(g.d, &st), -PV_EINVAL);
	g.frame_refuse = false;
	ck_assert_int_eq(pv_domain_set_state(g.d, &st), 0);
	leave();
}
END_TEST

START_TEST(random_bytes_in_a_state_break_nothing)
{
	const char *seed_text = getenv("PV_SEED");
	uint64_t seed = seed_text ? strtoull(seed_text, NULL, 0) : 12345, x = seed;
	int i, k;

	busy_domain();
	for (i = 0; i < 2000; i++) {
		arrive();
		save(&f, &st, vcpus, ports, maps);
		for (k = 0; k < 3; k++) {
			unsigned char *at[] = {(void *)&st.domain, (void *)vcpus, (void *)ports,
					       (void *)maps};
			size_t size[] = {sizeof(st.domain), sizeof(vcpus),
					 st.nr_ports * sizeof(ports[0]),
					 st.nr_maps * sizeof(maps[0])};
			unsigned which;

			x = x * 6364136223846793005ull + 1442695040888963407ull;
			which = (unsigned)(x >> 33) % 4;
			at[which][(x >> 40) % size[which]] ^= (unsigned char)(1u << (x >> 61));
		}
		if (pv_domain_set_state(g.d, &st) == 0) {
			/* accepted: then it can be used, saved and torn down */
			pv_domain_grant_settle(g.d);
			ck_assert_int_eq(save(&g, &st2, vcpus2, ports2, maps2), 0);
			for (k = 1; k < 8; k++)
				(void)fake_port_op(&g, PV_EVTCHNOP_send, (uint32_t)k);
			for (k = 1; k < 8; k++)
				(void)fake_port_op(&g, PV_EVTCHNOP_close, (uint32_t)k);
		}
		fake_close(&g);
	}
	fake_close(&f);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("host state");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, state_comes_back_as_it_was);
	tcase_add_test(t, restored_domain_goes_on);
	tcase_add_test(t, arrays_too_small_are_told_and_not_touched);
	tcase_add_test(t, state_is_for_fresh_domains);
	tcase_add_loop_test(t, lie_is_refused_without_effect, 0, sizeof(lies) / sizeof(lies[0]));
	tcase_add_test(t, third_end_of_a_loop_is_refused);
	tcase_add_test(t, failing_allocation_and_refusing_vmm_leave_it_fresh);
	tcase_add_test(t, random_bytes_in_a_state_break_nothing);
	return run_case("host state", t);
}
