/*
 * Constants that C and assembly of the kernel share.
 */
#ifndef KERNEL_ASM_H
#define KERNEL_ASM_H

#define ASM_VIRT_BASE 0x10000000
#define ASM_STACK     16384 /* KERNEL_STACK */

/* PVH only: our segments and the vector on which upcalls come. */
#define SEL_CODE64    0x08
#define SEL_DATA      0x10
#define VECTOR_UPCALL 0x40

/* trap_frame.vector of an upcall under PV, where it is a callback and has no number. */
#define VECTOR_PV_EVENT	   256
#define VECTOR_PV_FAILSAFE 257

#endif
