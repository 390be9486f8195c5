/*
 * elf: claims about the ELF reader, on generated images, sound ones and broken ones.
 */
#include <stdlib.h>
#include <pv/abi/errno.h>
#include <pv/abi/features.h>
#include "elf_image.h"
#include "run.h"

static struct elf_image m;
static struct pv_elf e;
static struct pv_elf_xen x;
static struct pv_elf_segment seg;

static int open_image(void)
{
	return pv_elf_open(&e, m.b, m.size);
}

START_TEST(open_refuses_what_is_no_elf_file)
{
	static const char text[64] = "#!/bin/sh\n";

	ck_assert_int_eq(pv_elf_open(&e, text, sizeof(text)), -PV_ENOEXEC);
	ck_assert_int_eq(pv_elf_open(&e, text, 0), -PV_ENOEXEC);
	ck_assert_int_eq(pv_elf_open(&e, "\177ELF", 4), -PV_ENOEXEC);
}
END_TEST

START_TEST(open_refuses_other_kinds_of_elf)
{
	img_start(&m, 1, 0);
	m.b[5] = 2;
	ck_assert_int_eq(open_image(), -PV_EOPNOTSUPP);
	img_start(&m, 1, 0);
	m.b[4] = 3;
	ck_assert_int_eq(open_image(), -PV_EOPNOTSUPP);
	img_start(&m, 1, 0);
	img_put(&m, 16, 1, 2);
	ck_assert_int_eq(open_image(), -PV_EOPNOTSUPP);
	img_start(&m, 1, 0);
	m.b[6] = 0;
	ck_assert_int_eq(open_image(), -PV_EOPNOTSUPP);
}
END_TEST

START_TEST(open_reads_both_classes)
{
	img_start(&m, _i, 0x12345678);
	img_phdr(&m, PV_ELF_PT_LOAD, 0, 0x1000, 0x2000, 16, 32);
	ck_assert_int_eq(open_image(), 0);
	ck_assert_int_eq(e.is64, _i);
	ck_assert_uint_eq(e.entry, 0x12345678);
	ck_assert_uint_eq(e.machine, _i ? PV_ELF_EM_X86_64 : PV_ELF_EM_386);
	ck_assert_int_eq(pv_elf_segment(&e, 0, &seg), 0);
	ck_assert_uint_eq(seg.type, PV_ELF_PT_LOAD);
	ck_assert_uint_eq(seg.vaddr, 0x1000);
	ck_assert_uint_eq(seg.paddr, 0x2000);
	ck_assert_uint_eq(seg.filesz, 16);
	ck_assert_uint_eq(seg.memsz, 32);
	ck_assert_int_eq(pv_elf_segment(&e, 1, &seg), -PV_ERANGE);
}
END_TEST

START_TEST(every_truncation_is_refused_or_safe)
{
	uint32_t cut, i;
	uint8_t *copy;

	img_start(&m, _i, 0);
	img_phdr(&m, PV_ELF_PT_LOAD, 0, 0, 0, 64, 64);
	img_note_string(&m, PV_XEN_ELFNOTE_LOADER, "generic");
	img_note_segment(&m, img_phdr_at(&m, 8));
	for (cut = 0; cut < m.size; cut++) {
		/* Its own allocation, so that one byte too many is seen by the sanitizers. */
		copy = malloc(cut ? cut : 1);
		memcpy(copy, m.b, cut);
		if (!pv_elf_open(&e, copy, cut)) {
			for (i = 0; pv_elf_next_load(&e, &i, &seg) > 0;)
				;
			ck_assert_int_eq(pv_elf_xen(&e, &x), -PV_EINVAL);
		}
		free(copy);
	}
}
END_TEST

