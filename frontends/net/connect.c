/*
 * Network frontend: what it makes to be published, and gives back. See pv/front/net.h.
 *
 * Trust: the backend's keys are hostile: what is absent or no number is taken as not offered.
 */
#include <pv/abi/io/xenbus.h>
#include "../../libpv/common/keys.h"
#include "../../libpv/common/mem.h"
#include "../common/handshake.h"
#include "internal.h"

#define MIN_TX_REFS PV_NET_MAX_SLOTS
#define QUEUE_KEY   40

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The toolstack writes the address into the own directory. */
static int read_mac(struct pv_netfront *f)
{
	char s[20];
	int i, n = f->bus->read_own(f->bus->ctx, "mac", s, sizeof(s));

	if (n < 0)
		return n;
	if (n != 17)
		return -PV_EINVAL;
	for (i = 0; i < 6; i++) {
		int high = hex(s[i * 3]), low = hex(s[i * 3 + 1]);

		if (high < 0 || low < 0 || (i < 5 && s[i * 3 + 2] != ':'))
			return -PV_EINVAL;
		f->mac[i] = (uint8_t)(high << 4 | low);
	}
	return 0;
}

static bool read_own_u64(const struct pv_front_bus *bus, const char *key, uint64_t max, uint64_t *v)
{
	char s[PV_VALUE_LEN];
	int n = bus->read_own(bus->ctx, key, s, sizeof(s));

	return n >= 0 && n < (int)sizeof(s) && pv_key_parse(s, max, v) == 0;
}

/* The toolstack's word is in the own directory (Xen's io/netif.h, "MTU"); a backend may tell its own. */
static uint32_t read_mtu(const struct pv_front_bus *bus)
{
	uint64_t most = PV_NET_MAX_FRAME - ETH_HEADER, mtu;

	if (!read_own_u64(bus, "mtu", most, &mtu))
		mtu = pv_front_read_u64(bus, "mtu", most, 0);
	return (uint32_t)mtu;
}

static bool offered(const struct pv_netfront *f, const char *key)
{
	return pv_front_read_u64(f->bus, key, 1, 0);
}

static void read_backend(struct pv_netfront *f)
{
	uint64_t trusted = 1, queues;

	f->sg = offered(f, "feature-sg");
	f->gso4 = f->sg && offered(f, "feature-gso-tcpv4");
	f->csum6 = offered(f, "feature-ipv6-csum-offload");
	f->gso6 = f->sg && f->csum6 && offered(f, "feature-gso-tcpv6");
	f->mcast = offered(f, "feature-multicast-control");
	/* Every backend completes blank IPv4 checksums. */
	f->csum4 = true;
	f->mtu = read_mtu(f->bus);
	(void)read_own_u64(f->bus, "trusted", 1, &trusted);
	f->bounced = f->cfg.bounce || !trusted;
	queues = pv_front_read_u64(f->bus, "multi-queue-max-queues", UINT32_MAX, 1);
	f->nr_queues = queues < f->cfg.queues ? (uint32_t)queues : f->cfg.queues;
	if (!f->nr_queues)
		f->nr_queues = 1;
}

/* A granted page with an empty ring. */
static int make_ring(struct pv_netfront *f, struct pv_netfront_queue *q, unsigned i,
		     struct pv_ring *r, uint32_t entry)
{
	int rc;

	q->ring_page[i] = f->bus->pages_alloc(f->bus->ctx, 1);
	if (!q->ring_page[i])
		return -PV_ENOMEM;
	rc = f->bus->gref_alloc(f->bus->ctx, &q->ring_ref[i], 1);
	if (rc < 0)
		return rc;
	q->nr_ring_refs = i + 1;
	pv_ring_front_init(r, q->ring_page[i], PAGE, entry);
	f->bus->permit(f->bus->ctx, q->ring_ref[i], q->ring_page[i], false);
	return 0;
}

