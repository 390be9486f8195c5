/*
 * Our end of the pair: frames to the domain and from it. Nothing is lost between the two: a frame that finds the pair
 * full waits here, and while one waits libslirp is not run, so that its sockets fill up and the peers outside wait, too.
 *
 * Frames to the domain leave in batches: it is woken once for all that one turn of libslirp has brought.
 *
 * With headers (see client.h) a guest that takes super-frames gets and sends them whole: what it says of the largest
 * segment it takes is raised on its way to libslirp, whose segments are then as large as our MTU allows, and those are
 * marked to be cut up into what it has said. A guest behind the guest sees segments of the right size, and nobody cuts
 * what need not be cut.
 *
 * Trust: frames come from a guest and from the network; every header is looked at within the frame's bytes.
 */
#include <errno.h>
#include <linux/virtio_net.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <pv/back/net.h>

#include "netd/netd.h"

#define BATCH	  32
#define OUT_BYTES (1u << 20)
#define HEADER	  sizeof(struct virtio_net_hdr)
#define ETHERNET  14u
#define TCP	  6
#define TCP_DOFF  12u
#define TCP_FLAGS 13u
#define TCP_CSUM  16u
#define TCP_LEAST 20u
#define TCP_SYN	  2
#define OPT_END	  0
#define OPT_NOP	  1
#define OPT_MSS	  2
#define MSS_LEAST 88u /* of less nobody makes a super-frame */

struct wire {
	unsigned n; /* packets that are to leave together */
	size_t used;
	struct {
		size_t at, len;
	} packet[BATCH];
	uint8_t out[OUT_BYTES];
	uint8_t segment[65600];
	size_t room; /* of one packet from the domain */
	uint8_t *in;
};

void wire_start(struct netd *n)
{
	struct wire *w = calloc(1, sizeof(*w));

	n->waiting_end = &n->waiting;
	n->wire = w;
	if (w) {
		w->room = n->vnet ? HEADER + 65550 : n->mtu + 64;
		w->in = malloc(BATCH * w->room);
	}
	if (!w || !w->in)
		netd_fail(ENOMEM, "no memory");
}

static void wait_in_line(struct netd *n, const void *packet, size_t len)
{
	struct netd_waiting *w = malloc(sizeof(*w) + len);

	if (!w)
		return; /* a network may lose a frame; a process without memory has no choice */
	memcpy(w->bytes, packet, len);
	w->len = len;
	w->next = NULL;
	*n->waiting_end = w;
	n->waiting_end = &w->next;
	n->waited++;
}

static bool full(void)
{
	return errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM;
}