START_TEST(program_headers_beyond_the_image_are_refused)
{
	static const uint64_t bad[] = {1ULL << 20, UINT64_MAX, UINT64_MAX - 55, 1ULL << 63};
	unsigned i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		img_start(&m, 1, 0);
		img_phdr(&m, PV_ELF_PT_LOAD, 0, 0, 0, 1, 1);
		img_put(&m, 32, bad[i], 8);
		ck_assert_int_eq(open_image(), -PV_EINVAL);
	}
	img_start(&m, 1, 0);
	img_put(&m, 56, 0xffff, 2);
	ck_assert_int_eq(open_image(), -PV_EINVAL);
	img_start(&m, 1, 0);
	img_phdr(&m, PV_ELF_PT_LOAD, 0, 0, 0, 1, 1);
	img_put(&m, 54, 55, 2);
	ck_assert_int_eq(open_image(), -PV_EINVAL);
}
END_TEST

static const struct {
	uint64_t offset, vaddr, paddr, filesz, memsz;
} bad_loads[] = {
	{1 << 20, 0, 0, 1, 1},
	{0, 0, 0, UINT64_MAX, UINT64_MAX},
	{64, 0, 0, UINT64_MAX - 63, UINT64_MAX},
	{UINT64_MAX, 0, 0, 2, 2},
	{0, 0, 0, 17, 16},
	{0, UINT64_MAX, 0, 1, 2},
	{0, 0, UINT64_MAX - 1, 1, 3},
};

START_TEST(load_that_lies_about_its_ranges_is_refused)
{
	uint32_t i = 0;

	img_start(&m, 1, 0);
	img_phdr(&m, PV_ELF_PT_LOAD, bad_loads[_i].offset, bad_loads[_i].vaddr, bad_loads[_i].paddr,
		 bad_loads[_i].filesz, bad_loads[_i].memsz);
	ck_assert_int_eq(open_image(), 0);
	ck_assert_int_eq(pv_elf_next_load(&e, &i, &seg), -PV_EINVAL);
}
END_TEST

START_TEST(load_of_no_size_is_passed_over_even_at_address_zero)
{
	uint32_t i = 0;

	img_start(&m, 1, 0);
	img_phdr(&m, PV_ELF_PT_LOAD, 0, 0, 0, 0, 0);
	img_phdr(&m, PV_ELF_PT_LOAD, 0, 0, 0, 8, 8);
	img_phdr(&m, 2, 1 << 20, 0, 0, 8, 8);
	img_phdr(&m, PV_ELF_PT_LOAD, 0, 0, 0, 0, 16);
	ck_assert_int_eq(open_image(), 0);
	ck_assert_int_eq(pv_elf_next_load(&e, &i, &seg), 1);
	ck_assert_uint_eq(seg.filesz, 8);
	ck_assert_int_eq(pv_elf_next_load(&e, &i, &seg), 1);
	ck_assert_uint_eq(seg.memsz, 16);
	ck_assert_int_eq(pv_elf_next_load(&e, &i, &seg), 0);
}
END_TEST

static void typical_notes(struct elf_image *im)
{
	img_note(im, "GNU", 3, "\1\2\3\4", 4);
	img_note_number(im, PV_XEN_ELFNOTE_ENTRY, 0);
	img_note_number(im, PV_XEN_ELFNOTE_HYPERCALL_PAGE, 0x10101000);
	img_note_number(im, PV_XEN_ELFNOTE_VIRT_BASE, 0x10000000);
	img_note(im, "Xen", PV_XEN_ELFNOTE_PHYS32_ENTRY, "\0\0\x10\0", 4);
	img_note_string(im, PV_XEN_ELFNOTE_LOADER, "generic");
	img_note_string(im, PV_XEN_ELFNOTE_GUEST_OS, "test");
	img_note_string(im, PV_XEN_ELFNOTE_FEATURES,
			"writable_page_tables|!auto_translated_physmap|nonsense||dom0");
	img_note_number(im, PV_XEN_ELFNOTE_SUPPORTED_FEATURES, 1u << PV_XENFEAT_hvm_pirqs);
	img_note(im, "Xen", 0x1000001, "", 0);
}

