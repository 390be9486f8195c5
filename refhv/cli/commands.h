/*
 * The commands, one struct each; commands.c has them in the order of the help.
 */
#ifndef REFHV_CLI_COMMANDS_H
#define REFHV_CLI_COMMANDS_H

#include "cli/cli.h"

extern const struct cli_command cli_run, cli_create, cli_list, cli_info, cli_console, cli_shutdown,
	cli_reboot, cli_destroy, cli_pause, cli_unpause, cli_domid, cli_domname, cli_version,
	cli_save, cli_restore, cli_migrate, cli_receive, cli_block_attach, cli_block_detach,
	cli_block_list, cli_block_resize, cli_network_attach, cli_network_detach, cli_network_list,
	cli_mem_set, cli_mem_max, cli_vcpu_set, cli_sysrq, cli_trigger, cli_channel_list;

#endif
