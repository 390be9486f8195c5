/*
 * protocols: the "protocol" key of a frontend: whose structure layout its rings have.
 *
 * Source: xen/include/public/io/protocols.h.
 */
#ifndef PV_ABI_IO_PROTOCOLS_H
#define PV_ABI_IO_PROTOCOLS_H

#define PV_XEN_IO_PROTO_ABI_X86_32 "x86_32-abi"
#define PV_XEN_IO_PROTO_ABI_X86_64 "x86_64-abi"
#define PV_XEN_IO_PROTO_ABI_ARM	   "arm-abi"

#if defined(__i386__)
#define PV_XEN_IO_PROTO_ABI_NATIVE PV_XEN_IO_PROTO_ABI_X86_32
#elif defined(__x86_64__)
#define PV_XEN_IO_PROTO_ABI_NATIVE PV_XEN_IO_PROTO_ABI_X86_64
#else
#define PV_XEN_IO_PROTO_ABI_NATIVE PV_XEN_IO_PROTO_ABI_ARM
#endif

#endif
