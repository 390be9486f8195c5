/*
 * version_extraversion_is_a_string: The extra version is a string that ends within its 16 bytes.
 */
#include "conformance.h"

CASE(version_extraversion_is_a_string)
{
	char text[16];
	unsigned i;

	memset(text, 0x7f, sizeof(text));
	CHECK_EQ(pv_hypercall2(pv, PV_HYPERVISOR_xen_version, PV_XENVER_extraversion, ADDR(text)),
		 0);
	for (i = 0; i < sizeof(text) && text[i]; i++)
		;
	CHECK(i < sizeof(text));
}
