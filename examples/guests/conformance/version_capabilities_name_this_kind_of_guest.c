/*
 * version_capabilities_name_this_kind_of_guest: The capabilities are a string that names 64-bit
 * guests of this kind.
 */
#include "conformance.h"

CASE(version_capabilities_name_this_kind_of_guest)
{
	static char caps[1024];
	const char *want = is_pvh() ? "hvm-3.0-x86_64" : "xen-3.0-x86_64", *s;

	CHECK_EQ(version_op(PV_XENVER_capabilities, caps), 0);
	for (s = caps; *s; s++)
		if (!strncmp(s, want, strlen(want)))
			return;
	CHECK(!"named");
}
