/* What the files of refhv-netd share: main.c, wire.c (the pair), user.c (libslirp), control.c (the unix socket), confine.c. */
#ifndef REFHV_NETD_NETD_H
#define REFHV_NETD_NETD_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "netd/client.h"

#define NETD_POLL_MAX 4096
#define NETD_USERS    16

struct Slirp;
struct wire;

/* A packet that the pair had no room for. */
struct netd_waiting {
	struct netd_waiting *next;
	size_t len;
	uint8_t bytes[];
};

struct netd {
	unsigned mtu, grace;
	const char *socket_path;
	unsigned n_forwards;
	struct netd_forward forwards[NETD_FORWARDS_MAX];
	/* The pair: ours, and the domain's. Both stay open, so that what is queued in either survives the domain. */
	int frames, domain_frames;
	int listener, janitor;
	uid_t owner;
	int users[NETD_USERS];
	unsigned n_users;
	int64_t leave_at; /* nanoseconds; with no user, when to go */
	bool quit;
	struct Slirp *slirp;
	struct netd_waiting *waiting, **waiting_end;
	struct wire *wire;
	bool vnet;    /* packets of the pair begin with a header */
	uint8_t caps; /* PV_NETBACK_CAP_* of the guest */
	unsigned mss; /* the smallest that it has said, 0: none */
	struct pollfd *poll;
	unsigned n_poll;
	uint64_t frames_in, frames_out, waited;
};

int64_t netd_now(void);
/* One line to whoever started us, then exit. */
_Noreturn void netd_fail(int error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The pair. */
void wire_start(struct netd *n);
/* Move what waits to the pair. True: nothing waits any more. */
bool wire_drain(struct netd *n);
/* Frames from the domain, each to user_frame(). */
void wire_input(struct netd *n);
/* A frame to the domain; it leaves with wire_flush() at the latest. */
void wire_send(struct netd *n, const void *frame, size_t len);
void wire_flush(struct netd *n);

/* User networking. */
void user_start(struct netd *n);
void user_frame(struct netd *n, const void *frame, size_t len);
/* Poll entries for libslirp's sockets, and what to do after poll(). */
void user_fill(struct netd *n, uint32_t *timeout_ms);
void user_poll(struct netd *n, bool failed);
/* Closes all its sockets; none of the above after it. */
void user_stop(struct netd *n);

/* The unix socket. */
void control_listen(struct netd *n);
void control_fill(struct netd *n);
/* Handles the entries that control_fill() appended, beginning at `at`. */
void control_poll(struct netd *n, unsigned at);
void control_add_poll(struct netd *n, int fd, short events);

/* Give up every right that is not needed any more. */
void confine(struct netd *n);
/* Leave a process behind that removes the socket when this one is gone: confined, it cannot do so itself. */
void confine_leave_janitor(struct netd *n);
/* Have it done now; returns when it is. */
void confine_call_janitor(struct netd *n);

#endif
