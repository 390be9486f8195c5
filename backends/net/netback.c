/*
 * Network backend: handshake, and the two directions of a queue together. See pv/back/net.h.
 *
 * Trust: the frontend's keys are hostile: numbers are parsed strictly, references and ports are
 * checked by the bus.
 */
#include <pv/abi/io/xenbus.h>
#include <stddef.h>
#include "../../libpv/common/mem.h"
#include "../common/handshake.h"
#include "internal.h"

void pv_netback_break(struct pv_netback *b, const char *reason)
{
	if (__atomic_exchange_n(&b->broken, 1, __ATOMIC_ACQ_REL))
		return;
	b->reason = reason;
	if (b->bus->broken)
		b->bus->broken(b->bus->ctx, reason);
}

int pv_netback_init(struct pv_netback *b, const struct pv_back_bus *bus,
		    const struct pv_netback_far *far, const struct pv_netback_config *cfg,
		    void *mem)
{
	unsigned i;

	memset(b, 0, sizeof(*b));
	if (cfg->max_frame > PV_NET_MAX_FRAME || (cfg->max_frame && cfg->max_frame < ETH_HEADER) ||
	    cfg->queues > PV_NETBACK_QUEUES || (cfg->rate_bytes && (!cfg->rate_us || !far->now)))
		return -PV_EINVAL;
	b->bus = bus;
	b->far = far;
	b->cfg = *cfg;
	if (!b->cfg.queues)
		b->cfg.queues = 1;
	for (i = 0; i < b->cfg.queues; i++)
		b->q[i].mem = (uint8_t *)mem + (uint64_t)i * PV_NETBACK_MEM;
	b->credit = cfg->rate_bytes;
	b->conn.state = PV_XenbusStateInitialising;
	return 0;
}

static int publish(void *self)
{
	struct pv_netback *b = self;
	bool sg = !b->cfg.no_sg;
	const struct pv_back_number keys[] = {
		{"feature-rx-copy", 1, true},
		{"feature-rx-flip", 0, true},
		{"feature-sg", sg, true},
		/* What the far end does not take is cut up here, so both are always offered. */
		{"feature-gso-tcpv4", sg, true},
		{"feature-gso-tcpv6", sg, true},
		/* IPv4 checksums may always be left blank; IPv6 ones are filled in by the same
		 * code. */
		{"feature-ipv6-csum-offload", 1, true},
		{"feature-split-event-channels", !b->cfg.no_split, true},
		{"feature-multicast-control", 1, true},
		{"feature-dynamic-multicast-control", 1, true},
		{"feature-xdp-headroom", 1, true},
		{"feature-ctrl-ring", !b->cfg.no_ctrl, true},
		{"multi-queue-max-queues", b->cfg.queues, true},
		{"mtu", b->cfg.mtu, b->cfg.mtu != 0},
	};

	return pv_back_write_numbers(b->bus, keys, sizeof(keys) / sizeof(keys[0]));
}

static bool flag(const struct pv_netback *b, const char *key)
{
	uint64_t v = 0;

	return pv_back_read_u64(b->bus, key, 1, &v) == 0 && v;
}

static int number(const struct pv_netback *b, uint32_t queue, const char *key, uint32_t *to)
{
	uint64_t v;
	int rc = pv_back_read_queue(b->bus, queue, key, UINT32_MAX, &v);

	if (rc == 0)
		*to = (uint32_t)v;
	return rc;
}

/* What the frontend may change while it is connected. */
static void read_changing(const struct pv_netback *b, struct pv_netback_state *st)
{
	uint64_t room = 0;

	st->features &= ~FRONT_MCAST;
	if (flag(b, "request-multicast-control"))
		st->features |= FRONT_MCAST;
	if (pv_back_read_u64(b->bus, "xdp-headroom", PV_NETBACK_HEADROOM_MAX, &room) < 0)
		room = 0;
	st->headroom = (uint32_t)room;
}

