/*
 * entry.S: how guest code enters the stub and leaves it
 *
 * A hypercall page slot loads its number into eax and jumps to the vector at UE_HC_ENTRY. Only rax changes; the
 * stub runs on a stack of its own. The vCPU is found through ES, an LDT selector whose index is the vCPU's number.
 *
 * Windows. A signal that arrives while the stub runs must not be lost when the stub has already looked for work.
 * Between the label of a window's start and its end nothing is changed but registers that the window itself
 * reloads from ue_vrw, so the signal handler (signal.c) restarts it with rax = the vCPU.
 *
 * Trust: guest code can jump to any instruction here with any registers. What protects the host is the system
 * call filter alone.
 */
#include "../layout.h"

.macro extable insn, fixup
	.pushsection .extable, "a"
	.long \insn - .
	.long \fixup - .
	.popsection
.endm

/* rax = vCPU; clobbers rcx, rdx. Jumps to \busy if the vCPU has anything to do before guest code runs. */
.macro check_work busy
	mov UE_V_RO(%rax), %rcx
	mov UE_RO_CMD(%rcx), %edx
	cmpl $0, UE_RO_STOP(%rcx)
	jne \busy
	cmp %edx, UE_V_DONE(%rax)
	jne \busy
	mov UE_RO_VINFO(%rcx), %rdx
	/* evtchn_upcall_pending is the low byte, the mask the high one: 1..255 is "pending, unmasked". */
77:	movzwl (%rdx), %edx
	dec %edx
	cmp $0xfe, %edx
	jbe \busy
78:
	extable 77b, 78b
.endm

	.section .text.vector, "ax", @progbits
	.globl stub_vector
stub_vector:
	jmp hc_entry
	.balign 16
	jmp hc_iret

	.text
/* Find the vCPU, save what C code may change, take the stub's stack. rcx = vCPU; rax unchanged; on top: the vCPU. */
.macro enter
	cld
	push %rcx
	push %r11
	mov %es, %ecx
	shr $3, %ecx
	cmp $UE_MAX_VCPUS, %ecx
	jb 76f
	/* ES is not ours (the guest changed it): as good a guess as any, a lone vCPU is number 0. */
	xor %ecx, %ecx
76:	shl $UE_VRW_SHIFT, %rcx
	lea stub_vrw(%rip), %r11
	add %r11, %rcx
	mov %rdi, UE_RDI(%rcx)
	mov %rsi, UE_RSI(%rcx)
	mov %rdx, UE_RDX(%rcx)
	mov %r8, UE_R8(%rcx)
	mov %r9, UE_R9(%rcx)
	mov %r10, UE_R10(%rcx)
	pop %r11
	mov %r11, UE_R11(%rcx)
	pop %r11
	mov %r11, UE_RCX(%rcx)
	mov %rsp, UE_RSP(%rcx)
	lea UE_VRW_STACK(%rcx), %rsp
	push %rcx
	sub $8, %rsp
.endm

/* rax = vCPU */
.macro save_rest
	mov %rbx, UE_RBX(%rax)
	mov %rbp, UE_RBP(%rax)
	mov %r12, UE_R12(%rax)
	mov %r13, UE_R13(%rax)
	mov %r14, UE_R14(%rax)
	mov %r15, UE_R15(%rax)
.endm

/* The slot has pushed the live rax; everything else is still in registers and on the guest stack. */
hc_iret:
	enter
	mov %rcx, %rax
	save_rest
	mov %rcx, %rdi
	xor %esi, %esi
	call stub_iret
	mov 8(%rsp), %rdi
	jmp stub_run

hc_entry:
	enter
	mov %rcx, %rdi
	mov %eax, %esi
	call stub_hypercall
	mov 8(%rsp), %rcx
	mov %rax, UE_RAX(%rcx)
	mov %rcx, %rax
	cmpl $0, UE_V_AGAIN(%rax)
	jne hc_slow

	.globl stub_call_window, stub_call_window_end
