/*
 * The client side of refhv-netd, user networking in a process of its own.
 *
 * One refhv-netd serves one vif. It owns both ends of a SOCK_SEQPACKET pair on which one packet is one Ethernet
 * frame, and it listens on a unix socket (RUNDIR/net/UUID-N.sock). Whoever connects there as the same user, and
 * attaches, receives the domain's end of the pair. Because the process keeps both ends, a domain process can be
 * replaced (moved, upgraded, restored) and no frame and no connection is lost on the way: frames wait in the pair.
 *
 * The process lives while somebody holds a connection, and a grace time after the last one went.
 *
 * Trust: the peer is checked by its uid (SO_PEERCRED) on both sides; what it answers is parsed with bounds.
 * Concurrency: a control descriptor is used by one thread at a time. All functions block, each no longer than
 * 5 seconds. Errors are negative errno values; where `err` is given it receives one line for a person, without
 * a newline, and is always terminated.
 */
#ifndef REFHV_NETD_CLIENT_H
#define REFHV_NETD_CLIENT_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NETD_FORWARDS_MAX 32
#define NETD_MTU_DEFAULT \
	16384 /* see docs/performance.md: a large MTU is what makes user networking fast */
#define NETD_MTU_MIN	   576
#define NETD_MTU_MAX	   65521
#define NETD_GRACE_DEFAULT 10 /* seconds */
#define NETD_ERR_SIZE	   256

/*
 * With `vnet` a packet is a struct virtio_net_hdr (10 bytes, host byte order) and a frame, both ways: checksums may be
 * blank and TCP super-frames may come. One of 11 bytes from the domain is no frame but a word: its last byte holds
 * PV_NETBACK_CAP_* (pv/back/net.h), what the guest takes from now on. At first it takes neither.
 */
#define NETD_OFFLOADS_SIZE 11

/* One host port that leads to a guest port. Addresses and ports in host byte order. */
struct netd_forward {
	uint8_t udp;
	uint32_t host_addr;
	uint16_t host_port;  /* 0 asks for any free port */
	uint32_t guest_addr; /* 0 is the address that the guest gets by DHCP, 10.0.2.15 */
	uint16_t guest_port;
};

struct netd_config {
	const char *socket_path; /* created by the daemon, mode 0600; its folder must exist */
	const char *program;	 /* path of refhv-netd; NULL: see netd_program() */
	const char *log_path;	 /* where its warnings go, appended; NULL: nowhere */
	unsigned mtu;		 /* 0: NETD_MTU_DEFAULT */
	unsigned grace;		 /* seconds; 0: NETD_GRACE_DEFAULT */
	bool vnet;		 /* packets of the pair begin with a header, see below */
	unsigned n_forwards;
	struct netd_forward forwards[NETD_FORWARDS_MAX];
};

/* What a user of a daemon holds. Both descriptors are close-on-exec; both may be passed to another process. */
struct netd_link {
	int control; /* the daemon stays while this is open somewhere */
	int frames;  /* non-blocking SOCK_SEQPACKET: the domain's end of the pair */
	bool vnet;   /* packets begin with a header: whoever does not know that must not use them */
	unsigned
		mtu; /* the largest IP packet the daemon sends or takes: give it to the guest (vif key `mtu`) */
};

/*
 * Parse "tcp:[HOSTADDR]:HOSTPORT-[GUESTADDR]:GUESTPORT" (or udp:...), the form of the vif key `hostfwd`.
 * An empty host address is 127.0.0.1: a guest's port is not shown to the network unless somebody says so.
 */
int netd_forward_parse(const char *text, struct netd_forward *forward, char err[NETD_ERR_SIZE]);
/* The same text from a forward; always terminated. Returns its length. */
int netd_forward_format(const struct netd_forward *forward, char *text, size_t size);

/* Find the program: $REFHV_LIBEXEC/refhv-netd, beside the running binary (as itself or in netd/), then libexecdir. */
int netd_program(char *path, size_t size);

/*
 * Start a daemon and wait until it is ready: its socket listens and every forward is bound. It leaves the
 * caller's session and is nobody's child. -EADDRINUSE: a port or the socket path is taken; `err` says which.
 */
int netd_start(const struct netd_config *config, char err[NETD_ERR_SIZE]);

/* Connect to the daemon behind a socket path and take the domain's end. -ENOENT, -ECONNREFUSED: none is there. */
int netd_attach(const char *socket_path, struct netd_link *link, char err[NETD_ERR_SIZE]);

/* Extend the grace time once: stay at least this many seconds from now even with no connection (save, move). */
int netd_hold(int control, unsigned seconds);

/* Tell the daemon to exit at once. When this returns 0 its ports are free, and another daemon may have its path. */
int netd_quit(int control);

/* The forwards with the ports really bound. Returns how many there are (at most `max` are written). */
int netd_forwards(int control, struct netd_forward *forwards, unsigned max);

#endif
