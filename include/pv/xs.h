/*
 * xs: the words of the xenstore protocol.
 *
 * What client and server must agree on beyond the structs of abi/io/xs_wire.h: which message header
 * is acceptable, what a path may look like, how permissions are written, which names errors have.
 * Pure functions over bytes: no state, no allocation, callable from anywhere. Nothing here trusts
 * its input; every length is given, and no input needs a terminating NUL unless it says so.
 */
#ifndef PV_XS_H
#define PV_XS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <pv/abi/errno.h>
#include <pv/abi/io/xs_wire.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * 0 if a header may be believed: the length is within PV_XENSTORE_PAYLOAD_MAX. -PV_EBADMSG else;
 * the byte stream cannot be re-synchronised after that. An unknown type is not an error here: it is
 * answered with ENOSYS.
 */
int pv_xs_header_check(const struct pv_xsd_sockmsg *hdr);

/* The wire's name of an error, given as PV_E... or negated. Anything the wire has no name for:
 * "EIO". */
const char *pv_xs_error_name(int err);

/* The other way: "ENOENT" (len 6, or 7 with its NUL) is -PV_ENOENT. An unknown name is -PV_EIO. */
int pv_xs_error_number(const char *name, size_t len);

/* ---- Paths ---- */

enum pv_xs_path_kind {
	PV_XS_PATH_RELATIVE, /* below /local/domain/<domid> */
	PV_XS_PATH_ABSOLUTE,
	PV_XS_PATH_SPECIAL, /* @introduceDomain, @releaseDomain and their /<domid> forms */
};

/*
 * A path of len bytes (no NUL): its kind, or -PV_EINVAL. Characters A-Z a-z 0-9 - / _ @; not empty;
 * no "//"; no '/' at the end except the root itself; at most PV_XENSTORE_ABS_PATH_MAX - 2 bytes
 * absolute, PV_XENSTORE_REL_PATH_MAX - 1 relative.
 */
int pv_xs_path_check(const char *path, size_t len);

/*
 * Write the canonical (absolute, or special) form of a checked path, with a NUL, to out. Returns
 * its length without the NUL, or -PV_EINVAL; the length limit holds for the result (XSA-323).
 */
int pv_xs_path_resolve(char *out, size_t size, uint16_t domid, const char *path, size_t len);

/* Is `path` the node `base` or below it? Both canonical. */
bool pv_xs_path_within(const char *path, size_t len, const char *base, size_t base_len);

/* How many levels `path` lies below `base`, which it is within: 0 for itself. */
unsigned pv_xs_path_depth(const char *path, size_t len, size_t base_len);

/* Length of the parent of a canonical absolute path: "/a/b" -> 2, "/a" -> 1. The root has itself.
 */
size_t pv_xs_path_parent(const char *path, size_t len);

/* ---- Permissions: a letter and a domid ---- */

#define PV_XS_PERM_NONE	 0
#define PV_XS_PERM_READ	 1
#define PV_XS_PERM_WRITE 2

struct pv_xs_perm {
	uint16_t domid;
	uint8_t mode; /* PV_XS_PERM_* */
	uint8_t pad;  /* 0 */
};

/* "r12" of len bytes (no NUL). 0 or -PV_EINVAL. */
int pv_xs_perm_parse(struct pv_xs_perm *perm, const char *s, size_t len);

#define PV_XS_PERM_TEXT 8 /* the longest form, with its NUL */

/* The text with its NUL; returns its length without. */
size_t pv_xs_perm_format(char out[PV_XS_PERM_TEXT], const struct pv_xs_perm *perm);

/* ---- Bodies made of NUL-ended strings, and decimal numbers ---- */

/* How many complete strings are in a body. Bytes after the last NUL do not count. */
unsigned pv_xs_strings(const char *body, size_t len);

/*
 * Step through a body: *pos starts at 0. Returns the next NUL-ended string and its length, or NULL
 * when no complete string is left.
 */
const char *pv_xs_string_next(const char *body, size_t len, size_t *pos, size_t *str_len);

/* All of len bytes a decimal number of at most max: 0, or -PV_EINVAL. No sign, no blanks. */
int pv_xs_number_parse(uint64_t *out, const char *s, size_t len, uint64_t max);

#define PV_XS_NUMBER_TEXT 21 /* 64 bits in decimal, with the NUL */

/* Decimal with its NUL; returns its length without. */
size_t pv_xs_number_format(char out[PV_XS_NUMBER_TEXT], uint64_t value);

#ifdef __cplusplus
}
#endif

#endif
