/*
 * Frames on a descriptor: see frames.h.
 */
#include "host/frames.h"

#include <errno.h>
#include <net/if.h>
#include <linux/if_tun.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "netd/client.h"

#define ETHERNET  14
#define TCP_FLAGS 13
#define TCP_CWR	  0x80

int frames_open(struct frames *f, int fd, bool vnet)
{
	struct ifreq request = {0};
	socklen_t len = sizeof(int);
	int type = 0;

	memset(f, 0, sizeof(*f));
	f->fd = fd;
	f->offloads = -1;
	f->socket = !getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len);
	if (f->socket)
		f->vnet = vnet;
	else
		f->vnet = !ioctl(fd, TUNGETIFF, &request) && request.ifr_flags & IFF_VNET_HDR;
	return f->socket && type != SOCK_SEQPACKET && type != SOCK_DGRAM ? -EPROTOTYPE : 0;
}

uint32_t frames_caps(const struct frames *f)
{
	return f->vnet ? PV_NETBACK_CAP_CSUM | PV_NETBACK_CAP_GSO4 | PV_NETBACK_CAP_GSO6 : 0;
}

/* The header of a frame from the guest; the backend has looked at the frame. */
static void describe(struct virtio_net_hdr *h, const struct pv_netback_frame *f)
{
	const uint8_t *tcp = (const uint8_t *)f->data + f->meta.csum_start;

	memset(h, 0, sizeof(*h));
	if (f->meta.flags & PV_NET_CSUM_BLANK) {
		h->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		h->csum_start = f->meta.csum_start;
		h->csum_offset = f->meta.csum_field;
	} else if (f->meta.flags & PV_NET_CSUM_VALID) {
		h->flags = VIRTIO_NET_HDR_F_DATA_VALID;
	}
	if (!f->meta.gso_type)
		return;
	h->gso_type = f->meta.gso_type == PV_NET_GSO_TCP4 ? VIRTIO_NET_HDR_GSO_TCPV4
							  : VIRTIO_NET_HDR_GSO_TCPV6;
	/* The flag belongs to the first segment alone. */
	if (tcp[TCP_FLAGS] & TCP_CWR)
		h->gso_type |= VIRTIO_NET_HDR_GSO_ECN;
	h->gso_size = f->meta.gso_size;
	h->hdr_len = (uint16_t)(f->meta.csum_start + (tcp[TCP_FLAGS - 1] >> 4) * 4);
}

/* A blank checksum that the network protocol has no word for (a tunnel's inner one) is filled in. */
static bool fill_any(uint8_t *frame, uint32_t len, uint32_t start, uint32_t field)
{
	uint16_t sum;

	if (start >= len || field + 2 > len - start)
		return false;
	sum = (uint16_t)~pv_csum_add(0, frame + start, len - start);
	frame[start + field] = (uint8_t)(sum >> 8);
	frame[start + field + 1] = (uint8_t)sum;
	return true;
}

/* What a header says of a frame for the guest; false: nothing that is allowed. */
static bool understand(const struct virtio_net_hdr *h, struct pv_netback_frame *f)
{
	uint8_t gso = h->gso_type & (uint8_t)~VIRTIO_NET_HDR_GSO_ECN;
	struct pv_net_headers at;

	if (h->flags & VIRTIO_NET_HDR_F_DATA_VALID)
		f->meta.flags = PV_NET_CSUM_VALID;
	if (h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
		f->meta.flags = PV_NET_CSUM_BLANK | PV_NET_CSUM_VALID;
		if (pv_net_find(f->data, f->len, &at) || at.at != h->csum_start || at.fragment ||
		    !((at.proto == 6 && h->csum_offset == 16) ||
		      (at.proto == 17 && h->csum_offset == 6))) {
			if (gso || !fill_any(f->data, f->len, h->csum_start, h->csum_offset))
				return false;
			f->meta.flags = PV_NET_CSUM_VALID;
		}
	}
	if (gso == VIRTIO_NET_HDR_GSO_NONE)
		return true;
	if ((gso != VIRTIO_NET_HDR_GSO_TCPV4 && gso != VIRTIO_NET_HDR_GSO_TCPV6) ||
	    h->gso_size < PV_NET_GSO_MIN)
		return false;
	f->meta.gso_type = gso == VIRTIO_NET_HDR_GSO_TCPV4 ? PV_NET_GSO_TCP4 : PV_NET_GSO_TCP6;
	f->meta.gso_size = h->gso_size;
	f->meta.flags = PV_NET_CSUM_BLANK | PV_NET_CSUM_VALID;
	return true;
}

static bool full(void)
{
	return errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM;
}

