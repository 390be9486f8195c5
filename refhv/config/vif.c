/*
 * xl.cfg's network specifications (xl-network-configuration(5)), with three keys of our own:
 * net=user|none, tap=NAME, and hostfwd=tcp:ADDR:PORT-GUEST:PORT, which may be repeated. Trusts no input.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "config/config.h"

struct spec {
	struct config_vif *v;
	const char *where;
	unsigned line;
	struct config_notes *notes;
	struct refhv_error *e;
};

static int bad(struct spec *s, const char *remedy, const char *what, const char *value)
{
	return refhv_fail_at(s->e, REFHV_CONFIG, s->where, s->line, remedy, "vif: %s \"%.80s\"",
			     what, value);
}

static const char *read_port(const char *p, uint16_t *port)
{
	unsigned n = 0;

	if (!isdigit((unsigned char)*p))
		return NULL;
	for (; isdigit((unsigned char)*p); p++) {
		n = n * 10 + (unsigned)(*p - '0');
		if (n > 65535)
			return NULL;
	}
	*port = (uint16_t)n;
	return p;
}

/* An IPv4 address, possibly empty, that ends at a colon. */
static const char *read_addr(const char *p, char out[46])
{
	const char *colon = strchr(p, ':');
	struct in_addr addr;

	if (!colon || colon - p > 45)
		return NULL;
	memcpy(out, p, (size_t)(colon - p));
	out[colon - p] = 0;
	if (*out && inet_pton(AF_INET, out, &addr) != 1)
		return NULL;
	return colon + 1;
}

static int add_forward(struct spec *s, const char *value)
{
	static const char form[] = "write hostfwd=tcp:127.0.0.1:8080-:80";
	struct config_vif *v = s->v;
	struct config_forward f = {0}, *more;
	const char *p = value;

	if (!strncmp(p, "udp:", 4))
		f.udp = true;
	else if (strncmp(p, "tcp:", 4))
		return bad(s, form, "a forward begins with tcp: or udp:, not", value);
	p = read_addr(p + 4, f.addr);
	if (p)
		p = read_port(p, &f.port);
	if (p && *p == '-')
		p = read_addr(p + 1, f.guest);
	else
		p = NULL;
	if (p)
		p = read_port(p, &f.guest_port);
	if (!p || *p || !f.guest_port)
		return bad(s, form, "bad forward", value);
	/* Nobody should open a port to the world by leaving an address out. */
	if (!f.addr[0])
		strcpy(f.addr, "127.0.0.1");
	if (v->nforwards == CONFIG_MAX_FORWARDS)
		return bad(s, NULL, "too many forwards, the first too many is", value);
	more = realloc(v->forward, (v->nforwards + 1) * sizeof(*more));
	if (!more)
		return refhv_fail(s->e, REFHV_FAILED, NULL, "out of memory");
	v->forward = more;
	v->forward[v->nforwards++] = f;
	return 0;
}

/* RATE/s[@INTERVAL]: a credit of bytes per interval. */
static int set_rate(struct spec *s, const char *value)
{
	static const char form[] = "write rate=10MB/s or rate=1Mb/s@20ms";
	uint64_t n = 0, unit = 1, interval = 50000;
	const char *p = value;

	if (!isdigit((unsigned char)*p))
		return bad(s, form, "bad rate", value);
	for (; isdigit((unsigned char)*p); p++) {
		n = n * 10 + (uint64_t)(*p - '0');
		if (n > 1000000000)
			return bad(s, form, "rate out of range:", value);
	}
	if (*p == 'G' || *p == 'M' || *p == 'K')
		unit = *p == 'G' ? 1000000000 : *p == 'M' ? 1000000 : 1000;
	if (unit > 1)
		p++;
	if (*p != 'B' && *p != 'b')
		return bad(s, form, "unknown unit in rate", value);
	n *= unit;
	if (*p++ == 'b')
		n /= 8;
	if (strncmp(p, "/s", 2))
		return bad(s, form, "a rate is per second; /s is missing in", value);
	p += 2;
	if (*p == '@') {
		char *end;
		unsigned long t = isdigit((unsigned char)p[1]) ? strtoul(p + 1, &end, 10) : 0;

		if (!t || t > 1000000)
			return bad(s, form, "bad interval in rate", value);
		if (!strcmp(end, "us"))
			interval = t;
		else if (!strcmp(end, "ms"))
			interval = t * 1000;
		else if (!strcmp(end, "s"))
			interval = t * 1000000;
		else
			return bad(s, form, "unknown unit of time in rate", value);
		p = end + strlen(end);
	}
	if (*p || !n || interval > 10000000)
		return bad(s, form, "bad rate", value);
	s->v->rate_interval_us = (uint32_t)interval;
	s->v->rate_bytes = (uint64_t)((unsigned __int128)n * interval / 1000000);
	return 0;
}

