/*
 * Claims about what a PVH guest may ask of HVMOP, scheduling and the control domain's calls, over the
 * memory-only VMM. Answers are Xen's for an unprivileged PVH domain.
 */
#include "fake_vmm.h"

#include <string.h>

#include <pv/abi/features.h>
#include <pv/abi/hvm/hvm_op.h>
#include <pv/abi/hvm/params.h>
#include <pv/abi/sched.h>
#include <pv/abi/version.h>
#include "run.h"

static struct fake_vmm f;

static int64_t hvm(unsigned cmd, void *arg, size_t size)
{
	return fake_op(&f, PV_HYPERVISOR_hvm_op, cmd, arg, size);
}

static int64_t set(uint32_t index, uint64_t value)
{
	struct pv_hvm_param p = {PV_DOMID_SELF, 0, index, value};

	return hvm(PV_HVMOP_set_param, &p, sizeof(p));
}

static int64_t get(uint32_t index, uint64_t *value)
{
	struct pv_hvm_param p = {PV_DOMID_SELF, 0, index, 77};
	int64_t rc = hvm(PV_HVMOP_get_param, &p, sizeof(p));

	*value = p.value;
	return rc;
}

START_TEST(each_parameter_is_read_and_set_as_xen_lets_it)
{
	/* by index: s may be set, g only read, d is deprecated, - is not the guest's */
	char want[PV_HVM_NR_PARAMS];
	uint64_t v;
	uint32_t i;

	memset(want, '-', sizeof(want));
	want[PV_HVM_PARAM_CALLBACK_IRQ] = want[PV_HVM_PARAM_STORE_EVTCHN] = 's';
	want[PV_HVM_PARAM_CONSOLE_EVTCHN] = want[PV_HVM_PARAM_VM_GENERATION_ID_ADDR] = 's';
	want[PV_HVM_PARAM_VM86_TSS] = want[PV_HVM_PARAM_X87_FIP_WIDTH] = 's';
	want[PV_HVM_PARAM_STORE_PFN] = want[PV_HVM_PARAM_CONSOLE_PFN] = 'g';
	want[PV_HVM_PARAM_ALTP2M] = 'g';
	want[PV_HVM_PARAM_ACPI_IOPORTS_LOCATION] = 'n'; /* there is no such timer */
	want[PV_HVM_PARAM_VM86_TSS_SIZED] = 'z';	/* too short at 0: see below */
	want[PV_HVM_PARAM_PAE_ENABLED] = want[PV_HVM_PARAM_DM_DOMAIN] = 'd';
	want[PV_HVM_PARAM_NESTEDHVM] = want[PV_HVM_PARAM_BUFIOREQ_EVTCHN] = 'd';
	want[20] = want[21] = want[22] = want[23] = want[25] = want[30] = 'd';
	fake_open(&f, PV_DOMAIN_PVH, 1, true);
	for (i = 0; i < PV_HVM_NR_PARAMS; i++) {
		int64_t got = get(i, &v), put = want[i] == 'z' ? 0 : set(i, 0);

		ck_assert_msg(got == (want[i] == 'd'   ? -PV_EINVAL
				      : want[i] == '-' ? -PV_EPERM
						       : 0),
			      "get %u: %ld", i, (long)got);
		ck_assert_msg(put == (want[i] == 'd'			 ? -PV_EINVAL
				      : want[i] == 'n'			 ? -PV_ENODEV
				      : want[i] == '-' || want[i] == 'g' ? -PV_EPERM
									 : 0),
			      "set %u: %ld", i, (long)put);
	}
	fake_close(&f);
}
END_TEST

START_TEST(parameters_that_make_no_sense_are_refused)
{
	uint64_t v;

	fake_open(&f, PV_DOMAIN_PVH, 1, true);
	ck_assert_int_eq(set(PV_HVM_PARAM_X87_FIP_WIDTH, 5), -PV_EINVAL);
	ck_assert_int_eq(set(PV_HVM_PARAM_X87_FIP_WIDTH, 8), 0);
	ck_assert_int_eq(set(PV_HVM_PARAM_VM86_TSS, 0x1000), 0);
	ck_assert_int_eq(get(PV_HVM_PARAM_VM86_TSS_SIZED, &v), 0);
	ck_assert_uint_eq(v, 128ull << 32 | 0x1000);
	ck_assert_int_eq(set(PV_HVM_PARAM_VM86_TSS_SIZED, 1ull << 52 | 0x2000), 0);
	ck_assert_int_eq(get(PV_HVM_PARAM_VM86_TSS_SIZED, &v), 0);
	ck_assert_uint_eq(v, 8329ull << 32 | 0x2000); /* cut to what a processor can use */
	ck_assert_int_eq(get(PV_HVM_PARAM_VM86_TSS, &v), 0);
	ck_assert_uint_eq(v, 0x2000);
	ck_assert_ptr_null(f.crash);
	ck_assert_int_eq(set(PV_HVM_PARAM_VM86_TSS_SIZED, 103ull << 32), -PV_EINVAL);
	ck_assert_ptr_nonnull(f.crash); /* Xen ends such a guest */
	fake_close(&f);
}
END_TEST

