/*
 * boot_unpack: claims about packed kernels: every way of packing, damaged, cut short, lying about its size,
 * far too large; and about the child that unpacks.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <pv/abi/errno.h>
#include "boot/boot.h"
#include "boot/unpack.h"
#include "boot_pack.h"
#include "elf_image.h"
#include "run.h"

#define KERNEL_PA 0x1000000ull

static struct elf_image m;
static struct boot_kernel k;
static struct boot_error err;
static uint8_t *packed, *image;
static size_t packed_len, image_len;

static void make_kernel(void)
{
	uint32_t at, entry = KERNEL_PA;
	uint8_t noise[16384];

	for (unsigned i = 0; i < sizeof(noise); i++)
		noise[i] = (uint8_t)(i * i >> 7 ^ i >> 3);
	img_start(&m, 1, 0);
	at = img_bytes(&m, noise, sizeof(noise));
	img_phdr(&m, PV_ELF_PT_LOAD, at, KERNEL_PA, KERNEL_PA, sizeof(noise), 0x8000);
	at = m.size;
	img_note(&m, "Xen", PV_XEN_ELFNOTE_PHYS32_ENTRY, &entry, 4);
	img_note_segment(&m, at);
}

static int read_bytes(const void *p, size_t len)
{
	int fd = memfd_create("kernel", MFD_CLOEXEC), rc;

	memset(&err, 0, sizeof(err));
	ck_assert_int_eq(write(fd, p, len), (ssize_t)len);
	rc = boot_kernel_read(&k, "vmlinuz", fd, &err);
	close(fd);
	return rc;
}

static void same_kernel(const char *what)
{
	ck_assert_msg(!err.text[0], "%s", err.text);
	ck_assert_str_eq(k.packed, what);
	ck_assert_uint_eq(k.size, m.size);
	ck_assert_int_eq(memcmp(k.image, m.b, m.size), 0);
	ck_assert_uint_eq(k.xen.phys32_entry, KERNEL_PA);
	boot_kernel_free(&k);
}

static void said(const char *what)
{
	ck_assert_msg(strstr(err.text, "vmlinuz: ") == err.text, "%s", err.text);
	ck_assert_msg(strstr(err.text, what) != NULL, "%s", err.text);
	ck_assert_ptr_eq(strchr(err.text, '\n'), NULL);
}

static void setup(void)
{
	packed = image = NULL;
	make_kernel();
}

static void teardown(void)
{
	free(packed);
	free(image);
}

/* Whether this way of packing can be tested; packs the kernel. */
static bool have(int kind)
{
	packed = pack_kernel((enum boot_pack)kind, m.b, m.size, &packed_len);
	if (!packed) {
		ck_assert_ptr_null(boot_decoders[kind].decode);
		printf("# built without %s: skipped\n", boot_decoders[kind].library);
	}
	return packed != NULL;
}

static void make_image(int kind, uint32_t claim)
{
	free(image);
	image = wrap(packed, packed_len, kind == BOOT_PACK_GZIP, claim, &image_len);
}

START_TEST(bzimage_is_unpacked)
{
	char what[32];

	if (!have(_i))
		return;
	make_image(_i, m.size);
	ck_assert_int_eq(read_bytes(image, image_len), 0);
	snprintf(what, sizeof(what), "bzImage, %s", boot_decoders[_i].name);
	same_kernel(what);
}
END_TEST

START_TEST(packed_elf_file_is_unpacked)
{
	if (!have(_i))
		return;
	ck_assert_int_eq(read_bytes(packed, packed_len), 0);
	same_kernel(boot_decoders[_i].name);
}
END_TEST

START_TEST(what_the_tools_of_kernel_builds_make_is_unpacked)
{
	char what[32];

	if (!boot_decoders[_i].decode)
		return;
	packed = pack_by_tool((enum boot_pack)_i, m.b, m.size, &packed_len);
	if (!packed) {
		printf("# no tool for %s: skipped\n", boot_decoders[_i].name);
		return;
	}
	ck_assert_int_eq(read_bytes(packed, packed_len), 0);
	same_kernel(boot_decoders[_i].name);
	make_image(_i, m.size);
	ck_assert_int_eq(read_bytes(image, image_len), 0);
	snprintf(what, sizeof(what), "bzImage, %s", boot_decoders[_i].name);
	same_kernel(what);
}
END_TEST

