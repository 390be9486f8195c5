/*
 * Claims about the dispatcher and the smaller hypercalls, over the memory-only VMM.
 *
 * Checklist section 5: wild pointers, batch sizes, output that leaks nothing, special pages that stay
 * what they are.
 */
#include "fake_vmm.h"

#include <string.h>

#include <pv/abi/hvm/hvm_op.h>
#include <pv/abi/hvm/params.h>
#include <pv/abi/memory.h>
#include <pv/abi/sched.h>
#include <pv/abi/version.h>
#include "run.h"

static struct fake_vmm f;

/* Pointers that no argument may have. */
static const uint64_t wild[] = {
	0,
	1,
	FAKE_VIRT - 1,
	FAKE_VIRT - 4,
	FAKE_VIRT + FAKE_PAGES * 4096,	   /* a hole */
	FAKE_VIRT + FAKE_PAGES * 4096 - 1, /* one byte of memory */
	1ull << 47,			   /* not canonical */
	UINT64_MAX,
	UINT64_MAX - 4095,
};

static const struct {
	uint64_t nr, cmd;
	bool pointer_third; /* console_io, vcpu_op */
} pointer_calls[] = {
	{PV_HYPERVISOR_event_channel_op, PV_EVTCHNOP_bind_interdomain, false},
	{PV_HYPERVISOR_event_channel_op, PV_EVTCHNOP_bind_virq, false},
	{PV_HYPERVISOR_event_channel_op, PV_EVTCHNOP_close, false},
	{PV_HYPERVISOR_event_channel_op, PV_EVTCHNOP_send, false},
	{PV_HYPERVISOR_event_channel_op, PV_EVTCHNOP_status, false},
	{PV_HYPERVISOR_event_channel_op, PV_EVTCHNOP_alloc_unbound, false},
	{PV_HYPERVISOR_event_channel_op, PV_EVTCHNOP_bind_ipi, false},
	{PV_HYPERVISOR_event_channel_op, PV_EVTCHNOP_bind_vcpu, false},
	{PV_HYPERVISOR_event_channel_op, PV_EVTCHNOP_unmask, false},
	{PV_HYPERVISOR_event_channel_op, PV_EVTCHNOP_reset, false},
	{PV_HYPERVISOR_sched_op, PV_SCHEDOP_shutdown, false},
	{PV_HYPERVISOR_sched_op, PV_SCHEDOP_poll, false},
	{PV_HYPERVISOR_sched_op, PV_SCHEDOP_remote_shutdown, false},
	{PV_HYPERVISOR_sched_op, PV_SCHEDOP_shutdown_code, false},
	{PV_HYPERVISOR_sched_op, PV_SCHEDOP_watchdog, false},
	{PV_HYPERVISOR_xen_version, PV_XENVER_extraversion, false},
	{PV_HYPERVISOR_xen_version, PV_XENVER_compile_info, false},
	{PV_HYPERVISOR_xen_version, PV_XENVER_capabilities, false},
	{PV_HYPERVISOR_xen_version, PV_XENVER_changeset, false},
	{PV_HYPERVISOR_xen_version, PV_XENVER_platform_parameters, false},
	{PV_HYPERVISOR_xen_version, PV_XENVER_get_features, false},
	{PV_HYPERVISOR_xen_version, PV_XENVER_guest_handle, false},
	{PV_HYPERVISOR_xen_version, PV_XENVER_commandline, false},
	{PV_HYPERVISOR_memory_op, PV_XENMEM_increase_reservation, false},
	{PV_HYPERVISOR_memory_op, PV_XENMEM_decrease_reservation, false},
	{PV_HYPERVISOR_memory_op, PV_XENMEM_populate_physmap, false},
	{PV_HYPERVISOR_memory_op, PV_XENMEM_current_reservation, false},
	{PV_HYPERVISOR_memory_op, PV_XENMEM_maximum_reservation, false},
	{PV_HYPERVISOR_memory_op, PV_XENMEM_maximum_gpfn, false},
	{PV_HYPERVISOR_memory_op, PV_XENMEM_memory_map, false},
	{PV_HYPERVISOR_memory_op, PV_XENMEM_add_to_physmap, false},
	{PV_HYPERVISOR_memory_op, PV_XENMEM_add_to_physmap_batch, false},
	{PV_HYPERVISOR_memory_op, PV_XENMEM_remove_from_physmap, false},
	{PV_HYPERVISOR_memory_op, PV_XENMEM_exchange, false},
	{PV_HYPERVISOR_memory_op, PV_XENMEM_claim_pages, false},
	{PV_HYPERVISOR_memory_op, PV_XENMEM_get_pod_target, false},
	{PV_HYPERVISOR_memory_op, PV_XENMEM_set_pod_target, false},
	{PV_HYPERVISOR_memory_op, PV_XENMEM_get_vnumainfo, false},
	{PV_HYPERVISOR_hvm_op, PV_HVMOP_set_param, false},
	{PV_HYPERVISOR_hvm_op, PV_HVMOP_get_param, false},
	{PV_HYPERVISOR_hvm_op, PV_HVMOP_set_evtchn_upcall_vector, false},
	{PV_HYPERVISOR_hvm_op, PV_HVMOP_get_time, false},
	{PV_HYPERVISOR_hvm_op, PV_HVMOP_get_mem_type, false},
	{PV_HYPERVISOR_hvm_op, PV_HVMOP_pagetable_dying, false},
	{PV_HYPERVISOR_console_io, PV_CONSOLEIO_write, true},
	{PV_HYPERVISOR_vcpu_op, 4, true},
	{PV_HYPERVISOR_vcpu_op, 5, true},
	{PV_HYPERVISOR_vcpu_op, 6, true},
	{PV_HYPERVISOR_vcpu_op, 8, true},
	{PV_HYPERVISOR_vcpu_op, 10, true},
	{PV_HYPERVISOR_vcpu_op, 13, true},
	{PV_HYPERVISOR_vcpu_op, 14, true},
	{PV_HYPERVISOR_vcpu_op, 15, true},
};

