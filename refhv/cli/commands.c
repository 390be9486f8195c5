/*
 * The table of commands.
 */
#include <stddef.h>
#include "cli/commands.h"

const struct cli_command *const cli_commands[] = {&cli_run,
						  &cli_create,
						  &cli_list,
						  &cli_info,
						  &cli_console,
						  &cli_shutdown,
						  &cli_reboot,
						  &cli_destroy,
						  &cli_pause,
						  &cli_unpause,
						  &cli_save,
						  &cli_restore,
						  &cli_migrate,
						  &cli_receive,
						  &cli_mem_set,
						  &cli_mem_max,
						  &cli_vcpu_set,
						  &cli_sysrq,
						  &cli_trigger,
						  &cli_block_attach,
						  &cli_block_detach,
						  &cli_block_list,
						  &cli_block_resize,
						  &cli_network_attach,
						  &cli_network_detach,
						  &cli_network_list,
						  &cli_channel_list,
						  &cli_domid,
						  &cli_domname,
						  &cli_version,
						  NULL};
