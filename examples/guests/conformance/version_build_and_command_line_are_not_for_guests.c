/*
 * version_build_and_command_line_are_not_for_guests: The build and the command line of the
 * hypervisor are the control domain's to know.
 */
#include "conformance.h"

CASE(version_build_and_command_line_are_not_for_guests)
{
	static char line[1024];
	int rc = version_op(PV_XENVER_build_id, NULL);

	SKIP_IF(is_privileged(), "the initial domain may");
	CHECK_EQ(rc, -PV_EPERM);
	CHECK_EQ(version_op(PV_XENVER_commandline, line), 0);
	SKIP_IF(strcmp(line, "<denied>"), "the host tells a line of the guest's own");
}
