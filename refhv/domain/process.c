/*
 * A domain process from its launch message to its end.
 *
 * Trusts the launcher (the same person's process). The guest, and the clients of its sockets, are trusted by no part of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>
#include "domain/domain.h"
#include "domain/process.h"
#include "launch/launch.h"

int domain_fd(struct domain *d, const char *role, bool take)
{
	for (unsigned i = 0; i < d->nfds; i++) {
		int fd = d->fd[i];

		if (strcmp(d->role[i], role) || fd < 0)
			continue;
		if (take)
			d->fd[i] = -1;
		return fd;
	}
	return -1;
}

void domain_log(struct domain *d, const char *fmt, ...)
{
	char line[1024];
	struct timespec t;
	va_list ap;
	int n;

	clock_gettime(CLOCK_REALTIME, &t);
	n = snprintf(line, sizeof(line), "%lld.%03ld %s: ", (long long)t.tv_sec,
		     t.tv_nsec / 1000000, d->name);
	va_start(ap, fmt);
	n += vsnprintf(line + n, sizeof(line) - (size_t)n - 1, fmt, ap);
	va_end(ap);
	if (n > (int)sizeof(line) - 2)
		n = (int)sizeof(line) - 2;
	line[n++] = '\n';
	if (d->log >= 0 && write(d->log, line, (size_t)n) < 0)
		return; /* a full disk must not stop the guest */
}

void domain_arrived(struct domain *d)
{
	json_t *msg = json_pack("{s:b}", "arrived", 1);
	int rc = fdmsg_send(d->keeper, msg, NULL, 0);

	json_decref(msg);
	if (!rc)
		rc = fdmsg_recv(d->keeper, &msg, NULL, 0, NULL);
	if (rc)
		domain_log(
			d,
			"the keeper is gone: nobody gives this domain its name, or starts it anew");
	else
		json_decref(msg);
}

static void tell(struct domain *d, json_t *msg)
{
	if (d->report >= 0)
		fdmsg_send(d->report, msg, NULL, 0);
	json_decref(msg);
}

static int receive(struct domain *d, json_t **msg, struct refhv_error *e)
{
	json_t *roles;
	unsigned n;
	int rc = fdmsg_recv(DOMAIN_LAUNCH_FD, msg, d->fd, FDMSG_MAX_FDS, &n);

	d->keeper = DOMAIN_LAUNCH_FD;
	fcntl(d->keeper, F_SETFD, FD_CLOEXEC);
	if (rc)
		return refhv_fail(e, REFHV_FAILED, NULL, "no launch message: %s", strerror(-rc));
	roles = json_object_get(*msg, "fds");
	if (json_array_size(roles) != n)
		return refhv_fail(e, REFHV_FAILED, NULL,
				  "the launch message has the wrong descriptors");
	d->nfds = n;
	for (unsigned i = 0; i < n; i++) {
		const char *role = json_string_value(json_array_get(roles, i));

		snprintf(d->role[i], sizeof(d->role[i]), "%s", role ? role : "");
	}
	d->report = domain_fd(d, "report", true);
	d->log = domain_fd(d, "refhv-log", true);
	d->domid = d->listed = (uint16_t)json_integer_value(json_object_get(*msg, "domid"));
	d->links = json_incref(json_object_get(*msg, "links"));
	d->ttys = json_incref(json_object_get(*msg, "ttys"));
	snprintf(d->no_kvm, sizeof(d->no_kvm), "%s",
		 json_string_value(json_object_get(*msg, "no_kvm"))
			 ? json_string_value(json_object_get(*msg, "no_kvm"))
			 : "");
	d->kvm_inherited = json_is_true(json_object_get(*msg, "kvm_inherited"));
	if (!launch_kvm_speed_from_json(json_object_get(*msg, "kvm_speed"), &d->kvm_speed))
		d->kvm_speed.exit_ns = 0;
	d->foreground = json_is_true(json_object_get(*msg, "foreground"));
	return config_from_json(&d->config, json_object_get(*msg, "config"), e);
}

