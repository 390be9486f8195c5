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

void pv_shared_read(void *to, const void *from, size_t len)
{
	unsigned char *t = to;
	const unsigned char *f = from;

	while (len) {
		if (len >= 8 && aligned(f)) {
			uint64_t w = __atomic_load_n((const uint64_t *)(const void *)f,
						     __ATOMIC_RELAXED);

			memcpy(t, &w, 8);
			t += 8, f += 8, len -= 8;
		} else {
			*t++ = __atomic_load_n(f++, __ATOMIC_RELAXED);
			len--;
		}
	}
}

void pv_shared_write(void *to, const void *from, size_t len)
{
	unsigned char *t = to;
	const unsigned char *f = from;

	while (len) {
		if (len >= 8 && aligned(t)) {
			uint64_t w;

			memcpy(&w, f, 8);
			__atomic_store_n((uint64_t *)(void *)t, w, __ATOMIC_RELAXED);
			t += 8, f += 8, len -= 8;
		} else {
			__atomic_store_n(t++, *f++, __ATOMIC_RELAXED);
			len--;
		}
	}
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
