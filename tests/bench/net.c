/*
 * net: what a guest costs on the way through user networking.
 *
 * The same server, the same archive and the same refhv-netd, once as an ordinary process on the daemon's socket and
 * once as a guest in a domain: TCP throughput of a large file, round trips of a small one on an open connection, and
 * connections opened for one answer each. Prints both and their ratio. Rounds alternate, so that what else the machine
 * does falls on both.
 *
 * net REFHV NETD WEB.ELF
 */
#include <limits.h>
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "hosted.h"
#include "netd/client.h"
#include "../unit/web_rig.h"

#define BIG    (32u << 20)
#define ROUNDS 3
#define ASKS   1000
#define DIALS  200

static char folder[] = "/tmp/refhv-bench-XXXXXX", archive_path[64], run_path[64];

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "bench net: %s\n", what);
	exit(1);
}

static int make_archive(void)
{
	FILE *f;
	uint8_t h[512];
	static uint8_t block[1 << 16];

	snprintf(archive_path, sizeof(archive_path), "%s/site.tar", folder);
	f = fopen(archive_path, "w+");
	if (!f)
		fail("no place for the archive");
	rig_tar_header(h, "small", 100, '0');
	fwrite(h, 1, 512, f);
	fwrite(block, 1, 512, f);
	rig_tar_header(h, "big", BIG, '0');
	fwrite(h, 1, 512, f);
	for (uint32_t i = 0; i < BIG / sizeof(block); i++)
		fwrite(block, 1, sizeof(block), f);
	fwrite(block, 1, 1024, f);
	fflush(f);
	return fileno(f);
}

static int dial(uint16_t port)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_port = htons(port),
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct timeval patience = {.tv_sec = 5};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, IPPROTO_TCP, 1 /* TCP_NODELAY: its header and the stack do not mix */, &one,
		   sizeof(one));
	if (!connect(fd, (struct sockaddr *)&a, sizeof(a)))
		return fd;
	close(fd);
	return -1;
}

/* The bytes of the answer's body, or of nothing. */
static uint32_t ask(int fd, const char *request)
{
	static char buf[1 << 20];
	uint32_t got = 0, want = ~0u;
	ssize_t n;

	if (write(fd, request, strlen(request)) < 0)
		return 0;
	while (got < want && (n = read(fd, buf, sizeof(buf) - 1)) > 0) {
		if (want == ~0u) {
			char *end, *length;

			buf[n] = 0;
			end = strstr(buf, "\r\n\r\n");
			length = strstr(buf, "Content-Length: ");
			if (!end || !length)
				return 0;
			want = (uint32_t)strtoul(length + 16, NULL, 10);
			n -= end + 4 - buf;
		}
		got += (uint32_t)n;
	}
	return got;
}

struct figures {
	uint16_t port;
	double throughput; /* MB/s, best round */
	double round_trip; /* us, median of all rounds' medians */
	double tail;	   /* us, 99th of 100, best round */
	double dial;	   /* us */
};

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void better(double *best, double v)
{
	if (!*best || v < *best)
		*best = v;
}

static void measure(struct figures *f)
{
	static const char big[] = "GET /big HTTP/1.1\r\nHost: x\r\n\r\n",
			  small[] = "GET /small HTTP/1.1\r\nHost: x\r\n\r\n";
	static double t[ASKS];
	int fd = dial(f->port);
	double began;

	if (fd < 0 || ask(fd, small) != 100)
		fail("no answer");
	began = now();
	if (ask(fd, big) != BIG)
		fail("the large file is not whole");
	began = now() - began;
	if (BIG / began / 1e6 > f->throughput)
		f->throughput = BIG / began / 1e6;
	for (unsigned i = 0; i < ASKS; i++) {
		began = now();
		if (ask(fd, small) != 100)
			fail("the small file is not whole");
		t[i] = (now() - began) * 1e6;
	}
	close(fd);
	qsort(t, ASKS, sizeof(t[0]), by_value);
	better(&f->round_trip, t[ASKS / 2]);
	better(&f->tail, t[ASKS * 99 / 100]);
	for (unsigned i = 0; i < DIALS; i++) {
		began = now();
		fd = dial(f->port);
		if (fd < 0 || ask(fd, small) != 100)
			fail("a new connection gets no answer");
		close(fd);
		t[i] = (now() - began) * 1e6;
	}
	qsort(t, DIALS, sizeof(t[0]), by_value);
	better(&f->dial, t[DIALS / 2]);
}

