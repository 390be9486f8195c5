/*
 * The layouts that differ for 32-bit guests, and reading and writing through them.
 *
 * The table is the one description: a field is named once, its places and sizes on both sides come from
 * the declarations in include/pv/abi, which tests/abi compares with Xen's. Nothing here trusts the guest:
 * a structure is read once, whole, into a local; and only fields that a handler writes are written back, so
 * that an answer does not undo what the guest changed meanwhile.
 */
#include "access.h"
#include "compat.h"

#include <pv/abi/memory.h>
#include <pv/abi/sched.h>
#include <pv/abi/vcpu.h>
#include <pv/abi/x86_32.h>

#define PLAIN	      0xff /* not a handle */
#define NATIVE_MAX    80   /* bytes of the largest structure, 64-bit */
#define COMPAT_MAX    48   /* and 32-bit */
#define ADDRESSES_END (1ull << 32)

struct field {
	uint8_t native, native_size;
	uint8_t compat, compat_size;
	uint8_t handle; /* PLAIN, or the pv_layout of what it points to; read only */
};

struct layout {
	uint8_t native, compat; /* sizes */
	uint8_t fields;
	const struct field *field;
};

#define SIZE(type, f) sizeof(((struct type *)0)->f)
#define FIELD(type, f, handle)                                                                  \
	{                                                                                       \
		offsetof(struct pv_##type, f), SIZE(pv_##type, f),                              \
			offsetof(struct pv_x86_32_##type, f), SIZE(pv_x86_32_##type, f), handle \
	}
#define V(type, f)	 FIELD(type, f, PLAIN)
#define H(type, f, what) FIELD(type, f, PV_LAYOUT_##what)

static const struct field long_fields[] = {{0, 8, 0, 4, PLAIN}};

#define RESERVATION(type, in)                                                             \
	H(type, in extent_start, LONG), V(type, in nr_extents), V(type, in extent_order), \
		V(type, in mem_flags), V(type, in domid)
static const struct field reservation[] = {RESERVATION(memory_reservation, )};
static const struct field exchange[] = {
	RESERVATION(memory_exchange, in.),
	RESERVATION(memory_exchange, out.),
	V(memory_exchange, nr_exchanged),
};
static const struct field mfn_list[] = {
	V(machphys_mfn_list, max_extents),
	H(machphys_mfn_list, extent_start, LONG),
	V(machphys_mfn_list, nr_extents),
};
static const struct field m2p[] = {
	V(machphys_mapping, v_start),
	V(machphys_mapping, v_end),
	V(machphys_mapping, max_mfn),
};
static const struct field add[] = {
	V(add_to_physmap, domid), V(add_to_physmap, size), V(add_to_physmap, space),
	V(add_to_physmap, idx),	  V(add_to_physmap, gpfn),
};
static const struct field add_batch[] = {
	V(add_to_physmap_batch, domid),	     V(add_to_physmap_batch, space),
	V(add_to_physmap_batch, size),	     V(add_to_physmap_batch, u),
	H(add_to_physmap_batch, idxs, LONG), H(add_to_physmap_batch, gpfns, LONG),
	H(add_to_physmap_batch, errs, SAME),
};
static const struct field remove_fields[] = {
	V(remove_from_physmap, domid),
	V(remove_from_physmap, gpfn),
};
static const struct field memory_map[] = {
	V(memory_map, nr_entries),
	H(memory_map, buffer, SAME),
};
static const struct field foreign_map[] = {
	V(foreign_memory_map, domid),
	V(foreign_memory_map, map.nr_entries),
	H(foreign_memory_map, map.buffer, SAME),
};
static const struct field pod_target[] = {
	V(pod_target, target_pages), V(pod_target, tot_pages), V(pod_target, pod_cache_pages),
	V(pod_target, pod_entries),  V(pod_target, domid),
};
static const struct field acquire[] = {
	V(mem_acquire_resource, domid),
	V(mem_acquire_resource, type),
	V(mem_acquire_resource, id),
	V(mem_acquire_resource, nr_frames),
	V(mem_acquire_resource, pad),
	V(mem_acquire_resource, frame),
	H(mem_acquire_resource, frame_list, LONG),
};
static const struct field poll[] = {
	H(sched_poll, ports, SAME),
	V(sched_poll, nr_ports),
	V(sched_poll, timeout),
};
static const struct field runstate[] = {
	V(vcpu_runstate_info, state),	V(vcpu_runstate_info, state_entry_time),
	V(vcpu_runstate_info, time[0]), V(vcpu_runstate_info, time[1]),
	V(vcpu_runstate_info, time[2]), V(vcpu_runstate_info, time[3]),
};
static const struct field runstate_area[] = {
	H(vcpu_register_runstate_memory_area, addr.h, SAME),
};
static const struct field time_area[] = {
	H(vcpu_register_time_memory_area, addr.h, SAME),
};
static const struct field singleshot[] = {
	V(vcpu_set_singleshot_timer, timeout_abs_ns),
	V(vcpu_set_singleshot_timer, flags),
};
static const struct field setup_table[] = {
	V(gnttab_setup_table, dom),
	V(gnttab_setup_table, nr_frames),
	V(gnttab_setup_table, status),
	H(gnttab_setup_table, frame_list, LONG),
};
static const struct field transfer[] = {
	V(gnttab_transfer, mfn),
	V(gnttab_transfer, domid),
	V(gnttab_transfer, ref),
	V(gnttab_transfer, status),
};
static const struct field copy[] = {
	V(gnttab_copy, source.u), V(gnttab_copy, source.domid), V(gnttab_copy, source.offset),
	V(gnttab_copy, dest.u),	  V(gnttab_copy, dest.domid),	V(gnttab_copy, dest.offset),
	V(gnttab_copy, len),	  V(gnttab_copy, flags),	V(gnttab_copy, status),
};
/* Its frames are 64-bit numbers for everybody. */
static const struct field status_frames[] = {
	V(gnttab_get_status_frames, nr_frames),
	V(gnttab_get_status_frames, dom),
	V(gnttab_get_status_frames, status),
	H(gnttab_get_status_frames, frame_list, SAME),
};
static const struct field platform[] = {V(platform_parameters, virt_start)};

#define LAYOUT(type, f)                                                    \
	{                                                                  \
		sizeof(struct pv_##type), sizeof(struct pv_x86_32_##type), \
			sizeof(f) / sizeof((f)[0]), f                      \
	}

static const struct layout layouts[PV_LAYOUTS] = {
	[PV_LAYOUT_LONG] = {8, 4, 1, long_fields},
	[PV_LAYOUT_RESERVATION] = LAYOUT(memory_reservation, reservation),
	[PV_LAYOUT_EXCHANGE] = LAYOUT(memory_exchange, exchange),
	[PV_LAYOUT_MFN_LIST] = LAYOUT(machphys_mfn_list, mfn_list),
	[PV_LAYOUT_M2P] = LAYOUT(machphys_mapping, m2p),
	[PV_LAYOUT_ADD] = LAYOUT(add_to_physmap, add),
	[PV_LAYOUT_ADD_BATCH] = LAYOUT(add_to_physmap_batch, add_batch),
	[PV_LAYOUT_REMOVE] = LAYOUT(remove_from_physmap, remove_fields),
	[PV_LAYOUT_MEMORY_MAP] = LAYOUT(memory_map, memory_map),
	[PV_LAYOUT_FOREIGN_MAP] = LAYOUT(foreign_memory_map, foreign_map),
	[PV_LAYOUT_POD_TARGET] = LAYOUT(pod_target, pod_target),
	[PV_LAYOUT_ACQUIRE] = LAYOUT(mem_acquire_resource, acquire),
	[PV_LAYOUT_POLL] = LAYOUT(sched_poll, poll),
	[PV_LAYOUT_RUNSTATE] = LAYOUT(vcpu_runstate_info, runstate),
	[PV_LAYOUT_RUNSTATE_AREA] = LAYOUT(vcpu_register_runstate_memory_area, runstate_area),
	[PV_LAYOUT_TIME_AREA] = LAYOUT(vcpu_register_time_memory_area, time_area),
	[PV_LAYOUT_SINGLESHOT] = LAYOUT(vcpu_set_singleshot_timer, singleshot),
	[PV_LAYOUT_SETUP_TABLE] = LAYOUT(gnttab_setup_table, setup_table),
	[PV_LAYOUT_TRANSFER] = LAYOUT(gnttab_transfer, transfer),
	[PV_LAYOUT_COPY] = LAYOUT(gnttab_copy, copy),
	[PV_LAYOUT_STATUS_FRAMES] = LAYOUT(gnttab_get_status_frames, status_frames),
	[PV_LAYOUT_PLATFORM] = LAYOUT(platform_parameters, platform),
};

_Static_assert(sizeof(struct pv_memory_exchange) <= NATIVE_MAX, "the largest of them fits");
_Static_assert(sizeof(struct pv_x86_32_memory_exchange) <= COMPAT_MAX, "the largest of them fits");

/* The element that a view's offset falls into. */
struct element {
	const struct layout *l;
	uint64_t gva; /* of the element in the guest's layout */
	size_t at;    /* within it, in ours */
};

static int find(uint64_t view, struct element *e)
{
	uint64_t offset = view & ((1ull << PV_VIEW_OFFSET) - 1);
	uint64_t layout = view >> (PV_VIEW_OFFSET + PV_VIEW_ADDRESS) & 127;

	if (layout >= PV_LAYOUTS || !layouts[layout].native)
		return -PV_EFAULT;
	e->l = &layouts[layout];
	e->gva = (uint32_t)(view >> PV_VIEW_OFFSET) + offset / e->l->native * e->l->compat;
	e->at = offset % e->l->native;
	return e->gva + e->l->compat <= ADDRESSES_END ? 0 : -PV_EFAULT;
}

/* Little endian on both sides; what is wider in ours is positive. */
static void widen(const struct field *f, unsigned char *native, const unsigned char *compat)
{
	uint32_t address;

	if (f->handle == PLAIN) {
		memcpy(native + f->native, compat + f->compat, f->compat_size);
	} else {
		uint64_t view;

		memcpy(&address, compat + f->compat, sizeof(address));
		view = pv_view((enum pv_layout)f->handle, address);
		memcpy(native + f->native, &view, sizeof(view));
	}
}

static size_t piece(const struct element *e, size_t len)
{
	size_t left = e->l->native - e->at;

	return len < left ? len : left;
}

int pv_view_read(struct pv_domain *d, unsigned vcpu, void *to, uint64_t view, size_t len)
{
	unsigned char native[NATIVE_MAX], compat[COMPAT_MAX], *t = to;
	struct element e;
	size_t n;
	unsigned i;

	for (; len; t += n, view += n, len -= n) {
		if (find(view, &e) || pv_guest_read(d, vcpu, compat, e.gva, e.l->compat))
			return -PV_EFAULT;
		memset(native, 0, sizeof(native));
		for (i = 0; i < e.l->fields; i++)
			widen(&e.l->field[i], native, compat);
		n = piece(&e, len);
		memcpy(t, native + e.at, n);
	}
	return 0;
}

/* The fields of one element that lie in [e->at, e->at + n) of `native`. */
static int write_fields(struct pv_domain *d, unsigned vcpu, const struct element *e,
			const unsigned char *native, size_t n)
{
	unsigned i;

	for (i = 0; i < e->l->fields; i++) {
		const struct field *f = &e->l->field[i];

		if (f->handle != PLAIN || f->native < e->at ||
		    f->native + f->native_size > e->at + n)
			continue;
		if (pv_guest_write(d, vcpu, e->gva + f->compat, native + (f->native - e->at),
				   f->compat_size))
			return -PV_EFAULT;
	}
	return 0;
}

int pv_view_write(struct pv_domain *d, unsigned vcpu, uint64_t view, const void *from, size_t len)
{
	const unsigned char *f = from;
	struct element e;
	size_t n;

	for (; len; f += n, view += n, len -= n) {
		if (find(view, &e))
			return -PV_EFAULT;
		n = piece(&e, len);
		if (write_fields(d, vcpu, &e, f, n))
			return -PV_EFAULT;
	}
	return 0;
}
