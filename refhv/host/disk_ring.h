/*
 * The io_uring of one disk: a ring that can do what a disk does, and nothing else.
 *
 * A ring is a way past the seccomp filter of the process that has it: its operations are no system calls. So it is
 * restricted before it is enabled, for good: the opcodes of a disk, on the descriptors it was made with.
 */
#ifndef REFHV_HOST_DISK_RING_H
#define REFHV_HOST_DISK_RING_H

#include <liburing.h>

/* What a submission names in place of a descriptor, with IOSQE_FIXED_FILE, which every submission needs. */
enum { RING_DISK, RING_KICK, RING_WAKE, RING_FILES };

enum { RING_ENTRIES = 256, RING_SPARES = 16 };

/*
 * Belongs to the calling thread. 0, or a negative errno: also where the kernel cannot restrict a ring (before 5.10).
 * The descriptors stay the caller's.
 */
int disk_ring_open(struct io_uring *ring, const int fd[RING_FILES]);
/*
 * Makes n rings more, RING_SPARES at most, restricted already but with no descriptor and not enabled, which disk_ring_open() takes when the
 * process may make none any more.
 */
void disk_ring_spare(unsigned n);

#endif