START_TEST(bzimage_with_a_plain_payload_needs_no_unpacking)
{
	image = wrap(m.b, m.size, true, 0, &image_len);
	memcpy(image + WRAP_START, m.b, m.size);
	ck_assert_int_eq(read_bytes(image, image_len), 0);
	same_kernel("bzImage");
}
END_TEST

START_TEST(plain_elf_file_is_not_packed)
{
	ck_assert_int_eq(read_bytes(m.b, m.size), 0);
	ck_assert_ptr_null(k.packed);
	boot_kernel_free(&k);
}
END_TEST

/* One claimed size is right; with every other the image is refused, however near. */
START_TEST(size_that_is_a_lie_is_refused)
{
	const uint32_t lies[] = {0,
				 1,
				 m.size - 1,
				 m.size + 1,
				 m.size + 4096,
				 m.size + 8192,
				 1u << 30,
				 (1u << 30) + 1,
				 UINT32_MAX};

	if (!have(_i))
		return;
	for (unsigned i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		make_image(_i, lies[i]);
		ck_assert_int_lt(read_bytes(image, image_len), 0);
		said("copy it again");
	}
}
END_TEST

START_TEST(payload_that_is_cut_short_is_refused)
{
	if (!have(_i))
		return;
	make_image(_i, m.size);
	for (size_t len = 0; len < image_len - 512; len += len < 600 ? 37 : 997)
		ck_assert_int_lt(read_bytes(image, len), 0);
	/* And with a header that says so. */
	for (size_t cut = 5; cut < packed_len; cut += packed_len / 7) {
		uint8_t *part =
			wrap(packed, packed_len - cut, _i == BOOT_PACK_GZIP, m.size, &image_len);

		ck_assert_int_lt(read_bytes(part, image_len), 0);
		said("vmlinuz");
		free(part);
	}
}
END_TEST

/* A damaged byte is told, or does not matter: what comes out is then the kernel. */
START_TEST(damage_is_told_or_harmless)
{
	unsigned told = 0, tried = 0;

	if (!have(_i))
		return;
	make_image(_i, m.size);
	for (size_t at = WRAP_START; at < WRAP_START + packed_len; at += packed_len / 40 + 1) {
		image[at] ^= 0x55;
		tried++;
		if (read_bytes(image, image_len)) {
			said("vmlinuz");
			told++;
		} else {
			ck_assert_uint_eq(k.size, m.size);
			boot_kernel_free(&k);
		}
		image[at] ^= 0x55;
	}
	/* These have a checksum over everything. */
	if (_i == BOOT_PACK_GZIP || _i == BOOT_PACK_BZIP2 || _i == BOOT_PACK_XZ ||
	    _i == BOOT_PACK_LZO)
		ck_assert_uint_ge(told, tried - 10);
}
END_TEST

START_TEST(bomb_is_refused_at_its_cap)
{
	const size_t size = 64 << 20;
	uint8_t *zeros = calloc(1, size);

	ck_assert_ptr_nonnull(zeros);
	packed = pack_kernel((enum boot_pack)_i, zeros, size, &packed_len);
	free(zeros);
	if (!packed)
		return;
	/* Unpacks to 64 MiB, claims one. */
	make_image(_i, 1 << 20);
	ck_assert_int_lt(read_bytes(image, image_len), 0);
	said("unpacks to more than it claims");
}
END_TEST

static const struct {
	uint32_t at;
	uint8_t bytes;
	uint32_t value;
	const char *said;
} lies[] = {
	{0x206, 2, 0x207, "before Linux 2.6.26"},
	{0x248, 4, 0x7fffffff, "cut short or damaged"},
	{0x248, 4, 0xffffffff, "cut short or damaged"},
	{0x24c, 4, 0xffffffff, "cut short or damaged"},
	{0x24c, 4, 0, "cut short or damaged"},
	{0x24c, 4, 4, "cut short or damaged"},
	{0x1f1, 1, 0xff, "cut short or damaged"},
	{0x248, 4, 1, "nobody here knows"},
};

