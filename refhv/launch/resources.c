/*
 * Everything that a domain will touch, opened by the launcher with the caller's own rights.
 *
 * Formats are never guessed: a disk is the bytes that it is.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "host/net.h"
#include "launch/launch.h"
#include "netd/client.h"

static int no_file(struct refhv_error *e, enum refhv_exit exit, const char *path, const char *what)
{
	const char *remedy = errno == EACCES || errno == EPERM
				     ? "change its permissions, or run refhv as a user who may"
				     : "check the path in the configuration";

	return refhv_fail_at(e, exit, path, 0, remedy, "cannot open the %s: %s", what,
			     strerror(errno));
}

static int open_image(struct launch *l, const char *role, const char *path, struct refhv_error *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct stat st;

	if (fd < 0)
		return no_file(e, REFHV_IMAGE, path, role);
	if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		close(fd);
		return refhv_fail_at(e, REFHV_IMAGE, path, 0, "give the path of a file",
				     "the %s is not a regular file", role);
	}
	return launch_add(l, role, fd, e);
}

/* Absolute; or beside the configuration; or, as xl has it, below /dev. */
static void disk_path(const struct refhv_config *c, const struct config_disk *d,
		      char path[PATH_MAX])
{
	if (d->target[0] == '/') {
		snprintf(path, PATH_MAX, "%s", d->target);
		return;
	}
	snprintf(path, PATH_MAX, "%s/%s", c->base_dir, d->target);
	if (access(path, F_OK) && errno == ENOENT) {
		char dev[PATH_MAX];

		snprintf(dev, sizeof(dev), "/dev/%s", d->target);
		if (!access(dev, F_OK))
			strcpy(path, dev);
	}
}

enum { LOCK_MS = 500 };

/*
 * Two writers of one image destroy it: a disk that is written is its domain's alone, one that is only read is shared with others that
 * read. The lock lives with the open file, so as long as any process of the domain. A domain that moves in cannot have it: the process
 * that it comes from still does.
 */
static int lock_disk(int fd, const struct config_disk *d, const char *path, struct refhv_error *e)
{
	/* An io_uring lets go of its files a moment after its process has ended. */
	for (int waited = 0; waited < LOCK_MS; waited += 5) {
		if (!flock(fd, (d->readonly ? LOCK_SH : LOCK_EX) | LOCK_NB) || errno != EWOULDBLOCK)
			return 0;
		nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
	}
	return refhv_fail_at(e, REFHV_RESOURCE, path, 0,
			     "end the domain that has it, or say ro in all of them",
			     "disk %s is in use by another domain or twice in this one", d->vdev);
}

static int open_disk(struct launch *l, const struct refhv_config *c, unsigned index, bool lock,
		     struct refhv_error *e)
{
	const struct config_disk *d = &c->disk[index];
	char path[PATH_MAX], role[16];
	struct stat st;
	int fd;

	/* A drive without a disc: there is nothing to serve. */
	if (!d->target || !*d->target)
		return 0;
	disk_path(c, d, path);
	fd = open(path, (d->readonly ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0 && (errno == EACCES || errno == EROFS) && !d->readonly && !access(path, R_OK))
		return refhv_fail_at(e, REFHV_RESOURCE, path, 0,
				     "make it writable, or say ro in the disk line",
				     "disk %s may not be written", d->vdev);
	if (fd < 0)
		return no_file(e, REFHV_RESOURCE, path, "disk");
	if (fstat(fd, &st) || (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))) {
		close(fd);
		return refhv_fail_at(e, REFHV_RESOURCE, path, 0,
				     "give a raw image or a block device",
				     "disk %s is neither a file nor a block device", d->vdev);
	}
	if (lock && lock_disk(fd, d, path, e)) {
		close(fd);
		return -(int)e->exit;
	}
	snprintf(role, sizeof(role), "disk%u", index);
	return launch_add(l, role, fd, e);
}

