/*
 * Network backend: a connection written down and read back, and what it has counted.
 *
 * Trust: an imported state is checked as the frontend's own words are; references and ports go
 * through the bus, which knows them.
 */
#include "../../libpv/common/mem.h"
#include "../common/handshake.h"
#include "internal.h"

struct pv_netback_queue_state pv_netback_queue_get(const struct pv_netback_state *st, unsigned i)
{
	if (i)
		return st->more[i - 1];
	return (struct pv_netback_queue_state){
		.tx_ref = st->tx_ref,
		.rx_ref = st->rx_ref,
		.front_port = {st->front_port[0], st->front_port[1]},
		.tx_req_cons = st->tx_req_cons,
		.tx_rsp_prod = st->tx_rsp_prod,
		.rx_req_cons = st->rx_req_cons,
		.rx_rsp_prod = st->rx_rsp_prod,
		.tx_segment = st->tx_segment,
	};
}

void pv_netback_queue_put(struct pv_netback_state *st, unsigned i,
			  const struct pv_netback_queue_state *q)
{
	if (i) {
		st->more[i - 1] = *q;
		return;
	}
	st->tx_ref = q->tx_ref;
	st->rx_ref = q->rx_ref;
	st->front_port[0] = q->front_port[0];
	st->front_port[1] = q->front_port[1];
	st->tx_req_cons = q->tx_req_cons;
	st->tx_rsp_prod = q->tx_rsp_prod;
	st->rx_req_cons = q->rx_req_cons;
	st->rx_rsp_prod = q->rx_rsp_prod;
	st->tx_segment = q->tx_segment;
}

int pv_netback_export(struct pv_netback *b, struct pv_netback_state *st)
{
	unsigned i;

	*st = b->conn;
	for (i = 0; i < pv_netback_queues(b); i++) {
		struct pv_netback_queue_state q = pv_netback_queue_get(st, i);

		q.tx_req_cons = b->q[i].tx.req;
		q.tx_rsp_prod = b->q[i].tx.rsp;
		q.rx_req_cons = b->q[i].rx.req;
		q.rx_rsp_prod = b->q[i].rx.rsp;
		q.tx_segment = b->q[i].tx_segment;
		pv_netback_queue_put(st, i, &q);
	}
	if (b->ctrl_va) {
		st->ctrl_req_cons = b->ctrl.req;
		st->ctrl_rsp_prod = b->ctrl.rsp;
	}
	return 0;
}

static bool sane(const struct pv_netback *b, const struct pv_netback_state *st)
{
	unsigned i;

	if (st->nr_ports < 1 || st->nr_ports > 2 || st->features > FRONT_ALL || !st->nr_queues ||
	    st->nr_queues > b->cfg.queues || st->has_ctrl > 1 ||
	    st->ctrl_req_cons != st->ctrl_rsp_prod || st->headroom > PV_NETBACK_HEADROOM_MAX ||
	    st->nr_mcast > PV_NETBACK_MCAST ||
	    st->hash_algorithm > PV_XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ ||
	    st->hash_types > PV_NET_HASH_ALL || st->hash_size > PV_NETBACK_HASH_MAPPING)
		return false;
	for (i = 0; i < st->hash_size; i++)
		if (st->hash_mapping[i] >= st->nr_queues)
			return false;
	/* Nothing is ever taken without being answered. */
	for (i = 0; i < st->nr_queues; i++) {
		struct pv_netback_queue_state q = pv_netback_queue_get(st, i);

		if (q.tx_req_cons != q.tx_rsp_prod || q.rx_req_cons != q.rx_rsp_prod ||
		    q.tx_segment > PV_NET_MAX_FRAME)
			return false;
	}
	return true;
}

int pv_netback_import(struct pv_netback *b, const struct pv_netback_state *in, uint32_t size)
{
	int rc;

	if (b->connected || size < PV_NETBACK_STATE_SIZE_1 || !pv_back_state_valid(in->state))
		return -PV_EINVAL;
	if (!in->connected) {
		b->conn.state = in->state;
		return 0;
	}
	memset(&b->conn, 0, sizeof(b->conn));
	memcpy(&b->conn, in, at_most(size, sizeof(b->conn)));
	if (!b->conn.nr_queues)
		b->conn.nr_queues = 1;
	rc = sane(b, &b->conn) ? pv_netback_attach(b) : -PV_EINVAL;
	if (rc == 0)
		b->quiet = true;
	else
		memset(&b->conn, 0, sizeof(b->conn));
	return rc;
}

void pv_netback_stats(const struct pv_netback *b, struct pv_netback_stats *sum)
{
	unsigned i;

	memset(sum, 0, sizeof(*sum));
	for (i = 0; i < b->cfg.queues; i++) {
		const struct pv_netback_stats *q = &b->q[i].stats;

		sum->tx_frames += q->tx_frames;
		sum->tx_bytes += q->tx_bytes;
		sum->tx_errors += q->tx_errors;
		sum->rx_frames += q->rx_frames;
		sum->rx_bytes += q->rx_bytes;
		sum->rx_errors += q->rx_errors;
		sum->rx_dropped += q->rx_dropped;
		sum->rx_filtered += q->rx_filtered;
		sum->tx_segments += q->tx_segments;
		sum->notifies += q->notifies;
	}
}
