/*
 * The launcher: claims a place in the registry, gathers descriptors, starts the keeper, waits for the domain's word.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "launch/launch.h"

static int internal(struct refhv_error *e, const char *what)
{
	return refhv_fail(e, REFHV_FAILED, NULL, "%s: %s", what, strerror(errno));
}

int launch_add(struct launch *l, const char *role, int fd, struct refhv_error *e)
{
	if (l->n == FDMSG_MAX_FDS) {
		close(fd);
		return refhv_fail(e, REFHV_CONFIG, "use fewer disks and vifs", "too many devices");
	}
	l->fd[l->n++] = fd;
	json_array_append_new(l->roles, json_string(role));
	return 0;
}

json_t *launch_error_to_json(const struct refhv_error *e)
{
	return json_pack("{s:s, s:s, s:i, s:s, s:s}", "exit", refhv_exit_word(e->exit), "file",
			 e->file, "line", (int)e->line, "what", e->what, "remedy", e->remedy);
}

void launch_error_from_json(const json_t *o, struct refhv_error *e)
{
	const char *word = json_string_value(json_object_get(o, "exit"));
	const char *file = json_string_value(json_object_get(o, "file"));
	const char *what = json_string_value(json_object_get(o, "what"));
	const char *remedy = json_string_value(json_object_get(o, "remedy"));

	refhv_fail_at(e, word ? refhv_exit_from_word(word) : REFHV_FAILED, file,
		      (unsigned)json_integer_value(json_object_get(o, "line")), remedy, "%s",
		      what ? what : "the domain process gave no reason");
}

static int add_socket(struct launch *l, const char *role, struct refhv_error *e)
{
	char text[32];
	int fd;

	snprintf(text, sizeof(text), "%s.sock", role);
	fd = rundir_listen(&l->claim, text, e);
	return fd < 0 ? fd : launch_add(l, role, fd, e);
}

static int add_log(struct launch *l, const char *what, struct refhv_error *e)
{
	char text[32];
	int fd = rundir_log(l->rundir, &l->claim, what, e);

	snprintf(text, sizeof(text), "%s-log", what);
	return fd < 0 ? fd : launch_add(l, text, fd, e);
}

static int add_sockets(struct launch *l, unsigned consoles, struct refhv_error *e)
{
	char name[24] = "console";
	int fd, rc = add_socket(l, "control", e);

	if (!rc)
		rc = add_socket(l, "xenstore", e);
	if (!rc)
		rc = add_log(l, "refhv", e);
	for (unsigned i = 0; i < consoles && !rc; i++) {
		if (i)
			snprintf(name, sizeof(name), "console%u", i);
		rc = add_socket(l, name, e);
		if (!rc)
			rc = add_log(l, name, e);
	}
	if (!rc) {
		fd = dup(l->claim.lock_fd);
		rc = fd < 0 ? internal(e, "dup") : launch_add(l, "lock", fd, e);
	}
	return rc;
}

/* One end for the domain, the other for us. */
static int add_pair(struct launch *l, const char *role, int type, int *ours, struct refhv_error *e)
{
	int pair[2];

	if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, pair))
		return internal(e, "socketpair");
	*ours = pair[0];
	return launch_add(l, role, pair[1], e);
}

static void drop(struct launch *l)
{
	while (l->n)
		close(l->fd[--l->n]);
	while (l->nsockets)
		free(l->socket[--l->nsockets].path);
	json_decref(l->msg);
}

/* Wait for "ready" or "error". */
static int await_ready(struct rundir *r, struct launched *out, struct refhv_error *e)
{
	json_t *msg, *error;
	struct kvm_speed speed;
	const char *warning;
	int rc = fdmsg_recv(out->report, &msg, NULL, 0, NULL);

	if (rc || json_object_get(msg, "ended")) {
		if (!rc)
			json_decref(msg);
		return refhv_fail(e, REFHV_FAILED, "see .log in the runtime folder",
				  "the domain process died while it started");
	}
	error = json_object_get(msg, "error");
	warning = json_string_value(json_object_get(msg, "warning"));
	snprintf(out->warning, sizeof(out->warning), "%s", warning ? warning : "");
	if (launch_kvm_speed_from_json(json_object_get(msg, "kvm_speed"), &speed))
		launch_kvm_speed_store(r->fd, &speed);
	rc = 0;
	if (error) {
		launch_error_from_json(error, e);
		rc = -(int)e->exit;
	}
	json_decref(msg);
	return rc;
}

static int start_keeper(struct launch *l, struct launched *out, pid_t *pid, struct refhv_error *e)
{
	*pid = fork();
	if (*pid < 0)
		return internal(e, "fork");
	if (!*pid) {
		close(out->report);
		if (out->console >= 0)
			close(out->console);
		launch_keep(l);
	}
	return 0;
}

int launch_domain(struct rundir *r, const struct refhv_config *c, const struct launch_options *o,
		  struct launched *out, struct refhv_error *e)
{
	struct launch l = {.rundir = r, .incoming = o->incoming};
	pid_t keeper = -1;
	int rc = rundir_claim(r, o->slot ? o->slot : c->name, c->uuid, o->incoming, &l.claim, e);

	if (rc)
		return rc;
	snprintf(l.name, sizeof(l.name), "%s", c->name);
	memcpy(l.uuid, c->uuid, 16);
	out->domid = l.claim.domid;
	out->report = out->console = -1;
	l.roles = json_array();
	l.msg = json_pack("{s:o, s:i, s:s, s:b, s:b, s:o}", "config", config_to_json(c), "domid",
			  (int)l.claim.domid, "mode", o->mode, "paused", (int)o->paused,
			  "foreground", (int)o->foreground, "fds", l.roles);
	rc = add_sockets(&l, c->consoles, e);
	if (!rc)
		rc = add_pair(&l, "report", SOCK_SEQPACKET, &out->report, e);
	if (!rc && o->foreground)
		rc = add_pair(&l, "terminal", SOCK_STREAM, &out->console, e);
	if (!rc && o->stream >= 0)
		rc = launch_add(&l, "stream", dup(o->stream), e);
	if (!rc)
		rc = launch_open_resources(&l, c, o, e);
	if (!rc)
		rc = launch_open_channels(&l, c, e);
	if (!rc)
		rc = start_keeper(&l, out, &keeper, e);
	if (keeper < 0)
		launch_remove_sockets(&l);
	drop(&l);
	/* With a keeper, it is the one who removes the folder. */
	rundir_release(r, &l.claim, keeper < 0);
	if (!rc)
		rc = await_ready(r, out, e);
	if (rc) {
		if (out->report >= 0)
			close(out->report);
		if (out->console >= 0)
			close(out->console);
		if (keeper >= 0)
			waitpid(keeper, NULL, 0);
	}
	return rc;
}
