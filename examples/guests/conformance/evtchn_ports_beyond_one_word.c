/*
 * evtchn_ports_beyond_one_word: A hundred ports can be had, and those beyond the first word of 64
 * bits work like the others.
 */
#include "conformance.h"

CASE(evtchn_ports_beyond_one_word)
{
	uint32_t a[50], b[50];
	unsigned i;

	for (i = 0; i < 50; i++)
		CHECK_EQ(new_pair(&a[i], &b[i]), 0);
	CHECK(b[49] >= 100);
	for (i = 0; i < 50; i++) {
		CHECK_EQ(send(a[i]), 0);
		CHECK(take_pending(b[i]));
	}
	for (i = 0; i < 50; i++) {
		CHECK(!pending(a[i]) && !pending(b[i]));
		CHECK_EQ(close_port(b[i]), 0);
		CHECK_EQ(close_port(a[i]), 0);
	}
}
