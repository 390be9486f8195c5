/*
 * callback: where the hypervisor enters a PV guest.
 *
 * HYPERVISOR_callback_op(cmd, struct *). Source: xen/include/public/callback.h.
 */
#ifndef PV_ABI_CALLBACK_H
#define PV_ABI_CALLBACK_H

#include <pv/abi/xen.h>

#define PV_CALLBACKTYPE_event		    0
#define PV_CALLBACKTYPE_failsafe	    1
#define PV_CALLBACKTYPE_syscall		    2
#define PV_CALLBACKTYPE_sysenter_deprecated 3
#define PV_CALLBACKTYPE_nmi		    4
#define PV_CALLBACKTYPE_sysenter	    5
#define PV_CALLBACKTYPE_syscall32	    7

#define PV_CALLBACKF_mask_events 1U /* enter with evtchn_upcall_mask set */

#define PV_CALLBACKOP_register 0
struct pv_callback_register {
	uint16_t type;	  /* PV_CALLBACKTYPE_* */
	uint16_t flags;	  /* PV_CALLBACKF_* */
	uint64_t address; /* entry point */
};
PV_ABI_SIZE(struct pv_callback_register, 16);

#define PV_CALLBACKOP_unregister 1
struct pv_callback_unregister {
	uint16_t type;
	uint16_t _unused;
};
PV_ABI_SIZE(struct pv_callback_unregister, 4);

#endif
