/*
 * kvm_parts: what of the kvm engine can be seen without a VM: the search for hypercall sites, CPUID
 * leaves, ports, the hypercall page, start states
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <pv/abi/arch-x86/cpuid.h>
#include <pv/abi/errno.h>
#include "boot/acpi.h"
#include "refhv/engine/kvm/kvm.h"
#include "run.h"

static uint8_t mem[3 * 4096];
static const struct sites_ports ports = {KE_PORT_CALL, KE_PORT_UNDONE, KE_PORT_SEND};

static void put_pair(uint64_t at, uint64_t gap, uint8_t ret)
{
	const uint8_t amd[] = {0x0f, 0x01, 0xd9, ret}, intel[] = {0x0f, 0x01, 0xc1, ret};

	memcpy(mem + at, amd, sizeof(amd));
	memcpy(mem + at + gap, intel, sizeof(intel));
}

static void put_endbr(uint64_t at)
{
	memcpy(mem + at, "\xf3\x0f\x1e\xfa", 4);
}

static void clear(void)
{
	memset(mem, 0xcc, sizeof(mem));
}

static unsigned find(uint64_t len, struct sites *s)
{
	*s = (struct sites){.at = ~0ull};
	return sites_find(mem, len, s);
}

static void expect(uint64_t at, uint32_t gap)
{
	struct sites s;

	ck_assert_uint_eq(find(sizeof(mem), &s), 1);
	ck_assert_uint_eq(s.at, at);
	ck_assert_uint_eq(s.gap, gap);
	clear();
}

static void expect_none(uint64_t len)
{
	struct sites s;

	ck_assert_uint_eq(find(len, &s), 0);
	clear();
}

START_TEST(the_pair_of_sites_is_found)
{
	expect_none(sizeof(mem));
	put_pair(0x120, 16, 0xc3);
	expect(0x120, 16);
	put_pair(0, 16, 0xe9);
	expect(0, 16);
	put_pair(sizeof(mem) - 32, 16, 0xc3);
	expect(sizeof(mem) - 32, 16);
	/* The functions on two pages. */
	put_pair(4096 - 16, 16, 0xe9);
	expect(4096 - 16, 16);
	put_pair(0x140, 64, 0xe9);
	expect(0x140, 64);
	/* As in a 32-bit kernel. */
	for (uint64_t at = 0x120; at < 0x130; at += 4) {
		put_pair(at, 4, 0xc3);
		expect(at, 4);
	}
	put_pair(sizeof(mem) - 8, 4, 0xc3);
	expect(sizeof(mem) - 8, 4);
	/* As in a kernel with indirect branch tracking and padded functions. */
	put_endbr(0x180);
	put_endbr(0x1a0);
	put_pair(0x184, 32, 0xe9);
	expect(0x184, 32);
}
END_TEST

START_TEST(what_only_looks_like_a_site_is_not_one)
{
	/* Not at a function's place. */
	put_pair(0x128, 16, 0xc3);
	expect_none(sizeof(mem));
	put_pair(0x124, 16, 0xc3);
	expect_none(sizeof(mem));
	put_endbr(0x120);
	put_pair(0x124, 16, 0xc3);
	expect_none(sizeof(mem));
	/* Too far apart; beyond the end. */
	put_pair(0x100, 80, 0xc3);
	expect_none(sizeof(mem));
	put_pair(sizeof(mem) - 32, 16, 0xc3);
	expect_none(sizeof(mem) - 16);
	put_pair(sizeof(mem) - 16, 0, 0xc3);
	expect_none(sizeof(mem));
	/* One half; another order; different returns; another instruction behind. */
	put_pair(0x100, 16, 0xc3);
	mem[0x112] = 0xd9;
	expect_none(sizeof(mem));
	put_pair(0x100, 16, 0xc3);
	mem[0x102] = 0xc1;
	mem[0x112] = 0xd9;
	expect_none(sizeof(mem));
	put_pair(0x100, 16, 0xc3);
	mem[0x103] = 0xe9;
	expect_none(sizeof(mem));
	put_pair(0x100, 16, 0x90);
	expect_none(sizeof(mem));
	put_pair(0x100, 4, 0xe9);
	expect_none(sizeof(mem));
	put_pair(0x102, 4, 0xc3);
	expect_none(sizeof(mem));
	put_pair(sizeof(mem) - 8, 4, 0xc3);
	expect_none(sizeof(mem) - 4);
}
END_TEST

