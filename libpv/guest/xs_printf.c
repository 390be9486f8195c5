/*
 * xs_printf: values made from a format.
 *
 * Small on purpose: what device protocols write. The format is the caller's, not a peer's.
 */
#include "xs_impl.h"

struct out {
	char text[256];
	size_t len;
	bool full;
};

static void put(struct out *o, const char *s, size_t n)
{
	if (n > sizeof(o->text) - 1 - o->len) {
		o->full = true;
		return;
	}
	memcpy(o->text + o->len, s, n);
	o->len += n;
}

static void put_number(struct out *o, uint64_t v, unsigned base)
{
	char digits[PV_XS_NUMBER_TEXT];
	size_t at = sizeof(digits);

	do {
		digits[--at] = "0123456789abcdef"[v % base];
		v /= base;
	} while (v);
	put(o, digits + at, sizeof(digits) - at);
}

static void put_string(struct out *o, const char *s)
{
	size_t n = 0;

	while (s[n])
		n++;
	put(o, s, n);
}

/* One conversion after its '%'; returns where the format goes on, or NULL if it is not one of ours.
 */
static const char *convert(struct out *o, const char *f, va_list *ap)
{
	unsigned longs = 0;
	int64_t v;
	char c;

	for (; *f == 'l' || *f == 'z'; f++)
		longs++;
	switch (*f) {
	case '%': put(o, "%", 1); break;
	case 'c':
		c = (char)va_arg(*ap, int);
		put(o, &c, 1);
		break;
	case 's': put_string(o, va_arg(*ap, const char *)); break;
	case 'd':
	case 'i':
		v = longs ? va_arg(*ap, long long) : va_arg(*ap, int);
		if (v < 0)
			put(o, "-", 1);
		put_number(o, v < 0 ? 0 - (uint64_t)v : (uint64_t)v, 10);
		break;
	case 'u':
		put_number(o, longs ? va_arg(*ap, unsigned long long) : va_arg(*ap, unsigned), 10);
		break;
	case 'x':
		put_number(o, longs ? va_arg(*ap, unsigned long long) : va_arg(*ap, unsigned), 16);
		break;
	default: return NULL;
	}
	return f + 1;
}

/* long, long long and size_t are fetched alike. */
_Static_assert(sizeof(long) == sizeof(long long) && sizeof(size_t) == sizeof(long long), "LP64");

int pv_xs_vprintf(struct pv_xs *xs, uint32_t tx, const char *path, const char *fmt, va_list ap)
{
	struct out o = {.len = 0};
	const char *f = fmt;
	va_list args;

	va_copy(args, ap);
	while (f && *f) {
		size_t n = 0;

		while (f[n] && f[n] != '%')
			n++;
		put(&o, f, n);
		f += n;
		if (*f)
			f = convert(&o, f + 1, &args);
	}
	va_end(args);
	if (!f)
		return -PV_EINVAL;
	return o.full ? -PV_E2BIG : pv_xs_write(xs, tx, path, o.text, o.len);
}

int pv_xs_printf(struct pv_xs *xs, uint32_t tx, const char *path, const char *fmt, ...)
{
	va_list ap;
	int rc;

	va_start(ap, fmt);
	rc = pv_xs_vprintf(xs, tx, path, fmt, ap);
	va_end(ap);
	return rc;
}
