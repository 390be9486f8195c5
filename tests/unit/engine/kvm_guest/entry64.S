/*
 * entry64.S: how the test guest gets to 64-bit code, on the first vCPU and on others; its interrupts
 */
#include "../kvm_shared.h"

#define KERNEL_CS 0x8
#define KERNEL_DS 0x10
#define CODE32	  0x18
#define STACK_SHIFT 14

	.text
	.code32
	.globl _start
_start:
	cli
	/* Four GiB flat by 2 MiB pages, and the first of them at TEST_HIGH (entry 273). */
	mov $pdpt, %eax
	or $3, %eax
	mov %eax, pml4
	mov %eax, pml4 + 273 * 8
	mov $pd, %eax
	or $3, %eax
	mov $pdpt, %edi
	mov $4, %ecx
1:	mov %eax, (%edi)
	add $0x1000, %eax
	add $8, %edi
	loop 1b
	mov $0x83, %eax
	mov $pd, %edi
	mov $2048, %ecx
1:	mov %eax, (%edi)
	add $0x200000, %eax
	add $8, %edi
	loop 1b
	xor %ebx, %ebx
	/* ebx: number of the vCPU */
go_long:
	lgdt gdt_pointer
	mov $0x620, %eax /* PAE, OSFXSR, OSXMMEXCPT */
	mov %eax, %cr4
	mov $pml4, %eax
	mov %eax, %cr3
	mov $0xc0000080, %ecx
	rdmsr
	or $0x101, %eax /* LME, SCE */
	wrmsr
	mov $0x80010033, %eax /* PG, WP, NE, ET, MP, PE */
	mov %eax, %cr0
	ljmp $KERNEL_CS, $long_code

	.code64
long_code:
	mov $KERNEL_DS, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %ss
	lidt idt_pointer(%rip)
	mov %ebx, %edi
	.globl start64
	/* edi: number of the vCPU; VCPUOP_initialise begins here */
start64:
	lidt idt_pointer(%rip)
	lgdt gdt_pointer
	lea 1(%rdi), %eax
	shl $STACK_SHIFT, %eax
	lea stacks(%rax), %rsp
	pushq $KERNEL_CS
	pushq $1f
	lretq
1:	call guest_main
2:	cli
	hlt
	jmp 2b

/* Copied to TEST_TRAMPOLINE: real mode, cs:ip = TEST_TRAMPOLINE:0. */
	.globl trampoline, trampoline_end
	.code16
trampoline:
	cli
	mov %cs, %ax
	mov %ax, %ds
	lgdtl gdt_low - trampoline
	mov %cr0, %eax
	or $1, %eax
	mov %eax, %cr0
	ljmpl $CODE32, $other
	.balign 8
gdt_low:
	.word gdt_end - gdt - 1
	.long gdt
trampoline_end:

	.code32
other:
	mov $KERNEL_DS, %eax
	mov %eax, %ds
	mov %eax, %ss
	mov %eax, %es
	/* The APIC id is twice the number. */
	mov $1, %eax
	cpuid
	shr $25, %ebx
	jmp go_long

	.code64
/* As in Linux: one for each vendor, 16 bytes apart, and the return not yet chosen. */
	.balign 16
	.globl hypercall_amd, hypercall_intel
hypercall_amd:
	vmmcall
	jmp return_thunk
	.balign 16, 0xcc
hypercall_intel:
	vmcall
	jmp return_thunk
	.balign 16, 0xcc
	.skip 256, 0xcc
return_thunk:
	ret

.macro save
	push %rax
	push %rcx
	push %rdx
	push %rbx
	push %rbp
	push %rsi
	push %rdi
	push %r8
	push %r9
	push %r10
	push %r11
	push %r12
	push %r13
	push %r14
	push %r15
.endm
.macro restore
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %r11
	pop %r10
	pop %r9
	pop %r8
	pop %rdi
	pop %rsi
	pop %rbp
	pop %rbx
	pop %rdx
	pop %rcx
	pop %rax
	add $16, %rsp
.endm

common:
	save
	mov %rsp, %rdi
	mov %rsp, %rbx
	and $-16, %rsp
	cld
	call trap
	mov %rbx, %rsp
	restore
	iretq

	.globl stubs
	.balign 16
stubs:
	.set n, 0
	.rept 256
	.balign 16
	.if (n == 8) || (n >= 10 && n <= 14) || (n == 17) || (n == 21)
	.else
	push $0
	.endif
	push $n
	jmp common
	.set n, n + 1
	.endr

	.data
	.balign 16
	.globl gdt, tss
gdt:
	.quad 0
	.quad 0x00af9b000000ffff
	.quad 0x00cf93000000ffff
	.quad 0x00cf9b000000ffff
	.quad 0x00cff3000000ffff /* 0x20: data of ring 3 */
	.quad 0x00affb000000ffff /* 0x28: code of ring 3 */
	.quad 0, 0		 /* 0x30: the task state */
gdt_end:
gdt_pointer:
	.word gdt_end - gdt - 1
	.quad gdt
idt_pointer:
	.word 256 * 16 - 1
	.quad idt
	.bss
	.balign 4096
	.globl pml4, idt, stacks
pml4:	.skip 4096
pdpt:	.skip 4096
pd:	.skip 4 * 4096
idt:	.skip 4096
tss:	.skip 4096
stacks:	.skip 64 << STACK_SHIFT
	.section .note.GNU-stack, "", @progbits
