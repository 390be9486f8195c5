/*
 * A command's end of the control protocol. The answer comes from the caller's own domain process; its form is checked.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "control/control.h"
#include "launch/launch.h"

int control_open(struct control *c, struct rundir *r, const char *domain, struct refhv_error *e)
{
	memset(c, 0, sizeof(*c));
	snprintf(c->domain, sizeof(c->domain), "%s", domain);
	c->fd = rundir_connect(r, domain, "control.sock", e);
	return c->fd < 0 ? c->fd : 0;
}

void control_close(struct control *c)
{
	if (c->fd >= 0)
		close(c->fd);
	free(c->buf);
	c->buf = NULL;
	c->fd = -1;
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int gone_error(struct control *c, bool *gone, struct refhv_error *e)
{
	if (gone)
		*gone = true;
	return refhv_fail(e, REFHV_STATE, "see refhv list", "domain %s has ended", c->domain);
}

static int send_request(struct control *c, json_t *request, const int *fd, unsigned n)
{
	char *text = json_dumps(request, JSON_COMPACT);
	size_t len = text ? strlen(text) : 0, done = 0;
	int rc = text ? 0 : -1;

	if (text)
		text[len++] = '\n';
	while (!rc && done < len) {
		struct iovec iov = {.iov_base = text + done, .iov_len = len - done};
		struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
		union {
			struct cmsghdr hdr;
			char bytes[CMSG_SPACE(16 * sizeof(int))];
		} control = {0};
		ssize_t sent;

		if (n && !done) {
			m.msg_control = &control;
			m.msg_controllen = CMSG_SPACE(n * sizeof(int));
			control.hdr.cmsg_level = SOL_SOCKET;
			control.hdr.cmsg_type = SCM_RIGHTS;
			control.hdr.cmsg_len = CMSG_LEN(n * sizeof(int));
			memcpy(CMSG_DATA(&control.hdr), fd, n * sizeof(int));
		}
		sent = sendmsg(c->fd, &m, MSG_NOSIGNAL);
		if (sent < 0 && errno != EINTR)
			rc = -1;
		else if (sent > 0)
			done += (size_t)sent;
	}
	free(text);
	return rc;
}

/* One line, without its newline, which stays in c->buf until the next call. */
static int read_line(struct control *c, int timeout_ms, size_t *line, bool *gone,
		     struct refhv_error *e)
{
	int64_t end = timeout_ms < 0 ? 0 : now_ms() + timeout_ms;

	if (!c->buf && !(c->buf = malloc(CONTROL_MAX_LINE)))
		return refhv_fail(e, REFHV_FAILED, NULL, "out of memory");
	for (;;) {
		char *nl = memchr(c->buf, '\n', c->len);
		struct pollfd p = {.fd = c->fd, .events = POLLIN};
		int64_t left = timeout_ms < 0 ? -1 : end - now_ms();
		ssize_t n;

		if (nl) {
			*line = (size_t)(nl - c->buf);
			return 0;
		}
		if (c->len == CONTROL_MAX_LINE)
			return refhv_fail(e, REFHV_FAILED, NULL, "the domain's answer is too long");
		if (timeout_ms >= 0 && left <= 0)
			return refhv_fail(e, REFHV_TIMEOUT, "wait longer with --timeout SECONDS",
					  "domain %s did not do it in time", c->domain);
		if (poll(&p, 1, (int)left) <= 0)
			continue;
		n = recv(c->fd, c->buf + c->len, CONTROL_MAX_LINE - c->len, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return gone_error(c, gone, e);
		c->len += (size_t)n;
	}
}

int control_call(struct control *c, json_t *request, const int *fd, unsigned n, int timeout_ms,
		 json_t **result, bool *gone, struct refhv_error *e)
{
	json_t *answer, *value;
	size_t line = 0;
	int rc = send_request(c, request, fd, n);

	json_decref(request);
	if (gone)
		*gone = false;
	if (rc)
		return gone_error(c, gone, e);
	rc = read_line(c, timeout_ms, &line, gone, e);
	if (rc)
		return rc;
	answer = json_loadb(c->buf, line, 0, NULL);
	c->len -= line + 1;
	memmove(c->buf, c->buf + line + 1, c->len);
	if (json_is_true(json_object_get(answer, "ok"))) {
		value = json_object_get(answer, "result");
		if (result)
			*result = value ? json_incref(value) : json_null();
	} else {
		launch_error_from_json(json_object_get(answer, "error"), e);
		rc = -(int)e->exit;
	}
	json_decref(answer);
	return rc;
}
