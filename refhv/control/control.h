/*
 * The control protocol, as a command sees it: newline-delimited JSON over the domain's control socket.
 *
 *   -> {"cmd": "pause", ...}                       one object a line; at most CONTROL_MAX_LINE bytes
 *   <- {"ok": true, "result": ...}                 or
 *   <- {"ok": false, "error": {"exit": "timeout", "what": "...", "remedy": "...", "file": "", "line": 0}}
 *
 * Requests on one connection are answered in order. Descriptors may come with a request (SCM_RIGHTS). "wait",
 * and "shutdown" with "wait", are answered when the guest ends; a connection that closes instead means that the domain's process is gone.
 */
#ifndef REFHV_CONTROL_H
#define REFHV_CONTROL_H

#include <jansson.h>
#include <stdint.h>
#include "error.h"
#include "rundir/rundir.h"

enum { CONTROL_MAX_LINE = 256 * 1024 };

struct control {
	int fd;
	char domain[CONFIG_NAME_MAX + 1];
	char *buf;
	size_t len;
};

/* 0, or negative with *e. Free with control_close(), which may also be called after a failure. */
int control_open(struct control *c, struct rundir *r, const char *domain, struct refhv_error *e);
void control_close(struct control *c);

/*
 * Send a request (stolen) with n descriptors and wait for its answer, timeout_ms at most (-1: for ever). 0 with a new reference in
 * *result (if not NULL); negative with *e: what the domain says, REFHV_TIMEOUT, or REFHV_STATE with *gone set when the
 * connection ended.
 */
int control_call(struct control *c, json_t *request, const int *fd, unsigned n, int timeout_ms,
		 json_t **result, bool *gone, struct refhv_error *e);

#endif
