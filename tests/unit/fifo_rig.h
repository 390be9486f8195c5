/*
 * A guest with FIFO event channels, for tests of the host side: calls, words, and taking events off
 * the queues as a well-behaved guest does.
 */
#ifndef TESTS_UNIT_FIFO_RIG_H
#define TESTS_UNIT_FIFO_RIG_H

#include "../../libpv/common/evtchn_fifo.h"
#include "fake_vmm.h"

#define FIFO_BLOCK 24u /* gfn of vCPU 0's control block; vCPU n's is behind it */
#define FIFO_ARRAY 32u /* gfns of the array; those behind FIFO_ARRAY + 15 are used again */

int64_t fifo_init_control(struct fake_vmm *f, uint64_t gfn, uint32_t offset, uint32_t vcpu);
int64_t fifo_expand(struct fake_vmm *f, uint64_t gfn);
int64_t fifo_priority(struct fake_vmm *f, uint32_t port, uint32_t priority);
int64_t fifo_to_vcpu(struct fake_vmm *f, uint32_t port, uint32_t vcpu);
int64_t fifo_reset(struct fake_vmm *f);

/* A domain with FIFO words: control blocks of all vCPUs, `pages` of array, every word masked. */
void fifo_open(struct fake_vmm *f, unsigned vcpus, uint32_t max_ports, unsigned pages);
/* The same where fake_init() was and the hooks have been changed. */
void fifo_create(struct fake_vmm *f, unsigned vcpus, uint32_t max_ports, unsigned pages);
/* The same on a domain that is there. */
void fifo_start(struct fake_vmm *f, unsigned vcpus, unsigned pages);

uint32_t *fifo_word(struct fake_vmm *f, uint32_t port);
struct pv_evtchn_fifo_control_block *fifo_block(struct fake_vmm *f, unsigned vcpu);

/* Queues of one vCPU as its guest sees them. */
struct fifo_reader {
	uint32_t head[PV_EVTCHN_FIFO_MAX_QUEUES];
	uint32_t ready;
};

/*
 * The next pending, unmasked port of the vCPU, no longer pending: highest priority first. 0: none.
 */
uint32_t fifo_next(struct fake_vmm *f, struct fifo_reader *r, unsigned vcpu);

#endif
