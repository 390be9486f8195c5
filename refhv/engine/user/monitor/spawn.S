/*
 * spawn.S: int ue_spawn(int (*fn)(void *), void *arg, void *stack_top): a child that borrows our memory
 *
 * As clone(3) with CLONE_VM | CLONE_VFORK, but nothing of libc or of a sanitizer runs on either side of the call:
 * what they note about the child, they would note in our own memory. fn must not return and must make only plain
 * system calls. Answers the child's number, or a negative errno.
 */
#define CLONE_VM    0x100
#define CLONE_VFORK 0x4000
#define SIGCHLD	    17
#define SYS_clone   56

	.text
	.globl ue_spawn
	.type ue_spawn, @function
ue_spawn:
	mov %rdi, %r9
	mov %rsi, %rdi
	and $-16, %rdx
	sub $16, %rdx
	mov %r9, (%rdx)
	mov %rdi, 8(%rdx)
	mov $(CLONE_VM | CLONE_VFORK | SIGCHLD), %edi
	mov %rdx, %rsi
	xor %edx, %edx
	xor %r10d, %r10d
	xor %r8d, %r8d
	mov $SYS_clone, %eax
	syscall
	test %rax, %rax
	jz 1f
	ret
1:	xor %ebp, %ebp
	pop %rax
	pop %rdi
	call *%rax
	ud2
	.size ue_spawn, . - ue_spawn

	.section .note.GNU-stack, "", @progbits
