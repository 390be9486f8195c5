/*
 * entry.S: the guest's entry points, and its handlers for upcalls and exceptions
 */
	.text
	.globl _start
/* rdi = task, rsi = vCPU */
_start:
	xor %ebp, %ebp
	call guest_main
	ud2

.macro push_rest
	push %rdi
	push %rsi
	push %rdx
	push %rax
	push %r8
	push %r9
	push %r10
	push %rbx
	push %rbp
	push %r12
	push %r13
	push %r14
	push %r15
.endm

.macro pop_rest
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbp
	pop %rbx
	pop %r10
	pop %r9
	pop %r8
	pop %rax
	pop %rdx
	pop %rsi
	pop %rdi
.endm

/* Stack: rcx, r11, rip, cs, rflags, rsp, ss. Make room for an error code, to have one layout. */
.macro insert_error
	sub $8, %rsp
	mov 8(%rsp), %rcx
	mov %rcx, (%rsp)
	mov 16(%rsp), %rcx
	mov %rcx, 8(%rsp)
	movq $0, 16(%rsp)
.endm

	.globl upcall_entry
upcall_entry:
	insert_error
	push $0xff
	jmp common

trap_common_no_error:
	/* vector on top */
	pop trap_vector(%rip)
	insert_error
	push trap_vector(%rip)
common:
	push_rest
	cld
	mov %rsp, %rdi
	mov %rsp, %rbx
	and $-16, %rsp
	call trap_c
	mov %rbx, %rsp
	pop_rest
	add $8, %rsp
	pop %rcx
	pop %r11
	/* The error code's place takes the flags of HYPERVISOR_iret. */
	movq $0, (%rsp)
	jmp 0x10002000 + 23 * 32

.macro trap n, error
trap_\n:
	push $\n
	.if \error
	jmp common
	.else
	jmp trap_common_no_error
	.endif
.endm
	trap 0, 0
	trap 1, 0
	trap 2, 0
	trap 3, 0
	trap 4, 0
	trap 5, 0
	trap 6, 0
	trap 7, 0
	trap 8, 1
	trap 9, 0
	trap 10, 1
	trap 11, 1
	trap 12, 1
	trap 13, 1
	trap 14, 1
	trap 15, 0
	trap 16, 0
	trap 17, 1
	trap 18, 0
	trap 19, 0
	trap 20, 0
	trap 128, 0

	.section .rodata
	.globl trap_entries
	.balign 8
trap_entries:
	.quad trap_0, trap_1, trap_2, trap_3, trap_4, trap_5, trap_6, trap_7, trap_8, trap_9, trap_10
	.quad trap_11, trap_12, trap_13, trap_14, trap_15, trap_16, trap_17, trap_18, trap_19, trap_20
	.quad trap_128
	.bss
	.balign 8
trap_vector:
	.quad 0
	.section .note.GNU-stack, "", @progbits
