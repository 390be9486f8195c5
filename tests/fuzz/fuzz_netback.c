/*
 * fuzz_netback: a network backend whose frontend is hostile.
 *
 * The script writes chains of slots, extras and raw words into both ring pages and lets the
 * backend work against a far end that is full or has frames as the script says. Frames that reach
 * the far end have a possible length; every request is answered once.
 */
#include <stdlib.h>
#include <string.h>
#include <pv/abi/io/netif.h>
#include <pv/back/net.h>
#include "fuzz.h"
#include "fuzz_bus.h"

#define TX_PAGE	  0u
#define RX_PAGE	  1u
#define CTRL_PAGE 4u

struct state {
	struct fuzz_bus bus;
	struct pv_netback back;
	struct pv_netback_far far;
	struct pv_netback_config cfg;
	uint8_t *mem;
};

static volatile uint8_t sink;
/* Headers that lead on into TCP. */
static const uint8_t tcp4[60] = {2, 0,	  0, 0, 0, 2, 2, 0, 0, 0,  0, 1,	  8,
				 0, 0x45, 0, 1, 0, 0, 0, 0, 0, 64, 6, [46] = 0x50};
static const uint8_t tcp6[60] = {2, 0,	  0,	0,    0, 2, 2, 0, 0, 0, 0,
				 1, 0x86, 0xdd, 0x60, 0, 0, 0, 1, 0, 6, 64};

static int far_tx(void *ctx, unsigned queue, const struct pv_netback_frame *f, unsigned n)
{
	struct state *s = ctx;
	uint32_t i, k;

	for (k = 0; k < n; k++) {
		const struct pv_net_meta *m = &f[k].meta;
		uint32_t gso =
			m->gso_type == PV_NET_GSO_TCP4 ? PV_NETBACK_CAP_GSO4 : PV_NETBACK_CAP_GSO6;

		if (f[k].len < 14 || f[k].len > PV_NET_MAX_FRAME)
			abort();
		if (m->flags & PV_NET_CSUM_BLANK && (!(s->cfg.caps & PV_NETBACK_CAP_CSUM) ||
						     m->csum_start + m->csum_field + 2u > f[k].len))
			abort();
		if (m->gso_type && (!(s->cfg.caps & gso) || m->gso_size < PV_NET_GSO_MIN))
			abort();
		for (i = 0; i < f[k].len; i += 97)
			sink ^= ((const uint8_t *)f[k].data)[i];
	}
	fuzz_mutate(&s->bus);
	return fuzz_u8(s->bus.in) % 5 == 4 ? (int)(fuzz_u8(s->bus.in) % n) : (int)n;
}

static int far_rx(void *ctx, unsigned queue, struct pv_netback_frame *f, unsigned n)
{
	struct state *s = ctx;
	uint32_t i, cap = f[0].len;

	if (cap > PV_NET_MAX_FRAME)
		abort();
	for (i = 0; i < n && s->bus.in->left && fuzz_u8(s->bus.in) % 4; i++) {
		uint32_t len = fuzz_u16(s->bus.in);
		uint8_t what = fuzz_u8(s->bus.in);

		fuzz_mutate(&s->bus);
		f[i].len = len > cap ? 0 : len;
		memset(f[i].data, (int)len, len > cap ? 0 : len);
		if (what & 4 && f[i].len > 60)
			memcpy(f[i].data, what & 8 ? tcp6 : tcp4, 60);
		f[i].meta.flags = what & 3;
		f[i].meta.gso_type = what & 16 ? (what & 8 ? 2 : 1) : 0;
		f[i].meta.gso_size = what & 32 ? 1400 : 8 + len % 97;
	}
	return (int)i;
}

static uint64_t now(void *ctx)
{
	static uint64_t t;

	return t += 100000;
}

/* The control ring's requests: types, references of the shared pages, any numbers. */
static void put_ctrl(struct state *s, struct fuzz_input *in)
{
	struct pv_sring *ring = (struct pv_sring *)(s->bus.pages + CTRL_PAGE * 4096);
	struct pv_netif_ctrl_request *r = (void *)(s->bus.pages + CTRL_PAGE * 4096 + sizeof(*ring) +
						   (ring->req_prod & 127) * 16);

	r->type = fuzz_u8(in) % 12;
	r->data[0] = fuzz_u8(in) % 16;
	r->data[1] = fuzz_u8(in);
	r->data[2] = fuzz_u8(in) & 1 ? fuzz_u32(in) : fuzz_u8(in);
	ring->req_prod++;
}

static void put_tx(struct state *s, struct fuzz_input *in, unsigned page)
{
	struct pv_sring *ring = (struct pv_sring *)(s->bus.pages + page * 4096);
	uint8_t *slots = s->bus.pages + page * 4096 + sizeof(*ring);
	uint32_t prod = ring->req_prod, n = 1 + fuzz_u8(in) % 20, i, total = 0;
	uint8_t extra = fuzz_u8(in);
	struct pv_netif_tx_request *first = (void *)(slots + (prod & 255) * 12);

	for (i = 0; i < n; i++) {
		struct pv_netif_tx_request *r = (void *)(slots + (prod++ & 255) * 12);

		r->gref = fuzz_u8(in) % 13;
		r->offset = fuzz_u8(in) * 4;
		r->size = fuzz_u16(in) % 3200;
		r->id = (uint16_t)i;
		r->flags = i + 1 < n ? PV_NETTXF_more_data : 0;
		total += r->size;
		if (i == 0 && extra % 4 == 3) {
			struct pv_netif_extra_info *e = (void *)(slots + (prod++ & 255) * 12);

			r->flags |= PV_NETTXF_extra_info | PV_NETTXF_csum_blank;
			e->type = extra & 16 ? fuzz_u8(in) : 1;
			e->flags = extra & 32 ? 1 : 0;
			e->u.gso.size = 1400;
			e->u.gso.type = 1;
		} else if (i == 0) {
			r->flags |= extra & 3;
		}
	}
	/* Right, unless the script says otherwise. */
	first->size = extra & 64 ? fuzz_u16(in) : (uint16_t)total;
	ring->req_prod = prod;
}