/* Reservations have done nothing of a list that cannot be read, and say so: 0, as on Xen. */
static bool returns_a_count(int i)
{
	return pointer_calls[i].nr == PV_HYPERVISOR_memory_op &&
	       (pointer_calls[i].cmd == PV_XENMEM_increase_reservation ||
		pointer_calls[i].cmd == PV_XENMEM_decrease_reservation ||
		pointer_calls[i].cmd == PV_XENMEM_populate_physmap);
}

START_TEST(wild_pointers_fault)
{
	struct pv_domain_memory ram = {0, 4096, 1, 0};
	unsigned i;
	int64_t rc;

	fake_open(&f, PV_DOMAIN_PVH, 1, true);
	pv_domain_set_memory_map(f.d, &ram, 1);
	for (i = 0; i < sizeof(wild) / sizeof(wild[0]); i++) {
		uint64_t a1 = wild[i], a2 = 0;

		if (pointer_calls[_i].pointer_third) {
			a1 = pointer_calls[_i].nr == PV_HYPERVISOR_console_io ? 16 : 0;
			a2 = wild[i];
		}
		rc = fake_hypercall(&f, 0, pointer_calls[_i].nr, pointer_calls[_i].cmd, a1, a2, 0);
		/* one readable byte can make a valid two-byte argument only by crossing into the hole */
		ck_assert_msg(rc == (returns_a_count(_i) ? 0 : -PV_EFAULT),
			      "call %d pointer %u: %lld", _i, i, (long long)rc);
	}
	fake_close(&f);
}
END_TEST

START_TEST(unknown_numbers_are_not_implemented)
{
	static const uint64_t numbers[] = {6,  8,  11, 16,  27,		37,	   39,
					   48, 55, 56, 127, 1ull << 32, UINT64_MAX};
	unsigned i;

	fake_open(&f, PV_DOMAIN_PV, 1, true);
	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		ck_assert_int_eq(fake_hypercall(&f, 0, numbers[i], 0, 0, 0, 0), -PV_ENOSYS);
	ck_assert_int_eq(fake_hypercall(&f, 1, PV_HYPERVISOR_xen_version, 0, 0, 0, 0), -PV_EINVAL);
	fake_close(&f);
}
END_TEST

