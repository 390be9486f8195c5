/*
 * rundir: claims about the registry of domains, and about messages that carry descriptors.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "fdmsg.h"
#include "rundir/rundir.h"
#include "run.h"

static char top[256];
static struct rundir r;
static struct refhv_error e;
static const uint8_t uuid_a[16] = {1}, uuid_b[16] = {2};

static void setup(void)
{
	char command[300];

	snprintf(top, sizeof(top), "/tmp/refhv-rundir-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(top));
	snprintf(command, sizeof(command), "%s/run", top);
	setenv("REFHV_RUNDIR", command, 1);
	ck_assert_msg(!rundir_open(&r, &e), "%s", e.what);
}

static void teardown(void)
{
	char command[300];

	rundir_close(&r);
	snprintf(command, sizeof(command), "rm -rf %s", top);
	ck_assert_int_eq(system(command), 0);
}

static struct rundir_claim claim(const char *name, const uint8_t uuid[16])
{
	struct rundir_claim c;

	ck_assert_msg(!rundir_claim(&r, name, uuid, false, &c, &e), "%s", e.what);
	return c;
}

static int count_one(void *arg, const struct rundir_entry *entry)
{
	++*(unsigned *)arg;
	return 0;
}

static unsigned count(void)
{
	unsigned n = 0;

	rundir_each(&r, count_one, &n);
	return n;
}

static bool exists(const char *path)
{
	return !faccessat(r.fd, path, F_OK, AT_SYMLINK_NOFOLLOW);
}

START_TEST(claimed_name_and_uuid_are_busy_until_released)
{
	struct rundir_claim a = claim("a", uuid_a), other;

	ck_assert_int_eq(rundir_claim(&r, "a", uuid_b, false, &other, &e), -REFHV_BUSY);
	ck_assert_int_eq(rundir_claim(&r, "b", uuid_a, false, &other, &e), -REFHV_BUSY);
	ck_assert_int_eq(rundir_claim(&r, "b", uuid_a, true, &other, &e), 0);
	rundir_release(&r, &other, true);
	rundir_release(&r, &a, true);
	ck_assert(!exists("a"));
	a = claim("a", uuid_a);
	rundir_release(&r, &a, true);
}
END_TEST

START_TEST(domids_grow_and_are_not_given_out_again_at_once)
{
	struct rundir_claim a = claim("a", uuid_a), b;
	uint16_t first = a.domid;

	rundir_release(&r, &a, true);
	b = claim("b", uuid_b);
	ck_assert_uint_eq(b.domid, first + 1u);
	rundir_release(&r, &b, true);
}
END_TEST

START_TEST(entry_is_found_by_name_number_and_uuid)
{
	struct rundir_claim a = claim("a", uuid_a);
	struct rundir_entry entry;
	char text[40];

	ck_assert_int_eq(rundir_find(&r, "a", &entry, &e), 0);
	ck_assert_int_eq(entry.pid, 0);
	ck_assert_int_eq(rundir_claim_pid(&a, uuid_a, getpid(), &e), 0);
	ck_assert_int_eq(rundir_find(&r, "a", &entry, &e), 0);
	ck_assert_int_eq(entry.pid, getpid());
	snprintf(text, sizeof(text), "%u", a.domid);
	ck_assert_int_eq(rundir_find(&r, text, &entry, &e), 0);
	config_uuid_format(uuid_a, text);
	ck_assert_int_eq(rundir_find(&r, text, &entry, &e), 0);
	ck_assert_str_eq(entry.name, "a");
	ck_assert_int_eq(rundir_find(&r, "0", &entry, &e), -REFHV_NO_DOMAIN);
	ck_assert_int_eq(rundir_find(&r, "", &entry, &e), -REFHV_NO_DOMAIN);
	ck_assert_int_eq(rundir_find(&r, "../run/a", &entry, &e), -REFHV_NO_DOMAIN);
	rundir_release(&r, &a, true);
}
END_TEST

START_TEST(folder_without_a_holder_is_stale_and_removed)
{
	struct rundir_claim a = claim("a", uuid_a);

	ck_assert_uint_eq(count(), 1);
	rundir_release(&r, &a, false);
	ck_assert(exists("a"));
	ck_assert_uint_eq(count(), 0);
	ck_assert(!exists("a"));
}
END_TEST

START_TEST(descriptor_in_another_process_keeps_a_domain_alive)
{
	struct rundir_claim a = claim("a", uuid_a);
	int pipe_fd[2], status;
	pid_t pid;

	ck_assert_int_eq(pipe(pipe_fd), 0);
	pid = fork();
	if (!pid) {
		char c;

		close(pipe_fd[1]);
		_exit(read(pipe_fd[0], &c, 1) != 0);
	}
	close(pipe_fd[0]);
	rundir_release(&r, &a, false);
	ck_assert_uint_eq(count(), 1);
	close(pipe_fd[1]);
	waitpid(pid, &status, 0);
	ck_assert_uint_eq(count(), 0);
}
END_TEST

START_TEST(claims_from_many_processes_never_collide)
{
	enum { PROCESSES = 8, EACH = 5 };
	unsigned char seen[PROCESSES * EACH + 1] = {0};
	int result[2], status;
	uint16_t domid;

	ck_assert_int_eq(pipe(result), 0);
	for (unsigned p = 0; p < PROCESSES; p++) {
		if (fork())
			continue;
		for (unsigned i = 0; i < EACH; i++) {
			struct rundir_claim c;
			uint8_t uuid[16] = {9, (uint8_t)p, (uint8_t)i};
			char name[16];

			snprintf(name, sizeof(name), "p%u-%u", p, i);
			if (rundir_claim(&r, name, uuid, false, &c, &e) ||
			    write(result[1], &c.domid, 2) != 2)
				_exit(1);
			count();
			if (i & 1)
				rundir_release(&r, &c, true);
		}
		_exit(0);
	}
	for (unsigned p = 0; p < PROCESSES; p++) {
		ck_assert_int_gt(wait(&status), 0);
		ck_assert_int_eq(status, 0);
	}
	for (unsigned i = 0; i < PROCESSES * EACH; i++) {
		ck_assert_int_eq(read(result[0], &domid, 2), 2);
		ck_assert(domid && domid <= PROCESSES * EACH && !seen[domid]);
		seen[domid] = 1;
	}
	ck_assert_uint_eq(count(), 0);
}
END_TEST

START_TEST(renamed_domain_takes_its_log_along_and_is_removed_under_its_new_name)
{
	struct rundir_claim a = claim("a", uuid_a);
	int log = rundir_log(&r, &a, "console", &e);

	ck_assert_int_ge(log, 0);
	ck_assert_int_eq(write(log, "x", 1), 1);
	ck_assert_msg(!rundir_succeed(&r, "a", "c", &e), "%s", e.what);
	ck_assert(exists("c/console.log") && exists(".log/c.console.log") && !exists("a"));
	/* The keeper still knows the old name. */
	rundir_release(&r, &a, true);
	ck_assert(!exists("c"));
	ck_assert(exists(".log/c.console.log"));
	close(log);
}
END_TEST

