/*
 * hello: says what the domain was given.
 */
#include <kernel.h>

void guest_main(struct kernel *k)
{
	kprintf("hello: %lu KiB of memory, %u vCPUs, command line \"%s\"\n", k->ram_bytes >> 10,
		k->vcpus, k->cmdline);
}
