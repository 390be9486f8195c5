/*
 * attack: guest code tries every way into the host kernel, under every kind of user
 */
#include <dirent.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "machine.h"
#include "run.h"

static struct machine m;

static const char *const kind[] = {"",
				   "system call",
				   "x32 system call",
				   "int $0x80",
				   "vsyscall",
				   "system call from the stub",
				   "targeted call",
				   "paging call without paging",
				   "own memory",
				   "store"};

/* What the usual profile of a container without rights answers. */
static void refuse_like_a_container(void)
{
	static const uint16_t nr[] = {SYS_unshare, SYS_userfaultfd, SYS_setns,
				      SYS_mount,   SYS_bpf,	    SYS_perf_event_open};
	struct sock_filter f[2 * sizeof(nr) / sizeof(nr[0]) + 4];
	struct sock_fprog prog = {.filter = f};
	unsigned n = 0;

	f[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
					      offsetof(struct seccomp_data, nr));
	for (unsigned i = 0; i < sizeof(nr) / sizeof(nr[0]); i++) {
		f[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr[i], 0, 1);
		f[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
	}
	f[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1);
	f[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS);
	f[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	prog.len = (unsigned short)n;
	ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	ck_assert_int_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog), 0);
}

/* As whom: root, somebody without rights, without any namespace, on an older processor, in a
 * container. */
static void become(int how)
{
	if (how == 1 && !geteuid()) {
		ck_assert_int_eq(setgroups(0, NULL), 0);
		ck_assert_int_eq(setresgid(65534, 65534, 65534), 0);
		ck_assert_int_eq(setresuid(65534, 65534, 65534), 0);
		/* As after a login: /proc/self is one's own. */
		prctl(PR_SET_DUMPABLE, 1);
	}
	if (how == 2)
		setenv("REFHV_ENGINE_FORCE", "nonamespaces,mprotect", 1);
	if (how == 4)
		refuse_like_a_container();
	if (how == 3)
		setenv("REFHV_ENGINE_FORCE", "nofsgsbase", 1);
}

static void attack(enum task task, bool paging, int how)
{
	struct engine_info info;

	become(how);
	machine_start(&m, (struct machine_config){.task = task,
						  .paging = paging,
						  .held = true,
						  .unknown_is_marked = true});
	/* Without userfaultfd the dirty log needs mprotect. */
	engine_user.info(m.e, &info);
	m.ram[COMMAND_GPA] = !(info.caps & ENGINE_CAP_DIRTY_UFFD);
	ck_assert_int_eq(engine_user.resume(m.e), 0);
	ck_assert_uint_eq(machine_run(&m), 0);
	for (unsigned i = 1; i <= m.report[1] && i < 100; i++)
		fprintf(stderr, "# leak: %s %llu returned %lld\n", kind[m.report[8 + 2 * i] >> 16],
			(unsigned long long)m.report[8 + 2 * i] & 0xffff,
			(long long)m.report[9 + 2 * i]);
	ck_assert_uint_eq(m.report[1], 0);
	ck_assert_uint_eq(m.report[2], 470);
	machine_stop(&m);
}

START_TEST(nothing_leaks_from_a_flat_guest)
{
	attack(TASK_ATTACK, false, _i);
}
END_TEST

START_TEST(nothing_leaks_from_a_paging_guest)
{
	attack(TASK_ATTACK_PAGING, true, _i);
}
END_TEST

static unsigned long long status_of(const char *status, const char *field, int base)
{
	const char *at = strstr(status, field);

	ck_assert_msg(at != NULL, "no %s", field);
	return strtoull(at + strlen(field), NULL, base);
}

static size_t read_proc(int pid, const char *name, char *buf, size_t size)
{
	char path[64];
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	f = fopen(path, "r");
	if (!f)
		return 0;
	n = fread(buf, 1, size - 1, f);
	buf[n] = 0;
	fclose(f);
	return n;
}

START_TEST(guest_process_is_left_with_nothing)
{
	struct engine_info info;
	static char text[16384];
	unsigned lines = 0, fds = 0;
	char path[64];
	DIR *dir;

	become(_i);
	machine_start(&m, (struct machine_config){.task = TASK_COUNT, .vcpus = 2});
	engine_user.info(m.e, &info);
	ck_assert_uint_gt(read_proc(info.pid, "status", text, sizeof(text)), 0);
	ck_assert_uint_eq(status_of(text, "Seccomp:", 10), 2);
	ck_assert_uint_eq(status_of(text, "NoNewPrivs:", 10), 1);
	ck_assert_uint_eq(status_of(text, "CapEff:", 16), 0);
	ck_assert_uint_eq(status_of(text, "CapPrm:", 16), 0);
	ck_assert_uint_eq(status_of(text, "Threads:", 10), 2);
	/* Its own rights keep it from looking at the process further, unless we are root. */
	if (!geteuid()) {
		ck_assert_uint_gt(read_proc(info.pid, "maps", text, sizeof(text)), 0);
		for (const char *p = text; (p = strchr(p, '\n')); p++)
			lines++;
		ck_assert_ptr_eq(strstr(text, "[stack]"), NULL);
		ck_assert_ptr_eq(strstr(text, "[vdso]"), NULL);
		ck_assert_ptr_eq(strstr(text, "[heap]"), NULL);
		ck_assert_uint_le(lines, 8);
		snprintf(path, sizeof(path), "/proc/%d/fd", info.pid);
		dir = opendir(path);
		ck_assert_ptr_ne(dir, NULL);
		for (const struct dirent *d; (d = readdir(dir));)
			fds += d->d_name[0] != '.';
		closedir(dir);
		/* RAM and the kicks. */
		ck_assert_uint_eq(fds, 1 + ENGINE_KICK_FDS);
	}
	machine_stop(&m);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("attack");

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, nothing_leaks_from_a_flat_guest, 0, 5);
	tcase_add_loop_test(t, nothing_leaks_from_a_paging_guest, 0, 5);
	tcase_add_loop_test(t, guest_process_is_left_with_nothing, 0, 5);
	return run_case("engine-attack", t);
}
