/*
 * fuzz_boot: the domain builders over an arbitrary kernel file.
 *
 * RAM has a page without access on either side, so that a builder that leaves it dies. What a caller
 * relies on is checked: results inside RAM, and a one-line text with every refusal.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <pv/abi/features.h>
#include "../unit/boot_memory.h"
#include "boot/boot.h"
#include "fuzz.h"

#define RAM_SIZE (2u << 20)

static uint8_t *ram;

static void must(int holds)
{
	if (!holds)
		abort();
}

static void must_say_why(const struct boot_error *err)
{
	must(!strncmp(err->text, "kernel: ", 8) && !strchr(err->text, '\n'));
}

static void build_pvh(const struct boot_kernel *k)
{
	struct boot_config c = {.ram_size = RAM_SIZE,
				.cmdline = "console=hvc0",
				.ramdisk_fd = -1,
				.vcpus = 2,
				.maxvcpus = 3};
	struct boot_error err = {""};
	struct boot_pvh_result r;
	struct boot_memory m;

	memory_make(&m, RAM_SIZE);
	c.ram = m.at;
	if (boot_pvh(k, &c, &r, &err))
		must_say_why(&err);
	else
		must(!boot_pvh_check(k, &c, &err) && r.entry_gpa < RAM_SIZE &&
		     r.start_info_gpa < RAM_SIZE);
	memory_drop(&m);
}

static void build_pv(const struct boot_kernel *k)
{
	struct boot_config c = {.ram = ram,
				.ram_size = RAM_SIZE,
				.cmdline = "console=hvc0",
				.ramdisk_fd = -1,
				.features = 1u << PV_XENFEAT_auto_translated_physmap};
	struct boot_error err = {""};
	struct boot_result r;

	if (boot_pv(k, &c, &r, &err)) {
		must_say_why(&err);
	} else {
		must(r.entry_gva >= r.virt_base && r.entry_gva - r.virt_base < RAM_SIZE);
		must(r.stack_gva - r.virt_base <= RAM_SIZE);
		must(r.first_free_gfn <= RAM_SIZE / 4096 && r.shared_info_gfn < r.first_free_gfn &&
		     r.store_gfn < r.first_free_gfn && r.console_gfn < r.first_free_gfn);
		must(!r.has_hypercall_page || (r.hypercall_gva - r.virt_base <= RAM_SIZE - 4096 &&
					       r.hypercall_gva % 4096 == 0));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;
	struct boot_kernel k;
	struct boot_error err = {""};

	if (fd < 0) {
		fd = memfd_create("kernel", MFD_CLOEXEC);
		ram = mmap(NULL, RAM_SIZE + 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		must(fd >= 0 && ram != MAP_FAILED);
		ram += 4096;
		must(!mprotect(ram, RAM_SIZE, PROT_READ | PROT_WRITE));
	}
	must(!ftruncate(fd, (off_t)size) && pwrite(fd, data, size, 0) == (ssize_t)size);
	if (boot_kernel_read(&k, "kernel", fd, &err)) {
		must_say_why(&err);
		return 0;
	}
	build_pv(&k);
	build_pvh(&k);
	boot_kernel_free(&k);
	return 0;
}
