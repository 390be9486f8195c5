/*
 * Network backend: carries frames between one frontend and a far end.
 *
 * A state machine without I/O. The far end is a caller-supplied table that takes and supplies
 * whole Ethernet frames in private memory: a tap, a socket to a user-networking process, another
 * netback. It has as many queues as the device may have.
 *
 * Nothing is dropped in silence: a frame from the guest is answered only when the far end has
 * taken it (until then it stays on the ring), and a frame is taken from the far end only when the
 * guest has posted room for the largest possible one; what cannot be delivered all the same is
 * counted. So a quiesced backend holds no frame, and its whole state is numbers.
 *
 * Offers to the frontend: scatter-gather, TCP segmentation over IPv4 and IPv6, blank checksums of
 * both, several queues, split event channels, multicast control (static and dynamic), headroom for
 * XDP, the control ring (hashing). What one side has and the other does not take is made here: blank
 * checksums are filled in, super-frames are cut up.
 *
 * Trust: the frontend is hostile. A frame is a chain of 1..18 slots whose sizes must add up
 * (XSA-423, XSA-432: every chain length, all sizes); each slot is copied once and then checked;
 * extras follow a grammar; a malformed chain is answered with errors, a ring whose indices run
 * away stops the device with a reason. Frames are hostile bytes for the far end, too.
 *
 * Concurrency: work() and arm() of different queues may run at the same time; every other call
 * excludes all of them and each other (the owner of a device with one thread needs no thought).
 */
#ifndef PV_BACK_NET_H
#define PV_BACK_NET_H

#include <pv/back/bus.h>
#include <pv/net.h>
#include <pv/ring.h>
#include <stdbool.h>
#include <stdint.h>

/* What an end takes. A super-frame always has a blank checksum. */
#define PV_NETBACK_CAP_CSUM  1 /* blank checksums; of a guest: in IPv4 */
#define PV_NETBACK_CAP_GSO4  2 /* super-frames of TCP over IPv4 */
#define PV_NETBACK_CAP_GSO6  4 /* of TCP over IPv6 */
#define PV_NETBACK_CAP_CSUM6 8 /* of a guest: blank checksums in IPv6 */

#define PV_NETBACK_QUEUES	8
#define PV_NETBACK_BATCH	32  /* frames of one call of the far end */
#define PV_NETBACK_MCAST	64  /* addresses of the multicast filter */
#define PV_NETBACK_HASH_MAPPING 128 /* entries of the hash mapping */
#define PV_NETBACK_HEADROOM_MAX 256 /* bytes; keeps the largest frame in 18 slots */

struct pv_netback_frame {
	void *data;
	uint32_t len; /* bytes */
	struct pv_net_meta meta;
};

/* The far end. */
struct pv_netback_far {
	uint32_t size; /* sizeof(struct pv_netback_far); the table only grows at its end */
	void *ctx;
	/*
	 * Data path: frames from the guest on this queue, in their order, each of 14..65535 bytes.
	 * Returns how many were taken (or dropped by the far end's own decision), 0..n. What was
	 * not taken is offered again by a later work().
	 */
	int (*tx)(void *ctx, unsigned queue, const struct pv_netback_frame *f, unsigned n);
	/*
	 * Data path: up to n frames for the guest. Each f[i].data has room for f[i].len bytes and one
	 * more; len and meta (zeroed before) are set. A length of 0: one that was longer than that,
	 * and is counted as an error. Returns how many, 0: there is none.
	 */
	int (*rx)(void *ctx, unsigned queue, struct pv_netback_frame *f, unsigned n);
	/*
	 * Control: a frontend has connected with so many queues and takes frames of these kinds
	 * (PV_NETBACK_CAP_*); 0 queues: it has gone. May be NULL.
	 */
	void (*front)(void *ctx, unsigned queues, uint32_t caps);
	/* Data path: nanoseconds of a clock that does not go back; NULL: no rate limit. */
	uint64_t (*now)(void *ctx);
};

