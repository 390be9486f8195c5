/*
 * Entry points: PV (64-bit, paging on), PVH (32-bit, paging off), and those of further vCPUs.
 *
 * Each vCPU's stack is ASM_STACK bytes at a multiple of ASM_STACK; its lowest word is the vCPU's
 * number, so that cpu_id() works the same way in every mode.
 */
#include "asm.h"

#define PHYS(x) ((x) - ASM_VIRT_BASE)

#define CR0_PG_WP_NE_MP_PE 0x80010023
#define CR4_OSXMMEXCPT_OSFXSR_PAE 0x620
#define MSR_EFER 0xc0000080
#define EFER_LME 0x100

.section .text.start, "ax", @progbits
.code64

/* rsi: start_info, virtual. The page tables are the builder's. */
.global pv_start
pv_start:
	cld
	lea	boot_stack + ASM_STACK(%rip), %rsp
	xor	%ebp, %ebp
	mov	%rsi, %rdi
	call	boot_pv
	ud2

/* A vCPU of a PV guest: rdi was set in its context, its stack too. */
.global pv_cpu_start
pv_cpu_start:
	cld
	xor	%ebp, %ebp
	call	cpu_main
	ud2

/* rdi: argument; 64-bit mode with flat segments that no GDT describes yet. */
.global pvh_cpu_start
pvh_cpu_start:
	cld
	xor	%ebp, %ebp
	call	load_segments
	call	cpu_main
	ud2

/* Our GDT, and every segment register from it. */
load_segments:
	lgdt	gdt_pointer(%rip)
	pop	%rax
	push	$SEL_CODE64
	push	%rax
	mov	$SEL_DATA, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	xor	%eax, %eax
	mov	%eax, %fs
	mov	%eax, %gs
	lretq

.code32
/* ebx: hvm_start_info, physical. Flat 32-bit segments, paging off, no stack. */
.global pvh_start
pvh_start:
	cld
	mov	$PHYS(pvh_pml4), %edi
	movl	$PHYS(pvh_pdpt) + 3, (%edi)

	/* Five page directories: 256 MiB identical, from there virtual = KERNEL_VIRT_BASE + physical. */
	mov	$PHYS(pvh_pdpt), %edi
	mov	$PHYS(pvh_pd) + 3, %eax
	mov	$5, %ecx
1:	mov	%eax, (%edi)
	add	$4096, %eax
	add	$8, %edi
	loop	1b

	mov	$PHYS(pvh_pd), %edi
	mov	$0x83, %eax		/* present, writable, 2 MiB */
	mov	$128, %ecx
2:	mov	%eax, (%edi)
	add	$0x200000, %eax
	add	$8, %edi
	loop	2b
	mov	$0x83, %eax
	xor	%edx, %edx
	mov	$5 * 512 - 128, %ecx
3:	mov	%eax, (%edi)
	mov	%edx, 4(%edi)
	add	$0x200000, %eax
	adc	$0, %edx
	add	$8, %edi
	loop	3b

	mov	$CR4_OSXMMEXCPT_OSFXSR_PAE, %eax
	mov	%eax, %cr4
	mov	$PHYS(pvh_pml4), %eax
	mov	%eax, %cr3
	mov	$MSR_EFER, %ecx
	rdmsr
	or	$EFER_LME, %eax
	wrmsr
	mov	$CR0_PG_WP_NE_MP_PE, %eax
	mov	%eax, %cr0
	lgdt	PHYS(gdt_pointer32)
	ljmp	$SEL_CODE64, $PHYS(4f)

.code64
4:	mov	$5f, %rax
	jmp	*%rax
5:	lea	boot_stack + ASM_STACK(%rip), %rsp
	xor	%ebp, %ebp
	call	load_segments
	mov	%ebx, %edi
	call	boot_pvh
	ud2

.section .data.gdt, "aw", @progbits
.balign 8
gdt:
	.quad	0
	.quad	0x00af9b000000ffff	/* code, 64-bit */
	.quad	0x00cf93000000ffff	/* data */
gdt_end:
gdt_pointer:
	.word	gdt_end - gdt - 1
	.quad	gdt
gdt_pointer32:
	.word	gdt_end - gdt - 1
	.long	PHYS(gdt)

.section .bss.stacks, "aw", @nobits
.balign ASM_STACK
.global boot_stack
boot_stack:
	.skip	ASM_STACK

.section .bss.tables, "aw", @nobits
.balign 4096
.global pvh_pml4
pvh_pml4:
	.skip	4096
pvh_pdpt:
	.skip	4096
pvh_pd:
	.skip	5 * 4096

.section .note.GNU-stack, "", @progbits
