/*
 * Hypercall numbers by name, with the number of arguments each takes: for traces, for copying
 * arguments and for refusing numbers that do not exist. Pure functions.
 */
#ifndef PV_COMMON_HYPERCALL_H
#define PV_COMMON_HYPERCALL_H

#include <stdint.h>

#define PV_NR_HYPERCALLS 56u

/* Xen's name without HYPERVISOR_, or NULL if the ABI has no such hypercall. */
const char *pv_hypercall_name(uint64_t nr);
/* How many of the argument registers it reads, 0 to 5; -1 if the ABI has no such hypercall. */
int pv_hypercall_args(uint64_t nr);

#endif