struct pv_netback_config {
	uint32_t caps;	    /* PV_NETBACK_CAP_* of the far end */
	uint32_t max_frame; /* largest frame the far end supplies, 14..65535; 0: 1518. Super-frames
			     * do not count: they may have 65535 bytes. */
	uint32_t mtu;	    /* told to the frontend, 0: not told */
	bool no_sg;	    /* do not offer feature-sg (nor, then, segmentation) */
	bool no_split;	    /* do not offer feature-split-event-channels */
	bool no_ctrl;	    /* do not offer feature-ctrl-ring */
	uint32_t queues;    /* most queues, 1..PV_NETBACK_QUEUES; 0: 1 */
	/*
	 * Rate limit of what the guest sends, as Xen's credit scheme: rate_bytes are added every
	 * rate_us microseconds and add up to at most the larger of that and 128 KiB, so that a
	 * super-frame can ever be sent. 0: no limit. Needs far->now.
	 */
	uint64_t rate_bytes;
	uint32_t rate_us;
};

/* One queue of a connection. */
struct pv_netback_queue_state {
	uint32_t tx_ref, rx_ref;
	uint32_t front_port[2]; /* the second only when split: tx, rx */
	uint32_t tx_req_cons, tx_rsp_prod, rx_req_cons, rx_rsp_prod;
	uint32_t tx_segment; /* segments of the next frame that the far end has taken */
};

/* A connection written down; see struct pv_blkback_state. */
struct pv_netback_state {
	uint32_t connected;
	uint32_t state;
	uint32_t tx_ref, rx_ref; /* of queue 0, as what follows */
	uint32_t nr_ports;	 /* 1, or 2 when split: tx, rx; of every queue */
	uint32_t front_port[2];
	uint32_t features; /* private: what the frontend asked for when it connected */
	uint32_t tx_req_cons, tx_rsp_prod, rx_req_cons, rx_rsp_prod;
	/* The first version ends here: PV_NETBACK_STATE_SIZE_1 bytes. */
	uint32_t nr_queues; /* 0: 1 */
	uint32_t tx_segment;
	struct pv_netback_queue_state more[PV_NETBACK_QUEUES - 1];
	uint32_t has_ctrl, ctrl_ref, ctrl_port, ctrl_req_cons, ctrl_rsp_prod;
	uint32_t headroom; /* bytes */
	uint32_t hash_algorithm, hash_types, hash_size;
	uint8_t hash_key[PV_NET_HASH_KEY];
	uint8_t hash_mapping[PV_NETBACK_HASH_MAPPING];
	uint32_t nr_mcast;
	uint8_t mcast[PV_NETBACK_MCAST][6];
};
#define PV_NETBACK_STATE_SIZE_1 48u

struct pv_netback_stats {
	/* tx: from the guest. Errors: what the other side sent was malformed or too long. */
	uint64_t tx_frames, tx_bytes, tx_errors, rx_frames, rx_bytes, rx_errors;
	/* not deliverable though well formed: super-frames for which the ring of a guest that takes
	 * none had no room */
	uint64_t rx_dropped;
	uint64_t rx_filtered; /* multicast that the guest did not ask for */
	uint64_t tx_segments; /* frames made of super-frames for the far end */
	uint64_t notifies;    /* events sent to the guest */
};

/* What work() reports besides errors. */
#define PV_NETBACK_MORE 1 /* budget spent: call again */
/* a frame waits for the far end: call again when it takes frames */
#define PV_NETBACK_FAR_FULL 2
/* the guest has posted too few buffers: do not wait for the far end's frames, the guest's
 * event comes */
#define PV_NETBACK_NO_ROOM 4
/* the rate is spent: call again at pv_netback_credit_at() */
#define PV_NETBACK_NO_CREDIT 8
/* queue 0 only: the control ring has requests: call pv_netback_control() */
#define PV_NETBACK_CONTROL 16
/* a frame was moved, or refused */
#define PV_NETBACK_MOVED 32

