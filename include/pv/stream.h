/*
 * stream: the record codec of Xen's migration stream, and the records that libpv adds to it.
 *
 * The container is libxc's, version 3 (pv/abi/stream.h): image header, domain header, records {type, length, body, padding to 8},
 * END. What Xen has a record for travels in Xen's record. What Xen does not carry (event channels, grant maps, the store, live
 * devices, the description) travels in optional records of ours, which another reader skips.
 *
 * Pure functions on bytes: no I/O, no memory, no state but struct pv_stream_check. Trust: everything that is decoded may be hostile.
 */
#ifndef PV_STREAM_H
#define PV_STREAM_H

#include <pv/abi/stream.h>
#include <stddef.h>
#include <stdint.h>

/* Ours: "PV" in the middle of an optional type. Layouts are little endian; arrays of structs bear their own sizes. */
#define PV_STREAM_REC_PV(n) (PV_STREAM_REC_OPTIONAL | 0x50560000u | (n))
#define PV_STREAM_REC_PV_CONFIG \
	PV_STREAM_REC_PV(1u) /* JSON, no NUL; the first record of a stream of ours */
#define PV_STREAM_REC_PV_DOMAIN PV_STREAM_REC_PV(2u) /* struct pv_state_domain */
#define PV_STREAM_REC_PV_VCPU	PV_STREAM_REC_PV(3u) /* struct pv_state_vcpu, one record each */
#define PV_STREAM_REC_PV_PORTS	PV_STREAM_REC_PV(4u) /* struct pv_state_port[] */
#define PV_STREAM_REC_PV_MAPS	PV_STREAM_REC_PV(5u) /* struct pv_state_map[] */
#define PV_STREAM_REC_PV_RUN	PV_STREAM_REC_PV(6u) /* struct pv_stream_run, one record each vCPU */
#define PV_STREAM_REC_PV_MAPPINGS \
	PV_STREAM_REC_PV(7u) /* {u64 gva, u64 pte}[]: pages that are not mapped flat */
#define PV_STREAM_REC_PV_STORE PV_STREAM_REC_PV(8u) /* Xen's xenstore migration format */
#define PV_STREAM_REC_PV_DEVICE \
	PV_STREAM_REC_PV(9u) /* struct pv_stream_device and its state, one record each */
/* u64[], bit n % 64 of word n / 64: the guest has given page n back */
#define PV_STREAM_REC_PV_ABSENT	 PV_STREAM_REC_PV(11u)
#define PV_STREAM_REC_PV_MACHINE PV_STREAM_REC_PV(10u) /* what a VMM adds for itself; opaque */

/* What Xen's vCPU records leave out. */
struct pv_stream_run {
	uint32_t vcpu;
	uint32_t flags;		 /* of the engine */
	uint32_t event_flags[3]; /* CALLBACKF_* of the event, failsafe and syscall callback */
	uint32_t _res;
	uint64_t iopl;
};
PV_ABI_SIZE(struct pv_stream_run, 32);

#define PV_STREAM_DEVICE_VBD	 1u
#define PV_STREAM_DEVICE_VIF	 2u
#define PV_STREAM_DEVICE_CONSOLE 3u
struct pv_stream_device {
	uint32_t kind;	/* PV_STREAM_DEVICE_* */
	uint32_t index; /* virtual-device number, or card number */
};
PV_ABI_SIZE(struct pv_stream_device, 8);

#define PV_STREAM_HEADERS_SIZE \
	(sizeof(struct pv_stream_image_header) + sizeof(struct pv_stream_domain_header))

/* The two headers of a stream in buf[PV_STREAM_HEADERS_SIZE]. type: PV_STREAM_DHDR_TYPE_*; version: major << 16 | minor. */
void pv_stream_headers_put(uint8_t *buf, uint32_t type, uint32_t version);
/*
 * Read them: the domain type (positive), or -PV_EBADMSG (not a stream), -PV_EOPNOTSUPP (another version or byte order, or pages of
 * another size).
 */
int pv_stream_headers_get(const uint8_t *buf);

/* Padding bytes (zeros when written, ignored when read) after a body of this length. */
static inline uint32_t pv_stream_pad(uint32_t length)
{
	return -length & (PV_STREAM_REC_ALIGN - 1u);
}

/* The order of records. Zeroed before the first. */
struct pv_stream_check {
	uint8_t static_done, ended;
};

/*
 * May this record come next in a stream that a reader of ours takes? 0: yes, and it is one to look at. 1: yes, skip its body.
 * -PV_EBADMSG: out of order, too long, or of an impossible length for its type; -PV_EOPNOTSUPP: mandatory and not known.
 */
int pv_stream_check(struct pv_stream_check *c, uint32_t type, uint32_t length);

/*
 * The head of a PAGE_DATA record: body[8] is the fixed part, length that of the whole body. Returns the number of pfns (1 to
 * PV_STREAM_BATCH), or -PV_EBADMSG.
 */
#define PV_STREAM_BATCH 1024u
int pv_stream_page_count(const uint8_t *body, uint32_t length);
/* One entry of its array: 1 with *gfn when a page of data follows, 0 when none does, -PV_EBADMSG. */
int pv_stream_page_entry(uint64_t entry, uint64_t *gfn);

#endif
