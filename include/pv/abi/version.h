/*
 * version: what the hypervisor is and can do.
 *
 * HYPERVISOR_xen_version(cmd, struct *). Strings are NUL-terminated within their arrays.
 * Source: xen/include/public/version.h.
 */
#ifndef PV_ABI_VERSION_H
#define PV_ABI_VERSION_H

#include <pv/abi/xen.h>
#include <pv/abi/features.h>

#define PV_XENVER_version	      0 /* no argument; returns major << 16 | minor */
#define PV_XENVER_extraversion	      1 /* char[PV_XEN_EXTRAVERSION_LEN] */
#define PV_XENVER_compile_info	      2
#define PV_XENVER_capabilities	      3 /* char[PV_XEN_CAPABILITIES_INFO_LEN] */
#define PV_XENVER_changeset	      4 /* char[PV_XEN_CHANGESET_INFO_LEN] */
#define PV_XENVER_platform_parameters 5
#define PV_XENVER_get_features	      6
#define PV_XENVER_pagesize	      7 /* no argument; returns bytes */
#define PV_XENVER_guest_handle	      8 /* uint8_t[16]: the domain's UUID */
#define PV_XENVER_commandline	      9 /* char[1024] */
#define PV_XENVER_build_id	      10

#define PV_XEN_EXTRAVERSION_LEN	     16
#define PV_XEN_CAPABILITIES_INFO_LEN 1024
#define PV_XEN_CHANGESET_INFO_LEN    64

struct pv_compile_info {
	char compiler[64];
	char compile_by[16];
	char compile_domain[32];
	char compile_date[32];
};
PV_ABI_SIZE(struct pv_compile_info, 144);

struct pv_platform_parameters {
	uint64_t virt_start; /* first address of the hypervisor's hole */
};
PV_ABI_SIZE(struct pv_platform_parameters, 8);

struct pv_feature_info {
	uint32_t submap_idx; /* in: below PV_XENFEAT_NR_SUBMAPS */
	uint32_t submap;     /* out: bit per PV_XENFEAT_* */
};
PV_ABI_SIZE(struct pv_feature_info, 8);

struct pv_build_id {
	uint32_t len;	     /* in: room in buf; the call returns the length */
	unsigned char buf[]; /* out */
};
PV_ABI_SIZE(struct pv_build_id, 4);

#endif
