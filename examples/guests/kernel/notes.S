/*
 * ELF notes: how a domain builder is to start this image (xen/include/public/elfnote.h).
 */
#include "asm.h"
#include <pv/abi/elfnote.h>

#define FEATURES "writable_page_tables|writable_descriptor_tables|auto_translated_physmap"

.macro note type
	.pushsection .note.Xen, "a", @note
	.balign 4
	.long 4, 2f - 1f, \type
	.asciz "Xen"
1:
.endm
.macro endnote
2:
	.balign 4
	.popsection
.endm
.macro note_string type, text
	note \type
	.asciz "\text"
	endnote
.endm
.macro note_quad type, value
	note \type
	.quad \value
	endnote
.endm

	note_quad   PV_XEN_ELFNOTE_ENTRY, pv_start
	note_quad   PV_XEN_ELFNOTE_HYPERCALL_PAGE, hypercall_page
	note_quad   PV_XEN_ELFNOTE_VIRT_BASE, ASM_VIRT_BASE
	note_quad   PV_XEN_ELFNOTE_PADDR_OFFSET, 0
	note_string PV_XEN_ELFNOTE_XEN_VERSION, "xen-3.0"
	note_string PV_XEN_ELFNOTE_GUEST_OS, "libpv"
	note_string PV_XEN_ELFNOTE_GUEST_VERSION, "1"
	note_string PV_XEN_ELFNOTE_LOADER, "generic"
	note_string PV_XEN_ELFNOTE_PAE_MODE, "yes"
	note PV_XEN_ELFNOTE_FEATURES
	.asciz FEATURES
	endnote
	note_quad   PV_XEN_ELFNOTE_SUSPEND_CANCEL, 1
	note        PV_XEN_ELFNOTE_PHYS32_ENTRY
	.long pvh_start - ASM_VIRT_BASE
	endnote

/* Filled in by the builder (PV) or by the hypervisor when asked through its MSR (PVH). */
.section .text.hypercall_page, "ax", @progbits
.balign 4096
.global hypercall_page
hypercall_page:
	.skip 4096, 0x90

.section .note.GNU-stack, "", @progbits
