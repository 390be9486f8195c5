/* The web server as one object. Trusts its caller; the parts distrust the world. */
#include "web.h"

int web_start(struct web *web, const struct net_config *net, const struct http_hooks *http,
	      const struct smtp_hooks *smtp, struct net_buf *bufs, unsigned n, void *memory)
{
	int rc;

	net_pool_init(&web->pool, bufs, n, memory);
	net_init(&web->net, net, &web->pool, web->conns, WEB_CONNS);
	rc = http_init(&web->http, &web->net, &web->tar, 80, http);
	if (!rc)
		rc = smtp_init(&web->smtp, &web->net, 25, smtp);
	return rc;
}

void web_poll(struct web *web)
{
	net_poll(&web->net);
	http_poll(&web->http);
	smtp_poll(&web->smtp);
}

uint64_t web_deadline(const struct web *web)
{
	uint64_t at = net_deadline(&web->net), http = http_deadline(&web->http),
		 smtp = smtp_deadline(&web->smtp);

	if (http < at)
		at = http;
	return smtp < at ? smtp : at;
}
