/*
 * layout.h: the memory that the monitor and the guest process share, and where it lies
 *
 * The user engine runs a guest in a process of its own (G) whose vCPUs are threads. G holds the
 * guest's RAM, the stub (the engine's code, read and execute only) and the control pages below.
 * Included by C and assembly.
 *
 * Trust: pages called RW can be written by guest code at any time: the monitor reads each field
 * once and believes nothing; the stub may be misled by them, which hurts only the guest that did
 * it. Pages called RO belong to the monitor. Nothing here is secret.
 */
#ifndef REFHV_ENGINE_USER_LAYOUT_H
#define REFHV_ENGINE_USER_LAYOUT_H

/* Guest RAM lies below UE_GUEST_END, more than 4 GiB under the stub: no checked mapping call can
 * reach it. */
#define UE_GUEST_END 0x5ffe00000000
#define UE_ENG	     0x600000000000
#define UE_TEXT_SIZE 0x00010000 /* bound for the filter; the stub is smaller */

/* Where hypercall pages jump to. Part of saved guests' memory, hence fixed for ever. */
#define UE_HC_ENTRY 0x600000001000
#define UE_HC_IRET  0x600000001010

#define UE_INFO \
	0x600001000000 /* RO: struct ue_info, routes, then a struct ue_vro for each vCPU \
			*/
#define UE_ROUTE_OFF  0x1000
#define UE_VRO_OFF    0x2000
#define UE_VRO_STRIDE 0x1000
#define UE_INFO_SIZE  0x42000
#define UE_VRW	      0x600010000000 /* RW: a struct ue_vrw, xsave area and stacks for each vCPU */
#define UE_VRW_STRIDE 0x10000
#define UE_VRW_SHIFT  16
#define UE_VRW_TRAPS  0x1000
#define UE_VRW_XSAVE  0x2000
#define UE_VRW_STACK  0x8000	     /* top of the stub's stack, 8 KiB */
#define UE_VRW_SIGTOP 0x10000	     /* top of the signal stack, 32 KiB */
#define UE_SHARED     0x600020000000 /* RW: struct ue_shared, mapping table, three bitmaps */
#define UE_MAP_OFF    0x1000
#define UE_BITMAP_OFF 0x41000
#define UE_TASK_END   0x7ffffffff000

#define UE_MAX_VCPUS   64
#define UE_EVENT_PAGES 128

/* Descriptors of G. All are gone after lockdown but RAM and the kicks. */
#define UE_FD_RAM   3
#define UE_FD_KICK  4 /* to UE_FD_KICK + 15 */
#define UE_NR_KICKS 16
#define UE_FD_CTL   20
#define UE_FD_SOCK  21
#define UE_FD_STUB  22

/* Native selectors of 64-bit user code. */
#define UE_CS 0x33
#define UE_SS 0x2b

/* Offsets that assembly needs; checked below. */
#define UE_R15	    0
#define UE_R14	    8
#define UE_R13	    16
#define UE_R12	    24
#define UE_RBP	    32
#define UE_RBX	    40
#define UE_R11	    48
#define UE_R10	    56
#define UE_R9	    64
#define UE_R8	    72
#define UE_RAX	    80
#define UE_RCX	    88
#define UE_RDX	    96
#define UE_RSI	    104
#define UE_RDI	    112
#define UE_RIP	    128
#define UE_RFLAGS   144
#define UE_RSP	    152
#define UE_V_RO	    0x100
#define UE_V_DONE   0x108
#define UE_V_AGAIN  0x118
#define UE_RO_STOP  0
#define UE_RO_CMD   4
#define UE_RO_VINFO 8

#ifndef __ASSEMBLER__

#include <stddef.h>
#include <stdint.h>
#include <pv/abi/xen.h>

/* ue_vrw.state: whether a kick needs a wake, a signal, or nothing. */
#define UE_RUNNING 0u /* guest code, or on the way to it */
#define UE_CALLING 1u /* waits for the monitor; looks at the upcall words afterwards */
#define UE_BLOCKED 2u /* sleeps on ue_vro.wake for an upcall */
#define UE_POLLING 3u /* sleeps on ue_vro.wake for any port */

/* ue_vro.command, carried out by vCPU 0 */
#define UE_CMD_REPLAY	 1u /* map what the mapping table says */
#define UE_CMD_DIRTY_ARM 2u /* write-protect RAM */
#define UE_CMD_DIRTY_OFF 3u /* make it writable again */

