/*
 * Claims about concurrency: hypercalls, backends and a guest that changes its entries, all at once.
 *
 * Counts and final states are checked here; the thread sanitizer build checks that every access to
 * memory that two sides share is atomic or under the lock.
 */
#include "fake_vmm.h"

#include <pv/abi/vcpu.h>
#include <string.h>
#include <unistd.h>
#include "run.h"

#define GRANTED (FAKE_DATA + 1)
#define ROUNDS	3000

static struct fake_vmm f;
static uint64_t *entry;
static bool stop;
static unsigned rings;

static void ring(void *arg)
{
	(void)arg;
	__atomic_fetch_add(&rings, 1, __ATOMIC_RELAXED);
}

/* Hypercalls with an argument page of the vCPU's own. */
static int64_t op(unsigned vcpu, unsigned cmd, void *arg, size_t size)
{
	uint64_t gfn = FAKE_DATA + 30 + vcpu;
	uint64_t a[6] = {cmd, fake_gva(gfn)};
	int64_t rc;

	memcpy(fake_page(&f, gfn), arg, size);
	rc = pv_domain_hypercall(f.d, vcpu, PV_HYPERVISOR_event_channel_op, a);
	memcpy(arg, fake_page(&f, gfn), size);
	return rc;
}

static void *guest_sends_and_closes(void *arg)
{
	unsigned vcpu = (unsigned)(uintptr_t)arg, i;

	for (i = 0; i < ROUNDS; i++) {
		struct pv_evtchn_alloc_unbound u = {PV_DOMID_SELF, FAKE_BACKEND, 0};
		struct pv_evtchn_send s;

		if (op(vcpu, PV_EVTCHNOP_alloc_unbound, &u, sizeof(u)))
			continue;
		s.port = u.port;
		(void)op(vcpu, PV_EVTCHNOP_send, &s, sizeof(s));
		(void)op(vcpu, PV_EVTCHNOP_unmask, &s, sizeof(s));
		(void)op(vcpu, PV_EVTCHNOP_close, &s, sizeof(s));
	}
	return NULL;
}

static void *backend_binds_and_sends(void *arg)
{
	uint32_t port = 1;

	(void)arg;
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		struct pv_host_port hp = {.domid = FAKE_BACKEND, .kick = 1, .fn = ring};

		port = port % 6 + 1;
		if (pv_domain_evtchn_bind_host(f.d, &hp, port) == 0)
			(void)pv_domain_evtchn_send(f.d, &hp);
		pv_domain_evtchn_unbind_host(f.d, &hp);
		(void)pv_domain_route(f.d, port);
	}
	return NULL;
}

START_TEST(sends_and_closes_race_with_binding_backends)
{
	pthread_t guest[3], backend[2];
	uintptr_t i;

	fake_open(&f, PV_DOMAIN_PV, 4, true);
	stop = false;
	for (i = 0; i < 2; i++)
		pthread_create(&backend[i], NULL, backend_binds_and_sends, NULL);
	for (i = 0; i < 3; i++)
		pthread_create(&guest[i], NULL, guest_sends_and_closes, (void *)i);
	for (i = 0; i < 3; i++)
		pthread_join(guest[i], NULL);
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (i = 0; i < 2; i++)
		pthread_join(backend[i], NULL);
	for (i = 1; i < 16; i++)
		ck_assert_int_eq(pv_domain_evtchn_close(f.d, (uint32_t)i), -PV_EINVAL);
	fake_close(&f);
}
END_TEST

/* The guest flips everything in entry 9 that it could: permission, domain, frame, use bits. */
static void *guest_flips_entry(void *arg)
{
	static const uint64_t words[] = {
		(uint64_t)GRANTED << 32 | FAKE_BACKEND << 16 | PV_GTF_permit_access,
		(uint64_t)GRANTED << 32 | FAKE_BACKEND << 16 | PV_GTF_permit_access |
			PV_GTF_readonly,
		0,
		(uint64_t)UINT32_MAX << 32 | FAKE_BACKEND << 16 | PV_GTF_permit_access,
		(uint64_t)GRANTED << 32 | (FAKE_BACKEND + 1) << 16 | PV_GTF_permit_access,
		(uint64_t)(GRANTED + 1) << 32 | FAKE_BACKEND << 16 | PV_GTF_permit_access |
			PV_GTF_reading | PV_GTF_writing,
		(uint64_t)GRANTED << 32 | FAKE_BACKEND << 16 | PV_GTF_transitive,
	};
	unsigned i = 0;

	(void)arg;
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		__atomic_store_n(&entry[9], words[i % 7], __ATOMIC_SEQ_CST);
		__atomic_fetch_xor(&entry[9], 1ull << (i * 7 % 64), __ATOMIC_SEQ_CST);
		i++;
	}
	return NULL;
}

