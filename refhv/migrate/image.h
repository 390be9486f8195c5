/*
 * image: all of a domain but its memory, as plain data, to and from the records of a stream.
 *
 * Trusts nothing that it reads: lengths are checked here, meanings by whoever takes the parts over (pv_domain_set_state, vcpu_set,
 * pv_store_load, pv_*back_import).
 */
#ifndef REFHV_MIGRATE_IMAGE_H
#define REFHV_MIGRATE_IMAGE_H

#include <engine/engine.h>
#include <pv/state.h>
#include "wire.h"

#define IMAGE_DEVICES_MAX     64
#define IMAGE_DEVICE_SIZE_MAX 4096

struct image_device {
	uint32_t kind; /* PV_STREAM_DEVICE_* */
	uint32_t index;
	uint32_t size;
	uint8_t state[IMAGE_DEVICE_SIZE_MAX] __attribute__((aligned(8)));
};

/* What decides the shape of the machine, and is known before the guest stops: fixed, grows at its end. */
struct image_machine {
	uint32_t size;
	uint32_t vcpus;	   /* how many there are */
	uint64_t ram_size; /* bytes */
	uint64_t virt_base;
	uint64_t hypercall_gva; /* 0: none. The page is filled anew: hosts differ */
	uint64_t console_gfn, store_gfn;
	uint32_t console_port, store_port;
	uint32_t domid;	 /* what the guest believes to be */
	uint32_t paused; /* a person had paused it: it stays so */
};

struct image {
	struct image_machine machine;
	uint64_t guest_ns;		/* guest system time when it was stopped */
	struct pv_state state;		/* arrays are the image's */
	struct engine_vcpu_state *vcpu; /* machine.vcpus of them */
	struct engine_mapping *mapping;
	unsigned nmappings;
	uint8_t *store;
	size_t store_size;
	uint64_t *absent;   /* pages that the guest has given back, or NULL */
	size_t absent_size; /* bytes */
	struct image_device *device;
	unsigned ndevices;
};

/* Room for vcpus and for what a domain may have at most. -PV_ENOMEM. Zeroed before. */
int image_alloc(struct image *im, unsigned vcpus);
void image_free(struct image *im);

/* A sink for pv_store_save(): ctx is the image. */
int image_store_sink(void *ctx, const void *bytes, size_t n);
/* A free place in device[], or NULL. */
struct image_device *image_device_add(struct image *im, uint32_t kind, uint32_t index);
/* NULL if the image has none. */
const struct image_device *image_device_find(const struct image *im, uint32_t kind, uint32_t index);

int image_send_machine(struct wire *w, const struct image_machine *m);
/* The body of that record; allocates the rest. */
int image_receive_machine(struct wire *w, uint32_t length, struct image *im);

/* All other records but headers, CONFIG, STATIC_DATA_END, pages and END. */
int image_send(struct wire *w, const struct image *im);
int image_receive(struct wire *w, uint32_t type, uint32_t length, struct image *im);
/* After END: is everything there? */
int image_complete(struct wire *w, const struct image *im);

#endif
