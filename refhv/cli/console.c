/*
 * refhv console, and the console of refhv run: a terminal joined to a domain.
 *
 * The guest's bytes go to the terminal as they are: whoever attaches a terminal to a guest lets the guest write on it. The
 * terminal's settings are restored however this ends, signals included.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>
#include "cli/cli.h"
#include "cli/commands.h"

enum {
	ESCAPE = 0x1d, /* Ctrl-] */
	LAST_WORDS_MS = 3000,
};

struct join {
	int console, report, signals;
	bool tty, in_open, out_open, unread; /* unread: who read what we write has gone */
	struct termios saved;
	char in[4096]; /* typed, not yet taken by the domain */
	size_t in_len;
};

static void raw(struct join *j)
{
	struct termios t;

	j->tty = isatty(0) && !tcgetattr(0, &j->saved);
	if (!j->tty)
		return;
	t = j->saved;
	cfmakeraw(&t);
	/* Guests print bare newlines. */
	t.c_oflag |= OPOST | ONLCR;
	tcsetattr(0, TCSADRAIN, &t);
}

static int watch_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGQUIT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

static bool write_all(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t w = write(fd, p, n);

		if (w < 0 && errno == EAGAIN) {
			poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, -1);
			continue;
		}
		if (w < 0 && errno != EINTR)
			return false;
		if (w > 0) {
			p += w;
			n -= (size_t)w;
		}
	}
	return true;
}

/* Bytes from the domain. False at the end. */
static bool take_output(struct join *j)
{
	char buf[16384];
	ssize_t n = recv(j->console, buf, sizeof(buf), MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (n && j->out_open) {
		j->out_open = write_all(1, buf, (size_t)n);
		j->unread = !j->out_open && errno == EPIPE;
	}
	return n > 0;
}

/* What is typed. True when it asks to leave. */
static bool take_input(struct join *j)
{
	ssize_t n = read(0, j->in + j->in_len, sizeof(j->in) - j->in_len);
	char *leave;

	if (n <= 0) {
		j->in_open = n < 0 && (errno == EAGAIN || errno == EINTR);
		return false;
	}
	leave = j->tty ? memchr(j->in + j->in_len, ESCAPE, (size_t)n) : NULL;
	j->in_len = leave ? (size_t)(leave - j->in) : j->in_len + (size_t)n;
	return leave;
}

static void give_input(struct join *j)
{
	ssize_t n = send(j->console, j->in, j->in_len, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n > 0) {
		j->in_len -= (size_t)n;
		memmove(j->in, j->in + n, j->in_len);
	} else if (n < 0 && errno != EAGAIN && errno != EINTR) {
		j->in_len = 0;
		j->in_open = false;
	}
}

/* The domain says how it ended. True when there is nothing more to wait for. */
static bool take_report(struct join *j, json_t **ended)
{
	json_t *msg;

	if (fdmsg_recv(j->report, &msg, NULL, 0, NULL))
		return true;
	if (!json_object_get(msg, "ended")) {
		json_decref(msg);
		return false;
	}
	*ended = json_incref(json_object_get(msg, "ended"));
	json_decref(msg);
	return true;
}

static int loop(struct join *j, json_t **ended)
{
	bool console_open = true, over = false;

	for (;;) {
		struct pollfd p[4] = {
			{.fd = j->in_open && j->in_len < sizeof(j->in) ? 0 : -1, .events = POLLIN},
			{.fd = console_open ? j->console : -1,
			 .events = (short)(POLLIN | (j->in_len ? POLLOUT : 0))},
			{.fd = over ? -1 : j->report, .events = POLLIN},
			{.fd = j->signals, .events = POLLIN},
		};

		int n = poll(p, 4, over ? LAST_WORDS_MS : -1);

		/* What the guest said last comes before the news of its end. */
		if (over && (!n || !console_open))
			return 'e';
		if (n < 0)
			continue;
		if (p[3].revents)
			return 's';
		if (p[1].revents & POLLOUT)
			give_input(j);
		if (p[1].revents & (POLLIN | POLLHUP | POLLERR))
			console_open = take_output(j);
		if (j->unread && !over)
			return 'q';
		if (!console_open && j->report < 0)
			return 'e';
		if (p[0].revents && take_input(j)) {
			if (j->in_len)
				give_input(j);
			return 'q';
		}
		if (p[2].revents)
			over = take_report(j, ended);
		if (over && !console_open)
			return 'e';
	}
}

int cli_console_join(int console, int report, json_t **ended)
{
	struct join j = {.console = console, .report = report, .in_open = true, .out_open = true};
	int why;

	signal(SIGPIPE, SIG_IGN);
	j.signals = watch_signals();
	fflush(stdout);
	raw(&j);
	why = loop(&j, ended);
	if (j.tty)
		tcsetattr(0, TCSADRAIN, &j.saved);
	close(j.signals);
	return why;
}

static int run_console(struct cli *c)
{
	struct rundir_entry entry;
	struct refhv_error e;
	char socket[24] = "console.sock";
	struct rundir r;
	int console, rc = rundir_open(&r, &e);

	if (rc)
		return cli_error(c, &e);
	rc = rundir_find(&r, c->arg[0], &entry, &e);
	if (c->number)
		snprintf(socket, sizeof(socket), "console%u.sock", c->number);
	console = rc ? -1 : rundir_connect(&r, entry.name, socket, &e);
	rundir_close(&r);
	if (console < 0)
		return cli_error(c, &e);
	if (isatty(0) && !c->json)
		fprintf(stderr, "refhv: console of %s; Ctrl-] leaves\n", entry.name);
	rc = cli_console_join(console, -1, NULL);
	close(console);
	return REFHV_OK;
}

const struct cli_command cli_console = {
	.name = "console",
	.usage = "[-n N] DOMAIN",
	.min_args = 1,
	.max_args = 1,
	.run = run_console,
	.about = "attach to a domain's console; Ctrl-] leaves",
	.help = "What the guest printed last is shown first. Input may come from a pipe.\n"
		"  -n, --num N       the console with this number; 0 is the first\n",
	.flag = {{'n', "num", 0}},
};
