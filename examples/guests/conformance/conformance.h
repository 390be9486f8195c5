/*
 * Conformance: what every case may use.
 *
 * A case is one file; its opening comment is the claim, CASE(name) its body. It talks to the
 * hypervisor by raw hypercalls (the library is only used where the claim is about the library), so
 * that a mistake in one cannot hide one in the other. Expected results are what Xen does; where a
 * mode or a host cannot have the thing at all, the case says SKIP with the reason.
 *
 * Cases run on vCPU 0 in the order of their names, each once, and leave nothing bound, granted or
 * armed when they succeed. They hold with 2-level and with FIFO words (evtchn=fifo on the command
 * line), but for those that are about one kind.
 */
#ifndef CONFORMANCE_H
#define CONFORMANCE_H

#include <kernel.h>
#include <pv/abi/errno.h>
#include <pv/abi/event_channel.h>
#include <pv/abi/features.h>
#include <pv/abi/grant_table.h>
#include <pv/abi/memory.h>
#include <pv/abi/sched.h>
#include <pv/abi/vcpu.h>
#include <pv/abi/version.h>
#include <pv/abi/xen.h>
#include <pv/abi/hvm/hvm_op.h>
#include <pv/abi/hvm/params.h>

struct guest_case {
	const char *name;
	void (*run)(void);
};

#define CASE(id)                                                                              \
	static void id(void);                                                                 \
	static const struct guest_case case_##id                                              \
		__attribute__((used, aligned(16), section(".guest_cases." #id))) = {#id, id}; \
	static void id(void)

/*
 * The same for cases that change the domain for good: they run after all others, in the order of nn
 * (two digits), FIFO event channels being the last thing that the domain learns.
 */
#define CASE_LAST(nn, id)                                                                        \
	static void id(void);                                                                    \
	static const struct guest_case case_##id                                                 \
		__attribute__((used, aligned(16), section(".guest_cases.zzz" #nn))) = {#id, id}; \
	static void id(void)

/* Leaves the case as failed, or as skipped. */
#define CHECK(condition)                                                  \
	do {                                                              \
		if (!(condition)) {                                       \
			case_failed(__FILE_NAME__, __LINE__, #condition); \
			return;                                           \
		}                                                         \
	} while (0)
#define CHECK_EQ(expression, expected)                                                   \
	do {                                                                             \
		int64_t got_ = (int64_t)(expression), want_ = (int64_t)(expected);       \
		if (got_ != want_) {                                                     \
			case_differs(__FILE_NAME__, __LINE__, #expression, got_, want_); \
			return;                                                          \
		}                                                                        \
	} while (0)
#define SKIP(reason)                  \
	do {                          \
		case_skipped(reason); \
		return;               \
	} while (0)
#define SKIP_IF(condition, reason)    \
	do {                          \
		if (condition)        \
			SKIP(reason); \
	} while (0)

#ifndef __FILE_NAME__
#define __FILE_NAME__ __FILE__
#endif

void case_failed(const char *file, int line, const char *what);
void case_differs(const char *file, int line, const char *what, int64_t got, int64_t want);
void case_skipped(const char *reason);

extern struct kernel *guest;
extern struct pv *pv;
extern uint16_t own_domid; /* the number, not DOMID_SELF */

#define MS 1000000ull

/* Mapped in no mode: canonical, above all RAM. */
#define BAD_ADDRESS (1ull << 40)
/* No domain has it: the highest that is not reserved. */
#define NO_DOMAIN 0x7fef

#define ADDR(p) ((uint64_t)(uintptr_t)(p))

static inline int is_pvh(void)
{
	return pv->mode == PV_MODE_PVH;
}

/* The initial domain may do things that no other may. */
static inline int is_privileged(void)
{
	return pv_has_feature(pv, PV_XENFEAT_dom0);
}

/* Raw hypercalls: op and pointer. */
int evtchn_op(unsigned op, void *arg);
int gnttab_op(unsigned op, void *arg, unsigned count);
int memory_op(unsigned op, void *arg);
int sched_op(unsigned op, void *arg);
int vcpu_op(unsigned op, unsigned vcpu, void *arg);
int hvm_op(unsigned op, void *arg);
int version_op(unsigned op, void *arg);

/* Event channels. */
int new_unbound(void);			/* a port for ourselves to bind, or -PV_E* */
int new_pair(uint32_t *a, uint32_t *b); /* two ports of ours bound to each other; neither pending */
int close_port(uint32_t port);
int send(uint32_t port);
int port_status(uint32_t port, struct pv_evtchn_status *s);
int pending(uint32_t port);
int take_pending(uint32_t port); /* clears it */
void set_mask(uint32_t port);
void clear_mask(uint32_t port); /* the bit alone */
int is_fifo(void);
uint32_t word(uint32_t port); /* FIFO: as it is; ~0: there is none */
int masked(uint32_t port);
int selected(uint32_t port); /* its word's bit in vCPU 0's selector; FIFO: it is on a queue */
void clear_selector(void);   /* and upcall_pending, of vCPU 0; FIFO: takes everything off */

/* Blocks until a port is pending or so many ms have passed; 1: it is. */
int wait_pending(uint32_t port, unsigned ms);
void sleep_ms(unsigned ms);

/* A port for VIRQ_TIMER of vCPU 0, masked and not pending; the timer is stopped. */
int timer_port(void);
int singleshot(uint64_t at, unsigned flags);
void timer_done(uint32_t port); /* stops the timer, closes the port */

/* A reference that lends page to domain dom; fails the run if there is none. */
uint32_t lend(uint16_t dom, void *page, unsigned flags);
/* One copy operation: own page to own page unless changed afterwards. */
struct pv_gnttab_copy copy_pages(void *from, void *to, unsigned len);
int run_copy(struct pv_gnttab_copy *c); /* its status, or the hypercall's error - 1000 */

/*
 * Version 2 of the grant table, for the time between the two calls; no grant may be out. enter
 * fails the case or skips it by itself and then returns 0. Entries start as zeros.
 */
int v2_enter(void);
void v2_leave(void);
union pv_grant_entry_v2 *v2_entry(uint32_t ref);
uint16_t v2_status(uint32_t ref);
/* Lends a page to this domain itself: the whole, or, with a length, a part. */
void v2_lend(uint32_t ref, void *page, unsigned flags, unsigned offset, unsigned length);

/*
 * Where a grant can be mapped in PVH: a guest physical address with nothing behind it, and the same
 * as a pointer. NULL and a skip where that is not possible.
 */
void *map_place(uint64_t *addr);

/* FIFO: an event for a vCPU without queues is dropped. */
void need_queues(unsigned vcpu);

/* Turns interrupt mode on at the first call. */
void need_interrupts(void);

#endif
