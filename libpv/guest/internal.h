/*
 * Shared by the files of libpv/guest and by nobody else: atomic accesses to words that the
 * hypervisor changes too, and small helpers.
 *
 * The hypervisor is trusted; what other domains can influence (pending bits, grant flags) is read
 * once per decision.
 */
#ifndef PV_GUEST_INTERNAL_H
#define PV_GUEST_INTERNAL_H

#include <pv/guest.h>
#include <pv/abi/xen.h>
#include <pv/abi/errno.h>
#include "../common/bits.h"
#include "../common/mem.h"

#define LOAD(p)	    __atomic_load_n((p), __ATOMIC_RELAXED)
#define STORE(p, v) __atomic_store_n((p), (v), __ATOMIC_RELAXED)

static inline uint64_t handle(const void *p)
{
	return (uint64_t)(uintptr_t)p;
}

static inline unsigned lowest_bit(uint64_t v)
{
	return (unsigned)__builtin_ctzll(v);
}

/* A page of the library's own as a PFN list or table: allocated through the kernel, or NULL. */
static inline void *page_alloc(struct pv *pv)
{
	return pv->os.pages_alloc(pv->os.ctx, 1);
}

static inline void page_free(struct pv *pv, void *va)
{
	pv->os.pages_free(pv->os.ctx, va, 1);
}

#endif
