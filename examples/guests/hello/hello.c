/*
 * hello: says what the domain was given, then echoes what is typed, line by line.
 *
 * Ends on the line "exit", or when the toolstack asks for it. In interrupt mode: every key is an
 * upcall.
 */
#include <kernel.h>
#include <pv/abi/sched.h>

#define DEPTH 4

static void show_features(const struct pv *pv)
{
	unsigned i;

	kprintf("features:");
	for (i = 0; i < 64; i++)
		if (pv_has_feature(pv, i))
			kprintf(" %u", i);
	kprintf("\n");
}

/* The tree below path, as far as it is ours to read. */
static void show_tree(struct pv_xs *xs, const char *path, unsigned depth)
{
	char names[256], value[64], below[128];
	int n, at;

	n = pv_xs_directory(xs, 0, path, names, sizeof(names));
	for (at = 0; at < n; at += (int)strlen(&names[at]) + 1) {
		ksnprintf(below, sizeof(below), "%s/%s", path, &names[at]);
		if (pv_xs_read(xs, 0, below, value, sizeof(value)) < 0)
			value[0] = 0;
		kprintf("  %*s%s = \"%s\"\n", (int)depth * 2, "", &names[at], value);
		if (depth < DEPTH)
			show_tree(xs, below, depth + 1);
	}
}

static void show_store(void)
{
	struct pv_bus *bus = kernel_bus();
	char home[64];
	uint64_t domid;

	if (!bus) {
		kprintf("no xenstore\n");
		return;
	}
	if (pv_xs_read_number(&bus->xs, 0, "domid", &domid) < 0 ||
	    pv_xs_domain_path(&bus->xs, (uint16_t)domid, home, sizeof(home)) < 0) {
		kprintf("the xenstore does not answer\n");
		return;
	}
	kprintf("xenstore, %s:\n", home);
	show_tree(&bus->xs, home, 0);
}

/* Takes in what was typed; 1: the line is complete. */
static int typed(char *line, size_t size, size_t *len)
{
	char c;

	while (console_read(&c, 1) == 1) {
		if (c == '\r' || c == '\n') {
			line[*len] = 0;
			*len = 0;
			console_write("\n", 1);
			return 1;
		}
		if (*len + 1 < size) {
			line[(*len)++] = c;
			console_write(&c, 1);
		}
	}
	return 0;
}

void guest_main(struct kernel *k)
{
	char line[128];
	size_t len = 0;

	kprintf("hello from %s\n", k->pv->mode == PV_MODE_PVH ? "a PVH guest"
				   : pv_is_translated(k->pv)  ? "a translated PV guest"
							      : "a classic PV guest");
	kprintf("hypervisor interface %u.%u\n", k->pv->version >> 16, k->pv->version & 0xffff);
	kprintf("memory: %lu KiB, %lu pages free\n", k->ram_bytes >> 10, pages_left());
	kprintf("vCPUs: %u\n", k->vcpus);
	kprintf("command line: \"%s\"\n", k->cmdline);
	if (k->ramdisk)
		kprintf("ramdisk: %lu bytes\n", k->ramdisk_bytes);
	show_features(k->pv);
	show_store();
	if (!k->pv->console_ring) {
		kprintf("no console to read from: goodbye\n");
		return;
	}
	kernel_interrupts_on();
	kprintf("type lines; \"exit\" ends the domain\n> ");
	while (kernel_shutdown_request() < 0) {
		if (!typed(line, sizeof(line), &len)) {
			kernel_wait(0);
			continue;
		}
		if (!strcmp(line, "exit"))
			break;
		kprintf("you said: %s\n> ", line);
	}
	kprintf("goodbye\n");
	kernel_shutdown(kernel_shutdown_request() < 0 ? PV_SHUTDOWN_poweroff
						      : (unsigned)kernel_shutdown_request());
}
