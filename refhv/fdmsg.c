/*
 * JSON with descriptors. What arrives is checked for form only: the peer is the same person's process.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "fdmsg.h"

union control {
	struct cmsghdr hdr;
	char bytes[CMSG_SPACE(FDMSG_MAX_FDS * sizeof(int))];
};

int fdmsg_send(int sock, const json_t *msg, const int *fd, unsigned n)
{
	char *text = json_dumps(msg, JSON_COMPACT);
	struct iovec iov = {.iov_base = text, .iov_len = text ? strlen(text) : 0};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
	union control control = {0};
	int rc = 0;

	if (!text || iov.iov_len > FDMSG_MAX_TEXT || n > FDMSG_MAX_FDS) {
		free(text);
		return -EMSGSIZE;
	}
	if (n) {
		m.msg_control = &control;
		m.msg_controllen = CMSG_SPACE(n * sizeof(int));
		control.hdr.cmsg_level = SOL_SOCKET;
		control.hdr.cmsg_type = SCM_RIGHTS;
		control.hdr.cmsg_len = CMSG_LEN(n * sizeof(int));
		memcpy(CMSG_DATA(&control.hdr), fd, n * sizeof(int));
	}
	if (sendmsg(sock, &m, MSG_NOSIGNAL) < 0)
		rc = -errno;
	free(text);
	return rc;
}

static unsigned take_fds(struct msghdr *m, int *fd, unsigned max)
{
	struct cmsghdr *c;
	unsigned n = 0;

	for (c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		unsigned count = (unsigned)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (unsigned i = 0; i < count; i++) {
			int one;

			memcpy(&one, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
			if (n < max)
				fd[n++] = one;
			else
				close(one);
		}
	}
	return n;
}

int fdmsg_recv(int sock, json_t **msg, int *fd, unsigned max, unsigned *n)
{
	char *text = malloc(FDMSG_MAX_TEXT);
	struct iovec iov = {.iov_base = text, .iov_len = FDMSG_MAX_TEXT};
	union control control;
	struct msghdr m = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = &control,
			   .msg_controllen = sizeof(control)};
	unsigned count;
	ssize_t len;

	if (!text)
		return -ENOMEM;
	do
		len = recvmsg(sock, &m, MSG_CMSG_CLOEXEC);
	while (len < 0 && errno == EINTR);
	if (len <= 0) {
		int rc = len ? -errno : -ENODATA;

		free(text);
		return rc;
	}
	count = take_fds(&m, fd, max);
	*msg = m.msg_flags & (MSG_TRUNC | MSG_CTRUNC) ? NULL
						      : json_loadb(text, (size_t)len, 0, NULL);
	free(text);
	if (!*msg) {
		while (count)
			close(fd[--count]);
		return -EBADMSG;
	}
	if (n)
		*n = count;
	return 0;
}
