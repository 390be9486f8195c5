/*
 * Network backend: frames to the guest.
 *
 * Trust: the frontend posts references that may be anything: a copy that fails costs it the
 * frame. The far end is hostile for the guest, not for us: its frames are bytes with a length
 * that is checked.
 */
#include "../../libpv/common/mem.h"
#include "internal.h"

#define DEFAULT_FRAME 1518u
#define MAX_PIECES    16u /* pages of the largest frame */

static uint32_t max_frame(const struct pv_netback *b)
{
	uint32_t max = b->cfg.max_frame ? b->cfg.max_frame : DEFAULT_FRAME;

	/* A frontend that does not take several slots cannot get more than a page. */
	return max > PAGE && !(b->conn.features & FRONT_SG) ? PAGE : max;
}

uint32_t pv_netback_rx_need(const struct pv_netback *b)
{
	uint32_t gso = b->conn.features & FRONT_GSO4 && b->cfg.caps & PV_NETBACK_CAP_GSO4;

	return (max_frame(b) + PAGE - 1) / PAGE + gso;
}

/* What the guest does not take is completed or refused. */
static bool suits(const struct pv_netback *b, uint32_t len, struct pv_net_meta *meta)
{
	if (meta->gso_type &&
	    (meta->gso_type != PV_XEN_NETIF_GSO_TYPE_TCPV4 || !(b->conn.features & FRONT_GSO4) ||
	     !(b->cfg.caps & PV_NETBACK_CAP_GSO4)))
		return false;
	if (!(meta->flags & PV_NET_CSUM_BLANK) || !(b->conn.features & FRONT_NO_CSUM))
		return true;
	if (meta->gso_type || pv_csum_fill(b->frame, len) < 0)
		return false;
	meta->flags = PV_NET_CSUM_VALID;
	return true;
}

static void respond_extra(struct pv_netback *b, const struct pv_net_meta *meta)
{
	struct pv_netif_extra_info e;

	memset(&e, 0, sizeof(e));
	e.type = PV_XEN_NETIF_EXTRA_TYPE_GSO;
	e.u.gso.type = meta->gso_type;
	e.u.gso.size = meta->gso_size;
	pv_ring_back_consume(&b->rx, 1);
	pv_ring_back_respond(&b->rx, &e, sizeof(e));
}

static void deliver(struct pv_netback *b, uint32_t len, const struct pv_net_meta *meta)
{
	struct pv_back_copy op[MAX_PIECES];
	uint16_t id[MAX_PIECES];
	uint32_t n = (len + PAGE - 1) / PAGE, i;
	bool failed;

	/* The extra slot takes the second request, whatever page that one names. */
	for (i = 0; i < n; i++) {
		struct pv_netif_rx_request r;

		pv_ring_back_peek(&b->rx, i && meta->gso_type ? i + 1 : i, &r, sizeof(r));
		id[i] = r.id;
		op[i] = (struct pv_back_copy){
			.ref = r.gref,
			.len = (uint16_t)(i + 1 < n ? PAGE : len - i * PAGE),
			.to_grant = true,
			.local = b->frame + i * PAGE,
		};
	}
	failed = b->bus->copy(b->bus->ctx, op, n) != 0;
	for (i = 0; i < n; i++) {
		struct pv_netif_rx_response rsp = {
			.id = id[i],
			.status = op[i].status ? PV_NETIF_RSP_ERROR : (int16_t)op[i].len,
			.flags = i + 1 < n ? PV_NETRXF_more_data : 0,
		};

		if (i == 0 && meta->flags & PV_NET_CSUM_BLANK)
			rsp.flags |= PV_NETRXF_csum_blank | PV_NETRXF_data_validated;
		else if (i == 0 && meta->flags & PV_NET_CSUM_VALID)
			rsp.flags |= PV_NETRXF_data_validated;
		if (i == 0 && meta->gso_type)
			rsp.flags |= PV_NETRXF_extra_info;
		pv_ring_back_consume(&b->rx, 1);
		pv_ring_back_respond(&b->rx, &rsp, sizeof(rsp));
		if (i == 0 && meta->gso_type)
			respond_extra(b, meta);
	}
	if (failed) {
		b->stats.rx_errors++;
	} else {
		b->stats.rx_frames++;
		b->stats.rx_bytes += len;
	}
}

unsigned pv_netback_rx(struct pv_netback *b, uint32_t budget)
{
	uint32_t need = pv_netback_rx_need(b), cap = max_frame(b);

	for (;;) {
		struct pv_net_meta meta = {0};
		int n = pv_ring_back_pending(&b->rx);

		if (n < 0) {
			pv_netback_break(b, "rx request producer beyond the ring");
			return 0;
		}
		if ((uint32_t)n < need)
			return PV_NETBACK_NO_ROOM;
		if (budget-- == 0)
			return PV_NETBACK_MORE;
		n = b->far->rx(b->far->ctx, b->frame, cap, &meta);
		if (n == 0)
			return 0;
		if (n < 0 || (uint32_t)n > cap || !suits(b, (uint32_t)n, &meta))
			b->stats.rx_errors++;
		else
			deliver(b, (uint32_t)n, &meta);
	}
}