START_TEST(successor_has_the_name_at_once_and_its_predecessor_removes_only_itself)
{
	struct rundir_claim a = claim("a", uuid_a), b;
	struct rundir_entry entry;

	ck_assert_msg(!rundir_claim(&r, "b", uuid_a, true, &b, &e), "%s", e.what);
	ck_assert_msg(!rundir_succeed(&r, "b", "a", &e), "%s", e.what);
	ck_assert(!rundir_find(&r, "a", &entry, &e));
	ck_assert_uint_eq(entry.domid, b.domid);
	ck_assert(!rundir_find(&r, "b", &entry, &e));
	ck_assert_uint_eq(entry.domid, a.domid);
	rundir_release(&r, &a, true);
	ck_assert(!exists("b"));
	ck_assert(!rundir_find(&r, "a", &entry, &e));
	ck_assert_uint_eq(entry.domid, b.domid);
	rundir_release(&r, &b, true);
	ck_assert(!exists("a"));
}
END_TEST

START_TEST(log_of_the_last_domain_of_a_name_is_kept)
{
	for (unsigned i = 0; i < 2; i++) {
		struct rundir_claim a = claim("a", uuid_a);
		int log = rundir_log(&r, &a, "console", &e);

		ck_assert_int_eq(write(log, i ? "22" : "1", 1 + i), 1 + (int)i);
		close(log);
		rundir_release(&r, &a, true);
	}
	struct stat st;

	ck_assert_int_eq(fstatat(r.fd, ".log/a.console.log", &st, 0), 0);
	ck_assert_int_eq(st.st_size, 2);
	ck_assert_int_eq(fstatat(r.fd, ".log/a.console.log.old", &st, 0), 0);
	ck_assert_int_eq(st.st_size, 1);
}
END_TEST

