/* The web server as an ordinary process. Trusts its caller for the descriptors; what comes through them is a stranger's. */
#include "hosted.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "web.h"

#define FRAME_MAX 65536
#define HELD	  16

struct held {
	uint64_t until;
	size_t len;
	uint8_t *frame;
	int outward;
};

struct hosted {
	const struct hosted_config *config;
	struct web *web;
	int full; /* the descriptor took no frame: wait until it does */
	uint64_t random;
	struct held held[HELD];
};

static uint64_t now(void *ctx)
{
	struct timespec t;

	(void)ctx;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NET_S + (uint64_t)t.tv_nsec;
}

static unsigned dice(struct hosted *h)
{
	h->random = h->random * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(h->random >> 33) % 1000;
}

static int hold(struct hosted *h, const struct iovec *iov, int n, int outward)
{
	for (unsigned i = 0; i < HELD; i++) {
		struct held *f = &h->held[i];

		if (f->frame)
			continue;
		f->frame = malloc(FRAME_MAX);
		f->len = 0;
		for (int k = 0; k < n; k++) {
			memcpy(f->frame + f->len, iov[k].iov_base, iov[k].iov_len);
			f->len += iov[k].iov_len;
		}
		f->until = now(NULL) + (1 + dice(h) % 10) * NET_MS;
		f->outward = outward;
		return 1;
	}
	return 0;
}

/* Whether the wire does something to this frame. 1: the frame is gone (or comes later); 2: it goes twice. */
static int mischief(struct hosted *h, const struct iovec *iov, int n, int outward)
{
	const struct hosted_config *c = h->config;

	if (dice(h) < c->lose)
		return 1;
	if (dice(h) < c->delay && hold(h, iov, n, outward))
		return 1;
	return dice(h) < c->repeat ? 2 : 0;
}

static int transmit(void *ctx, const struct net_frame *frame)
{
	struct iovec iov[1 + NET_FRAGS] = {{(void *)(uintptr_t)frame->head, frame->head_len}};
	struct hosted *h = ctx;
	int n = 1, fate;

	for (uint32_t i = 0; i < frame->n_frags; i++)
		iov[n++] = (struct iovec){(void *)(uintptr_t)frame->frags[i].data,
					  frame->frags[i].len};
	fate = mischief(h, iov, n, 1);
	if (fate == 1)
		return 0;
	if (writev(h->config->frames, iov, n) < 0 && (errno == EAGAIN || errno == ENOBUFS)) {
		h->full = 1;
		return -NET_EAGAIN;
	}
	if (fate == 2 && writev(h->config->frames, iov, n) < 0)
		return 0;
	return 0;
}

static int read_sectors(void *ctx, struct net_buf *buf, uint64_t sector, uint32_t sectors)
{
	struct hosted *h = ctx;
	ssize_t n = pread(h->config->archive, buf->data, (size_t)sectors * TAR_SECTOR,
			  (off_t)(sector * TAR_SECTOR));

	buf->state = n == (ssize_t)sectors * TAR_SECTOR ? NET_BUF_READY : NET_BUF_FAILED;
	return 0;
}

static void show(void *ctx, const char *line, size_t len)
{
	struct hosted *h = ctx;

	if (!h->config->quiet)
		printf("%.*s\n", (int)len, line);
}

static int index_archive(struct hosted *h)
{
	struct tar *tar = &h->web->tar;
	uint8_t block[TAR_SECTOR];
	struct stat st;
	uint64_t at;

	if (fstat(h->config->archive, &st))
		return -errno;
	tar_init(tar, (uint64_t)st.st_size / TAR_SECTOR);
	while ((at = tar_next(tar)) != TAR_DONE) {
		if (pread(h->config->archive, block, sizeof(block), (off_t)(at * TAR_SECTOR)) !=
		    sizeof(block))
			return -EIO;
		tar_feed(tar, block);
	}
	if (tar->error)
		fprintf(stderr, "archive: %s (%u files are served)\n", tar->error, tar->n_entries);
	return 0;
}

