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

_Static_assert(SITE_NEEDED == SITE_DENSE, "dense: one function ends where the other begins");

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

/* The two functions of a 32-bit kernel. */
static bool is_dense(const uint8_t *p)
{
	return p[0] == vmmcall[0] && is_site(p, vmmcall, false) &&
	       is_site(p + SITE_DENSE, vmcall, false) && p[3] == RET && p[SITE_DENSE + 3] == RET;
}

unsigned sites_find(const void *mem, uint64_t len, struct sites *s)
{
	const uint8_t *p = mem;
	unsigned found = 0;

	for (uint64_t i = 0; i + SITE_ALIGN <= len && found < 2; i += SITE_ALIGN) {
		uint64_t at = p[i] == endbr64[0] ? i + ENDBR_SIZE : i;
		uint32_t gap = p[at] == vmmcall[0] ? pair_at(p + at, len - at, at != i) : 0;

		if (gap && !found++)
			*s = (struct sites){.at = at, .gap = gap};
		for (at = i; at < i + SITE_ALIGN && at + 2 * SITE_DENSE <= len; at += SITE_DENSE)
			if (is_dense(p + at) && !found++)
				*s = (struct sites){.at = at, .gap = SITE_DENSE};
	}
	return found < 2 ? found : 2;
}

void sites_patch(void *mem, const struct sites *s, const struct sites_ports *ports)
{
	const uint8_t code[3] = {0xe6, ports->call, 0x90};
	uint8_t *p = (uint8_t *)mem + s->at;

	memcpy(p, code, 3);
	memcpy(p + s->gap, code, 3);
}

/* Room: bytes 8 to 15 of each function's 16. */
#define ROOM	  8u
#define ROOM_SIZE 8u

static bool is_padding(const uint8_t *p)
{
	static const uint8_t nop8[ROOM_SIZE] = {0x0f, 0x1f, 0x84};
	unsigned same = 1;

	while (same < ROOM_SIZE && p[same] == p[0])
		same++;
	return same == ROOM_SIZE ? p[0] == 0xcc || p[0] == 0x90 : !memcmp(p, nop8, ROOM_SIZE);
}

/* A jump of two bytes at offset `at`. */
static uint8_t jump(uint32_t at, uint32_t to)
{
	return (uint8_t)(to - (at + 2));
}

uint32_t sites_send_at(bool second)
{
	return second ? 0 : SITE_ALIGN;
}

bool sites_shorten(void *mem, struct sites *s, const struct sites_ports *ports, bool second)
{
	const uint32_t entry = second ? SITE_ALIGN : 0, send = sites_send_at(second);
	const uint32_t low = ROOM, high = SITE_ALIGN + ROOM, slow = low + 4, ret = 3;
	const uint8_t enter[3] = {0xeb, jump(entry, low), 0x90};
	const uint8_t one[ROOM_SIZE] = {
		0x3c, 0x20,		   /* cmp $event_channel_op, %al */
		0x74, jump(low + 2, high), /* je high */
		0xe6, ports->undone,	   /* slow: out %al, $undone */
		0xeb, jump(low + 6, ret),  /* jmp ret */
	};
	const uint8_t two[ROOM_SIZE] = {
		0x83, 0xef,
		0x04,			    /* sub $EVTCHNOP_send, %edi */
		0x75, jump(high + 3, slow), /* jne slow */
		0xad,			    /* lods (%rsi), %eax */
		0xeb, jump(high + 6, send), /* jmp send */
	};
	const uint8_t out[3] = {0xe7, ports->send, 0x97}; /* out %eax, $send; xchg %eax, %edi */
	uint8_t *p = (uint8_t *)mem + s->at;

	if (s->shortened || s->gap != SITE_ALIGN || !is_padding(p + low) || !is_padding(p + high))
		return false;
	memcpy(p + low, one, sizeof(one));
	memcpy(p + high, two, sizeof(two));
	memcpy(p + send, out, sizeof(out));
	memcpy(p + entry, enter, sizeof(enter));
	s->shortened = true;
	return true;
}

bool sites_patched(const void *mem, const struct sites *s, const struct sites_ports *ports)
{
	const uint8_t *p = (const uint8_t *)mem + s->at;

	if (s->shortened)
		return p[ROOM] == 0x3c && p[ROOM + 5] == ports->undone &&
		       p[SITE_ALIGN + ROOM] == 0x83;
	return p[0] == 0xe6 && p[1] == ports->call && p[s->gap] == 0xe6 &&
	       p[s->gap + 1] == ports->call;
}