START_TEST(bzimage_header_that_lies_is_refused)
{
	if (!have(BOOT_PACK_GZIP))
		return;
	make_image(BOOT_PACK_GZIP, m.size);
	memcpy(image + lies[_i].at, &lies[_i].value, lies[_i].bytes);
	ck_assert_int_lt(read_bytes(image, image_len), 0);
	said(lies[_i].said);
}
END_TEST

START_TEST(packed_file_that_is_no_kernel_is_told)
{
	packed = pack_kernel(BOOT_PACK_GZIP, "hello", 5, &packed_len);
	if (!packed)
		return;
	ck_assert_int_eq(read_bytes(packed, packed_len), -PV_ENOEXEC);
	said("unpacks to something that is not an ELF file");
}
END_TEST

/* ---- the child */

/* Not _exit(), before which a sanitizer makes system calls of its own. */
static void leave(int code)
{
	syscall(SYS_exit_group, code);
}

static void try_open(void)
{
	syscall(SYS_open, "/dev/null", O_RDONLY);
}

static void try_socket(void)
{
	socket(AF_UNIX, SOCK_STREAM, 0);
}

static void try_write(void)
{
	syscall(SYS_write, 2, "x", 1);
}

static void try_fork(void)
{
	syscall(SYS_fork);
}

static void try_exec(void)
{
	char *none[] = {NULL};

	syscall(SYS_execve, "/bin/true", none, none);
}

static void try_kill(void)
{
	syscall(SYS_kill, 1, 0);
}

static void try_code(void)
{
	syscall(SYS_mmap, NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void try_protect(void)
{
	syscall(SYS_mprotect, &m, 4096, PROT_READ);
}

static void try_32bit(void)
{
	/* A read, by the 32-bit way in: its number is that of mprotect's neighbour here. */
	__asm__ volatile("int $0x80" : : "a"(3), "b"(0), "c"(0), "d"(0) : "memory");
}

static void (*const attempts[])(void) = {try_open, try_socket, try_write,   try_fork, try_exec,
					 try_kill, try_code,   try_protect, try_32bit};

static int confined(void (*what)(void))
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		if (boot_unpack_confine(64 << 20))
			leave(2);
		what();
		leave(0);
	}
	ck_assert_int_gt(pid, 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return status;
}

START_TEST(confined_process_dies_of_a_system_call)
{
	int status = confined(attempts[_i]);

	ck_assert(WIFSIGNALED(status));
	ck_assert_int_eq(WTERMSIG(status), SIGSYS);
}
END_TEST

static void compute(void)
{
	uint8_t *p = malloc(8 << 20);

	if (!p)
		leave(3);
	memset(p, 1, 8 << 20);
	free(p);
}

static void eat(void)
{
	/* Eight times what it was given. */
	for (unsigned i = 0; i < 8; i++)
		if (mmap(NULL, 64 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			 0) == MAP_FAILED)
			leave(4);
}

START_TEST(confined_process_can_compute_in_bounded_memory)
{
	int status = confined(compute);

	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 0);
	status = confined(eat);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 4);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("boot-unpack");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, bzimage_is_unpacked, 1, BOOT_PACKS);
	tcase_add_loop_test(t, packed_elf_file_is_unpacked, 1, BOOT_PACKS);
	tcase_add_loop_test(t, what_the_tools_of_kernel_builds_make_is_unpacked, 1, BOOT_PACKS);
	tcase_add_test(t, bzimage_with_a_plain_payload_needs_no_unpacking);
	tcase_add_test(t, plain_elf_file_is_not_packed);
	tcase_add_loop_test(t, size_that_is_a_lie_is_refused, 1, BOOT_PACKS);
	tcase_add_loop_test(t, payload_that_is_cut_short_is_refused, 1, BOOT_PACKS);
	tcase_add_loop_test(t, damage_is_told_or_harmless, 1, BOOT_PACKS);
	tcase_add_loop_test(t, bomb_is_refused_at_its_cap, 1, BOOT_PACKS);
	tcase_add_loop_test(t, bzimage_header_that_lies_is_refused, 0,
			    sizeof(lies) / sizeof(lies[0]));
	tcase_add_test(t, packed_file_that_is_no_kernel_is_told);
	tcase_add_loop_test(t, confined_process_dies_of_a_system_call, 0,
			    sizeof(attempts) / sizeof(attempts[0]));
	tcase_add_test(t, confined_process_can_compute_in_bounded_memory);
	return run_case("boot-unpack", t);
}
