/*
 * boot_pvh: claims about the PVH builder: generated kernels, 32 and 64 bit, in memory with its hole.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <pv/abi/errno.h>
#include <pv/abi/hvm/start_info.h>
#include "boot/boot.h"
#include "boot_memory.h"
#include "elf_image.h"
#include "run.h"

#define MIB	  (1ull << 20)
#define GIB	  (1ull << 30)
#define KERNEL_PA 0x1000000ull

static struct elf_image m;
static struct boot_kernel k;
static struct boot_error err;
static struct boot_pvh_result r;
static struct boot_memory mem;
static struct boot_config config;
static const uint8_t text[64] = "the kernel's first bytes";

static int fd_of(const void *p, size_t len)
{
	int fd = memfd_create("file", MFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, p, len), (ssize_t)len);
	return fd;
}

static void make_kernel(int is64, uint64_t pa, uint64_t entry, unsigned entry_bytes)
{
	uint32_t at;
	int fd;

	img_start(&m, is64, 0);
	at = img_bytes(&m, text, sizeof(text));
	img_phdr(&m, PV_ELF_PT_LOAD, at, pa, pa, sizeof(text), 0x3000);
	at = m.size;
	if (entry_bytes)
		img_note(&m, "Xen", PV_XEN_ELFNOTE_PHYS32_ENTRY, &entry, entry_bytes);
	img_note_segment(&m, at);
	fd = fd_of(m.b, m.size);
	ck_assert_int_eq(boot_kernel_read(&k, "kernel.elf", fd, &err), 0);
	close(fd);
}

static int build(uint64_t ram_size)
{
	memory_make(&mem, ram_size);
	config.ram = mem.at;
	config.ram_size = ram_size;
	return boot_pvh(&k, &config, &r, &err);
}

static void setup(void)
{
	config = (struct boot_config){
		.cmdline = "quiet root=/dev/xvda", .ramdisk_fd = -1, .vcpus = 2, .maxvcpus = 4};
	memset(&k, 0, sizeof(k));
	memset(&err, 0, sizeof(err));
	memset(&mem, 0, sizeof(mem));
}

static void teardown(void)
{
	boot_kernel_free(&k);
	if (mem.at)
		memory_drop(&mem);
	if (config.ramdisk_fd >= 0)
		close(config.ramdisk_fd);
}

static void said(const char *what)
{
	ck_assert_msg(strstr(err.text, "kernel.elf: ") == err.text, "%s", err.text);
	ck_assert_msg(strstr(err.text, what) != NULL, "%s", err.text);
	ck_assert_ptr_eq(strchr(err.text, '\n'), NULL);
}

static const struct pv_hvm_start_info *start_info(void)
{
	return (const void *)(mem.at + r.start_info_gpa);
}

static uint64_t ram_in(const struct boot_region *region, unsigned n)
{
	uint64_t bytes = 0;

	for (unsigned i = 0; i < n; i++)
		if (region[i].gpa != BOOT_ACPI_START)
			bytes += region[i].size;
	return bytes;
}

START_TEST(every_amount_of_memory_has_a_place_around_the_hole)
{
	static const uint64_t sizes[] = {
		4096,	 256 * MIB, BOOT_HOLE_START - 4096, BOOT_HOLE_START, BOOT_HOLE_START + 4096,
		4 * GIB, 64 * GIB,  BOOT_RAM_MAX,
	};
	struct boot_pvh_layout l;

	for (unsigned s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
		uint64_t told = 0, before = 0;

		ck_assert_int_eq(boot_pvh_layout(sizes[s], &l), 0);
		ck_assert_uint_le(l.nregions, BOOT_MAX_REGIONS);
		ck_assert_uint_le(l.nmap, BOOT_MAX_MAP);
		ck_assert_uint_eq(ram_in(l.region, l.nregions), sizes[s]);
		for (unsigned i = 0; i < l.nregions; i++) {
			uint64_t end = l.region[i].gpa + l.region[i].size;

			ck_assert(!i || l.region[i].gpa > before);
			ck_assert(end <= BOOT_HOLE_START || l.region[i].gpa >= BOOT_HOLE_END ||
				  (l.region[i].gpa == BOOT_ACPI_START && end == BOOT_SPECIAL_END));
			ck_assert_uint_le(end + GIB, l.span);
			before = end;
		}
		for (unsigned i = 0, last = 0; i < l.nmap; i++) {
			ck_assert(!i || l.map[i].addr >= l.map[last].addr + l.map[last].size);
			if (l.map[i].type == PV_XEN_HVM_MEMMAP_TYPE_RAM)
				told += l.map[i].size;
			last = i;
		}
		ck_assert_uint_eq(told, sizes[s]);
	}
	ck_assert_int_eq(boot_pvh_layout(0, &l), -PV_EINVAL);
	ck_assert_int_eq(boot_pvh_layout(4097, &l), -PV_EINVAL);
	ck_assert_int_eq(boot_pvh_layout(BOOT_RAM_MAX + 4096, &l), -PV_EINVAL);
}
END_TEST

START_TEST(ring_pages_are_where_xen_has_them_and_inside_the_special_region)
{
	ck_assert_uint_eq(BOOT_PVH_STORE_GFN, 0xfeffc);
	ck_assert_uint_eq(BOOT_PVH_CONSOLE_GFN, 0xfefff);
	ck_assert_uint_ge(BOOT_PVH_STORE_GFN << 12, BOOT_ACPI_END);
	ck_assert_uint_le((BOOT_PVH_CONSOLE_GFN + 1) << 12, BOOT_SPECIAL_END);
}
END_TEST

START_TEST(start_info_describes_memory_and_modules)
{
	static const uint8_t disk[100] = "initrd";
	const struct pv_hvm_memmap_table_entry *map;
	const struct pv_hvm_modlist_entry *mod;
	const struct pv_hvm_start_info *si;

	make_kernel(1, KERNEL_PA, KERNEL_PA + 16, 8);
	config.ramdisk_fd = fd_of(disk, sizeof(disk));
	config.ramdisk_name = "initrd.img";
	ck_assert_int_eq(build(5 * GIB), 0);
	ck_assert_uint_eq(r.entry_gpa, KERNEL_PA + 16);
	ck_assert_int_eq(memcmp(mem.at + KERNEL_PA, text, sizeof(text)), 0);
	si = start_info();
	ck_assert_uint_ge(r.start_info_gpa, KERNEL_PA + 0x3000);
	ck_assert_uint_eq(si->magic, PV_XEN_HVM_START_MAGIC_VALUE);
	ck_assert_uint_eq(si->version, 1);
	ck_assert_uint_eq(si->rsdp_paddr, BOOT_ACPI_RSDP);
	ck_assert_int_eq(memcmp(mem.at + si->rsdp_paddr, "RSD PTR ", 8), 0);
	ck_assert_str_eq((const char *)mem.at + si->cmdline_paddr, config.cmdline);
	ck_assert_uint_eq(si->nr_modules, 1);
	mod = (const void *)(mem.at + si->modlist_paddr);
	ck_assert_uint_eq(mod->size, sizeof(disk));
	ck_assert_int_eq(memcmp(mem.at + mod->paddr, disk, sizeof(disk)), 0);
	map = (const void *)(mem.at + si->memmap_paddr);
	ck_assert_uint_eq(si->memmap_entries, mem.l.nmap);
	for (unsigned i = 0; i < mem.l.nmap; i++) {
		ck_assert_uint_eq(map[i].addr, mem.l.map[i].addr);
		ck_assert_uint_eq(map[i].size, mem.l.map[i].size);
		ck_assert_uint_eq(map[i].type, mem.l.map[i].type);
		ck_assert_uint_eq(map[i].reserved, 0);
	}
}
END_TEST

START_TEST(ramdisk_lies_at_the_end_of_low_memory)
{
	static const struct {
		uint64_t ram, end;
	} at[] = {{64 * MIB, 64 * MIB}, {3 * GIB, 2 * GIB}, {6 * GIB, 2 * GIB}};
	const struct pv_hvm_modlist_entry *mod;
	uint8_t disk[5000] = {1};

	make_kernel(1, KERNEL_PA, KERNEL_PA, 4);
	config.ramdisk_fd = fd_of(disk, sizeof(disk));
	config.ramdisk_name = "initrd.img";
	for (unsigned i = 0; i < 3; i++) {
		ck_assert_int_eq(build(at[i].ram), 0);
		mod = (const void *)(mem.at + start_info()->modlist_paddr);
		ck_assert_uint_eq(mod->paddr, at[i].end - 8192);
		memory_drop(&mem);
	}
	mem.at = NULL;
}
END_TEST

START_TEST(elf32_kernel_with_either_form_of_the_note_is_loaded)
{
	make_kernel(_i & 1, KERNEL_PA, KERNEL_PA + 8, _i & 2 ? 4 : 8);
	ck_assert_int_eq(build(64 * MIB), 0);
	ck_assert_uint_eq(r.entry_gpa, KERNEL_PA + 8);
	ck_assert_int_eq(memcmp(mem.at + KERNEL_PA, text, sizeof(text)), 0);
}
END_TEST

START_TEST(long_command_line_arrives_whole)
{
	char *line = malloc(65537);

	ck_assert_ptr_nonnull(line);
	memset(line, 'x', 65536);
	line[65535] = 0;
	make_kernel(1, KERNEL_PA, KERNEL_PA, 4);
	config.cmdline = line;
	ck_assert_int_eq(build(64 * MIB), 0);
	ck_assert_str_eq((const char *)mem.at + start_info()->cmdline_paddr, line);
	line[65535] = 'x';
	line[65536] = 0;
	ck_assert_int_eq(boot_pvh_check(&k, &config, &err), -PV_E2BIG);
	said("65536 bytes");
	free(line);
}
END_TEST

START_TEST(no_command_line_is_address_0)
{
	make_kernel(1, KERNEL_PA, KERNEL_PA, 4);
	config.cmdline = NULL;
	ck_assert_int_eq(build(64 * MIB), 0);
	ck_assert_uint_eq(start_info()->cmdline_paddr, 0);
}
END_TEST

START_TEST(kernel_without_pvh_entry_is_refused)
{
	make_kernel(1, KERNEL_PA, 0, 0);
	ck_assert_int_eq(boot_pvh_check(&k, &config, &err), -PV_ENOEXEC);
	said("PHYS32_ENTRY");
	ck_assert_int_eq(build(64 * MIB), -PV_ENOEXEC);
}
END_TEST

START_TEST(entry_outside_the_image_is_refused)
{
	static const uint64_t entry[] = {0, KERNEL_PA - 1, KERNEL_PA + 0x3000, UINT64_MAX,
					 KERNEL_PA | 1ull << 32};

	make_kernel(1, KERNEL_PA, entry[_i], 8);
	ck_assert_int_eq(build(64 * MIB), -PV_EINVAL);
	said("PHYS32_ENTRY");
}
END_TEST

START_TEST(kernel_that_would_lie_in_the_hole_is_refused)
{
	static const uint64_t at[] = {64 * MIB - 0x2000, BOOT_HOLE_START, BOOT_ACPI_START,
				      BOOT_HOLE_END, UINT64_MAX - 0x4000};

	make_kernel(1, at[_i], at[_i], 8);
	ck_assert_int_lt(build(_i ? 6 * GIB : 64 * MIB), 0);
	said("kernel.elf");
}
END_TEST

START_TEST(kernel_for_another_processor_is_refused)
{
	make_kernel(1, KERNEL_PA, KERNEL_PA, 4);
	k.elf.machine = PV_ELF_EM_AARCH64;
	ck_assert_int_eq(build(64 * MIB), -PV_ENOEXEC);
	said("x86");
}
END_TEST

START_TEST(too_little_memory_is_refused_at_every_size)
{
	static const uint8_t disk[9000] = "initrd";
	unsigned built = 0;

	make_kernel(1, KERNEL_PA, KERNEL_PA, 4);
	config.ramdisk_fd = fd_of(disk, sizeof(disk));
	config.ramdisk_name = "initrd.img";
	for (uint64_t pages = 1; pages < 16; pages++) {
		if (!build(KERNEL_PA + pages * 4096))
			built++;
		else
			said("set memory to");
		memory_drop(&mem);
	}
	mem.at = NULL;
	/* kernel, start info, command line and ramdisk need 3 + 1 + 1 + 3 pages */
	ck_assert_uint_eq(built, 16 - 8);
}
END_TEST

