/*
 * Numbers in xenstore keys: see keys.h.
 */
#include <pv/abi/errno.h>
#include "keys.h"

char *pv_key_u64(char buf[PV_VALUE_LEN], uint64_t v)
{
	char tmp[PV_VALUE_LEN];
	unsigned n = 0, i = 0;

	do
		tmp[n++] = (char)('0' + v % 10);
	while (v /= 10);
	while (n)
		buf[i++] = tmp[--n];
	buf[i] = 0;
	return buf;
}

char *pv_key_indexed(char buf[PV_KEY_LEN], const char *name, uint32_t n)
{
	char digits[PV_VALUE_LEN], *d = pv_key_u64(digits, n);
	unsigned i = 0;

	while (*name && i < PV_KEY_LEN - 11)
		buf[i++] = *name++;
	while (*d)
		buf[i++] = *d++;
	buf[i] = 0;
	return buf;
}

int pv_key_parse(const char *s, uint64_t max, uint64_t *v)
{
	uint64_t x = 0;

	if (!*s)
		return -PV_EINVAL;
	for (; *s; s++) {
		uint64_t d = (uint64_t)(*s - '0');

		if (d > 9 || x > (UINT64_MAX - d) / 10)
			return -PV_EINVAL;
		x = x * 10 + d;
	}
	if (x > max)
		return -PV_EINVAL;
	*v = x;
	return 0;
}