/* ue_vrw.nr of a request that is no hypercall: the vCPU cannot go on; arg[0] is one of UE_DEATH_*,
 * arg[1] a detail */
#define UE_REQ_DIED ~0ull

#define UE_DEATH_NO_HANDLER \
	1u /* an exception without an entry in the trap table: arg[1] = vector */
#define UE_DEATH_BAD_STACK  2u /* a frame could not be written */
#define UE_DEATH_BAD_RETURN 3u /* iret to an address that is none, or from a stack that is none */
#define UE_DEATH_IN_STUB    4u /* guest code led the stub astray: arg[1] = rip */
#define UE_DEATH_BAD_STATE  5u /* the processor refuses the vCPU's FPU state */

/* RO, one for each vCPU. */
struct ue_vro {
	uint32_t stop; /* not 0: rest, and write it to ue_vrw.parked */
	uint32_t command_seq;
	uint64_t vinfo; /* guest address of struct pv_vcpu_info; or that of ue_info.nowhere */
	uint32_t command;
	uint32_t pad0[11];
	/* What the vCPU waits on; a cache line of its own. */
	uint32_t wake;	   /* futex, changes with every kick, answer, stop and command */
	uint32_t response; /* equals the request that was answered last */
	int64_t result;
	uint32_t spin_cpu; /* 1 + the CPU on which the monitor polls this vCPU's doorbell; 0 = it
			      does not */
	uint32_t sleeps;   /* the monitor sleeps on the doorbell, or is about to */
	uint32_t pad1[10];
};

struct ue_callback {
	uint64_t address; /* 0 = none */
	uint64_t flags;	  /* PV_CALLBACKF_* */
};

/* RW, one for each vCPU; first of its UE_VRW_STRIDE bytes. */
struct ue_vrw {
	struct pv_cpu_user_regs
		regs; /* guest registers while the stub runs; cs, ss and selectors unused */
	uint8_t pad0[56];
	uint64_t ro; /* address of this vCPU's struct ue_vro */
	uint32_t command_done;
	uint32_t state;	 /* UE_RUNNING ... */
	uint32_t kicked; /* a signal is on its way */
	uint32_t parked; /* futex: the ue_vro.stop that this vCPU rests for, 0 while it runs */
	uint32_t again;	 /* the hypercall is to be made once more, with the arguments now in regs */
	uint32_t id;
	uint32_t fresh; /* FPU state and bases are what the monitor wrote: nothing to save before
			   the first run */
	uint8_t pad1[28];
	/* A request to the monitor; a cache line of its own. */
	uint32_t doorbell; /* futex of the service thread: changes with every request */
	uint32_t request;
	uint32_t sleeps; /* the vCPU sleeps until the answer, or is about to */
	uint32_t cpu;	 /* where it ran when it asked; ~0 unknown */
	uint64_t nr;
	uint64_t arg[6];
	uint8_t pad2[56];
	/* State of the vCPU that the stub keeps for the guest. */
	struct ue_callback event, failsafe, syscall;
	uint64_t kernel_ss, kernel_sp;
	uint64_t fs_base, gs_base_kernel, gs_base_user;
	uint64_t debugreg[8];
	uint64_t cr2;
	uint64_t ts; /* HYPERVISOR_fpu_taskswitch */
};

/* RO, one for the machine. */
struct ue_info {
	uint32_t max_vcpus;
	uint32_t monitor_pid;
	uint64_t virt_base;
	uint64_t ram_size;
	uint64_t shared_size; /* bytes at UE_SHARED */
	/* At UE_BITMAP_OFF: two bitmaps of written chunks, then one of pages that were mapped
	 * writable elsewhere. */
	uint64_t bitmap_size; /* bytes of each of the first two */
	uint64_t address_limit;
	uint32_t flags;	      /* UE_WANT_* */
	uint32_t dirty_epoch; /* 0 = no log by protection; else bitmap epoch & 1 is the current one
			       */
	int64_t clock_offset;
	uint64_t shared_info; /* guest address, 0 = none */
	/* FIFO event words: guest addresses of their pages, and 1 + the number of these; 0: 2-level. */
	uint64_t event_page[UE_EVENT_PAGES];
	uint32_t event_fifo;
	uint32_t xen_version;
	uint32_t features[4];
	uint32_t cpuid[6][4];
	uint32_t caps; /* ENGINE_CAP_FSGSBASE and _LDT, as found by the stub and told back by the
			  monitor */
	uint32_t pad;
	uint8_t nowhere[64]; /* stands in for a vcpu_info: nothing pending, masked */
};

