/*
 * confine.c: everything that is taken from the guest process but system calls
 *
 * All of it is best effort, and none of it is relied upon: filter.c is. A container may refuse
 * namespaces; old kernels have no Landlock. There is no PID namespace: its threads would have other
 * numbers in the monitor, and no call that takes a process is left.
 *
 * The uid stays: the monitor must be able to signal the guest process after it has dropped its own
 * privileges.
 */
#include <linux/capability.h>
#include <linux/landlock.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <pv/abi/errno.h>
#include "stub.h"

static void limit(int what, uint64_t value)
{
	const struct {
		uint64_t soft, hard;
	} rl = {value, value};

	SYS2(SYS_setrlimit, what, &rl);
}

static uint32_t namespaces(void)
{
	uint32_t caps = 0;

	if (stub_info->flags & UE_WANT_NO_NAMESPACES)
		return 0;
	if (!SYS1(SYS_unshare, CLONE_NEWUSER))
		caps |= ENGINE_CAP_USERNS;
	/* One call creates all or none; where the network is refused, take the others. */
	if (!SYS1(SYS_unshare,
		  CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP | CLONE_NEWNET))
		caps |= ENGINE_CAP_NAMESPACES;
	else
		SYS1(SYS_unshare, CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS);
	return caps;
}

static uint32_t landlock(void)
{
	/* An empty set of rules over the rights of the first version: no file can be opened, made
	 * or removed. */
	const struct landlock_ruleset_attr attr = {.handled_access_fs = (1 << 13) - 1};
	long fd = SYS3(SYS_landlock_create_ruleset, &attr, sizeof(attr.handled_access_fs), 0), ret;

	if (fd < 0)
		return 0;
	ret = SYS2(SYS_landlock_restrict_self, fd, 0);
	SYS1(SYS_close, fd);
	return ret ? 0 : ENGINE_CAP_LANDLOCK;
}

static void drop_capabilities(void)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	const struct __user_cap_data_struct none[2] = {{0}, {0}};

	SYS2(SYS_capset, &header, none);
}

static uint32_t speculation(void)
{
	long ret;

	if (!(stub_info->flags & UE_WANT_NO_SPECULATION))
		return 0;
	ret = SYS5(SYS_prctl, PR_SET_SPECULATION_CTRL, PR_SPEC_STORE_BYPASS, PR_SPEC_FORCE_DISABLE,
		   0, 0);
	ret |= SYS5(SYS_prctl, PR_SET_SPECULATION_CTRL, PR_SPEC_INDIRECT_BRANCH,
		    PR_SPEC_FORCE_DISABLE, 0, 0);
	return ret ? 0 : ENGINE_CAP_NO_SPECULATION;
}

uint32_t stub_confine(void)
{
	uint32_t caps = 0;

	SYS0(SYS_setsid);
	caps |= namespaces();
	caps |= speculation();
	SYS5(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	caps |= landlock();
	drop_capabilities();
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_FSIZE, 0);
	limit(RLIMIT_MEMLOCK, 0);
	limit(RLIMIT_NOFILE, UE_FD_KICK + UE_NR_KICKS);
	/* Mapping RAM again and again costs the host page tables. */
	limit(RLIMIT_AS, stub_info->address_limit);
	/* After the last change of credentials, which would reset it. */
	SYS5(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	return caps;
}
