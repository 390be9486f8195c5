/*
 * grant_table: memory that one domain lets another map, copy or take.
 *
 * The granter writes entries into pages shared with its hypervisor; the grantee names them by their
 * index (grant reference). HYPERVISOR_grant_table_op(cmd, struct *, count): the return value is
 * about the call as a whole, each element carries its own GNTST_* status.
 * Source: xen/include/public/grant_table.h.
 */
#ifndef PV_ABI_GRANT_TABLE_H
#define PV_ABI_GRANT_TABLE_H

#include <pv/abi/xen.h>

/*
 * Version 1 entry. To grant: write domid and frame, write barrier, then flags. To end: see that
 * neither reading nor writing is set, and swap flags to 0 with one compare-and-exchange of the
 * whole word, because the hypervisor sets them by compare-and-exchange too.
 */
struct pv_grant_entry_v1 {
	uint16_t flags; /* PV_GTF_* */
	uint16_t domid; /* who may use it */
	uint32_t frame; /* GFN (PV: MFN); 32 bits, so memory up to 16 TiB */
};
PV_ABI_SIZE(struct pv_grant_entry_v1, 8);

/* The first entries are set aside for the toolstack. */
#define PV_GNTTAB_NR_RESERVED_ENTRIES 8
#define PV_GNTTAB_RESERVED_CONSOLE    0
#define PV_GNTTAB_RESERVED_XENSTORE   1

/* Type of an entry. */
#define PV_GTF_invalid	       0U
#define PV_GTF_permit_access   1U
#define PV_GTF_accept_transfer 2U
#define PV_GTF_transitive      3U /* version 2 only */
#define PV_GTF_type_mask       3U

/* With permit_access. `reading` and `writing` are the hypervisor's: in use that way. */
#define PV_GTF_readonly 4U
#define PV_GTF_reading	8U
#define PV_GTF_writing	16U
#define PV_GTF_PWT	32U
#define PV_GTF_PCD	64U
#define PV_GTF_PAT	128U
#define PV_GTF_sub_page 256U /* version 2 only: copies within page_off and length */

/* With accept_transfer, both the hypervisor's. */
#define PV_GTF_transfer_committed 4U
#define PV_GTF_transfer_completed 8U

struct pv_grant_entry_header {
	uint16_t flags;
	uint16_t domid;
};
PV_ABI_SIZE(struct pv_grant_entry_header, 4);

/* Version 2 entry. `reading` and `writing` live in a status word of its own, read-only to guests. */
union pv_grant_entry_v2 {
	struct pv_grant_entry_header hdr;
	struct {
		struct pv_grant_entry_header hdr;
		uint32_t pad0;
		uint64_t frame;
	} full_page;
	struct {
		struct pv_grant_entry_header hdr;
		uint16_t page_off, length; /* bytes */
		uint64_t frame;
	} sub_page;
	struct {
		struct pv_grant_entry_header hdr;
		uint16_t trans_domid; /* whose grant is passed on */
		uint16_t pad0;
		uint32_t gref; /* in that domain's table */
	} transitive;
	uint32_t __spacer[4];
};
PV_ABI_SIZE(union pv_grant_entry_v2, 16);

#define PV_GNTTABOP_map_grant_ref     0
#define PV_GNTTABOP_unmap_grant_ref   1
#define PV_GNTTABOP_setup_table	      2
#define PV_GNTTABOP_dump_table	      3
#define PV_GNTTABOP_transfer	      4
#define PV_GNTTABOP_copy	      5
#define PV_GNTTABOP_query_size	      6
#define PV_GNTTABOP_unmap_and_replace 7
#define PV_GNTTABOP_set_version	      8
#define PV_GNTTABOP_get_status_frames 9
#define PV_GNTTABOP_get_version	      10
#define PV_GNTTABOP_swap_grant_ref    11
#define PV_GNTTABOP_cache_flush	      12

struct pv_gnttab_map_grant_ref {
	uint64_t host_addr;    /* in: where; a GPA, or as PV_GNTMAP_contains_pte says */
	uint32_t flags;	       /* in: PV_GNTMAP_* */
	uint32_t ref;	       /* in */
	uint16_t dom;	       /* in: the granter */
	int16_t status;	       /* out */
	uint32_t handle;       /* out: names this mapping for unmap */
	uint64_t dev_bus_addr; /* out */
};
PV_ABI_SIZE(struct pv_gnttab_map_grant_ref, 32);

/* An address of 0 leaves that kind of mapping in place. */
struct pv_gnttab_unmap_grant_ref {
	uint64_t host_addr;    /* in */
	uint64_t dev_bus_addr; /* in */
	uint32_t handle;       /* in */
	int16_t status;	       /* out */
};
PV_ABI_SIZE(struct pv_gnttab_unmap_grant_ref, 24);

/* Grows the table of `dom` to at least `nr_frames` pages and lists them (PV guests). */
struct pv_gnttab_setup_table {
	uint16_t dom;	     /* in */
	uint32_t nr_frames;  /* in */
	int16_t status;	     /* out */
	uint64_t frame_list; /* in: address of uint64_t[nr_frames], filled in */
};
PV_ABI_SIZE(struct pv_gnttab_setup_table, 24);

