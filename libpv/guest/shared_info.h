/*
 * Where the page that guest and hypervisor share is, and each vCPU's part of it. Private.
 */
#ifndef PV_GUEST_SHARED_INFO_H
#define PV_GUEST_SHARED_INFO_H

#include <pv/guest.h>

/* maddr: from a PV start_info, 0 if there is none. Maps it, points vCPUs at it, masks every port.
 */
int pv_shared_info_map(struct pv *pv, uint64_t maddr);

#endif