static void check_typical(enum pv_elf_source source)
{
	ck_assert_int_eq(open_image(), 0);
	ck_assert_int_eq(pv_elf_xen(&e, &x), 0);
	ck_assert_int_eq(x.source, source);
	ck_assert(pv_elf_xen_has(&x, PV_XEN_ELFNOTE_ENTRY));
	ck_assert_uint_eq(x.entry, 0);
	ck_assert_uint_eq(x.hypercall_page, 0x10101000);
	ck_assert_uint_eq(x.virt_base, 0x10000000);
	ck_assert_uint_eq(x.phys32_entry, 0x100000);
	ck_assert(!pv_elf_xen_has(&x, PV_XEN_ELFNOTE_INIT_P2M));
	ck_assert_uint_eq(x.loader.len, 7);
	ck_assert_int_eq(memcmp(x.loader.p, "generic", 7), 0);
	ck_assert_uint_eq(x.features_required, 1u << PV_XENFEAT_auto_translated_physmap);
	ck_assert_uint_eq(x.features_supported, 1u << PV_XENFEAT_auto_translated_physmap |
							1u << PV_XENFEAT_dom0 |
							1u << PV_XENFEAT_writable_page_tables |
							1u << PV_XENFEAT_hvm_pirqs);
	ck_assert_uint_eq(x.unknown_required.len, 0);
}

START_TEST(notes_of_a_note_segment_are_read)
{
	uint32_t start;

	img_start(&m, _i, 0);
	start = m.size;
	typical_notes(&m);
	img_note_segment(&m, start);
	check_typical(PV_ELF_SOURCE_NOTES);
}
END_TEST

START_TEST(notes_of_a_section_are_read_when_no_segment_has_any)
{
	uint32_t start, len;

	img_start(&m, _i, 0);
	start = m.size;
	typical_notes(&m);
	len = m.size - start;
	/* A note segment whose offset is 0 is one that an old binutils forgot to fill in. */
	img_phdr(&m, PV_ELF_PT_NOTE, 0, 0, 0, 64, 64);
	img_sections(&m, 0);
	img_section(&m, 0, 0, 0, 0);
	img_section(&m, 0, 7, start, len);
	check_typical(PV_ELF_SOURCE_NOTES);
}
END_TEST

START_TEST(only_the_owner_named_exactly_xen_counts)
{
	static const char *const owners[] = {"xen", "Xe", "Xenn", "XEN", "Xen ", ""};
	uint32_t start;
	unsigned i;

	img_start(&m, 1, 0);
	start = m.size;
	for (i = 0; i < sizeof(owners) / sizeof(owners[0]); i++)
		img_note(&m, owners[i], PV_XEN_ELFNOTE_VIRT_BASE, "\1\1\1\1", 4);
	img_note_segment(&m, start);
	ck_assert_int_eq(open_image(), 0);
	ck_assert_int_eq(pv_elf_xen(&e, &x), 0);
	ck_assert_int_eq(x.source, PV_ELF_SOURCE_NONE);
	ck_assert_uint_eq(x.present, 0);
}
END_TEST

START_TEST(the_later_of_two_notes_counts)
{
	uint32_t start;

	img_start(&m, 1, 0);
	start = m.size;
	img_note_number(&m, PV_XEN_ELFNOTE_VIRT_BASE, 1);
	img_note_number(&m, PV_XEN_ELFNOTE_VIRT_BASE, 2);
	img_note_segment(&m, start);
	ck_assert_int_eq(open_image(), 0);
	ck_assert_int_eq(pv_elf_xen(&e, &x), 0);
	ck_assert_uint_eq(x.virt_base, 2);
}
END_TEST

START_TEST(note_that_does_not_fit_its_area_is_refused)
{
	static const uint32_t sizes[][2] = {
		{0xffffffff, 0}, {4, 0xffffffff}, {0xfffffffd, 0xfffffffd}, {4, 9}, {64, 0}};
	unsigned i;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		uint32_t start;

		img_start(&m, 1, 0);
		start = m.size;
		img_note_number(&m, PV_XEN_ELFNOTE_VIRT_BASE, 1);
		img_note_segment(&m, start);
		img_put(&m, start, sizes[i][0], 4);
		img_put(&m, start + 4, sizes[i][1], 4);
		ck_assert_int_eq(open_image(), 0);
		ck_assert_int_eq(pv_elf_xen(&e, &x), -PV_EINVAL);
	}
}
END_TEST