static void input(struct hosted *h, uint8_t *frame, size_t len)
{
	struct iovec iov = {frame, len};
	int fate = mischief(h, &iov, 1, 0);

	if (fate == 1)
		return;
	net_input(&h->web->net, frame, len, false);
	if (fate == 2)
		net_input(&h->web->net, frame, len, false);
}

static uint64_t release(struct hosted *h)
{
	uint64_t next = ~0ull, t = now(NULL);

	for (unsigned i = 0; i < HELD; i++) {
		struct held *f = &h->held[i];

		if (f->frame && t >= f->until) {
			if (!f->outward)
				net_input(&h->web->net, f->frame, f->len, false);
			else if (write(h->config->frames, f->frame, f->len) < 0 && errno != EAGAIN)
				fprintf(stderr, "write: %s\n", strerror(errno));
			free(f->frame);
			f->frame = NULL;
		} else if (f->frame && f->until < next) {
			next = f->until;
		}
	}
	return next;
}

static int loop(struct hosted *h)
{
	uint8_t *frame = malloc(FRAME_MAX);
	int rc = 0;

	for (;;) {
		struct pollfd fds[2] = {
			{.fd = h->config->frames, .events = POLLIN | (h->full ? POLLOUT : 0)},
			{.fd = h->config->stop, .events = POLLIN}};
		uint64_t next = release(h), at = web_deadline(h->web), t = now(NULL), wait;
		struct timespec timeout;

		if (at < next)
			next = at;
		wait = next <= t ? 0 : next - t;
		timeout = (struct timespec){(time_t)(wait / NET_S > 1000 ? 1000 : wait / NET_S),
					    (long)(wait % NET_S)};
		if (ppoll(fds, 2, &timeout, NULL) < 0 && errno != EINTR) {
			rc = -errno;
			break;
		}
		if (fds[1].revents)
			break;
		for (unsigned i = 0; i < 64; i++) {
			ssize_t n = read(h->config->frames, frame, FRAME_MAX);

			if (n <= 0) {
				if (n == 0 || (errno != EAGAIN && errno != EINTR))
					rc = n ? -errno : -EPIPE;
				break;
			}
			input(h, frame, (size_t)n);
		}
		if (rc)
			break;
		if (h->full && (fds[0].revents & POLLOUT)) {
			h->full = 0;
			net_tx_ready(&h->web->net);
		}
		web_poll(h->web);
	}
	free(frame);
	return rc;
}

int hosted_run(const struct hosted_config *config)
{
	static const uint8_t mac[ETHER_MAC] = {0x02, 0x16, 0x3e, 0x11, 0x22, 0x33};
	unsigned n = 256;
	struct hosted h = {
		.config = config, .random = config->seed, .web = calloc(1, sizeof(struct web))};
	struct net_buf *bufs = calloc(n, sizeof(*bufs));
	uint8_t *memory = aligned_alloc(4096, (size_t)n * NET_BUF_SIZE);
	struct net_config net = {.hooks = {.ctx = &h, .transmit = transmit, .now = now},
				 .mtu = config->mtu ? config->mtu : 1500,
				 .address = config->address,
				 .mask = config->mask,
				 .router = config->router,
				 .seed = {config->seed ^ 0x9e3779b97f4a7c15u, now(NULL)}};
	struct http_hooks http = {.ctx = &h, .read = read_sectors};
	struct smtp_hooks smtp = {.ctx = &h, .log = show};
	int rc = -ENOMEM;

	if (h.web && bufs && memory) {
		memcpy(net.mac, mac, sizeof(mac));
		rc = index_archive(&h);
		if (!rc)
			rc = web_start(h.web, &net, &http, &smtp, bufs, n, memory);
		if (!rc)
			rc = loop(&h);
	}
	for (unsigned i = 0; i < HELD; i++)
		free(h.held[i].frame);
	free(memory);
	free(bufs);
	free(h.web);
	return rc;
}