START_TEST(multicall_answers_each_call)
{
	struct pv_multicall_entry e[3] = {
		{PV_HYPERVISOR_xen_version, 7, {PV_XENVER_version}},
		{PV_HYPERVISOR_multicall, 7, {fake_gva(FAKE_ARGS), 1}},
		{999, 7, {0}},
	};

	fake_open(&f, PV_DOMAIN_PV, 1, true);
	memcpy(fake_page(&f, FAKE_ARGS), e, sizeof(e));
	ck_assert_int_eq(
		fake_hypercall(&f, 0, PV_HYPERVISOR_multicall, fake_gva(FAKE_ARGS), 3, 0, 0), 0);
	memcpy(e, fake_page(&f, FAKE_ARGS), sizeof(e));
	ck_assert_uint_eq(e[0].result, 4 << 16 | 17);
	ck_assert_int_eq((int64_t)e[1].result, -PV_EINVAL); /* no recursion */
	ck_assert_int_eq((int64_t)e[2].result, -PV_ENOSYS);
	ck_assert_int_eq(fake_hypercall(&f, 0, PV_HYPERVISOR_multicall, fake_gva(FAKE_ARGS),
					1ull << 40, 0, 0),
			 -PV_EINVAL);
	ck_assert_int_eq(fake_hypercall(&f, 0, PV_HYPERVISOR_multicall, 4, 1, 0, 0), -PV_EFAULT);
	fake_close(&f);
}
END_TEST

START_TEST(version_strings_fill_their_buffers)
{
	struct pv_domain_config cfg;
	char *page;
	unsigned i;

	fake_config(&cfg, PV_DOMAIN_PV, 1);
	cfg.extraversion = ".0-a-string-beyond-sixteen-bytes";
	cfg.commandline = "console=hvc0";
	fake_open_cfg(&f, &cfg, true);
	page = fake_page(&f, FAKE_DATA);
	ck_assert_int_eq(fake_hypercall(&f, 0, PV_HYPERVISOR_xen_version, PV_XENVER_extraversion,
					fake_gva(FAKE_DATA), 0, 0),
			 0);
	ck_assert_str_eq(page, ".0-a-string-bey");
	ck_assert_int_eq(page[16], (char)0xa5);
	ck_assert_int_eq(fake_hypercall(&f, 0, PV_HYPERVISOR_xen_version, PV_XENVER_commandline,
					fake_gva(FAKE_DATA), 0, 0),
			 0);
	ck_assert_str_eq(page, "console=hvc0");
	for (i = 12; i < 1024; i++)
		ck_assert_int_eq(page[i], 0);
	ck_assert_int_eq(page[1024], (char)0xa5);
	ck_assert_int_eq(fake_hypercall(&f, 0, PV_HYPERVISOR_xen_version, PV_XENVER_capabilities,
					fake_gva(FAKE_DATA), 0, 0),
			 0);
	ck_assert_int_eq(memcmp(page, "xen-3.0-", 8), 0);
	ck_assert_int_eq(
		fake_hypercall(&f, 0, PV_HYPERVISOR_xen_version, PV_XENVER_pagesize, 0, 0, 0),
		4096);
	ck_assert_int_eq(fake_hypercall(&f, 0, PV_HYPERVISOR_xen_version, 99, 0, 0, 0), -PV_ENOSYS);
	fake_close(&f);
}
END_TEST

START_TEST(features_name_the_kind_of_domain)
{
	struct pv_feature_info i = {0, 0};

	fake_open(&f, PV_DOMAIN_PV, 1, true);
	ck_assert_int_eq(
		fake_op(&f, PV_HYPERVISOR_xen_version, PV_XENVER_get_features, &i, sizeof(i)), 0);
	ck_assert(i.submap >> PV_XENFEAT_auto_translated_physmap & 1);
	ck_assert(i.submap >> PV_XENFEAT_writable_page_tables & 1);
	ck_assert(!(i.submap >> PV_XENFEAT_hvm_callback_vector & 1));
	i.submap_idx = 1;
	ck_assert_int_eq(
		fake_op(&f, PV_HYPERVISOR_xen_version, PV_XENVER_get_features, &i, sizeof(i)),
		-PV_EINVAL);
	fake_close(&f);
}
END_TEST

START_TEST(console_output_is_whole_and_bounded)
{
	fake_open(&f, PV_DOMAIN_PV, 1, true);
	memset(fake_page(&f, FAKE_DATA), 'x', 1000);
	ck_assert_int_eq(fake_hypercall(&f, 0, PV_HYPERVISOR_console_io, PV_CONSOLEIO_write, 1000,
					fake_gva(FAKE_DATA), 0),
			 0);
	ck_assert_uint_eq(f.console_len, 1000);
	ck_assert_int_eq(f.console[999], 'x');
	ck_assert_int_eq(fake_hypercall(&f, 0, PV_HYPERVISOR_console_io, PV_CONSOLEIO_write,
					1u << 31, fake_gva(FAKE_DATA), 0),
			 -PV_EINVAL);
	ck_assert_int_eq(fake_hypercall(&f, 0, PV_HYPERVISOR_console_io, PV_CONSOLEIO_write,
					1u << 24, fake_gva(FAKE_DATA), 0),
			 -PV_E2BIG);
	ck_assert_int_eq(fake_hypercall(&f, 0, PV_HYPERVISOR_console_io, PV_CONSOLEIO_read, 10,
					fake_gva(FAKE_DATA), 0),
			 0);
	ck_assert_int_eq(fake_hypercall(&f, 0, PV_HYPERVISOR_console_io, 2, 0, 0, 0), -PV_ENOSYS);
	fake_close(&f);
}
END_TEST

