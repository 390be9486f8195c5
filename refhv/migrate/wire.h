/*
 * wire: records over a descriptor.
 *
 * A blocking view of a file or a socket: whole records go out with one vectored write, come in piece by piece. A peer that is silent for
 * too long is an error, and so is a cancel from another thread. In the other direction of a socket go short lines of text, by which
 * the two ends of a move agree.
 *
 * Trusts the descriptor's owner, not the bytes. Errors are negative -PV_E... and the first one leaves a line in err[].
 */
#ifndef REFHV_MIGRATE_WIRE_H
#define REFHV_MIGRATE_WIRE_H

#include <pv/stream.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct wire {
	int fd;		/* the caller's; made non-blocking */
	int timeout_ms; /* longest silence; 0: 30 seconds */
	_Atomic int cancelled;
	struct pv_stream_check order; /* of incoming records */
	uint64_t sent, received;      /* bytes */
	uint32_t left;		      /* of the current incoming body, padding included */
	char err[256];
};

void wire_init(struct wire *w, int fd);
/* Notes the first error and returns it. */
int wire_fail(struct wire *w, int error, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* iov is changed. n may be over IOV_MAX. */
int wire_writev(struct wire *w, struct iovec *iov, unsigned n);
int wire_write(struct wire *w, const void *buf, size_t len);
int wire_read(struct wire *w, void *buf, size_t len);
int wire_readv(struct wire *w, struct iovec *iov, unsigned n);

/* A whole record whose body is the n pieces; at most 8 of them. */
int wire_record(struct wire *w, uint32_t type, const struct iovec *body, unsigned n);
/*
 * The next record that matters: its type in *type and the length of its body, which the caller reads with wire_body() and ends with
 * wire_record_end() (which skips what was not read). Records of no interest are skipped.
 */
int wire_next(struct wire *w, uint32_t *type, uint32_t *length);
int wire_body(struct wire *w, void *buf, uint32_t len);
int wire_record_end(struct wire *w);

/* A line (without its newline) of at most 200 bytes to or from the other end. */
int wire_say(struct wire *w, const char *line);
int wire_hear(struct wire *w, char line[256]);

#endif