struct pv_gnttab_dump_table {
	uint16_t dom;	/* in */
	int16_t status; /* out */
};
PV_ABI_SIZE(struct pv_gnttab_dump_table, 4);

struct pv_gnttab_transfer {
	uint64_t mfn;	/* in: the page given away */
	uint16_t domid; /* in: to whom */
	uint32_t ref;	/* in: their accept_transfer entry */
	int16_t status; /* out */
};
PV_ABI_SIZE(struct pv_gnttab_transfer, 24);

/* One end of a copy; `len` bytes must stay within its page. */
struct pv_gnttab_copy_ptr {
	union {
		uint32_t ref;
		uint64_t gmfn;
	} u; /* by PV_GNTCOPY_*_gref */
	uint16_t domid;
	uint16_t offset; /* bytes */
};
PV_ABI_SIZE(struct pv_gnttab_copy_ptr, 16);

struct pv_gnttab_copy {
	struct pv_gnttab_copy_ptr source, dest; /* in */
	uint16_t len;				/* in: bytes */
	uint16_t flags;				/* in: PV_GNTCOPY_* */
	int16_t status;				/* out */
};
PV_ABI_SIZE(struct pv_gnttab_copy, 40);
#define PV_GNTCOPY_source_gref 1
#define PV_GNTCOPY_dest_gref   2

struct pv_gnttab_query_size {
	uint16_t dom;		/* in */
	uint32_t nr_frames;	/* out */
	uint32_t max_nr_frames; /* out */
	int16_t status;		/* out */
};
PV_ABI_SIZE(struct pv_gnttab_query_size, 16);

/* PV: unmaps, and moves the page table entry at new_addr into the place. */
struct pv_gnttab_unmap_and_replace {
	uint64_t host_addr; /* in */
	uint64_t new_addr;  /* in */
	uint32_t handle;    /* in */
	int16_t status;	    /* out */
};
PV_ABI_SIZE(struct pv_gnttab_unmap_and_replace, 24);

/* Every entry but the reserved ones must be unused. */
struct pv_gnttab_set_version {
	uint32_t version; /* in: 1 or 2; out: the version now in use */
};
PV_ABI_SIZE(struct pv_gnttab_set_version, 4);

struct pv_gnttab_get_status_frames {
	uint32_t nr_frames;  /* in */
	uint16_t dom;	     /* in */
	int16_t status;	     /* out */
	uint64_t frame_list; /* in: address of uint64_t[nr_frames], filled in */
};
PV_ABI_SIZE(struct pv_gnttab_get_status_frames, 16);

struct pv_gnttab_get_version {
	uint16_t dom; /* in */
	uint16_t pad;
	uint32_t version; /* out */
};
PV_ABI_SIZE(struct pv_gnttab_get_version, 8);

struct pv_gnttab_swap_grant_ref {
	uint32_t ref_a; /* in */
	uint32_t ref_b; /* in */
	int16_t status; /* out */
};
PV_ABI_SIZE(struct pv_gnttab_swap_grant_ref, 12);

struct pv_gnttab_cache_flush {
	union {
		uint64_t dev_bus_addr;
		uint32_t ref;
	} a;
	uint16_t offset; /* bytes within the page */
	uint16_t length; /* bytes */
	uint32_t op;	 /* PV_GNTTAB_CACHE_* */
};
PV_ABI_SIZE(struct pv_gnttab_cache_flush, 16);
#define PV_GNTTAB_CACHE_CLEAN	    1u
#define PV_GNTTAB_CACHE_INVAL	    2u
#define PV_GNTTAB_CACHE_SOURCE_GREF (1u << 31)

/* pv_gnttab_map_grant_ref.flags */
#define PV_GNTMAP_device_map	   1
#define PV_GNTMAP_host_map	   2
#define PV_GNTMAP_readonly	   4
#define PV_GNTMAP_application_map  8  /* reachable from user mode (PV) */
#define PV_GNTMAP_contains_pte	   16 /* host_addr is the machine address of a PTE (PV) */
#define PV_GNTMAP_guest_avail_mask 0xffff0000u

/* Values of `status`. */
#define PV_GNTST_okay		   0
#define PV_GNTST_general_error	   (-1)
#define PV_GNTST_bad_domain	   (-2)
#define PV_GNTST_bad_gntref	   (-3)
#define PV_GNTST_bad_handle	   (-4)
#define PV_GNTST_bad_virt_addr	   (-5)
#define PV_GNTST_bad_dev_addr	   (-6)
#define PV_GNTST_no_device_space   (-7)
#define PV_GNTST_permission_denied (-8)
#define PV_GNTST_bad_page	   (-9)
#define PV_GNTST_bad_copy_arg	   (-10)
#define PV_GNTST_address_too_big   (-11)
#define PV_GNTST_eagain		   (-12)
#define PV_GNTST_no_space	   (-13)

#endif
