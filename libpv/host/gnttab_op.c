/*
 * HYPERVISOR_grant_table_op: what a guest may do with grants.
 *
 * Each operation of a batch is copied in, done and answered by itself; a failing one does not stop
 * the rest, as on Xen. The only domain whose grants a guest can use is its own: backends of other
 * domains do not grant. Transitive grants are refused, as Xen does by default.
 */
#include "access.h"
#include "gnttab_op.h"

/* Asking about others: domain 0 does not tell, and no other is there. */
static int16_t check_domid(const struct pv_domain *d, uint16_t domid)
{
	if (pv_domain_is_self(d, domid))
		return PV_GNTST_okay;
	return domid == 0 ? PV_GNTST_permission_denied : PV_GNTST_bad_domain;
}

static int16_t setup(struct pv_domain *d, unsigned vcpu, const struct pv_gnttab_setup_table *op)
{
	int16_t rc = check_domid(d, op->dom);
	uint32_t i;

	if (rc)
		return rc;
	if (op->nr_frames > d->max_grant_frames)
		return PV_GNTST_general_error;
	for (i = 0; i < op->nr_frames; i++) {
		uint64_t gfn = d->grant_gfn[i];

		if (gfn == PV_NO_GPA && d->kind == PV_DOMAIN_PV) {
			gfn = d->grant_setup_gfn[i];
			if (gfn == PV_NO_GPA || pv_domain_grant_place(d, i, gfn))
				return PV_GNTST_general_error;
		}
		/* A translated guest places them itself; what has no place yet is all ones. */
		if (i >= d->grant_frames)
			d->grant_frames = i + 1;
		if (pv_guest_write(d, vcpu, op->frame_list + i * 8ull, &gfn, 8))
			return PV_GNTST_bad_virt_addr;
	}
	return PV_GNTST_okay;
}

static int64_t do_setup(struct pv_domain *d, unsigned vcpu, uint64_t gva, uint32_t count)
{
	struct pv_gnttab_setup_table op;

	if (count != 1)
		return -PV_EINVAL;
	if (pv_guest_read(d, vcpu, &op, gva, sizeof(op)) ||
	    !pv_guest_range_ok(op.frame_list, op.nr_frames, 8))
		return -PV_EFAULT;
	op.status = setup(d, vcpu, &op);
	return pv_guest_write(d, vcpu, gva, &op, sizeof(op));
}

static int64_t do_query(struct pv_domain *d, unsigned vcpu, uint64_t gva, uint32_t count)
{
	struct pv_gnttab_query_size op;

	if (count != 1)
		return -PV_EINVAL;
	if (pv_guest_read(d, vcpu, &op, gva, sizeof(op)))
		return -PV_EFAULT;
	op.status = check_domid(d, op.dom);
	if (!op.status) {
		op.nr_frames = d->grant_frames;
		op.max_nr_frames = d->max_grant_frames;
	}
	return pv_guest_write(d, vcpu, gva, &op, sizeof(op));
}

static int64_t do_set_version(struct pv_domain *d, unsigned vcpu, uint64_t gva)
{
	struct pv_gnttab_set_version op;
	int64_t rc;

	if (pv_guest_read(d, vcpu, &op, gva, sizeof(op)))
		return -PV_EFAULT;
	rc = pv_domain_grant_set_version(d, op.version);
	op.version = d->grant_version;
	if (pv_guest_write(d, vcpu, gva, &op, sizeof(op)))
		return -PV_EFAULT;
	return rc;
}

static int64_t do_get_version(struct pv_domain *d, unsigned vcpu, uint64_t gva)
{
	struct pv_gnttab_get_version op;

	if (pv_guest_read(d, vcpu, &op, gva, sizeof(op)))
		return -PV_EFAULT;
	if (!pv_domain_is_self(d, op.dom))
		return op.dom == 0 ? -PV_EPERM : -PV_ESRCH;
	return pv_guest_write(d, vcpu, gva + offsetof(struct pv_gnttab_get_version, version),
			      &d->grant_version, sizeof(d->grant_version));
}

static int16_t status_frames(struct pv_domain *d, unsigned vcpu,
			     const struct pv_gnttab_get_status_frames *op)
{
	int16_t rc = check_domid(d, op->dom);
	uint32_t i;

	if (rc)
		return rc;
	if (op->nr_frames > pv_domain_status_frames(d))
		return PV_GNTST_general_error;
	for (i = 0; i < op->nr_frames; i++)
		if (pv_guest_write(d, vcpu, op->frame_list + i * 8ull, &d->status_gfn[i], 8))
			return PV_GNTST_bad_virt_addr;
	return PV_GNTST_okay;
}

static int64_t do_status_frames(struct pv_domain *d, unsigned vcpu, uint64_t gva, uint32_t count)
{
	struct pv_gnttab_get_status_frames op;

	if (count != 1)
		return -PV_EINVAL;
	if (pv_guest_read(d, vcpu, &op, gva, sizeof(op)) ||
	    !pv_guest_range_ok(op.frame_list, op.nr_frames, 8))
		return -PV_EFAULT;
	op.status = status_frames(d, vcpu, &op);
	return pv_guest_write(d, vcpu, gva + offsetof(struct pv_gnttab_get_status_frames, status),
			      &op.status, sizeof(op.status));
}

