/*
 * stream: saved domains and migration: the libxc stream, version 3, and the libxl stream around it.
 *
 * A file of xl's is: pv_stream_xl_header, configuration, pv_stream_libxl_header, libxl records. The
 * record LIBXC_CONTEXT has no body: the libxc stream follows it, headers and records up to END, and
 * then the libxl records go on. Records of both are {type, length, body, padding to 8 bytes}.
 * The headers marked big endian are so on every machine; the rest is little endian on x86 and arm64.
 * Xen has no public header for these. Sources: docs/specs/libxc-migration-stream.pandoc,
 * docs/specs/libxl-migration-stream.pandoc, tools/libs/guest/xg_sr_stream_format.h,
 * tools/libs/light/libxl_sr_stream_format.h, tools/xl/xl.h.
 */
#ifndef PV_ABI_STREAM_H
#define PV_ABI_STREAM_H

#include <stdint.h>
#include <pv/abi/layout.h>

/* xl: 32 bytes of magic, then four words. Unknown mandatory flags: the file is refused. */
#define PV_STREAM_XL_MAGIC		"Xen saved domain, xl format\n \0 \r"
#define PV_STREAM_XL_BYTEORDER		0x01020304U
#define PV_STREAM_XL_MANDATORY_JSON	1U /* the configuration is JSON */
#define PV_STREAM_XL_MANDATORY_STREAMV2 2U /* a libxl stream follows */
struct pv_stream_xl_header {
	char magic[32];
	uint32_t byteorder;
	uint32_t mandatory_flags;
	uint32_t optional_flags;
	uint32_t
		optional_data_len; /* bytes: u32 length of the configuration, then itself with NUL */
};
PV_ABI_SIZE(struct pv_stream_xl_header, 48);

/* libxl: big endian. */
#define PV_STREAM_LIBXL_IDENT	       0x4c6962786c466d74ULL /* "LibxlFmt" */
#define PV_STREAM_LIBXL_VERSION	       2U
#define PV_STREAM_LIBXL_OPT_BIG_ENDIAN 1U
#define PV_STREAM_LIBXL_OPT_LEGACY     2U
struct pv_stream_libxl_header {
	uint64_t ident;
	uint32_t version;
	uint32_t options;
};
PV_ABI_SIZE(struct pv_stream_libxl_header, 16);

#define PV_STREAM_LIBXL_END		       0U
#define PV_STREAM_LIBXL_LIBXC_CONTEXT	       1U
#define PV_STREAM_LIBXL_EMULATOR_XENSTORE_DATA 2U
#define PV_STREAM_LIBXL_EMULATOR_CONTEXT       3U
#define PV_STREAM_LIBXL_CHECKPOINT_END	       4U
#define PV_STREAM_LIBXL_CHECKPOINT_STATE       5U

/* The head of EMULATOR_* records. */
struct pv_stream_emulator_header {
	uint32_t id; /* 0 unknown, 2 QEMU */
	uint32_t index;
};
PV_ABI_SIZE(struct pv_stream_emulator_header, 8);

/* libxc: big endian. */
#define PV_STREAM_IHDR_MARKER	      0xffffffffffffffffULL
#define PV_STREAM_IHDR_ID	      0x58454E46U /* "XENF" */
#define PV_STREAM_IHDR_VERSION	      3U
#define PV_STREAM_IHDR_OPT_BIG_ENDIAN 1U
struct pv_stream_image_header {
	uint64_t marker;
	uint32_t id;
	uint32_t version;
	uint16_t options;
	uint16_t _res1;
	uint32_t _res2;
};
PV_ABI_SIZE(struct pv_stream_image_header, 24);

#define PV_STREAM_DHDR_TYPE_X86_PV  1U
#define PV_STREAM_DHDR_TYPE_X86_HVM 2U /* and PVH */
struct pv_stream_domain_header {
	uint32_t type;
	uint16_t page_shift; /* 12 */
	uint16_t _res1;
	uint32_t xen_major;
	uint32_t xen_minor;
};
PV_ABI_SIZE(struct pv_stream_domain_header, 16);

#define PV_STREAM_REC_ALIGN	 8
#define PV_STREAM_REC_LENGTH_MAX (128U << 20)
struct pv_stream_record_header {
	uint32_t type;
	uint32_t length; /* bytes of body, without padding */
};
PV_ABI_SIZE(struct pv_stream_record_header, 8);

