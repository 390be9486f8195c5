/*
 * blkif: the block device protocol.
 *
 * A frontend puts requests on a ring, the backend answers each with its id. Sectors are 512 bytes
 * here, whatever the device's own sector size is. Keys of the two xenstore directories: backend
 * "sectors", "sector-size", "info", "feature-flush-cache", "feature-discard",
 * "feature-max-indirect-segments", "feature-persistent", "max-ring-page-order",
 * "multi-queue-max-queues"; frontend "ring-ref" (or "ring-page-order", "ring-ref0"...),
 * "event-channel", "protocol", "feature-persistent". Source: xen/include/public/io/blkif.h.
 *
 * The order of fields is the same in each ABI, their alignment is not: the x86_32 forms below are
 * for a backend whose frontend says "x86_32-abi".
 */
#ifndef PV_ABI_IO_BLKIF_H
#define PV_ABI_IO_BLKIF_H

#include <pv/abi/grant_table.h>
#include <pv/abi/io/ring.h>

#define PV_BLKIF_OP_READ	    0
#define PV_BLKIF_OP_WRITE	    1
#define PV_BLKIF_OP_WRITE_BARRIER   2
#define PV_BLKIF_OP_FLUSH_DISKCACHE 3 /* what was answered before it is durable after it */
#define PV_BLKIF_OP_RESERVED_1	    4
#define PV_BLKIF_OP_DISCARD	    5
#define PV_BLKIF_OP_INDIRECT	    6

#define PV_BLKIF_MAX_SEGMENTS_PER_REQUEST	11
#define PV_BLKIF_MAX_INDIRECT_PAGES_PER_REQUEST 8

/* pv_blkif_response.status */
#define PV_BLKIF_RSP_EOPNOTSUPP (-2)
#define PV_BLKIF_RSP_ERROR	(-1)
#define PV_BLKIF_RSP_OKAY	0

#define PV_BLKIF_DISCARD_SECURE 1

/* Bits of the "info" key. */
#define PV_VDISK_CDROM	   0x1
#define PV_VDISK_REMOVABLE 0x2
#define PV_VDISK_READONLY  0x4

/* Part of one granted page, in sectors 0 to 7; both ends included. */
struct pv_blkif_request_segment {
	uint32_t gref;
	uint8_t first_sect, last_sect;
};
PV_ABI_SIZE(struct pv_blkif_request_segment, 8);

struct pv_blkif_request {
	uint8_t operation;	/* PV_BLKIF_OP_* */
	uint8_t nr_segments;	/* 0 only for a flush */
	uint16_t handle;	/* the virtual device, for reads and writes */
	uint64_t id;		/* the frontend's own, comes back unchanged */
	uint64_t sector_number; /* first sector on the device */
	struct pv_blkif_request_segment seg[PV_BLKIF_MAX_SEGMENTS_PER_REQUEST];
};

struct pv_blkif_request_discard {
	uint8_t operation; /* PV_BLKIF_OP_DISCARD */
	uint8_t flag;	   /* 0 or PV_BLKIF_DISCARD_SECURE */
	uint16_t handle;
	uint64_t id;
	uint64_t sector_number;
	uint64_t nr_sectors;
};

/* The segments are in granted pages of their own, 512 of them to a page. */
struct pv_blkif_request_indirect {
	uint8_t operation;    /* PV_BLKIF_OP_INDIRECT */
	uint8_t indirect_op;  /* PV_BLKIF_OP_READ or _WRITE */
	uint16_t nr_segments; /* at most the backend's feature-max-indirect-segments */
	uint64_t id;
	uint64_t sector_number;
	uint16_t handle;
	uint32_t indirect_grefs[PV_BLKIF_MAX_INDIRECT_PAGES_PER_REQUEST];
};

struct pv_blkif_response {
	uint64_t id;
	uint8_t operation; /* of the request */
	int16_t status;	   /* PV_BLKIF_RSP_* */
};

PV_DEFINE_RING_TYPES(blkif, struct pv_blkif_request, struct pv_blkif_response);

#if !defined(__i386__)
PV_ABI_SIZE(struct pv_blkif_request, 112);
PV_ABI_SIZE(struct pv_blkif_request_discard, 32);
PV_ABI_SIZE(struct pv_blkif_request_indirect, 64);
PV_ABI_SIZE(struct pv_blkif_response, 16);
#endif

/* The x86_32 layouts: 64-bit fields are aligned to 4 bytes. */
#define PV_ABI_X86_32 __attribute__((packed, aligned(4)))

struct pv_blkif_x86_32_request {
	uint8_t operation;
	uint8_t nr_segments;
	uint16_t handle;
	uint64_t id;
	uint64_t sector_number;
	struct pv_blkif_request_segment seg[PV_BLKIF_MAX_SEGMENTS_PER_REQUEST];
} PV_ABI_X86_32;
PV_ABI_SIZE(struct pv_blkif_x86_32_request, 108);

struct pv_blkif_x86_32_request_discard {
	uint8_t operation;
	uint8_t flag;
	uint16_t handle;
	uint64_t id;
	uint64_t sector_number;
	uint64_t nr_sectors;
} PV_ABI_X86_32;
PV_ABI_SIZE(struct pv_blkif_x86_32_request_discard, 28);

struct pv_blkif_x86_32_request_indirect {
	uint8_t operation;
	uint8_t indirect_op;
	uint16_t nr_segments;
	uint64_t id;
	uint64_t sector_number;
	uint16_t handle;
	uint16_t _pad1;
	uint32_t indirect_grefs[PV_BLKIF_MAX_INDIRECT_PAGES_PER_REQUEST];
	uint64_t pad; /* keeps the size of the 64-bit form */
} PV_ABI_X86_32;
PV_ABI_SIZE(struct pv_blkif_x86_32_request_indirect, 64);

struct pv_blkif_x86_32_response {
	uint64_t id;
	uint8_t operation;
	uint8_t _pad1;
	int16_t status;
} PV_ABI_X86_32;
PV_ABI_SIZE(struct pv_blkif_x86_32_response, 12);

PV_DEFINE_RING_TYPES(blkif_x86_32, struct pv_blkif_x86_32_request, struct pv_blkif_x86_32_response);

#endif
