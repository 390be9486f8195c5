/*
 * The HTTP/1.1 server: files of a tar archive, streamed from the disk to the card without a copy; indexes of its
 * directories; /status. Requests on one connection are answered in order, one at a time.
 *
 * Trust: every byte of a request is a stranger's. The tar index bounds what a path can name.
 */
#ifndef WEB_HTTP_H
#define WEB_HTTP_H

#include "net.h"
#include "request.h"
#include "tar.h"
#include "text.h"

#define HTTP_CONNS 128
#define HTTP_LOOK \
	(10 * NET_MS) /* how often a starved connection is looked at when nothing else tells */
#define HTTP_IDLE (60 * NET_S) /* how long a peer may take for its next request */

struct http_hooks {
	void *ctx;
	/*
	 * Read sectors into the start of a buffer. 0: under way; the driver holds the buffer until it has called
	 * http_read_done(), not from inside this call; or it fills the buffer at once, sets its state to
	 * NET_BUF_READY and never calls. -NET_EAGAIN: no room; http_poll() tries again.
	 */
	int (*read)(void *ctx, struct net_buf *buf, uint64_t sector, uint32_t sectors);
	/* More members for the JSON object of /status, each with a comma before it. May be NULL. */
	void (*facts)(void *ctx, struct text *json);
};

enum http_phase { HTTP_REQUEST, HTTP_FILE, HTTP_LISTING };

struct http_conn {
	uint32_t id;   /* of the TCP connection; 0: none */
	uint8_t phase; /* enum http_phase */
	bool keep_alive;
	bool starved;  /* waits for a buffer or for room at the disk */
	uint32_t skip; /* bytes of the first sector that are not asked for */
	uint64_t sector, left;
	uint32_t directory, cursor; /* listing: entry + 1 (0: the top), next entry */
	uint64_t idle_at;
};

struct http {
	struct net *net;
	const struct tar *tar;
	struct http_hooks hooks;
	uint64_t started;
	uint64_t requests, errors, file_bytes;
	unsigned seen_put; /* pool.put when starved connections were last looked at */
	bool disk_moved;
	uint64_t looked;
	struct http_conn conns[HTTP_CONNS];
	char head[REQUEST_MAX];
	struct request request;
};

/* Listens on `port`. The stack's connections must be at most HTTP_CONNS. */
int http_init(struct http *http, struct net *net, const struct tar *tar, uint16_t port,
	      const struct http_hooks *hooks);
void http_read_done(struct http *http, struct net_buf *buf, bool ok);
/* After a batch of events, and at http_deadline(). */
void http_poll(struct http *http);
uint64_t http_deadline(const struct http *http);

/* The answer to /status: one JSON object. */
void http_status(struct http *http, struct text *json);
/* The page for a directory, a piece at a time: up to `size` bytes from *cursor on. Returns true when it is whole. */
bool http_listing(const struct tar *tar, uint32_t directory, uint32_t *cursor, struct text *page);
const char *http_type(const char *name, uint32_t len);

#endif
