/*
 * hvm/params: the numbered parameters of an HVM or PVH domain, read and set by hvm_op.
 *
 * Source: xen/include/public/hvm/params.h.
 */
#ifndef PV_ABI_HVM_PARAMS_H
#define PV_ABI_HVM_PARAMS_H

#include <pv/abi/hvm/hvm_op.h>

/*
 * How upcalls arrive: bits 63:56 a PV_HVM_PARAM_CALLBACK_TYPE_*. GSI: bits 31:0 its number; PCI_INTX:
 * bits 47:32 domain, 31:16 bus, 15:8 devfn, 1:0 pin; VECTOR: bits 7:0 the vector; PPI (arm64):
 * bits 7:0 the interrupt, bits 15:8 flags. 0 turns upcalls off.
 */
#define PV_HVM_PARAM_CALLBACK_IRQ		      0
#define PV_HVM_PARAM_CALLBACK_IRQ_TYPE_MASK	      0xFF00000000000000ULL
#define PV_HVM_PARAM_CALLBACK_TYPE_GSI		      0
#define PV_HVM_PARAM_CALLBACK_TYPE_PCI_INTX	      1
#define PV_HVM_PARAM_CALLBACK_TYPE_VECTOR	      2 /* x86 */
#define PV_HVM_PARAM_CALLBACK_TYPE_PPI		      2 /* arm64 */
#define PV_HVM_PARAM_CALLBACK_TYPE_PPI_FLAG_MASK      0xFF00
#define PV_HVM_PARAM_CALLBACK_TYPE_PPI_FLAG_LOW_LEVEL 2

#define PV_HVM_PARAM_STORE_PFN		   1 /* GFN of the xenstore ring */
#define PV_HVM_PARAM_STORE_EVTCHN	   2
#define PV_HVM_PARAM_PAE_ENABLED	   4
#define PV_HVM_PARAM_IOREQ_PFN		   5
#define PV_HVM_PARAM_BUFIOREQ_PFN	   6
#define PV_HVM_PARAM_VIRIDIAN		   9 /* x86 */
#define PV_HVM_PARAM_TIMER_MODE		   10
#define PV_HVM_PARAM_HPET_ENABLED	   11
#define PV_HVM_PARAM_IDENT_PT		   12
#define PV_HVM_PARAM_DM_DOMAIN		   13
#define PV_HVM_PARAM_ACPI_S_STATE	   14
#define PV_HVM_PARAM_VM86_TSS		   15
#define PV_HVM_PARAM_VPT_ALIGN		   16
#define PV_HVM_PARAM_CONSOLE_PFN	   17 /* GFN of the console ring */
#define PV_HVM_PARAM_CONSOLE_EVTCHN	   18
#define PV_HVM_PARAM_ACPI_IOPORTS_LOCATION 19
#define PV_HVM_PARAM_NESTEDHVM		   24
#define PV_HVM_PARAM_BUFIOREQ_EVTCHN	   26
#define PV_HVM_PARAM_PAGING_RING_PFN	   27
#define PV_HVM_PARAM_MONITOR_RING_PFN	   28
#define PV_HVM_PARAM_SHARING_RING_PFN	   29
#define PV_HVM_PARAM_TRIPLE_FAULT_REASON   31
#define PV_HVM_PARAM_IOREQ_SERVER_PFN	   32
#define PV_HVM_PARAM_NR_IOREQ_SERVER_PAGES 33
#define PV_HVM_PARAM_VM_GENERATION_ID_ADDR 34
#define PV_HVM_PARAM_ALTP2M		   35
#define PV_HVM_PARAM_X87_FIP_WIDTH	   36
#define PV_HVM_PARAM_VM86_TSS_SIZED	   37
#define PV_HVM_PARAM_MCA_CAP		   38
#define PV_HVM_NR_PARAMS		   39

#define PV_HVMPTM_delay_for_missed_ticks    0
#define PV_HVMPTM_no_delay_for_missed_ticks 1
#define PV_HVMPTM_no_missed_ticks_pending   2
#define PV_HVMPTM_one_missed_tick_pending   3

#endif