#define PV_STREAM_REC_END			0x00U
#define PV_STREAM_REC_PAGE_DATA			0x01U
#define PV_STREAM_REC_X86_PV_INFO		0x02U
#define PV_STREAM_REC_X86_PV_P2M_FRAMES		0x03U
#define PV_STREAM_REC_X86_PV_VCPU_BASIC		0x04U
#define PV_STREAM_REC_X86_PV_VCPU_EXTENDED	0x05U
#define PV_STREAM_REC_X86_PV_VCPU_XSAVE		0x06U
#define PV_STREAM_REC_SHARED_INFO		0x07U
#define PV_STREAM_REC_X86_TSC_INFO		0x08U
#define PV_STREAM_REC_HVM_CONTEXT		0x09U
#define PV_STREAM_REC_HVM_PARAMS		0x0aU
#define PV_STREAM_REC_TOOLSTACK			0x0bU
#define PV_STREAM_REC_X86_PV_VCPU_MSRS		0x0cU
#define PV_STREAM_REC_VERIFY			0x0dU
#define PV_STREAM_REC_CHECKPOINT		0x0eU
#define PV_STREAM_REC_CHECKPOINT_DIRTY_PFN_LIST 0x0fU
#define PV_STREAM_REC_STATIC_DATA_END		0x10U	    /* before the first PAGE_DATA */
#define PV_STREAM_REC_X86_CPUID_POLICY		0x11U	    /* struct pv_cpuid_leaf[] */
#define PV_STREAM_REC_X86_MSR_POLICY		0x12U	    /* struct pv_msr_entry[] */
#define PV_STREAM_REC_OPTIONAL			0x80000000U /* a reader that does not know it skips it */

/* After the pfns come the pages, in the same order, 4096 bytes each, for the types that have data. */
struct pv_stream_page_data {
	uint32_t count; /* at least 1 */
	uint32_t _res1;
	uint64_t pfn[]; /* PFN and type */
};
PV_ABI_SIZE(struct pv_stream_page_data, 8);
#define PV_STREAM_PFN_MASK	 0x000fffffffffffffULL
#define PV_STREAM_PFN_TYPE_MASK	 0xf000000000000000ULL
#define PV_STREAM_PFN_TYPE_SHIFT 60
#define PV_STREAM_PFN_NOTAB	 0x0 /* ordinary memory */
#define PV_STREAM_PFN_L1TAB	 0x1 /* PV page tables, 0x1 to 0x4; or'ed with LPINTAB: pinned */
#define PV_STREAM_PFN_L2TAB	 0x2
#define PV_STREAM_PFN_L3TAB	 0x3
#define PV_STREAM_PFN_L4TAB	 0x4
#define PV_STREAM_PFN_LPINTAB	 0x8
#define PV_STREAM_PFN_BROKEN	 0xd /* no data from here on */
#define PV_STREAM_PFN_XALLOC	 0xe
#define PV_STREAM_PFN_XTAB	 0xf

struct pv_stream_x86_pv_info {
	uint8_t guest_width; /* bytes of a guest word: 4 or 8 */
	uint8_t pt_levels;   /* 3 or 4 */
	uint8_t _res[6];
};
PV_ABI_SIZE(struct pv_stream_x86_pv_info, 8);

struct pv_stream_x86_pv_p2m_frames {
	uint32_t start_pfn;
	uint32_t end_pfn; /* included */
	uint64_t p2m_pfns[];
};
PV_ABI_SIZE(struct pv_stream_x86_pv_p2m_frames, 8);

/* BASIC holds a struct pv_vcpu_guest_context, the others what their names say. */
struct pv_stream_x86_pv_vcpu_hdr {
	uint32_t vcpu_id;
	uint32_t _res1;
	uint8_t context[];
};
PV_ABI_SIZE(struct pv_stream_x86_pv_vcpu_hdr, 8);

struct pv_stream_x86_tsc_info {
	uint32_t mode; /* 0 default, 1 emulated always, 2 native */
	uint32_t khz;
	uint64_t nsec; /* system time when saved */
	uint32_t incarnation;
	uint32_t _res1;
};
PV_ABI_SIZE(struct pv_stream_x86_tsc_info, 24);

struct pv_stream_hvm_params_entry {
	uint64_t index; /* PV_HVM_PARAM_* */
	uint64_t value;
};
PV_ABI_SIZE(struct pv_stream_hvm_params_entry, 16);

struct pv_stream_hvm_params {
	uint32_t count;
	uint32_t _res1;
	struct pv_stream_hvm_params_entry param[];
};
PV_ABI_SIZE(struct pv_stream_hvm_params, 8);

#endif
