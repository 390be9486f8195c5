/*
 * wire: see wire.h. Trusts the descriptor's owner, not the bytes.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pv/abi/errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "wire.h"

#define LINE_MAX_BYTES 200
/* A cancel is noticed this often while nothing moves. */
#define SLICE_MS 100

void wire_init(struct wire *w, int fd)
{
	int big = 4 << 20, one = 1;

	memset(w, 0, sizeof *w);
	w->fd = fd;
	w->timeout_ms = 30000;
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	/* Fewer wake-ups while memory streams; a file says no, which is fine. */
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &big, sizeof big);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &big, sizeof big);
	/* The short lines of the handshake must not wait for an acknowledgement: the guest stands still. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

int wire_fail(struct wire *w, int error, const char *fmt, ...)
{
	va_list ap;

	if (!w->err[0]) {
		va_start(ap, fmt);
		vsnprintf(w->err, sizeof w->err, fmt, ap);
		va_end(ap);
	}
	return error;
}

/* Waits until the descriptor is ready; the silence counts from the call. */
static int ready(struct wire *w, short events)
{
	int waited = 0, n;

	for (;;) {
		struct pollfd p = {.fd = w->fd, .events = events};

		if (atomic_load(&w->cancelled))
			return wire_fail(w, -PV_EINTR, "cancelled");
		n = poll(&p, 1, SLICE_MS);
		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return wire_fail(w, -PV_EIO, "poll: %s", strerror(errno));
		waited += SLICE_MS;
		if (waited >= w->timeout_ms)
			return wire_fail(w, -PV_ETIMEDOUT, "the other end has been silent for %d s",
					 w->timeout_ms / 1000);
	}
}

/* Drops the first `done` bytes of a vector; returns how many entries were used up. */
static unsigned advance(struct iovec *iov, unsigned n, size_t done)
{
	unsigned i = 0;

	while (i < n && done >= iov[i].iov_len)
		done -= iov[i++].iov_len;
	if (i < n) {
		iov[i].iov_base = (char *)iov[i].iov_base + done;
		iov[i].iov_len -= done;
	}
	return i;
}

int wire_writev(struct wire *w, struct iovec *iov, unsigned n)
{
	int rc;

	while (n > 0) {
		ssize_t r = writev(w->fd, iov, n < IOV_MAX ? (int)n : IOV_MAX);
		unsigned used;

		if (r < 0) {
			if (errno != EAGAIN && errno != EINTR)
				return wire_fail(w, errno == ENOSPC ? -PV_ENOSPC : -PV_EIO,
						 "write: %s", strerror(errno));
			rc = ready(w, POLLOUT);
			if (rc < 0)
				return rc;
			continue;
		}
		w->sent += (uint64_t)r;
		used = advance(iov, n, (size_t)r);
		iov += used;
		n -= used;
	}
	return 0;
}

int wire_write(struct wire *w, const void *buf, size_t len)
{
	struct iovec v = {(void *)buf, len};

	return wire_writev(w, &v, len > 0);
}

int wire_readv(struct wire *w, struct iovec *iov, unsigned n)
{
	int rc;

	while (n > 0) {
		ssize_t r = readv(w->fd, iov, n < IOV_MAX ? (int)n : IOV_MAX);
		unsigned used;

		if (r == 0)
			return wire_fail(w, -PV_EBADMSG,
					 "the stream ends too early, after %llu bytes",
					 (unsigned long long)w->received);
		if (r < 0) {
			if (errno != EAGAIN && errno != EINTR)
				return wire_fail(w, -PV_EIO, "read: %s", strerror(errno));
			rc = ready(w, POLLIN);
			if (rc < 0)
				return rc;
			continue;
		}
		w->received += (uint64_t)r;
		used = advance(iov, n, (size_t)r);
		iov += used;
		n -= used;
	}
	return 0;
}

int wire_read(struct wire *w, void *buf, size_t len)
{
	struct iovec v = {buf, len};

	return wire_readv(w, &v, len > 0);
}

int wire_record(struct wire *w, uint32_t type, const struct iovec *body, unsigned n)
{
	static const uint8_t zero[PV_STREAM_REC_ALIGN];
	struct pv_stream_record_header h = {.type = type};
	struct iovec v[10];
	uint64_t length = 0;
	unsigned i;

	if (n > 8)
		return wire_fail(w, -PV_EINVAL, "a record of too many pieces");
	for (i = 0; i < n; i++) {
		v[1 + i] = body[i];
		length += body[i].iov_len;
	}
	if (length > PV_STREAM_REC_LENGTH_MAX)
		return wire_fail(w, -PV_E2BIG, "a record of %llu bytes is over the stream's limit",
				 (unsigned long long)length);
	h.length = (uint32_t)length;
	v[0] = (struct iovec){&h, sizeof h};
	v[1 + n] = (struct iovec){(void *)zero, pv_stream_pad(h.length)};
	return wire_writev(w, v, n + 2);
}

int wire_record_end(struct wire *w)
{
	char skip[4096];
	int rc;

	while (w->left) {
		uint32_t n = w->left < sizeof skip ? w->left : sizeof skip;

		rc = wire_read(w, skip, n);
		if (rc < 0)
			return rc;
		w->left -= n;
	}
	return 0;
}

int wire_next(struct wire *w, uint32_t *type, uint32_t *length)
{
	struct pv_stream_record_header h;
	int rc;

	do {
		rc = wire_read(w, &h, sizeof h);
		if (rc < 0)
			return rc;
		rc = pv_stream_check(&w->order, h.type, h.length);
		if (rc < 0)
			return wire_fail(
				w, rc,
				rc == -PV_EOPNOTSUPP
					? "a record of type %#x is not known here"
					: "a record of type %#x, %u bytes, cannot stand there",
				h.type, h.length);
		w->left = h.length + pv_stream_pad(h.length);
		if (rc == 1 && wire_record_end(w) < 0)
			return -PV_EBADMSG;
	} while (rc == 1);
	*type = h.type;
	*length = h.length;
	return 0;
}

int wire_body(struct wire *w, void *buf, uint32_t len)
{
	int rc;

	if (len > w->left)
		return wire_fail(w, -PV_EBADMSG, "a record is shorter than what it should hold");
	rc = wire_read(w, buf, len);
	if (rc == 0)
		w->left -= len;
	return rc;
}

int wire_say(struct wire *w, const char *line)
{
	char text[LINE_MAX_BYTES + 2];
	int n = snprintf(text, sizeof text - 1, "%.*s", LINE_MAX_BYTES, line);

	text[n++] = '\n';
	return wire_write(w, text, (size_t)n);
}

/* A byte at a time: nothing behind the newline may be taken away from the next reader. */
int wire_hear(struct wire *w, char line[256])
{
	unsigned n = 0;
	int rc;

	for (;;) {
		rc = wire_read(w, line + n, 1);
		if (rc < 0)
			return rc;
		if (line[n] == '\n')
			break;
		if (++n > LINE_MAX_BYTES)
			return wire_fail(w, -PV_EBADMSG,
					 "the other end speaks no language of ours");
	}
	line[n] = 0;
	return 0;
}
