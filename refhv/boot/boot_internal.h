/*
 * boot_internal: what the builders share: errors, placing, loading.
 */
#ifndef REFHV_BOOT_INTERNAL_H
#define REFHV_BOOT_INTERNAL_H

#include "boot/boot.h"

#define BOOT_PAGE 4096u

/* Fills in the text and returns -code. */
int boot_fail(struct boot_error *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Reads exactly len bytes at offset 0 of fd. 0, or a negative PV_E number; `name` is for the text. */
int boot_read(const char *name, int fd, void *to, uint64_t len, struct boot_error *err);

/* Size of a regular file or block device; others are refused, being unseekable. */
int boot_file_size(const char *name, int fd, uint64_t *size, struct boot_error *err);

/* Guest memory being given out upwards from `next`. */
struct boot_space {
	const struct boot_kernel *k;
	uint8_t *ram;
	uint64_t next, limit; /* guest physical */
};

/* Whole pages for `len` bytes; *gpa is where. `what` names them if there is no room. */
typedef int boot_place_fn(struct boot_space *s, uint64_t len, const char *what, uint64_t *gpa,
			  struct boot_error *err);
boot_place_fn boot_place;     /* from the low end of what is free */
boot_place_fn boot_place_top; /* from the high end, but not beyond BOOT_TOP */
#define BOOT_TOP \
	0x80000000ull /* as x86-64 kernels want of a ramdisk: the boot protocol's initrd_addr_max */

/*
 * Copies every PT_LOAD to RAM (p_paddr - paddr_offset), clears what is beyond the file's part, and
 * opens the space behind the last one, up to `limit`. Nothing lands beyond that.
 */
int boot_load(const struct boot_kernel *k, void *ram, uint64_t limit, struct boot_space *s,
	      struct boot_error *err);

/* Reads the ramdisk, if there is one, to where `place` puts it; *len is 0 else. */
int boot_ramdisk(const struct boot_config *c, struct boot_space *s, boot_place_fn *place,
		 uint64_t *gpa, uint64_t *len, struct boot_error *err);

/*
 * Refuses a kernel that requires a feature this domain does not have, or that cannot do without
 * machine frames in a domain that has none.
 */
int boot_features(const struct boot_kernel *k, uint32_t have, struct boot_error *err);

/* What to do with a kernel that is no PV kernel for us: `remedy`, or PVH if it can do that. */
const char *boot_otherwise(const struct boot_kernel *k, const char *remedy);

#endif
