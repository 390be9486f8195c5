/*
 * fuzz_stream: a saved domain from nowhere.
 *
 * Reads arbitrary bytes as a stream into a small memory. Whatever is accepted is complete; whatever is not leaves a line that says why.
 */
#include <migrate/migrate.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "fuzz.h"

#define RAM (16 * 4096u)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t ram[RAM] __attribute__((aligned(4096)));
	struct image im = {0};
	char *config = NULL;
	struct wire w;
	int fd, rc;

	fd = memfd_create("stream", MFD_CLOEXEC);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	lseek(fd, 0, SEEK_SET);
	wire_init(&w, fd);
	rc = migrate_open(&w, &config);
	if (rc == 0)
		rc = migrate_machine(&w, &im);
	if (rc == 0)
		rc = migrate_receive(&w, ram, RAM, &im);
	if (rc < 0 && !w.err[0])
		abort();
	if (rc == 0 && (!im.store || !im.vcpu[im.machine.vcpus - 1].size))
		abort();
	image_free(&im);
	free(config);
	close(fd);
	return 0;
}