/* The launcher says "detach", or goes away. */
static void report_ready(struct ev_loop *loop, ev_io *w, int revents)
{
	struct domain *d = w->data;
	json_t *msg;
	bool detach;

	if (!fdmsg_recv(d->report, &msg, NULL, 0, NULL)) {
		detach = json_is_true(json_object_get(msg, "detach"));
		json_decref(msg);
		if (!detach)
			return;
		d->foreground = false;
	}
	ev_io_stop(loop, w);
	close(d->report);
	d->report = -1;
	if (d->foreground)
		life_destroy(d, "destroyed", "the process that ran it in the foreground is gone");
}

static void news(struct ev_loop *loop, ev_async *w, int revents)
{
	life_news(w->data);
}

typedef int (*start_step)(struct domain *, struct refhv_error *);

/* The last steps of a new domain come, for one from a stream, when it has arrived: arrive_finish(). */
static const start_step boot_steps[] = {
	machine_build,	store_start,  console_start,  server_start,  machine_wait,
	lockdown_early, store_attach, console_attach, devices_start, lockdown,
};
static const start_step arrive_steps[] = {
	arrive_begin, store_start,    console_start, server_start,
	machine_wait, lockdown_early, devices_start, lockdown,
};

static int start(struct domain *d, const char *mode, bool paused, struct refhv_error *e)
{
	const start_step *step = boot_steps;
	unsigned n = sizeof(boot_steps) / sizeof(boot_steps[0]);
	int rc = 0;

	lockdown_user(d);
	d->incoming = strcmp(mode, "boot");
	if (d->incoming) {
		step = arrive_steps;
		n = sizeof(arrive_steps) / sizeof(arrive_steps[0]);
	}

	d->loop = ev_loop_new(EVFLAG_AUTO);
	if (!d->loop)
		return refhv_fail(e, REFHV_FAILED, NULL, "no event loop");
	ev_async_init(&d->news, news);
	d->news.data = d;
	ev_async_start(d->loop, &d->news);
	for (unsigned i = 0; i < n && !rc; i++)
		rc = step[i](d, e);
	if (!rc && d->incoming)
		rc = arrive_finish(d, !strcmp(mode, "receive"), e);
	else if (!rc)
		rc = machine_start(d, paused, e);
	if (!rc && d->report >= 0) {
		ev_io_init(&d->report_watch, report_ready, d->report, EV_READ);
		d->report_watch.data = d;
		ev_io_start(d->loop, &d->report_watch);
	}
	return rc;
}

static void stop(struct domain *d)
{
	move_cancel(d);
	if (d->engine)
		d->impl->stop(d->engine);
	if (d->devices)
		devices_stop(d);
	if (d->control)
		server_stop(d);
	console_stop(d);
	machine_destroy(d);
}

int domain_process(const char *name)
{
	static struct domain domain;
	struct domain *d = &domain;
	struct refhv_error e;
	json_t *msg = NULL;
	const char *mode;
	int rc;

	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_DUMPABLE, 0);
	snprintf(d->name, sizeof(d->name), "%s", name);
	d->report = d->log = d->space.fd = -1;
	d->end_reason = -1;
	d->tsc0 = clock_tsc();
	d->ns0 = clock_monotonic();
	pthread_mutex_init(&d->lock, NULL);
	rc = receive(d, &msg, &e);
	mode = json_string_value(json_object_get(msg, "mode"));
	if (!rc)
		rc = start(d, mode ? mode : "boot", json_is_true(json_object_get(msg, "paused")),
			   &e);
	json_decref(msg);
	if (rc) {
		domain_log(d, "not started: %s", e.what);
		tell(d, json_pack("{s:o}", "error", launch_error_to_json(&e)));
		/* The kernel takes everything else away, half-built machines included. */
		_exit(DOMAIN_NOT_STARTED);
	}
	msg = json_pack("{s:b, s:s}", "ready", 1, "warning", d->warning);
	if (d->kvm_measured)
		json_object_set_new(msg, "kvm_speed", launch_kvm_speed_to_json(&d->kvm_speed));
	tell(d, msg);
	ev_run(d->loop, 0);
	stop(d);
	_exit(d->exit_code);
}
