/*
 * store_server SOCKET: an empty store on a unix socket, as refhv serves one, for the tools of
 * others.
 *
 * Ends on SIGTERM; the exit code tells whether the books were right in the end and all memory came
 * back.
 */
#include <ev.h>
#include <host/xenstore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static uint64_t now(void *ctx)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void stop(struct ev_loop *loop, ev_signal *w, int events)
{
	ev_break(loop, EVBREAK_ALL);
}

int main(int argc, char **argv)
{
	struct pv_store_config cfg = {.size = sizeof(cfg),
				      .alloc = refhv_xenstore_alloc,
				      .free = refhv_xenstore_free,
				      .now = now};
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	struct ev_loop *loop = ev_default_loop(0);
	struct refhv_xenstore *x;
	struct pv_store *store;
	ev_signal term;
	int fd, rc;

	if (argc != 2 || strlen(argv[1]) >= sizeof(sa.sun_path)) {
		fprintf(stderr, "usage: store_server SOCKET\n");
		return 2;
	}
	strcpy(sa.sun_path, argv[1]);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 || listen(fd, 16) < 0) {
		perror(argv[1]);
		return 2;
	}
	if (pv_store_create(&store, &cfg) < 0 || pv_store_domain_introduce(store, 1) < 0)
		return 2;
	x = refhv_xenstore_start(loop, store, fd, NULL);
	if (!x)
		return 2;
	ev_signal_init(&term, stop, SIGTERM);
	ev_signal_start(loop, &term);
	ev_run(loop, 0);
	refhv_xenstore_stop(x);
	rc = pv_store_audit(store);
	pv_store_destroy(store);
	ev_loop_destroy(loop);
	return rc < 0;
}
