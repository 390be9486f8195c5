/*
 * Paths of xenstore (include/pv/xs.h), as a server checks and compares them.
 *
 * Pure functions over bytes that a hostile peer wrote; every one stays within the length it is
 * given. The rules: docs/misc/xenstore.txt and tools/xenstored/core.c (is_valid_nodename) of Xen.
 */
#include <pv/xs.h>
#include "mem.h"

static bool path_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '/' || c == '_' || c == '@';
}

int pv_xs_path_check(const char *path, size_t len)
{
	/* Xen 4.17 refuses a path of 3071 bytes, one short of the limit in its header. */
	if (!len || len + 1 >= PV_XENSTORE_ABS_PATH_MAX)
		return -PV_EINVAL;
	if (path[0] != '/' && len >= PV_XENSTORE_REL_PATH_MAX)
		return -PV_EINVAL;
	for (size_t i = 0; i < len; i++) {
		if (!path_char(path[i]))
			return -PV_EINVAL;
		if (path[i] == '/' && i && path[i - 1] == '/')
			return -PV_EINVAL;
	}
	if (len > 1 && path[len - 1] == '/')
		return -PV_EINVAL;
	if (path[0] == '@')
		return PV_XS_PATH_SPECIAL;
	return path[0] == '/' ? PV_XS_PATH_ABSOLUTE : PV_XS_PATH_RELATIVE;
}

int pv_xs_path_resolve(char *out, size_t size, uint16_t domid, const char *path, size_t len)
{
	static const char base[] = "/local/domain/";
	char number[PV_XS_NUMBER_TEXT];
	size_t pos = 0, digits;
	int kind = pv_xs_path_check(path, len);

	if (kind < 0)
		return kind;
	if (kind == PV_XS_PATH_RELATIVE) {
		digits = pv_xs_number_format(number, domid);
		pos = sizeof(base) - 1 + digits + 1;
		if (pos >= size)
			return -PV_EINVAL;
		memcpy(out, base, sizeof(base) - 1);
		memcpy(out + sizeof(base) - 1, number, digits);
		out[pos - 1] = '/';
	}
	if (pos + len + 1 >= PV_XENSTORE_ABS_PATH_MAX || pos + len >= size)
		return -PV_EINVAL;
	memcpy(out + pos, path, len);
	out[pos + len] = 0;
	return (int)(pos + len);
}

bool pv_xs_path_within(const char *path, size_t len, const char *base, size_t base_len)
{
	if (len < base_len || memcmp(path, base, base_len))
		return false;
	if (len == base_len)
		return true;
	return path[base_len] == '/' || (base_len == 1 && base[0] == '/' && path[0] == '/');
}

unsigned pv_xs_path_depth(const char *path, size_t len, size_t base_len)
{
	unsigned depth = 0;

	if (base_len == 1 && len > 1)
		base_len = 0; /* below the root the separator is the root itself */
	for (size_t i = base_len; i < len; i++)
		depth += path[i] == '/';
	return depth;
}

size_t pv_xs_path_parent(const char *path, size_t len)
{
	while (len > 1 && path[len - 1] != '/')
		len--;
	return len > 1 ? len - 1 : 1;
}
