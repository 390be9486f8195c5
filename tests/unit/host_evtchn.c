/*
 * Claims about event channels on the host side, over the memory-only VMM.
 *
 * Checklist section 4: bad ports, error paths that free only what they made, exhaustion, host-side
 * ends that close on either side.
 */
#include "fake_vmm.h"

#include <string.h>
#include "run.h"

static struct fake_vmm f;
static unsigned rings;

static void ring(void *arg)
{
	(void)arg;
	rings++;
}

static struct pv_host_port backend(void)
{
	struct pv_host_port hp = {.domid = FAKE_BACKEND, .kick = 3, .fn = ring};

	rings = 0;
	return hp;
}

static int64_t send(uint32_t port)
{
	return fake_port_op(&f, PV_EVTCHNOP_send, port);
}

static int64_t close_port(uint32_t port)
{
	return fake_port_op(&f, PV_EVTCHNOP_close, port);
}

static struct pv_evtchn_status status(uint32_t port)
{
	struct pv_evtchn_status s;

	memset(&s, 0x5a, sizeof(s)); /* poison: what is not written shows */
	s.dom = PV_DOMID_SELF;
	s.port = port;
	if (fake_op(&f, PV_HYPERVISOR_event_channel_op, PV_EVTCHNOP_status, &s, sizeof(s)))
		s.status = 99;
	return s;
}

static int64_t to_vcpu(uint32_t port, uint32_t vcpu)
{
	struct pv_evtchn_bind_vcpu a = {port, vcpu};

	return fake_op(&f, PV_HYPERVISOR_event_channel_op, PV_EVTCHNOP_bind_vcpu, &a, sizeof(a));
}

static void unmask_all(void)
{
	memset(fake_shared(&f)->evtchn_mask, 0, sizeof(fake_shared(&f)->evtchn_mask));
}

static const uint32_t bad_ports[] = {0, 1, 4095, 4096, 1u << 31, UINT32_MAX};

START_TEST(every_operation_refuses_ports_that_do_not_exist)
{
	uint32_t port = bad_ports[_i];
	struct pv_evtchn_set_priority prio = {port, 1};

	fake_open(&f, PV_DOMAIN_PV, 1, true);
	ck_assert_int_eq(send(port), -PV_EINVAL);
	ck_assert_int_eq(close_port(port), -PV_EINVAL);
	ck_assert_int_eq(fake_interdomain(&f, port), -PV_EINVAL);
	ck_assert_int_eq(to_vcpu(port, 0), -PV_EINVAL);
	ck_assert_uint_eq(status(port).status, port < 128 ? PV_EVTCHNSTAT_closed : 99);
	ck_assert_int_eq(fake_port_op(&f, PV_EVTCHNOP_unmask, port), port < 128 ? 0 : -PV_EINVAL);
	ck_assert_int_lt(fake_op(&f, PV_HYPERVISOR_event_channel_op, PV_EVTCHNOP_set_priority,
				 &prio, sizeof(prio)),
			 0);
	ck_assert_uint_eq(pv_domain_route(f.d, port).kind, PV_ROUTE_NONE);
	ck_assert_int_lt(pv_domain_evtchn_close(f.d, port), 0);
	/* and nothing was used up */
	ck_assert_int_eq(fake_unbound(&f, 0), 1);
	fake_close(&f);
}
END_TEST

START_TEST(unknown_operations_are_not_implemented)
{
	uint64_t page[4] = {0};
	unsigned op;

	fake_open(&f, PV_DOMAIN_PVH, 1, true);
	for (op = PV_EVTCHNOP_set_priority + 1; op < 40; op++)
		ck_assert_int_eq(fake_op(&f, PV_HYPERVISOR_event_channel_op, op, page, 32),
				 -PV_ENOSYS);
	ck_assert_int_eq(
		fake_op(&f, PV_HYPERVISOR_event_channel_op, PV_EVTCHNOP_bind_pirq, page, 32),
		-PV_ENOSYS);
	ck_assert_int_eq(fake_op(&f, PV_HYPERVISOR_event_channel_op, UINT64_MAX, page, 32),
			 -PV_ENOSYS);
	fake_close(&f);
}
END_TEST

