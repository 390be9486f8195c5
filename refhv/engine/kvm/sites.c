/*
 * sites.c: see sites.h
 */
#include <stdbool.h>
#include <string.h>
#include "sites.h"

#define RET	    0xc3 /* or, before Linux has chosen its return thunks: */
#define JMP	    0xe9
#define ENDBR_SIZE  4u
#define SITE_NEEDED 4u /* bytes: the instruction and the first of the return */

static const uint8_t vmmcall[3] = {0x0f, 0x01, 0xd9}, vmcall[3] = {0x0f, 0x01, 0xc1};
static const uint8_t endbr64[ENDBR_SIZE] = {0xf3, 0x0f, 0x1e, 0xfa};

static bool is_site(const uint8_t *p, const uint8_t instruction[3], bool endbr)
{
	return !memcmp(p, instruction, 3) && (p[3] == JMP || p[3] == RET) &&
	       (!endbr || !memcmp(p - ENDBR_SIZE, endbr64, ENDBR_SIZE));
}

/* The distance to the other half, if p is the first half of a pair and `left` bytes long; or 0. */
static uint32_t pair_at(const uint8_t *p, uint64_t left, bool endbr)
{
	if (left < SITE_NEEDED || !is_site(p, vmmcall, endbr))
		return 0;
	for (uint32_t gap = SITE_ALIGN; gap <= SITE_MAX_GAP && gap + SITE_NEEDED <= left;
	     gap += SITE_ALIGN)
		if (p[gap + 3] == p[3] && is_site(p + gap, vmcall, endbr))
			return gap;
	return 0;
}

unsigned sites_find(const void *mem, uint64_t len, struct sites *s)
{
	const uint8_t *p = mem;
	unsigned found = 0;

	for (uint64_t i = 0; i + SITE_ALIGN <= len && found < 2; i += SITE_ALIGN) {
		uint64_t at = p[i] == endbr64[0] ? i + ENDBR_SIZE : i;
		uint32_t gap;

		if (p[at] != vmmcall[0])
			continue;
		gap = pair_at(p + at, len - at, at != i);
		if (gap && !found++)
			*s = (struct sites){at, gap};
	}
	return found;
}

void sites_patch(void *mem, const struct sites *s, uint8_t port)
{
	const uint8_t code[3] = {0xe6, port, 0x90};
	uint8_t *p = (uint8_t *)mem + s->at;

	memcpy(p, code, 3);
	memcpy(p + s->gap, code, 3);
}

int sites_patched(const void *mem, const struct sites *s, uint8_t port)
{
	const uint8_t *p = (const uint8_t *)mem + s->at;

	return p[0] == 0xe6 && p[1] == port && p[s->gap] == 0xe6 && p[s->gap + 1] == port;
}
