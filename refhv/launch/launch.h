/*
 * From a description to a running domain process.
 *
 * The launcher opens every file, device and socket with the caller's own rights, and hands them over as descriptors. Between
 * it and the domain process stands a keeper: a process that only waits, starts the domain process anew when the guest reboots,
 * and removes the folder when it ended, however it ended. (A domain process cannot do either for itself: it is locked in.)
 */
#ifndef REFHV_LAUNCH_H
#define REFHV_LAUNCH_H

#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>
#include "config/config.h"
#include "engine/kvm/speed.h"
#include "error.h"
#include "fdmsg.h"
#include "rundir/rundir.h"

/* A channel's socket, outside the runtime folder. */
struct launch_socket {
	char *path;
	dev_t dev; /* which file it is */
	ino_t ino;
};

/* What a domain process receives: the roles of the descriptors are named in msg["fds"], in order. */
struct launch {
	json_t *msg;
	json_t *roles;
	int fd[FDMSG_MAX_FDS];
	unsigned n;
	struct rundir *rundir;
	struct rundir_claim claim;
	char name[CONFIG_NAME_MAX + 1]; /* claim.name once the domain has arrived */
	uint8_t uuid[16];
	bool incoming; /* it may still live elsewhere: what it shares is not ours to end */
	unsigned nsockets;
	struct launch_socket socket[CONFIG_MAX_CONSOLES];
};

/*
 * Exit codes of a domain process, for its keeper. Anything else, and any signal, is a death that was not planned. Moved: its
 * guest goes on elsewhere or in a file, and its user networking with it.
 */
enum { DOMAIN_ENDED = 0, DOMAIN_RESTART = 64, DOMAIN_NOT_STARTED = 65, DOMAIN_MOVED = 66 };

/* The hidden command line word that makes this program a domain process. */
#define DOMAIN_PROCESS_WORD "--domain-process"
/*
 * The descriptor on which it finds its launch message, and speaks to its keeper. An incoming domain that has arrived says {"arrived"}
 * there, and has the answer {"name": NAME} when it is listed under its own name. A device that came while the domain ran is said as
 * {"attached": [ROLE...], "config", "links"} with its descriptors, one that went as {"detached": [ROLE...], ...}; nobody answers.
 */
enum { DOMAIN_LAUNCH_FD = 3 };

struct launch_options {
	bool paused;
	bool foreground; /* the domain ends when the launcher's report descriptor closes without "detach" */
	bool incoming; /* a move or restore: see rundir_claim() */
	/* The registry's name for it until it has arrived, while its own is another process's. NULL: its own. */
	const char *slot;
	const char *mode; /* "boot"; others belong to refhv/migrate */
	int stream;	  /* for those; -1 for none. Stays the caller's */
};

struct launched {
	uint16_t domid;
	int report; /* SOCK_SEQPACKET: {"ready"}, {"error"}, {"ended"} come; {"detach"} may be sent */
	char warning
		[320]; /* something about it that works, and that a person should know; empty: nothing */
	int console; /* SOCK_STREAM: the first console client, which misses nothing; -1 unless foreground */
};

/* Returns when the domain runs (or is paused as asked). 0, or negative with *e and nothing left behind. */
int launch_domain(struct rundir *r, const struct refhv_config *c, const struct launch_options *o,
		  struct launched *out, struct refhv_error *e);

/* The launcher's parts. */
int launch_add(struct launch *l, const char *role, int fd, struct refhv_error *e);
int launch_open_resources(struct launch *l, const struct refhv_config *c,
			  const struct launch_options *o, struct refhv_error *e);
int launch_open_kvm(struct launch *l, const struct refhv_config *c, struct refhv_error *e);
/* kvm_speed.c: what was measured in this boot; how it travels, as "kvm_speed" in the launch message and in the answer. */
bool launch_kvm_speed_load(int rundir_fd, struct kvm_speed *s);
void launch_kvm_speed_store(int rundir_fd, const struct kvm_speed *s);
json_t *launch_kvm_speed_to_json(const struct kvm_speed *s);
bool launch_kvm_speed_from_json(const json_t *o, struct kvm_speed *s);
/* The roles are those of the consoles that they are, and "consoleN-tty" for a terminal's other end, whose name is in msg["ttys"]. */
int launch_open_channels(struct launch *l, const struct refhv_config *c, struct refhv_error *e);
/* Those of channels that are still ours. */
void launch_remove_sockets(struct launch *l);
/* The keeper's life; does not return. */
void launch_keep(struct launch *l) __attribute__((noreturn));

/* How errors travel: {"exit": WORD, "file", "line", "what", "remedy"}. */
json_t *launch_error_to_json(const struct refhv_error *e);
void launch_error_from_json(const json_t *o, struct refhv_error *e);

#endif
