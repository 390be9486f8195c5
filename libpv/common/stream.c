/*
 * stream: reading and writing the fixed parts of a migration stream.
 *
 * Byte by byte, so that neither alignment nor the byte order of the machine matters. Trusts nobody: lengths and types come from a file
 * or a socket. Facts: Xen docs/specs/libxc-migration-stream.pandoc.
 */
#include <pv/abi/errno.h>
#include <pv/stream.h>
#include "mem.h"

static void put_be(uint8_t *p, uint64_t v, unsigned n)
{
	while (n--) {
		p[n] = (uint8_t)v;
		v >>= 8;
	}
}

static void put_le(uint8_t *p, uint64_t v, unsigned n)
{
	unsigned i;

	for (i = 0; i < n; i++) {
		p[i] = (uint8_t)v;
		v >>= 8;
	}
}

static uint64_t get_be(const uint8_t *p, unsigned n)
{
	uint64_t v = 0;
	unsigned i;

	for (i = 0; i < n; i++)
		v = v << 8 | p[i];
	return v;
}

static uint64_t get_le(const uint8_t *p, unsigned n)
{
	uint64_t v = 0;

	while (n--)
		v = v << 8 | p[n];
	return v;
}

#define IHDR(field) (buf + offsetof(struct pv_stream_image_header, field))
#define DHDR(field)                                    \
	(buf + sizeof(struct pv_stream_image_header) + \
	 offsetof(struct pv_stream_domain_header, field))

void pv_stream_headers_put(uint8_t *buf, uint32_t type, uint32_t version)
{
	memset(buf, 0, PV_STREAM_HEADERS_SIZE);
	put_be(IHDR(marker), PV_STREAM_IHDR_MARKER, 8);
	put_be(IHDR(id), PV_STREAM_IHDR_ID, 4);
	put_be(IHDR(version), PV_STREAM_IHDR_VERSION, 4);
	put_le(DHDR(type), type, 4);
	put_le(DHDR(page_shift), 12, 2);
	put_le(DHDR(xen_major), version >> 16, 4);
	put_le(DHDR(xen_minor), version & 0xffff, 4);
}

int pv_stream_headers_get(const uint8_t *buf)
{
	uint64_t type = get_le(DHDR(type), 4);

	if (get_be(IHDR(marker), 8) != PV_STREAM_IHDR_MARKER ||
	    get_be(IHDR(id), 4) != PV_STREAM_IHDR_ID)
		return -PV_EBADMSG;
	if (get_be(IHDR(version), 4) != PV_STREAM_IHDR_VERSION ||
	    get_be(IHDR(options), 2) & PV_STREAM_IHDR_OPT_BIG_ENDIAN ||
	    get_le(DHDR(page_shift), 2) != 12)
		return -PV_EOPNOTSUPP;
	if (type != PV_STREAM_DHDR_TYPE_X86_PV && type != PV_STREAM_DHDR_TYPE_X86_HVM)
		return -PV_EOPNOTSUPP;
	return (int)type;
}

/* The records that a reader looks at, and how long their bodies may be. */
static const struct {
	uint32_t type, min, max;
} known[] = {
	{PV_STREAM_REC_END, 0, 0},
	{PV_STREAM_REC_PAGE_DATA, 16, 8 + PV_STREAM_BATCH *(8 + 4096)},
	{PV_STREAM_REC_X86_PV_INFO, 8, 8},
	{PV_STREAM_REC_X86_PV_VCPU_BASIC, 8, 16384},
	{PV_STREAM_REC_X86_PV_VCPU_XSAVE, 8, 65536},
	{PV_STREAM_REC_X86_TSC_INFO, 24, 24},
	{PV_STREAM_REC_STATIC_DATA_END, 0, 0},
	{PV_STREAM_REC_PV_CONFIG, 2, 1u << 20},
	{PV_STREAM_REC_PV_DOMAIN, 8, 65536},
	{PV_STREAM_REC_PV_VCPU, 8, 65536},
	{PV_STREAM_REC_PV_PORTS, 0, 4096 * 256},
	{PV_STREAM_REC_PV_MAPS, 0, 65536 * 64},
	{PV_STREAM_REC_PV_RUN, sizeof(struct pv_stream_run), 4096},
	{PV_STREAM_REC_PV_MAPPINGS, 0, 1u << 24},
	{PV_STREAM_REC_PV_STORE, 0, 64u << 20},
	{PV_STREAM_REC_PV_DEVICE, sizeof(struct pv_stream_device), 65536},
	{PV_STREAM_REC_PV_MACHINE, 0, 65536},
	{PV_STREAM_REC_PV_ABSENT, 8, 1u << 26},
};

int pv_stream_check(struct pv_stream_check *c, uint32_t type, uint32_t length)
{
	unsigned i;

	if (c->ended || length > PV_STREAM_REC_LENGTH_MAX)
		return -PV_EBADMSG;
	for (i = 0; i < sizeof known / sizeof known[0]; i++)
		if (known[i].type == type)
			break;
	if (i == sizeof known / sizeof known[0])
		return type & PV_STREAM_REC_OPTIONAL ? 1 : -PV_EOPNOTSUPP;
	if (length < known[i].min || length > known[i].max)
		return -PV_EBADMSG;
	switch (type) {
	case PV_STREAM_REC_STATIC_DATA_END:
		if (c->static_done)
			return -PV_EBADMSG;
		c->static_done = 1;
		break;
	case PV_STREAM_REC_END:
		if (!c->static_done)
			return -PV_EBADMSG;
		c->ended = 1;
		break;
	case PV_STREAM_REC_PV_CONFIG:
	case PV_STREAM_REC_PV_MACHINE:
		/* What decides the shape of the domain comes before what fills it. */
		if (c->static_done)
			return -PV_EBADMSG;
		break;
	case PV_STREAM_REC_PAGE_DATA:
		if (!c->static_done)
			return -PV_EBADMSG;
		break;
	}
	return 0;
}

int pv_stream_page_count(const uint8_t *body, uint32_t length)
{
	uint64_t count = get_le(body, 4);

	if (count < 1 || count > PV_STREAM_BATCH || length < 8 + count * 8)
		return -PV_EBADMSG;
	/* Entries may be without data: between none and all of them have a page. */
	length -= (uint32_t)(8 + count * 8);
	if (length % 4096 || length / 4096 > count)
		return -PV_EBADMSG;
	return (int)count;
}

int pv_stream_page_entry(uint64_t entry, uint64_t *gfn)
{
	unsigned type = (unsigned)(entry >> PV_STREAM_PFN_TYPE_SHIFT);

	if (entry & ~(PV_STREAM_PFN_MASK | PV_STREAM_PFN_TYPE_MASK))
		return -PV_EBADMSG;
	*gfn = entry & PV_STREAM_PFN_MASK;
	/* Types 5 to 8 mean nothing (Xen tools/libs/guest/xg_sr_common.h). */
	if (type >= 5 && type <= 8)
		return -PV_EBADMSG;
	return type < PV_STREAM_PFN_BROKEN;
}
