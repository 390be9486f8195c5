/*
 * unpack: the confined step: a child process turns packed bytes into plain ones.
 *
 * The child shares two things with us: the output, whose size is fixed, and how much of it was used. It
 * opens the library, gives up everything else (files, system calls, privileges, more than a bounded amount
 * of memory and time), and only then looks at the file. We look at the output when the child is gone, and
 * believe nothing of it.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <pv/abi/errno.h>
#include "boot/boot_internal.h"
#include "boot/unpack.h"

enum {
	SECONDS = 300,		 /* of CPU time: a hundred times what the slowest kernel takes */
	SLACK = BOOT_PAGE,	 /* room behind a claimed size, so that more than it can be told */
	CHILD_MEMORY = 512 << 20 /* bytes for the decoder itself */
};

/* Shared with the child, behind the output. */
struct report {
	uint64_t used;
};

#define FIELD(f)	((uint32_t)offsetof(struct seccomp_data, f))
#define LOAD(f)		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, FIELD(f))
#define IS(v, yes, no)	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(v), yes, no)
#define HAS(v, yes, no) BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, (uint32_t)(v), yes, no)
#define VERDICT(v)	BPF_STMT(BPF_RET | BPF_K, v)

/*
 * Memory of its own, never executable, and the end. Anything else kills. Low halves only are compared:
 * the kernel takes prot and flags as 32 bits, and a file descriptor is never valid here.
 */
static int filter(void)
{
	static struct sock_filter insn[] = {
		LOAD(arch),
		IS(AUDIT_ARCH_X86_64, 1, 0),
		VERDICT(SECCOMP_RET_KILL_PROCESS),
		LOAD(nr),
		IS(SYS_exit_group, 9, 0),
		IS(SYS_brk, 8, 0),
		IS(SYS_munmap, 7, 0),
		IS(SYS_mremap, 6, 0),
		IS(SYS_madvise, 5, 0),
		IS(SYS_mmap, 1, 0),
		VERDICT(SECCOMP_RET_KILL_PROCESS),
		LOAD(args[2]),
		HAS(PROT_EXEC, 0, 1),
		VERDICT(SECCOMP_RET_KILL_PROCESS),
		VERDICT(SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = {sizeof(insn) / sizeof(insn[0]), insn};

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
			       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog)
		       ? -1
		       : 0;
}

/* Bytes of address space in use; a sanitizer's shadow is many of them. */
static uint64_t address_space(void)
{
	FILE *f = fopen("/proc/self/statm", "re");
	unsigned long long pages = 0;

	if (!f)
		return 0;
	if (fscanf(f, "%llu", &pages) != 1)
		pages = 0;
	fclose(f);
	return pages * BOOT_PAGE;
}

static int limit(int what, uint64_t most)
{
	struct rlimit r = {most, most};

	return setrlimit(what, &r);
}

int boot_unpack_confine(uint64_t memory)
{
	uint64_t now = address_space();

	if (!now || limit(RLIMIT_AS, now + memory) || limit(RLIMIT_CPU, SECONDS) ||
	    limit(RLIMIT_CORE, 0) || limit(RLIMIT_FSIZE, 0) || limit(RLIMIT_NPROC, 0))
		return -1;
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) || syscall(SYS_close_range, 0, ~0u, 0))
		return -1;
	return filter();
}

static enum boot_decode decode_confined(const struct boot_decoder *d, const uint8_t *in,
					uint64_t len, uint8_t *out, uint64_t room,
					struct report *report)
{
	enum boot_decode rc;
	uint64_t used = 0;
	void *fn[5];

	rc = boot_decoder_open(d, fn);
	if (rc != BOOT_DECODE_OK)
		return rc;
	if (boot_unpack_confine(CHILD_MEMORY))
		return BOOT_DECODE_CONFINE;
	rc = d->decode(fn, in, len, out, room, &used);
	report->used = used;
	return rc;
}

/* The child's verdict, or -1 if it did not come to one; then *sig is what stopped it, or 0. */
static int wait_for(pid_t pid, int *sig)
{
	int status;

	*sig = 0;
	while (waitpid(pid, &status, __WALL) < 0)
		if (errno != EINTR)
			return -1;
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	*sig = WTERMSIG(status);
	return -1;
}