START_TEST(fresh_guest_is_the_same_in_every_byte_each_time)
{
	static const uint8_t disk[5000] = "initrd";
	struct boot_memory first;

	make_kernel(1, KERNEL_PA, KERNEL_PA, 4);
	config.ramdisk_fd = fd_of(disk, sizeof(disk));
	config.ramdisk_name = "initrd.img";
	ck_assert_int_eq(build(32 * MIB), 0);
	first = mem;
	ck_assert_int_eq(build(32 * MIB), 0);
	for (unsigned i = 0; i < mem.l.nregions; i++)
		ck_assert_int_eq(memcmp(first.at + mem.l.region[i].gpa,
					mem.at + mem.l.region[i].gpa, mem.l.region[i].size),
				 0);
	/* Rings and the other special pages are zero. */
	for (uint64_t a = BOOT_ACPI_END; a < BOOT_SPECIAL_END; a++)
		ck_assert_uint_eq(mem.at[a], 0);
	memory_drop(&first);
}
END_TEST

/* A kernel with notes of Linux, with the feature or without it. */
static void make_linux(const char *features)
{
	uint32_t at, entry = KERNEL_PA;
	int fd;

	img_start(&m, 1, 0);
	at = img_bytes(&m, text, sizeof(text));
	img_phdr(&m, PV_ELF_PT_LOAD, at, KERNEL_PA, KERNEL_PA, sizeof(text), 0x3000);
	at = m.size;
	img_note(&m, "Xen", PV_XEN_ELFNOTE_PHYS32_ENTRY, &entry, 4);
	img_note_string(&m, PV_XEN_ELFNOTE_GUEST_OS, "linux");
	img_note_string(&m, PV_XEN_ELFNOTE_FEATURES, features);
	img_note_segment(&m, at);
	fd = fd_of(m.b, m.size);
	ck_assert_int_eq(boot_kernel_read(&k, "kernel.elf", fd, &err), 0);
	close(fd);
}

