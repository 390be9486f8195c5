/*
 * boot_acpi: claims about a PVH guest's ACPI tables: walked here as a guest does, and by iasl if it is there.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "boot/acpi.h"
#include "run.h"

#define SIZE (BOOT_ACPI_END - BOOT_ACPI_START)

static uint8_t area[SIZE + 4096];
static uint32_t used;

static void make(unsigned vcpus, unsigned maxvcpus)
{
	memset(area, 0, SIZE);
	memset(area + SIZE, 0xa5, 4096);
	used = boot_acpi(area, vcpus, maxvcpus);
	ck_assert_uint_le(used, SIZE);
	for (unsigned i = 0; i < 4096; i++)
		ck_assert_uint_eq(area[SIZE + i], 0xa5);
}

static uint64_t number(const uint8_t *p, unsigned bytes)
{
	uint64_t v = 0;

	while (bytes--)
		v = v << 8 | p[bytes];
	return v;
}

static uint8_t sum(const uint8_t *p, uint32_t len)
{
	uint8_t s = 0;

	while (len--)
		s = (uint8_t)(s + *p++);
	return s;
}

/* The table at a guest-physical address, its frame checked. */
static const uint8_t *table(uint64_t gpa, const char *signature, uint32_t *len)
{
	const uint8_t *t = area + (gpa - BOOT_ACPI_START);

	ck_assert_uint_ge(gpa, BOOT_ACPI_START + BOOT_ACPI_RSDP_SIZE);
	ck_assert_uint_lt(gpa, BOOT_ACPI_START + used);
	ck_assert_uint_eq(gpa % 16, 0);
	ck_assert_msg(!memcmp(t, signature, 4), "%.4s instead of %s", t, signature);
	*len = (uint32_t)number(t + 4, 4);
	ck_assert_uint_le(gpa + *len, BOOT_ACPI_START + used);
	ck_assert_uint_eq(sum(t, *len), 0);
	return t;
}

static const uint8_t *root_table(unsigned i, const char *signature, uint32_t *len)
{
	const uint8_t *x;

	ck_assert(!memcmp(area, "RSD PTR ", 8));
	ck_assert_uint_eq(sum(area, 20), 0);
	ck_assert_uint_eq(sum(area, BOOT_ACPI_RSDP_SIZE), 0);
	x = table(number(area + 24, 8), "XSDT", len);
	ck_assert_uint_eq(*len, 36 + 2 * 8);
	return table(number(x + 36 + 8 * i, 8), signature, len);
}

START_TEST(fadt_names_the_ports_that_the_engine_answers)
{
	const uint8_t *f;
	uint32_t len;

	make(1, 1);
	f = root_table(0, "FACP", &len);
	ck_assert_uint_eq(len, 276);
	ck_assert(number(f + 112, 4) & 1 << 20); /* hardware reduced */
	ck_assert(number(f + 112, 4) & 1 << 10); /* reset register */
	ck_assert_uint_eq(f[116], 1);		 /* system I/O */
	ck_assert_uint_eq(number(f + 120, 8), BOOT_ACPI_RESET_PORT);
	ck_assert_uint_eq(f[128], BOOT_ACPI_RESET_VALUE);
	ck_assert_uint_eq(f[244], 1);
	ck_assert_uint_eq(number(f + 248, 8), BOOT_ACPI_SLEEP_PORT);
	ck_assert_uint_eq(f[256], 1);
	ck_assert_uint_eq(number(f + 260, 8), BOOT_ACPI_SLEEP_STATUS_PORT);
	ck_assert_uint_eq(number(f + 40, 4), number(f + 140, 8));
	table(number(f + 140, 8), "DSDT", &len);
}
END_TEST

/* One processor's entry, whichever its form; returns what is behind it. */
static const uint8_t *apic(const uint8_t *e, unsigned vcpu, uint32_t flags)
{
	if (e[0] == 0) {
		ck_assert_uint_eq(e[1], 8);
		ck_assert_uint_eq(e[2], vcpu);
		ck_assert_uint_eq(e[3], 2 * vcpu);
		ck_assert_uint_eq(number(e + 4, 4), flags);
		return e + 8;
	}
	ck_assert_uint_eq(e[0], 9);
	ck_assert_uint_eq(e[1], 16);
	ck_assert_uint_eq(number(e + 4, 4), 2 * vcpu);
	ck_assert_uint_ge(2 * vcpu, 255);
	ck_assert_uint_eq(number(e + 8, 4), flags);
	ck_assert_uint_eq(number(e + 12, 4), vcpu);
	return e + 16;
}

START_TEST(madt_enables_vcpus_and_lists_the_rest_for_later)
{
	static const struct {
		unsigned vcpus, max;
	} shape[] = {{1, 1}, {1, 8}, {8, 8}, {64, 128}, {128, 128}, {3, BOOT_ACPI_MAX_VCPUS}};
	const uint8_t *m, *e;
	uint32_t len;

	for (unsigned s = 0; s < sizeof(shape) / sizeof(shape[0]); s++) {
		make(shape[s].vcpus, shape[s].max);
		m = root_table(1, "APIC", &len);
		ck_assert_uint_eq(number(m + 36, 4), 0xfee00000);
		e = m + 44;
		for (unsigned i = 0; i < shape[s].max; i++)
			e = apic(e, i, i < shape[s].vcpus ? 1 : 2);
		ck_assert_ptr_eq(e, m + len);
	}
}
END_TEST

START_TEST(tables_follow_from_the_configuration_alone)
{
	static uint8_t first[SIZE];

	make(3, 70);
	memcpy(first, area, SIZE);
	make(3, 70);
	ck_assert_int_eq(memcmp(first, area, SIZE), 0);
	for (uint32_t i = used; i < SIZE; i++)
		ck_assert_uint_eq(area[i], 0);
}
END_TEST

/* iasl must disassemble the table and compile the result again without an error. */
static void check_by_iasl(const char *dir, const char *name, const uint8_t *t, uint32_t len)
{
	char command[512], path[300];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s.aml", dir, name);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(t, 1, len, f), len);
	fclose(f);
	snprintf(command, sizeof(command),
		 "cd %s && iasl -d %s.aml >%s.log 2>&1 && iasl %s.dsl >>%s.log 2>&1 && "
		 "! grep -iE 'error |invalid|incorrect checksum' %s.log",
		 dir, name, name, name, name, name);
	ck_assert_msg(!system(command), "iasl: see %s/%s.log", dir, name);
}

START_TEST(iasl_takes_every_table)
{
	char dir[] = "/tmp/acpi-XXXXXX", command[64];
	const uint8_t *t, *d;
	uint32_t len, dlen;

	if (system("iasl -v >/dev/null 2>&1")) {
		printf("# iasl is not installed: its opinion is skipped\n");
		return;
	}
	ck_assert_ptr_nonnull(mkdtemp(dir));
	make(3, 140);
	t = root_table(0, "FACP", &len);
	d = table(number(t + 140, 8), "DSDT", &dlen);
	check_by_iasl(dir, "facp", t, len);
	check_by_iasl(dir, "dsdt", d, dlen);
	t = root_table(1, "APIC", &len);
	check_by_iasl(dir, "apic", t, len);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	ck_assert_int_eq(system(command), 0);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("boot-acpi");

	tcase_add_test(t, fadt_names_the_ports_that_the_engine_answers);
	tcase_add_test(t, madt_enables_vcpus_and_lists_the_rest_for_later);
	tcase_add_test(t, tables_follow_from_the_configuration_alone);
	tcase_add_test(t, iasl_takes_every_table);
	return run_case("boot-acpi", t);
}