static uint32_t read_features(const struct pv_netback *b)
{
	uint32_t f = (flag(b, "feature-sg") && !b->cfg.no_sg ? FRONT_SG : 0) |
		     (flag(b, "feature-no-csum-offload") ? FRONT_NO_CSUM : 0) |
		     (flag(b, "feature-ipv6-csum-offload") ? FRONT_CSUM6 : 0);

	/* A super-frame is longer than a page, and its checksum is blank. */
	if (f & FRONT_SG && !(f & FRONT_NO_CSUM) && flag(b, "feature-gso-tcpv4"))
		f |= FRONT_GSO4;
	if (f & FRONT_SG && f & FRONT_CSUM6 && flag(b, "feature-gso-tcpv6"))
		f |= FRONT_GSO6;
	return f;
}

static int read_queues(const struct pv_netback *b, struct pv_netback_state *st)
{
	uint32_t i;

	st->nr_queues = 1;
	if (number(b, PV_BACK_FLAT, "multi-queue-num-queues", &st->nr_queues) == -PV_EINVAL ||
	    st->nr_queues < 1 || st->nr_queues > b->cfg.queues)
		return -PV_EPROTO;
	for (i = 0; i < st->nr_queues; i++) {
		struct pv_netback_queue_state q = {0};
		uint32_t at = st->nr_queues > 1 ? i : PV_BACK_FLAT, ports = 1;

		if (number(b, at, "tx-ring-ref", &q.tx_ref) < 0 ||
		    number(b, at, "rx-ring-ref", &q.rx_ref) < 0)
			return -PV_EPROTO;
		if (!b->cfg.no_split && number(b, at, "event-channel-tx", &q.front_port[0]) == 0 &&
		    number(b, at, "event-channel-rx", &q.front_port[1]) == 0)
			ports = 2;
		else if (number(b, at, "event-channel", &q.front_port[0]) < 0)
			return -PV_EPROTO;
		if (i && ports != st->nr_ports)
			return -PV_EPROTO;
		st->nr_ports = ports;
		pv_netback_queue_put(st, i, &q);
	}
	return 0;
}

static int read_front(const struct pv_netback *b, struct pv_netback_state *st)
{
	if (!flag(b, "request-rx-copy") || !flag(b, "feature-rx-notify"))
		return -PV_EPROTO;
	st->has_ctrl = !b->cfg.no_ctrl &&
		       number(b, PV_BACK_FLAT, "ctrl-ring-ref", &st->ctrl_ref) == 0 &&
		       number(b, PV_BACK_FLAT, "event-channel-ctrl", &st->ctrl_port) == 0;
	st->features = read_features(b);
	read_changing(b, st);
	return read_queues(b, st);
}

static void tell_far(struct pv_netback *b)
{
	if (b->far->size > offsetof(struct pv_netback_far, front) && b->far->front)
		b->far->front(b->far->ctx, pv_netback_queues(b), pv_netback_guest_caps(b));
}

static void release_queue(struct pv_netback *b, struct pv_netback_queue *q, uint32_t ports)
{
	while (ports--)
		b->bus->unbind(b->bus->ctx, q->port[ports]);
	if (q->rx_va)
		b->bus->unmap_ring(b->bus->ctx, q->rx_va, 1);
	if (q->tx_va)
		b->bus->unmap_ring(b->bus->ctx, q->tx_va, 1);
	q->tx_va = q->rx_va = NULL;
	q->tx_segment = 0;
}

static int attach_queue(struct pv_netback *b, unsigned i, const struct pv_netback_queue_state *st,
			uint32_t nr_ports)
{
	struct pv_netback_queue *q = &b->q[i];
	uint32_t ports = 0;
	int rc;

	rc = b->bus->map_ring(b->bus->ctx, &st->tx_ref, 1, &q->tx_va);
	if (rc < 0) {
		q->tx_va = NULL;
		return rc;
	}
	rc = b->bus->map_ring(b->bus->ctx, &st->rx_ref, 1, &q->rx_va);
	if (rc < 0)
		q->rx_va = NULL;
	while (rc >= 0 && ports < nr_ports) {
		rc = pv_back_bind_queue(b->bus, st->front_port[ports], i);
		if (rc >= 0)
			q->port[ports++] = (uint32_t)rc;
	}
	if (rc < 0) {
		release_queue(b, q, ports);
		return rc;
	}
	pv_ring_back_init(&q->tx, q->tx_va, PAGE, sizeof(struct pv_netif_tx_request),
			  st->tx_req_cons, st->tx_rsp_prod);
	pv_ring_back_init(&q->rx, q->rx_va, PAGE, sizeof(struct pv_netif_rx_request),
			  st->rx_req_cons, st->rx_rsp_prod);
	q->tx_segment = st->tx_segment;
	q->rx_lock = 0;
	return 0;
}

