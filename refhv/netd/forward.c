/* The text form of a host forward, read and written. Trusts nobody: the text comes from a configuration file. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "netd/client.h"

static int fail(char *err, const char *text, const char *why)
{
	snprintf(err, NETD_ERR_SIZE, "forward \"%.100s\": %s", text, why);
	return -EINVAL;
}

/* "[ADDR]:PORT" up to `end`. */
static int parse_end(const char *from, const char *end, uint32_t *addr, uint16_t *port)
{
	const char *colon = memchr(from, ':', (size_t)(end - from));
	char host[INET_ADDRSTRLEN] = "";
	unsigned long n = 0;
	struct in_addr in;

	if (!colon || (size_t)(colon - from) >= sizeof(host) || colon + 1 == end || end - colon > 6)
		return -EINVAL;
	for (const char *p = colon + 1; p < end; p++) {
		if (*p < '0' || *p > '9')
			return -EINVAL;
		n = n * 10 + (unsigned long)(*p - '0');
	}
	if (n > 65535)
		return -EINVAL;
	*port = (uint16_t)n;
	if (colon == from)
		return 0;
	memcpy(host, from, (size_t)(colon - from));
	if (inet_pton(AF_INET, host, &in) != 1)
		return -EINVAL;
	*addr = ntohl(in.s_addr);
	return 0;
}

int netd_forward_parse(const char *text, struct netd_forward *f, char err[NETD_ERR_SIZE])
{
	const char *at = text, *dash;

	*f = (struct netd_forward){.host_addr = INADDR_LOOPBACK};
	if (!strncmp(at, "udp:", 4))
		f->udp = 1;
	else if (strncmp(at, "tcp:", 4))
		return fail(err, text, "begins with neither tcp: nor udp:");
	at += 4;
	dash = strchr(at, '-');
	if (!dash)
		return fail(err, text, "has no '-' between the host's and the guest's side");
	if (parse_end(at, dash, &f->host_addr, &f->host_port))
		return fail(err, text, "the host's side is not [IPV4-ADDRESS]:PORT");
	if (parse_end(dash + 1, text + strlen(text), &f->guest_addr, &f->guest_port) ||
	    !f->guest_port)
		return fail(err, text, "the guest's side is not [IPV4-ADDRESS]:PORT");
	return 0;
}

int netd_forward_format(const struct netd_forward *f, char *text, size_t size)
{
	struct in_addr host = {htonl(f->host_addr)}, guest = {htonl(f->guest_addr)};
	char h[INET_ADDRSTRLEN] = "", g[INET_ADDRSTRLEN] = "";

	inet_ntop(AF_INET, &host, h, sizeof(h));
	if (f->guest_addr)
		inet_ntop(AF_INET, &guest, g, sizeof(g));
	return snprintf(text, size, "%s:%s:%u-%s:%u", f->udp ? "udp" : "tcp", h, f->host_port, g,
			f->guest_port);
}
