/*
 * load: gives out guest memory, and puts segments and ramdisk there.
 *
 * Trusts the operator's configuration, not the image: pv_elf_* has bounded every segment by the file,
 * here it is bounded by RAM.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <linux/fs.h>
#include <pv/abi/errno.h>
#include <pv/abi/features.h>
#include "boot/boot_internal.h"

int boot_fail(struct boot_error *err, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	return -code;
}

int boot_file_size(const char *name, int fd, uint64_t *size, struct boot_error *err)
{
	struct stat st;

	if (fstat(fd, &st))
		return boot_fail(err, PV_EIO, "%s: %s", name, strerror(errno));
	if (S_ISREG(st.st_mode))
		*size = (uint64_t)st.st_size;
	else if (!S_ISBLK(st.st_mode) || ioctl(fd, BLKGETSIZE64, size))
		return boot_fail(err, PV_EINVAL, "%s: is not a file; give a regular file", name);
	return 0;
}

int boot_read(const char *name, int fd, void *to, uint64_t len, struct boot_error *err)
{
	uint64_t done = 0;

	while (done < len) {
		ssize_t n = pread(fd, (uint8_t *)to + done, len - done, (off_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return boot_fail(err, PV_EIO, "%s: cannot be read: %s", name,
					 strerror(errno));
		if (!n)
			return boot_fail(err, PV_EIO,
					 "%s: became shorter while it was read; try again", name);
		done += (uint64_t)n;
	}
	return 0;
}

static unsigned long long mib(uint64_t bytes)
{
	return (bytes + (1 << 20) - 1) >> 20;
}

static int no_room(const struct boot_space *s, uint64_t len, const char *what,
		   struct boot_error *err)
{
	return boot_fail(err, PV_ENOMEM,
			 "%s: %llu MiB of memory has no room for the %s (%llu MiB) behind "
			 "what is at 0..%#llx; set memory to %llu or more",
			 s->k->name, mib(s->limit), what, mib(len), (unsigned long long)s->next,
			 mib(s->limit) + mib(len) + 2);
}

static uint64_t pages_of(uint64_t len)
{
	return len / BOOT_PAGE + !!(len % BOOT_PAGE);
}

int boot_place(struct boot_space *s, uint64_t len, const char *what, uint64_t *gpa,
	       struct boot_error *err)
{
	uint64_t left = s->limit - s->next, pages = pages_of(len);

	if (pages > left / BOOT_PAGE)
		return no_room(s, len, what, err);
	*gpa = s->next;
	s->next += pages * BOOT_PAGE;
	return 0;
}

int boot_place_top(struct boot_space *s, uint64_t len, const char *what, uint64_t *gpa,
		   struct boot_error *err)
{
	uint64_t top = s->limit < BOOT_TOP ? s->limit : BOOT_TOP, pages = pages_of(len);

	if (top < s->next || pages > (top - s->next) / BOOT_PAGE)
		return no_room(s, len, what, err);
	*gpa = s->limit = top - pages * BOOT_PAGE;
	return 0;
}

int boot_load(const struct boot_kernel *k, void *ram, uint64_t limit, struct boot_space *s,
	      struct boot_error *err)
{
	struct pv_elf_segment seg;
	uint32_t i = 0;

	if (k->end > limit)
		return boot_fail(
			err, PV_ENOMEM,
			"%s: loads up to %#llx, but the domain has %llu MiB of memory; set "
			"memory to %llu or more",
			k->name, (unsigned long long)k->end, mib(limit), mib(k->end) + 2);
	while (pv_elf_next_load(&k->elf, &i, &seg) > 0) {
		uint8_t *to = (uint8_t *)ram + (seg.paddr - k->paddr_offset);

		memcpy(to, k->elf.image + seg.offset, seg.filesz);
		memset(to + seg.filesz, 0, seg.memsz - seg.filesz);
	}
	*s = (struct boot_space){.k = k,
				 .ram = ram,
				 .next = (k->end + BOOT_PAGE - 1) & ~(uint64_t)(BOOT_PAGE - 1),
				 .limit = limit & ~(uint64_t)(BOOT_PAGE - 1)};
	if (s->next > s->limit)
		s->next = s->limit;
	return 0;
}

int boot_ramdisk(const struct boot_config *c, struct boot_space *s, boot_place_fn *place,
		 uint64_t *gpa, uint64_t *len, struct boot_error *err)
{
	int rc;

	*gpa = *len = 0;
	if (c->ramdisk_fd < 0)
		return 0;
	rc = boot_file_size(c->ramdisk_name, c->ramdisk_fd, len, err);
	if (!rc && !*len)
		return boot_fail(err, PV_EINVAL, "%s: is empty; leave ramdisk out instead",
				 c->ramdisk_name);
	if (!rc)
		rc = place(s, *len, "ramdisk", gpa, err);
	if (!rc)
		rc = boot_read(c->ramdisk_name, c->ramdisk_fd, s->ram + *gpa, *len, err);
	return rc;
}

/* A string of the image's, on its way to somebody's terminal. */
static void printable(struct pv_elf_string s, char *out, uint32_t size)
{
	uint32_t i;

	for (i = 0; i < s.len && i < size - 1; i++)
		out[i] = s.p[i] >= ' ' && s.p[i] <= '~' ? s.p[i] : '?';
	out[i] = 0;
}

const char *boot_otherwise(const struct boot_kernel *k, const char *remedy)
{
	return pv_elf_xen_has(&k->xen, PV_XEN_ELFNOTE_PHYS32_ENTRY)
		       ? "set type=\"pvh\", which it can do"
		       : remedy;
}

int boot_features(const struct boot_kernel *k, uint32_t have, struct boot_error *err)
{
	const struct pv_elf_xen *x = &k->xen;
	uint32_t missing = x->features_required & ~have;
	char name[64];

	if (x->unknown_required.len) {
		printable(x->unknown_required, name, sizeof(name));
		return boot_fail(err, PV_EOPNOTSUPP,
				 "%s: requires the feature \"%s\", which nobody here knows; %s",
				 k->name, name, boot_otherwise(k, "take another kernel"));
	}
	if (missing)
		return boot_fail(err, PV_EOPNOTSUPP,
				 "%s: requires features (mask %#x) that a PV domain does not have "
				 "here; %s",
				 k->name, missing, boot_otherwise(k, "take another kernel"));
	if (have & ~x->features_supported & 1u << PV_XENFEAT_auto_translated_physmap)
		return boot_fail(err, PV_EOPNOTSUPP,
				 "%s: wants Xen's own page tables (its notes do not list "
				 "auto_translated_physmap); %s",
				 k->name, boot_otherwise(k, "take a kernel linked with libpv"));
	return 0;
}