static int say(const char *name, const struct boot_packed *p, int verdict, int sig,
	       struct boot_error *err)
{
	const struct boot_decoder *d = &boot_decoders[p->pack];

	switch (verdict) {
	case BOOT_DECODE_DAMAGED:
		return boot_fail(err, PV_EINVAL,
				 "%s: its %s data is cut short or damaged; copy it again", name,
				 d->name);
	case BOOT_DECODE_LARGE:
		return boot_fail(err, PV_E2BIG,
				 "%s: unpacks to more than %s (%llu bytes); copy it again", name,
				 p->size ? "it claims" : "any kernel has",
				 (unsigned long long)(p->size ? p->size : BOOT_UNPACK_MAX));
	case BOOT_DECODE_MEMORY:
		return boot_fail(err, PV_ENOMEM, "%s: no memory to unpack its %s data", name,
				 d->name);
	case BOOT_DECODE_LIBRARY:
		return boot_fail(
			err, PV_EOPNOTSUPP,
			"%s: is packed with %s, and %s is missing here; install the library "
			"%s, or unpack the kernel first",
			name, d->name, d->soname, d->library);
	case BOOT_DECODE_CONFINE:
		return boot_fail(
			err, PV_EPERM,
			"%s: is packed with %s, and a process that unpacks cannot be locked in "
			"here (seccomp, /proc); unpack the kernel first",
			name, d->name);
	}
	return boot_fail(err, PV_EINVAL,
			 "%s: unpacking its %s data was stopped (signal %d); copy it again", name,
			 d->name, sig);
}

static int run_child(const char *name, const uint8_t *image, const struct boot_packed *p,
		     struct report *report, uint8_t *out, uint64_t room, struct boot_error *err)
{
	const struct boot_decoder *d = &boot_decoders[p->pack];
	pid_t parent = getpid(), pid = fork();
	int sig, verdict;

	if (pid < 0)
		return boot_fail(err, PV_ENOMEM, "%s: no process to unpack it: %s", name,
				 strerror(errno));
	if (!pid) {
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != parent)
			_exit(BOOT_DECODE_CONFINE);
		/* Not _exit(), before which a sanitizer makes system calls of its own. */
		syscall(SYS_exit_group,
			decode_confined(d, image + p->offset, p->len, out, room, report));
	}
	verdict = wait_for(pid, &sig);
	return verdict == BOOT_DECODE_OK ? 0 : say(name, p, verdict, sig, err);
}

/* What the child said is a claim like the file's own. */
static int check_size(const char *name, const struct boot_packed *p, uint64_t used, uint64_t room,
		      struct boot_error *err)
{
	if (used && used <= room && (!p->size || used == p->size))
		return 0;
	if (p->size && used > p->size)
		return say(name, p, BOOT_DECODE_LARGE, 0, err);
	return boot_fail(err, PV_EINVAL,
			 "%s: unpacks to %llu bytes, but claims to have %llu; copy it again", name,
			 (unsigned long long)used, (unsigned long long)p->size);
}

int boot_unpack(const char *name, const uint8_t *image, const struct boot_packed *p, void **to,
		uint64_t *len, uint64_t *mapped, struct boot_error *err)
{
	const struct boot_decoder *d = &boot_decoders[p->pack];
	uint64_t room = p->size ? p->size + SLACK : BOOT_UNPACK_MAX;
	struct report *report;
	uint8_t *all;
	int rc;

	if (!d->decode)
		return boot_fail(
			err, PV_EOPNOTSUPP,
			"%s: is packed with %s, and this refhv was built without %s; unpack "
			"the kernel first",
			name, d->name, d->library);
	room = (room + BOOT_PAGE - 1) & ~(uint64_t)(BOOT_PAGE - 1);
	*mapped = room + BOOT_PAGE;
	all = mmap(NULL, *mapped, PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (all == MAP_FAILED)
		return boot_fail(err, PV_ENOMEM, "%s: no memory to unpack it: %s", name,
				 strerror(errno));
	report = (struct report *)(all + room);
	rc = run_child(name, image, p, report, all, room, err);
	*len = report->used;
	if (!rc)
		rc = check_size(name, p, *len, room, err);
	if (rc)
		munmap(all, *mapped);
	*to = all;
	return rc;
}