static bool give(struct netd *n, const void *packet, size_t len)
{
	if (send(n->frames, packet, len, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) {
		n->frames_out++;
		return true;
	}
	return !full();
}

void wire_flush(struct netd *n)
{
	struct wire *w = n->wire;
	struct mmsghdr m[BATCH];
	struct iovec iov[BATCH];
	unsigned done = 0;

	memset(m, 0, sizeof(m));
	for (unsigned i = 0; i < w->n; i++) {
		iov[i] = (struct iovec){w->out + w->packet[i].at, w->packet[i].len};
		m[i].msg_hdr.msg_iov = &iov[i];
		m[i].msg_hdr.msg_iovlen = 1;
	}
	while (!n->waiting && done < w->n) {
		int sent = sendmmsg(n->frames, m + done, w->n - done, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (sent > 0) {
			done += (unsigned)sent;
			n->frames_out += (unsigned)sent;
		} else if (full()) {
			break;
		} else if (errno != EINTR) {
			done++;
		}
	}
	for (; done < w->n; done++)
		wait_in_line(n, w->out + w->packet[done].at, w->packet[done].len);
	w->n = 0;
	w->used = 0;
}

bool wire_drain(struct netd *n)
{
	while (n->waiting && give(n, n->waiting->bytes, n->waiting->len)) {
		struct netd_waiting *w = n->waiting;

		n->waiting = w->next;
		free(w);
	}
	if (!n->waiting)
		n->waiting_end = &n->waiting;
	return !n->waiting;
}

/* The copy of the frame, until the next call. */
static uint8_t *append(struct netd *n, const struct virtio_net_hdr *h, const void *frame,
		       size_t len)
{
	struct wire *w = n->wire;
	size_t header = n->vnet ? HEADER : 0;
	uint8_t *to;

	if (w->n == BATCH || header + len > OUT_BYTES - w->used)
		wire_flush(n);
	to = w->out + w->used;
	w->packet[w->n].at = w->used;
	w->packet[w->n++].len = header + len;
	if (header)
		memcpy(to, h, header);
	memcpy(to + header, frame, len);
	w->used += header + len;
	return to + header;
}

/* A segment that is larger than the guest has said: a super-frame, or else cut up here. */
static bool send_large(struct netd *n, const uint8_t *frame, uint32_t len)
{
	struct pv_net_meta meta = {.gso_size = (uint16_t)n->mss};
	struct virtio_net_hdr h = {.flags = VIRTIO_NET_HDR_F_DATA_VALID};
	uint32_t cap, start, field;
	struct pv_gso g;
	uint8_t *copy;

	meta.gso_type = frame[ETHERNET] >> 4 == 4 ? PV_NET_GSO_TCP4 : PV_NET_GSO_TCP6;
	cap = meta.gso_type == PV_NET_GSO_TCP4 ? PV_NETBACK_CAP_GSO4 : PV_NETBACK_CAP_GSO6;
	if (pv_gso_begin(&g, frame, len, &meta) < 0 || pv_gso_count(&g) < 2)
		return false;
	if (!(n->caps & cap)) {
		for (uint32_t i = 0; i < pv_gso_count(&g); i++)
			append(n, &h, n->wire->segment, pv_gso_segment(&g, i, n->wire->segment));
		return true;
	}
	copy = append(n, &h, frame, len);
	if (!pv_csum_blank(copy, len, &start, &field)) {
		h.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		h.gso_type = meta.gso_type == PV_NET_GSO_TCP4 ? VIRTIO_NET_HDR_GSO_TCPV4
							      : VIRTIO_NET_HDR_GSO_TCPV6;
		h.gso_size = meta.gso_size;
		h.hdr_len = (uint16_t)(pv_gso_room(&g) - meta.gso_size);
		h.csum_start = (uint16_t)start;
		h.csum_offset = (uint16_t)field;
		memcpy(copy - HEADER, &h, HEADER);
	}
	return true;
}

void wire_send(struct netd *n, const void *frame, size_t len)
{
	/* libslirp has summed it. */
	const struct virtio_net_hdr h = {.flags = VIRTIO_NET_HDR_F_DATA_VALID};

	if (n->vnet && n->mss && len > n->mss && len < 65536 && send_large(n, frame, (uint32_t)len))
		return;
	append(n, &h, frame, len);
}

static unsigned be16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

/* RFC 1624: the sum without the old value and with the new one; both at even places. */
static void replace(uint8_t *field, uint8_t *sum, unsigned value)
{
	uint32_t s = (uint16_t)~be16(sum);

	s += (uint16_t)~be16(field);
	s += value;
	s = (s & 0xffff) + (s >> 16);
	s = ~((s & 0xffff) + (s >> 16));
	sum[0] = (uint8_t)(s >> 8);
	sum[1] = (uint8_t)s;
	field[0] = (uint8_t)(value >> 8);
	field[1] = (uint8_t)value;
}

/* A guest that takes super-frames and opens a connection: remember the least that it says, and tell libslirp more. */
static void raise_mss(struct netd *n, uint8_t *frame, size_t len)
{
	struct pv_net_headers h;
	unsigned mss, most;
	uint8_t *tcp, *p, *end;

	if (!(n->caps & (PV_NETBACK_CAP_GSO4 | PV_NETBACK_CAP_GSO6)) || len < ETHERNET + 40 ||
	    len > 200 || pv_net_find(frame, (uint32_t)len, &h) || h.proto != TCP || h.fragment ||
	    h.len < TCP_LEAST)
		return;
	tcp = frame + h.at;
	end = tcp + (tcp[TCP_DOFF] >> 4) * 4;
	if (!(tcp[TCP_FLAGS] & TCP_SYN) || end > tcp + h.len)
		return;
	most = n->mtu - (h.version == 4 ? 40 : 60);
	for (p = tcp + TCP_LEAST; p < end && *p != OPT_END;) {
		if (*p == OPT_NOP) {
			p++;
			continue;
		}
		if (end - p < 2 || p[1] < 2 || p[1] > end - p)
			return;
		mss = p[0] == OPT_MSS && p[1] == 4 ? be16(p + 2) : 0;
		if (mss >= MSS_LEAST && mss < most && !((p - tcp) & 1)) {
			n->mss = n->mss && n->mss < mss ? n->mss : mss;
			replace(p + 2, tcp + TCP_CSUM, most);
			return;
		}
		p += p[1];
	}
}

static void packet(struct netd *n, uint8_t *p, size_t len)
{
	struct virtio_net_hdr h;

	if (n->vnet) {
		if (len == NETD_OFFLOADS_SIZE)
			n->caps = p[len - 1];
		if (len < HEADER + ETHERNET)
			return;
		memcpy(&h, p, HEADER);
		p += HEADER;
		len -= HEADER;
		if (h.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM && pv_csum_fill(p, (uint32_t)len) < 0)
			return; /* of no protocol that libslirp would take */
		raise_mss(n, p, len);
	}
	n->frames_in++;
	user_frame(n, p, len);
}

void wire_input(struct netd *n)
{
	struct wire *w = n->wire;
	struct mmsghdr m[BATCH];
	struct iovec iov[BATCH];
	int got;

	memset(m, 0, sizeof(m));
	for (unsigned i = 0; i < BATCH; i++) {
		iov[i] = (struct iovec){w->in + i * w->room, w->room};
		m[i].msg_hdr.msg_iov = &iov[i];
		m[i].msg_hdr.msg_iovlen = 1;
	}
	got = recvmmsg(n->frames, m, BATCH, MSG_DONTWAIT, NULL);
	for (int i = 0; i < got; i++) {
		/* A frame that is larger than the card we promised is cut off by the socket: it is no frame. */
		if (!(m[i].msg_hdr.msg_flags & MSG_TRUNC))
			packet(n, iov[i].iov_base, m[i].msg_len);
	}
}