START_TEST(ports_are_given_lowest_first_and_used_again)
{
	fake_open(&f, PV_DOMAIN_PV, 1, true);
	ck_assert_int_eq(fake_unbound(&f, 0), 1);
	ck_assert_int_eq(fake_unbound(&f, 0), 2);
	ck_assert_int_eq(fake_unbound(&f, 0), 3);
	ck_assert_int_eq(close_port(2), 0);
	ck_assert_int_eq(fake_ipi(&f, 0), 2);
	ck_assert_int_eq(fake_unbound(&f, 0), 4);
	fake_close(&f);
}
END_TEST

START_TEST(loopback_delivers_both_ways_and_dies_on_close)
{
	int64_t a, b;

	fake_open(&f, PV_DOMAIN_PV, 1, true);
	a = fake_unbound(&f, PV_DOMID_SELF);
	b = fake_interdomain(&f, (uint32_t)a);
	ck_assert_int_gt(b, 0);
	ck_assert_int_ne(a, b);
	ck_assert(fake_pending(&f, (uint32_t)b)); /* what binding may have missed */
	fake_clear(&f, (uint32_t)b);
	ck_assert_int_eq(send((uint32_t)a), 0);
	ck_assert(fake_pending(&f, (uint32_t)b));
	ck_assert(!fake_pending(&f, (uint32_t)a));
	ck_assert_int_eq(send((uint32_t)b), 0);
	ck_assert(fake_pending(&f, (uint32_t)a));
	ck_assert_uint_eq(status((uint32_t)a).u.interdomain.port, b);
	ck_assert_int_eq(close_port((uint32_t)b), 0);
	ck_assert(!fake_pending(&f, (uint32_t)b));
	ck_assert_uint_eq(status((uint32_t)a).status, PV_EVTCHNSTAT_unbound);
	ck_assert_int_eq(send((uint32_t)a), 0); /* dropped, as Xen does */
	ck_assert_int_eq(fake_interdomain(&f, (uint32_t)a), b);
	ck_assert_int_eq(fake_interdomain(&f, (uint32_t)a), -PV_EINVAL);
	fake_close(&f);
}
END_TEST

START_TEST(port_offered_to_somebody_else_cannot_be_bound)
{
	struct pv_host_port hp = backend();
	int64_t port;

	fake_open(&f, PV_DOMAIN_PV, 1, true);
	port = fake_unbound(&f, 0);
	ck_assert_int_eq(fake_interdomain(&f, (uint32_t)port), -PV_EINVAL);
	ck_assert_int_eq(pv_domain_evtchn_bind_host(f.d, &hp, (uint32_t)port), -PV_EINVAL);
	ck_assert_uint_eq(hp.port, 0);
	ck_assert_uint_eq(rings, 0);
	fake_close(&f);
}
END_TEST

START_TEST(host_end_hears_and_is_heard)
{
	struct pv_host_port hp = backend(), second = backend();
	uint32_t port;

	fake_open(&f, PV_DOMAIN_PV, 1, true);
	unmask_all();
	port = (uint32_t)fake_unbound(&f, FAKE_BACKEND);
	ck_assert_int_eq(pv_domain_evtchn_bind_host(f.d, &hp, port), 0);
	ck_assert_uint_eq(rings, 1); /* stands for sends before */
	ck_assert_int_eq(pv_domain_evtchn_bind_host(f.d, &second, port), -PV_EINVAL);
	ck_assert_int_eq(send(port), 0);
	ck_assert_uint_eq(rings, 2);
	ck_assert(!fake_pending(&f, port));
	ck_assert_int_eq(pv_domain_evtchn_send(f.d, &hp), 0);
	ck_assert(fake_pending(&f, port));
	ck_assert_uint_eq(f.kicks[0], 1);
	ck_assert_uint_eq(fake_shared(&f)->vcpu_info[0].evtchn_pending_sel, 1);
	ck_assert_uint_eq(status(port).u.interdomain.dom, FAKE_BACKEND);
	ck_assert_uint_eq(status(port).u.interdomain.port, 0);
	fake_close(&f);
}
END_TEST

START_TEST(host_end_survives_the_guest_closing_and_reusing_its_port)
{
	struct pv_host_port hp = backend();
	uint32_t port;

	fake_open(&f, PV_DOMAIN_PV, 1, true);
	port = (uint32_t)fake_unbound(&f, FAKE_BACKEND);
	ck_assert_int_eq(pv_domain_evtchn_bind_host(f.d, &hp, port), 0);
	ck_assert_int_eq(close_port(port), 0);
	ck_assert_int_eq(fake_ipi(&f, 0), port);
	ck_assert_int_eq(pv_domain_evtchn_send(f.d, &hp), -PV_ENOTCONN);
	ck_assert(!fake_pending(&f, port)); /* not the new owner's event */
	pv_domain_evtchn_unbind_host(f.d, &hp);
	ck_assert_uint_eq(status(port).status, PV_EVTCHNSTAT_ipi);
	fake_close(&f);
}
END_TEST

