/*
 * sched: giving up the CPU, waiting for events, ending the domain.
 *
 * HYPERVISOR_sched_op(cmd, struct *). Source: xen/include/public/sched.h.
 */
#ifndef PV_ABI_SCHED_H
#define PV_ABI_SCHED_H

#include <pv/abi/event_channel.h>

#define PV_SCHEDOP_yield 0 /* no argument */

/* No argument. Unmasks upcalls and sleeps until one is pending, without a window between the two. */
#define PV_SCHEDOP_block 1

#define PV_SCHEDOP_shutdown	   2
#define PV_SCHEDOP_poll		   3
#define PV_SCHEDOP_remote_shutdown 4
#define PV_SCHEDOP_shutdown_code   5 /* struct pv_sched_shutdown: the reason of a later shutdown */
#define PV_SCHEDOP_watchdog	   6
#define PV_SCHEDOP_pin_override	   7

/* With reason suspend the call returns: 0 in a new domain, 1 if the suspend was cancelled. */
struct pv_sched_shutdown {
	uint32_t reason; /* PV_SHUTDOWN_* */
};
PV_ABI_SIZE(struct pv_sched_shutdown, 4);

/*
 * Sleeps until one of the ports is pending, masked or not. Callers mask upcalls first. May return
 * early for no reason.
 */
struct pv_sched_poll {
	uint64_t ports;	   /* address of uint32_t[nr_ports] */
	uint32_t nr_ports; /* at most 128 */
	uint64_t timeout;  /* absolute system time, ns; 0 = none */
};
PV_ABI_SIZE(struct pv_sched_poll, 24);

struct pv_sched_remote_shutdown {
	uint16_t domain_id;
	uint32_t reason;
};
PV_ABI_SIZE(struct pv_sched_remote_shutdown, 8);

/* id 0 starts one and returns its id; id and timeout re-arm it; id and timeout 0 end it. */
struct pv_sched_watchdog {
	uint32_t id;
	uint32_t timeout; /* seconds */
};
PV_ABI_SIZE(struct pv_sched_watchdog, 8);

struct pv_sched_pin_override {
	int32_t pcpu; /* negative undoes it */
};
PV_ABI_SIZE(struct pv_sched_pin_override, 4);

#define PV_SHUTDOWN_poweroff   0
#define PV_SHUTDOWN_reboot     1
#define PV_SHUTDOWN_suspend    2
#define PV_SHUTDOWN_crash      3
#define PV_SHUTDOWN_watchdog   4
#define PV_SHUTDOWN_soft_reset 5 /* memory and vCPUs stay, the Xen interfaces start afresh */
#define PV_SHUTDOWN_MAX	       5

#endif
