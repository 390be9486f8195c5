/*
 * Copies between host locals and guest memory.
 *
 * The guest is hostile: it chooses the addresses and changes the bytes while they are copied.
 * Loads and stores of shared bytes are relaxed atomics, whole words where alignment allows, so
 * that a copy is a snapshot of each word and the compiler cannot read one twice (XSA-155).
 */
#include "access.h"
#include "compat.h"

static bool aligned(const void *p)
{
	return ((uintptr_t)p & 7) == 0;
}

static uint64_t shared_word(const unsigned char *p)
{
	return __atomic_load_n((const uint64_t *)(const void *)p, __ATOMIC_RELAXED);
}

static void set_shared_word(unsigned char *p, uint64_t w)
{
	__atomic_store_n((uint64_t *)(void *)p, w, __ATOMIC_RELAXED);
}

static uint64_t word(const unsigned char *p)
{
	uint64_t w;

	memcpy(&w, p, sizeof(w));
	return w;
}

static void set_word(unsigned char *p, uint64_t w)
{
	memcpy(p, &w, sizeof(w));
}

/* Both go by four words at a time where there are so many: whole pages pass through here. */
void pv_shared_read(void *to, const void *from, size_t len)
{
	const unsigned char *f = from;
	unsigned char *t = to;

	for (; len && !aligned(f); len--)
		*t++ = __atomic_load_n(f++, __ATOMIC_RELAXED);
	for (; len >= 32; t += 32, f += 32, len -= 32) {
		uint64_t a = shared_word(f), b = shared_word(f + 8), c = shared_word(f + 16),
			 d = shared_word(f + 24);

		set_word(t, a);
		set_word(t + 8, b);
		set_word(t + 16, c);
		set_word(t + 24, d);
	}
	for (; len >= 8; t += 8, f += 8, len -= 8)
		set_word(t, shared_word(f));
	for (; len; len--)
		*t++ = __atomic_load_n(f++, __ATOMIC_RELAXED);
}

void pv_shared_write(void *to, const void *from, size_t len)
{
	const unsigned char *f = from;
	unsigned char *t = to;

	for (; len && !aligned(t); len--)
		__atomic_store_n(t++, *f++, __ATOMIC_RELAXED);
	for (; len >= 32; t += 32, f += 32, len -= 32) {
		uint64_t a = word(f), b = word(f + 8), c = word(f + 16), d = word(f + 24);

		set_shared_word(t, a);
		set_shared_word(t + 8, b);
		set_shared_word(t + 16, c);
		set_shared_word(t + 24, d);
	}
	for (; len >= 8; t += 8, f += 8, len -= 8)
		set_shared_word(t, word(f));
	for (; len; len--)
		__atomic_store_n(t++, *f++, __ATOMIC_RELAXED);
}

void pv_shared_clear(void *page)
{
	uint64_t *p = page;
	size_t i;

	for (i = 0; i < PV_PAGE / 8; i++)
		__atomic_store_n(&p[i], 0, __ATOMIC_RELAXED);
}

/* The piece of [gva, gva + len) up to the end of its page. */
static void *piece(struct pv_domain *d, unsigned vcpu, uint64_t gva, size_t len, int write,
		   size_t *n)
{
	uint64_t gpa;

	*n = PV_PAGE - (size_t)(gva % PV_PAGE);
	if (*n > len)
		*n = len;
	if (d->vmm.gva_to_gpa(d->vmm.ctx, vcpu, gva, write, &gpa))
		return NULL;
	return d->vmm.gpa_map(d->vmm.ctx, gpa, (uint32_t)*n, write);
}

/* 32-bit code has no addresses from 4 GiB on, and what is at 0 is not behind the last one. */
static bool within(const struct pv_domain *d, unsigned vcpu, uint64_t gva, size_t len)
{
	return pv_guest_range_ok(gva, len, 1) && (!d->vcpu[vcpu].compat || gva + len <= 1ull << 32);
}

static bool is_view(const struct pv_domain *d, unsigned vcpu, uint64_t gva)
{
	return d->vcpu[vcpu].compat && (gva & PV_VIEW);
}

int pv_guest_read(struct pv_domain *d, unsigned vcpu, void *to, uint64_t gva, size_t len)
{
	unsigned char *t = to;
	size_t n;

	if (is_view(d, vcpu, gva))
		return pv_view_read(d, vcpu, to, gva, len);
	if (!within(d, vcpu, gva, len))
		return -PV_EFAULT;
	for (; len; t += n, gva += n, len -= n) {
		const void *p = piece(d, vcpu, gva, len, 0, &n);

		if (!p)
			return -PV_EFAULT;
		pv_shared_read(t, p, n);
	}
	return 0;
}

int pv_guest_write(struct pv_domain *d, unsigned vcpu, uint64_t gva, const void *from, size_t len)
{
	const unsigned char *f = from;
	size_t n;

	if (is_view(d, vcpu, gva))
		return pv_view_write(d, vcpu, gva, from, len);
	if (!within(d, vcpu, gva, len))
		return -PV_EFAULT;
	for (; len; f += n, gva += n, len -= n) {
		void *p = piece(d, vcpu, gva, len, 1, &n);

		if (!p)
			return -PV_EFAULT;
		pv_shared_write(p, f, n);
	}
	return 0;
}

int pv_area_write(struct pv_domain *d, unsigned vcpu, bool phys, uint64_t addr, const void *from,
		  size_t len)
{
	const unsigned char *f = from;
	size_t n;

	if (!phys)
		return pv_guest_write(d, vcpu, addr, from, len);
	for (; len; f += n, addr += n, len -= n) {
		void *p;

		n = PV_PAGE - (size_t)(addr % PV_PAGE);
		if (n > len)
			n = len;
		p = d->vmm.gpa_map(d->vmm.ctx, addr, (uint32_t)n, 1);
		if (!p)
			return -PV_EFAULT;
		pv_shared_write(p, f, n);
	}
	return 0;
}
