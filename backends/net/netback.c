/*
 * Network backend: handshake, the two directions together, the connection written down. See
 * pv/back/net.h.
 *
 * Trust: the frontend's keys are hostile: numbers are parsed strictly, references and ports are
 * checked by the bus. An imported state is checked the same way.
 */
#include <pv/abi/io/xenbus.h>
#include "../../libpv/common/mem.h"
#include "../common/handshake.h"
#include "internal.h"

void pv_netback_break(struct pv_netback *b, const char *reason)
{
	if (b->broken)
		return;
	b->broken = true;
	b->reason = reason;
	if (b->bus->broken)
		b->bus->broken(b->bus->ctx, reason);
}

int pv_netback_init(struct pv_netback *b, const struct pv_back_bus *bus,
		    const struct pv_netback_far *far, const struct pv_netback_config *cfg,
		    void *mem)
{
	memset(b, 0, sizeof(*b));
	if (cfg->max_frame > PV_NET_MAX_FRAME || (cfg->max_frame && cfg->max_frame < 14))
		return -PV_EINVAL;
	b->bus = bus;
	b->far = far;
	b->cfg = *cfg;
	b->frame = mem;
	b->conn.state = PV_XenbusStateInitialising;
	return 0;
}

static int publish(void *self)
{
	struct pv_netback *b = self;
	const struct pv_back_number keys[] = {
		{"feature-rx-copy", 1, true},
		{"feature-rx-flip", 0, true},
		{"feature-sg", !b->cfg.no_sg, true},
		{"feature-gso-tcpv4", b->cfg.caps & PV_NETBACK_CAP_GSO4 ? 1 : 0, true},
		/* IPv4 checksums may always be left blank; IPv6 ones are filled in by the same
		 * code. */
		{"feature-ipv6-csum-offload", 1, true},
		{"feature-split-event-channels", !b->cfg.no_split, true},
		{"mtu", b->cfg.mtu, b->cfg.mtu != 0},
	};

	return pv_back_write_numbers(b->bus, keys, sizeof(keys) / sizeof(keys[0]));
}

static bool flag(const struct pv_netback *b, const char *key)
{
	uint64_t v = 0;

	return pv_back_read_u64(b->bus, key, 1, &v) == 0 && v;
}

static int number(const struct pv_netback *b, const char *key, uint32_t *to)
{
	uint64_t v;
	int rc = pv_back_read_u64(b->bus, key, UINT32_MAX, &v);

	if (rc == 0)
		*to = (uint32_t)v;
	return rc;
}

static int read_front(const struct pv_netback *b, struct pv_netback_state *st)
{
	if (!flag(b, "request-rx-copy") || !flag(b, "feature-rx-notify"))
		return -PV_EPROTO;
	if (number(b, "tx-ring-ref", &st->tx_ref) < 0 || number(b, "rx-ring-ref", &st->rx_ref) < 0)
		return -PV_EPROTO;
	st->nr_ports = 1;
	if (!b->cfg.no_split && number(b, "event-channel-tx", &st->front_port[0]) == 0 &&
	    number(b, "event-channel-rx", &st->front_port[1]) == 0)
		st->nr_ports = 2;
	else if (number(b, "event-channel", &st->front_port[0]) < 0)
		return -PV_EPROTO;
	st->features = (flag(b, "feature-sg") ? FRONT_SG : 0) |
		       (flag(b, "feature-gso-tcpv4") ? FRONT_GSO4 : 0) |
		       (flag(b, "feature-no-csum-offload") ? FRONT_NO_CSUM : 0);
	return 0;
}

/* Gives back what attach() took, as far as it came. */
static void release(struct pv_netback *b, uint32_t ports)
{
	while (ports--)
		b->bus->unbind(b->bus->ctx, b->port[ports]);
	if (b->rx_va)
		b->bus->unmap_ring(b->bus->ctx, b->rx_va, 1);
	if (b->tx_va)
		b->bus->unmap_ring(b->bus->ctx, b->tx_va, 1);
	b->tx_va = b->rx_va = NULL;
	b->connected = false;
}

