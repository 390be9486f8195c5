/*
 * console: the page of the PV console: two byte rings.
 *
 * Indices run freely and are masked by the size of their ring. The reader owns *_cons, the writer
 * *_prod; `in` runs towards the guest. Source: xen/include/public/io/console.h.
 */
#ifndef PV_ABI_IO_CONSOLE_H
#define PV_ABI_IO_CONSOLE_H

#include <stdint.h>
#include <pv/abi/layout.h>

struct pv_xencons_interface {
	char in[1024];
	char out[2048];
	uint32_t in_cons, in_prod;
	uint32_t out_cons, out_prod;
};
PV_ABI_SIZE(struct pv_xencons_interface, 3088);

#endif