static int set_device(struct spec *s, enum config_net net, const char *key, const char *value)
{
	size_t n = strlen(value);

	if (!n || n >= sizeof(s->v->dev) || strpbrk(value, "/ :") || !strcmp(value, ".") ||
	    !strcmp(value, ".."))
		return bad(s, "use the name of a network interface, as `ip link` shows it", key,
			   value);
	s->v->net = net;
	strcpy(s->v->dev, value);
	return 0;
}

static int set_mac(struct spec *s, const char *value)
{
	if (config_mac_parse(value, s->v->mac))
		return bad(s, "write six hexadecimal bytes, as in 00:16:3e:12:34:56", "bad mac",
			   value);
	if (s->v->mac[0] & 1)
		return bad(s, "clear the lowest bit of the first byte", "a multicast mac", value);
	return 0;
}

static int set_key(struct spec *s, const char *key, const char *value)
{
	static const char *const ignored[] = {"script", "vifname", "gatewaydev", "devid",
					      "vlan",	"accel",   "colo"};
	struct config_vif *v = s->v;

	if (!strcmp(key, "mac"))
		return set_mac(s, value);
	if (!strcmp(key, "bridge"))
		return set_device(s, CONFIG_NET_BRIDGE, "bad bridge name", value);
	if (!strcmp(key, "tap"))
		return set_device(s, CONFIG_NET_TAP, "bad tap name", value);
	if (!strcmp(key, "net")) {
		if (strcmp(value, "user") && strcmp(value, "none"))
			return bad(s, "use net=user, net=none, tap=NAME or bridge=NAME",
				   "unknown kind of network", value);
		v->net = !strcmp(value, "user") ? CONFIG_NET_USER : CONFIG_NET_NONE;
		v->dev[0] = 0;
		return 0;
	}
	if (!strcmp(key, "hostfwd"))
		return add_forward(s, value);
	if (!strcmp(key, "rate"))
		return set_rate(s, value);
	if (!strcmp(key, "ip")) {
		if (strlen(value) >= sizeof(v->ip))
			return bad(s, NULL, "ip is too long:", value);
		strcpy(v->ip, value);
		return 0;
	}
	if (!strcmp(key, "mtu")) {
		char *end;
		unsigned long mtu = strtoul(value, &end, 10);

		if (!*value || *end || mtu < 68 || mtu > 65535)
			return bad(s, "use 68 to 65535", "bad mtu", value);
		v->mtu = (uint32_t)mtu;
		return 0;
	}
	if (!strcmp(key, "type")) {
		if (strcmp(value, "vif"))
			return bad(s, "use type=vif",
				   "emulated network cards are not supported:", value);
		return 0;
	}
	if (!strcmp(key, "model"))
		return bad(s, "leave model out: the guest gets a paravirtual card",
			   "emulated network cards are not supported:", value);
	if (!strcmp(key, "backend"))
		return bad(s, "leave it out", "driver domains are not supported, backend is",
			   value);
	for (unsigned i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++) {
		if (!strcmp(key, ignored[i])) {
			config_note(s->notes, s->line,
				    "vif: %.40s is not used by refhv and ignored", key);
			return 0;
		}
	}
	return bad(s, "see refhv.cfg(5)", "unknown key", key);
}

static int field(struct spec *s, char *text)
{
	char *eq;
	size_t n;

	while (*text == ' ' || *text == '\t')
		text++;
	for (n = strlen(text); n && (text[n - 1] == ' ' || text[n - 1] == '\t');)
		text[--n] = 0;
	if (!n)
		return 0;
	if (!strcmp(text, "trusted") || !strcmp(text, "untrusted")) {
		s->v->trusted = *text == 't';
		return 0;
	}
	eq = strchr(text, '=');
	if (!eq)
		return bad(s, "write KEY=VALUE pairs separated by commas", "no value for", text);
	*eq = 0;
	return set_key(s, text, eq + 1);
}

int config_vif_parse(struct config_vif *v, const char *spec, const char *where, unsigned line,
		     struct config_notes *notes, struct refhv_error *e)
{
	struct spec s = {.v = v, .where = where, .line = line, .notes = notes, .e = e};
	char *copy = strdup(spec), *next = copy;
	int rc = copy ? 0 : refhv_fail(e, REFHV_FAILED, NULL, "out of memory");

	memset(v, 0, sizeof(*v));
	v->net = CONFIG_NET_USER;
	v->trusted = true;
	while (!rc && next) {
		char *text = next;

		next = strchr(text, ',');
		if (next)
			*next++ = 0;
		rc = field(&s, text);
	}
	free(copy);
	if (!rc && v->nforwards && v->net != CONFIG_NET_USER)
		rc = bad(&s, "leave bridge, tap and net=none out, or forward with your firewall",
			 "hostfwd needs net=user:", spec);
	if (rc) {
		free(v->forward);
		memset(v, 0, sizeof(*v));
	}
	return rc;
}
