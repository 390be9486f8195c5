/*
 * memory_bad_pointer_is_refused: An argument at an address that is not mapped: EFAULT.
 */
#include "conformance.h"

CASE(memory_bad_pointer_is_refused)
{
	CHECK_EQ(memory_op(PV_XENMEM_current_reservation, (void *)BAD_ADDRESS), -PV_EFAULT);
	CHECK_EQ(memory_op(PV_XENMEM_add_to_physmap, (void *)BAD_ADDRESS), -PV_EFAULT);
}
