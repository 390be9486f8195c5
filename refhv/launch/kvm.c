/*
 * /dev/kvm for a domain: opened with the caller's own rights, or handed to refhv by who has them.
 *
 * Without it there may still be a domain: the `user` engine wants none. So what is missing is told to the domain process, which
 * knows the image and says it if it matters. Only a descriptor that was promised and is none is an error here.
 */
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "engine/kvm/kvm_probe.h"
#include "launch/launch.h"

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
			  "open /dev/kvm for reading and writing as that descriptor",
			  VARIABLE "=%.20s: that is no descriptor of /dev/kvm", number);
}

int launch_open_kvm(struct launch *l, const struct refhv_config *c, struct refhv_error *e)
{
	const char *number = getenv(VARIABLE);
	struct kvm_speed speed;
	char why[256];
	int fd;

	if (c->engine == CONFIG_ENGINE_USER || c->type == CONFIG_TYPE_PV)
		return 0;
	fd = number ? inherited(number, e) : kvm_open(why, sizeof(why));
	/* Another descriptor may be of another KVM. */
	if (fd >= 0 && !number && launch_kvm_speed_load(l->rundir->fd, &speed))
		json_object_set_new(l->msg, "kvm_speed", launch_kvm_speed_to_json(&speed));
	if (fd >= 0 && number)
		json_object_set_new(l->msg, "kvm_inherited", json_true());
	if (fd >= 0)
		return launch_add(l, "kvm", fd, e);
	if (number)
		return fd;
	json_object_set_new(l->msg, "no_kvm", json_string(why));
	return 0;
}
