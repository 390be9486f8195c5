/*
 * ram.c: guest memory as a sealed memfd
 *
 * Seals against shrinking keep a truncation, by whoever holds the descriptor, from turning this
 * process's accesses into SIGBUS. Trust: engine_ram_adopt() takes a descriptor from a peer and
 * checks it.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <pv/abi/errno.h>
#include "engine.h"

#define LARGE_PAGE (2ull << 20)
#define SEALS	   (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif

/*
 * At a multiple of LARGE_PAGE, as guest-physical 0 is: only then can a large page here be one of the
 * guest's.
 */
static int map(int fd, uint64_t size, void **ram)
{
	/* The span has holes that will never be there: nothing is reserved for them. */
	char *room = mmap(NULL, size + LARGE_PAGE, PROT_NONE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	uint64_t head;

	if (room == MAP_FAILED)
		return -errno;
	head = -(uintptr_t)room & (LARGE_PAGE - 1);
	*ram = mmap(room + head, size, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_NORESERVE | MAP_FIXED, fd, 0);
	if (*ram == MAP_FAILED) {
		int ret = -errno;

		munmap(room, size + LARGE_PAGE);
		return ret;
	}
	if (head)
		munmap(room, head);
	munmap(room + head + size, LARGE_PAGE - head);
	return 0;
}

int engine_ram_create(uint64_t size, unsigned flags, int *fd, void **ram)
{
	unsigned how = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	int ret;

	if (flags & ENGINE_RAM_HUGE)
		how |= MFD_HUGETLB | MFD_HUGE_2MB;
	/* Kernels from 6.3 on want to be told that code will run from it; older ones do not know
	 * the flag. */
	*fd = memfd_create("guest-ram", how | MFD_EXEC);
	if (*fd < 0 && errno == EINVAL)
		*fd = memfd_create("guest-ram", how);
	if (*fd < 0)
		return -errno;
	if (ftruncate(*fd, (off_t)size) || fcntl(*fd, F_ADD_SEALS, SEALS))
		ret = -errno;
	else
		ret = map(*fd, size, ram);
	if (ret) {
		close(*fd);
		*fd = -1;
	} else if (flags & ENGINE_RAM_THP) {
		madvise(*ram, size, MADV_HUGEPAGE);
	}
	return ret;
}

int engine_ram_prefault(int fd, void *ram, uint64_t gpa, uint64_t size)
{
	if (fallocate(fd, 0, (off_t)gpa, (off_t)size))
		return -PV_ENOMEM;
#ifdef MADV_POPULATE_WRITE
	/* Page tables, too, if the kernel is new enough (5.14); without it they fill up as we go. */
	madvise((char *)ram + gpa, size, MADV_POPULATE_WRITE);
#endif
	return 0;
}

int engine_ram_adopt(int fd, uint64_t size, void **ram)
{
	struct stat st;
	int seals = fcntl(fd, F_GET_SEALS);

	if (seals < 0 || fstat(fd, &st))
		return -PV_EINVAL;
	if ((uint64_t)st.st_size != size)
		return -PV_EINVAL;
	if ((seals & SEALS) != SEALS && fcntl(fd, F_ADD_SEALS, SEALS))
		return -PV_EPERM;
	return map(fd, size, ram);
}
