/*
 * Network frontend: a network card as seen from the guest.
 *
 * Sending: a frame is a caller-owned, intrusive struct pv_netfront_tx of pieces anywhere in
 * memory; it is finished when its status is no longer PV_NETFRONT_BUSY. Receiving: the driver
 * owns the receive pages and posts them; poll() shows each whole frame to rx(), which copies what
 * it wants before it returns, then the pages are posted again.
 *
 * Queues: up to eight pairs of rings. What a caller does not say goes to the first; a frame that was
 * received tells its queue.
 *
 * Super-frames (meta.gso_type) are sent when the backend takes them, and come when the stack said that it
 * takes them (config.gso): one is up to 64 KiB of TCP, to be cut up by whoever sends it on.
 *
 * Checksums: with PV_NET_CSUM_BLANK a frame's TCP or UDP checksum field holds only the
 * pseudo-header sum (not inverted) and somebody later fills in the rest. A guest that forwards
 * such a frame to a network that cannot take it has to complete it: pv_csum_fill().
 *
 * Trust: the backend is hostile: ids, sizes, offsets and indices are checked, a page is ended
 * before its contents are shown (they cannot change any more), a backend that breaks a rule
 * breaks the device (-PV_EPROTO), never the guest. A page that the backend may read holds other data
 * than the frame, too: where the backend is not to see that (XSA-403; the toolstack says trusted = 0, or
 * config.bounce), frames are copied into pages of the driver's own.
 *
 * Memory: whole pages from the bus, when connecting. Concurrency: the calls named after a queue may run at
 * the same time for different queues; all others exclude them and each other.
 */
#ifndef PV_FRONT_NET_H
#define PV_FRONT_NET_H

#include <pv/front/bus.h>
#include <pv/net.h>
#include <pv/ring.h>
#include <stdbool.h>
#include <stdint.h>

#define PV_NETFRONT_SLOTS  256 /* of each one-page ring */
#define PV_NETFRONT_QUEUES 8
#define PV_NETFRONT_BUSY   1
/* The largest super-frame with its extra slots. */
#define PV_NETFRONT_GSO_PAGES 20

struct pv_netfront_seg {
	const void *va;
	uint32_t len; /* va + len may cross pages */
};

struct pv_netfront_tx {
	/* The caller's. Unchanged while BUSY. */
	/* only read by send() itself; the memory it names stays while BUSY */
	const struct pv_netfront_seg *seg;
	uint32_t nseg;
	struct pv_net_meta meta;
	uint32_t queue;
	/* Not a frame (nseg is 0) but a word to the backend's multicast filter: an address to let
	 * through (PV_NETFRONT_MCAST_ADD) or no longer (PV_NETFRONT_MCAST_DEL); 0: a frame. */
	uint8_t mcast;
	uint8_t addr[6];
	void (*done)(struct pv_netfront_tx *tx); /* may be NULL */
	void *user;
	/* PV_NETFRONT_BUSY, 0, -PV_EIO (dropped or refused by the backend, device gone),
	 * -PV_EBUSY (memory still in the backend's hands: MUST NOT be reused) */
	int status;
	/* Private. */
	uint32_t slots_left;
	int error;
};

#define PV_NETFRONT_MCAST_ADD 2 /* XEN_NETIF_EXTRA_TYPE_MCAST_* */
#define PV_NETFRONT_MCAST_DEL 3

struct pv_iov_const {
	const void *base;
	uint32_t len;
};

/* A received frame: frag[0..n), total bytes in all. Valid during the call. */
struct pv_netfront_rx {
	const struct pv_iov_const *frag;
	uint32_t n, total;
	uint32_t queue;
	struct pv_net_meta meta; /* hash: as the backend says */
};

struct pv_netfront_config {
	/* receive pages to post for each queue, 0: 64; 1..256, one page of memory each */
	uint32_t rx_pages;
	bool no_sg;	 /* do not take frames of more than one page */
	bool no_csum;	 /* the stack cannot take frames with blank checksums */
	bool no_csum6;	 /* not those of IPv6 */
	bool gso;	 /* the stack takes TCP super-frames; needs PV_NETFRONT_GSO_PAGES */
	bool split;	 /* use two event channels where the backend can */
	bool ctrl;	 /* use the control ring where the backend can */
	bool mcast;	 /* receive only the multicast that was asked for */
	bool bounce;	 /* show the backend nothing but frames, whatever the toolstack says */
	uint32_t queues; /* most queues, 0: 1 */
	/* bytes to be left free before each piece of a received frame, where the backend can */
	uint32_t headroom;
};

/* Private. */
struct pv_netfront_slot {
	struct pv_netfront_tx *tx; /* in flight, or NULL */
	uint32_t ref;
	uint16_t next; /* free list */
};

