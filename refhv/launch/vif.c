/*
 * A network card's far end, opened with the caller's own rights: user networking, a tap, a bridge.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include "host/net.h"
#include "launch/resource.h"
#include "netd/client.h"

static uint32_t address(const char *text)
{
	struct in_addr a = {0};

	if (*text)
		inet_pton(AF_INET, text, &a);
	return ntohl(a.s_addr);
}

static void fill_forwards(struct netd_config *n, const struct config_vif *v)
{
	n->n_forwards = v->nforwards < NETD_FORWARDS_MAX ? v->nforwards : NETD_FORWARDS_MAX;
	for (unsigned i = 0; i < n->n_forwards; i++) {
		n->forwards[i] = (struct netd_forward){
			.udp = v->forward[i].udp,
			.host_addr = address(v->forward[i].addr),
			.host_port = v->forward[i].port,
			.guest_addr = address(v->forward[i].guest),
			.guest_port = v->forward[i].guest_port,
		};
	}
}

static void address_text(uint32_t host_order, char text[INET_ADDRSTRLEN])
{
	struct in_addr a = {.s_addr = htonl(host_order)};

	text[0] = 0;
	if (host_order)
		inet_ntop(AF_INET, &a, text, INET_ADDRSTRLEN);
}

/* What people want to know: which ports really lead into the guest. */
static json_t *describe_forwards(int control)
{
	struct netd_forward f[NETD_FORWARDS_MAX];
	json_t *list = json_array();
	int n = netd_forwards(control, f, NETD_FORWARDS_MAX);

	for (int i = 0; i < n && i < NETD_FORWARDS_MAX; i++) {
		char host[INET_ADDRSTRLEN], guest[INET_ADDRSTRLEN];

		address_text(f[i].host_addr, host);
		address_text(f[i].guest_addr, guest);
		json_array_append_new(list, json_pack("{s:s, s:s, s:i, s:s, s:i}", "proto",
						      f[i].udp ? "udp" : "tcp", "host_addr",
						      host[0] ? host : "0.0.0.0", "host_port",
						      (int)f[i].host_port, "guest_addr", guest,
						      "guest_port", (int)f[i].guest_port));
	}
	return list;
}

/* Joins the process that a vif of this uuid has (a domain that moves), or starts one. */
static int attach_user(const struct config_vif *v, const struct resource_owner *o,
		       struct netd_link *link, struct refhv_error *e)
{
	struct netd_config n = {.mtu = v->mtu, .vnet = true};
	char path[256], log[sizeof(o->rundir->path) + CONFIG_NAME_MAX + 16],
		err[NETD_ERR_SIZE] = "";
	int rc = rundir_net_path(o->rundir, o->uuid, v->devid, path, sizeof(path), e);

	if (rc)
		return rc;
	rc = netd_attach(path, link, err);
	if (!rc && o->incoming)
		return 0;
	/* What an earlier domain of this uuid left behind has another domain's connections. */
	if (!rc) {
		netd_quit(link->control);
		close(link->control);
		close(link->frames);
	}
	snprintf(log, sizeof(log), "%s/.log/%s.net.log", o->rundir->path, o->name);
	n.socket_path = path;
	n.log_path = log;
	fill_forwards(&n, v);
	rc = netd_start(&n, err);
	if (!rc)
		rc = netd_attach(path, link, err);
	if (rc)
		return refhv_fail(e, REFHV_RESOURCE,
				  rc == -EADDRINUSE ? "choose another port, or 0 for any free one"
						    : NULL,
				  "vif %u: %s", v->devid, err);
	return 0;
}

static int open_user(const struct config_vif *v, const struct resource_owner *o,
		     struct resource_vif *out, struct refhv_error *e)
{
	struct netd_link link;
	int rc = attach_user(v, o, &link, e);

	if (rc)
		return rc;
	json_object_set_new(out->about, "mtu", json_integer(link.mtu));
	json_object_set_new(out->about, "vnet", json_boolean(link.vnet));
	json_object_set_new(out->about, "forwards", describe_forwards(link.control));
	out->netd = link.control;
	out->frames[0] = link.frames;
	out->n = 1;
	return 0;
}

static int join_bridge(const char *bridge, const char *tap, struct refhv_error *e)
{
	int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), rc = 0;
	struct ifreq ifr = {0};

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", bridge);
	ifr.ifr_ifindex = (int)if_nametoindex(tap);
	if (sock < 0 || (ioctl(sock, SIOCBRADDIF, &ifr) && errno != EBUSY))
		rc = refhv_fail(
			e, REFHV_RESOURCE,
			"make the bridge first (ip link add NAME type bridge), or use net=user",
			"vif: cannot join %s to bridge %s: %s", tap, bridge, strerror(errno));
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", tap);
	if (!rc && !ioctl(sock, SIOCGIFFLAGS, &ifr)) {
		ifr.ifr_flags |= IFF_UP;
		ioctl(sock, SIOCSIFFLAGS, &ifr);
	}
	if (sock >= 0)
		close(sock);
	return rc;
}

/* A large packet has to fit. What may not be said about somebody else's tap is left as it is. */
static void set_mtu(const char *tap, unsigned mtu)
{
	int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq ifr = {.ifr_mtu = (int)mtu};

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", tap);
	if (sock >= 0) {
		ioctl(sock, SIOCSIFMTU, &ifr);
		close(sock);
	}
}

static int open_tap(const struct config_vif *v, const struct resource_owner *o,
		    struct resource_vif *out, struct refhv_error *e)
{
	unsigned queues = o->vcpus < RESOURCE_QUEUES ? o->vcpus : RESOURCE_QUEUES;
	char name[IFNAMSIZ], err[HOST_NET_ERR_SIZE] = "";
	int n;

	if (v->net == CONFIG_NET_TAP)
		snprintf(name, sizeof(name), "%s", v->dev);
	else
		snprintf(name, sizeof(name), "vif%u.%u", o->domid, v->devid);
	n = host_tap_open(name, out->frames, queues, err);
	if (n < 0)
		return refhv_fail(e, REFHV_RESOURCE, NULL, "vif %u: %s", v->devid, err);
	out->n = (unsigned)n;
	if (v->mtu)
		set_mtu(name, v->mtu);
	if (v->net != CONFIG_NET_BRIDGE || !join_bridge(v->dev, name, e))
		return 0;
	while (n)
		close(out->frames[--n]);
	return -(int)e->exit;
}

int resource_vif(const struct config_vif *v, const struct resource_owner *o,
		 struct resource_vif *out, struct refhv_error *e)
{
	int rc = 0;

	*out = (struct resource_vif){.netd = -1, .about = json_object()};
	if (v->mtu)
		json_object_set_new(out->about, "mtu", json_integer(v->mtu));
	switch (v->net) {
	case CONFIG_NET_USER: rc = open_user(v, o, out, e); break;
	case CONFIG_NET_TAP:
	case CONFIG_NET_BRIDGE: rc = open_tap(v, o, out, e); break;
	case CONFIG_NET_NONE: break;
	}
	if (rc)
		json_decref(out->about);
	return rc;
}
