/*
 * ring: the shared page of a request/response ring.
 *
 * Requests and responses use the same slots; indices run freely and are taken modulo the number of
 * slots, a power of two. Each side owns two words: the frontend req_prod and rsp_event, the backend
 * rsp_prod and req_event. An event word asks: notify me when your producer passes this value.
 * The peer can write anything at any time: see pv/ring.h for accessors that check.
 * Source: xen/include/public/io/ring.h.
 */
#ifndef PV_ABI_IO_RING_H
#define PV_ABI_IO_RING_H

#include <stdint.h>
#include <pv/abi/layout.h>

/* The first 64 bytes of every ring. A new one: producers 0, events 1, the rest 0. */
struct pv_sring {
	uint32_t req_prod, req_event;
	uint32_t rsp_prod, rsp_event;
	uint8_t pvt_pad[4];
	uint8_t __pad[44];
};
PV_ABI_SIZE(struct pv_sring, 64);

/* The greatest power of two that is not above x (x below 2^32, not 0), as a constant expression. */
#define PV_RD2(x)  (((x)&0x00000002) ? 0x2 : ((x)&0x1))
#define PV_RD4(x)  (((x)&0x0000000c) ? PV_RD2((x) >> 2) << 2 : PV_RD2(x))
#define PV_RD8(x)  (((x)&0x000000f0) ? PV_RD4((x) >> 4) << 4 : PV_RD4(x))
#define PV_RD16(x) (((x)&0x0000ff00) ? PV_RD8((x) >> 8) << 8 : PV_RD8(x))
#define PV_RD32(x) (((x)&0xffff0000) ? PV_RD16((x) >> 16) << 16 : PV_RD16(x))

/* Slots of ring `name` in `bytes` of shared memory. */
#define PV_RING_SLOTS(name, bytes) \
	PV_RD32(((bytes) - sizeof(struct pv_sring)) / sizeof(union pv_##name##_sring_entry))

/* Declares struct pv_NAME_sring and union pv_NAME_sring_entry. */
#define PV_DEFINE_RING_TYPES(name, req_t, rsp_t)       \
	union pv_##name##_sring_entry {                \
		req_t req;                             \
		rsp_t rsp;                             \
	};                                             \
	struct pv_##name##_sring {                     \
		uint32_t req_prod, req_event;          \
		uint32_t rsp_prod, rsp_event;          \
		union {                                \
			uint8_t pvt_pad[4];            \
		} pvt;                                 \
		uint8_t __pad[44];                     \
		union pv_##name##_sring_entry ring[1]; \
	}

#endif