#define UE_WANT_PAGING	       (1u << 0)
#define UE_WANT_NO_SPECULATION (1u << 1)
#define UE_WANT_MPROTECT_LOG \
	(1u << 2) /* do not use userfaultfd; set by wait() if there is none \
		   */
#define UE_WANT_NO_LDT	      (1u << 3)
#define UE_WANT_NO_FSGSBASE   (1u << 4)
#define UE_WANT_NO_NAMESPACES (1u << 5)

/* ue_info routes: one byte for each port. */
#define UE_ROUTE_MONITOR 0u /* otherwise 1 + index of the kick */

/* RW, one for the machine. */
struct ue_shared {
	uint32_t map_lock;
	uint32_t nr_mappings;
	uint32_t all_dirty; /* the log ran out of memory areas: everything counts as written */
};

/* The mapping table: open addressing, key gva, never shrinks. gva 0 = free. */
struct ue_mapping {
	uint64_t gva;
	uint64_t pte;
};
#define UE_MAP_SLOTS 16384u

#define UE_PTE_P    1ull
#define UE_PTE_RW   2ull
#define UE_PTE_NX   (1ull << 63)
#define UE_PTE_ADDR 0x000ffffffffff000ull

static inline uint32_t ue_map_hash(uint64_t gva)
{
	return (uint32_t)((gva >> 12) * 0x9e3779b97f4a7c15ull >> 50);
}

/* The dirty log by protection works in chunks. */
#define UE_CHUNK_SHIFT	   16
#define UE_BIG_CHUNK_SHIFT 21

/* The one message from G to the monitor, with the pagemap and userfaultfd descriptors, in that
 * order. */
struct ue_hello {
	int32_t error;	/* 0, or an errno value */
	uint32_t stage; /* UE_STAGE_*: where it failed */
	uint32_t caps;	/* ENGINE_CAP_* */
	uint32_t fds;	/* bit 0: pagemap, bit 1: userfaultfd attached */
	int32_t tid[UE_MAX_VCPUS];
};

#define UE_STAGE_EXEC	 1u
#define UE_STAGE_MAP	 2u
#define UE_STAGE_PARENT	 3u
#define UE_STAGE_SIGNALS 4u
#define UE_STAGE_THREADS 5u
#define UE_STAGE_UNMAP	 6u

_Static_assert(sizeof(struct ue_mapping) * UE_MAP_SLOTS == UE_BITMAP_OFF - UE_MAP_OFF, "map table");
_Static_assert(UE_VRO_OFF + UE_MAX_VCPUS * UE_VRO_STRIDE == UE_INFO_SIZE, "info pages");
_Static_assert(sizeof(struct ue_info) <= UE_ROUTE_OFF && sizeof(struct ue_vrw) <= UE_VRW_TRAPS,
	       "page");
#define UE_CHECK(type, field, off) _Static_assert(offsetof(type, field) == (off), #field)
UE_CHECK(struct ue_vrw, regs.r15, UE_R15);
UE_CHECK(struct ue_vrw, regs.rbx, UE_RBX);
UE_CHECK(struct ue_vrw, regs.r8, UE_R8);
UE_CHECK(struct ue_vrw, regs.rdi, UE_RDI);
UE_CHECK(struct ue_vrw, regs.rip, UE_RIP);
UE_CHECK(struct ue_vrw, regs.rflags, UE_RFLAGS);
UE_CHECK(struct ue_vrw, regs.rsp, UE_RSP);
UE_CHECK(struct ue_vrw, ro, UE_V_RO);
UE_CHECK(struct ue_vrw, command_done, UE_V_DONE);
UE_CHECK(struct ue_vrw, again, UE_V_AGAIN);
UE_CHECK(struct ue_vrw, doorbell, 0x140);
UE_CHECK(struct ue_vro, stop, UE_RO_STOP);
UE_CHECK(struct ue_vro, command_seq, UE_RO_CMD);
UE_CHECK(struct ue_vro, vinfo, UE_RO_VINFO);
UE_CHECK(struct ue_vro, wake, 64);

#endif /* __ASSEMBLER__ */

#endif