static int64_t shutdown_with(unsigned cmd, uint32_t reason)
{
	struct pv_sched_shutdown s = {reason};

	return fake_op(&f, PV_HYPERVISOR_sched_op, cmd, &s, sizeof(s));
}

START_TEST(shutdown_reaches_the_vmm_with_its_reason)
{
	fake_open(&f, PV_DOMAIN_PV, 1, true);
	ck_assert_int_eq(shutdown_with(PV_SCHEDOP_shutdown, PV_SHUTDOWN_MAX + 1), -PV_EINVAL);
	ck_assert_int_eq(f.shutdown_reason, -1);
	ck_assert_int_eq(pv_domain_shutdown_reason(f.d), -PV_ENODATA);
	f.shutdown_rc = 1; /* a suspend that was cancelled */
	ck_assert_int_eq(shutdown_with(PV_SCHEDOP_shutdown, PV_SHUTDOWN_suspend), 1);
	ck_assert_int_eq(pv_domain_shutdown_reason(f.d), PV_SHUTDOWN_suspend);
	pv_domain_shutdown_clear(f.d);
	ck_assert_int_eq(shutdown_with(PV_SCHEDOP_shutdown_code, PV_SHUTDOWN_reboot), 0);
	ck_assert_int_eq(pv_domain_shutdown_reason(f.d), -PV_ENODATA);
	shutdown_with(PV_SCHEDOP_shutdown, PV_SHUTDOWN_crash);
	ck_assert_int_eq(f.shutdown_reason, PV_SHUTDOWN_reboot); /* the code set before wins */
	fake_close(&f);
}
END_TEST

START_TEST(remote_shutdown_is_nobodys_right)
{
	struct pv_sched_remote_shutdown r = {FAKE_DOMID, 0};

	fake_open(&f, PV_DOMAIN_PV, 1, true);
	ck_assert_int_eq(
		fake_op(&f, PV_HYPERVISOR_sched_op, PV_SCHEDOP_remote_shutdown, &r, sizeof(r)),
		-PV_EPERM);
	r.domain_id = 9;
	ck_assert_int_eq(
		fake_op(&f, PV_HYPERVISOR_sched_op, PV_SCHEDOP_remote_shutdown, &r, sizeof(r)),
		-PV_ESRCH);
	ck_assert_int_eq(f.shutdown_reason, -1);
	fake_close(&f);
}
END_TEST

static int64_t poll_port(uint32_t port, uint32_t n, uint64_t timeout)
{
	struct pv_sched_poll p = {fake_gva(FAKE_DATA), n, timeout};

	memcpy(fake_page(&f, FAKE_DATA), &port, sizeof(port));
	return fake_op(&f, PV_HYPERVISOR_sched_op, PV_SCHEDOP_poll, &p, sizeof(p));
}

static void send_in_block(struct fake_vmm *v)
{
	ck_assert_int_eq(pv_domain_virq(v->d, 0, PV_VIRQ_DEBUG), 0); /* the lock is not held here */
}

START_TEST(poll_sleeps_only_when_nothing_is_pending)
{
	uint32_t port;

	fake_open(&f, PV_DOMAIN_PV, 1, true);
	port = (uint32_t)fake_virq(&f, PV_VIRQ_DEBUG, 0);
	f.on_block = send_in_block;
	ck_assert_int_eq(poll_port(port, 1, 5000), 0);
	ck_assert_uint_eq(f.blocks, 1);
	ck_assert_uint_eq(f.block_deadline, 5000);
	ck_assert_uint_ge(f.events, 1); /* the poller was kicked */
	ck_assert_int_eq(poll_port(port, 1, 0), 0);
	ck_assert_uint_eq(f.blocks, 1);
	ck_assert_int_eq(poll_port(4000, 1, 0), -PV_EINVAL);
	ck_assert_int_eq(poll_port(port, 129, 0), -PV_EINVAL);
	ck_assert_uint_eq(f.blocks, 1);
	fake_close(&f);
}
END_TEST