START_TEST(two_pairs_are_one_too_many)
{
	struct sites s;

	put_pair(0x100, 16, 0xc3);
	put_pair(0x1000, 16, 0xc3);
	ck_assert_uint_eq(find(sizeof(mem), &s), 2);
	put_pair(0x2000, 16, 0xc3);
	ck_assert_uint_eq(find(sizeof(mem), &s), 2);
	clear();
	put_pair(0x100, 4, 0xc3);
	put_pair(0x108, 4, 0xc3);
	put_pair(0x10c, 4, 0xc3);
	ck_assert_uint_eq(find(sizeof(mem), &s), 2);
}
END_TEST

START_TEST(patching_changes_six_bytes)
{
	uint8_t before[sizeof(mem)];
	unsigned changed = 0;
	struct sites s, t;

	put_pair(0x100, 16, 0xe9);
	memcpy(before, mem, sizeof(mem));
	ck_assert_uint_eq(find(sizeof(mem), &s), 1);
	ck_assert(!sites_patched(mem, &s, &ports));
	sites_patch(mem, &s, &ports);
	ck_assert(sites_patched(mem, &s, &ports));
	ck_assert_uint_eq(find(sizeof(mem), &t), 0);
	for (unsigned i = 0; i < sizeof(mem); i++)
		changed += mem[i] != before[i];
	ck_assert_uint_eq(changed, 6);
	ck_assert_mem_eq(mem + 0x100, "\xe6\xf4\x90\xe9", 4);
	ck_assert_mem_eq(mem + 0x110, "\xe6\xf4\x90\xe9", 4);
}
END_TEST

START_TEST(ports_are_those_of_an_empty_machine)
{
	ck_assert_uint_eq(ke_pio_read(0x42), 0);
	ck_assert_uint_eq(ke_pio_read(0x61), 0x3f);
	ck_assert_uint_eq(ke_pio_read(BOOT_ACPI_SLEEP_PORT), 0);
	ck_assert_uint_eq(ke_pio_read(BOOT_ACPI_SLEEP_STATUS_PORT), BOOT_ACPI_WAK_STS);
	for (unsigned port = 0; port < 0x10000; port++)
		if (port != 0x42 && port != 0x61 && port != BOOT_ACPI_SLEEP_PORT &&
		    port != BOOT_ACPI_SLEEP_STATUS_PORT)
			ck_assert_uint_eq(ke_pio_read((uint16_t)port), 0xff);
}
END_TEST

static struct kvm_cpuid2 *build(unsigned vcpu, unsigned max_vcpus)
{
	static const uint32_t leaves[][2] = {{0, 0},	      {1, 0},	       {4, 0},
					     {4, 3},	      {0xa, 0},	       {0xb, 0},
					     {0xb, 1},	      {0xd, 0},	       {0xd, 1},
					     {0x40000000, 0}, {0x40000001, 0}, {0x80000001, 0},
					     {0x80000008, 0}, {0x8000000a, 0}, {0x8000001e, 0}};
	const unsigned n = sizeof(leaves) / sizeof(leaves[0]);
	static _Alignas(struct kvm_cpuid2)
		uint8_t room[2][sizeof(struct kvm_cpuid2) + 64 * sizeof(struct kvm_cpuid_entry2)];
	struct kvm_cpuid2 *in = (struct kvm_cpuid2 *)room[0], *out = (struct kvm_cpuid2 *)room[1];
	struct ke_cpuid_config c = {.vcpu = vcpu,
				    .max_vcpus = max_vcpus,
				    .domid = 7,
				    .xen_version = 4 << 16 | 17,
				    .tsc_khz = 2500000,
				    .tsc_deadline = true};

