/*
 * Claims about grants under races: backends map, read and unmap, a vCPU switches versions, another
 * copies and asks, and a guest thread scribbles over entries of both versions, all at once.
 *
 * Checklist rows G1 (XSA-255, 379, 384, 486), G5 (500), G6 (228), G10 (295). The thread sanitizer
 * build checks that every access to what two sides share is atomic or under the lock.
 */
#include "fake_vmm.h"

#include <string.h>

#include <pv/abi/memory.h>
#include "run.h"

#define GRANTED (FAKE_DATA + 1)
#define STATUS	(FAKE_GRANTS + 4)
#define REF	9u
#define ROUNDS	4000

static struct fake_vmm f;
static uint64_t *table;
static bool stop;
static unsigned maps, switches, strange;

/* A call with an argument page of the vCPU's own; the argument is copied back. */
static int64_t call(unsigned vcpu, uint64_t nr, uint64_t cmd, void *arg, size_t size)
{
	uint64_t gfn = FAKE_DATA + 30 + vcpu, a[6] = {cmd, fake_gva(gfn), 1};
	int64_t rc;

	memcpy(fake_page(&f, gfn), arg, size);
	rc = pv_domain_hypercall(f.d, vcpu, nr, a);
	memcpy(arg, fake_page(&f, gfn), size);
	return rc;
}

static bool running(void)
{
	return !__atomic_load_n(&stop, __ATOMIC_RELAXED);
}

static void put(unsigned word, uint64_t value)
{
	__atomic_store_n(&table[word], value, __ATOMIC_SEQ_CST);
}

static void *scribble(void *arg)
{
	static const uint64_t heads[] = {
		PV_GTF_permit_access | FAKE_BACKEND << 16,
		PV_GTF_permit_access | PV_GTF_readonly | FAKE_BACKEND << 16,
		PV_GTF_permit_access | PV_GTF_sub_page | FAKE_BACKEND << 16 | 8ull << 32 |
			64ull << 48,
		PV_GTF_transitive | FAKE_BACKEND << 16,
		PV_GTF_permit_access | (FAKE_BACKEND + 1) << 16,
		0,
	};
	unsigned i;

	(void)arg;
	for (i = 0; running(); i++) {
		uint64_t head = heads[i % 6], frame = GRANTED + (i & 1);

		put(2 * REF + 1, frame); /* as version 2 has it */
		put(2 * REF, head);
		put(REF, frame << 32 | (uint32_t)head); /* as version 1 has it */
	}
	return NULL;
}

static void *switch_versions(void *arg)
{
	unsigned i;

	(void)arg;
	for (i = 0; running(); i++) {
		struct pv_gnttab_set_version v = {1 + i % 2};
		struct pv_add_to_physmap a = {PV_DOMID_SELF, 0, PV_XENMAPSPACE_grant_table,
					      PV_XENMAPIDX_grant_table_status, STATUS};

		if (!call(0, PV_HYPERVISOR_grant_table_op, PV_GNTTABOP_set_version, &v, sizeof(v)))
			switches++;
		if (v.version == 2)
			(void)call(0, PV_HYPERVISOR_memory_op, PV_XENMEM_add_to_physmap, &a,
				   sizeof(a));
	}
	return NULL;
}

static void *ask_and_copy(void *arg)
{
	(void)arg;
	while (running()) {
		struct pv_gnttab_copy c = {
			.source = {.u.ref = REF, .domid = PV_DOMID_SELF},
			.dest = {.u.gmfn = FAKE_DATA + 5, .domid = PV_DOMID_SELF},
			.len = 64,
			.flags = PV_GNTCOPY_source_gref};
		struct pv_gnttab_get_version g = {.dom = PV_DOMID_SELF};
		struct pv_gnttab_swap_grant_ref s = {12, 13, 0};
		struct pv_remove_from_physmap r = {PV_DOMID_SELF, STATUS};

		(void)call(1, PV_HYPERVISOR_grant_table_op, PV_GNTTABOP_copy, &c, sizeof(c));
		(void)call(1, PV_HYPERVISOR_grant_table_op, PV_GNTTABOP_get_version, &g, sizeof(g));
		(void)call(1, PV_HYPERVISOR_grant_table_op, PV_GNTTABOP_swap_grant_ref, &s,
			   sizeof(s));
		if (g.version == 2)
			(void)call(1, PV_HYPERVISOR_memory_op, PV_XENMEM_remove_from_physmap, &r,
				   sizeof(r));
	}
	return NULL;
}

static void *backend(void *arg)
{
	unsigned i, flags = arg ? PV_GRANT_READONLY : 0;
	struct pv_grant_map m;
	char buf[16];

	for (i = 0; i < ROUNDS; i++) {
		(void)pv_domain_grant_read(f.d, FAKE_BACKEND, REF, 8, buf, sizeof(buf));
		if (pv_domain_grant_map(f.d, FAKE_BACKEND, REF, flags, &m))
			continue;
		__atomic_fetch_add(&maps, 1, __ATOMIC_RELAXED);
		/* one of the values that ever stood there, or the zeros of a switch */
		if (m.gfn != GRANTED && m.gfn != GRANTED + 1 && m.gfn != 0)
			__atomic_fetch_add(&strange, 1, __ATOMIC_RELAXED);
		if (pv_domain_grant_unmap(f.d, FAKE_BACKEND, &m))
			__atomic_fetch_add(&strange, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

START_TEST(version_switches_race_with_uses_and_a_guest_that_scribbles)
{
	void *(*const others[])(void *) = {scribble, switch_versions, ask_and_copy};
	struct pv_gnttab_set_version v = {1};
	struct pv_state_vcpu vcpu[2];
	struct pv_state st = {.vcpu = vcpu, .nr_vcpus = 2};
	pthread_t other[3], back[2];
	uintptr_t i;

	fake_open(&f, PV_DOMAIN_PVH, 2, true);
	table = fake_grants(&f);
	stop = false;
	for (i = 0; i < 3; i++)
		pthread_create(&other[i], NULL, others[i], NULL);
	for (i = 0; i < 2; i++)
		pthread_create(&back[i], NULL, backend, (void *)i);
	for (i = 0; i < 2; i++)
		pthread_join(back[i], NULL);
	/* On one processor a thread may not have had its turn yet. */
	for (i = 0; i < 1000 && (!__atomic_load_n(&maps, __ATOMIC_RELAXED)); i++)
		(void)backend(NULL);
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (i = 0; i < 3; i++)
		pthread_join(other[i], NULL);
	ck_assert_uint_gt(maps, 0);
	ck_assert_uint_gt(switches, 0);
	ck_assert_uint_eq(strange, 0);
	/* nothing is in use any more: the switch says so, and the state */
	put(0, 0), put(1, 0);
	ck_assert_int_eq(
		call(0, PV_HYPERVISOR_grant_table_op, PV_GNTTABOP_set_version, &v, sizeof(v)), 0);
	ck_assert_int_eq(pv_domain_get_state(f.d, &st), 0);
	ck_assert_uint_eq(st.nr_maps, 0);
	fake_close(&f);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("host grants race");

	tcase_set_timeout(t, 120);
	tcase_add_test(t, version_switches_race_with_uses_and_a_guest_that_scribbles);
	return run_case("host grants race", t);
}