static int attach(struct pv_netback *b, const struct pv_netback_state *st)
{
	uint32_t ports = 0;
	int rc;

	rc = b->bus->map_ring(b->bus->ctx, &st->tx_ref, 1, &b->tx_va);
	if (rc < 0) {
		b->tx_va = NULL;
		return rc;
	}
	rc = b->bus->map_ring(b->bus->ctx, &st->rx_ref, 1, &b->rx_va);
	if (rc < 0)
		b->rx_va = NULL;
	while (rc >= 0 && ports < st->nr_ports) {
		rc = b->bus->bind(b->bus->ctx, st->front_port[ports]);
		if (rc >= 0)
			b->port[ports++] = (uint32_t)rc;
	}
	if (rc < 0) {
		release(b, ports);
		return rc;
	}
	b->conn = *st;
	pv_ring_back_init(&b->tx, b->tx_va, PAGE, sizeof(struct pv_netif_tx_request),
			  st->tx_req_cons, st->tx_rsp_prod);
	pv_ring_back_init(&b->rx, b->rx_va, PAGE, sizeof(struct pv_netif_rx_request),
			  st->rx_req_cons, st->rx_rsp_prod);
	b->connected = true;
	b->broken = false;
	b->reason = NULL;
	return 0;
}

static int connect(void *self)
{
	struct pv_netback *b = self;
	struct pv_netback_state st;
	int rc;

	memset(&st, 0, sizeof(st));
	rc = read_front(b, &st);
	st.connected = 1;
	st.state = b->conn.state;
	if (rc == 0)
		rc = attach(b, &st);
	if (rc < 0) {
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
	uint32_t state = b->conn.state;

	if (b->connected)
		release(b, b->conn.nr_ports);
	memset(&b->conn, 0, sizeof(b->conn));
	b->conn.state = state;
	b->broken = b->quiet = false;
	return 0;
}

int pv_netback_step(struct pv_netback *b)
{
	const struct pv_back_device d = {.bus = b->bus,
					 .self = b,
					 .publish = publish,
					 .connect = connect,
					 .disconnect = disconnect};

	return pv_back_advance(&d, &b->conn.state, b->broken);
}

static void flush(struct pv_netback *b)
{
	bool tx = pv_ring_back_push(&b->tx), rx = pv_ring_back_push(&b->rx);

	if (b->bus->dirty) {
		b->bus->dirty(b->bus->ctx, b->tx_va, PAGE);
		b->bus->dirty(b->bus->ctx, b->rx_va, PAGE);
	}
	if (b->conn.nr_ports == 2) {
		if (rx)
			b->bus->notify(b->bus->ctx, b->port[1]);
		if (tx)
			b->bus->notify(b->bus->ctx, b->port[0]);
	} else if (tx || rx) {
		b->bus->notify(b->bus->ctx, b->port[0]);
	}
}

int pv_netback_work(struct pv_netback *b, uint32_t budget)
{
	unsigned more;

	if (b->broken)
		return -PV_EPROTO;
	if (!b->connected)
		return -PV_ENOTCONN;
	if (b->quiet)
		return 0;
	more = pv_netback_tx(b, budget);
	if (!b->broken)
		more |= pv_netback_rx(b, budget);
	if (b->broken)
		return -PV_EPROTO;
	flush(b);
	return (int)more;
}

bool pv_netback_arm(struct pv_netback *b)
{
	uint32_t need = pv_netback_rx_need(b);
	int tx, rx = 0;

	if (!b->connected || b->broken || b->quiet)
		return false;
	tx = pv_ring_back_arm(&b->tx, 1);
	/* With room, the next thing to wait for is a frame from the far end, not the guest. */
	if (pv_ring_back_pending(&b->rx) < (int)need)
		rx = pv_ring_back_arm(&b->rx, need);
	if (b->bus->dirty) {
		b->bus->dirty(b->bus->ctx, b->tx_va, sizeof(struct pv_sring));
		b->bus->dirty(b->bus->ctx, b->rx_va, sizeof(struct pv_sring));
	}
	return tx || rx;
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
	       (f & FRONT_GSO4 ? b->cfg.caps & PV_NETBACK_CAP_GSO4 : 0);
}

int pv_netback_export(struct pv_netback *b, struct pv_netback_state *st)
{
	*st = b->conn;
	if (b->connected) {
		st->tx_req_cons = b->tx.req;
		st->tx_rsp_prod = b->tx.rsp;
		st->rx_req_cons = b->rx.req;
		st->rx_rsp_prod = b->rx.rsp;
	}
	return 0;
}

int pv_netback_import(struct pv_netback *b, const struct pv_netback_state *st)
{
	int rc;

	if (b->connected || !pv_back_state_valid(st->state))
		return -PV_EINVAL;
	if (!st->connected) {
		b->conn.state = st->state;
		return 0;
	}
	/* Nothing is ever taken without being answered. */
	if (st->nr_ports < 1 || st->nr_ports > 2 || st->features > FRONT_ALL ||
	    st->tx_req_cons != st->tx_rsp_prod || st->rx_req_cons != st->rx_rsp_prod)
		return -PV_EINVAL;
	rc = attach(b, st);
	if (rc == 0)
		b->quiet = true;
	return rc;
}

void pv_netback_destroy(struct pv_netback *b)
{
	disconnect(b);
}