static int make_buffers(struct pv_netfront *f, struct pv_netfront_queue *q)
{
	q->rx_mem = f->bus->pages_alloc(f->bus->ctx, f->cfg.rx_pages);
	if (f->bounced)
		q->bounce = f->bus->pages_alloc(f->bus->ctx, PV_NETFRONT_SLOTS);
	if (!q->rx_mem || (f->bounced && !q->bounce))
		return -PV_ENOMEM;
	/* References may be scarce: do with what there is, as long as a frame of each kind
	 * fits. */
	while (q->nr_rx_refs < f->cfg.rx_pages &&
	       f->bus->gref_alloc(f->bus->ctx, &q->rx_ref[q->nr_rx_refs], 1) == 0)
		q->nr_rx_refs++;
	while (q->nr_tx_refs < PV_NETFRONT_SLOTS &&
	       f->bus->gref_alloc(f->bus->ctx, &q->slot[q->nr_tx_refs].ref, 1) == 0)
		q->nr_tx_refs++;
	if (q->nr_rx_refs == 0 || q->nr_tx_refs < MIN_TX_REFS ||
	    (f->cfg.gso && q->nr_rx_refs < PV_NETFRONT_GSO_PAGES))
		return -PV_ENOSPC;
	pv_netfront_tx_init(q);
	pv_netfront_rx_init(q);
	pv_netfront_rx_post(f, q);
	/* Before the backend is there nobody is to be notified. */
	(void)pv_ring_front_push(&q->rx_ring);
	return 0;
}

static int make_queue(struct pv_netfront *f, struct pv_netfront_queue *q, uint32_t ports)
{
	int rc = make_ring(f, q, 0, &q->tx_ring, sizeof(struct pv_netif_tx_request));

	if (rc == 0)
		rc = make_ring(f, q, 1, &q->rx_ring, sizeof(struct pv_netif_rx_request));
	if (rc == 0)
		rc = make_buffers(f, q);
	while (rc == 0 && q->nr_ports < ports) {
		rc = f->bus->evtchn_alloc(f->bus->ctx, f->event, f->arg, &q->port[q->nr_ports]);
		if (rc == 0)
			q->nr_ports++;
	}
	return rc;
}

static int make_ctrl(struct pv_netfront *f)
{
	const struct pv_front_bus *bus = f->bus;
	int rc;

	f->ctrl_page = bus->pages_alloc(bus->ctx, 1);
	f->ctrl_data = bus->pages_alloc(bus->ctx, 1);
	rc = f->ctrl_page && f->ctrl_data ? bus->gref_alloc(bus->ctx, f->ctrl_ref, 2) : -PV_ENOMEM;
	if (rc < 0)
		return rc;
	f->nr_ctrl_refs = 2;
	f->ctrl_data_ref = f->ctrl_ref[1];
	pv_ring_front_init(&f->ctrl, f->ctrl_page, PAGE, sizeof(struct pv_netif_ctrl_request));
	bus->permit(bus->ctx, f->ctrl_ref[0], f->ctrl_page, false);
	bus->permit(bus->ctx, f->ctrl_ref[1], f->ctrl_data, true);
	rc = bus->evtchn_alloc(bus->ctx, f->event, f->arg, &f->ctrl_port);
	f->ctrl_bound = rc == 0;
	return rc;
}

static void join(char to[QUEUE_KEY], const char *dir, const char *key)
{
	unsigned n = 0;

	while (*dir && n < QUEUE_KEY - 2)
		to[n++] = *dir++;
	if (n)
		to[n++] = '/';
	while (*key && n < QUEUE_KEY - 1)
		to[n++] = *key++;
	to[n] = 0;
}

/* With one queue its keys are the device's own, with several each has a directory. */
static int write_queue(struct pv_netfront *f, uint32_t i)
{
	struct pv_netfront_queue *q = &f->q[i];
	bool split = q->nr_ports == 2;
	const char *const names[] = {"tx-ring-ref", "rx-ring-ref",
				     split ? "event-channel-tx" : "event-channel",
				     "event-channel-rx"};
	const uint32_t values[] = {q->ring_ref[0], q->ring_ref[1], q->port[0],
				   q->port[q->nr_ports - 1]};
	char dir[PV_KEY_LEN] = "", name[4][QUEUE_KEY], value[4][PV_VALUE_LEN];
	struct pv_front_key key[4];
	unsigned n = split ? 4 : 3, k;

	if (f->nr_queues > 1)
		pv_key_indexed(dir, "queue-", i);
	for (k = 0; k < n; k++) {
		join(name[k], dir, names[k]);
		key[k] = (struct pv_front_key){name[k], pv_key_u64(value[k], values[k])};
	}
	return f->bus->publish(f->bus->ctx, key, n, f->state);
}

static const char *yes(bool on)
{
	return on ? "1" : "0";
}