START_TEST(block_unmasks_and_sleeps_unless_an_upcall_waits)
{
	struct pv_vcpu_info *vi;

	fake_open(&f, PV_DOMAIN_PV, 1, true);
	vi = &fake_shared(&f)->vcpu_info[0];
	((uint8_t *)vi)[1] = 1;
	ck_assert_int_eq(fake_hypercall(&f, 0, PV_HYPERVISOR_sched_op, PV_SCHEDOP_block, 0, 0, 0),
			 0);
	ck_assert_uint_eq(f.blocks, 1);
	ck_assert_uint_eq(((uint8_t *)vi)[1], 0);
	vi->evtchn_upcall_pending = 1;
	((uint8_t *)vi)[1] = 1;
	ck_assert_int_eq(fake_hypercall(&f, 0, PV_HYPERVISOR_sched_op, PV_SCHEDOP_block, 0, 0, 0),
			 0);
	ck_assert_uint_eq(f.blocks, 1);
	fake_close(&f);
}
END_TEST

static int64_t param(unsigned cmd, uint32_t index, uint64_t *value)
{
	struct pv_hvm_param p = {PV_DOMID_SELF, 0, index, *value};
	int64_t rc = fake_op(&f, PV_HYPERVISOR_hvm_op, cmd, &p, sizeof(p));

	*value = p.value;
	return rc;
}

START_TEST(hvm_params_are_the_permitted_ones)
{
	uint64_t v = 42;

	fake_open(&f, PV_DOMAIN_PVH, 1, true);
	pv_domain_set_hvm_param(f.d, PV_HVM_PARAM_STORE_PFN, 1234);
	ck_assert_int_eq(param(PV_HVMOP_get_param, PV_HVM_PARAM_STORE_PFN, &v), 0);
	ck_assert_uint_eq(v, 1234);
	ck_assert_int_eq(param(PV_HVMOP_set_param, PV_HVM_PARAM_STORE_PFN, &v), -PV_EPERM);
	v = 5;
	ck_assert_int_eq(param(PV_HVMOP_set_param, PV_HVM_PARAM_CALLBACK_IRQ, &v), 0);
	v = 0;
	ck_assert_int_eq(param(PV_HVMOP_get_param, PV_HVM_PARAM_CALLBACK_IRQ, &v), 0);
	ck_assert_uint_eq(v, 5);
	ck_assert_int_eq(param(PV_HVMOP_get_param, PV_HVM_PARAM_IOREQ_PFN, &v), -PV_EPERM);
	ck_assert_int_eq(param(PV_HVMOP_get_param, PV_HVM_NR_PARAMS, &v), -PV_EINVAL);
	ck_assert_int_eq(param(PV_HVMOP_set_param, UINT32_MAX, &v), -PV_EINVAL);
	fake_close(&f);
	fake_open(&f, PV_DOMAIN_PV, 1, true);
	ck_assert_int_eq(param(PV_HVMOP_get_param, PV_HVM_PARAM_STORE_PFN, &v), -PV_EINVAL);
	fake_close(&f);
}
END_TEST

START_TEST(upcall_vectors_are_vectors_of_vcpus)
{
	struct pv_hvm_evtchn_upcall_vector u = {1, 0xf3};

	fake_open(&f, PV_DOMAIN_PVH, 2, true);
	ck_assert_int_eq(
		fake_op(&f, PV_HYPERVISOR_hvm_op, PV_HVMOP_set_evtchn_upcall_vector, &u, sizeof(u)),
		0);
	ck_assert_uint_eq(pv_domain_upcall_vector(f.d, 1), 0xf3);
	u.vector = 0xf;
	ck_assert_int_eq(
		fake_op(&f, PV_HYPERVISOR_hvm_op, PV_HVMOP_set_evtchn_upcall_vector, &u, sizeof(u)),
		-PV_EINVAL);
	u = (struct pv_hvm_evtchn_upcall_vector){2, 0xf3};
	ck_assert_int_eq(
		fake_op(&f, PV_HYPERVISOR_hvm_op, PV_HVMOP_set_evtchn_upcall_vector, &u, sizeof(u)),
		-PV_ENOENT);
	fake_close(&f);
}
END_TEST

