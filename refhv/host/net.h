/*
 * A network card: joins a network backend to descriptors that carry frames, with an I/O thread for each queue.
 *
 * The far end is a SOCK_SEQPACKET socket (one packet, one Ethernet frame: user networking, see netd/client.h) or a
 * tap (IFF_TAP | IFF_NO_PI), a descriptor for each queue. With a header before each frame (struct virtio_net_hdr; a
 * tap opened with IFF_VNET_HDR, or a socket of which the configuration says so) super-frames and blank checksums
 * pass through; the far end is told what the guest takes whenever a frontend connects (TUNSETOFFLOAD; a control
 * packet, see NETD_OFFLOADS).
 *
 * A thread sleeps until the guest's event (the kick eventfd), or until the descriptor has frames and the guest has
 * room, or has room and the guest has frames. A frame that was taken from one side is always given to the other, or
 * was never taken: nothing is lost by a pause, a move or a full queue. The exception has a bound and is counted: what
 * waits for a connected guest that has posted no room for 10 seconds is stale and dropped.
 *
 * Trust: the guest (through the backend) and the far end are both hostile: a frame is bytes with a length. A guest
 * that sends events with nothing behind them is looked at less and less often (XSA-332).
 *
 * Concurrency: step, quiesce, export, import and destroy are called by one thread (the control loop); they lock
 * against the I/O threads. After quiesce(on) returned, no thread touches guest memory until quiesce(off).
 * Errors are negative PV_E... values or negative errno values (the same numbers); `err` receives one line.
 */
#ifndef REFHV_HOST_NET_H
#define REFHV_HOST_NET_H

#include <pv/back/net.h>
#include <stdbool.h>
#include <stddef.h>

#define HOST_NET_ERR_SIZE 256

struct host_net_config {
	const struct pv_back_bus *bus; /* outlives the card */
	unsigned queues;	       /* most queues, 1..PV_NETBACK_QUEUES; 0: 1 */
	/* A descriptor for each queue, owned by the card from create() on, also when create() fails. */
	int frames[PV_NETBACK_QUEUES];
	/* An eventfd for each queue, which a guest's notification writes; they stay the caller's. */
	int kick[PV_NETBACK_QUEUES];
	bool vnet; /* a socket's packets begin with a struct virtio_net_hdr */
	/* The largest IP packet of the far end; told to the guest when over 1500; 0: 1500. */
	unsigned mtu;
	uint64_t rate_bytes; /* of what the guest sends, every rate_us; 0: no limit */
	uint32_t rate_us;
};

struct host_net;

/* Make the backend and its threads. Threads start with the card connected and not quiet. */
int host_net_create(struct host_net **net, const struct host_net_config *config,
		    char err[HOST_NET_ERR_SIZE]);
/* Drive the handshake: once after create() and whenever the frontend's state changes. As pv_netback_step(). */
int host_net_step(struct host_net *net);
/* Stop moving frames, or go on. */
void host_net_quiesce(struct host_net *net, bool on);
/* The connection written down and read back; see pv_netback_export(), pv_netback_import(). Quiet meanwhile. */
int host_net_export(struct host_net *net, struct pv_netback_state *state);
int host_net_import(struct host_net *net, const struct pv_netback_state *state, uint32_t size);

struct host_net_stats {
	struct pv_netback_stats back;
	uint64_t wakeups; /* of the I/O threads */
	uint64_t calls;	  /* system calls that moved frames */
	unsigned queues;  /* of the connection, 0: not connected */
	uint32_t caps;	  /* PV_NETBACK_CAP_* of the guest */
};
void host_net_stats(struct host_net *net, struct host_net_stats *stats);
void host_net_destroy(struct host_net *net);

/*
 * Open the tap of this name with the caller's own rights, making it when it does not exist and that is permitted,
 * with headers before frames and as many queues as it has, up to `queues`. Descriptors, non-blocking and
 * close-on-exec, into fd[]; returns how many, or an error with what to do about it in `err`.
 */
int host_tap_open(const char *name, int *fd, unsigned queues, char err[HOST_NET_ERR_SIZE]);

#endif
