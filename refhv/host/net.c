/*
 * The I/O thread of one network card: see net.h. Trusts neither the guest nor the far end: a frame is bytes with a
 * length, and its copy here is private (the backend's).
 */
#include "host/net.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <pv/abi/errno.h>

#define BUDGET	   64
#define ETHERNET   14
#define VLAN	   4
#define MTU_NORMAL 1500u

struct host_net {
	struct pv_netback back;
	struct pv_netback_far far;
	pthread_t thread;
	pthread_mutex_t
		lock; /* the backend: the thread holds it while it works, never while it sleeps */
	int frames, kick, wake;
	bool socket;
	bool stop;
	bool deaf; /* the far end is gone: its descriptor would wake us for ever */
	void *memory;
};

static int far_tx(void *ctx, const void *frame, uint32_t len, const struct pv_net_meta *meta)
{
	struct host_net *n = ctx;
	ssize_t rc;

	(void)meta;
	if (n->deaf)
		return 0;
	do {
		rc = n->socket ? send(n->frames, frame, len, MSG_DONTWAIT | MSG_NOSIGNAL)
			       : write(n->frames, frame, len);
	} while (rc < 0 && errno == EINTR);
	/* Any other error is about this frame (a tap that is down, a frame that is too large): a wire would drop it. */
	return rc < 0 && (errno == EAGAIN || errno == ENOBUFS) ? -PV_EAGAIN : 0;
}

static int far_rx(void *ctx, void *buf, uint32_t cap, struct pv_net_meta *meta)
{
	struct host_net *n = ctx;
	ssize_t rc;

	(void)meta;
	if (n->deaf)
		return 0;
	do {
		rc = n->socket ? recv(n->frames, buf, cap, MSG_DONTWAIT | MSG_TRUNC)
			       : read(n->frames, buf, cap);
	} while (rc < 0 && errno == EINTR);
	if (rc > (ssize_t)cap)
		return -PV_E2BIG;
	if (rc >= ETHERNET)
		return (int)rc;
	if (rc == 0 || (rc < 0 && errno != EAGAIN && errno != ENOBUFS))
		n->deaf = true;
	return rc > 0 ? -PV_E2BIG : 0;
}

static void drain(int fd)
{
	uint64_t count;

	if (read(fd, &count, sizeof(count)) < 0)
		return;
}

static void *run(void *arg)
{
	struct host_net *n = arg;
	struct pollfd fds[3] = {
		{.fd = n->kick, .events = POLLIN}, {.fd = n->wake, .events = POLLIN}, {.fd = -1}};

	for (;;) {
		int rc;

		pthread_mutex_lock(&n->lock);
		if (n->stop) {
			pthread_mutex_unlock(&n->lock);
			return NULL;
		}
		rc = n->back.quiet ? -PV_ENOTCONN : pv_netback_work(&n->back, BUDGET);
		/*
		 * The guest is asked for an event after all its frames were looked at, and looked at once more:
		 * pairs with its publishing a frame before it reads what was asked for.
		 */
		if (rc >= 0 && !(rc & (PV_NETBACK_MORE | PV_NETBACK_FAR_FULL)) &&
		    pv_netback_arm(&n->back))
			rc |= PV_NETBACK_MORE;
		pthread_mutex_unlock(&n->lock);
		if (rc >= 0 && rc & PV_NETBACK_MORE)
			continue;
		fds[2].events = (short)((rc & PV_NETBACK_NO_ROOM ? 0 : POLLIN) |
					(rc & PV_NETBACK_FAR_FULL ? POLLOUT : 0));
		fds[2].fd = rc < 0 || n->deaf || !fds[2].events ? -1 : n->frames;
		if (poll(fds, 3, -1) < 0)
			continue;
		if (fds[0].revents)
			drain(n->kick);
		if (fds[1].revents)
			drain(n->wake);
	}
}

static void nudge(struct host_net *n)
{
	uint64_t one = 1;

	if (write(n->wake, &one, sizeof(one)) < 0)
		return; /* full: it is awake */
}

