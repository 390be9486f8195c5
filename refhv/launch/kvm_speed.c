/*
 * How fast this machine's /dev/kvm is, remembered until the next boot: a measurement makes a virtual machine, which costs more than a
 * small guest's whole start.
 *
 * The file is the caller's own, but it may be damaged, and the numbers come from a domain process: they decide between two engines that
 * both work, and make a warning, no more.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "launch/launch.h"

#define NAME	 ".kvm-speed"
#define NEW_NAME ".kvm-speed.new"

enum { BOOT_ID = 37 };

static bool read_text(int dir, const char *path, char *text, size_t size)
{
	int fd = openat(dir, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n = fd < 0 ? -1 : read(fd, text, size - 1);

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = 0;
	return n > 0;
}

static bool boot_id(char id[BOOT_ID])
{
	return read_text(AT_FDCWD, "/proc/sys/kernel/random/boot_id", id, BOOT_ID) &&
	       strlen(id) == BOOT_ID - 1;
}

static bool plausible(const struct kvm_speed *s)
{
	return s->exit_ns && s->exit_ns <= KVM_SPEED_BUDGET_NS && s->rate > 0 && s->rate < 1e12;
}

bool launch_kvm_speed_load(int rundir_fd, struct kvm_speed *s)
{
	char text[128], id[BOOT_ID], then[BOOT_ID];
	unsigned long long exit_ns, rate;

	if (!read_text(rundir_fd, NAME, text, sizeof(text)) || !boot_id(id) ||
	    sscanf(text, "%36s %llu %llu\n", then, &exit_ns, &rate) != 3 || strcmp(id, then))
		return false;
	*s = (struct kvm_speed){exit_ns, (double)rate};
	return plausible(s);
}

void launch_kvm_speed_store(int rundir_fd, const struct kvm_speed *s)
{
	char text[128], id[BOOT_ID];
	int fd, n;

	if (!plausible(s) || !boot_id(id))
		return;
	n = snprintf(text, sizeof(text), "%s %llu %llu\n", id, (unsigned long long)s->exit_ns,
		     (unsigned long long)s->rate);
	fd = openat(rundir_fd, NEW_NAME, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
		    0600);
	/* What cannot be remembered is measured again. */
	if (fd >= 0 && write(fd, text, (size_t)n) == n)
		renameat(rundir_fd, NEW_NAME, rundir_fd, NAME);
	if (fd >= 0)
		close(fd);
}

json_t *launch_kvm_speed_to_json(const struct kvm_speed *s)
{
	return json_pack("{s:I, s:f}", "exit_ns", (json_int_t)s->exit_ns, "rate", s->rate);
}

bool launch_kvm_speed_from_json(const json_t *o, struct kvm_speed *s)
{
	json_int_t exit_ns = json_integer_value(json_object_get(o, "exit_ns"));

	*s = (struct kvm_speed){exit_ns > 0 ? (uint64_t)exit_ns : 0,
				json_real_value(json_object_get(o, "rate"))};
	return plausible(s);
}
