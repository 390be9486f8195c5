/*
 * The grant table, in the version that the command line asks for; without a word of it the library
 * chooses. The command line is the toolstack's, which is trusted.
 */
#include "internal.h"

int kernel_grants_init(void)
{
	if (cmdline_has("gnttab=v2"))
		return pv_gnttab_init_version(&kernel_pv, 2);
	if (cmdline_has("gnttab=v1"))
		return pv_gnttab_init_version(&kernel_pv, 1);
	return pv_gnttab_init_version(&kernel_pv, 0);
}