int pv_netback_attach(struct pv_netback *b)
{
	struct pv_netback_state *st = &b->conn;
	unsigned done;
	int rc = 0;

	for (done = 0; done < st->nr_queues; done++) {
		struct pv_netback_queue_state q = pv_netback_queue_get(st, done);

		rc = attach_queue(b, done, &q, st->nr_ports);
		if (rc < 0)
			break;
	}
	if (rc >= 0 && st->has_ctrl)
		rc = pv_netback_ctrl_attach(b, st);
	if (rc < 0) {
		while (done)
			release_queue(b, &b->q[--done], st->nr_ports);
		return rc;
	}
	b->nr_queues = st->nr_queues;
	b->connected = true;
	b->broken = 0;
	b->reason = NULL;
	pv_netback_ctrl_apply(b);
	tell_far(b);
	return 0;
}

void pv_netback_forget(struct pv_netback *b)
{
	uint32_t state = b->conn.state;

	memset(&b->conn, 0, sizeof(b->conn));
	b->conn.state = state;
}

static int connect(void *self)
{
	struct pv_netback *b = self;
	int rc;

	pv_netback_forget(b);
	b->conn.connected = 1;
	rc = read_front(b, &b->conn);
	if (rc == 0)
		rc = pv_netback_attach(b);
	if (rc < 0) {
		pv_netback_forget(b);
		b->reason = "the frontend's rings or event channels cannot be used";
		if (b->bus->broken)
			b->bus->broken(b->bus->ctx, b->reason);
		return -PV_EPROTO;
	}
	return 0;
}

static int disconnect(void *self)
{
	struct pv_netback *b = self;
	bool was = b->connected;

	b->connected = false;
	while (b->nr_queues)
		release_queue(b, &b->q[--b->nr_queues], b->conn.nr_ports);
	pv_netback_ctrl_detach(b);
	pv_netback_forget(b);
	b->broken = 0;
	b->quiet = b->steer = false;
	if (was)
		tell_far(b);
	return 0;
}

/*
 * A frontend that takes up or gives up XDP writes its headroom, says Reconfiguring and waits for
 * Reconfigured. The two come in either order (Linux's netfront says so first), hence the second
 * reading when it says Connected again.
 */
static int reconfigure(struct pv_netback *b)
{
	int front = b->bus->front_state(b->bus->ctx);

	if (!b->connected || pv_netback_broken(b))
		return 0;
	if (front != PV_XenbusStateReconfiguring && front != PV_XenbusStateConnected)
		return 0;
	read_changing(b, &b->conn);
	if (front == PV_XenbusStateConnected)
		return 0;
	return b->bus->switch_state(b->bus->ctx, PV_XenbusStateReconfigured);
}

int pv_netback_step(struct pv_netback *b)
{
	const struct pv_back_device d = {.bus = b->bus,
					 .self = b,
					 .publish = publish,
					 .connect = connect,
					 .disconnect = disconnect};
	int rc = reconfigure(b);

	return rc < 0 ? rc : pv_back_advance(&d, &b->conn.state, pv_netback_broken(b));
}

unsigned pv_netback_queues(const struct pv_netback *b)
{
	return b->connected ? b->nr_queues : 0;
}

static void notify(struct pv_netback *b, struct pv_netback_queue *q, unsigned port)
{
	q->stats.notifies++;
	b->bus->notify(b->bus->ctx, q->port[port]);
}

static void dirty(const struct pv_netback *b, const void *va, uint64_t len)
{
	if (b->bus->dirty)
		b->bus->dirty(b->bus->ctx, va, len);
}