struct pv_netfront_queue {
	struct pv_ring tx_ring, rx_ring;
	void *ring_page[2];
	uint32_t ring_ref[2];
	uint32_t port[2];
	uint32_t nr_ports, nr_ring_refs, nr_tx_refs, nr_rx_refs;
	uint8_t *rx_mem, *bounce;
	uint32_t rx_ref[PV_NETFRONT_SLOTS];
	/* page posted under a ring slot, or PV_NETFRONT_SLOTS */
	uint16_t rx_slot_page[PV_NETFRONT_SLOTS];
	uint16_t rx_free[PV_NETFRONT_SLOTS]; /* pages not posted */
	uint32_t nr_rx_free;
	struct pv_netfront_slot slot[PV_NETFRONT_SLOTS];
	uint16_t free_slot;
	uint32_t nr_free;
	uint32_t extras; /* slots with extras in flight */
	uint64_t rx_dropped;
};

struct pv_netfront {
	/* Readable. */
	uint8_t mac[6];
	bool sg, csum4, csum6, gso4, gso6; /* what may be sent */
	bool mcast;			   /* the backend has a multicast filter */
	bool bounced;			   /* frames are copied before they are sent */
	uint32_t nr_queues;
	uint32_t mtu; /* the toolstack's or else the backend's, 0: not told */
	/* The control ring's page for keys and mappings, NULL: there is no control ring. */
	void *ctrl_data;
	uint32_t ctrl_data_ref; /* its grant reference */
	/* Private. */
	const struct pv_front_bus *bus;
	struct pv_netfront_config cfg;
	int (*rx)(void *arg, const struct pv_netfront_rx *frame);
	void (*event)(void *arg);
	void *arg;
	struct pv_netfront_queue q[PV_NETFRONT_QUEUES];
	struct pv_ring ctrl;
	void *ctrl_page;
	uint32_t ctrl_ref[2], nr_ctrl_refs, ctrl_port;
	uint16_t ctrl_id;
	bool ctrl_bound, ctrl_busy;
	bool ready, suspended, announced;
	uint32_t broken;
	int state;
	const char *reason;
};

/* rx is called by poll() with each frame; event (may be NULL) from the upcall. arg is the
 * first argument of both. Errors: -PV_EINVAL. */
int pv_netfront_init(struct pv_netfront *f, const struct pv_front_bus *bus,
		     const struct pv_netfront_config *cfg,
		     int (*rx)(void *arg, const struct pv_netfront_rx *frame),
		     void (*event)(void *arg), void *arg);
/* As pv_blkfront_step(). */
int pv_netfront_step(struct pv_netfront *f);
/* On the queue tx->queue. 0: taken, BUSY. -PV_EAGAIN: no slots now. -PV_EINVAL: empty, over 65535
 * bytes, no such queue, or meta that the backend does not take. -PV_E2BIG: more than 18 slots
 * (linearise it). -PV_ENOTCONN, -PV_EPROTO. */
int pv_netfront_send(struct pv_netfront *f, struct pv_netfront_tx *tx);
/* Publishes what was sent; one notification per batch. */
void pv_netfront_push_queue(struct pv_netfront *f, uint32_t queue);
/* Finishes sent frames and shows up to budget received ones; reposts receive pages. Returns
 * the number of received frames, or -PV_EPROTO. */
int pv_netfront_poll_queue(struct pv_netfront *f, uint32_t queue, uint32_t budget);
/* Asks for an event at the next response or frame; true: poll again first. */
bool pv_netfront_arm_queue(struct pv_netfront *f, uint32_t queue);
/* The same for all queues; the budget is for each. */
void pv_netfront_push(struct pv_netfront *f);
int pv_netfront_poll(struct pv_netfront *f, uint32_t budget);
bool pv_netfront_arm(struct pv_netfront *f);
/* Frames that the backend delivered broken (its error status, or over 64 KiB). */
uint64_t pv_netfront_rx_dropped(const struct pv_netfront *f);
/*
 * A request on the control ring (PV_XEN_NETIF_CTRL_TYPE_*); tables lie in ctrl_data, named by
 * ctrl_data_ref. One at a time: -PV_EAGAIN while another is unanswered. -PV_ENOTCONN: no
 * control ring.
 */
int pv_netfront_ctrl(struct pv_netfront *f, uint16_t type, const uint32_t data[3]);
/* 1: it was answered. 0: not yet. -PV_EPROTO. */
int pv_netfront_ctrl_poll(struct pv_netfront *f, uint32_t *status, uint32_t *data);
int pv_netfront_close(struct pv_netfront *f);
/* As for blk; frames in flight over a suspend end with -PV_EIO (networks lose frames; the
 * stack retransmits). */
void pv_netfront_suspend(struct pv_netfront *f);
int pv_netfront_resume(struct pv_netfront *f);
void pv_netfront_unsuspend(struct pv_netfront *f);
void pv_netfront_destroy(struct pv_netfront *f);

#endif
