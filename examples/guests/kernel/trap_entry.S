/*
 * Entries for exceptions and upcalls, and the way back.
 *
 * Under PV the hypervisor pushes rcx and r11 on top of the processor's frame; the PV entries pop
 * them, so that from there on one path serves both. Saved registers: struct trap_frame.
 */
#include "asm.h"
#include <pv/abi/xen.h>

/* Exceptions with an error code: 8, 10 to 14, 17, 21. */
#define HAS_ERROR 0x227d00

.text
.code64

/* 32 entries of 16 bytes each, for PVH; then 32 for PV. */
.balign 16
.global trap_entries
trap_entries:
.set vector, 0
.rept 32
	.balign 16
	.if ((HAS_ERROR >> vector) & 1) == 0
	push	$0
	.endif
	push	$vector
	jmp	trap_common
	.set vector, vector + 1
.endr

.balign 16
.global pv_trap_entries
pv_trap_entries:
.set vector, 0
.rept 32
	.balign 16
	pop	%rcx
	pop	%r11
	.if ((HAS_ERROR >> vector) & 1) == 0
	push	$0
	.endif
	push	$vector
	jmp	trap_common
	.set vector, vector + 1
.endr

.balign 16
.global upcall_entry
upcall_entry:
	push	$0
	push	$VECTOR_UPCALL
	jmp	trap_common

.global pv_event_entry
pv_event_entry:
	pop	%rcx
	pop	%r11
	push	$0
	push	$VECTOR_PV_EVENT
	jmp	trap_common

/* A segment register could not be loaded on the way back to us: rcx, r11, ds, es, fs, gs, frame. */
.global pv_failsafe_entry
pv_failsafe_entry:
	pop	%rcx
	pop	%r11
	add	$32, %rsp
	push	$0
	push	$VECTOR_PV_FAILSAFE
	/* fall through */

trap_common:
	cld
	push	%rdi
	push	%rsi
	push	%rdx
	push	%rcx
	push	%rax
	push	%r8
	push	%r9
	push	%r10
	push	%r11
	push	%rbx
	push	%rbp
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	mov	%rsp, %rdi
	call	trap_dispatch
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbp
	pop	%rbx
	pop	%r11
	pop	%r10
	pop	%r9
	pop	%r8
	pop	%rax
	pop	%rcx
	pop	%rdx
	pop	%rsi
	pop	%rdi
	add	$16, %rsp
	cmpb	$0, trap_return_pv(%rip)
	jne	1f
	iretq
	/*
	 * The hypercall page's own code pushes rcx, r11 and rax. The hypervisor puts the event mask
	 * back from the saved flags and looks for pending events, atomically for us.
	 */
1:	push	$0
	jmp	hypercall_page + 32 * PV_HYPERVISOR_iret

.section .note.GNU-stack, "", @progbits
