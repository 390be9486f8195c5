/*
 * The miniature kernel that the example guests stand on.
 *
 * One image for every way to run it: PV under refhv's `user` engine (auto-translated), PV under Xen
 * (machine frames, page tables by hypercall), PVH under Xen and `kvm`. The kernel brings the
 * machine up, then calls guest_main() on vCPU 0 with everything mapped, memory to allocate, a
 * console, and libpv initialised in polling mode (upcalls held off). No floating point, no
 * processes, no preemption. The word evtchn=fifo on the command line asks for FIFO event channels.
 *
 * Memory: physical address pa is at KERNEL_VIRT_BASE + pa, all RAM up to KERNEL_RAM_MAX. Trusts the
 * hypervisor and the domain builder; panics (ends the domain as crashed, with a register dump) when
 * they break their word.
 *
 * Concurrency: kprintf and the page allocator may be used on any vCPU and from handlers; everything
 * else is vCPU 0's.
 */
#ifndef KERNEL_H
#define KERNEL_H

#include <pv/guest.h>
#include <pv/guest_bus.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#define KERNEL_VIRT_BASE 0x10000000ull
#define KERNEL_RAM_MAX	 0x100000000ull /* RAM beyond 4 GiB is not used */
#define KERNEL_CPUS	 32
#define KERNEL_STACK	 16384u /* bytes, and alignment, of each vCPU's stack */

/* What the domain was given. */
struct kernel {
	struct pv *pv;
	uint64_t ram_bytes;  /* RAM in use by this kernel */
	unsigned vcpus;	     /* vCPUs that exist, of which KERNEL_CPUS at most are used */
	const char *cmdline; /* never NULL */
	const void *ramdisk; /* first module, or NULL */
	size_t ramdisk_bytes;
};

/* The guest: written by each example. Returning ends the domain with a power-off. */
void guest_main(struct kernel *k);

/* ---- Output: %d %i %u %x %X %p %s %c %% with -, 0, #, width, .precision of %s, and l, ll, z, h
 * ----
 */
void kprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void kvprintf(const char *fmt, va_list ap);
/* As the C library's: returns the length that the whole text has. */
int ksnprintf(char *buf, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
int kvsnprintf(char *buf, size_t size, const char *fmt, va_list ap);

/* ---- Console: the ring that the domain was given, else the hypervisor's own log ---- */
void console_write(const char *buf, size_t len); /* everything; newline as it is */
/* Bytes typed so far, at most len; 0: none yet, or there is no console ring. Does not wait. */
int console_read(char *buf, size_t len);

/* ---- Pages of 4 KiB, zeroed; runs are contiguous in guest physical memory ---- */
void *pages_alloc(unsigned n); /* NULL: none left */
void pages_free(void *va, unsigned n);
uint64_t pages_left(void);

/* The frame number for grants and hypercalls (machine frame in classic PV). */
uint64_t va_to_gfn(const void *va);

/* ---- Memory functions, and the few of <string.h> that guests use ---- */
void *memcpy(void *restrict dst, const void *restrict src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *s);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);

/* ---- Waiting and time ---- */
uint64_t kernel_now(void); /* ns, pv_time_now() */
/*
 * Dispatches what is pending; if nothing was, sleeps until an event comes or deadline (ns of
 * kernel_now(), 0: none) passes. Returns early for no reason at times: look at your conditions and
 * call again.
 */
void kernel_wait(uint64_t deadline);

/* ---- Grants, before any device: in the version that gnttab=v1 or gnttab=v2 on the command line
 * asks for, or else the one that the memory needs ---- */
int kernel_grants_init(void);

/* ---- Xenstore and devices ---- */
/*
 * The bus, for pv_bus_open() and, through its xs member, for the store itself; NULL: the domain has
 * no xenstore. Watch callbacks run inside kernel_wait().
 */
struct pv_bus *kernel_bus(void);
/* What control/shutdown has asked for: PV_SHUTDOWN_poweroff or _reboot, to be handed to
 * kernel_shutdown() soon; -1: nothing yet. */
int kernel_shutdown_request(void);

/* ---- Interrupt mode: upcalls reach vCPU 0 (and those started later) from here on ---- */
void kernel_interrupts_on(void);
/* Holds upcalls off on this vCPU and lets them in again; nest by keeping the value. */
unsigned long irq_save(void);
void irq_restore(unsigned long flags);

/* ---- vCPUs ---- */
unsigned cpu_id(void);
/*
 * Runs fn(arg) on another vCPU, once it is up: 0, or -PV_E* (the vCPU exists not, or runs already).
 * When fn returns the vCPU goes down and can be started again.
 */
int cpu_start(unsigned cpu, void (*fn)(void *arg), void *arg);
int cpu_is_up(unsigned cpu);

/* ---- The end ---- */
void kernel_shutdown(unsigned reason) __attribute__((noreturn)); /* PV_SHUTDOWN_* */
void panic(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));

/*
 * Processor exceptions end the domain, unless this hook is set and returns 1: then execution goes
 * on with the changed registers. For tests of exceptions.
 */
struct trap_frame {
	uint64_t r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
	uint64_t vector, error;
	uint64_t rip, cs, rflags, rsp, ss;
};
extern int (*trap_hook)(struct trap_frame *f);

#endif
