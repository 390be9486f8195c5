/*
 * The web server as one object: stack, archive, HTTP and mail. What the guest's main.c and the hosted tests stand on.
 * All calls are made by one thread; see net.h.
 */
#ifndef WEB_WEB_H
#define WEB_WEB_H

#include "http.h"
#include "net.h"
#include "smtp.h"
#include "tar.h"

#define WEB_CONNS 128

struct web {
	struct net net;
	struct tar tar; /* filled in (tar_feed) before web_start() */
	struct http http;
	struct smtp smtp;
	struct net_pool pool;
	struct tcp_conn conns[WEB_CONNS];
};

/* `bufs` and `memory` (n * NET_BUF_SIZE bytes) are the caller's, for as long as the server lives. */
int web_start(struct web *web, const struct net_config *net, const struct http_hooks *http,
	      const struct smtp_hooks *smtp, struct net_buf *bufs, unsigned n, void *memory);
/* After a batch of events, and at web_deadline(). */
void web_poll(struct web *web);
uint64_t web_deadline(const struct web *web);

#endif