static void put_rx(struct state *s, struct fuzz_input *in, unsigned page)
{
	struct pv_sring *ring = (struct pv_sring *)(s->bus.pages + page * 4096);
	uint32_t n = fuzz_u8(in) % 40;

	while (n--) {
		struct pv_netif_rx_request *r =
			(void *)(s->bus.pages + page * 4096 + sizeof(*ring) +
				 (ring->req_prod & 255) * 8);

		r->id = (uint16_t)ring->req_prod;
		r->gref = 2 + fuzz_u8(in) % 8;
		ring->req_prod++;
	}
}

static void move(struct state *s)
{
	struct pv_netback_state st;

	pv_netback_quiesce(&s->back, true);
	if (pv_netback_export(&s->back, &st))
		abort();
	pv_netback_destroy(&s->back);
	if (pv_netback_import(&s->back, &st, sizeof(st)))
		abort();
	pv_netback_quiesce(&s->back, false);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const plain[][2] = {{"tx-ring-ref", "0"},	   {"rx-ring-ref", "1"},
					       {"event-channel", "5"},	   {"request-rx-copy", "1"},
					       {"feature-rx-notify", "1"}, {NULL, NULL}};
	static const char *const full[][2] = {{"tx-ring-ref", "0"},
					      {"rx-ring-ref", "1"},
					      {"event-channel-tx", "5"},
					      {"event-channel-rx", "6"},
					      {"request-rx-copy", "1"},
					      {"feature-rx-notify", "1"},
					      {"feature-sg", "1"},
					      {"feature-gso-tcpv4", "1"},
					      {"feature-no-csum-offload", "0"},
					      {NULL, NULL}};
	/* Two queues with rings in pages 0 to 3, the control ring in page 4, everything that there is. */
	static const char *const wide[][2] = {{"multi-queue-num-queues", "2"},
					      {"queue-0/tx-ring-ref", "0"},
					      {"queue-0/rx-ring-ref", "1"},
					      {"queue-0/event-channel", "5"},
					      {"queue-1/tx-ring-ref", "2"},
					      {"queue-1/rx-ring-ref", "3"},
					      {"queue-1/event-channel", "6"},
					      {"ctrl-ring-ref", "4"},
					      {"event-channel-ctrl", "7"},
					      {"request-rx-copy", "1"},
					      {"feature-rx-notify", "1"},
					      {"feature-sg", "1"},
					      {"feature-gso-tcpv4", "1"},
					      {"feature-gso-tcpv6", "1"},
					      {"feature-ipv6-csum-offload", "1"},
					      {"request-multicast-control", "1"},
					      {"xdp-headroom", "256"},
					      {NULL, NULL}};
	struct fuzz_input in = {data, size};
	uint8_t shape = fuzz_u8(&in);
	struct state s;
	unsigned i;

	memset(&s, 0, sizeof(s));
	fuzz_bus_init(&s.bus, &in);
	s.bus.keys = shape & 32 ? wide : shape & 1 ? full : plain;
	s.far = (struct pv_netback_far){
		.size = sizeof(s.far), .ctx = &s, .tx = far_tx, .rx = far_rx, .now = now};
	s.cfg.caps = (shape >> 1 & 3) | (shape & 4 ? PV_NETBACK_CAP_GSO6 : 0);
	s.cfg.max_frame = shape & 8 ? 65535 : 0;
	s.cfg.no_sg = shape & 16;
	s.cfg.queues = shape & 32 ? 2 : 1;
	s.cfg.rate_bytes = shape & 64 ? 4000 : 0;
	s.cfg.rate_us = 1000;
	/* Exact size, so that the sanitizer sees a byte too far. */
	s.mem = malloc(s.cfg.queues * PV_NETBACK_MEM);
	if (!s.mem || pv_netback_init(&s.back, &s.bus.bus, &s.far, &s.cfg, s.mem))
		abort();
	s.bus.front_state = 4;
	(void)pv_netback_step(&s.back);
	while (in.left) {
		uint8_t op = fuzz_u8(&in), arg = fuzz_u8(&in);

		switch (op % 10) {
		case 0:
		case 1:
		case 2: put_tx(&s, &in, arg & 1 ? TX_PAGE : TX_PAGE + 2); break;
		case 3:
			if (arg & 4)
				put_ctrl(&s, &in);
			else
				put_rx(&s, &in, arg & 1 ? RX_PAGE : RX_PAGE + 2);
			break;
		case 4:
		case 5:
		case 6: (void)pv_netback_work(&s.back, arg / 8 % 3, arg % 8); break;
		case 7:
			(void)pv_netback_arm(&s.back, arg % 3, 0);
			(void)pv_netback_control(&s.back);
			if (arg & 64)
				(void)pv_netback_drain(&s.back, arg % 3, 4);
			fuzz_mutate(&s.bus);
			break;
		case 8:
			s.bus.front_state = arg % 10;
			(void)pv_netback_step(&s.back);
			break;
		default: move(&s); break;
		}
		/* Nothing is ever held between two calls. */
		for (i = 0; i < pv_netback_queues(&s.back); i++)
			if (pv_ring_back_inflight(&s.back.q[i].tx) ||
			    pv_ring_back_inflight(&s.back.q[i].rx))
				abort();
	}
	pv_netback_destroy(&s.back);
	fuzz_bus_fini(&s.bus);
	free(s.mem);
	return 0;
}