START_TEST(memory_type_is_told_of_each_page)
{
	struct pv_gnttab_map_grant_ref op = {.host_addr = (FAKE_DATA + 9) * 4096,
					     .flags = PV_GNTMAP_host_map | PV_GNTMAP_readonly,
					     .ref = 9,
					     .dom = PV_DOMID_SELF};
	struct pv_hvm_get_mem_type t = {.domid = PV_DOMID_SELF, .pfn = FAKE_DATA};
	uint64_t *entry;

	fake_open(&f, PV_DOMAIN_PVH, 1, true);
	entry = fake_grants(&f);
	entry[9] = (uint64_t)(FAKE_DATA + 1) << 32 | FAKE_DOMID << 16 | PV_GTF_permit_access;
	ck_assert_int_eq(fake_gnttab(&f, PV_GNTTABOP_map_grant_ref, &op, sizeof(op), 1), 0);
	ck_assert_int_eq(hvm(PV_HVMOP_get_mem_type, &t, sizeof(t)), 0);
	ck_assert_uint_eq(t.mem_type, PV_HVMMEM_ram_rw);
	t.pfn = FAKE_DATA + 9;
	ck_assert_int_eq(hvm(PV_HVMOP_get_mem_type, &t, sizeof(t)), 0);
	ck_assert_uint_eq(t.mem_type, PV_HVMMEM_ram_ro);
	t.pfn = UINT64_MAX;
	ck_assert_int_eq(hvm(PV_HVMOP_get_mem_type, &t, sizeof(t)), 0);
	ck_assert_uint_eq(t.mem_type, PV_HVMMEM_mmio_dm);
	t.domid = 9;
	ck_assert_int_eq(hvm(PV_HVMOP_get_mem_type, &t, sizeof(t)), -PV_ESRCH);
	t.domid = 0;
	ck_assert_int_eq(hvm(PV_HVMOP_get_mem_type, &t, sizeof(t)), -PV_EPERM);
	fake_close(&f);
}
END_TEST

START_TEST(other_hvm_operations_answer_as_xen_does)
{
	struct pv_hvm_pagetable_dying p = {.domid = PV_DOMID_SELF};

	fake_open(&f, PV_DOMAIN_PVH, 1, true);
	ck_assert_int_eq(hvm(PV_HVMOP_pagetable_dying, &p, sizeof(p)), -PV_EINVAL);
	p.domid = 0;
	ck_assert_int_eq(hvm(PV_HVMOP_pagetable_dying, &p, sizeof(p)), -PV_EOPNOTSUPP);
	p.domid = 9;
	ck_assert_int_eq(hvm(PV_HVMOP_pagetable_dying, &p, sizeof(p)), -PV_ESRCH);
	ck_assert_int_eq(hvm(PV_HVMOP_altp2m, &p, sizeof(p)), -PV_EOPNOTSUPP);
	ck_assert_int_eq(hvm(PV_HVMOP_flush_tlbs, &p, sizeof(p)), -PV_EINVAL);
	ck_assert_int_eq(hvm(PV_HVMOP_guest_request_vm_event, &p, sizeof(p)), -PV_EINVAL);
	ck_assert_int_eq(fake_hypercall(&f, 0, PV_HYPERVISOR_hvm_op, PV_HVMOP_flush_tlbs, 0, 0, 0),
			 0);
	ck_assert_uint_eq(f.tlb_flushes, 1);
	ck_assert_int_eq(fake_hypercall(&f, 0, PV_HYPERVISOR_hvm_op,
					PV_HVMOP_guest_request_vm_event, 0, 0, 0),
			 0);
	ck_assert_int_eq(hvm(99, &p, sizeof(p)), -PV_ENOSYS);
	fake_close(&f);
	fake_open(&f, PV_DOMAIN_PV, 1, true); /* a PV guest has no memory types, vectors, flushes */
	ck_assert_int_eq(hvm(PV_HVMOP_get_mem_type, &p, sizeof(p)), -PV_EINVAL);
	ck_assert_int_eq(hvm(PV_HVMOP_set_evtchn_upcall_vector, &p, sizeof(p)), -PV_EINVAL);
	ck_assert_int_eq(fake_hypercall(&f, 0, PV_HYPERVISOR_hvm_op, PV_HVMOP_flush_tlbs, 0, 0, 0),
			 -PV_EINVAL);
	fake_close(&f);
}
END_TEST

