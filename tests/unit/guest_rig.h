/*
 * A made-up hypervisor for tests of the guest library: answers hypercalls in this process, keeps
 * shared info and grant frames in ordinary memory, and lets a test act at the worst moment.
 */
#ifndef TESTS_UNIT_GUEST_RIG_H
#define TESTS_UNIT_GUEST_RIG_H

#include <check.h>
#include <pv/guest.h>
#include <pv/abi/errno.h>
#include <pv/abi/event_channel.h>
#include <pv/abi/features.h>
#include <pv/abi/grant_table.h>
#include <pv/abi/memory.h>
#include <pv/abi/sched.h>
#include <pv/abi/vcpu.h>
#include <pv/abi/version.h>
#include <pv/abi/xen.h>
#include <stdbool.h>

#define RIG_PAGES 256

struct rig {
	struct pv pv;
	unsigned char *ram; /* RIG_PAGES pages; frame n is page n, 0 is never used */
	bool used[RIG_PAGES];
	unsigned nr_used;    /* pages that the library holds */
	unsigned pages_left; /* pages_alloc fails after so many more */
	uint32_t next_port;
	uint32_t sent[16], nr_sent; /* ports of EVTCHNOP_send */
	uint32_t closed[16], nr_closed;
	unsigned unmasks;
	uint32_t max_frames;		       /* of the grant table */
	uint64_t placed[PV_GNTTAB_MAX_FRAMES]; /* gfn of each grant frame */
	uint64_t status_placed[PV_GNTTAB_MAX_STATUS_FRAMES];
	uint32_t version, max_version; /* of the grant table */
	int64_t last_gfn;	       /* XENMEM_maximum_gpfn */
	unsigned polls;
	uint64_t now;	 /* what the os clock says */
	unsigned locked; /* depth of the os lock */
	/* Called inside a hypercall, before its answer; NULL: nothing. */
	void (*during)(struct rig *r, uint64_t nr, uint64_t op);
	void *test;
};

/* Initialised, in polling mode, as a PVH guest. */
void rig_init(struct rig *r);
void rig_done(struct rig *r);

/* What a sender does: pending, and if unmasked selector and upcall_pending of the vCPU. */
void rig_raise(struct rig *r, uint32_t port, unsigned vcpu);

/* The entry of a reference. */
struct pv_grant_entry_v1 *rig_entry(struct rig *r, uint32_t ref);

#endif
