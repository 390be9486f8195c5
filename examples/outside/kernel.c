/*
 * The smallest port: what a kernel adds to libpv-guest.a.
 *
 * Four hooks over an identity map (PVH, auto-translated PV), then a greeting on the emergency console and an orderly end. The kernel's
 * own start code calls kernel_entry() with what the boot loader gave it. It polls: no interrupt handler is needed.
 */
#include <pv/abi/sched.h>
#include <pv/guest.h>
#include <stddef.h>
#include <stdint.h>

void *memcpy(void *d, const void *s, size_t n)
{
	void *r = d;

	__asm__ volatile("rep movsb" : "+D"(d), "+S"(s), "+c"(n) : : "memory");
	return r;
}

void *memset(void *d, int c, size_t n)
{
	void *r = d;

	__asm__ volatile("rep stosb" : "+D"(d), "+c"(n) : "a"(c) : "memory");
	return r;
}

void *memmove(void *d, const void *s, size_t n)
{
	unsigned char *a = d;
	const unsigned char *b = s;

	if (a <= b)
		return memcpy(d, s, n);
	while (n--)
		a[n] = b[n];
	return d;
}

int memcmp(const void *p, const void *q, size_t n)
{
	const unsigned char *a = p, *b = q;

	for (; n; n--, a++, b++)
		if (*a != *b)
			return *a - *b;
	return 0;
}

/* A pool of pages; a real kernel has its own allocator. */
static _Alignas(4096) uint8_t pool[64][4096];
static unsigned used;

static void *pages_alloc(void *ctx, unsigned n)
{
	void *p;

	if (n > 64 - used)
		return NULL;
	p = pool[used];
	used += n;
	return memset(p, 0, n * 4096ul);
}

static void pages_free(void *ctx, void *va, unsigned n)
{
	if ((uint8_t(*)[4096])va + n == pool + used)
		used -= n;
}

static uint64_t va_to_gfn(void *ctx, const void *va)
{
	return (uintptr_t)va >> 12;
}

static void *map_gfn(void *ctx, const uint64_t *gfn, unsigned n, unsigned attr)
{
	return n == 1 ? (void *)(uintptr_t)(*gfn << 12) : NULL;
}

void kernel_entry(const struct pv_hvm_start_info *start)
{
	static struct pv pv;
	static const struct pv_os os = {
		.size = sizeof os,
		.pages_alloc = pages_alloc,
		.pages_free = pages_free,
		.va_to_gfn = va_to_gfn,
		.map_gfn = map_gfn,
	};
	const struct pv_boot boot = {
		.size = sizeof boot, .mode = PV_MODE_PVH, .hvm_start_info = start};
	static const char hello[] = "a kernel of somebody else's, on libpv\n";

	if (pv_init(&pv, &os, &boot) == 0)
		pv_console_io(&pv, hello, sizeof hello - 1);
	pv_shutdown(&pv, PV_SHUTDOWN_poweroff);
	for (;;)
		;
}