	memset(room, 0, sizeof(room));
	in->nent = n;
	for (unsigned i = 0; i < n; i++)
		in->entries[i] = (struct kvm_cpuid_entry2){.function = leaves[i][0],
							   .index = leaves[i][1],
							   .eax = ~0u,
							   .ebx = ~0u,
							   .ecx = ~0u,
							   .edx = ~0u};
	ke_cpuid_build(in, &c, out);
	ck_assert_uint_le(out->nent, n + 10);
	return out;
}

static const struct kvm_cpuid_entry2 *leaf(const struct kvm_cpuid2 *t, uint32_t function,
					   uint32_t index)
{
	const struct kvm_cpuid_entry2 *found = NULL;

	for (unsigned i = 0; i < t->nent; i++) {
		if (t->entries[i].function != function || t->entries[i].index != index)
			continue;
		ck_assert_ptr_null(found);
		found = &t->entries[i];
	}
	ck_assert_ptr_nonnull(found);
	return found;
}

START_TEST(cpuid_shows_xen_and_not_kvm)
{
	struct kvm_cpuid2 *t = build(3, 4);
	const struct kvm_cpuid_entry2 *l = leaf(t, 0x40000000, 0);

	ck_assert_uint_ge(l->eax, 0x40000004);
	ck_assert_uint_eq(l->ebx, PV_XEN_CPUID_SIGNATURE_EBX);
	ck_assert_uint_eq(l->ecx, PV_XEN_CPUID_SIGNATURE_ECX);
	ck_assert_uint_eq(l->edx, PV_XEN_CPUID_SIGNATURE_EDX);
	ck_assert_uint_eq(leaf(t, 0x40000001, 0)->eax, 4 << 16 | 17);
	ck_assert_uint_eq(leaf(t, 0x40000002, 0)->eax, 1);
	ck_assert_uint_eq(leaf(t, 0x40000002, 0)->ebx, KE_MSR_PAGE);
	l = leaf(t, 0x40000004, 0);
	ck_assert_uint_eq(l->ebx, 3);
	ck_assert_uint_eq(l->ecx, 7);
	ck_assert(l->eax & PV_XEN_HVM_CPUID_UPCALL_VECTOR);
	ck_assert(l->eax & PV_XEN_HVM_CPUID_VCPU_ID_PRESENT);
	/* Guests that leave rubbish in ECX find the signature all the same. */
	for (unsigned i = 0; i < t->nent; i++)
		if (t->entries[i].function >> 28 == 4 && t->entries[i].function != 0x40000003)
			ck_assert_uint_eq(t->entries[i].flags, 0);
	ck_assert(leaf(t, 1, 0)->ecx >> 31);
}
END_TEST

START_TEST(cpuid_hides_what_is_not_for_guests)
{
	struct kvm_cpuid2 *t = build(0, 1);

	ck_assert(!(leaf(t, 1, 0)->ecx >> 5 & 1));
	ck_assert(!(leaf(t, 0x80000001, 0)->ecx >> 2 & 1));
	ck_assert_uint_eq(leaf(t, 0xa, 0)->eax, 0);
	ck_assert_uint_eq(leaf(t, 0x8000000a, 0)->edx, 0);
	ck_assert(!(leaf(t, 0xd, 1)->eax >> 3 & 1));
	ck_assert(!(leaf(t, 1, 0)->edx >> 28 & 1));
	ck_assert(!(leaf(t, 0x80000001, 0)->ecx >> 1 & 1));
}
END_TEST