START_TEST(unbound_host_end_is_never_called_again)
{
	struct pv_host_port hp = backend(), next = backend();
	uint32_t port;

	fake_open(&f, PV_DOMAIN_PV, 1, true);
	port = (uint32_t)pv_domain_evtchn_alloc_unbound(f.d, FAKE_BACKEND);
	ck_assert_int_eq(pv_domain_evtchn_bind_host(f.d, &hp, port), 0);
	pv_domain_evtchn_unbind_host(f.d, &hp);
	pv_domain_evtchn_unbind_host(f.d, &hp);
	rings = 0;
	ck_assert_int_eq(send(port), 0);
	ck_assert_uint_eq(rings, 0);
	ck_assert_uint_eq(status(port).status, PV_EVTCHNSTAT_unbound);
	ck_assert_int_eq(pv_domain_evtchn_bind_host(f.d, &next, port), 0);
	ck_assert_int_eq(send(port), 0);
	ck_assert_uint_eq(rings, 2);
	fake_close(&f);
	ck_assert_uint_eq(next.port, 0); /* destruction let go of it */
}
END_TEST

START_TEST(routes_follow_what_a_send_would_do)
{
	struct pv_host_port hp = backend();
	uint32_t a, b, ipi;

	fake_open(&f, PV_DOMAIN_PV, 4, true);
	a = (uint32_t)fake_unbound(&f, FAKE_BACKEND);
	ck_assert_uint_eq(pv_domain_route(f.d, a).kind, PV_ROUTE_NONE);
	pv_domain_evtchn_bind_host(f.d, &hp, a);
	ck_assert_uint_eq(f.route_port, a);
	ck_assert_uint_eq(f.route.kind, PV_ROUTE_KICK);
	ck_assert_uint_eq(f.route.kick, 3);
	close_port(a);
	ck_assert_uint_eq(f.route_port, a);
	ck_assert_uint_eq(f.route.kind, PV_ROUTE_NONE);

	a = (uint32_t)fake_unbound(&f, PV_DOMID_SELF);
	b = (uint32_t)fake_interdomain(&f, a);
	ck_assert_int_eq(to_vcpu(b, 2), 0);
	ck_assert_uint_eq(pv_domain_route(f.d, a).kind, PV_ROUTE_LOCAL);
	ck_assert_uint_eq(pv_domain_route(f.d, a).port, b);
	ck_assert_uint_eq(pv_domain_route(f.d, a).vcpu, 2);
	ck_assert_uint_eq(f.route_port, a); /* told, because a's sends now go elsewhere */
	ipi = (uint32_t)fake_ipi(&f, 3);
	ck_assert_uint_eq(pv_domain_route(f.d, ipi).vcpu, 3);
	ck_assert_uint_eq(pv_domain_route(f.d, ipi).port, ipi);
	fake_close(&f);
}
END_TEST

START_TEST(virq_is_bound_once_and_dropped_when_not_bound)
{
	int64_t port;

	fake_open(&f, PV_DOMAIN_PV, 2, true);
	ck_assert_int_eq(pv_domain_virq(f.d, 0, PV_VIRQ_TIMER), 0);
	port = fake_virq(&f, PV_VIRQ_TIMER, 1);
	ck_assert_int_gt(port, 0);
	ck_assert_int_eq(fake_virq(&f, PV_VIRQ_TIMER, 1), -PV_EEXIST);
	ck_assert_int_gt(fake_virq(&f, PV_VIRQ_TIMER, 0), 0);
	ck_assert_int_eq(pv_domain_virq(f.d, 1, PV_VIRQ_TIMER), 0);
	ck_assert(fake_pending(&f, (uint32_t)port));
	ck_assert_int_eq(send((uint32_t)port), -PV_EINVAL);
	ck_assert_int_eq(close_port((uint32_t)port), 0);
	ck_assert_int_eq(fake_virq(&f, PV_VIRQ_TIMER, 1), port);
	ck_assert_int_eq(pv_domain_virq(f.d, 0, PV_NR_VIRQS), -PV_EINVAL);
	ck_assert_int_eq(pv_domain_virq(f.d, 2, PV_VIRQ_TIMER), -PV_EINVAL);
	fake_close(&f);
}
END_TEST

