/*
 * page.c: the hypercall page, where guests ask for one
 *
 * 128 slots of 32 bytes. Any register but rax survives a call.
 */
#include <string.h>
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

void ke_page_fill(void *page)
{
	uint8_t *p = page;

	memset(p, 0xcc, SLOT * SLOTS);
	for (uint32_t nr = 0; nr < SLOTS; nr++)
		fill_slot(p + nr * SLOT, nr);
	/* Guests with a CPU of their own return from interrupts by themselves: ud2, as on Xen. */
	p[PV_HYPERVISOR_iret * SLOT] = 0x0f;
	p[PV_HYPERVISOR_iret * SLOT + 1] = 0x0b;
}
