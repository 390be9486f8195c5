/*
 * Hypercalls: choosing the way in, and the calls that stand on no facility of their own.
 *
 * The hypervisor is trusted; errors are handed on as they come.
 */
#include "internal.h"
#include "arch/arch.h"
#include <pv/abi/memory.h>
#include <pv/abi/sched.h>
#include <pv/abi/hvm/hvm_op.h>
#include <pv/abi/hvm/params.h>

int pv_hypercall_init(struct pv *pv, const struct pv_boot *boot)
{
	struct pv_boot b;

	memset(&b, 0, sizeof(b));
	memcpy(&b, boot, boot->size < sizeof(b) ? boot->size : sizeof(b));
	pv->mode = b.mode;
	pv->hypercall_ctx = b.hypercall_ctx;
	if (b.hypercall) {
		pv->hypercall = b.hypercall;
		return 0;
	}
	return pv_arch_hypercall_init(pv, &b);
}

int pv_console_io(struct pv *pv, const void *buf, size_t len)
{
	if (len > INT32_MAX)
		return -PV_E2BIG;
	int64_t rc =
		pv_hypercall3(pv, PV_HYPERVISOR_console_io, PV_CONSOLEIO_write, len, handle(buf));

	return rc < 0 ? (int)rc : (int)len;
}

void pv_log(struct pv *pv, int level, const char *msg)
{
	if (pv->os.log)
		pv->os.log(pv->os.ctx, level, msg);
}

int pv_sched_yield(struct pv *pv)
{
	return (int)pv_hypercall2(pv, PV_HYPERVISOR_sched_op, PV_SCHEDOP_yield, 0);
}

int pv_sched_block(struct pv *pv)
{
	return (int)pv_hypercall2(pv, PV_HYPERVISOR_sched_op, PV_SCHEDOP_block, 0);
}

int pv_shutdown(struct pv *pv, unsigned reason)
{
	struct pv_sched_shutdown s = {.reason = reason};

	return (int)pv_hypercall2(pv, PV_HYPERVISOR_sched_op, PV_SCHEDOP_shutdown, handle(&s));
}

int64_t pv_hvm_param_get(struct pv *pv, uint32_t index)
{
	struct pv_hvm_param p = {.domid = PV_DOMID_SELF, .index = index};
	int64_t rc = pv_hypercall2(pv, PV_HYPERVISOR_hvm_op, PV_HVMOP_get_param, handle(&p));

	return rc < 0 ? rc : (int64_t)p.value;
}

int pv_hvm_param_set(struct pv *pv, uint32_t index, uint64_t value)
{
	struct pv_hvm_param p = {.domid = PV_DOMID_SELF, .index = index, .value = value};

	return (int)pv_hypercall2(pv, PV_HYPERVISOR_hvm_op, PV_HVMOP_set_param, handle(&p));
}

int pv_add_to_physmap(struct pv *pv, unsigned space, uint64_t index, uint64_t gfn)
{
	struct pv_add_to_physmap a = {
		.domid = PV_DOMID_SELF, .space = space, .idx = index, .gpfn = gfn};

	return (int)pv_hypercall2(pv, PV_HYPERVISOR_memory_op, PV_XENMEM_add_to_physmap,
				  handle(&a));
}