START_TEST(cpuid_numbers_cores_by_even_apic_ids)
{
	const unsigned most[] = {1, 2, 3, 8, 64};

	for (unsigned k = 0; k < 5; k++) {
		for (unsigned v = 0; v < most[k]; v++) {
			struct kvm_cpuid2 *t = build(v, most[k]);
			unsigned shift = leaf(t, 0xb, 1)->eax;

			ck_assert_uint_eq(leaf(t, 1, 0)->ebx >> 24, BOOT_APIC_ID(v));
			ck_assert_uint_eq(leaf(t, 0xb, 0)->edx, BOOT_APIC_ID(v));
			ck_assert_uint_eq(leaf(t, 0xb, 1)->edx, BOOT_APIC_ID(v));
			ck_assert_uint_eq(leaf(t, 0x8000001e, 0)->eax, BOOT_APIC_ID(v));
			/* One package: all ids are the same above the cores' bits. */
			ck_assert_uint_eq(BOOT_APIC_ID(v) >> shift, 0);
			ck_assert_uint_eq(leaf(t, 0x80000008, 0)->ecx >> 12 & 15, shift);
			/* Level 3 caches are everybody's. */
			ck_assert_uint_ge((leaf(t, 4, 3)->eax >> 14 & 0xfff) + 1,
					  BOOT_APIC_ID(most[k] - 1) + 1);
		}
	}
}
END_TEST

START_TEST(hypercall_page_has_a_call_in_each_slot)
{
	static uint8_t page[4096];

	memset(page, 0, sizeof(page));
	ke_page_fill(page, false);
	for (uint32_t nr = 0; nr < 128; nr++) {
		const uint8_t *p = page + nr * 32;
		uint32_t got;

		if (nr == PV_HYPERVISOR_iret) {
			ck_assert_mem_eq(p, "\x0f\x0b", 2);
			continue;
		}
		memcpy(&got, p + 1, 4);
		ck_assert_uint_eq(p[0], 0xb8);
		ck_assert_uint_eq(got, nr);
		ck_assert_mem_eq(p + 5, "\xe6\xf4\xc3", 3);
	}
}
END_TEST

/* Where a short jump at offset `at` leads to. */
static int target(const uint8_t *p, int at)
{
	return at + 2 + (int8_t)p[at + 1];
}

START_TEST(only_sends_of_64_bit_code_have_a_short_way)
{
	static uint8_t plain[4096], wide[4096];
	const unsigned at = PV_HYPERVISOR_event_channel_op * 32;

	ke_page_fill(plain, false);
	ke_page_fill(wide, true);
	ck_assert_mem_eq(plain, wide, at);
	/* Otherwise it is what the plain one is, in room that the next slot leaves. */
	ck_assert_mem_eq(wide + at + 40, plain + at, 8);
	ck_assert_mem_eq(wide + at + 32, plain + at + 32, 8);
	ck_assert_mem_eq(plain + at + 48, wide + at + 48, 4096 - at - 48);
	ck_assert_int_eq(target(wide + at, 3), 40);
	ck_assert_int_eq(target(wide + at, 15), 40);
	ck_assert_uint_eq(wide[at + 27], 0xc3);
	ck_assert_uint_eq(wide[at + 20], KE_PORT_SEND);
}
END_TEST

