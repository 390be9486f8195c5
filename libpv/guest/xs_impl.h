/*
 * xs_impl: between the halves of the xenstore client.
 */
#ifndef PV_GUEST_XS_IMPL_H
#define PV_GUEST_XS_IMPL_H

#include <pv/xs_client.h>
#include "../common/mem.h"

struct pv_xs_part {
	const void *bytes;
	size_t len;
};

/*
 * Send a request whose body is these parts and wait for its answer: its length, at most `size`, or
 * -PV_E.... -PV_E2BIG: the answer was longer; what fits is in buf.
 */
int pv_xs_call(struct pv_xs *xs, uint32_t type, uint32_t tx, const struct pv_xs_part *part,
	       unsigned parts, char *buf, size_t size);

#endif
