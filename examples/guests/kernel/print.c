/*
 * Formatted output: the subset of printf that kernel.h names.
 */
#include "kernel.h"

struct out {
	char *buf;
	size_t size, len; /* len counts what did not fit, too */
};

struct spec {
	int left, zero, alternate, width, precision, size; /* size: bytes of the integer argument */
};

static void put(struct out *o, char c)
{
	if (o->len + 1 < o->size)
		o->buf[o->len] = c;
	o->len++;
}

static void put_padded(struct out *o, const struct spec *s, const char *text, size_t n)
{
	size_t pad = s->width > 0 && (size_t)s->width > n ? (size_t)s->width - n : 0, i;
	char fill = s->zero && !s->left ? '0' : ' ';

	if (!s->left) {
		/* A sign stands before the zeros. */
		if (fill == '0' && n && *text == '-') {
			put(o, '-');
			text++;
			n--;
		}
		for (i = 0; i < pad; i++)
			put(o, fill);
	}
	for (i = 0; i < n; i++)
		put(o, text[i]);
	if (s->left)
		for (i = 0; i < pad; i++)
			put(o, ' ');
}

static void put_number(struct out *o, const struct spec *s, uint64_t v, unsigned base, int neg,
		       const char *digit)
{
	char text[24];
	size_t at = sizeof(text);

	do {
		text[--at] = digit[v % base];
		v /= base;
	} while (v);
	if (s->alternate && base == 16) {
		text[--at] = 'x';
		text[--at] = '0';
	}
	if (neg)
		text[--at] = '-';
	put_padded(o, s, text + at, sizeof(text) - at);
}

static const char *parse(const char *f, struct spec *s, va_list *ap)
{
	*s = (struct spec){.precision = -1, .size = sizeof(int)};
	for (;; f++) {
		if (*f == '-')
			s->left = 1;
		else if (*f == '0')
			s->zero = 1;
		else if (*f == '#')
			s->alternate = 1;
		else
			break;
	}
	if (*f == '*') {
		s->width = va_arg(*ap, int);
		f++;
	}
	for (; *f >= '0' && *f <= '9'; f++)
		s->width = s->width * 10 + *f - '0';
	if (*f == '.') {
		s->precision = 0;
		f++;
		if (*f == '*') {
			s->precision = va_arg(*ap, int);
			f++;
		}
		for (; *f >= '0' && *f <= '9'; f++)
			s->precision = s->precision * 10 + *f - '0';
	}
	for (; *f == 'l' || *f == 'z' || *f == 'h'; f++)
		if (*f != 'h')
			s->size = sizeof(long);
	return f;
}

int kvsnprintf(char *buf, size_t size, const char *f, va_list args)
{
	struct out o = {.buf = buf, .size = size};
	struct spec s;
	va_list ap;

	va_copy(ap, args);
	for (; *f; f++) {
		const char *text;
		size_t n;
		uint64_t v;

		if (*f != '%') {
			put(&o, *f);
			continue;
		}
		f = parse(f + 1, &s, &ap);
		switch (*f) {
		case 'd':
		case 'i':
			v = s.size == sizeof(long) ? va_arg(ap, uint64_t)
						   : (uint64_t)(int64_t)va_arg(ap, int);
			put_number(&o, &s, (int64_t)v < 0 ? -v : v, 10, (int64_t)v < 0,
				   "0123456789");
			break;
		case 'u':
		case 'x':
		case 'X':
			v = s.size == sizeof(long) ? va_arg(ap, uint64_t) : va_arg(ap, unsigned);
			put_number(&o, &s, v, *f == 'u' ? 10 : 16, 0,
				   *f == 'X' ? "0123456789ABCDEF" : "0123456789abcdef");
			break;
		case 'p':
			s.alternate = 1;
			put_number(&o, &s, (uintptr_t)va_arg(ap, void *), 16, 0,
				   "0123456789abcdef");
			break;
		case 's':
			text = va_arg(ap, const char *);
			if (!text)
				text = "(null)";
			for (n = 0; (s.precision < 0 || n < (size_t)s.precision) && text[n];)
				n++;
			put_padded(&o, &s, text, n);
			break;
		case 'c': put(&o, (char)va_arg(ap, int)); break;
		case '%': put(&o, '%'); break;
		default:
			/* Not ours: show it, and where the text ended. */
			put(&o, '%');
			if (!*f) {
				f--;
				break;
			}
			put(&o, *f);
		}
	}
	va_end(ap);
	if (size)
		buf[o.len < size ? o.len : size - 1] = 0;
	return (int)o.len;
}

int ksnprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = kvsnprintf(buf, size, fmt, ap);
	va_end(ap);
	return n;
}

void kvprintf(const char *fmt, va_list ap)
{
	char line[512];
	int n = kvsnprintf(line, sizeof(line), fmt, ap);

	console_write(line, (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1);
}

void kprintf(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	kvprintf(fmt, ap);
	va_end(ap);
}
