/*
 * Paging hypercalls of PV guests whose memory the engine maps flat.
 *
 * There are no page tables that the host would have to protect itself from: the guest reaches its
 * own memory and nothing else, whatever it writes into frames that it calls page tables. So
 * pinning, base pointers and flushes succeed and do nothing; real changes of mappings go to the
 * VMM's hooks.
 */
#include "access.h"
#include "domain.h"

/* Bits 31:16 of the domain id of mmu_update name another owner of the page tables, plus 1. */
#define OTHER_DOMAIN_SHIFT 16

static int64_t one_mmuext(struct pv_domain *d, const struct pv_mmuext_op *op)
{
	switch (op->cmd) {
	case PV_MMUEXT_PIN_L1_TABLE:
	case PV_MMUEXT_PIN_L2_TABLE:
	case PV_MMUEXT_PIN_L3_TABLE:
	case PV_MMUEXT_PIN_L4_TABLE:
	case PV_MMUEXT_UNPIN_TABLE:
	case PV_MMUEXT_NEW_BASEPTR:
	case PV_MMUEXT_NEW_USER_BASEPTR: return op->arg1.mfn <= d->max_gfn ? 0 : -PV_EINVAL;
	case PV_MMUEXT_TLB_FLUSH_LOCAL:
	case PV_MMUEXT_TLB_FLUSH_MULTI:
	case PV_MMUEXT_TLB_FLUSH_ALL:
	case PV_MMUEXT_INVLPG_LOCAL:
	case PV_MMUEXT_INVLPG_MULTI:
	case PV_MMUEXT_INVLPG_ALL:
	case PV_MMUEXT_FLUSH_CACHE:
	case PV_MMUEXT_FLUSH_CACHE_GLOBAL: return 0;
	case PV_MMUEXT_SET_LDT: return op->arg2.nr_ents ? -PV_EINVAL : 0; /* flat selectors only */
	case PV_MMUEXT_CLEAR_PAGE:
	case PV_MMUEXT_COPY_PAGE: {
		unsigned char *to = pv_domain_page(d, op->arg1.mfn, 1), *from;

		if (!to)
			return -PV_EINVAL;
		if (op->cmd == PV_MMUEXT_CLEAR_PAGE) {
			memset(to, 0, PV_PAGE);
			return 0;
		}
		from = pv_domain_page(d, op->arg2.src_mfn, 0);
		if (!from)
			return -PV_EINVAL;
		memmove(to, from, PV_PAGE);
		return 0;
	}
	default: return -PV_ENOSYS;
	}
}

static int64_t finish(struct pv_domain *d, unsigned vcpu, uint64_t done_gva, uint32_t done,
		      int64_t rc)
{
	if (done_gva && pv_guest_write(d, vcpu, done_gva, &done, sizeof(done)))
		return -PV_EFAULT;
	return rc;
}

static int64_t check(const struct pv_domain *d, const uint64_t *arg)
{
	if (d->kind != PV_DOMAIN_PV)
		return -PV_ENOSYS;
	if ((uint32_t)arg[1] > PV_MAX_BATCH)
		return -PV_EINVAL;
	if ((uint32_t)arg[3] >> OTHER_DOMAIN_SHIFT || !pv_domain_is_self(d, (uint16_t)arg[3]))
		return -PV_EPERM;
	return 0;
}

int64_t pv_do_mmuext_op(struct pv_domain *d, unsigned vcpu, const uint64_t *arg)
{
	int64_t rc = check(d, arg);
	struct pv_mmuext_op op;
	uint32_t i;

	if (rc)
		return rc;
	for (i = 0; i < (uint32_t)arg[1]; i++) {
		if (i && i % PV_BATCH == 0)
			pv_domain_breathe(d);
		rc = pv_guest_read(d, vcpu, &op, arg[0] + i * (uint64_t)sizeof(op), sizeof(op));
		if (!rc)
			rc = one_mmuext(d, &op);
		if (rc)
			break;
	}
	return finish(d, vcpu, arg[2], i, rc);
}

int64_t pv_do_mmu_update(struct pv_domain *d, unsigned vcpu, const uint64_t *arg)
{
	int64_t rc = check(d, arg);
	struct pv_mmu_update op;
	uint32_t i;

	if (rc)
		return rc;
	for (i = 0; i < (uint32_t)arg[1]; i++) {
		rc = pv_guest_read(d, vcpu, &op, arg[0] + i * (uint64_t)sizeof(op), sizeof(op));
		if (rc)
			break;
		if ((op.ptr & 3) == PV_MMU_MACHPHYS_UPDATE) {
			/* mfn == gfn in every auto-translated domain: the only truth it can set. */
			rc = op.ptr / PV_PAGE == op.val ? 0 : -PV_EINVAL;
		} else if (d->vmm.pt_update) {
			pv_domain_leave(d);
			rc = d->vmm.pt_update(d->vmm.ctx, vcpu, op.ptr, op.val);
			pv_domain_enter(d);
		} else {
			rc = -PV_ENOSYS;
		}
		if (rc)
			break;
	}
	return finish(d, vcpu, arg[2], i, rc);
}

int64_t pv_do_update_va_mapping(struct pv_domain *d, unsigned vcpu, const uint64_t *arg)
{
	int64_t rc;

	if (d->kind != PV_DOMAIN_PV || !d->vmm.va_update)
		return -PV_ENOSYS;
	pv_domain_leave(d);
	rc = d->vmm.va_update(d->vmm.ctx, vcpu, arg[0], arg[1], arg[2]);
	pv_domain_enter(d);
	return rc;
}

int64_t pv_do_set_gdt(struct pv_domain *d, unsigned vcpu, const uint64_t *arg)
{
	(void)vcpu;
	if (d->kind != PV_DOMAIN_PV)
		return -PV_ENOSYS;
	/* The engine's flat selectors are all there is; a table of none agrees with that. */
	return (uint32_t)arg[1] ? -PV_EINVAL : 0;
}