START_TEST(memory_map_is_cut_to_the_room_given)
{
	struct pv_domain_memory map[2] = {{0, 0x1000, 1, 0}, {0x5000, 0x2000, 2, 0}};
	struct pv_memory_map m = {9, fake_gva(FAKE_DATA)};
	unsigned char *out;

	fake_open(&f, PV_DOMAIN_PVH, 1, true);
	out = fake_page(&f, FAKE_DATA);
	ck_assert_int_eq(fake_op(&f, PV_HYPERVISOR_memory_op, PV_XENMEM_memory_map, &m, sizeof(m)),
			 -PV_ENOSYS);
	pv_domain_set_memory_map(f.d, map, 2);
	ck_assert_int_eq(pv_domain_set_memory_map(f.d, map, 129), -PV_E2BIG);
	ck_assert_int_eq(fake_op(&f, PV_HYPERVISOR_memory_op, PV_XENMEM_memory_map, &m, sizeof(m)),
			 0);
	ck_assert_uint_eq(m.nr_entries, 2);
	ck_assert_uint_eq(out[20 + 1], 0x50);
	ck_assert_uint_eq(out[20 + 16], 2);
	ck_assert_uint_eq(out[40], 0xa5);
	m.nr_entries = 1;
	memset(out, 0xa5, 64);
	ck_assert_int_eq(fake_op(&f, PV_HYPERVISOR_memory_op, PV_XENMEM_memory_map, &m, sizeof(m)),
			 0);
	ck_assert_uint_eq(out[20], 0xa5);
	fake_close(&f);
}
END_TEST

static int64_t place_shared(uint64_t gfn)
{
	struct pv_add_to_physmap a = {PV_DOMID_SELF, 0, PV_XENMAPSPACE_shared_info, 0, gfn};

	return fake_op(&f, PV_HYPERVISOR_memory_op, PV_XENMEM_add_to_physmap, &a, sizeof(a));
}

START_TEST(shared_info_moves_with_its_contents)
{
	uint32_t port;

	fake_open(&f, PV_DOMAIN_PVH, 1, false);
	ck_assert_int_eq(place_shared(FAKE_SHARED), 0);
	ck_assert_uint_eq(fake_shared(&f)->evtchn_mask[63], UINT64_MAX);
	port = (uint32_t)fake_ipi(&f, 0);
	fake_port_op(&f, PV_EVTCHNOP_send, port);
	ck_assert_int_eq(place_shared(FAKE_SHARED), 0); /* twice is once */
	ck_assert(fake_pending(&f, port));
	ck_assert_int_eq(place_shared(FAKE_DATA), 0);
	ck_assert_uint_eq(pv_domain_shared_info(f.d), FAKE_DATA);
	ck_assert(fake_pending(&f, port));
	ck_assert_uint_eq(f.vcpu_info[0], FAKE_DATA * 4096);
	fake_grants(&f);
	ck_assert_int_eq(place_shared(FAKE_GRANTS), -PV_EINVAL);
	ck_assert_int_eq(place_shared(FAKE_PAGES), -PV_EINVAL);
	ck_assert_int_eq(place_shared(UINT64_MAX), -PV_EINVAL);
	f.frame_refuse = true;
	ck_assert_int_eq(place_shared(FAKE_DATA + 1), -PV_EINVAL);
	ck_assert_uint_eq(pv_domain_shared_info(f.d), FAKE_DATA);
	fake_close(&f);
}
END_TEST

START_TEST(physmap_batch_answers_each_element)
{
	struct pv_add_to_physmap_batch b = {.domid = PV_DOMID_SELF,
					    .space = PV_XENMAPSPACE_grant_table,
					    .size = 3,
					    .idxs = fake_gva(FAKE_DATA),
					    .gpfns = fake_gva(FAKE_DATA) + 100 * 8,
					    .errs = fake_gva(FAKE_DATA) + 200 * 8};
	uint64_t *page;
	int32_t *errs;

	fake_open(&f, PV_DOMAIN_PVH, 1, true);
	page = fake_page(&f, FAKE_DATA);
	errs = (int32_t *)(void *)(page + 200);
	page[0] = 1, page[1] = 99, page[2] = 0;
	page[100] = FAKE_GRANTS + 1, page[101] = FAKE_GRANTS + 2, page[102] = FAKE_GRANTS;
	ck_assert_int_eq(
		fake_op(&f, PV_HYPERVISOR_memory_op, PV_XENMEM_add_to_physmap_batch, &b, sizeof(b)),
		0);
	ck_assert_int_eq(errs[0], 0);
	ck_assert_int_eq(errs[1], -PV_EINVAL);
	ck_assert_int_eq(errs[2], 0);
	b.idxs = UINT64_MAX - 16;
	ck_assert_int_eq(
		fake_op(&f, PV_HYPERVISOR_memory_op, PV_XENMEM_add_to_physmap_batch, &b, sizeof(b)),
		-PV_EFAULT);
	fake_close(&f);
}
END_TEST

