/*
 * boot: claims about the PV domain builder: generated kernels, good and bad, in a small RAM.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <pv/abi/errno.h>
#include <pv/abi/features.h>
#include <pv/abi/xen.h>
#include "boot/boot.h"
#include "elf_image.h"
#include "run.h"

#define RAM_SIZE  (4u << 20)
#define BASE	  0x10000000ull
#define KERNEL_PA 0x100000ull
#define FEATURES  (1u << PV_XENFEAT_auto_translated_physmap | 1u << PV_XENFEAT_writable_page_tables)

static struct elf_image m;
static struct boot_kernel k;
static struct boot_error err;
static struct boot_result r;
static uint8_t *ram;
static struct boot_config config;

static int fd_of(const void *p, size_t len)
{
	int fd = memfd_create("file", MFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, p, len), (ssize_t)len);
	return fd;
}

static int read_bytes(const void *p, size_t len)
{
	int fd = fd_of(p, len), rc = boot_kernel_read(&k, "kernel.elf", fd, &err);

	close(fd);
	return rc;
}

static int read_image(void)
{
	return read_bytes(m.b, m.size);
}

static const uint8_t text[64] = "the kernel's first bytes";

/* 64 bytes of text and 8 KiB of bss at 1 MiB; the caller adds notes and then finish(). */
static uint32_t start_kernel(void)
{
	uint32_t at;

	img_start(&m, 1, BASE + KERNEL_PA);
	at = img_bytes(&m, text, sizeof(text));
	img_phdr(&m, PV_ELF_PT_LOAD, at, BASE + KERNEL_PA, KERNEL_PA, sizeof(text), 0x3000);
	return m.size;
}

static void usual_notes(void)
{
	img_note_number(&m, PV_XEN_ELFNOTE_ENTRY, BASE + KERNEL_PA + 16);
	img_note_number(&m, PV_XEN_ELFNOTE_HYPERCALL_PAGE, BASE + KERNEL_PA + 0x1000);
	img_note_number(&m, PV_XEN_ELFNOTE_VIRT_BASE, BASE);
	img_note_string(&m, PV_XEN_ELFNOTE_XEN_VERSION, "xen-3.0");
	img_note_string(&m, PV_XEN_ELFNOTE_LOADER, "generic");
	img_note_string(&m, PV_XEN_ELFNOTE_FEATURES,
			"writable_page_tables|auto_translated_physmap");
	img_note_number(&m, PV_XEN_ELFNOTE_SUSPEND_CANCEL, 1);
	img_note(&m, "Xen", PV_XEN_ELFNOTE_PHYS32_ENTRY, "\x10\0\x10\0", 4);
}

static void usual_kernel(void)
{
	uint32_t notes = start_kernel();

	usual_notes();
	img_note_segment(&m, notes);
	ck_assert_int_eq(read_image(), 0);
}