START_TEST(control_domains_calls_are_refused)
{
	static const uint64_t calls[] = {PV_HYPERVISOR_platform_op, PV_HYPERVISOR_sysctl,
					 PV_HYPERVISOR_domctl};
	unsigned i;

	fake_open(&f, PV_DOMAIN_PVH, 1, true);
	for (i = 0; i < 3; i++) {
		ck_assert_int_eq(fake_hypercall(&f, 0, calls[i], fake_gva(FAKE_ARGS), 0, 0, 0),
				 -PV_EPERM);
		ck_assert_int_eq(fake_hypercall(&f, 0, calls[i], 8, 0, 0, 0), -PV_EFAULT);
	}
	ck_assert_int_eq(fake_hypercall(&f, 0, PV_HYPERVISOR_xenpmu_op, 0, 0, 0, 0),
			 -PV_EOPNOTSUPP);
	/* XSA-506: the number of buffers, row H5 */
	for (i = 0; i < 4; i++)
		ck_assert_int_eq(fake_hypercall(&f, 0, PV_HYPERVISOR_dm_op, FAKE_DOMID, i,
						fake_gva(FAKE_ARGS), 0),
				 i > 2 ? -PV_E2BIG : -PV_EPERM);
	ck_assert_int_eq(
		fake_hypercall(&f, 0, PV_HYPERVISOR_dm_op, 9, UINT32_MAX, fake_gva(FAKE_ARGS), 0),
		-PV_E2BIG);
	ck_assert_int_eq(fake_hypercall(&f, 0, PV_HYPERVISOR_dm_op, 9, 1, fake_gva(FAKE_ARGS), 0),
			 -PV_ESRCH);
	ck_assert_int_eq(
		fake_hypercall(&f, 0, PV_HYPERVISOR_physdev_op, 23, fake_gva(FAKE_ARGS), 0, 0),
		-PV_ENOSYS);
	fake_close(&f);
}
END_TEST

START_TEST(what_is_secret_is_denied)
{
	char *page;

	fake_open(&f, PV_DOMAIN_PVH, 1, true);
	page = fake_page(&f, FAKE_DATA);
	memset(page, 0x5a, 64);
	ck_assert_int_eq(fake_hypercall(&f, 0, PV_HYPERVISOR_xen_version, PV_XENVER_commandline,
					fake_gva(FAKE_DATA), 0, 0),
			 0);
	ck_assert_str_eq(page, "<denied>");
	ck_assert_int_eq(page[9], 0x5a);
	ck_assert_int_eq(
		fake_hypercall(&f, 0, PV_HYPERVISOR_xen_version, PV_XENVER_build_id, 0, 0, 0),
		-PV_EPERM);
	fake_close(&f);
}
END_TEST

START_TEST(first_shutdown_code_is_the_one_until_the_domain_goes_on)
{
	struct pv_sched_shutdown s = {PV_SHUTDOWN_reboot};

	fake_open(&f, PV_DOMAIN_PVH, 1, true);
	fake_op(&f, PV_HYPERVISOR_sched_op, PV_SCHEDOP_shutdown_code, &s, sizeof(s));
	s.reason = PV_SHUTDOWN_crash;
	fake_op(&f, PV_HYPERVISOR_sched_op, PV_SCHEDOP_shutdown_code, &s, sizeof(s));
	s.reason = PV_SHUTDOWN_suspend;
	fake_op(&f, PV_HYPERVISOR_sched_op, PV_SCHEDOP_shutdown, &s, sizeof(s));
	ck_assert_int_eq(f.shutdown_reason, PV_SHUTDOWN_reboot);
	pv_domain_shutdown_clear(f.d);
	fake_op(&f, PV_HYPERVISOR_sched_op, PV_SCHEDOP_shutdown, &s, sizeof(s));
	ck_assert_int_eq(f.shutdown_reason, PV_SHUTDOWN_suspend);
	fake_close(&f);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("host hvm");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, each_parameter_is_read_and_set_as_xen_lets_it);
	tcase_add_test(t, parameters_that_make_no_sense_are_refused);
	tcase_add_test(t, memory_type_is_told_of_each_page);
	tcase_add_test(t, other_hvm_operations_answer_as_xen_does);
	tcase_add_test(t, control_domains_calls_are_refused);
	tcase_add_test(t, what_is_secret_is_denied);
	tcase_add_test(t, first_shutdown_code_is_the_one_until_the_domain_goes_on);
	return run_case("host hvm", t);
}
