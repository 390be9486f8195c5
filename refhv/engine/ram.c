/*
 * ram.c: guest memory as a sealed memfd
 *
 * Seals against shrinking keep a truncation, by whoever holds the descriptor, from turning this
 * process's accesses into SIGBUS. Trust: engine_ram_adopt() takes a descriptor from a peer and
 * checks it.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <pv/abi/errno.h>
#include "engine.h"

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif

static int map(int fd, uint64_t size, void **ram)
{
	*ram = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	return *ram == MAP_FAILED ? -errno : 0;
}

int engine_ram_create(uint64_t size, int *fd, void **ram)
{
	int ret;

	/* Kernels from 6.3 on want to be told that code will run from it; older ones do not know
	 * the flag. */
	*fd = memfd_create("guest-ram", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
	if (*fd < 0 && errno == EINVAL)
		*fd = memfd_create("guest-ram", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (*fd < 0)
		return -errno;
	if (ftruncate(*fd, (off_t)size) || fcntl(*fd, F_ADD_SEALS, SEALS))
		ret = -errno;
	else
		ret = map(*fd, size, ram);
	if (ret) {
		close(*fd);
		*fd = -1;
	}
	return ret;
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
