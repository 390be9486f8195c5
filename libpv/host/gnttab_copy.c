/*
 * GNTTABOP_copy: copies between a guest's own frames and grants that it gave itself.
 *
 * Arguments are checked on a private copy; pages are found once per operation and hold still
 * until it is done. The bytes themselves may change while they are copied, which hurts only their
 * owner.
 */
#include "access.h"
#include "gnttab_op.h"

struct end {
	unsigned char *page;
	uint32_t ref;
	bool pinned;
	bool readonly;
};

static int open_end(struct pv_domain *d, const struct pv_gnttab_copy_ptr *p, bool gref,
		    bool readonly, uint16_t len, struct end *e)
{
	struct pv_grant_use use = {.length = PV_PAGE};
	int rc;

	e->pinned = false;
	e->readonly = readonly;
	/* Besides itself a guest knows of one domain, 0, where its backends are. */
	if (!gref && p->domid != PV_DOMID_SELF)
		return p->domid == 0 || pv_domain_is_self(d, p->domid) ? PV_GNTST_permission_denied
								       : PV_GNTST_bad_domain;
	if (gref && !pv_domain_is_self(d, p->domid))
		return p->domid == 0 ? PV_GNTST_general_error : PV_GNTST_bad_domain;
	if (p->offset > PV_PAGE || len > PV_PAGE - p->offset)
		return PV_GNTST_bad_copy_arg;
	if (gref) {
		e->ref = p->u.ref;
		rc = pv_domain_grant_pin(d, d->domid, e->ref, readonly, false, &use);
		if (rc)
			return rc;
		e->pinned = true;
	} else {
		use.page = pv_domain_page(d, p->u.gmfn, !readonly);
	}
	if (!use.page)
		return PV_GNTST_bad_page;
	if (p->offset < use.offset || p->offset + len > use.offset + use.length)
		return PV_GNTST_general_error; /* beyond the part of the page that is lent */
	e->page = use.page + p->offset;
	return PV_GNTST_okay;
}

static void close_end(struct pv_domain *d, const struct end *e)
{
	if (e->pinned)
		pv_domain_grant_unpin(d, e->ref, e->readonly);
}

static int16_t copy(struct pv_domain *d, const struct pv_gnttab_copy *op)
{
	struct end src = {0}, dst = {0};
	unsigned char bounce[256];
	uint32_t done, n;
	int rc;

	rc = open_end(d, &op->source, op->flags & PV_GNTCOPY_source_gref, true, op->len, &src);
	if (!rc)
		rc = open_end(d, &op->dest, op->flags & PV_GNTCOPY_dest_gref, false, op->len, &dst);
	for (done = 0; !rc && done < op->len; done += n) {
		n = op->len - done < sizeof(bounce) ? op->len - done : sizeof(bounce);
		pv_shared_read(bounce, src.page + done, n);
		pv_shared_write(dst.page + done, bounce, n);
	}
	close_end(d, &dst);
	close_end(d, &src);
	return (int16_t)rc;
}

static int copy_one(struct pv_domain *d, unsigned vcpu, union pv_grant_op *op)
{
	(void)vcpu;
	op->copy.status = copy(d, &op->copy);
	return 0;
}

const struct pv_grant_call pv_grant_call_copy = PV_GRANT_CALL(copy, copy_one);
