/*
 * /dev/kvm for a domain: opened with the caller's own rights, or handed to refhv by who has them.
 *
 * Without it there may still be a domain: the `user` engine wants none. So what is missing is told to the domain process, which
 * knows the image and says it if it matters. Only a descriptor that was promised and is none is an error here.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "launch/launch.h"

#define DEVICE	 "/dev/kvm"
#define VARIABLE "REFHV_KVM_FD"

static bool is_kvm(int fd)
{
	return ioctl(fd, KVM_GET_API_VERSION, 0) == KVM_API_VERSION;
}

/* The descriptor stays the caller's. */
static int inherited(const char *number, struct refhv_error *e)
{
	char *end;
	long n = strtol(number, &end, 10);
	int fd = *number && !*end && n >= 0 && n < 1 << 20 ? fcntl((int)n, F_DUPFD_CLOEXEC, 3) : -1;

	if (fd >= 0 && is_kvm(fd))
		return fd;
	if (fd >= 0)
		close(fd);
	return refhv_fail(e, REFHV_ENGINE,
			  "open " DEVICE " for reading and writing as that descriptor",
			  VARIABLE "=%.20s: that is no descriptor of " DEVICE, number);
}

/* What a person reads behind "the kvm engine cannot run here: ". */
static const char *missing(int error)
{
	switch (error) {
	case EACCES:
	case EPERM:
		return DEVICE ": permission denied; become a member of the group kvm (usermod -aG "
			      "kvm NAME, "
			      "then log in anew)";
	case ENOENT:
	case ENXIO:
	case ENODEV:
		return DEVICE " is not there; load the module kvm_intel or kvm_amd, and switch "
			      "virtualization on in the firmware";
	}
	return NULL;
}

int launch_open_kvm(struct launch *l, const struct refhv_config *c, struct refhv_error *e)
{
	const char *number = getenv(VARIABLE), *why;
	char text[128];
	int fd;

	if (c->engine == CONFIG_ENGINE_USER || c->type == CONFIG_TYPE_PV)
		return 0;
	fd = number ? inherited(number, e) : open(DEVICE, O_RDWR | O_CLOEXEC);
	if (fd >= 0 && is_kvm(fd))
		return launch_add(l, "kvm", fd, e);
	if (number)
		return -(int)e->exit;
	why = fd >= 0 ? DEVICE " is not KVM" : missing(errno);
	if (!why) {
		snprintf(text, sizeof(text), DEVICE ": %s", strerror(errno));
		why = text;
	}
	json_object_set_new(l->msg, "no_kvm", json_string(why));
	if (fd >= 0)
		close(fd);
	return 0;
}
