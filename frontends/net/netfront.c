/*
 * Network frontend: handshake, both directions together, suspend and resume. See pv/front/net.h.
 *
 * Trust: the backend's keys are hostile: what is absent or no number is taken as not offered.
 */
#include <pv/abi/io/xenbus.h>
#include "../../libpv/common/keys.h"
#include "../../libpv/common/mem.h"
#include "../common/handshake.h"
#include "internal.h"

#define DEFAULT_RX_PAGES 64u
#define MIN_TX_REFS	 PV_NET_MAX_SLOTS

void pv_netfront_break(struct pv_netfront *f, const char *reason)
{
	if (f->broken)
		return;
	f->broken = true;
	f->reason = reason;
	if (f->bus->broken)
		f->bus->broken(f->bus->ctx, reason);
	pv_netfront_tx_fail(f);
}

int pv_netfront_init(struct pv_netfront *f, const struct pv_front_bus *bus,
		     const struct pv_netfront_config *cfg,
		     int (*rx)(void *arg, const struct pv_netfront_rx *frame),
		     void (*event)(void *arg), void *arg)
{
	memset(f, 0, sizeof(*f));
	f->bus = bus;
	f->cfg = *cfg;
	f->rx = rx;
	f->event = event;
	f->arg = arg;
	f->state = PV_XenbusStateInitialising;
	if (f->cfg.rx_pages == 0)
		f->cfg.rx_pages = DEFAULT_RX_PAGES;
	return f->cfg.rx_pages > PV_NETFRONT_SLOTS ? -PV_EINVAL : 0;
}

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

/* A granted page with an empty ring. */
static int make_ring(struct pv_netfront *f, unsigned i, struct pv_ring *r, uint32_t entry)
{
	int rc;

	f->ring_page[i] = f->bus->pages_alloc(f->bus->ctx, 1);
	if (!f->ring_page[i])
		return -PV_ENOMEM;
	rc = f->bus->gref_alloc(f->bus->ctx, &f->ring_ref[i], 1);
	if (rc < 0)
		return rc;
	f->nr_ring_refs = i + 1;
	pv_ring_front_init(r, f->ring_page[i], PAGE, entry);
	f->bus->permit(f->bus->ctx, f->ring_ref[i], f->ring_page[i], false);
	return 0;
}

static int make_buffers(struct pv_netfront *f)
{
	f->rx_mem = f->bus->pages_alloc(f->bus->ctx, f->cfg.rx_pages);
	if (!f->rx_mem)
		return -PV_ENOMEM;
	/* References may be scarce: do with what there is, as long as a frame of each kind
	 * fits. */
	while (f->nr_rx_refs < f->cfg.rx_pages &&
	       f->bus->gref_alloc(f->bus->ctx, &f->rx_ref[f->nr_rx_refs], 1) == 0)
		f->nr_rx_refs++;
	while (f->nr_tx_refs < PV_NETFRONT_SLOTS &&
	       f->bus->gref_alloc(f->bus->ctx, &f->slot[f->nr_tx_refs].ref, 1) == 0)
		f->nr_tx_refs++;
	if (f->nr_rx_refs == 0 || f->nr_tx_refs < MIN_TX_REFS)
		return -PV_ENOSPC;
	pv_netfront_tx_init(f);
	pv_netfront_rx_init(f);
	pv_netfront_rx_post(f);
	/* Before the backend is there nobody is to be notified. */
	(void)pv_ring_front_push(&f->rx_ring);
	return 0;
}

static int make_ports(struct pv_netfront *f, uint32_t n)
{
	while (f->nr_ports < n) {
		int rc = f->bus->evtchn_alloc(f->bus->ctx, f->event, f->arg, &f->port[f->nr_ports]);

		if (rc < 0)
			return rc;
		f->nr_ports++;
	}
	return 0;
}

static int write_keys(struct pv_netfront *f, int state)
{
	char n[4][PV_VALUE_LEN];
	const char *port0 = pv_key_u64(n[2], f->port[0]);
	const char *port1 = pv_key_u64(n[3], f->port[f->nr_ports - 1]);
	bool split = f->nr_ports == 2;
	const struct pv_front_key key[] = {
		{"tx-ring-ref", pv_key_u64(n[0], f->ring_ref[0])},
		{"rx-ring-ref", pv_key_u64(n[1], f->ring_ref[1])},
		{"request-rx-copy", "1"},
		{"feature-rx-notify", "1"},
		{"feature-sg", f->cfg.no_sg ? "0" : "1"},
		{"feature-gso-tcpv4", f->cfg.gso && !f->cfg.no_sg ? "1" : "0"},
		{"feature-no-csum-offload", f->cfg.no_csum ? "1" : "0"},
		{split ? "event-channel-tx" : "event-channel", port0},
		{"event-channel-rx", port1},
	};

	return f->bus->publish(f->bus->ctx, key, sizeof(key) / sizeof(key[0]) - !split, state);
}

/* The toolstack's word is in the own directory (Xen's io/netif.h, "MTU"); a backend may tell its own. */
static uint32_t read_mtu(const struct pv_front_bus *bus)
{
	uint64_t most = PV_NET_MAX_FRAME - ETH_HEADER, mtu;
	char s[PV_VALUE_LEN];
	int n = bus->read_own(bus->ctx, "mtu", s, sizeof(s));

	if (n < 0 || n >= (int)sizeof(s) || pv_key_parse(s, most, &mtu) < 0)
		mtu = pv_front_read_u64(bus, "mtu", most, 0);
	return (uint32_t)mtu;
}

