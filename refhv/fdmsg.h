/*
 * JSON messages with descriptors, over a SOCK_SEQPACKET socket between processes of one person.
 *
 * This is how a domain process gets everything that it may use: nothing is inherited by accident, nothing opened by path.
 */
#ifndef REFHV_FDMSG_H
#define REFHV_FDMSG_H

#include <jansson.h>

enum { FDMSG_MAX_FDS = 120, FDMSG_MAX_TEXT = 192 * 1024 };

/* 0 or -errno. The message and descriptors stay the caller's. */
int fdmsg_send(int sock, const json_t *msg, const int *fd, unsigned n);
/*
 * 0 with a new reference in *msg and *n descriptors (close-on-exec) in fd; -ENODATA at the end; -EBADMSG; -errno. Pass max 0 and n NULL
 * where no descriptors are expected: any that come are closed.
 */
int fdmsg_recv(int sock, json_t **msg, int *fd, unsigned max, unsigned *n);

#endif