START_TEST(sockets_work_in_a_folder_deeper_than_a_socket_address)
{
	char path[600];
	struct rundir_claim a;
	int fd, client;

	rundir_close(&r);
	snprintf(path, sizeof(path), "%s/%0250d", top, 0);
	setenv("REFHV_RUNDIR", path, 1);
	ck_assert_int_eq(rundir_open(&r, &e), -REFHV_RESOURCE);
	snprintf(path, sizeof(path), "%s/%0120d", top, 0);
	setenv("REFHV_RUNDIR", path, 1);
	ck_assert_msg(!rundir_open(&r, &e), "%s", e.what);
	a = claim("a", uuid_a);
	ck_assert_int_eq(rundir_connect(&r, "a", "control.sock", &e), -REFHV_STATE);
	fd = rundir_listen(&a, "control.sock", &e);
	ck_assert_int_ge(fd, 0);
	client = rundir_connect(&r, "a", "control.sock", &e);
	ck_assert_msg(client >= 0, "%s", e.what);
	close(client);
	close(fd);
	rundir_release(&r, &a, true);
}
END_TEST

START_TEST(message_brings_its_descriptors_and_keeps_them_private)
{
	int pair[2], got[4], nulls[3];
	json_t *msg = json_pack("{s:i}", "x", 7), *back;
	struct stat a, b;
	unsigned n;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	for (unsigned i = 0; i < 3; i++)
		nulls[i] = open("/dev/null", O_RDWR);
	ck_assert_int_eq(fdmsg_send(pair[0], msg, nulls, 3), 0);
	ck_assert_int_eq(fdmsg_recv(pair[1], &back, got, 4, &n), 0);
	ck_assert(json_equal(msg, back));
	ck_assert_uint_eq(n, 3);
	ck_assert(fcntl(got[2], F_GETFD) & FD_CLOEXEC);
	ck_assert_int_eq(fstat(got[0], &a) | fstat(nulls[0], &b), 0);
	ck_assert(a.st_rdev == b.st_rdev);
	json_decref(back);
	/* More than there is room for are closed, not leaked. */
	for (unsigned i = 0; i < 3; i++)
		close(got[i]);
	ck_assert_int_eq(fdmsg_send(pair[0], msg, nulls, 3), 0);
	ck_assert_int_eq(fdmsg_recv(pair[1], &back, got, 1, &n), 0);
	ck_assert_uint_eq(n, 1);
	ck_assert_int_eq(fcntl(got[0] + 1, F_GETFD), -1);
	json_decref(back);
	json_decref(msg);
}
END_TEST

START_TEST(message_that_is_no_json_or_is_cut_is_refused)
{
	int pair[2];
	json_t *back;
	char *big = calloc(1, FDMSG_MAX_TEXT + 2);

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	ck_assert_int_eq(send(pair[0], "{", 1, 0), 1);
	ck_assert_int_eq(fdmsg_recv(pair[1], &back, NULL, 0, NULL), -EBADMSG);
	memset(big, ' ', FDMSG_MAX_TEXT + 1);
	memcpy(big, "{}", 2);
	if (send(pair[0], big, FDMSG_MAX_TEXT + 1, MSG_DONTWAIT) > 0)
		ck_assert_int_eq(fdmsg_recv(pair[1], &back, NULL, 0, NULL), -EBADMSG);
	close(pair[0]);
	ck_assert_int_eq(fdmsg_recv(pair[1], &back, NULL, 0, NULL), -ENODATA);
	free(big);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("rundir");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 30);
	tcase_add_test(t, claimed_name_and_uuid_are_busy_until_released);
	tcase_add_test(t, domids_grow_and_are_not_given_out_again_at_once);
	tcase_add_test(t, entry_is_found_by_name_number_and_uuid);
	tcase_add_test(t, folder_without_a_holder_is_stale_and_removed);
	tcase_add_test(t, descriptor_in_another_process_keeps_a_domain_alive);
	tcase_add_test(t, claims_from_many_processes_never_collide);
	tcase_add_test(t, renamed_domain_takes_its_log_along_and_is_removed_under_its_new_name);
	tcase_add_test(t, successor_has_the_name_at_once_and_its_predecessor_removes_only_itself);
	tcase_add_test(t, log_of_the_last_domain_of_a_name_is_kept);
	tcase_add_test(t, sockets_work_in_a_folder_deeper_than_a_socket_address);
	tcase_add_test(t, message_brings_its_descriptors_and_keeps_them_private);
	tcase_add_test(t, message_that_is_no_json_or_is_cut_is_refused);
	return run_case("rundir", t);
}