START_TEST(entry_that_changes_all_the_time_maps_one_of_its_values_or_fails)
{
	struct pv_grant_map m, m2;
	pthread_t flipper;
	char buf[64];
	int i, rc;

	fake_open(&f, PV_DOMAIN_PVH, 1, true);
	entry = fake_grants(&f);
	stop = false;
	pthread_create(&flipper, NULL, guest_flips_entry, NULL);
	for (i = 0; i < ROUNDS * 10; i++) {
		rc = pv_domain_grant_map(f.d, FAKE_BACKEND, 9, i & 1, &m);
		ck_assert_int_le(rc, 0);
		if (rc)
			continue;
		ck_assert_uint_lt(m.gfn, FAKE_PAGES);
		ck_assert_ptr_eq(m.ptr, fake_page(&f, m.gfn));
		/* a second map while in use is of the same frame, whatever the entry says now */
		if (pv_domain_grant_map(f.d, FAKE_BACKEND, 9, PV_GRANT_READONLY, &m2) == 0) {
			ck_assert_uint_eq(m2.gfn, m.gfn);
			ck_assert_int_eq(pv_domain_grant_unmap(f.d, FAKE_BACKEND, &m2), 0);
		}
		ck_assert_int_eq(pv_domain_grant_unmap(f.d, FAKE_BACKEND, &m), 0);
		(void)pv_domain_grant_read(f.d, FAKE_BACKEND, 9, 0, buf, sizeof(buf));
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	pthread_join(flipper, NULL);
	/* nothing of it is left */
	entry[9] = (uint64_t)GRANTED << 32 | FAKE_BACKEND << 16 | PV_GTF_permit_access;
	ck_assert_int_eq(pv_domain_grant_map(f.d, FAKE_BACKEND, 9, 0, &m), 0);
	ck_assert_int_eq(pv_domain_grant_unmap(f.d, FAKE_BACKEND, &m), 0);
	ck_assert_uint_eq((uint16_t)entry[9], PV_GTF_permit_access);
	fake_close(&f);
}
END_TEST

static void *backend_maps_and_unmaps(void *arg)
{
	unsigned i;

	for (i = 0; i < ROUNDS; i++) {
		struct pv_grant_map m;

		ck_assert_int_eq(
			pv_domain_grant_map(f.d, FAKE_BACKEND, 9, (unsigned)(uintptr_t)arg & 1, &m),
			0);
		ck_assert_int_eq(pv_domain_grant_unmap(f.d, FAKE_BACKEND, &m), 0);
	}
	return NULL;
}

START_TEST(counts_return_to_zero_after_parallel_maps)
{
	pthread_t t[4];
	uintptr_t i;

	fake_open(&f, PV_DOMAIN_PVH, 1, true);
	entry = fake_grants(&f);
	entry[9] = (uint64_t)GRANTED << 32 | FAKE_BACKEND << 16 | PV_GTF_permit_access;
	for (i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, backend_maps_and_unmaps, (void *)i);
	for (i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	ck_assert_uint_eq((uint16_t)entry[9], PV_GTF_permit_access);
	fake_close(&f);
}
END_TEST

static void *vcpu_comes_up(void *arg)
{
	const uint64_t a[6] = {PV_VCPUOP_up, 1};

	ck_assert_int_eq(pv_domain_hypercall(f.d, 0, PV_HYPERVISOR_vcpu_op, a), 0);
	return NULL;
}

static pthread_t comer;

/* Another vCPU wants it up as soon as it is seen to be down, which is before the hook is through. */
static void down_takes_a_while(struct fake_vmm *v)
{
	pthread_create(&comer, NULL, vcpu_comes_up, NULL);
	usleep(50000);
	ck_assert_uint_eq(__atomic_load_n(&v->ups, __ATOMIC_SEQ_CST), 1);
}

START_TEST(vcpu_that_goes_down_is_down_before_it_comes_up)
{
	const uint64_t down[6] = {PV_VCPUOP_down, 1}, is_up[6] = {PV_VCPUOP_is_up, 1};

	fake_open(&f, PV_DOMAIN_PVH, 2, true);
	f.ups = 1;
	ck_assert_int_eq(pv_domain_vcpu_set_up(f.d, 1, 1), 0);
	f.on_down = down_takes_a_while;
	ck_assert_int_eq(pv_domain_hypercall(f.d, 1, PV_HYPERVISOR_vcpu_op, down), 0);
	pthread_join(comer, NULL);
	ck_assert_uint_eq(f.ups, 2);
	ck_assert_int_eq(pv_domain_hypercall(f.d, 0, PV_HYPERVISOR_vcpu_op, is_up), 1);
	fake_close(&f);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("host threads");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, sends_and_closes_race_with_binding_backends);
	tcase_add_test(t, entry_that_changes_all_the_time_maps_one_of_its_values_or_fails);
	tcase_add_test(t, counts_return_to_zero_after_parallel_maps);
	tcase_add_test(t, vcpu_that_goes_down_is_down_before_it_comes_up);
	return run_case("host threads", t);
}
