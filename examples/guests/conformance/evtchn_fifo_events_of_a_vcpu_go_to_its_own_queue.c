/*
 * Each vCPU has queues of its own; a port that has moved is linked there the next time.
 */
#include "conformance.h"

CASE_LAST(37, evtchn_fifo_events_of_a_vcpu_go_to_its_own_queue)
{
	struct pv_evtchn_init_control c = {.offset = 64, .vcpu = guest->vcpus - 1};
	struct pv_evtchn_fifo_control_block *block;
	struct pv_evtchn_bind_vcpu v;
	uint32_t a, b;
	char *page;

	CHECK(is_fifo());
	SKIP_IF(guest->vcpus < 2, "one vCPU");
	page = pages_alloc(1);
	CHECK(page);
	block = (struct pv_evtchn_fifo_control_block *)(page + c.offset);
	c.control_gfn = va_to_gfn(page);
	CHECK_EQ(evtchn_op(PV_EVTCHNOP_init_control, &c), 0);
	CHECK_EQ(c.link_bits, PV_EVTCHN_FIFO_LINK_BITS);
	CHECK_EQ(new_pair(&a, &b), 0);
	v.port = b;
	v.vcpu = c.vcpu;
	CHECK_EQ(evtchn_op(PV_EVTCHNOP_bind_vcpu, &v), 0);
	clear_mask(b);
	CHECK_EQ(send(a), 0);
	CHECK_EQ(block->ready, 1u << PV_EVTCHN_FIFO_PRIORITY_DEFAULT);
	CHECK_EQ(block->head[PV_EVTCHN_FIFO_PRIORITY_DEFAULT], b);
	CHECK(selected(b));
	/* Off that queue as the vCPU would do it, were it up; then back to this one. */
	__atomic_store_n(&block->ready, 0, __ATOMIC_SEQ_CST);
	__atomic_fetch_and(pv_evtchn_fifo_word(pv, b),
			   ~(1u << PV_EVTCHN_FIFO_LINKED | PV_EVTCHN_FIFO_LINK_MASK),
			   __ATOMIC_SEQ_CST);
	v.vcpu = 0;
	CHECK_EQ(evtchn_op(PV_EVTCHNOP_bind_vcpu, &v), 0);
	CHECK_EQ(send(a), 0);
	CHECK_EQ(block->ready, 0);
	set_mask(b);
	clear_selector();
	CHECK_EQ(close_port(b), 0);
	CHECK_EQ(close_port(a), 0);
}
