/*
 * time_wall_clock_is_of_this_century: The wall clock says a time after 2020 and before 2100.
 */
#include "conformance.h"

CASE(time_wall_clock_is_of_this_century)
{
	uint64_t now = pv_time_wall(pv) / 1000000000;

	CHECK(now > 1577836800);
	CHECK(now < 4102444800);
}