START_TEST(virq_numbers_and_vcpus_are_checked)
{
	fake_open(&f, PV_DOMAIN_PV, 2, true);
	ck_assert_int_eq(fake_virq(&f, PV_NR_VIRQS, 0), -PV_EINVAL);
	ck_assert_int_eq(fake_virq(&f, UINT32_MAX, 0), -PV_EINVAL);
	ck_assert_int_eq(fake_virq(&f, PV_VIRQ_TIMER, 2), -PV_ENOENT);
	ck_assert_int_eq(fake_virq(&f, PV_VIRQ_TIMER, UINT32_MAX), -PV_ENOENT);
	ck_assert_int_eq(fake_virq(&f, PV_VIRQ_CONSOLE, 1), -PV_EINVAL); /* global */
	ck_assert_int_eq(fake_ipi(&f, 2), -PV_ENOENT);
	ck_assert_int_eq(fake_ipi(&f, UINT32_MAX), -PV_ENOENT);
	ck_assert_int_eq(fake_unbound(&f, 0), 1);
	fake_close(&f);
}
END_TEST

START_TEST(per_vcpu_ports_cannot_be_moved)
{
	uint32_t ipi, timer, port;

	fake_open(&f, PV_DOMAIN_PV, 2, true);
	unmask_all();
	ipi = (uint32_t)fake_ipi(&f, 0);
	timer = (uint32_t)fake_virq(&f, PV_VIRQ_TIMER, 0);
	port = (uint32_t)fake_unbound(&f, PV_DOMID_SELF);
	ck_assert_int_eq(to_vcpu(ipi, 1), -PV_EINVAL);
	ck_assert_int_eq(to_vcpu(timer, 1), -PV_EINVAL);
	ck_assert_int_eq(to_vcpu(port, 2), -PV_ENOENT);
	ck_assert_int_eq(to_vcpu(port, 1), 0);
	ck_assert_uint_eq(status(port).vcpu, 1);
	send((uint32_t)fake_interdomain(&f, port));
	/* Where shared_info has room for one vCPU only, the other has no vcpu_info yet. */
	if (PV_XEN_LEGACY_MAX_VCPUS > 1)
		ck_assert_uint_eq(f.kicks[1], 1);
	fake_close(&f);
}
END_TEST

START_TEST(exhaustion_of_ports_fails_every_binding_and_frees_nothing)
{
	struct pv_domain_config cfg;
	uint32_t last = 0, shared;
	int64_t rc;

	fake_config(&cfg, PV_DOMAIN_PV, 2);
	cfg.max_ports = 200;
	fake_open_cfg(&f, &cfg, true);
	shared = (uint32_t)fake_unbound(&f, PV_DOMID_SELF);
	while ((rc = fake_ipi(&f, 0)) > 0)
		last = (uint32_t)rc;
	ck_assert_int_eq(rc, -PV_ENOSPC);
	ck_assert_uint_eq(last, 199);
	ck_assert_int_eq(fake_unbound(&f, 0), -PV_ENOSPC);
	ck_assert_int_eq(fake_virq(&f, PV_VIRQ_TIMER, 0), -PV_ENOSPC);
	ck_assert_int_eq(fake_interdomain(&f, shared), -PV_ENOSPC);
	ck_assert_int_eq(pv_domain_evtchn_alloc_unbound(f.d, 0), -PV_ENOSPC);
	ck_assert_uint_eq(status(shared).status, PV_EVTCHNSTAT_unbound);
	/* XSA-496: the failed bind_virq left no trace */
	ck_assert_int_eq(pv_domain_virq(f.d, 0, PV_VIRQ_TIMER), 0);
	ck_assert_int_eq(close_port(77), 0);
	ck_assert_int_eq(fake_virq(&f, PV_VIRQ_TIMER, 0), 77);
	fake_close(&f);
}
END_TEST

