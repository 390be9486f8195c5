/*
 * The I/O thread of one network card: joins a network backend to a descriptor that carries frames.
 *
 * The descriptor is a SOCK_SEQPACKET socket (one packet, one Ethernet frame: user networking, see netd/client.h)
 * or a tap (IFF_TAP | IFF_NO_PI). The thread sleeps until the guest's event (the kick eventfd), or until the
 * descriptor has frames and the guest has room, or has room and the guest has frames. A frame that was taken from
 * one side is always given to the other, or was never taken: nothing is lost by a pause, a move or a full queue.
 *
 * Trust: the guest (through the backend) and the far end are both hostile: a frame is bytes with a length.
 *
 * Concurrency: step, quiesce, export, import and destroy are called by one thread (the control loop); they lock
 * against the I/O thread. After quiesce(on) returned, the thread touches no guest memory until quiesce(off).
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
	int frames; /* owned by the card from create() on, also when create() fails */
	int kick;   /* eventfd that a guest's notification writes; stays the caller's */
	unsigned
		mtu; /* the largest IP packet of the far end; told to the guest when over 1500; 0: 1500 */
};

struct host_net;

/* Make the backend and its thread. The thread starts with the card connected and not quiet. */
int host_net_create(struct host_net **net, const struct host_net_config *config,
		    char err[HOST_NET_ERR_SIZE]);
/* Drive the handshake: once after create() and whenever the frontend's state changes. As pv_netback_step(). */
int host_net_step(struct host_net *net);
/* Stop moving frames, or go on. */
void host_net_quiesce(struct host_net *net, bool on);
/* The connection written down and read back; see pv_netback_export(), pv_netback_import(). Quiet meanwhile. */
int host_net_export(struct host_net *net, struct pv_netback_state *state);
int host_net_import(struct host_net *net, const struct pv_netback_state *state);
void host_net_stats(struct host_net *net, struct pv_netback_stats *stats);
void host_net_destroy(struct host_net *net);

/*
 * Open the tap of this name with the caller's own rights, making it when it does not exist and that is permitted.
 * The descriptor, non-blocking and close-on-exec, or an error with what to do about it in `err`.
 */
int host_tap_open(const char *name, char err[HOST_NET_ERR_SIZE]);

#endif
