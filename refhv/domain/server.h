/*
 * Between the control socket (server.c) and what can be asked for on it (requests.c).
 */
#ifndef REFHV_DOMAIN_SERVER_H
#define REFHV_DOMAIN_SERVER_H

#include "domain/domain.h"

enum { CLIENTS_MAX = 32, FDS_MAX = 9 };

struct peer {
	struct control_server *s;
	ev_io io;
	bool waits; /* for the guest's end */
	bool moves; /* asked for the move that is under way */
	/* Waits for a device to be connected, or to be gone. NULL: for none. */
	const char *device;
	unsigned devid;
	bool device_gone;
	int fd[FDS_MAX]; /* the last descriptors that came, for the next request */
	unsigned nfds;
	char *in;
	size_t in_len, in_size;
};

struct control_server {
	struct domain *d;
	ev_io accept;
	struct peer *peer[CLIENTS_MAX];
};

/* An answer that says yes; the result, which may be NULL, is taken over. */
json_t *server_success(json_t *result);
/* The answer to a request, or NULL with *e; *later when it comes another time. */
json_t *server_perform(struct peer *p, const json_t *request, bool *later, struct refhv_error *e);

#endif