START_TEST(short_sends_fit_into_the_padding)
{
	const uint8_t pads[][8] = {{0x0f, 0x1f, 0x84},
				   {0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc},
				   {0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90}};

	for (int second = 0; second < 2; second++) {
		const int entry = second ? 16 : 0, out = second ? 0 : 16;
		uint8_t *p = mem + 0x100;
		struct sites s;

		clear();
		put_pair(0x100, 16, 0xe9);
		memset(p + 4, 0xaa, 4);
		memset(p + 20, 0xbb, 4);
		memcpy(p + 8, pads[second], 8);
		memcpy(p + 24, pads[2 * second], 8);
		ck_assert_uint_eq(find(sizeof(mem), &s), 1);
		sites_patch(mem, &s, &ports);
		ck_assert(sites_shorten(mem, &s, &ports, second));
		ck_assert(sites_patched(mem, &s, &ports));
		ck_assert(!sites_shorten(mem, &s, &ports, second));
		/* The kernel's own returns, which it rewrites itself, are untouched. */
		ck_assert_mem_eq(p + 3, "\xe9\xaa\xaa\xaa\xaa", 5);
		ck_assert_mem_eq(p + 19, "\xe9\xbb\xbb\xbb\xbb", 5);
		ck_assert_uint_eq(p[32], 0xcc);
		/* Enter; not an event channel operation: out, and the first return. */
		ck_assert_uint_eq(p[entry], 0xeb);
		ck_assert_int_eq(target(p, entry), 8);
		ck_assert_uint_eq(p[entry + 2], 0x90);
		ck_assert_mem_eq(p + 8, "\x3c\x20\x74", 3);
		ck_assert_mem_eq(p + 12, "\xe6\xf5\xeb", 3);
		ck_assert_int_eq(target(p, 14), 3);
		/* If it is: not a send goes out, too; a send goes to where a return follows. */
		ck_assert_int_eq(target(p, 10), 24);
		ck_assert_mem_eq(p + 24, "\x83\xef\x04\x75", 4);
		ck_assert_int_eq(target(p, 27), 12);
		ck_assert_mem_eq(p + 29, "\xad\xeb", 2);
		ck_assert_int_eq(target(p, 30), out);
		ck_assert_mem_eq(p + out, "\xe7\xf8\x97\xe9", 4);
		ck_assert_uint_eq(sites_send_at(second), (unsigned)out);
	}
}
END_TEST

START_TEST(short_sends_need_padding)
{
	struct sites s;

	for (unsigned at = 8; at < 32; at += at == 15 ? 9 : 1) {
		clear();
		put_pair(0x100, 16, 0xc3);
		mem[0x100 + at] = 0x55;
		ck_assert_uint_eq(find(sizeof(mem), &s), 1);
		sites_patch(mem, &s, &ports);
		ck_assert(!sites_shorten(mem, &s, &ports, false));
		ck_assert(sites_patched(mem, &s, &ports));
	}
	clear();
	put_pair(0x100, 32, 0xc3);
	ck_assert_uint_eq(find(sizeof(mem), &s), 1);
	sites_patch(mem, &s, &ports);
	ck_assert(!sites_shorten(mem, &s, &ports, false));
}
END_TEST

static struct pv_vcpu_hvm_context flat(void)
{
	return (struct pv_vcpu_hvm_context){
		.mode = PV_VCPU_HVM_MODE_32B,
		.cpu_regs.x86_32 = {.eip = 0x100000,
				    .cr0 = 1,
				    .cs_limit = ~0u,
				    .ds_limit = ~0u,
				    .ss_limit = ~0u,
				    .es_limit = ~0u,
				    .tr_limit = 0x67,
				    .cs_ar = 0xc9b,
				    .ds_ar = 0xc93,
				    .ss_ar = 0xc93,
				    .es_ar = 0xc93,
				    .tr_ar = 0x8b},
	};
}

static struct pv_vcpu_hvm_context wide(void)
{
	return (struct pv_vcpu_hvm_context){
		.mode = PV_VCPU_HVM_MODE_64B,
		.cpu_regs.x86_64 = {.rip = 0xffffffff81000000,
				    .cr0 = 0x80050033,
				    .cr3 = 0x1000,
				    .cr4 = 0x20,
				    .efer = 0x500},
	};
}

START_TEST(start_states_that_a_cpu_can_have_pass)
{
	struct pv_vcpu_hvm_context c = flat();

	ck_assert_int_eq(ke_start_check(&c), 0);
	c = wide();
	ck_assert_int_eq(ke_start_check(&c), 0);
}
END_TEST