START_TEST(last_note_may_lack_its_padding)
{
	uint32_t start;

	img_start(&m, 1, 0);
	start = m.size;
	img_note_string(&m, PV_XEN_ELFNOTE_GUEST_OS, "tiny");
	m.size -= 3;
	img_note_segment(&m, start);
	ck_assert_int_eq(open_image(), 0);
	ck_assert_int_eq(pv_elf_xen(&e, &x), 0);
	ck_assert_uint_eq(x.guest_os.len, 4);
}
END_TEST

START_TEST(number_of_an_odd_size_is_refused)
{
	uint32_t start;

	img_start(&m, 1, 0);
	start = m.size;
	img_note(&m, "Xen", PV_XEN_ELFNOTE_ENTRY, "\1\2\3", 3);
	img_note_segment(&m, start);
	ck_assert_int_eq(open_image(), 0);
	ck_assert_int_eq(pv_elf_xen(&e, &x), -PV_EINVAL);
}
END_TEST

START_TEST(string_without_nul_ends_with_its_descriptor)
{
	uint32_t start;

	img_start(&m, 1, 0);
	start = m.size;
	img_note(&m, "Xen", PV_XEN_ELFNOTE_GUEST_OS, "abcdefgh", 8);
	img_note_segment(&m, start);
	ck_assert_int_eq(open_image(), 0);
	ck_assert_int_eq(pv_elf_xen(&e, &x), 0);
	ck_assert_uint_eq(x.guest_os.len, 8);
}
END_TEST

START_TEST(required_feature_that_nobody_knows_is_reported)
{
	uint32_t start;

	img_start(&m, 1, 0);
	start = m.size;
	img_note_string(&m, PV_XEN_ELFNOTE_FEATURES, "unknown_a|!unknown_b|dom0");
	img_note_segment(&m, start);
	ck_assert_int_eq(open_image(), 0);
	ck_assert_int_eq(pv_elf_xen(&e, &x), 0);
	ck_assert_uint_eq(x.unknown_required.len, 9);
	ck_assert_int_eq(memcmp(x.unknown_required.p, "unknown_b", 9), 0);
}
END_TEST

static void text_image(const char *text, int with_notes)
{
	static const char names[] = "\0.shstrtab\0__xen_guest";
	uint32_t strings, guest, start, len = (uint32_t)strlen(text);

	img_start(&m, 1, 0);
	strings = img_bytes(&m, names, sizeof(names));
	guest = img_bytes(&m, text, len);
	if (with_notes) {
		start = m.size;
		img_note_string(&m, PV_XEN_ELFNOTE_LOADER, "notes");
		img_note_segment(&m, start);
	}
	img_sections(&m, 1);
	img_section(&m, 0, 0, 0, 0);
	img_section(&m, 1, 3, strings, sizeof(names));
	img_section(&m, 11, 1, guest, len);
}

START_TEST(text_section_is_read_when_there_are_no_notes)
{
	uint64_t base, offset;

	text_image("GUEST_OS=linux,XEN_VER=xen-3.0,VIRT_BASE=0xC0000000,HYPERCALL_PAGE=0x102,"
		   "FEATURES=!writable_page_tables|dom0,BSD_SYMTAB,LOADER=generic",
		   0);
	ck_assert_int_eq(open_image(), 0);
	ck_assert_int_eq(pv_elf_xen(&e, &x), 0);
	ck_assert_int_eq(x.source, PV_ELF_SOURCE_TEXT);
	ck_assert_uint_eq(x.hypercall_page, 0xC0102000);
	ck_assert_uint_eq(x.guest_os.len, 5);
	ck_assert_uint_eq(x.loader.len, 7);
	ck_assert(pv_elf_xen_has(&x, PV_XEN_ELFNOTE_BSD_SYMTAB));
	ck_assert_uint_eq(x.features_required, 1u << PV_XENFEAT_writable_page_tables);
	ck_assert_int_eq(pv_elf_xen_base(&x, &base, &offset), 0);
	ck_assert_uint_eq(base, 0xC0000000);
	ck_assert_uint_eq(offset, 0xC0000000);
}
END_TEST

