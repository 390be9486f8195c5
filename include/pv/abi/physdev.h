/*
 * physdev: physical interrupts and I/O privileges, as far as an unprivileged guest meets them.
 *
 * HYPERVISOR_physdev_op(cmd, struct *). Source: xen/include/public/physdev.h.
 */
#ifndef PV_ABI_PHYSDEV_H
#define PV_ABI_PHYSDEV_H

#include <pv/abi/xen.h>

#define PV_PHYSDEVOP_irq_status_query 5
struct pv_physdev_irq_status_query {
	uint32_t irq;	/* in */
	uint32_t flags; /* out: PV_XENIRQSTAT_* */
};
PV_ABI_SIZE(struct pv_physdev_irq_status_query, 8);
#define PV_XENIRQSTAT_needs_eoi 1U
#define PV_XENIRQSTAT_shared	2U

#define PV_PHYSDEVOP_set_iopl 6
struct pv_physdev_set_iopl {
	uint32_t iopl; /* in: 0 to 3 */
};
PV_ABI_SIZE(struct pv_physdev_set_iopl, 4);

#define PV_PHYSDEVOP_set_iobitmap 7
struct pv_physdev_set_iobitmap {
	uint64_t bitmap;   /* in: address */
	uint32_t nr_ports; /* in: at most 65536 */
};
PV_ABI_SIZE(struct pv_physdev_set_iobitmap, 16);

#define PV_PHYSDEVOP_eoi 12
struct pv_physdev_eoi {
	uint32_t irq; /* in */
};
PV_ABI_SIZE(struct pv_physdev_eoi, 4);

#define PV_PHYSDEVOP_map_pirq 13
struct pv_physdev_map_pirq {
	uint16_t domid;
	int32_t type;	     /* in: PV_MAP_PIRQ_TYPE_* */
	int32_t index;	     /* in: GSI or vector; negative: any */
	int32_t pirq;	     /* in, out: negative: any */
	int32_t bus;	     /* in: bits 31:16 segment for MSI_SEG and MULTI_MSI */
	int32_t devfn;	     /* in */
	int32_t entry_nr;    /* in, out for MULTI_MSI */
	uint64_t table_base; /* in: MSI-X table, else 0 */
};
PV_ABI_SIZE(struct pv_physdev_map_pirq, 40);
#define PV_MAP_PIRQ_TYPE_MSI	   0x0
#define PV_MAP_PIRQ_TYPE_GSI	   0x1
#define PV_MAP_PIRQ_TYPE_UNKNOWN   0x2
#define PV_MAP_PIRQ_TYPE_MSI_SEG   0x3
#define PV_MAP_PIRQ_TYPE_MULTI_MSI 0x4

#define PV_PHYSDEVOP_unmap_pirq 14
struct pv_physdev_unmap_pirq {
	uint16_t domid;
	int32_t pirq;
};
PV_ABI_SIZE(struct pv_physdev_unmap_pirq, 8);

#define PV_PHYSDEVOP_pirq_eoi_gmfn_v1 17
#define PV_PHYSDEVOP_pirq_eoi_gmfn_v2 28
struct pv_physdev_pirq_eoi_gmfn {
	uint64_t gmfn; /* in: a page with a bit per pirq that needs an EOI */
};
PV_ABI_SIZE(struct pv_physdev_pirq_eoi_gmfn, 8);

#define PV_PHYSDEVOP_setup_gsi 21
struct pv_physdev_setup_gsi {
	int32_t gsi;
	uint8_t triggering; /* 0 edge, 1 level */
	uint8_t polarity;   /* 0 active high, 1 active low */
};
PV_ABI_SIZE(struct pv_physdev_setup_gsi, 8);

#define PV_PHYSDEVOP_get_free_pirq 23
struct pv_physdev_get_free_pirq {
	int32_t type;  /* in: PV_MAP_PIRQ_TYPE_* */
	uint32_t pirq; /* out */
};
PV_ABI_SIZE(struct pv_physdev_get_free_pirq, 8);

#endif
