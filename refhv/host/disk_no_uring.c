/*
 * In place of disk_uring.c where refhv is built without liburing: a queue never has an io_uring, and its thread uses plain system calls.
 *
 * Trusts nobody: there is nothing here.
 */
#include "disk_io.h"

bool host_uring_start(struct host_queue *q)
{
	return false;
}

void host_uring_spare(unsigned queues)
{
}

void host_uring_stop(struct host_queue *q)
{
}

int host_uring_submit(struct host_queue *q, struct pv_blk_io *io)
{
	return -PV_EAGAIN;
}

void host_uring_kick(struct host_queue *q)
{
}

unsigned host_uring_reap(struct host_queue *q)
{
	return 0;
}

void host_uring_arm(struct host_queue *q)
{
}

void host_uring_wait(struct host_queue *q, int timeout_ms)
{
}