static void setup(void)
{
	/* Page-protected at both ends: a builder that leaves RAM dies here. */
	uint8_t *all = mmap(NULL, RAM_SIZE + 0x2000, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ck_assert_ptr_ne(all, MAP_FAILED);
	ram = all + 0x1000;
	ck_assert_int_eq(mprotect(ram, RAM_SIZE, PROT_READ | PROT_WRITE), 0);
	config = (struct boot_config){.ram = ram,
				      .ram_size = RAM_SIZE,
				      .cmdline = "quiet root=/dev/xvda",
				      .ramdisk_fd = -1,
				      .features = FEATURES,
				      .store_evtchn = 3,
				      .console_evtchn = 4};
	memset(&k, 0, sizeof(k));
	memset(&err, 0, sizeof(err));
}

static void teardown(void)
{
	boot_kernel_free(&k);
	munmap(ram - 0x1000, RAM_SIZE + 0x2000);
}

/* The text must name the file, and say `what`. */
static void said(const char *what)
{
	ck_assert_msg(strstr(err.text, "kernel.elf: ") == err.text, "%s", err.text);
	ck_assert_msg(strstr(err.text, what) != NULL, "%s", err.text);
	ck_assert_ptr_eq(strchr(err.text, '\n'), NULL);
}

static struct pv_start_info *start_info(void)
{
	return (struct pv_start_info *)(ram + r.start_info_gfn * 4096);
}

START_TEST(pv_kernel_lands_at_its_physical_address)
{
	usual_kernel();
	ck_assert_int_eq(boot_pv(&k, &config, &r, &err), 0);
	ck_assert_int_eq(memcmp(ram + KERNEL_PA, text, sizeof(text)), 0);
	ck_assert_uint_eq(r.entry_gva, BASE + KERNEL_PA + 16);
	ck_assert_uint_eq(r.virt_base, BASE);
	ck_assert(r.has_hypercall_page);
	ck_assert_uint_eq(r.hypercall_gva, BASE + KERNEL_PA + 0x1000);
	ck_assert(r.suspend_cancel);
}
END_TEST

START_TEST(paddr_offset_moves_the_kernel)
{
	uint32_t notes, at;

	img_start(&m, 1, 0);
	at = img_bytes(&m, text, sizeof(text));
	img_phdr(&m, PV_ELF_PT_LOAD, at, BASE + KERNEL_PA, BASE + KERNEL_PA, sizeof(text), 0x3000);
	notes = m.size;
	usual_notes();
	img_note_number(&m, PV_XEN_ELFNOTE_PADDR_OFFSET, BASE);
	img_note_segment(&m, notes);
	ck_assert_int_eq(read_image(), 0);
	ck_assert_int_eq(boot_pv(&k, &config, &r, &err), 0);
	ck_assert_int_eq(memcmp(ram + KERNEL_PA, text, sizeof(text)), 0);
}
END_TEST

START_TEST(bss_is_cleared_even_in_used_memory)
{
	usual_kernel();
	memset(ram, 0xff, RAM_SIZE);
	ck_assert_int_eq(boot_pv(&k, &config, &r, &err), 0);
	ck_assert_uint_eq(ram[KERNEL_PA + sizeof(text)], 0);
	ck_assert_uint_eq(ram[KERNEL_PA + 0x2fff], 0);
	ck_assert_uint_eq(ram[KERNEL_PA - 1], 0xff);
}
END_TEST

START_TEST(start_info_says_what_xens_builder_would)
{
	struct pv_start_info *si;

	usual_kernel();
	ck_assert_int_eq(boot_pv(&k, &config, &r, &err), 0);
	si = start_info();
	ck_assert_uint_eq(r.start_info_gva, BASE + r.start_info_gfn * 4096);
	ck_assert_str_eq(si->magic, "xen-3.0-x86_64");
	ck_assert_uint_eq(si->nr_pages, RAM_SIZE / 4096);
	ck_assert_uint_eq(si->shared_info, r.shared_info_gfn * 4096);
	ck_assert_uint_eq(si->flags, 0);
	ck_assert_uint_eq(si->store_mfn, r.store_gfn);
	ck_assert_uint_eq(si->store_evtchn, 3);
	ck_assert_uint_eq(si->console.domU.mfn, r.console_gfn);
	ck_assert_uint_eq(si->console.domU.evtchn, 4);
	ck_assert_uint_eq(si->nr_pt_frames, 1);
	ck_assert_uint_eq(si->pt_base % 4096, 0);
	ck_assert_uint_eq(si->mod_start, 0);
	ck_assert_uint_eq(si->mod_len, 0);
	ck_assert_str_eq((char *)si->cmd_line, "quiet root=/dev/xvda");
}
END_TEST

START_TEST(boot_pages_ascend_as_in_xen_and_do_not_overlap)
{
	static const uint8_t disk[5000] = "initrd";
	struct pv_start_info *si;
	uint64_t p2m_end;

	usual_kernel();
	config.ramdisk_fd = fd_of(disk, sizeof(disk));
	config.ramdisk_name = "initrd.img";
	ck_assert_int_eq(boot_pv(&k, &config, &r, &err), 0);
	close(config.ramdisk_fd);
	si = start_info();
	p2m_end = si->mfn_list + si->nr_pages * 8;
	ck_assert_uint_ge(si->mod_start, BASE + KERNEL_PA + 0x3000);
	ck_assert_uint_le(si->mod_start + si->mod_len, si->mfn_list);
	ck_assert_uint_le(p2m_end, r.start_info_gva);
	ck_assert_uint_lt(r.start_info_gfn, r.shared_info_gfn);
	ck_assert_uint_lt(r.shared_info_gfn, r.store_gfn);
	ck_assert_uint_lt(r.store_gfn, r.console_gfn);
	ck_assert_uint_lt(BASE + r.console_gfn * 4096, si->pt_base);
	ck_assert_uint_eq(r.stack_gva, si->pt_base + 2 * 4096);
	ck_assert_uint_eq(r.first_free_gfn * 4096 + BASE, r.stack_gva);
	ck_assert_int_eq(memcmp(ram + (si->mod_start - BASE), disk, sizeof(disk)), 0);
	ck_assert_uint_eq(si->mod_len, sizeof(disk));
}
END_TEST

START_TEST(p2m_list_is_the_identity)
{
	uint64_t i, *p2m;

	usual_kernel();
	ck_assert_int_eq(boot_pv(&k, &config, &r, &err), 0);
	p2m = (uint64_t *)(ram + (start_info()->mfn_list - BASE));
	for (i = 0; i < RAM_SIZE / 4096; i++)
		ck_assert_uint_eq(p2m[i], i);
}
END_TEST

/* Every size of RAM either fits or is refused in words; none writes outside. */
START_TEST(too_little_memory_is_refused_at_every_size)
{
	uint64_t pages, fits = 0;

	usual_kernel();
	for (pages = 1; pages <= 300; pages++) {
		uint8_t *end = ram + RAM_SIZE;

		config.ram_size = pages * 4096;
		config.ram = end - config.ram_size;
		if (!boot_pv(&k, &config, &r, &err)) {
			fits++;
			ck_assert_uint_le(r.first_free_gfn, pages);
		} else {
			ck_assert_uint_eq(fits, 0);
			said("memory");
		}
	}
	ck_assert_uint_gt(fits, 0);
}
END_TEST

START_TEST(ramdisk_that_does_not_fit_is_refused)
{
	int fd = memfd_create("big", MFD_CLOEXEC);

	usual_kernel();
	ck_assert_int_eq(ftruncate(fd, RAM_SIZE), 0);
	config.ramdisk_fd = fd;
	config.ramdisk_name = "initrd.img";
	ck_assert_int_eq(boot_pv(&k, &config, &r, &err), -PV_ENOMEM);
	said("ramdisk");
	ck_assert_int_eq(ftruncate(fd, 0), 0);
	ck_assert_int_eq(boot_pv(&k, &config, &r, &err), -PV_EINVAL);
	ck_assert_ptr_ne(strstr(err.text, "initrd.img: is empty"), NULL);
	close(fd);
}
END_TEST

START_TEST(command_line_may_have_1023_bytes)
{
	char line[1100];

	usual_kernel();
	memset(line, 'x', sizeof(line));
	line[1023] = 0;
	config.cmdline = line;
	ck_assert_int_eq(boot_pv(&k, &config, &r, &err), 0);
	ck_assert_str_eq((char *)start_info()->cmd_line, line);
	line[1023] = 'x';
	line[1024] = 0;
	ck_assert_int_eq(boot_pv(&k, &config, &r, &err), -PV_E2BIG);
	said("shorten");
}
END_TEST

START_TEST(files_that_are_no_kernel_are_refused)
{
	static uint8_t file[1024];
	int fds[2];

	ck_assert_int_eq(read_bytes(file, 0), -PV_ENOEXEC);
	said("is empty");
	ck_assert_int_eq(read_bytes(file, sizeof(file)), -PV_ENOEXEC);
	said("not an ELF file");
	ck_assert_int_eq(pipe(fds), 0);
	ck_assert_int_eq(boot_kernel_read(&k, "kernel.elf", fds[0], &err), -PV_EINVAL);
	said("not a file");
	close(fds[0]);
	close(fds[1]);
}
END_TEST

START_TEST(truncated_kernel_is_refused_at_every_length)
{
	uint32_t cut, full;

	usual_kernel();
	full = m.size;
	for (cut = 1; cut < full; cut++) {
		boot_kernel_free(&k);
		ck_assert_int_lt(read_bytes(m.b, cut), 0);
		said("");
	}
}
END_TEST

START_TEST(kernel_without_notes_is_refused)
{
	start_kernel();
	ck_assert_int_eq(read_image(), 0);
	ck_assert_int_eq(boot_pv(&k, &config, &r, &err), -PV_ENOEXEC);
	said("no Xen PV notes");
}
END_TEST

START_TEST(kernel_with_pvh_entry_only_is_refused_by_the_pv_builder)
{
	uint32_t notes = start_kernel();

	img_note_number(&m, PV_XEN_ELFNOTE_PHYS32_ENTRY, KERNEL_PA);
	img_note_segment(&m, notes);
	ck_assert_int_eq(read_image(), 0);
	ck_assert_int_eq(boot_pv(&k, &config, &r, &err), -PV_EOPNOTSUPP);
	said("PVH kernel only");
	said("set type=\"pvh\"");
}
END_TEST

static const struct {
	unsigned note;
	uint64_t value; /* of a number, or if `text` is set: that */
	const char *text;
	int rc;
	const char *said;
} lies[] = {
	{PV_XEN_ELFNOTE_ENTRY, 0, NULL, -PV_EINVAL, "entry point"},
	{PV_XEN_ELFNOTE_ENTRY, BASE + KERNEL_PA + 0x3000, NULL, -PV_EINVAL, "entry point"},
	{PV_XEN_ELFNOTE_ENTRY, BASE - 1, NULL, -PV_EINVAL, "entry point"},
	{PV_XEN_ELFNOTE_HYPERCALL_PAGE, BASE + KERNEL_PA + 0x800, NULL, -PV_EINVAL, "HYPERCALL"},
	{PV_XEN_ELFNOTE_HYPERCALL_PAGE, BASE + KERNEL_PA + 0x3000, NULL, -PV_EINVAL, "HYPERCALL"},
	{PV_XEN_ELFNOTE_HYPERCALL_PAGE, 0, NULL, -PV_EINVAL, "HYPERCALL"},
	{PV_XEN_ELFNOTE_VIRT_BASE, UINT64_MAX & ~0xfffull, NULL, -PV_EINVAL, "VIRT_BASE"},
	{PV_XEN_ELFNOTE_VIRT_BASE, BASE + 1, NULL, -PV_EINVAL, "VIRT_BASE"},
	{PV_XEN_ELFNOTE_LOADER, 0, "lilo", -PV_ENOEXEC, "LOADER"},
	{PV_XEN_ELFNOTE_XEN_VERSION, 0, "xen-2.0", -PV_ENOEXEC, "XEN_VERSION"},
	{PV_XEN_ELFNOTE_FEATURES, 0, "!supervisor_mode_kernel", -PV_EOPNOTSUPP, "requires"},
	{PV_XEN_ELFNOTE_FEATURES, 0, "!telepathy", -PV_EOPNOTSUPP, "telepathy"},
	{PV_XEN_ELFNOTE_FEATURES, 0, "!a\033[2J\nb", -PV_EOPNOTSUPP, "\"a?[2J?b\""},
	{PV_XEN_ELFNOTE_FEATURES, 0, "writable_page_tables", -PV_EOPNOTSUPP, "page tables"},
};

START_TEST(note_that_cannot_be_is_refused)
{
	uint32_t notes = start_kernel();

	usual_notes();
	if (lies[_i].text)
		img_note_string(&m, lies[_i].note, lies[_i].text);
	else
		img_note_number(&m, lies[_i].note, lies[_i].value);
	img_note_segment(&m, notes);
	ck_assert_int_eq(read_image(), 0);
	ck_assert_int_eq(boot_pv(&k, &config, &r, &err), lies[_i].rc);
	said(lies[_i].said);
}
END_TEST

START_TEST(kernel_for_another_processor_is_refused)
{
	usual_kernel();
	boot_kernel_free(&k);
	img_put(&m, 18, PV_ELF_EM_AARCH64, 2);
	ck_assert_int_eq(read_image(), 0);
	ck_assert_int_eq(boot_pv(&k, &config, &r, &err), -PV_ENOEXEC);
	said("x86");
}
END_TEST

START_TEST(segment_below_the_paddr_offset_is_refused)
{
	uint32_t notes = start_kernel();

	usual_notes();
	img_note_number(&m, PV_XEN_ELFNOTE_PADDR_OFFSET, KERNEL_PA + 1);
	img_note_segment(&m, notes);
	ck_assert_int_eq(read_image(), -PV_EINVAL);
	said("PADDR_OFFSET");
}
END_TEST

START_TEST(image_with_nothing_to_load_is_refused)
{
	img_start(&m, 1, 0);
	img_phdr(&m, PV_ELF_PT_LOAD, 0, 0, 0, 0, 0);
	ck_assert_int_eq(read_image(), -PV_EINVAL);
	said("nothing to load");
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("boot");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, pv_kernel_lands_at_its_physical_address);
	tcase_add_test(t, paddr_offset_moves_the_kernel);
	tcase_add_test(t, bss_is_cleared_even_in_used_memory);
	tcase_add_test(t, start_info_says_what_xens_builder_would);
	tcase_add_test(t, boot_pages_ascend_as_in_xen_and_do_not_overlap);
	tcase_add_test(t, p2m_list_is_the_identity);
	tcase_add_test(t, too_little_memory_is_refused_at_every_size);
	tcase_add_test(t, ramdisk_that_does_not_fit_is_refused);
	tcase_add_test(t, command_line_may_have_1023_bytes);
	tcase_add_test(t, files_that_are_no_kernel_are_refused);
	tcase_add_test(t, truncated_kernel_is_refused_at_every_length);
	tcase_add_test(t, kernel_without_notes_is_refused);
	tcase_add_test(t, kernel_with_pvh_entry_only_is_refused_by_the_pv_builder);
	tcase_add_loop_test(t, note_that_cannot_be_is_refused, 0, sizeof(lies) / sizeof(lies[0]));
	tcase_add_test(t, kernel_for_another_processor_is_refused);
	tcase_add_test(t, segment_below_the_paddr_offset_is_refused);
	tcase_add_test(t, image_with_nothing_to_load_is_refused);
	return run_case("boot", t);
}
