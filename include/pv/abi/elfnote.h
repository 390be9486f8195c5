/*
 * elfnote: what a kernel image says about itself, in ELF notes with the owner "Xen".
 *
 * A numeric value is 4 or 8 bytes, by the size of the descriptor; a string is NUL-terminated. In the
 * older `__xen_guest` section the same facts are "NAME=VALUE,..." text; the names are given here.
 * Source: xen/include/public/elfnote.h. May be included from assembly.
 */
#ifndef PV_ABI_ELFNOTE_H
#define PV_ABI_ELFNOTE_H

#define PV_XEN_ELFNOTE_INFO		  0 /* string: free NAME=VALUE */
#define PV_XEN_ELFNOTE_ENTRY		  1 /* numeric: virtual address of the PV entry. VIRT_ENTRY */
#define PV_XEN_ELFNOTE_HYPERCALL_PAGE	  2  /* numeric: virtual address (the text form: a PFN) */
#define PV_XEN_ELFNOTE_VIRT_BASE	  3  /* numeric: virtual address of physical 0; default 0 */
#define PV_XEN_ELFNOTE_PADDR_OFFSET	  4  /* numeric: p_paddr minus it is physical; default 0 */
#define PV_XEN_ELFNOTE_XEN_VERSION	  5  /* string: "xen-3.0". XEN_VER */
#define PV_XEN_ELFNOTE_GUEST_OS		  6  /* string */
#define PV_XEN_ELFNOTE_GUEST_VERSION	  7  /* string. GUEST_VER */
#define PV_XEN_ELFNOTE_LOADER		  8  /* string: "generic" */
#define PV_XEN_ELFNOTE_PAE_MODE		  9  /* string, 32-bit kernels. PAE */
#define PV_XEN_ELFNOTE_FEATURES		  10 /* string: names|of|features, "!name" is required */
#define PV_XEN_ELFNOTE_BSD_SYMTAB	  11 /* string: "yes": load the symbol table too */
#define PV_XEN_ELFNOTE_HV_START_LOW	  12 /* numeric: lowest start of the hypervisor's hole */
#define PV_XEN_ELFNOTE_L1_MFN_VALID	  13 /* pairs of numbers: mask and value of a valid PTE */
#define PV_XEN_ELFNOTE_SUSPEND_CANCEL	  14 /* numeric: 1: a cancelled suspend returns 1 */
#define PV_XEN_ELFNOTE_INIT_P2M		  15 /* numeric: virtual address for the initial p2m list */
#define PV_XEN_ELFNOTE_MOD_START_PFN	  16 /* numeric: 1: the ramdisk need not be mapped */
#define PV_XEN_ELFNOTE_SUPPORTED_FEATURES 17 /* numeric: bit per XENFEAT_* */
#define PV_XEN_ELFNOTE_PHYS32_ENTRY	  18 /* numeric: physical address of the PVH entry */
#define PV_XEN_ELFNOTE_MAX		  PV_XEN_ELFNOTE_PHYS32_ENTRY

#endif