START_TEST(older_linux_finds_the_rsdp_where_a_pc_has_it)
{
	make_linux("");
	ck_assert_int_eq(build(32 * MIB), 0);
	ck_assert_int_eq(memcmp(mem.at + 0x100000 - 36, mem.at + BOOT_ACPI_RSDP, 36), 0);
}
END_TEST

START_TEST(linux_without_that_restriction_has_nothing_in_low_memory)
{
	make_linux("linux_rsdp_unrestricted");
	ck_assert_int_eq(build(32 * MIB), 0);
	for (unsigned i = 0; i < 0x100000; i++)
		ck_assert_uint_eq(mem.at[i], 0);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("boot-pvh");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, every_amount_of_memory_has_a_place_around_the_hole);
	tcase_add_test(t, ring_pages_are_where_xen_has_them_and_inside_the_special_region);
	tcase_add_test(t, start_info_describes_memory_and_modules);
	tcase_add_test(t, ramdisk_lies_at_the_end_of_low_memory);
	tcase_add_loop_test(t, elf32_kernel_with_either_form_of_the_note_is_loaded, 0, 4);
	tcase_add_test(t, long_command_line_arrives_whole);
	tcase_add_test(t, no_command_line_is_address_0);
	tcase_add_test(t, kernel_without_pvh_entry_is_refused);
	tcase_add_loop_test(t, entry_outside_the_image_is_refused, 0, 5);
	tcase_add_loop_test(t, kernel_that_would_lie_in_the_hole_is_refused, 0, 5);
	tcase_add_test(t, kernel_for_another_processor_is_refused);
	tcase_add_test(t, too_little_memory_is_refused_at_every_size);
	tcase_add_test(t, fresh_guest_is_the_same_in_every_byte_each_time);
	tcase_add_test(t, older_linux_finds_the_rsdp_where_a_pc_has_it);
	tcase_add_test(t, linux_without_that_restriction_has_nothing_in_low_memory);
	return run_case("boot-pvh", t);
}