static int write_keys(struct pv_netfront *f, int state)
{
	const struct pv_netfront_config *c = &f->cfg;
	char n[4][PV_VALUE_LEN];
	struct pv_front_key key[14] = {
		{"request-rx-copy", "1"},
		{"feature-rx-notify", "1"},
		{"feature-sg", yes(!c->no_sg)},
		{"feature-gso-tcpv4", yes(c->gso)},
		{"feature-gso-tcpv6", yes(c->gso && !c->no_csum6)},
		{"feature-no-csum-offload", yes(c->no_csum)},
		{"feature-ipv6-csum-offload", yes(!c->no_csum6)},
		{"request-multicast-control", yes(c->mcast && f->mcast)},
	};
	unsigned at = 8;

	if (f->nr_queues > 1)
		key[at++] = (struct pv_front_key){"multi-queue-num-queues",
						  pv_key_u64(n[0], f->nr_queues)};
	if (c->headroom)
		key[at++] = (struct pv_front_key){"xdp-headroom", pv_key_u64(n[1], c->headroom)};
	if (f->ctrl_page) {
		key[at++] =
			(struct pv_front_key){"ctrl-ring-ref", pv_key_u64(n[2], f->ctrl_ref[0])};
		key[at++] =
			(struct pv_front_key){"event-channel-ctrl", pv_key_u64(n[3], f->ctrl_port)};
	}
	return f->bus->publish(f->bus->ctx, key, at, state);
}

int pv_netfront_publish(void *self, int state)
{
	struct pv_netfront *f = self;
	bool split = f->cfg.split && offered(f, "feature-split-event-channels");
	uint32_t i;
	int rc;

	if (!offered(f, "feature-rx-copy"))
		return -PV_EOPNOTSUPP;
	rc = read_mac(f);
	if (rc < 0)
		return rc;
	read_backend(f);
	for (i = 0; i < f->nr_queues && rc == 0; i++)
		rc = make_queue(f, &f->q[i], split ? 2 : 1);
	if (rc == 0 && f->cfg.ctrl && offered(f, "feature-ctrl-ring"))
		rc = make_ctrl(f);
	for (i = 0; i < f->nr_queues && rc == 0; i++)
		rc = write_queue(f, i);
	if (rc == 0)
		rc = write_keys(f, state);
	f->ready = rc == 0;
	return rc;
}

static void release_queue(struct pv_netfront *f, struct pv_netfront_queue *q, bool close_ports)
{
	uint64_t dropped = q->rx_dropped;
	bool held = false;
	uint32_t i;

	while (q->nr_ports)
		if (q->nr_ports-- && close_ports)
			f->bus->evtchn_close(f->bus->ctx, q->port[q->nr_ports]);
	pv_front_release_pages(f->bus, q->rx_mem, q->rx_ref, q->nr_rx_refs, f->cfg.rx_pages);
	for (i = 0; i < q->nr_tx_refs; i++) {
		if (q->slot[i].ref != PV_FRONT_NO_GREF)
			f->bus->gref_free(f->bus->ctx, &q->slot[i].ref, 1);
		else
			held = true;
	}
	if (q->bounce && !held)
		f->bus->pages_free(f->bus->ctx, q->bounce, PV_NETFRONT_SLOTS);
	for (i = 0; i < 2; i++)
		pv_front_release_pages(f->bus, q->ring_page[i], &q->ring_ref[i],
				       i < q->nr_ring_refs ? 1 : 0, 1);
	memset(q, 0, sizeof(*q));
	q->rx_dropped = dropped;
}

void pv_netfront_release(struct pv_netfront *f, bool close_ports)
{
	uint32_t i;

	f->ready = false;
	for (i = 0; i < PV_NETFRONT_QUEUES; i++)
		release_queue(f, &f->q[i], close_ports);
	if (f->ctrl_bound && close_ports)
		f->bus->evtchn_close(f->bus->ctx, f->ctrl_port);
	pv_front_release_pages(f->bus, f->ctrl_page, &f->ctrl_ref[0], f->nr_ctrl_refs / 2, 1);
	pv_front_release_pages(f->bus, f->ctrl_data, &f->ctrl_ref[1], f->nr_ctrl_refs / 2, 1);
	f->ctrl_page = f->ctrl_data = NULL;
	f->nr_ctrl_refs = 0;
	f->ctrl_bound = f->ctrl_busy = false;
}
