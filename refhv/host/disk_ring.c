/*
 * Makes the restricted ring of a disk. See disk_ring.h.
 *
 * Trusts the kernel to keep a restriction; nothing that uses the ring afterwards is trusted to.
 */
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "disk_ring.h"

static pthread_mutex_t spare_lock = PTHREAD_MUTEX_INITIALIZER;
static struct io_uring spare[RING_SPARES];
static unsigned spares;

/* liburing 2.3 declares functions for what this does, and does not export them. */
static int ring_register(struct io_uring *ring, unsigned opcode, const void *arg, unsigned n)
{
	return syscall(SYS_io_uring_register, ring->ring_fd, opcode, arg, n) < 0 ? -errno : 0;
}

static int restrict_ring(struct io_uring *ring)
{
	static const uint8_t allowed[] = {
		IORING_OP_READ,	 IORING_OP_READV,     IORING_OP_WRITE,	  IORING_OP_WRITEV,
		IORING_OP_FSYNC, IORING_OP_FALLOCATE, IORING_OP_POLL_ADD,
	};
	enum { OPS = sizeof(allowed) };
	struct io_uring_restriction r[OPS + 1] = {
		/* Required is allowed, too, and other flags are not. */
		[OPS] = {.opcode = IORING_RESTRICTION_SQE_FLAGS_REQUIRED,
			 .sqe_flags = IOSQE_FIXED_FILE},
	};

	/* No register operation is on the list: the files stay the ones they are. */
	for (unsigned i = 0; i < OPS; i++) {
		r[i].opcode = IORING_RESTRICTION_SQE_OP;
		r[i].sqe_op = allowed[i];
	}
	return ring_register(ring, IORING_REGISTER_RESTRICTIONS, r, OPS + 1);
}

/* Disabled: it takes its descriptors, and belongs to a thread, when that one enables it. */
static int make_ring(struct io_uring *ring)
{
	/* The ring belongs to one thread alone, and work is done when we ask: no interrupts
	 * of what we do. */
	static const unsigned flags[] = {
		IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
		IORING_SETUP_COOP_TASKRUN,
		0,
	};
	int rc = -1;

	for (unsigned i = 0; rc < 0 && i < sizeof(flags) / sizeof(flags[0]); i++)
		rc = io_uring_queue_init(RING_ENTRIES, ring, flags[i] | IORING_SETUP_R_DISABLED);
	if (rc < 0)
		return rc;
	rc = restrict_ring(ring);
	if (rc < 0)
		io_uring_queue_exit(ring);
	return rc;
}

static bool take_spare(struct io_uring *ring)
{
	bool found;

	pthread_mutex_lock(&spare_lock);
	found = spares > 0;
	if (found)
		*ring = spare[--spares];
	pthread_mutex_unlock(&spare_lock);
	return found;
}

int disk_ring_open(struct io_uring *ring, const int fd[RING_FILES])
{
	int rc = make_ring(ring);

	if (rc < 0 && !take_spare(ring))
		return rc;
	rc = io_uring_register_files(ring, fd, RING_FILES);
	if (!rc)
		rc = ring_register(ring, IORING_REGISTER_ENABLE_RINGS, NULL, 0);
	if (rc < 0)
		io_uring_queue_exit(ring);
	return rc < 0 ? rc : 0;
}

void disk_ring_spare(unsigned n)
{
	pthread_mutex_lock(&spare_lock);
	while (n-- && spares < RING_SPARES && !make_ring(&spare[spares]))
		spares++;
	pthread_mutex_unlock(&spare_lock);
}
