/*
 * xs: the words of the xenstore protocol (include/pv/xs.h).
 *
 * Pure functions over bytes that a hostile peer wrote; every one stays within the length it is
 * given.
 */
#include <pv/xs.h>
#include "mem.h"

int pv_xs_header_check(const struct pv_xsd_sockmsg *hdr)
{
	return hdr->len <= PV_XENSTORE_PAYLOAD_MAX ? 0 : -PV_EBADMSG;
}

/* The only names that the wire has (xen/include/public/io/xs_wire.h). */
static const struct error_name {
	uint8_t number, len;
	char name[10];
} error_names[] = {
#define NAME(e)                            \
	{                                  \
		PV_##e, sizeof(#e) - 1, #e \
	}
	NAME(EINVAL), NAME(EACCES),  NAME(EEXIST),    NAME(EISDIR), NAME(ENOENT), NAME(ENOMEM),
	NAME(ENOSPC), NAME(EIO),     NAME(ENOTEMPTY), NAME(ENOSYS), NAME(EROFS),  NAME(EBUSY),
	NAME(EAGAIN), NAME(EISCONN), NAME(E2BIG),     NAME(EPERM),
#undef NAME
};

#define ERROR_NAMES (sizeof(error_names) / sizeof(error_names[0]))

const char *pv_xs_error_name(int err)
{
	if (err < 0)
		err = -err;
	for (unsigned i = 0; i < ERROR_NAMES; i++)
		if (error_names[i].number == err)
			return error_names[i].name;
	return "EIO";
}

int pv_xs_error_number(const char *name, size_t len)
{
	if (len && !name[len - 1])
		len--;
	for (unsigned i = 0; i < ERROR_NAMES; i++)
		if (error_names[i].len == len && !memcmp(error_names[i].name, name, len))
			return -error_names[i].number;
	return -PV_EIO;
}

int pv_xs_perm_parse(struct pv_xs_perm *perm, const char *s, size_t len)
{
	uint64_t domid;
	uint8_t mode;

	if (len < 2)
		return -PV_EINVAL;
	switch (s[0]) {
	case 'n': mode = PV_XS_PERM_NONE; break;
	case 'r': mode = PV_XS_PERM_READ; break;
	case 'w': mode = PV_XS_PERM_WRITE; break;
	case 'b': mode = PV_XS_PERM_READ | PV_XS_PERM_WRITE; break;
	default: return -PV_EINVAL;
	}
	if (pv_xs_number_parse(&domid, s + 1, len - 1, UINT16_MAX) < 0)
		return -PV_EINVAL;
	*perm = (struct pv_xs_perm){.domid = (uint16_t)domid, .mode = mode};
	return 0;
}

size_t pv_xs_perm_format(char out[PV_XS_PERM_TEXT], const struct pv_xs_perm *perm)
{
	char number[PV_XS_NUMBER_TEXT];
	size_t n = pv_xs_number_format(number, perm->domid);

	out[0] = "nrwb"[perm->mode & 3];
	memcpy(out + 1, number, n + 1);
	return n + 1;
}

unsigned pv_xs_strings(const char *body, size_t len)
{
	unsigned n = 0;

	for (size_t i = 0; i < len; i++)
		n += !body[i];
	return n;
}

const char *pv_xs_string_next(const char *body, size_t len, size_t *pos, size_t *str_len)
{
	size_t start = *pos;

	for (size_t i = start; i < len; i++)
		if (!body[i]) {
			*pos = i + 1;
			*str_len = i - start;
			return body + start;
		}
	return NULL;
}

int pv_xs_number_parse(uint64_t *out, const char *s, size_t len, uint64_t max)
{
	uint64_t v = 0;

	if (!len)
		return -PV_EINVAL;
	for (size_t i = 0; i < len; i++) {
		unsigned digit = (unsigned char)s[i] - (unsigned)'0';

		if (digit > 9 || v > (UINT64_MAX - digit) / 10)
			return -PV_EINVAL;
		v = v * 10 + digit;
	}
	if (v > max)
		return -PV_EINVAL;
	*out = v;
	return 0;
}

size_t pv_xs_number_format(char out[PV_XS_NUMBER_TEXT], uint64_t value)
{
	char digits[PV_XS_NUMBER_TEXT];
	size_t n = 0, len;

	do {
		digits[n++] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	len = n;
	for (size_t i = 0; i < len; i++)
		out[i] = digits[--n];
	out[len] = 0;
	return len;
}