START_TEST(failing_allocation_leaves_the_table_as_it_was)
{
	int i;

	fake_open(&f, PV_DOMAIN_PV, 1, true);
	for (i = 1; i < 128; i++)
		ck_assert_int_eq(fake_ipi(&f, 0), i);
	f.alloc_left = 0;
	ck_assert_int_eq(fake_ipi(&f, 0), -PV_ENOMEM);
	ck_assert_int_eq(fake_virq(&f, PV_VIRQ_TIMER, 0), -PV_ENOMEM);
	f.alloc_left = -1;
	ck_assert_int_eq(fake_virq(&f, PV_VIRQ_TIMER, 0), 128);
	fake_close(&f);
}
END_TEST

START_TEST(result_that_cannot_be_written_closes_the_port_again)
{
	fake_open(&f, PV_DOMAIN_PV, 1, true);
	f.readonly_gfn = FAKE_ARGS;
	ck_assert_int_eq(fake_ipi(&f, 0), -PV_EFAULT);
	ck_assert_int_eq(fake_virq(&f, PV_VIRQ_TIMER, 0), -PV_EFAULT);
	ck_assert_int_eq(fake_unbound(&f, 0), -PV_EFAULT);
	f.readonly_gfn = UINT32_MAX;
	ck_assert_uint_eq(status(1).status, PV_EVTCHNSTAT_closed);
	ck_assert_int_eq(fake_virq(&f, PV_VIRQ_TIMER, 0), 1);
	fake_close(&f);
}
END_TEST

START_TEST(status_fills_every_field_it_returns)
{
	struct pv_evtchn_status s;

	fake_open(&f, PV_DOMAIN_PV, 1, true);
	fake_unbound(&f, 9);
	s = status(1);
	ck_assert_uint_eq(s.status, PV_EVTCHNSTAT_unbound);
	ck_assert_uint_eq(s.vcpu, 0);
	ck_assert_uint_eq(s.u.interdomain.port, 0); /* the rest of the union: not poison */
	ck_assert_uint_eq(s.u.unbound.dom, 9);
	fake_close(&f);
}
END_TEST

START_TEST(reset_closes_everything_and_tells_host_ends)
{
	struct pv_evtchn_reset r = {PV_DOMID_SELF};
	struct pv_host_port hp = backend();
	uint32_t port;

	fake_open(&f, PV_DOMAIN_PV, 2, true);
	port = (uint32_t)fake_unbound(&f, FAKE_BACKEND);
	pv_domain_evtchn_bind_host(f.d, &hp, port);
	fake_virq(&f, PV_VIRQ_TIMER, 1);
	fake_interdomain(&f, (uint32_t)fake_unbound(&f, PV_DOMID_SELF));
	ck_assert_int_eq(
		fake_op(&f, PV_HYPERVISOR_event_channel_op, PV_EVTCHNOP_reset, &r, sizeof(r)), 0);
	ck_assert_uint_eq(hp.port, 0);
	ck_assert_int_eq(pv_domain_evtchn_send(f.d, &hp), -PV_ENOTCONN);
	ck_assert_int_eq(fake_virq(&f, PV_VIRQ_TIMER, 1), 1);
	fake_close(&f);
}
END_TEST

START_TEST(operations_on_other_domains_are_refused)
{
	struct pv_evtchn_alloc_unbound a = {0, 0, 0};
	struct pv_evtchn_status s = {.dom = 0, .port = 1};
	struct pv_evtchn_reset r = {9};
	struct pv_evtchn_bind_interdomain b = {9, 1, 0};

	fake_open(&f, PV_DOMAIN_PV, 1, true);
	ck_assert_int_eq(fake_op(&f, PV_HYPERVISOR_event_channel_op, PV_EVTCHNOP_alloc_unbound, &a,
				 sizeof(a)),
			 -PV_EPERM);
	a.dom = 9;
	ck_assert_int_eq(fake_op(&f, PV_HYPERVISOR_event_channel_op, PV_EVTCHNOP_alloc_unbound, &a,
				 sizeof(a)),
			 -PV_ESRCH);
	ck_assert_int_eq(
		fake_op(&f, PV_HYPERVISOR_event_channel_op, PV_EVTCHNOP_status, &s, sizeof(s)),
		-PV_EPERM);
	ck_assert_int_eq(
		fake_op(&f, PV_HYPERVISOR_event_channel_op, PV_EVTCHNOP_reset, &r, sizeof(r)),
		-PV_ESRCH);
	ck_assert_int_eq(fake_op(&f, PV_HYPERVISOR_event_channel_op, PV_EVTCHNOP_bind_interdomain,
				 &b, sizeof(b)),
			 -PV_ESRCH);
	a.dom = FAKE_DOMID; /* its own id is itself */
	ck_assert_int_eq(fake_op(&f, PV_HYPERVISOR_event_channel_op, PV_EVTCHNOP_alloc_unbound, &a,
				 sizeof(a)),
			 0);
	fake_close(&f);
}
END_TEST

