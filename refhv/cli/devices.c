/*
 * refhv block-list, network-list and channel-list: the devices of a domain, in xl's columns.
 */
#include <stdio.h>
#include <string.h>
#include "cli/cli.h"
#include "cli/commands.h"

enum { ANSWER_MS = 5000 };

static const char *text(json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "-";
}

static int devid(json_t *o)
{
	return (int)json_integer_value(json_object_get(o, "devid"));
}

static void print_disk(json_t *o)
{
	printf("%-5d %-3d %-6d %-5s %-6s %-8s %-30s\n", devid(o), 0, devid(o), text(o, "state"),
	       text(o, "event_channel"), text(o, "ring_ref"), text(o, "backend"));
}

static void print_card(json_t *o)
{
	char rings[32];

	snprintf(rings, sizeof(rings), "%.12s/%.12s", text(o, "tx_ring_ref"),
		 text(o, "rx_ring_ref"));
	printf("%-3d %-2d %-17s %-6d %-5s %-6s %-16s %-30s\n", devid(o), 0, text(o, "mac"),
	       devid(o), text(o, "state"), text(o, "event_channel"), rings, text(o, "backend"));
}

static void print_channel(json_t *o)
{
	printf("%-3d %-2d %-5s %-6s %-8s %-10s %-20s %s\n", devid(o), 0, text(o, "state"),
	       text(o, "event_channel"), text(o, "ring_ref"), text(o, "connection"),
	       text(o, "name"), text(o, "path"));
}

static int run(struct cli *c, const char *key, const char *head, void (*print)(json_t *))
{
	struct rundir_entry entry;
	struct control ctl;
	struct refhv_error e;
	json_t *info = NULL, *o;
	struct rundir r;
	size_t i;
	int rc = cli_reach(c->arg[0], &r, &ctl, &entry, &e);

	if (rc)
		return cli_error(c, &e);
	rc = control_call(&ctl, json_pack("{s:s}", "cmd", "info"), NULL, 0, ANSWER_MS, &info, NULL,
			  &e);
	control_close(&ctl);
	rundir_close(&r);
	if (rc)
		return cli_error(c, &e);
	if (c->json) {
		cli_print_json(json_incref(json_object_get(info, key)));
	} else {
		puts(head);
		json_array_foreach(json_object_get(info, key), i,
				   o) if (json_object_get(o, "backend")) print(o);
	}
	json_decref(info);
	return REFHV_OK;
}

static int run_block_list(struct cli *c)
{
	return run(c, "disks", "Vdev  BE  handle state evt-ch ring-ref BE-path", print_disk);
}

static int run_network_list(struct cli *c)
{
	return run(c, "vifs",
		   "Idx BE Mac Addr.         handle state evt-ch tx-/rx-ring-ref  BE-path",
		   print_card);
}

static int run_channel_list(struct cli *c)
{
	return run(c, "channels",
		   "Idx BE state evt-ch ring-ref connection name                 path",
		   print_channel);
}

const struct cli_command cli_block_list = {
	.name = "block-list",
	.usage = "DOMAIN",
	.min_args = 1,
	.max_args = 1,
	.run = run_block_list,
	.about = "list a domain's disks",
};

const struct cli_command cli_network_list = {
	.name = "network-list",
	.usage = "DOMAIN",
	.min_args = 1,
	.max_args = 1,
	.run = run_network_list,
	.about = "list a domain's network cards",
};

const struct cli_command cli_channel_list = {
	.name = "channel-list",
	.usage = "DOMAIN",
	.min_args = 1,
	.max_args = 1,
	.run = run_channel_list,
	.about = "list a domain's channels, and where they lead to",
};