void pv_netback_rx_flush(struct pv_netback *b, unsigned i)
{
	struct pv_netback_queue *q = &b->q[i];

	if (q->rx.pushed == q->rx.rsp)
		return;
	dirty(b, q->rx_va, PAGE);
	if (pv_ring_back_push(&q->rx))
		notify(b, q, b->conn.nr_ports - 1);
}

/* With one channel for both, one event says both. */
static void flush(struct pv_netback *b, unsigned i)
{
	struct pv_netback_queue *q = &b->q[i];
	bool tx = false;

	if (q->tx.pushed != q->tx.rsp) {
		dirty(b, q->tx_va, PAGE);
		tx = pv_ring_back_push(&q->tx);
	}
	pv_netback_rx_lock(b, i);
	if (q->rx.pushed != q->rx.rsp) {
		dirty(b, q->rx_va, PAGE);
		if (pv_ring_back_push(&q->rx)) {
			notify(b, q, b->conn.nr_ports - 1);
			tx = tx && b->conn.nr_ports == 2;
		}
	}
	pv_netback_rx_unlock(b, i);
	if (tx)
		notify(b, q, 0);
}

int pv_netback_work(struct pv_netback *b, unsigned queue, uint32_t budget)
{
	uint32_t tx = budget, rx = budget;
	unsigned more;

	if (pv_netback_broken(b))
		return -PV_EPROTO;
	if (!b->connected || queue >= b->nr_queues)
		return -PV_ENOTCONN;
	if (b->quiet)
		return 0;
	more = pv_netback_tx(b, queue, &tx);
	if (!pv_netback_broken(b))
		more |= pv_netback_rx(b, queue, &rx);
	if (pv_netback_broken(b))
		return -PV_EPROTO;
	flush(b, queue);
	if (queue == 0 && b->ctrl_va && pv_ring_back_pending(&b->ctrl) != 0)
		more |= PV_NETBACK_CONTROL;
	return (int)(more | (tx != budget || rx != budget ? PV_NETBACK_MOVED : 0));
}

bool pv_netback_arm(struct pv_netback *b, unsigned queue, int worked)
{
	uint32_t need = pv_netback_rx_need(b);
	struct pv_netback_queue *q = &b->q[queue];
	int tx = 0, rx = 0, ctrl = 0;

	if (!b->connected || pv_netback_broken(b) || b->quiet || queue >= b->nr_queues)
		return false;
	/* A frame that waits for something else than the guest is no reason to look again. */
	if (!(worked & (PV_NETBACK_FAR_FULL | PV_NETBACK_NO_CREDIT)))
		tx = pv_ring_back_arm(&q->tx, 1);
	/* With room, the next thing to wait for is a frame from the far end, not the guest. */
	pv_netback_rx_lock(b, queue);
	if (pv_ring_back_pending(&q->rx) < (int)need)
		rx = pv_ring_back_arm(&q->rx, need);
	pv_netback_rx_unlock(b, queue);
	if (queue == 0 && b->ctrl_va)
		ctrl = pv_ring_back_arm(&b->ctrl, 1);
	dirty(b, q->tx_va, sizeof(struct pv_sring));
	dirty(b, q->rx_va, sizeof(struct pv_sring));
	return tx || rx || ctrl;
}

void pv_netback_quiesce(struct pv_netback *b, bool on)
{
	b->quiet = on;
}

uint32_t pv_netback_guest_caps(const struct pv_netback *b)
{
	uint32_t f = b->conn.features;

	if (!b->connected)
		return 0;
	return (f & FRONT_NO_CSUM ? 0 : PV_NETBACK_CAP_CSUM) |
	       (f & FRONT_GSO4 ? PV_NETBACK_CAP_GSO4 : 0) |
	       (f & FRONT_GSO6 ? PV_NETBACK_CAP_GSO6 : 0) |
	       (f & FRONT_CSUM6 ? PV_NETBACK_CAP_CSUM6 : 0);
}

void pv_netback_destroy(struct pv_netback *b)
{
	disconnect(b);
}
