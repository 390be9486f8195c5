/*
 * Network backend: carries frames between one frontend and a far end.
 *
 * A state machine without I/O. The far end is a caller-supplied table that takes and supplies
 * whole Ethernet frames in private memory: a tap, a socket to a user-networking process, another
 * netback.
 *
 * Nothing is dropped in silence: a frame from the guest is answered only when the far end has
 * taken it (until then it stays on the ring), and a frame is taken from the far end only when the
 * guest has posted room for the largest possible one. So a quiesced backend holds no frame, and
 * its whole state is six numbers.
 *
 * Trust: the frontend is hostile. A frame is a chain of 1..18 slots whose sizes must add up
 * (XSA-423, XSA-432: every chain length, all sizes); each slot is copied once and then checked;
 * extras follow a grammar; a malformed chain is answered with errors, a ring whose indices run
 * away stops the device with a reason. Frames are hostile bytes for the far end, too.
 *
 * Checksums: when the guest leaves a checksum blank and the far end has not PV_NETBACK_CAP_CSUM,
 * it is filled in here, on the private copy.
 *
 * Concurrency: as for the block backend: one owner at a time.
 */
#ifndef PV_BACK_NET_H
#define PV_BACK_NET_H

#include <pv/back/bus.h>
#include <pv/net.h>
#include <pv/ring.h>
#include <stdbool.h>
#include <stdint.h>

#define PV_NETBACK_CAP_CSUM 1 /* takes frames with PV_NET_CSUM_BLANK */
#define PV_NETBACK_CAP_GSO4 2 /* takes IPv4 TCP super-frames with meta.gso_* */

/* The far end. */
struct pv_netback_far {
	uint32_t size; /* sizeof(struct pv_netback_far); the table only grows at its end */
	void *ctx;
	/* A frame from the guest: len is 14..65535. 0: taken (or dropped by the far end's own
	 * decision). -PV_EAGAIN: not now; it is offered again, from the start, by a later
	 * work(). */
	int (*tx)(void *ctx, const void *frame, uint32_t len, const struct pv_net_meta *meta);
	/* The next frame for the guest into buf (cap bytes); meta is zeroed before. Returns
	 * its length, 0 when there is none, -PV_E2BIG when it was longer than cap and has been
	 * dropped. */
	int (*rx)(void *ctx, void *buf, uint32_t cap, struct pv_net_meta *meta);
};

struct pv_netback_config {
	uint32_t caps;	    /* PV_NETBACK_CAP_* of the far end */
	uint32_t max_frame; /* largest frame the far end supplies, 14..65535; 0: 1518 */
	uint32_t mtu;	    /* told to the frontend, 0: not told */
	bool no_sg;	    /* do not offer feature-sg */
	bool no_split;	    /* do not offer feature-split-event-channels */
};

/* A connection written down; see struct pv_blkback_state. */
struct pv_netback_state {
	uint32_t connected;
	uint32_t state;
	uint32_t tx_ref, rx_ref;
	uint32_t nr_ports; /* 1, or 2 when split: tx, rx */
	uint32_t front_port[2];
	uint32_t features; /* private: what the frontend asked for when it connected */
	uint32_t tx_req_cons, tx_rsp_prod, rx_req_cons, rx_rsp_prod;
};

struct pv_netback_stats {
	/* tx: from the guest */
	uint64_t tx_frames, tx_bytes, tx_errors, rx_frames, rx_bytes, rx_errors;
};

/* What work() reports besides errors. */
#define PV_NETBACK_MORE 1 /* budget spent: call again */
/* a frame waits for the far end: call again when it takes frames */
#define PV_NETBACK_FAR_FULL 2
/* the guest has posted too few buffers: do not wait for the far end's frames, the guest's
 * event comes */
#define PV_NETBACK_NO_ROOM 4

struct pv_netback {
	struct pv_netback_stats stats;
	const char *reason;
	const struct pv_back_bus *bus;
	const struct pv_netback_far *far;
	struct pv_netback_config cfg;
	struct pv_ring tx, rx;
	void *tx_va, *rx_va;
	struct pv_netback_state conn;
	uint32_t port[2];
	uint8_t *frame; /* PV_NETBACK_MEM bytes of the caller's */
	bool connected, broken, quiet;
};

/* Memory that init needs: one frame. */
#define PV_NETBACK_MEM 65536

int pv_netback_init(struct pv_netback *b, const struct pv_back_bus *bus,
		    const struct pv_netback_far *far, const struct pv_netback_config *cfg,
		    void *mem);
/* Control: as pv_blkback_step(); never -PV_EAGAIN. */
int pv_netback_step(struct pv_netback *b);
/* Data path: moves up to budget frames each way, publishes and notifies. Returns PV_NETBACK_*
 * bits (0: idle), or -PV_EPROTO when the device was stopped (or -PV_ENOTCONN: not connected). */
int pv_netback_work(struct pv_netback *b, uint32_t budget);
/* Before sleeping: asks for an event when a frame is sent or, if rx had no room, when room is
 * posted. True: work again. */
bool pv_netback_arm(struct pv_netback *b);
/* PV_NETBACK_CAP_* of the frames that the guest takes; a far end that has others completes
 * them first. 0: not connected. */
uint32_t pv_netback_guest_caps(const struct pv_netback *b);
/* Quiet: work() moves nothing. Nothing is ever in flight between two calls, so the state can
 * be exported at once. */
void pv_netback_quiesce(struct pv_netback *b, bool on);
int pv_netback_export(struct pv_netback *b, struct pv_netback_state *st);
/* As pv_blkback_import(): starts quiet; the owner un-quiesces and calls work(). */
int pv_netback_import(struct pv_netback *b, const struct pv_netback_state *st);
void pv_netback_destroy(struct pv_netback *b);

#endif
