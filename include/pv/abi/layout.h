/*
 * layout: compile-time checks of structure sizes.
 *
 * Every structure of pv/abi/ is shared with another party, so its size is part of its contract.
 * This header says so where the structure is declared. It trusts nobody and declares nothing.
 */
#ifndef PV_ABI_LAYOUT_H
#define PV_ABI_LAYOUT_H

#if defined(__i386__)
/* A 32-bit compiler may read these headers, but the layouts are those of 64-bit ABIs. */
#define PV_ABI_SIZE(type, bytes) _Static_assert(1, #type)
#elif defined(__cplusplus)
#define PV_ABI_SIZE(type, bytes) static_assert(sizeof(type) == (bytes), #type " has its ABI size")
#else
#define PV_ABI_SIZE(type, bytes) _Static_assert(sizeof(type) == (bytes), #type " has its ABI size")
#endif

#endif