stub_call_window:
	check_work hc_slow
	mov UE_RDI(%rax), %rdi
	mov UE_RSI(%rax), %rsi
	mov UE_RDX(%rax), %rdx
	mov UE_R8(%rax), %r8
	mov UE_R9(%rax), %r9
	mov UE_R10(%rax), %r10
	mov UE_R11(%rax), %r11
	mov UE_RCX(%rax), %rcx
	mov UE_RSP(%rax), %rsp
	mov UE_RAX(%rax), %rax
	ret
stub_call_window_end:

/* rax = vCPU: the call is done, but the vCPU must rest, take an upcall or work for the monitor first. */
hc_slow:
	lea UE_VRW_STACK(%rax), %rsp
	save_rest
	pushf
	pop %rcx
	mov %rcx, UE_RFLAGS(%rax)
	push %rax
	sub $8, %rsp
	mov %rax, %rdi
	call stub_call_return
	mov 8(%rsp), %rdi

/* rdi = vCPU, whose registers are all in ue_vrw: work until there is none, then go (back) to guest code. */
	.globl stub_run
stub_run:
	lea UE_VRW_STACK(%rdi), %rsp
	push %rdi
	sub $8, %rsp
	call stub_work
	mov 8(%rsp), %rax

	.globl stub_run_window, stub_run_window_end
stub_run_window:
	lea UE_VRW_STACK(%rax), %rsp
	check_work run_again
	pushq $UE_SS
	pushq UE_RSP(%rax)
	pushq UE_RFLAGS(%rax)
	pushq $UE_CS
	pushq UE_RIP(%rax)
	mov UE_R15(%rax), %r15
	mov UE_R14(%rax), %r14
	mov UE_R13(%rax), %r13
	mov UE_R12(%rax), %r12
	mov UE_RBP(%rax), %rbp
	mov UE_RBX(%rax), %rbx
	mov UE_R11(%rax), %r11
	mov UE_R10(%rax), %r10
	mov UE_R9(%rax), %r9
	mov UE_R8(%rax), %r8
	mov UE_RCX(%rax), %rcx
	mov UE_RDX(%rax), %rdx
	mov UE_RSI(%rax), %rsi
	mov UE_RDI(%rax), %rdi
	mov UE_RAX(%rax), %rax
	iretq
stub_run_window_end:
run_again:
	mov %rax, %rdi
	jmp stub_run

/* rdi = vCPU, all registers in ue_vrw: a raw system call, to be answered outside the signal handler. */
	.globl stub_trapped_call
stub_trapped_call:
	push %rdi
	sub $8, %rsp
	call stub_raw_hypercall
	mov 8(%rsp), %rdi
	jmp stub_run

	.globl stub_restorer
stub_restorer:
	mov $15, %eax
	syscall

/* uint64_t stub_copy(void *to, const void *from, uint64_t n): the number of bytes not copied. */
	.globl stub_copy
stub_copy:
	mov %rdx, %rcx
79:	rep movsb
80:	mov %rcx, %rax
	ret
	extable 79b, 80b

/* int stub_xrstor(const void *area): 0, or 1 if the processor refuses the image. */
	.globl stub_xrstor
stub_xrstor:
	mov $-1, %eax
	mov $-1, %edx
81:	xrstor64 (%rdi)
	xor %eax, %eax
	ret
82:	mov $1, %eax
	ret
	extable 81b, 82b

/* long stub_clone(flags, stack, vrw): the child starts in stub_thread(vrw) on that stack. */
	.globl stub_clone
stub_clone:
	mov %rdx, %r9
	xor %edx, %edx
	xor %r10d, %r10d
	xor %r8d, %r8d
	mov $56, %eax
	syscall
	test %rax, %rax
	jz 1f
	ret
1:	mov %r9, %rdi
	xor %ebp, %ebp
	call stub_thread
	ud2

/* The process starts here, on the stack that exec made. */
	.globl stub_start
stub_start:
	xor %ebp, %ebp
	and $-16, %rsp
	call stub_map
	/* The exec stack is about to go. */
	lea stub_vrw(%rip), %rdi
	lea UE_VRW_STACK(%rdi), %rsp
	call stub_setup
	ud2

	.section .note.GNU-stack, "", @progbits
