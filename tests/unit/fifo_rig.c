/*
 * A guest with FIFO event channels, for tests of the host side.
 */
#include "fifo_rig.h"

#include <stdlib.h>
#include <string.h>

#include <pv/abi/vcpu.h>

#define OP PV_HYPERVISOR_event_channel_op

int64_t fifo_init_control(struct fake_vmm *f, uint64_t gfn, uint32_t offset, uint32_t vcpu)
{
	struct pv_evtchn_init_control a = {.control_gfn = gfn, .offset = offset, .vcpu = vcpu};
	int64_t rc = fake_op(f, OP, PV_EVTCHNOP_init_control, &a, sizeof(a));

	return rc ? rc : a.link_bits;
}

int64_t fifo_expand(struct fake_vmm *f, uint64_t gfn)
{
	struct pv_evtchn_expand_array a = {gfn};

	return fake_op(f, OP, PV_EVTCHNOP_expand_array, &a, sizeof(a));
}

int64_t fifo_priority(struct fake_vmm *f, uint32_t port, uint32_t priority)
{
	struct pv_evtchn_set_priority a = {port, priority};

	return fake_op(f, OP, PV_EVTCHNOP_set_priority, &a, sizeof(a));
}

int64_t fifo_to_vcpu(struct fake_vmm *f, uint32_t port, uint32_t vcpu)
{
	struct pv_evtchn_bind_vcpu a = {port, vcpu};

	return fake_op(f, OP, PV_EVTCHNOP_bind_vcpu, &a, sizeof(a));
}

int64_t fifo_reset(struct fake_vmm *f)
{
	struct pv_evtchn_reset a = {PV_DOMID_SELF};

	return fake_op(f, OP, PV_EVTCHNOP_reset, &a, sizeof(a));
}

/* Where shared_info has no room for it, a vCPU hears of events by a record of its own. */
static void register_info(struct fake_vmm *f, unsigned vcpu)
{
	struct pv_vcpu_register_vcpu_info a = {FIFO_BLOCK + vcpu, 256, 0};

	memcpy(fake_page(f, FAKE_ARGS), &a, sizeof(a));
	if (fake_hypercall(f, 0, PV_HYPERVISOR_vcpu_op, PV_VCPUOP_register_vcpu_info, vcpu,
			   fake_gva(FAKE_ARGS), 0))
		abort();
	f->kicks[vcpu] = 0;
}

void fifo_start(struct fake_vmm *f, unsigned vcpus, unsigned pages)
{
	unsigned i, w;

	for (i = PV_XEN_LEGACY_MAX_VCPUS; i < vcpus; i++)
		if (pv_domain_vcpu_info_gpa(f->d, i) == PV_STATE_NO_GPA)
			register_info(f, i);
	for (i = 0; i < vcpus; i++) {
		*fifo_block(f, i) = (struct pv_evtchn_fifo_control_block){0};
		if (fifo_init_control(f, FIFO_BLOCK + i, 8, i) != PV_EVTCHN_FIFO_LINK_BITS)
			abort();
	}
	for (i = 0; i < pages; i++) {
		for (w = 0; w < PV_FIFO_PAGE_WORDS; w++)
			*fifo_word(f, i * PV_FIFO_PAGE_WORDS + w) = PV_FIFO_MASKED;
		if (fifo_expand(f, FIFO_ARRAY + i % 16))
			abort();
	}
}

void fifo_create(struct fake_vmm *f, unsigned vcpus, uint32_t max_ports, unsigned pages)
{
	struct pv_domain_config cfg;

	fake_config(&cfg, PV_DOMAIN_PVH, vcpus);
	cfg.max_ports = max_ports;
	if (pv_domain_create(&f->d, &cfg, &f->vmm) || pv_domain_set_shared_info(f->d, FAKE_SHARED))
		abort();
	fifo_start(f, vcpus, pages);
}

void fifo_open(struct fake_vmm *f, unsigned vcpus, uint32_t max_ports, unsigned pages)
{
	fake_init(f);
	fifo_create(f, vcpus, max_ports, pages);
}

uint32_t *fifo_word(struct fake_vmm *f, uint32_t port)
{
	uint32_t *words = fake_page(f, FIFO_ARRAY + port / PV_FIFO_PAGE_WORDS % 16);

	return &words[port % PV_FIFO_PAGE_WORDS];
}

struct pv_evtchn_fifo_control_block *fifo_block(struct fake_vmm *f, unsigned vcpu)
{
	return (void *)((unsigned char *)fake_page(f, FIFO_BLOCK + vcpu) + 8);
}

uint32_t fifo_next(struct fake_vmm *f, struct fifo_reader *r, unsigned vcpu)
{
	struct pv_evtchn_fifo_control_block *b = fifo_block(f, vcpu);

	for (;;) {
		uint32_t q, port, *word;

		r->ready |= __atomic_exchange_n(&b->ready, 0, __ATOMIC_SEQ_CST);
		if (!r->ready)
			return 0;
		q = (uint32_t)__builtin_ctz(r->ready);
		port = r->head[q] ? r->head[q] : pv_fifo_read(&b->head[q]);
		word = fifo_word(f, port);
		r->head[q] = pv_evtchn_fifo_unlink(word);
		if (!r->head[q])
			r->ready &= ~(1u << q);
		if ((pv_fifo_read(word) & (PV_FIFO_PENDING | PV_FIFO_MASKED)) == PV_FIFO_PENDING) {
			(void)pv_fifo_clear(word, PV_FIFO_PENDING);
			return port;
		}
	}
}