static int swap_one(struct pv_domain *d, unsigned vcpu, union pv_grant_op *op)
{
	(void)vcpu;
	op->swap.status = (int16_t)pv_domain_grant_swap(d, op->swap.ref_a, op->swap.ref_b);
	return 0;
}

/* A page of a translated guest cannot be taken from it: no transfer succeeds. */
static int transfer_one(struct pv_domain *d, unsigned vcpu, union pv_grant_op *op)
{
	(void)vcpu;
	op->transfer.status =
		pv_domain_page(d, op->transfer.mfn, 0) ? PV_GNTST_general_error : PV_GNTST_bad_page;
	return 0;
}

/* Caches are coherent and no bus address leads around them: there is nothing that it could do. */
static int flush_one(struct pv_domain *d, unsigned vcpu, union pv_grant_op *op)
{
	const uint32_t known = PV_GNTTAB_CACHE_CLEAN | PV_GNTTAB_CACHE_INVAL;
	const struct pv_gnttab_cache_flush *f = &op->flush;

	(void)vcpu;
	if (f->offset >= PV_PAGE || f->offset + (uint32_t)f->length > PV_PAGE || f->op & ~known)
		return -PV_EINVAL;
	if (!f->length || !f->op)
		return 0;
	if (!pv_domain_page(d, f->a.dev_bus_addr / PV_PAGE, 0))
		return -PV_EINVAL;
	/* It would throw away what others wrote. */
	return f->op == PV_GNTTAB_CACHE_INVAL ? -PV_EOPNOTSUPP : 0;
}

static const struct pv_grant_call swaps = PV_GRANT_CALL(swap_grant_ref, swap_one),
				  transfers = PV_GRANT_CALL(transfer, transfer_one),
				  flushes = {.size = sizeof(struct pv_gnttab_cache_flush),
					     .one = flush_one};

static int64_t do_batch(struct pv_domain *d, unsigned vcpu, const struct pv_grant_call *b,
			uint64_t gva, uint32_t count)
{
	union pv_grant_op op;
	uint32_t i;
	int rc;

	for (i = 0; i < count; i++, gva += b->size) {
		if (i && i % PV_BATCH == 0)
			pv_domain_breathe(d);
		if (pv_guest_read(d, vcpu, &op, gva, b->size))
			return -PV_EFAULT;
		rc = b->one(d, vcpu, &op);
		if (rc)
			return rc;
		if (b->answer_size && pv_guest_write(d, vcpu, gva + b->answer,
						     (char *)&op + b->answer, b->answer_size)) {
			if (b->undo)
				b->undo(d, &op);
			return -PV_EFAULT;
		}
	}
	return 0;
}

/* What Xen lets HVM guests ask (hvm_grant_table_op in xen/arch/x86/hvm/hypercall.c). */
static bool pvh_may(uint64_t op)
{
	switch (op) {
	case PV_GNTTABOP_map_grant_ref:
	case PV_GNTTABOP_unmap_grant_ref:
	case PV_GNTTABOP_setup_table:
	case PV_GNTTABOP_copy:
	case PV_GNTTABOP_query_size:
	case PV_GNTTABOP_set_version:
	case PV_GNTTABOP_get_version:
	case PV_GNTTABOP_swap_grant_ref: return true;
	default: return false;
	}
}

int64_t pv_do_grant_table_op(struct pv_domain *d, unsigned vcpu, const uint64_t *arg)
{
	uint64_t gva = arg[1];
	uint32_t count = (uint32_t)arg[2];

	if (arg[2] > PV_MAX_BATCH)
		return -PV_EINVAL;
	if (d->kind == PV_DOMAIN_PVH && !pvh_may(arg[0]))
		return -PV_ENOSYS;
	switch (arg[0]) {
	case PV_GNTTABOP_map_grant_ref: return do_batch(d, vcpu, &pv_grant_call_map, gva, count);
	case PV_GNTTABOP_unmap_grant_ref:
		return do_batch(d, vcpu, &pv_grant_call_unmap, gva, count);
	case PV_GNTTABOP_setup_table: return do_setup(d, vcpu, gva, count);
	case PV_GNTTABOP_transfer: return do_batch(d, vcpu, &transfers, gva, count);
	case PV_GNTTABOP_copy: return do_batch(d, vcpu, &pv_grant_call_copy, gva, count);
	case PV_GNTTABOP_query_size: return do_query(d, vcpu, gva, count);
	case PV_GNTTABOP_unmap_and_replace:
		return do_batch(d, vcpu, &pv_grant_call_replace, gva, count);
	case PV_GNTTABOP_set_version: return do_set_version(d, vcpu, gva);
	case PV_GNTTABOP_get_status_frames: return do_status_frames(d, vcpu, gva, count);
	case PV_GNTTABOP_get_version: return do_get_version(d, vcpu, gva);
	case PV_GNTTABOP_swap_grant_ref: return do_batch(d, vcpu, &swaps, gva, count);
	case PV_GNTTABOP_cache_flush: return do_batch(d, vcpu, &flushes, gva, count);
	default: return -PV_ENOSYS;
	}
}
