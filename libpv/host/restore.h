/*
 * Restore in two halves: checking a state against a domain (restore_check.c), then applying it
 * (restore.c). Nothing outside libpv/host/restore*.c includes this.
 */
#ifndef PV_HOST_RESTORE_H
#define PV_HOST_RESTORE_H

#include "domain.h"

/*
 * 0 if every field makes sense for this domain by itself and with the others; -PV_E* and no effect.
 */
int pv_state_check(struct pv_domain *d, const struct pv_state *st);

#endif
