/*
 * sites.c: see sites.h
 */
#include <string.h>
#include "sites.h"

#define RET 0xc3 /* or, before Linux has chosen its return thunks: */
#define JMP 0xe9

static const uint8_t vmmcall[3] = {0x0f, 0x01, 0xd9}, vmcall[3] = {0x0f, 0x01, 0xc1};

static int is_pair(const uint8_t *p)
{
	return !memcmp(p, vmmcall, 3) && (p[3] == JMP || p[3] == RET) &&
	       !memcmp(p + SITE_GAP, vmcall, 3) && p[SITE_GAP + 3] == p[3];
}

unsigned sites_find(const void *mem, uint64_t len, uint64_t *at)
{
	const uint8_t *p = mem;
	unsigned found = 0;

	for (uint64_t i = 0; i + SITE_SIZE <= len && found < 2; i += SITE_ALIGN)
		if (p[i] == vmmcall[0] && is_pair(p + i) && !found++)
			*at = i;
	return found;
}

int sites_state(const void *mem)
{
	const uint8_t *p = mem;

	if (is_pair(p))
		return 1;
	return p[0] == 0xe6 && p[SITE_GAP] == 0xe6 && p[1] == p[SITE_GAP + 1] ? 2 : 0;
}

void sites_patch(void *mem, uint8_t port)
{
	const uint8_t code[3] = {0xe6, port, 0x90};

	memcpy(mem, code, 3);
	memcpy((uint8_t *)mem + SITE_GAP, code, 3);
}
