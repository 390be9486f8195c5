/*
 * entry32.S: the test guest as 32-bit code, with 4 MiB pages of the old kind
 */
#include "../kvm_shared.h"
	.text
	.globl _start
_start:
	cli
	mov $stack_top, %esp
	mov $0x83, %eax
	mov $table, %edi
	mov $1024, %ecx
1:	mov %eax, (%edi)
	add $0x400000, %eax
	add $4, %edi
	loop 1b
	mov $0x10, %eax /* PSE */
	mov %eax, %cr4
	mov $table, %eax
	mov %eax, %cr3
	mov $0x80010033, %eax
	mov %eax, %cr0
	push $0
	call guest_main
2:	cli
	hlt
	jmp 2b

	.balign 16
	.globl hypercall_amd, hypercall_intel
hypercall_amd:
	vmmcall
	ret
	.balign 16, 0xcc
hypercall_intel:
	vmcall
	ret
	.balign 16, 0xcc
	.bss
	.balign 4096
table:	.skip 4096
	.skip 16384
stack_top:
	.section .note.GNU-stack, "", @progbits
