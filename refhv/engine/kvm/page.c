/*
 * page.c: the hypercall page, where guests ask for one
 *
 * 128 slots of 32 bytes. Any register but rax survives a call. 64-bit code has a short way for
 * EVTCHNOP_send: one OUT of the event channel's port, which KVM passes on itself where it can.
 */
#include <string.h>
#include <pv/abi/event_channel.h>
#include <pv/abi/xen.h>
#include "kvm.h"

#define SLOT  32u
#define SLOTS 128u

static void fill_slot(uint8_t *p, uint32_t nr)
{
	/* mov $nr, %eax; out %al, $PORT; ret: the same bytes in both modes */
	uint8_t code[] = {0xb8, 0, 0, 0, 0, 0xe6, KE_PORT_CALL, 0xc3};

	memcpy(code + 1, &nr, sizeof(nr));
	memcpy(p, code, sizeof(code));
}

/*
 * EVTCHNOP_send whose argument lies in the page of the stack's top, which is there: elsewhere the
 * pointer may be bad, and the answer to that is -EFAULT, not a page fault. rax after the OUT: the
 * port, if KVM has passed it on; otherwise a result, which is not above 0.
 *
 * The long way does not fit in and goes behind the code of the next slot.
 */
#define SLOW (SLOT + 8)

static void fill_send(uint8_t *p)
{
	static const uint8_t code[] = {
		0x83, 0xff,	    PV_EVTCHNOP_send, /* cmp $EVTCHNOP_send, %edi */
		0x75, SLOW - 5,			      /* jne slow */
		0x48, 0x89,	    0xf0,	      /* mov %rsi, %rax */
		0x48, 0x31,	    0xe0,	      /* xor %rsp, %rax */
		0x48, 0xc1,	    0xe8,
		12,		    /* shr $12, %rax */
		0x75, SLOW - 17,    /* jne slow */
		0x8b, 0x06,	    /* mov (%rsi), %eax */
		0xe7, KE_PORT_SEND, /* out %eax, $PORT */
		0x85, 0xc0,	    /* test %eax, %eax */
		0x7e, 0x02,	    /* jle 1f */
		0x31, 0xc0,	    /* xor %eax, %eax */
		0xc3,		    /* 1: ret */
	};

	memcpy(p, code, sizeof(code));
	fill_slot(p + SLOW, PV_HYPERVISOR_event_channel_op);
}

void ke_page_fill(void *page, bool long_mode)
{
	uint8_t *p = page;

	memset(p, 0xcc, SLOT * SLOTS);
	for (uint32_t nr = 0; nr < SLOTS; nr++)
		fill_slot(p + nr * SLOT, nr);
	if (long_mode)
		fill_send(p + PV_HYPERVISOR_event_channel_op * SLOT);
	/* Guests with a CPU of their own return from interrupts by themselves: ud2, as on Xen. */
	p[PV_HYPERVISOR_iret * SLOT] = 0x0f;
	p[PV_HYPERVISOR_iret * SLOT + 1] = 0x0b;
}
