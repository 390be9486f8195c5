/*
 * A VMM of memory only, for tests: guest RAM is an array, time stands still until told, and every
 * hook writes down that it was called.
 *
 * Guest virtual addresses are FAKE_VIRT + guest-physical, as on a flat engine. Hooks can be told to
 * fail (alloc_left, map_fail_gfn, physmap_refuse). Thread safe where the library is: the lock is a
 * real one, counters are atomic.
 */
#ifndef TESTS_UNIT_FAKE_VMM_H
#define TESTS_UNIT_FAKE_VMM_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <pv/abi/errno.h>
#include <pv/abi/event_channel.h>
#include <pv/abi/grant_table.h>
#include <pv/abi/xen.h>
#include <pv/domain.h>

#define FAKE_PAGES   64u
#define FAKE_VIRT    0x10000000ull
#define FAKE_SHARED  1u	 /* gfn of shared_info, after fake_open(..., true) */
#define FAKE_ARGS    2u	 /* gfn of the page that fake_call copies arguments to */
#define FAKE_GRANTS  8u	 /* gfns 8.. are where tests put grant frames */
#define FAKE_DATA    16u /* gfns from here on are plain memory */
#define FAKE_BACKEND 7u	 /* domid of the backend in tests */
#define FAKE_DOMID   5u

struct fake_vmm {
	struct pv_vmm vmm;
	struct pv_domain *d;
	unsigned char *ram;	      /* FAKE_PAGES pages */
	uint64_t overlay[FAKE_PAGES]; /* physmap_set: source gfn, or PV_PHYSMAP_NONE */
	bool dirty[FAKE_PAGES];
	bool absent[FAKE_PAGES]; /* given back by the guest: nothing is there */
	pthread_mutex_t mutex;

	long allocated;	       /* bytes not freed */
	long alloc_left;       /* allocations until they fail; negative: never */
	uint64_t map_fail_gfn; /* gpa_map fails there */
	uint64_t readonly_gfn; /* gva_to_gpa fails there for writing */
	unsigned fetches;      /* calls of gva_to_gpa for reading */
	bool balloon_refuse;
	bool physmap_refuse;
	bool frame_refuse;
	uint64_t outside; /* a gfn beyond RAM that frame_set may bring to life */
	unsigned char *outside_page;
	bool outside_present;

	uint64_t now;
	unsigned kicks[PV_MAX_VCPUS]; /* upcall kicks */
	unsigned events;	      /* event kicks */
	uint64_t timer[PV_MAX_VCPUS];
	unsigned blocks;
	uint64_t block_deadline;
	void (*on_block)(struct fake_vmm *f);
	void (*on_unlock)(struct fake_vmm *f); /* after each */
	void (*on_down)(struct fake_vmm *f);   /* in vcpu_down */
	unsigned looked_up,
		most_looked_up; /* calls of gpa_map in this hold of the lock, and in any */
	int shutdown_reason, shutdown_rc;
	const char *crash;
	unsigned initialised, ups, downs, nmis, tlb_flushes;
	int vcpu_rc;
	char console[4096];
	unsigned console_len;
	uint32_t route_port;
	struct pv_route route;
	bool fifo; /* event_array_set: FIFO words */
	uint32_t event_pages;
	uint64_t vcpu_info[PV_MAX_VCPUS];
};

/* A domain of `vcpus`, shared_info in place if `shared`; destroyed and checked for leaks by close. */
void fake_open(struct fake_vmm *f, enum pv_domain_kind kind, unsigned vcpus, bool shared);
void fake_open_cfg(struct fake_vmm *f, const struct pv_domain_config *cfg, bool shared);
void fake_config(struct pv_domain_config *cfg, enum pv_domain_kind kind, unsigned vcpus);
void fake_close(struct fake_vmm *f);
/* The memory alone, for a second domain on it. */
void fake_init(struct fake_vmm *f);
void fake_fini(struct fake_vmm *f);

void *fake_page(struct fake_vmm *f, uint64_t gfn);
static inline uint64_t fake_gva(uint64_t gfn)
{
	return FAKE_VIRT + gfn * 4096;
}

int64_t fake_hypercall(struct fake_vmm *f, unsigned vcpu, uint64_t nr, uint64_t a0, uint64_t a1,
		       uint64_t a2, uint64_t a3);
/* A hypercall of the form (cmd, pointer): copies the struct in, calls, copies it back. */
int64_t fake_op(struct fake_vmm *f, uint64_t nr, uint64_t cmd, void *arg, size_t size);
/* grant_table_op(cmd, pointer, count). */
int64_t fake_gnttab(struct fake_vmm *f, uint64_t cmd, void *arg, size_t size, unsigned count);

struct pv_shared_info *fake_shared(struct fake_vmm *f);
bool fake_pending(struct fake_vmm *f, uint32_t port);
void fake_clear(struct fake_vmm *f, uint32_t port);

/* Put grant frame 0 at FAKE_GRANTS and return its entries. */
uint64_t *fake_grants(struct fake_vmm *f);

/* Event channel operations by the guest; the port or a negative error. */
int64_t fake_unbound(struct fake_vmm *f, uint16_t remote);
int64_t fake_interdomain(struct fake_vmm *f, uint32_t remote_port);
int64_t fake_virq(struct fake_vmm *f, uint32_t virq, uint32_t vcpu);
int64_t fake_ipi(struct fake_vmm *f, uint32_t vcpu);
int64_t fake_port_op(struct fake_vmm *f, unsigned cmd, uint32_t port);

#endif