START_TEST(notes_win_over_the_text_section)
{
	text_image("LOADER=generic,VIRT_BASE=0xC0000000", 1);
	ck_assert_int_eq(open_image(), 0);
	ck_assert_int_eq(pv_elf_xen(&e, &x), 0);
	ck_assert_int_eq(x.source, PV_ELF_SOURCE_NOTES);
	ck_assert(!pv_elf_xen_has(&x, PV_XEN_ELFNOTE_VIRT_BASE));
	ck_assert_uint_eq(x.loader.len, 5);
}
END_TEST

static const char *const bad_numbers[] = {
	"", "0x", "12x", "-1", "0x10000000000000000", "18446744073709551616", "1 "};

START_TEST(text_number_that_is_none_is_refused)
{
	char text[64] = "VIRT_BASE=";

	strcat(text, bad_numbers[_i]);
	text_image(text, 0);
	ck_assert_int_eq(open_image(), 0);
	ck_assert_int_eq(pv_elf_xen(&e, &x), -PV_EINVAL);
}
END_TEST

START_TEST(sections_that_point_nowhere_are_ignored)
{
	text_image("LOADER=generic", 0);
	img_put(&m, 40, UINT64_MAX - 8, 8);
	ck_assert_int_eq(open_image(), 0);
	ck_assert_int_eq(pv_elf_xen(&e, &x), 0);
	ck_assert_int_eq(x.source, PV_ELF_SOURCE_NONE);
	text_image("LOADER=generic", 0);
	img_put(&m, 62, 0xfff0, 2);
	ck_assert_int_eq(open_image(), 0);
	ck_assert_int_eq(pv_elf_xen(&e, &x), 0);
	ck_assert_int_eq(x.source, PV_ELF_SOURCE_NONE);
}
END_TEST

START_TEST(paddr_offset_without_a_base_is_refused)
{
	uint64_t base, offset;
	uint32_t start;

	img_start(&m, 1, 0);
	start = m.size;
	img_note_number(&m, PV_XEN_ELFNOTE_PADDR_OFFSET, 0x1000);
	img_note_segment(&m, start);
	ck_assert_int_eq(open_image(), 0);
	ck_assert_int_eq(pv_elf_xen(&e, &x), 0);
	ck_assert_int_eq(pv_elf_xen_base(&x, &base, &offset), -PV_EINVAL);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("elf");

	tcase_add_test(t, open_refuses_what_is_no_elf_file);
	tcase_add_test(t, open_refuses_other_kinds_of_elf);
	tcase_add_loop_test(t, open_reads_both_classes, 0, 2);
	tcase_add_loop_test(t, every_truncation_is_refused_or_safe, 0, 2);
	tcase_add_test(t, program_headers_beyond_the_image_are_refused);
	tcase_add_loop_test(t, load_that_lies_about_its_ranges_is_refused, 0,
			    sizeof(bad_loads) / sizeof(bad_loads[0]));
	tcase_add_test(t, load_of_no_size_is_passed_over_even_at_address_zero);
	tcase_add_loop_test(t, notes_of_a_note_segment_are_read, 0, 2);
	tcase_add_loop_test(t, notes_of_a_section_are_read_when_no_segment_has_any, 0, 2);
	tcase_add_test(t, only_the_owner_named_exactly_xen_counts);
	tcase_add_test(t, the_later_of_two_notes_counts);
	tcase_add_test(t, note_that_does_not_fit_its_area_is_refused);
	tcase_add_test(t, last_note_may_lack_its_padding);
	tcase_add_test(t, number_of_an_odd_size_is_refused);
	tcase_add_test(t, string_without_nul_ends_with_its_descriptor);
	tcase_add_test(t, required_feature_that_nobody_knows_is_reported);
	tcase_add_test(t, text_section_is_read_when_there_are_no_notes);
	tcase_add_test(t, notes_win_over_the_text_section);
	tcase_add_loop_test(t, text_number_that_is_none_is_refused, 0,
			    sizeof(bad_numbers) / sizeof(bad_numbers[0]));
	tcase_add_test(t, sections_that_point_nowhere_are_ignored);
	tcase_add_test(t, paddr_offset_without_a_base_is_refused);
	return run_case("elf", t);
}
