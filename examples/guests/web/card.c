/*
 * The stack on a network frontend. A frame's data goes to the backend from the buffers that the disk filled; only heads
 * and short frames are copied. Trusts the frontend, which distrusts the backend.
 */
#include <pv/front/net.h>

#include "guest.h"

#define FRAMES	 256  /* under way to the backend: as many as the ring has slots */
#define ROOM	 2048 /* of each, for its head, or for all of a short one */
#define MTU	 1500
#define BUDGET	 64
#define RX_PAGES 256
#define WAIT	 (10 * NET_S)

struct tx {
	struct pv_netfront_tx tx;
	struct pv_netfront_seg seg[1 + NET_FRAGS];
	struct net_buf *held[NET_FRAGS];
	unsigned n_held;
	uint8_t *room;
	struct tx *next;
};

static struct card {
	struct pv_bus_device device;
	struct pv_netfront front;
	unsigned mtu;
	bool changed, full, finished;
	struct tx tx[FRAMES], *free;
	struct web *web;
	uint8_t whole[PV_NET_MAX_FRAME]; /* a received frame that came in pieces */
} card;

static void changed(void *arg)
{
	card.changed = true;
}

/* A frame has left, or will not: its buffers go back, unless the backend holds on to them. */
static void sent(struct pv_netfront_tx *tx)
{
	struct tx *t = tx->user;

	card.finished = true;
	if (tx->status == -PV_EBUSY)
		return;
	for (unsigned i = 0; i < t->n_held; i++)
		net_buf_put(t->held[i]);
	t->next = card.free;
	card.free = t;
}

static void gather(struct tx *t, const struct net_frame *frame)
{
	uint32_t len = net_frame_length(frame), at = frame->head_len;

	memcpy(t->room, frame->head, frame->head_len);
	t->seg[0] = (struct pv_netfront_seg){t->room, frame->head_len};
	t->tx.nseg = 1;
	t->n_held = 0;
	for (uint32_t i = 0; i < frame->n_frags; i++) {
		const struct net_frag *f = &frame->frags[i];

		if (len <= ROOM) {
			memcpy(t->room + at, f->data, f->len);
			at += f->len;
			t->seg[0].len = at;
			continue;
		}
		net_buf_hold(f->buf);
		t->held[t->n_held++] = f->buf;
		t->seg[t->tx.nseg++] = (struct pv_netfront_seg){f->data, f->len};
	}
}

static int transmit(void *ctx, const struct net_frame *frame)
{
	struct tx *t = card.free;
	int rc = -PV_EAGAIN;

	if (t) {
		gather(t, frame);
		t->tx.seg = t->seg;
		t->tx.meta = (struct pv_net_meta){0};
		t->tx.done = sent;
		t->tx.user = t;
		rc = pv_netfront_send(&card.front, &t->tx);
		if (!rc) {
			card.free = t->next;
			return 0;
		}
		for (unsigned i = 0; i < t->n_held; i++)
			net_buf_put(t->held[i]);
	}
	if (rc != -PV_EAGAIN)
		return 0; /* a wire would lose it, too */
	card.full = true;
	return -NET_EAGAIN;
}

static int received(void *arg, const struct pv_netfront_rx *frame)
{
	bool checked = frame->meta.flags & (PV_NET_CSUM_BLANK | PV_NET_CSUM_VALID);
	uint32_t at = 0;

	if (frame->n == 1) {
		net_input(&card.web->net, frame->frag[0].base, frame->frag[0].len, checked);
		return 0;
	}
	for (uint32_t i = 0; i < frame->n && frame->frag[i].len <= sizeof(card.whole) - at; i++) {
		memcpy(card.whole + at, frame->frag[i].base, frame->frag[i].len);
		at += frame->frag[i].len;
	}
	net_input(&card.web->net, card.whole, at, checked);
	return 0;
}

static unsigned usable_mtu(void)
{
	/* More than a page takes several slots, which both sides have to agree on. */
	return card.front.mtu < 576 || !card.front.sg ? MTU : card.front.mtu;
}

int card_open(void)
{
	struct pv_netfront_config config = {.rx_pages = pages_left() > 8 * RX_PAGES ? RX_PAGES : 0};
	uint64_t deadline = kernel_now() + WAIT;
	uint8_t *room = pages_alloc(FRAMES * ROOM / PV_PAGE_SIZE);
	int id = pv_bus_find(kernel_bus(), "vif", 0), rc;

	if (id < 0 || !room) {
		kprintf("web: no network card\n");
		return -PV_ENODEV;
	}
	for (unsigned i = 0; i < FRAMES; i++) {
		card.tx[i].room = room + i * ROOM;
		card.tx[i].next = card.free;
		card.free = &card.tx[i];
	}
	rc = pv_bus_open(kernel_bus(), &card.device, "vif", (unsigned)id, changed, NULL);
	if (!rc)
		rc = pv_netfront_init(&card.front, &card.device.front, &config, received, NULL,
				      NULL);
	while (!rc && (rc = pv_netfront_step(&card.front)) == PV_FRONT_WAIT) {
		rc = kernel_now() < deadline ? 0 : -PV_ETIMEDOUT;
		kernel_wait(deadline);
	}
	if (rc != PV_FRONT_CONNECTED) {
		kprintf("web: the network card does not connect (%d)\n", rc);
		return rc < 0 ? rc : -PV_ENODEV;
	}
	card.mtu = usable_mtu();
	return 0;
}

void card_configure(struct net_config *config)
{
	memcpy(config->mac, card.front.mac, ETHER_MAC);
	config->mtu = card.mtu;
	config->max_pages = PV_NET_MAX_SLOTS - 1;
	config->hooks.transmit = transmit;
}

int card_poll(struct web *web)
{
	int n;

	card.web = web;
	if (card.changed) {
		card.changed = false;
		n = pv_netfront_step(&card.front);
		if (n < 0)
			return n;
	}
	n = pv_netfront_poll(&card.front, BUDGET);
	if (card.full && card.finished) {
		card.full = card.finished = false;
		net_tx_ready(&web->net);
	}
	return n;
}

void card_push(void)
{
	pv_netfront_push(&card.front);
}

bool card_arm(void)
{
	return pv_netfront_arm(&card.front);
}
