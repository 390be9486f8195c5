/*
 * refhv block-resize: an image has another size, and the guest is to know.
 *
 * Trusts the domain to look for itself: the command names a disk, no size.
 */
#include <stdio.h>
#include "cli/cli.h"
#include "cli/commands.h"

enum { ANSWER_MS = 5000 };

static int run(struct cli *c)
{
	struct rundir_entry entry;
	struct control ctl;
	struct refhv_error e;
	json_t *result = NULL;
	struct rundir r;
	uint32_t vbd;
	int rc = 0;

	if (config_vdev_number(c->arg[1], &vbd))
		rc = refhv_fail(&e, REFHV_USAGE,
				"use xvdb, or the number that refhv block-list shows",
				"\"%.40s\" is no virtual device", c->arg[1]);
	if (!rc)
		rc = cli_reach(c->arg[0], &r, &ctl, &entry, &e);
	if (rc)
		return cli_error(c, &e);
	rc = control_call(&ctl, json_pack("{s:s, s:I}", "cmd", "resize", "devid", (json_int_t)vbd),
			  NULL, 0, ANSWER_MS, &result, NULL, &e);
	control_close(&ctl);
	rundir_close(&r);
	if (rc)
		return cli_error(c, &e);
	if (c->json)
		cli_print_json(json_incref(result));
	else if (c->verbose)
		printf("%s: %s has %lld sectors of 512 bytes\n", entry.name, c->arg[1],
		       (long long)json_integer_value(json_object_get(result, "sectors")));
	json_decref(result);
	return REFHV_OK;
}

const struct cli_command cli_block_resize = {
	.name = "block-resize",
	.usage = "DOMAIN VDEV",
	.min_args = 2,
	.max_args = 2,
	.run = run,
	.about = "tell a guest that an image has another size",
};