static int start(struct host_net *n, const struct host_net_config *config)
{
	struct pv_netback_config back = {.mtu = config->mtu > MTU_NORMAL ? config->mtu : 0};
	uint32_t frame = (config->mtu ? config->mtu : MTU_NORMAL) + ETHERNET + VLAN;
	sigset_t all, old;
	int rc;

	back.max_frame = frame < PV_NET_MAX_FRAME ? frame : PV_NET_MAX_FRAME;
	n->far = (struct pv_netback_far){
		.size = sizeof(n->far), .ctx = n, .tx = far_tx, .rx = far_rx};
	rc = pv_netback_init(&n->back, config->bus, &n->far, &back, n->memory);
	if (rc)
		return rc;
	/* Signals are the control loop's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(&n->thread, NULL, run, n);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return -rc;
}

int host_net_create(struct host_net **out, const struct host_net_config *config,
		    char err[HOST_NET_ERR_SIZE])
{
	struct host_net *n = calloc(1, sizeof(*n));
	int type = 0, rc = -ENOMEM;
	socklen_t len = sizeof(type);

	*out = NULL;
	if (n) {
		n->frames = config->frames;
		n->kick = config->kick;
		n->socket = !getsockopt(config->frames, SOL_SOCKET, SO_TYPE, &type, &len);
		n->memory = malloc(PV_NETBACK_MEM);
		n->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		pthread_mutex_init(&n->lock, NULL);
		if (n->socket && type != SOCK_SEQPACKET && type != SOCK_DGRAM)
			rc = -EPROTOTYPE;
		else if (n->memory && n->wake >= 0)
			rc = start(n, config);
	}
	if (!rc) {
		fcntl(n->frames, F_SETFL, fcntl(n->frames, F_GETFL) | O_NONBLOCK);
		*out = n;
		return 0;
	}
	snprintf(err, HOST_NET_ERR_SIZE, "network card: %s", strerror(-rc));
	close(config->frames);
	if (n) {
		if (n->wake >= 0)
			close(n->wake);
		free(n->memory);
		free(n);
	}
	return rc;
}

int host_net_step(struct host_net *n)
{
	int rc;

	pthread_mutex_lock(&n->lock);
	rc = pv_netback_step(&n->back);
	pthread_mutex_unlock(&n->lock);
	nudge(n);
	return rc;
}

void host_net_quiesce(struct host_net *n, bool on)
{
	pthread_mutex_lock(&n->lock);
	pv_netback_quiesce(&n->back, on);
	pthread_mutex_unlock(&n->lock);
	nudge(n);
}

int host_net_export(struct host_net *n, struct pv_netback_state *state)
{
	int rc;

	pthread_mutex_lock(&n->lock);
	rc = pv_netback_export(&n->back, state);
	pthread_mutex_unlock(&n->lock);
	return rc;
}

int host_net_import(struct host_net *n, const struct pv_netback_state *state)
{
	int rc;

	pthread_mutex_lock(&n->lock);
	rc = pv_netback_import(&n->back, state);
	pthread_mutex_unlock(&n->lock);
	return rc;
}

void host_net_stats(struct host_net *n, struct pv_netback_stats *stats)
{
	pthread_mutex_lock(&n->lock);
	*stats = n->back.stats;
	pthread_mutex_unlock(&n->lock);
}

void host_net_destroy(struct host_net *n)
{
	pthread_mutex_lock(&n->lock);
	n->stop = true;
	pthread_mutex_unlock(&n->lock);
	nudge(n);
	pthread_join(n->thread, NULL);
	pv_netback_destroy(&n->back);
	pthread_mutex_destroy(&n->lock);
	close(n->frames);
	close(n->wake);
	free(n->memory);
	free(n);
}

int host_tap_open(const char *name, char err[HOST_NET_ERR_SIZE])
{
	struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};
	int fd, rc;

	if (strlen(name) >= sizeof(request.ifr_name)) {
		snprintf(err, HOST_NET_ERR_SIZE,
			 "tap %.40s: the name is longer than %zu characters", name,
			 sizeof(request.ifr_name) - 1);
		return -ENAMETOOLONG;
	}
	strcpy(request.ifr_name, name);
	fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0) {
		rc = -errno;
		snprintf(err, HOST_NET_ERR_SIZE, "tap %s: /dev/net/tun: %s%s", name, strerror(-rc),
			 rc == -ENOENT ? "; load the module tun, or use user networking"
				       : "; ask for access, or use user networking");
		return rc;
	}
	if (ioctl(fd, TUNSETIFF, &request)) {
		rc = -errno;
		snprintf(err, HOST_NET_ERR_SIZE, "tap %s: %s%s", name, strerror(-rc),
			 rc == -EPERM ? "; as root: ip tuntap add mode tap user YOU name NAME, or "
					"use user networking"
			 : rc == -EBUSY ? "; another program has it"
					: "");
		close(fd);
		return rc;
	}
	return fd;
}
