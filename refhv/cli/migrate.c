/*
 * refhv migrate and receive: a domain moves while it runs.
 *
 * An address is unix:PATH or tcp:HOST:PORT. The receiver listens for one domain and ends when that runs; the sender may be ended at any time
 * before the receiver holds the domain, which then stays where it was. Neither end of a tcp connection is authenticated
 * or encrypted: use it on a trusted network.
 */
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include "cli/cli.h"
#include "cli/commands.h"
#include "migrate/migrate.h"

enum { RECEIVE_PAUSED = 1, LEAVE_MS = 5000 };

static int address_error(struct refhv_error *e, const char *text)
{
	return refhv_fail(e, REFHV_USAGE, "use unix:PATH or tcp:HOST:PORT, PORT 1 to 65535",
			  "\"%s\" is no address", text);
}

static int net_error(struct refhv_error *e, const char *text, const char *what)
{
	return refhv_fail(e, REFHV_RESOURCE, NULL, "%s: cannot %s: %s", text, what,
			  strerror(errno));
}

static int unix_socket(const char *text, bool listening, struct refhv_error *e)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	const char *path = text + 5;
	struct stat st;
	int fd;

	if (!*path || strlen(path) >= sizeof(a.sun_path))
		return address_error(e, text);
	strcpy(a.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	/* What an earlier receiver left behind; anything but a socket stays and is an error. */
	if (listening && !lstat(path, &st) && S_ISSOCK(st.st_mode))
		unlink(path);
	if (fd >= 0 && listening && !bind(fd, (struct sockaddr *)&a, sizeof(a)) &&
	    !chmod(path, 0600) && !listen(fd, 1))
		return fd;
	if (fd >= 0 && !listening && !connect(fd, (struct sockaddr *)&a, sizeof(a)))
		return fd;
	net_error(e, text, listening ? "listen" : "connect");
	if (fd >= 0)
		close(fd);
	return -(int)e->exit;
}

/* 1 to 65535; getaddrinfo() would take a part of a larger number. */
static bool port_ok(const char *text)
{
	size_t n = strspn(text, "0123456789");
	long port = n && n <= 5 && !text[n] ? strtol(text, NULL, 10) : 0;

	return port >= 1 && port <= 65535;
}

static int tcp_socket(const char *text, bool listening, struct refhv_error *e)
{
	struct addrinfo hint = {.ai_socktype = SOCK_STREAM, .ai_flags = listening ? AI_PASSIVE : 0};
	struct addrinfo *list, *a;
	char host[256], *port;
	int fd = -1, one = 1, rc;

	snprintf(host, sizeof(host), "%s", text + 4);
	port = strrchr(host, ':');
	if (!port || !port_ok(port + 1))
		return address_error(e, text);
	*port++ = 0;
	rc = getaddrinfo(*host ? host : NULL, port, &hint, &list);
	if (rc)
		return refhv_fail(e, REFHV_RESOURCE, NULL, "%s: %s", text, gai_strerror(rc));
	for (a = list; a; a = a->ai_next) {
		fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
		if (fd < 0)
			continue;
		if (listening)
			setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
		if (listening ? !bind(fd, a->ai_addr, a->ai_addrlen) && !listen(fd, 1)
			      : !connect(fd, a->ai_addr, a->ai_addrlen))
			break;
		net_error(e, text, listening ? "listen" : "connect");
		close(fd);
		fd = -1;
	}
	freeaddrinfo(list);
	return fd >= 0 ? fd : -(int)e->exit;
}

/* A connected or listening socket, or negative with *e. */
static int open_address(const char *text, bool listening, struct refhv_error *e)
{
	if (!strncmp(text, "unix:", 5))
		return unix_socket(text, listening, e);
	if (!strncmp(text, "tcp:", 4))
		return tcp_socket(text, listening, e);
	return address_error(e, text);
}

static int run_migrate(struct cli *c)
{
	struct rundir_entry entry;
	json_t *result = NULL;
	struct refhv_error e, ignored;
	struct control ctl;
	struct rundir r;
	int fd, rc = cli_reach(c->arg[0], &r, &ctl, &entry, &e);

	if (rc)
		return cli_error(c, &e);
	fd = open_address(c->arg[1], false, &e);
	rc = fd < 0 ? fd
		    : control_call(&ctl, json_pack("{s:s}", "cmd", "migrate"), &fd, 1,
				   c->has_timeout ? c->timeout_ms : -1, &result, NULL, &e);
	if (fd >= 0)
		close(fd);
	/* With an answer outstanding, this calls the move off. */
	control_close(&ctl);
	if (!rc)
		cli_await_gone(&r, entry.name, entry.domid, LEAVE_MS, &ignored);
	rundir_close(&r);
	if (rc)
		return cli_error(c, &e);
	if (c->json)
		cli_print_json(json_incref(result));
	else
		printf("%s moved: %.0f ms in all, stood still for %.1f ms\n", entry.name,
		       json_real_value(json_object_get(result, "total_ms")),
		       json_real_value(json_object_get(result, "downtime_ms")));
	json_decref(result);
	return REFHV_OK;
}

