/*
 * Opening a tap: see net.h. Trusts the kernel; the name is the caller's own.
 */
#include "host/net.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static int open_queue(const char *name, int flags)
{
	struct ifreq request = {.ifr_flags = (short)flags};
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC), rc,
	    header = (int)sizeof(struct virtio_net_hdr);

	if (fd < 0)
		return -errno;
	strcpy(request.ifr_name, name);
	if (!ioctl(fd, TUNSETIFF, &request) && !ioctl(fd, TUNSETVNETHDRSZ, &header) &&
	    !ioctl(fd, TUNSETOFFLOAD, 0))
		return fd;
	rc = -errno;
	close(fd);
	return rc;
}

static int explain(const char *name, int rc, char err[HOST_NET_ERR_SIZE])
{
	if (rc == -ENOENT || access("/dev/net/tun", R_OK | W_OK))
		snprintf(err, HOST_NET_ERR_SIZE, "tap %s: /dev/net/tun: %s%s", name, strerror(-rc),
			 rc == -ENOENT ? "; load the module tun, or use user networking"
				       : "; ask for access, or use user networking");
	else
		snprintf(err, HOST_NET_ERR_SIZE, "tap %s: %s%s", name, strerror(-rc),
			 rc == -EPERM ? "; as root: ip tuntap add mode tap user YOU name NAME, or "
					"use user networking"
			 : rc == -EBUSY ? "; another program has it"
					: "");
	return rc;
}

int host_tap_open(const char *name, int *fd, unsigned queues, char err[HOST_NET_ERR_SIZE])
{
	const int plain = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
	unsigned n;

	if (strlen(name) >= IFNAMSIZ) {
		snprintf(err, HOST_NET_ERR_SIZE, "tap %.40s: the name is longer than %d characters",
			 name, IFNAMSIZ - 1);
		return -ENAMETOOLONG;
	}
	fd[0] = open_queue(name, plain | (queues > 1 ? IFF_MULTI_QUEUE : 0));
	/* One that somebody made beforehand has several queues, or has not. */
	if (fd[0] == -EINVAL) {
		fd[0] = open_queue(name, plain | (queues > 1 ? 0 : IFF_MULTI_QUEUE));
		queues = 1;
	}
	if (fd[0] < 0)
		return explain(name, fd[0], err);
	for (n = 1; n < queues; n++) {
		fd[n] = open_queue(name, plain | IFF_MULTI_QUEUE);
		if (fd[n] < 0)
			break;
	}
	return (int)n;
}
