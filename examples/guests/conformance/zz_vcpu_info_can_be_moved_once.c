/*
 * zz_vcpu_info_can_be_moved_once: A vCPU can register its vcpu_info elsewhere, once: it is told to
 * look for events, time goes on there, the next event comes there; a second time is refused:
 * EINVAL. (Last of all cases: it cannot be undone.)
 */
#include "conformance.h"

CASE(zz_vcpu_info_can_be_moved_once)
{
	unsigned long flags = irq_save();
	char *page = pages_alloc(1);
	int raised, sel;
	uint32_t a, b;

	CHECK(page);
	CHECK_EQ(pv_vcpu_info_set(pv, 0, page + 128), 0);
	raised = pv_vcpu_info(pv, 0)->evtchn_upcall_pending;
	CHECK_EQ(new_pair(&a, &b), 0);
	clear_selector();
	clear_mask(b);
	CHECK_EQ(send(a), 0);
	set_mask(b);
	sel = selected(b);
	clear_selector();
	irq_restore(flags);
	CHECK_EQ(ADDR(pv_vcpu_info(pv, 0)), ADDR(page + 128));
	CHECK_EQ(raised, 1);
	CHECK(sel);
	CHECK(kernel_now() > 0);
	CHECK_EQ(close_port(b), 0);
	CHECK_EQ(close_port(a), 0);
	CHECK_EQ(pv_vcpu_info_set(pv, 0, page + 512), -PV_EINVAL);
}