static int64_t balloon(unsigned op, uint64_t gfn, uint64_t n, uint32_t order)
{
	struct pv_memory_reservation r = {fake_gva(FAKE_DATA), n, order, 0, PV_DOMID_SELF};

	*(uint64_t *)fake_page(&f, FAKE_DATA) = gfn;
	return fake_op(&f, PV_HYPERVISOR_memory_op, op, &r, sizeof(r));
}

static int64_t reservation(void)
{
	struct pv_memory_domain m = {PV_DOMID_SELF};

	return fake_op(&f, PV_HYPERVISOR_memory_op, PV_XENMEM_current_reservation, &m, sizeof(m));
}

START_TEST(balloon_counts_pages_and_spares_special_ones)
{
	fake_open(&f, PV_DOMAIN_PVH, 1, true);
	ck_assert_int_eq(reservation(), FAKE_PAGES);
	ck_assert_int_eq(balloon(PV_XENMEM_populate_physmap, 40, 1, 0), 0); /* at the limit */
	ck_assert_int_eq(balloon(PV_XENMEM_decrease_reservation, 40, 1, 2), 1);
	ck_assert_int_eq(reservation(), FAKE_PAGES - 4);
	ck_assert_int_eq(balloon(PV_XENMEM_decrease_reservation, FAKE_SHARED, 1, 0), 0);
	ck_assert_int_eq(balloon(PV_XENMEM_decrease_reservation, 0, 1, 2), 0); /* it is in there */
	ck_assert_int_eq(balloon(PV_XENMEM_decrease_reservation, UINT64_MAX, 1, 0), 0);
	ck_assert_int_eq(balloon(PV_XENMEM_decrease_reservation, 43, 1, 0), 0); /* gone already */
	ck_assert_int_eq(balloon(PV_XENMEM_decrease_reservation, 43, 1, 1), 0); /* half of it */
	ck_assert_int_eq(balloon(PV_XENMEM_decrease_reservation, 45, 1, 1), 1); /* not aligned */
	ck_assert_int_eq(balloon(PV_XENMEM_populate_physmap, 45, 1, 1), 1);
	ck_assert_int_eq(balloon(PV_XENMEM_decrease_reservation, 40, 1, 10), 0);
	ck_assert_int_eq(balloon(PV_XENMEM_decrease_reservation, 40, UINT64_MAX, 0), 0);
	ck_assert_int_eq(balloon(PV_XENMEM_populate_physmap, 40, 1, 2), 1);
	ck_assert_int_eq(reservation(), FAKE_PAGES);
	fake_close(&f);
}
END_TEST

START_TEST(flat_paging_calls_do_nothing_and_touch_only_own_memory)
{
	struct pv_mmuext_op op = {.cmd = PV_MMUEXT_TLB_FLUSH_ALL};
	unsigned char *page;

	fake_open(&f, PV_DOMAIN_PV, 1, true);
	page = fake_page(&f, FAKE_DATA);
	memcpy(fake_page(&f, FAKE_ARGS), &op, sizeof(op));
	ck_assert_int_eq(fake_hypercall(&f, 0, PV_HYPERVISOR_mmuext_op, fake_gva(FAKE_ARGS), 1, 0,
					PV_DOMID_SELF),
			 0);
	ck_assert_int_eq(
		fake_hypercall(&f, 0, PV_HYPERVISOR_mmuext_op, fake_gva(FAKE_ARGS), 1, 0, 0),
		-PV_EPERM);
	op.cmd = PV_MMUEXT_CLEAR_PAGE;
	op.arg1.mfn = FAKE_DATA;
	memcpy(fake_page(&f, FAKE_ARGS), &op, sizeof(op));
	ck_assert_int_eq(fake_hypercall(&f, 0, PV_HYPERVISOR_mmuext_op, fake_gva(FAKE_ARGS), 1,
					fake_gva(FAKE_DATA + 1), PV_DOMID_SELF),
			 0);
	ck_assert_uint_eq(page[4095], 0);
	ck_assert_uint_eq(*(uint32_t *)fake_page(&f, FAKE_DATA + 1), 1);
	op.arg1.mfn = UINT64_MAX;
	memcpy(fake_page(&f, FAKE_ARGS), &op, sizeof(op));
	ck_assert_int_eq(fake_hypercall(&f, 0, PV_HYPERVISOR_mmuext_op, fake_gva(FAKE_ARGS), 1, 0,
					PV_DOMID_SELF),
			 -PV_EINVAL);
	ck_assert_int_eq(
		fake_hypercall(&f, 0, PV_HYPERVISOR_set_gdt, fake_gva(FAKE_ARGS), 512, 0, 0),
		-PV_EINVAL);
	ck_assert_int_eq(fake_hypercall(&f, 0, PV_HYPERVISOR_update_va_mapping, 0, 0, 0, 0),
			 -PV_ENOSYS);
	fake_close(&f);
}
END_TEST