static int publish(void *self, int state)
{
	struct pv_netfront *f = self;
	const struct pv_front_bus *bus = f->bus;
	bool split = f->cfg.split && pv_front_read_u64(bus, "feature-split-event-channels", 1, 0);
	int rc;

	if (!pv_front_read_u64(bus, "feature-rx-copy", 1, 0))
		return -PV_EOPNOTSUPP;
	f->sg = pv_front_read_u64(bus, "feature-sg", 1, 0);
	f->gso4 = f->sg && pv_front_read_u64(bus, "feature-gso-tcpv4", 1, 0);
	/* Every backend completes blank IPv4 checksums. */
	f->csum4 = true;
	f->mtu = read_mtu(bus);
	rc = read_mac(f);
	if (rc == 0)
		rc = make_ring(f, 0, &f->tx_ring, sizeof(struct pv_netif_tx_request));
	if (rc == 0)
		rc = make_ring(f, 1, &f->rx_ring, sizeof(struct pv_netif_rx_request));
	if (rc == 0)
		rc = make_buffers(f);
	if (rc == 0)
		rc = make_ports(f, split ? 2 : 1);
	if (rc == 0)
		rc = write_keys(f, state);
	f->ready = rc == 0;
	return rc;
}

static void release(struct pv_netfront *f, bool close_ports)
{
	uint32_t i;

	f->ready = false;
	while (f->nr_ports)
		if (f->nr_ports-- && close_ports)
			f->bus->evtchn_close(f->bus->ctx, f->port[f->nr_ports]);
	pv_front_release_pages(f->bus, f->rx_mem, f->rx_ref, f->nr_rx_refs, f->cfg.rx_pages);
	for (i = 0; i < f->nr_tx_refs; i++)
		if (f->slot[i].ref != PV_FRONT_NO_GREF)
			f->bus->gref_free(f->bus->ctx, &f->slot[i].ref, 1);
	for (i = 0; i < 2; i++)
		pv_front_release_pages(f->bus, f->ring_page[i], &f->ring_ref[i],
				       i < f->nr_ring_refs ? 1 : 0, 1);
	f->rx_mem = NULL;
	f->ring_page[0] = f->ring_page[1] = NULL;
	f->nr_rx_refs = f->nr_tx_refs = f->nr_ring_refs = 0;
}

static void disconnect(void *self)
{
	struct pv_netfront *f = self;

	f->ready = false;
	pv_netfront_tx_fail(f);
	release(f, true);
}

/* A network frontend says Connected with its keys, so nothing is left to do when the backend
 * does. */
static int connect(void *self)
{
	return 0;
}

static struct pv_front_device device(struct pv_netfront *f)
{
	return (struct pv_front_device){.bus = f->bus,
					.self = f,
					.published = PV_XenbusStateConnected,
					.publish = publish,
					.connect = connect,
					.disconnect = disconnect};
}

int pv_netfront_step(struct pv_netfront *f)
{
	struct pv_front_device d = device(f);

	return pv_front_advance(&d, &f->state, &f->announced, f->broken);
}

void pv_netfront_push(struct pv_netfront *f)
{
	if (f->ready && !f->broken && !f->suspended && pv_ring_front_push(&f->tx_ring))
		f->bus->notify(f->bus->ctx, f->port[0]);
}

int pv_netfront_poll(struct pv_netfront *f, uint32_t budget)
{
	uint32_t shown;

	if (f->broken)
		return -PV_EPROTO;
	if (!f->ready || f->suspended)
		return 0;
	pv_netfront_tx_reap(f);
	shown = f->broken ? 0 : pv_netfront_rx_poll(f, budget);
	if (f->broken)
		return -PV_EPROTO;
	if (!f->ready)
		return (int)shown;
	pv_netfront_rx_post(f);
	if (pv_ring_front_push(&f->rx_ring))
		f->bus->notify(f->bus->ctx, f->port[f->nr_ports - 1]);
	return (int)shown;
}

bool pv_netfront_arm(struct pv_netfront *f)
{
	int tx, rx;

	if (!f->ready || f->broken || f->suspended)
		return false;
	tx = pv_ring_front_arm(&f->tx_ring);
	rx = pv_ring_front_arm(&f->rx_ring);
	return tx || rx;
}

int pv_netfront_close(struct pv_netfront *f)
{
	struct pv_front_device d = device(f);

	f->ready = false;
	return pv_front_close(&d, &f->state);
}

void pv_netfront_suspend(struct pv_netfront *f)
{
	f->suspended = true;
}

void pv_netfront_unsuspend(struct pv_netfront *f)
{
	f->suspended = false;
}

int pv_netfront_resume(struct pv_netfront *f)
{
	f->suspended = false;
	if (f->broken)
		return -PV_EPROTO;
	f->ready = false;
	pv_netfront_tx_fail(f);
	/* The ports died with the old domain; their numbers may be somebody else's now. */
	release(f, false);
	f->announced = false;
	f->state = PV_XenbusStateInitialising;
	return 0;
}

void pv_netfront_destroy(struct pv_netfront *f)
{
	disconnect(f);
}