/* The description; on failure the source has been told. */
static int welcome(struct wire *w, struct refhv_config *config, struct refhv_error *e)
{
	json_t *json;
	char *text;
	int rc;

	if (migrate_open(w, &text))
		return refhv_fail(e, REFHV_IMAGE, NULL, "%s", w->err);
	json = json_loads(text, 0, NULL);
	free(text);
	rc = json ? config_from_json(config, json, e)
		  : refhv_fail(e, REFHV_IMAGE, NULL, "the description is damaged");
	json_decref(json);
	return rc;
}

static void refuse(struct wire *w, const struct refhv_error *e)
{
	char text[1100], line[1110];

	snprintf(line, sizeof(line), "no %s", refhv_error_text(e, text, sizeof(text)));
	wire_say(w, line);
}

/*
 * While the domain comes in, its name may belong to the process that it comes from; and for a moment afterwards that process has the
 * place from here, so another move must have one of its own.
 */
static void guest_room(const char *name, char slot[CONFIG_NAME_MAX + 1])
{
	snprintf(slot, CONFIG_NAME_MAX + 1, "%.44s--incoming%d", name, (int)getpid());
}

static int receive_one(struct cli *c, struct rundir *r, int fd, struct refhv_error *e)
{
	static struct refhv_config config;
	struct launch_options o = {.paused = c->flags & RECEIVE_PAUSED,
				   .incoming = true,
				   .mode = "receive",
				   .stream = fd};
	struct launched l;
	char slot[CONFIG_NAME_MAX + 1];
	struct wire w;
	int rc;

	wire_init(&w, fd);
	rc = welcome(&w, &config, e);
	if (rc) {
		refuse(&w, e);
		return rc;
	}
	guest_room(config.name, slot);
	o.slot = slot;
	rc = launch_domain(r, &config, &o, &l, e);
	if (rc)
		refuse(&w, e);
	else
		close(l.report);
	if (!rc && c->json)
		cli_print_json(json_pack("{s:s, s:i}", "name", config.name, "domid", (int)l.domid));
	else if (!rc)
		printf("%s is domain %u\n", config.name, l.domid);
	config_free(&config);
	return rc;
}

static int run_receive(struct cli *c)
{
	struct refhv_error e;
	struct rundir r;
	int listening = -1, fd = -1, rc = rundir_open(&r, &e);

	if (rc)
		return cli_error(c, &e);
	listening = open_address(c->arg[0], true, &e);
	if (listening < 0)
		return cli_error(c, &e);
	if (!c->json) {
		printf("waiting on %s\n", c->arg[0]);
		fflush(stdout);
	}
	do
		fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
	while (fd < 0 && errno == EINTR);
	close(listening);
	if (!strncmp(c->arg[0], "unix:", 5))
		unlink(c->arg[0] + 5);
	rc = fd < 0 ? net_error(&e, c->arg[0], "accept") : receive_one(c, &r, fd, &e);
	if (fd >= 0)
		close(fd);
	rundir_close(&r);
	return rc ? cli_error(c, &e) : REFHV_OK;
}

const struct cli_command cli_migrate = {
	.name = "migrate",
	.usage = "DOMAIN ADDRESS",
	.min_args = 2,
	.max_args = 2,
	.waits = true,
	.run = run_migrate,
	.about = "move a running domain to a refhv receive at ADDRESS",
	.help = "ADDRESS is unix:PATH or tcp:HOST:PORT. The guest runs on while its memory is "
		"sent, and "
		"stands still for\n"
		"the last part only; it neither takes part nor reconnects. Its disks must be "
		"reachable "
		"under the same\n"
		"paths at the other end. Ended before the other end holds the domain (Ctrl-C, "
		"--timeout), the move is\n"
		"called off and the domain goes on here. The connection is not encrypted.\n",
};

const struct cli_command cli_receive = {
	.name = "receive",
	.usage = "ADDRESS",
	.min_args = 1,
	.max_args = 1,
	.run = run_receive,
	.about = "take in one domain that refhv migrate sends",
	.help = "ADDRESS is unix:PATH or tcp:HOST:PORT (an empty HOST listens everywhere). Ends "
		"when the "
		"domain runs\n"
		"here, or with an error when it does not.\n",
};