/* Private. */
struct pv_netback_queue {
	struct pv_ring tx, rx;
	void *tx_va, *rx_va;
	uint32_t port[2];
	uint8_t *mem;
	uint32_t tx_segment;
	uint32_t rx_lock;
	struct pv_netback_stats stats;
	struct pv_netback_frame frame[PV_NETBACK_BATCH];
	struct {
		uint16_t slots, extras;
		int16_t status; /* or TO_SEND */
	} entry[PV_NETBACK_BATCH];
};

struct pv_netback {
	const char *reason;
	const struct pv_back_bus *bus;
	const struct pv_netback_far *far;
	struct pv_netback_config cfg;
	struct pv_netback_state conn;
	struct pv_netback_queue q[PV_NETBACK_QUEUES];
	uint32_t nr_queues;
	struct pv_ring ctrl;
	void *ctrl_va;
	uint32_t ctrl_bound;
	uint32_t lock; /* the filter's and the credit's */
	uint64_t credit, credit_at;
	bool connected, quiet, steer;
	uint32_t broken;
};

/* Memory that init needs for each queue, page aligned. It is not touched before frames use it. */
#define PV_NETBACK_MEM (5u * 65536)

int pv_netback_init(struct pv_netback *b, const struct pv_back_bus *bus,
		    const struct pv_netback_far *far, const struct pv_netback_config *cfg,
		    void *mem);
/*
 * Control: as pv_blkback_step(); never -PV_EAGAIN. Besides the frontend's state, its key
 * request-multicast-control may change at any time: call this then.
 */
int pv_netback_step(struct pv_netback *b);
/* Queues of the connection: work is there for 0..n-1. 0: not connected. */
unsigned pv_netback_queues(const struct pv_netback *b);
/* Data path: moves up to budget frames each way on one queue, publishes and notifies. Returns
 * PV_NETBACK_* bits (0: idle), or -PV_EPROTO when the device was stopped (or -PV_ENOTCONN: not
 * connected, or no such queue). */
int pv_netback_work(struct pv_netback *b, unsigned queue, uint32_t budget);
/* Before sleeping: asks for an event when a frame is sent (unless one already waits for the far end
 * or for credit: `worked` is what work() has returned), when room is posted if there was none, and on
 * queue 0 for control requests. True: work again. */
bool pv_netback_arm(struct pv_netback *b, unsigned queue, int worked);
/* When the rate allows to go on (far->now's clock). */
uint64_t pv_netback_credit_at(const struct pv_netback *b);
/* Control: answers the requests on the control ring. 0, or -PV_EPROTO. */
int pv_netback_control(struct pv_netback *b);
/*
 * Data path: takes up to budget frames from the far end and drops them, counted, because the guest
 * has posted no room for so long that they are stale. Returns how many.
 */
uint32_t pv_netback_drain(struct pv_netback *b, unsigned queue, uint32_t budget);
/* PV_NETBACK_CAP_* of the frames that the guest takes. 0: not connected. */
uint32_t pv_netback_guest_caps(const struct pv_netback *b);
/* Sums of all queues since init. */
void pv_netback_stats(const struct pv_netback *b, struct pv_netback_stats *st);
/* Quiet: work() moves nothing. Nothing is ever in flight between two calls, so the state can
 * be exported at once. */
void pv_netback_quiesce(struct pv_netback *b, bool on);
int pv_netback_export(struct pv_netback *b, struct pv_netback_state *st);
/* As pv_blkback_import(): starts quiet; the owner un-quiesces and calls work(). size: bytes of
 * the state as it was written down, PV_NETBACK_STATE_SIZE_1 or more. */
int pv_netback_import(struct pv_netback *b, const struct pv_netback_state *st, uint32_t size);
void pv_netback_destroy(struct pv_netback *b);

#endif