/* A queue is a thread in the domain process; a guest uses no more than it has vCPUs. */
#define TAP_QUEUES 4u

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
static int attach_user(struct launch *l, const struct refhv_config *c, unsigned index,
		       bool incoming, struct netd_link *link, struct refhv_error *e)
{
	struct netd_config n = {.mtu = c->vif[index].mtu, .vnet = true};
	char path[256], log[sizeof(l->rundir->path) + CONFIG_NAME_MAX + 16],
		err[NETD_ERR_SIZE] = "";
	int rc = rundir_net_path(l->rundir, c->uuid, index, path, sizeof(path), e);

	if (rc)
		return rc;
	rc = netd_attach(path, link, err);
	if (!rc && incoming)
		return 0;
	/* What an earlier domain of this uuid left behind has another domain's connections. */
	if (!rc) {
		netd_quit(link->control);
		close(link->control);
		close(link->frames);
	}
	snprintf(log, sizeof(log), "%s/.log/%s.net.log", l->rundir->path, l->name);
	n.socket_path = path;
	n.log_path = log;
	fill_forwards(&n, &c->vif[index]);
	rc = netd_start(&n, err);
	if (!rc)
		rc = netd_attach(path, link, err);
	if (rc)
		return refhv_fail(e, REFHV_RESOURCE,
				  rc == -EADDRINUSE ? "choose another port, or 0 for any free one"
						    : NULL,
				  "vif %u: %s", index, err);
	return 0;
}

static int open_user(struct launch *l, const struct refhv_config *c, unsigned index, bool incoming,
		     json_t *about, struct refhv_error *e)
{
	struct netd_link link;
	char role[16];
	int rc = attach_user(l, c, index, incoming, &link, e);

	if (rc)
		return rc;
	json_object_set_new(about, "mtu", json_integer(link.mtu));
	json_object_set_new(about, "vnet", json_boolean(link.vnet));
	json_object_set_new(about, "forwards", describe_forwards(link.control));
	snprintf(role, sizeof(role), "netd%u", index);
	rc = launch_add(l, role, link.control, e);
	snprintf(role, sizeof(role), "vif%u", index);
	if (rc)
		close(link.frames);
	return rc ? rc : launch_add(l, role, link.frames, e);
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

static int open_tap(struct launch *l, const struct refhv_config *c, unsigned index,
		    struct refhv_error *e)
{
	const struct config_vif *v = &c->vif[index];
	unsigned queues = c->vcpus < TAP_QUEUES ? c->vcpus : TAP_QUEUES;
	char name[IFNAMSIZ], err[HOST_NET_ERR_SIZE] = "", role[24];
	int fd[TAP_QUEUES], n, rc = 0;

	if (v->net == CONFIG_NET_TAP)
		snprintf(name, sizeof(name), "%s", v->dev);
	else
		snprintf(name, sizeof(name), "vif%u.%u", l->claim.domid, index);
	n = host_tap_open(name, fd, queues, err);
	if (n < 0)
		return refhv_fail(e, REFHV_RESOURCE, NULL, "vif %u: %s", index, err);
	if (v->mtu)
		set_mtu(name, v->mtu);
	if (v->net == CONFIG_NET_BRIDGE)
		rc = join_bridge(v->dev, name, e);
	for (int i = 0; i < n; i++) {
		snprintf(role, sizeof(role), i ? "vif%u.%d" : "vif%u", index, i);
		if (rc)
			close(fd[i]);
		else
			rc = launch_add(l, role, fd[i], e);
	}
	return rc;
}

static int open_vif(struct launch *l, const struct refhv_config *c, unsigned index, bool incoming,
		    struct refhv_error *e)
{
	json_t *links = json_object_get(l->msg, "links"), *about = json_object();

	json_array_append_new(links, about);
	if (c->vif[index].mtu)
		json_object_set_new(about, "mtu", json_integer(c->vif[index].mtu));
	switch (c->vif[index].net) {
	case CONFIG_NET_USER: return open_user(l, c, index, incoming, about, e);
	case CONFIG_NET_TAP:
	case CONFIG_NET_BRIDGE: return open_tap(l, c, index, e);
	case CONFIG_NET_NONE: break;
	}
	return 0;
}

int launch_open_resources(struct launch *l, const struct refhv_config *c,
			  const struct launch_options *o, struct refhv_error *e)
{
	bool incoming = o->incoming;
	int rc = 0;

	json_object_set_new(l->msg, "links", json_array());
	/* A domain that moves in needs its kernel only when it reboots. */
	if (c->kernel)
		rc = open_image(l, "kernel", c->kernel, e);
	if (!rc && c->ramdisk)
		rc = open_image(l, "ramdisk", c->ramdisk, e);
	if (rc && incoming)
		rc = 0;
	if (!rc && !incoming)
		rc = launch_open_kvm(l, c, e);
	for (unsigned i = 0; i < c->ndisks && !rc; i++)
		rc = open_disk(l, c, i, strcmp(o->mode, "receive"), e);
	for (unsigned i = 0; i < c->nvifs && !rc; i++)
		rc = open_vif(l, c, i, incoming, e);
	return rc;
}
