/*
 * sites.h: where a Linux kernel calls Xen directly
 *
 * Since XSA-466, Linux has two functions of one instruction each, one for each vendor's processors,
 * and picks one at boot: VMMCALL and return, then VMCALL and return. KVM answers both instructions
 * by itself and wrongly, so they are replaced.
 *
 * In 64-bit kernels functions are aligned to 16 bytes. With indirect branch tracking each begins
 * with ENDBR64; with padding before functions they are farther apart. In 32-bit kernels the two are
 * eight bytes without a gap, aligned to 4.
 */
#ifndef REFHV_ENGINE_KVM_SITES_H
#define REFHV_ENGINE_KVM_SITES_H

#include <stdbool.h>
#include <stdint.h>

#define SITE_ALIGN   16u
#define SITE_MAX_GAP 64u /* from one function to the next */
#define SITE_DENSE   4u	 /* the same in a 32-bit kernel, and what functions are aligned to there */

struct sites {
	uint64_t at;  /* offset of the VMMCALL */
	uint32_t gap; /* from there to the VMCALL: a multiple of SITE_ALIGN, or SITE_DENSE */
	bool shortened;
};

/* The I/O ports that the patched functions go out to. */
struct sites_ports {
	uint8_t call;	/* one byte: a hypercall */
	uint8_t undone; /* one byte: the same; if al is event_channel_op, edi is 4 too little */
	uint8_t send;	/* four bytes: EVTCHNOP_send on the port in eax */
};

/*
 * Looks for the pair in len bytes, the first of which has an address that is a multiple of
 * SITE_ALIGN. Returns how many there are, counting no further than two; *s: the first. The bytes may
 * change meanwhile.
 */
unsigned sites_find(const void *mem, uint64_t len, struct sites *s);

/* Each instruction becomes OUT to `call` and NOP: three bytes for three. */
void sites_patch(void *mem, const struct sites *s, const struct sites_ports *ports);

/*
 * Then, for 64-bit code that enters at the first function or the second: what stands
 * between the functions and behind them is padding, and the other function is never called. In their
 * place comes code that does an EVTCHNOP_send by OUT to `send`, and all else by OUT to `undone`.
 * False, and nothing changes, if there is not exactly the room. The instruction that now goes out
 * to `call` can be finished: the byte behind its two remains a NOP. Behind the OUT to `send` comes
 * an XCHG of one byte, then the return: the result is 0 (edi) unless these are skipped.
 */
bool sites_shorten(void *mem, struct sites *s, const struct sites_ports *ports, bool second);
/* Offset, from s->at, of that OUT and of the return behind it. */
uint32_t sites_send_at(bool second);

/* Is what stands there still what the two above have made? */
bool sites_patched(const void *mem, const struct sites *s, const struct sites_ports *ports);

#endif