static pid_t start_process(const char *netd, int archive, struct netd_link *link, uint16_t *port)
{
	char err[NETD_ERR_SIZE], path[100];
	struct netd_config config = {.socket_path = path, .program = netd, .n_forwards = 1};
	struct netd_forward bound;
	pid_t pid;

	snprintf(path, sizeof(path), "%s/process.sock", folder);
	if (netd_forward_parse("tcp::0-:80", &config.forwards[0], err) ||
	    netd_start(&config, err) || netd_attach(path, link, err))
		fail(err);
	if (netd_forwards(link->control, &bound, 1) != 1)
		fail("no forward");
	*port = bound.host_port;
	pid = fork();
	if (!pid) {
		struct hosted_config hosted = {.frames = link->frames,
					       .archive = archive,
					       .stop = -1,
					       .mtu = link->mtu,
					       .seed = 1,
					       .quiet = 1};

		_exit(hosted_run(&hosted) != 0);
	}
	return pid;
}

static int run(char *const argv[])
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		execv(argv[0], argv);
		_exit(127);
	}
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static uint16_t free_port(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (bind(fd, (struct sockaddr *)&a, len) || getsockname(fd, (struct sockaddr *)&a, &len))
		fail("no free port");
	close(fd);
	return ntohs(a.sin_port);
}

static uint16_t start_guest(char *refhv, const char *netd, const char *image)
{
	char path[100], libexec[4096];
	uint16_t port = free_port();
	FILE *f;

	snprintf(run_path, sizeof(run_path), "%s/run", folder);
	setenv("REFHV_RUNDIR", run_path, 1);
	snprintf(libexec, sizeof(libexec), "%s", netd);
	*strrchr(libexec, '/') = 0;
	setenv("REFHV_LIBEXEC", libexec, 1);
	snprintf(path, sizeof(path), "%s/bench.cfg", folder);
	f = fopen(path, "w");
	fprintf(f,
		"name = \"bench\"\nkernel = \"%s\"\nmemory = 64\ndisk = [ \"%s,raw,xvda,r\" ]\n"
		"vif = [ \"hostfwd=tcp:127.0.0.1:%u-:80\" ]\n",
		image, archive_path, port);
	fclose(f);
	if (run((char *[]){refhv, (char *)"create", path, NULL}))
		fail("the domain does not start");
	return port;
}

int main(int argc, char **argv)
{
	static char kernel[PATH_MAX];
	struct figures process = {0}, guest = {0};
	struct netd_link link;
	char command[100];
	int archive;
	pid_t pid;

	if (argc < 4)
		fail("usage: net REFHV NETD WEB.ELF");
	if (!mkdtemp(folder))
		fail("no temporary folder");
	signal(SIGPIPE, SIG_IGN);
	archive = make_archive();
	pid = start_process(argv[2], archive, &link, &process.port);
	/* The configuration lies elsewhere, and a relative path in it starts there. */
	if (!realpath(argv[3], kernel)) {
		fprintf(stderr, "bench net: %s: %s\n", argv[3], strerror(errno));
		return 1;
	}
	guest.port = start_guest(argv[1], argv[2], kernel);
	for (unsigned i = 0; i < ROUNDS; i++) {
		measure(&process);
		measure(&guest);
	}
	run((char *[]){argv[1], (char *)"destroy", (char *)"bench", NULL});
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	netd_quit(link.control);
	printf("user networking, MTU %u     process     guest   guest/process\n", link.mtu);
	printf("throughput, MB/s          %9.0f %9.0f   %.2f\n", process.throughput,
	       guest.throughput, guest.throughput / process.throughput);
	printf("round trip, median us     %9.0f %9.0f   %.2f\n", process.round_trip,
	       guest.round_trip, guest.round_trip / process.round_trip);
	printf("round trip, 99th us       %9.0f %9.0f   %.2f\n", process.tail, guest.tail,
	       guest.tail / process.tail);
	printf("connect and ask, us       %9.0f %9.0f   %.2f\n", process.dial, guest.dial,
	       guest.dial / process.dial);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command) != 0;
}
