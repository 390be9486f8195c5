/*
 * Frames on a descriptor: what stands behind one queue of a network card, a tap's queue or a socket.
 *
 * With headers each frame follows a struct virtio_net_hdr. A far end that is gone takes everything and gives nothing.
 *
 * Trust: what comes from the descriptor is hostile: a header is checked against the frame, and what it claims that
 * the network protocol cannot say is done here. Concurrency: one caller at a time for each struct.
 */
#ifndef REFHV_HOST_FRAMES_H
#define REFHV_HOST_FRAMES_H

#include <linux/virtio_net.h>
#include <pv/back/net.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/uio.h>

struct frames {
	int fd;
	bool socket, vnet;
	bool deaf;    /* the far end is gone: its descriptor would wake us for ever */
	int offloads; /* a word that the far end has to be sent first, or -1 */
	uint64_t calls;
	struct virtio_net_hdr hdr[PV_NETBACK_BATCH];
	struct iovec iov[PV_NETBACK_BATCH][3];
	struct mmsghdr msg[PV_NETBACK_BATCH];
	uint8_t beyond; /* where a tap's frame that is too long goes on */
};

/* Takes the descriptor over. 0, or -EPROTOTYPE: a socket of another kind. `vnet` is for sockets; a tap tells. */
int frames_open(struct frames *f, int fd, bool vnet);
/* As struct pv_netback_far's. */
int frames_tx(struct frames *f, const struct pv_netback_frame *frame, unsigned n);
int frames_rx(struct frames *f, struct pv_netback_frame *frame, unsigned n);
/* The far end may send frames of these kinds (PV_NETBACK_CAP_*). */
void frames_offload(struct frames *f, uint32_t caps);
/* A tap's queue gets its share of frames, or none. */
void frames_attach(struct frames *f, bool on);
/* PV_NETBACK_CAP_* of the far end. */
uint32_t frames_caps(const struct frames *f);

#endif