START_TEST(masked_event_waits_for_unmask)
{
	uint32_t port;

	fake_open(&f, PV_DOMAIN_PV, 1, true);
	port = (uint32_t)fake_ipi(&f, 0);
	ck_assert_int_eq(send(port), 0);
	ck_assert(fake_pending(&f, port)); /* a new shared_info is all masked */
	ck_assert_uint_eq(fake_shared(&f)->vcpu_info[0].evtchn_upcall_pending, 0);
	ck_assert_uint_eq(f.kicks[0], 0);
	ck_assert_uint_eq(f.events, 1); /* pollers hear of masked ports too */
	ck_assert_int_eq(fake_port_op(&f, PV_EVTCHNOP_unmask, port), 0);
	ck_assert_uint_eq(fake_shared(&f)->vcpu_info[0].evtchn_upcall_pending, 1);
	ck_assert_uint_eq(f.kicks[0], 1);
	ck_assert_int_eq(fake_port_op(&f, PV_EVTCHNOP_unmask, port), 0);
	ck_assert_uint_eq(f.kicks[0], 1);
	fake_close(&f);
}
END_TEST

START_TEST(pending_event_kicks_once)
{
	uint32_t port;

	fake_open(&f, PV_DOMAIN_PV, 1, true);
	unmask_all();
	port = (uint32_t)fake_ipi(&f, 0);
	send(port);
	send(port);
	send(port);
	ck_assert_uint_eq(f.kicks[0], 1);
	ck_assert_uint_eq(f.events, 1);
	fake_close(&f);
}
END_TEST

START_TEST(events_before_shared_info_are_delivered_with_it)
{
	struct pv_host_port hp = backend();
	uint32_t port;

	fake_open(&f, PV_DOMAIN_PVH, 1, false);
	port = (uint32_t)pv_domain_evtchn_alloc_unbound(f.d, FAKE_BACKEND);
	pv_domain_evtchn_bind_host(f.d, &hp, port);
	ck_assert_int_eq(pv_domain_evtchn_send(f.d, &hp), 0);
	ck_assert_int_eq(pv_domain_set_shared_info(f.d, FAKE_SHARED), 0);
	ck_assert(fake_pending(&f, port));
	fake_close(&f);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("host event channels");

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, every_operation_refuses_ports_that_do_not_exist, 0,
			    sizeof(bad_ports) / sizeof(bad_ports[0]));
	tcase_add_test(t, unknown_operations_are_not_implemented);
	tcase_add_test(t, ports_are_given_lowest_first_and_used_again);
	tcase_add_test(t, loopback_delivers_both_ways_and_dies_on_close);
	tcase_add_test(t, port_offered_to_somebody_else_cannot_be_bound);
	tcase_add_test(t, host_end_hears_and_is_heard);
	tcase_add_test(t, host_end_survives_the_guest_closing_and_reusing_its_port);
	tcase_add_test(t, unbound_host_end_is_never_called_again);
	tcase_add_test(t, routes_follow_what_a_send_would_do);
	tcase_add_test(t, virq_is_bound_once_and_dropped_when_not_bound);
	tcase_add_test(t, virq_numbers_and_vcpus_are_checked);
	tcase_add_test(t, per_vcpu_ports_cannot_be_moved);
	tcase_add_test(t, exhaustion_of_ports_fails_every_binding_and_frees_nothing);
	tcase_add_test(t, failing_allocation_leaves_the_table_as_it_was);
	tcase_add_test(t, result_that_cannot_be_written_closes_the_port_again);
	tcase_add_test(t, status_fills_every_field_it_returns);
	tcase_add_test(t, reset_closes_everything_and_tells_host_ends);
	tcase_add_test(t, operations_on_other_domains_are_refused);
	tcase_add_test(t, masked_event_waits_for_unmask);
	tcase_add_test(t, pending_event_kicks_once);
	tcase_add_test(t, events_before_shared_info_are_delivered_with_it);
	return run_case("host event channels", t);
}
