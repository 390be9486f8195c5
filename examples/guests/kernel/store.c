/*
 * The kernel's xenstore: the bus that devices are opened on, and orders to shut down.
 */
#include "internal.h"

static struct pv_bus bus;
static int have_bus;
static struct pv_xs_watch shutdown_watch;
static int requested = -1;

struct pv_bus *kernel_bus(void)
{
	return have_bus ? &bus : NULL;
}

int kernel_shutdown_request(void)
{
	return requested;
}

static const struct {
	const char *word;
	int reason;
} orders[] = {
	{"poweroff", PV_SHUTDOWN_poweroff},
	{"halt", PV_SHUTDOWN_poweroff},
	{"reboot", PV_SHUTDOWN_reboot},
};

static void shutdown_written(void *arg, struct pv_xs_watch *watch, const char *path)
{
	char word[16];
	unsigned i;

	/* Empty: what we wrote ourselves, or nothing was asked yet. */
	if (pv_xs_read(&bus.xs, 0, "control/shutdown", word, sizeof(word)) <= 0)
		return;
	for (i = 0; i < sizeof(orders) / sizeof(orders[0]) && strcmp(word, orders[i].word); i++)
		;
	/* The toolstack takes the empty value as our word that we obey: not for any other order. */
	if (i == sizeof(orders) / sizeof(orders[0]))
		return;
	requested = orders[i].reason;
	pv_xs_write(&bus.xs, 0, "control/shutdown", "", 0);
}

void store_init(void)
{
	if (pv_bus_init(&bus, &kernel_pv))
		return;
	have_bus = 1;
	/* A toolstack of long ago may refuse these; it then knows nothing of the orders either. */
	pv_xs_write_string(&bus.xs, 0, "control/feature-poweroff", "1");
	pv_xs_write_string(&bus.xs, 0, "control/feature-reboot", "1");
	shutdown_watch.fn = shutdown_written;
	shutdown_watch.path = "control/shutdown";
	if (pv_xs_watch(&bus.xs, &shutdown_watch))
		kprintf("kernel: no orders to shut down: cannot watch control/shutdown\n");
}

unsigned store_work(void)
{
	return have_bus ? pv_bus_work(&bus) : 0;
}