START_TEST(crash_keeps_the_first_reason)
{
	fake_open(&f, PV_DOMAIN_PV, 1, true);
	ck_assert_ptr_eq(pv_domain_crash_reason(f.d), NULL);
	pv_domain_crash(f.d, "first");
	pv_domain_crash(f.d, "second");
	ck_assert_str_eq(pv_domain_crash_reason(f.d), "first");
	ck_assert_str_eq(f.crash, "first");
	fake_close(&f);
}
END_TEST

START_TEST(bad_configurations_and_failing_allocations_create_nothing)
{
	struct pv_domain_config cfg, bad;
	struct pv_domain *d = NULL;
	unsigned i;

	fake_init(&f);
	fake_config(&cfg, PV_DOMAIN_PV, 4);
	for (i = 0; i < 7; i++) {
		bad = cfg;
		switch (i) {
		case 0: bad.max_vcpus = 0; break;
		case 1: bad.max_vcpus = PV_MAX_VCPUS + 1; break;
		case 2: bad.max_ports = 131073; break;
		case 3: bad.max_grant_frames = 65; break;
		case 4: bad.kind = 0; break;
		case 5: bad.size = 8; break;
		default: bad.domid = PV_DOMID_SELF; break;
		}
		ck_assert_int_eq(pv_domain_create(&d, &bad, &f.vmm), -PV_EINVAL);
	}
	for (i = 0; i < 4; i++) {
		f.alloc_left = (long)i;
		ck_assert_int_eq(pv_domain_create(&d, &cfg, &f.vmm), -PV_ENOMEM);
		ck_assert_int_eq(f.allocated, 0);
	}
	f.alloc_left = -1;
	f.vmm.kick = NULL;
	ck_assert_int_eq(pv_domain_create(&d, &cfg, &f.vmm), -PV_EINVAL);
	ck_assert_ptr_eq(d, NULL);
	fake_fini(&f);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("host hypercalls");

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, wild_pointers_fault, 0,
			    sizeof(pointer_calls) / sizeof(pointer_calls[0]));
	tcase_add_test(t, unknown_numbers_are_not_implemented);
	tcase_add_test(t, multicall_answers_each_call);
	tcase_add_test(t, version_strings_fill_their_buffers);
	tcase_add_test(t, features_name_the_kind_of_domain);
	tcase_add_test(t, console_output_is_whole_and_bounded);
	tcase_add_test(t, shutdown_reaches_the_vmm_with_its_reason);
	tcase_add_test(t, remote_shutdown_is_nobodys_right);
	tcase_add_test(t, poll_sleeps_only_when_nothing_is_pending);
	tcase_add_test(t, block_unmasks_and_sleeps_unless_an_upcall_waits);
	tcase_add_test(t, hvm_params_are_the_permitted_ones);
	tcase_add_test(t, upcall_vectors_are_vectors_of_vcpus);
	tcase_add_test(t, memory_map_is_cut_to_the_room_given);
	tcase_add_test(t, shared_info_moves_with_its_contents);
	tcase_add_test(t, physmap_batch_answers_each_element);
	tcase_add_test(t, balloon_counts_pages_and_spares_special_ones);
	tcase_add_test(t, flat_paging_calls_do_nothing_and_touch_only_own_memory);
	tcase_add_test(t, crash_keeps_the_first_reason);
	tcase_add_test(t, bad_configurations_and_failing_allocations_create_nothing);
	return run_case("host hypercalls", t);
}