static bool say_offloads(struct frames *f)
{
	struct {
		struct virtio_net_hdr header;
		uint8_t caps;
	} __attribute__((packed)) word = {.caps = (uint8_t)f->offloads};

	if (f->offloads < 0)
		return true;
	if (send(f->fd, &word, sizeof(word), MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && full())
		return false;
	f->offloads = -1;
	return true;
}

static unsigned gather(struct frames *f, const struct pv_netback_frame *frame, unsigned i)
{
	unsigned at = 0;

	if (f->vnet) {
		describe(&f->hdr[i], frame);
		f->iov[i][at++] = (struct iovec){&f->hdr[i], sizeof(f->hdr[i])};
	}
	f->iov[i][at++] = (struct iovec){frame->data, frame->len};
	return at;
}

static int send_all(struct frames *f, const struct pv_netback_frame *frame, unsigned n)
{
	unsigned done = 0;

	if (!say_offloads(f))
		return 0;
	for (unsigned i = 0; i < n; i++)
		f->msg[i].msg_hdr = (struct msghdr){.msg_iov = f->iov[i],
						    .msg_iovlen = gather(f, &frame[i], i)};
	while (done < n) {
		int rc = sendmmsg(f->fd, f->msg + done, n - done, MSG_DONTWAIT | MSG_NOSIGNAL);

		f->calls++;
		if (rc > 0)
			done += (unsigned)rc;
		else if (full())
			break;
		else if (errno != EINTR)
			done++; /* about this frame (too large for it): a wire would drop it */
	}
	return (int)done;
}

static int write_all(struct frames *f, const struct pv_netback_frame *frame, unsigned n)
{
	unsigned done;

	for (done = 0; done < n; done++) {
		unsigned pieces = gather(f, &frame[done], 0);
		ssize_t rc;

		do {
			rc = writev(f->fd, f->iov[0], (int)pieces);
			f->calls++;
		} while (rc < 0 && errno == EINTR);
		if (rc < 0 && full())
			break;
		/* Any other error is about this frame (a tap that is down): a wire would drop it. */
	}
	return (int)done;
}

int frames_tx(struct frames *f, const struct pv_netback_frame *frame, unsigned n)
{
	if (f->deaf)
		return (int)n;
	return f->socket ? send_all(f, frame, n) : write_all(f, frame, n);
}

/* Where a frame goes: header, frame, and one byte more. */
static unsigned room(struct frames *f, const struct pv_netback_frame *frame, unsigned i)
{
	unsigned at = 0;

	if (f->vnet)
		f->iov[i][at++] = (struct iovec){&f->hdr[i], sizeof(f->hdr[i])};
	f->iov[i][at++] = (struct iovec){frame->data, frame->len};
	f->iov[i][at++] = (struct iovec){&f->beyond, 1};
	return at;
}

/* A frame of so many bytes has come, header included; 0 length: it is none, or too long. */
static void arrived(struct frames *f, struct pv_netback_frame *frame, unsigned i, size_t bytes)
{
	size_t header = f->vnet ? sizeof(f->hdr[i]) : 0;
	bool fits = bytes >= header + ETHERNET && bytes - header <= frame->len;

	frame->len = fits ? (uint32_t)(bytes - header) : 0;
	if (fits && f->vnet && !understand(&f->hdr[i], frame))
		frame->len = 0;
}

static int receive_all(struct frames *f, struct pv_netback_frame *frame, unsigned n)
{
	int got;

	for (unsigned i = 0; i < n; i++)
		f->msg[i] = (struct mmsghdr){
			.msg_hdr = {.msg_iov = f->iov[i], .msg_iovlen = room(f, &frame[i], i)}};
	do {
		got = recvmmsg(f->fd, f->msg, n, MSG_DONTWAIT, NULL);
		f->calls++;
	} while (got < 0 && errno == EINTR);
	if (got < 0) {
		f->deaf = !full();
		return 0;
	}
	for (int i = 0; i < got; i++) {
		/* An empty packet is the socket's end. */
		if (!f->msg[i].msg_len) {
			f->deaf = true;
			return i;
		}
		arrived(f, &frame[i], (unsigned)i, f->msg[i].msg_len);
	}
	return got;
}

static int read_all(struct frames *f, struct pv_netback_frame *frame, unsigned n)
{
	unsigned got;

	for (got = 0; got < n; got++) {
		unsigned pieces = room(f, &frame[got], got);
		ssize_t rc;

		do {
			rc = readv(f->fd, f->iov[got], (int)pieces);
			f->calls++;
		} while (rc < 0 && errno == EINTR);
		if (rc <= 0) {
			f->deaf = rc == 0 || !full();
			break;
		}
		arrived(f, &frame[got], got, (size_t)rc);
	}
	return (int)got;
}

int frames_rx(struct frames *f, struct pv_netback_frame *frame, unsigned n)
{
	if (f->deaf)
		return 0;
	return f->socket ? receive_all(f, frame, n) : read_all(f, frame, n);
}

void frames_offload(struct frames *f, uint32_t caps)
{
	unsigned bits = 0;

	if (!f->vnet)
		return;
	if (f->socket) {
		f->offloads = (int)caps;
		say_offloads(f);
		return;
	}
	/* The kernel knows one word for both; what the guest takes of one kind alone is completed here. */
	if (caps & (PV_NETBACK_CAP_CSUM | PV_NETBACK_CAP_CSUM6))
		bits = TUN_F_CSUM | (caps & PV_NETBACK_CAP_GSO4 ? TUN_F_TSO4 : 0) |
		       (caps & PV_NETBACK_CAP_GSO6 ? TUN_F_TSO6 : 0);
	ioctl(f->fd, TUNSETOFFLOAD, bits);
}

void frames_attach(struct frames *f, bool on)
{
	struct ifreq request = {.ifr_flags = on ? IFF_ATTACH_QUEUE : IFF_DETACH_QUEUE};

	if (!f->socket)
		ioctl(f->fd, TUNSETQUEUE, &request);
}