#define refuse32(field, value)                                    \
	do {                                                      \
		c = flat();                                       \
		c.cpu_regs.x86_32.field = value;                  \
		ck_assert_int_eq(ke_start_check(&c), -PV_EINVAL); \
	} while (0)
#define refuse64(field, value)                                    \
	do {                                                      \
		c = wide();                                       \
		c.cpu_regs.x86_64.field = value;                  \
		ck_assert_int_eq(ke_start_check(&c), -PV_EINVAL); \
	} while (0)

START_TEST(start_states_that_no_cpu_can_have_are_refused)
{
	struct pv_vcpu_hvm_context c = flat();

	c.mode = 2;
	ck_assert_int_eq(ke_start_check(&c), -PV_EINVAL);
	refuse32(cr0, 0);
	refuse32(cr0, 1u << 19 | 1);
	refuse32(cr0, 1u << 29 | 1);
	refuse32(cr4, 1u << 13);
	refuse32(efer, 1u << 12);
	refuse32(efer, 0x400);
	refuse32(eflags, 1u << 17);
	refuse32(eflags, 1u << 31);
	refuse32(cs_ar, 0xc93);
	refuse32(cs_ar, 0xc1b);
	refuse32(cs_ar, 0xe9b);
	refuse32(cs_ar, 0xcfb);
	refuse32(cs_limit, 0x1000);
	refuse32(cs_limit, 0x00200ffe);
	refuse32(ss_ar, 0xc91);
	refuse32(ss_ar, 0xc13);
	refuse32(ds_ar, 0xc83);
	refuse32(tr_ar, 0x89);
	refuse32(tr_ar, 0x9b);
	refuse64(cr0, 0x33);
	refuse64(cr4, 0);
	refuse64(efer, 0x100);
	refuse64(efer, 0x1500);
	refuse64(cr3, 1ull << 60);
	refuse64(rip, 0x0000800000000000ull);
	refuse64(rflags, 1u << 17);
}
END_TEST

START_TEST(ram_lies_where_large_pages_can)
{
	const uint64_t size = 5 << 12;
	void *ram[3];
	int fd;

	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(engine_ram_create(size, 0, &fd, &ram[i]), 0);
		ck_assert_uint_eq((uintptr_t)ram[i] & 0x1fffff, 0);
		memset(ram[i], i, size);
		close(fd);
		/* Nothing else of the room is kept. */
		ck_assert_int_eq(msync((char *)ram[i] + size, 4096, MS_ASYNC), -1);
	}
	for (int i = 0; i < 3; i++)
		munmap(ram[i], size);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("kvm-parts");

	tcase_add_checked_fixture(t, clear, NULL);
	tcase_add_test(t, the_pair_of_sites_is_found);
	tcase_add_test(t, what_only_looks_like_a_site_is_not_one);
	tcase_add_test(t, two_pairs_are_one_too_many);
	tcase_add_test(t, patching_changes_six_bytes);
	tcase_add_test(t, ports_are_those_of_an_empty_machine);
	tcase_add_test(t, cpuid_shows_xen_and_not_kvm);
	tcase_add_test(t, cpuid_hides_what_is_not_for_guests);
	tcase_add_test(t, cpuid_numbers_cores_by_even_apic_ids);
	tcase_add_test(t, only_sends_of_64_bit_code_have_a_short_way);
	tcase_add_test(t, short_sends_fit_into_the_padding);
	tcase_add_test(t, short_sends_need_padding);
	tcase_add_test(t, hypercall_page_has_a_call_in_each_slot);
	tcase_add_test(t, ram_lies_where_large_pages_can);
	tcase_add_test(t, start_states_that_a_cpu_can_have_pass);
	tcase_add_test(t, start_states_that_no_cpu_can_have_are_refused);
	return run_case("kvm-parts", t);
}
