/*
 * image: see image.h.
 */
#include <pv/abi/errno.h>
#include <pv/abi/xen.h>
#include <stdlib.h>
#include <string.h>
#include "image.h"

#define PORTS_MAX    131072u
#define MAPS_MAX     4096u
#define MAPPINGS_MAX ENGINE_MAP_MAX

/* XSAVE as Xen's PV record has it: what is enabled, what was ever enabled, the area in standard format. */
struct xsave_record {
	uint32_t vcpu, _res;
	uint64_t xcr0, xcr0_accum;
};

int image_alloc(struct image *im, unsigned vcpus)
{
	if (vcpus == 0 || vcpus > ENGINE_MAX_VCPUS)
		return -PV_EINVAL;
	im->machine.size = sizeof im->machine;
	im->machine.vcpus = vcpus;
	im->vcpu = calloc(vcpus, sizeof *im->vcpu);
	im->state.vcpu = calloc(vcpus, sizeof *im->state.vcpu);
	im->state.port = calloc(PORTS_MAX, sizeof *im->state.port);
	im->state.map = calloc(MAPS_MAX, sizeof *im->state.map);
	im->mapping = calloc(MAPPINGS_MAX, sizeof *im->mapping);
	im->device = calloc(IMAGE_DEVICES_MAX, sizeof *im->device);
	if (!im->vcpu || !im->state.vcpu || !im->state.port || !im->state.map || !im->mapping ||
	    !im->device) {
		image_free(im);
		return -PV_ENOMEM;
	}
	im->state.nr_vcpus = vcpus;
	im->state.nr_ports = PORTS_MAX;
	im->state.nr_maps = MAPS_MAX;
	return 0;
}

void image_free(struct image *im)
{
	free(im->vcpu);
	free(im->state.vcpu);
	free(im->state.port);
	free(im->state.map);
	free(im->mapping);
	free(im->store);
	free(im->absent);
	free(im->device);
	memset(im, 0, sizeof *im);
}

int image_store_sink(void *ctx, const void *bytes, size_t n)
{
	struct image *im = ctx;
	uint8_t *p = realloc(im->store, im->store_size + n);

	if (!p)
		return -PV_ENOMEM;
	memcpy(p + im->store_size, bytes, n);
	im->store = p;
	im->store_size += n;
	return 0;
}

struct image_device *image_device_add(struct image *im, uint32_t kind, uint32_t index)
{
	struct image_device *d;

	if (im->ndevices == IMAGE_DEVICES_MAX)
		return NULL;
	d = &im->device[im->ndevices++];
	d->kind = kind;
	d->index = index;
	return d;
}

const struct image_device *image_device_find(const struct image *im, uint32_t kind, uint32_t index)
{
	unsigned i;

	for (i = 0; i < im->ndevices; i++)
		if (im->device[i].kind == kind && im->device[i].index == index)
			return &im->device[i];
	return NULL;
}

#define PIECE(p, n) ((struct iovec){(void *)(p), (n)})

static int send_vcpu(struct wire *w, const struct image *im, unsigned i)
{
	const struct engine_vcpu_state *v = &im->vcpu[i];
	struct pv_stream_x86_pv_vcpu_hdr hdr = {.vcpu_id = i};
	struct xsave_record xs = {.vcpu = i};
	struct pv_stream_run run = {.vcpu = i, .flags = v->flags, .iopl = v->iopl};
	int rc;

	memcpy(run.event_flags, v->event_flags, sizeof run.event_flags);
	rc = wire_record(w, PV_STREAM_REC_X86_PV_VCPU_BASIC,
			 (struct iovec[]){PIECE(&hdr, sizeof hdr), PIECE(&v->ctxt, sizeof v->ctxt)},
			 2);
	if (rc == 0 && v->flags & ENGINE_VCPU_XSAVE && v->xsave_size >= 576) {
		/* XSTATE_BV of the XSAVE header: what the image holds. */
		memcpy(&xs.xcr0, v->xsave + 512, 8);
		xs.xcr0 |= 3;
		xs.xcr0_accum = xs.xcr0;
		rc = wire_record(
			w, PV_STREAM_REC_X86_PV_VCPU_XSAVE,
			(struct iovec[]){PIECE(&xs, sizeof xs), PIECE(v->xsave, v->xsave_size)}, 2);
	}
	if (rc == 0)
		rc = wire_record(w, PV_STREAM_REC_PV_RUN, (struct iovec[]){PIECE(&run, sizeof run)},
				 1);
	if (rc == 0)
		rc = wire_record(
			w, PV_STREAM_REC_PV_VCPU,
			(struct iovec[]){PIECE(&im->state.vcpu[i], sizeof im->state.vcpu[i])}, 1);
	return rc;
}

int image_send_machine(struct wire *w, const struct image_machine *m)
{
	return wire_record(w, PV_STREAM_REC_PV_MACHINE, (struct iovec[]){PIECE(m, sizeof *m)}, 1);
}

int image_send(struct wire *w, const struct image *im)
{
	struct pv_stream_x86_tsc_info tsc = {.mode = 2, .nsec = im->guest_ns};
	struct pv_stream_x86_pv_info info = {.guest_width = 8, .pt_levels = 4};
	unsigned i;
	int rc;

	rc = wire_record(w, PV_STREAM_REC_X86_PV_INFO, (struct iovec[]){PIECE(&info, sizeof info)},
			 1);
	if (rc == 0)
		rc = wire_record(w, PV_STREAM_REC_X86_TSC_INFO,
				 (struct iovec[]){PIECE(&tsc, sizeof tsc)}, 1);
	for (i = 0; rc == 0 && i < im->machine.vcpus; i++)
		rc = send_vcpu(w, im, i);
	if (rc == 0)
		rc = wire_record(
			w, PV_STREAM_REC_PV_DOMAIN,
			(struct iovec[]){PIECE(&im->state.domain, sizeof im->state.domain)}, 1);
	if (rc == 0)
		rc = wire_record(
			w, PV_STREAM_REC_PV_PORTS,
			(struct iovec[]){
				PIECE(im->state.port, im->state.nr_ports * sizeof *im->state.port)},
			1);
	if (rc == 0)
		rc = wire_record(w, PV_STREAM_REC_PV_MAPS,
				 (struct iovec[]){PIECE(im->state.map,
							im->state.nr_maps * sizeof *im->state.map)},
				 1);
	if (rc == 0)
		rc = wire_record(
			w, PV_STREAM_REC_PV_MAPPINGS,
			(struct iovec[]){PIECE(im->mapping, im->nmappings * sizeof *im->mapping)},
			1);
	if (rc == 0)
		rc = wire_record(w, PV_STREAM_REC_PV_STORE,
				 (struct iovec[]){PIECE(im->store, im->store_size)}, 1);
	if (rc == 0 && im->absent)
		rc = wire_record(w, PV_STREAM_REC_PV_ABSENT,
				 (struct iovec[]){PIECE(im->absent, im->absent_size)}, 1);
	for (i = 0; rc == 0 && i < im->ndevices; i++) {
		const struct image_device *d = &im->device[i];
		struct pv_stream_device head = {.kind = d->kind, .index = d->index};

		rc = wire_record(
			w, PV_STREAM_REC_PV_DEVICE,
			(struct iovec[]){PIECE(&head, sizeof head), PIECE(d->state, d->size)}, 2);
	}
	return rc;
}

/*
 * One struct that bears its own size, at the start of a body with `length` bytes left: a longer one must be zero where we know nothing, a
 * shorter one is zero where it says nothing (pv/state.h). Returns the bytes used up.
 */
static int get_sized(struct wire *w, uint32_t length, void *out, uint32_t size)
{
	uint32_t claimed, i, known;
	uint8_t extra;
	int rc;

	memset(out, 0, size);
	if (length < 4)
		return wire_fail(w, -PV_EBADMSG, "a state record is too short");
	rc = wire_body(w, &claimed, 4);
	if (rc < 0)
		return rc;
	if (claimed < 8 || claimed > length || claimed > 65536)
		return wire_fail(w, -PV_EBADMSG, "a state record claims %u bytes of %u", claimed,
				 length);
	known = claimed < size ? claimed : size;
	rc = wire_body(w, (uint8_t *)out + 4, known - 4);
	for (i = known; rc == 0 && i < claimed; i++) {
		rc = wire_body(w, &extra, 1);
		if (rc == 0 && extra)
			return wire_fail(w, -PV_EOPNOTSUPP,
					 "the stream comes from a newer version and uses what is "
					 "not known here");
	}
	memcpy(out, &size, 4);
	return rc < 0 ? rc : (int)claimed;
}

static int get_array(struct wire *w, uint32_t length, void *out, uint32_t size, uint32_t max,
		     uint32_t *count)
{
	int rc;

	for (*count = 0; length; ++*count) {
		if (*count == max)
			return wire_fail(w, -PV_EBADMSG,
					 "a state record holds more than %u entries", max);
		rc = get_sized(w, length, (uint8_t *)out + (size_t)*count * size, size);
		if (rc < 0)
			return rc;
		length -= (uint32_t)rc;
	}
	return 0;
}

/* The vCPU that a record is about: its number is the first word. */
static int get_vcpu(struct wire *w, const struct image *im, void *head, uint32_t size,
		    uint32_t *vcpu)
{
	int rc = wire_body(w, head, size);

	if (rc < 0)
		return rc;
	memcpy(vcpu, head, 4);
	return *vcpu < im->machine.vcpus
		       ? 0
		       : wire_fail(w, -PV_EBADMSG, "a record is about vCPU %u of %u", *vcpu,
				   im->machine.vcpus);
}

int image_receive_machine(struct wire *w, uint32_t length, struct image *im)
{
	struct image_machine m;
	int rc;

	if (im->vcpu)
		return wire_fail(w, -PV_EBADMSG, "two machine records");
	rc = get_sized(w, length, &m, sizeof m);
	if (rc < 0)
		return rc;
	rc = image_alloc(im, m.vcpus);
	if (rc < 0)
		return wire_fail(w, rc, "a machine of %u vCPUs cannot be", m.vcpus);
	im->machine = m;
	im->state.nr_ports = im->state.nr_maps = 0;
	memset(im->vcpu, 0, m.vcpus * sizeof *im->vcpu);
	return 0;
}

static int receive_xsave(struct wire *w, uint32_t length, struct image *im)
{
	struct xsave_record xs;
	uint32_t vcpu;
	int rc;

	if (length < sizeof xs || length - sizeof xs > ENGINE_XSAVE_MAX)
		return wire_fail(w, -PV_EBADMSG, "an FPU state of %u bytes", length);
	rc = get_vcpu(w, im, &xs, sizeof xs, &vcpu);
	if (rc < 0)
		return rc;
	im->vcpu[vcpu].xsave_size = length - (uint32_t)sizeof xs;
	return wire_body(w, im->vcpu[vcpu].xsave, im->vcpu[vcpu].xsave_size);
}

int image_receive(struct wire *w, uint32_t type, uint32_t length, struct image *im)
{
	struct pv_stream_x86_pv_vcpu_hdr hdr;
	struct pv_stream_x86_tsc_info tsc;
	struct pv_stream_x86_pv_info info;
	struct pv_stream_device head;
	struct pv_state_vcpu sv;
	struct pv_stream_run run;
	struct image_device *d;
	uint32_t vcpu;
	int rc = 0;

	if (!im->vcpu)
		return wire_fail(w, -PV_EBADMSG, "the machine record is missing");
	switch (type) {
	case PV_STREAM_REC_X86_PV_INFO:
		rc = wire_body(w, &info, sizeof info);
		if (rc == 0 && (info.guest_width != 8 || info.pt_levels != 4))
			rc = wire_fail(w, -PV_EOPNOTSUPP, "the guest is not a 64-bit one");
		break;
	case PV_STREAM_REC_X86_TSC_INFO:
		rc = wire_body(w, &tsc, sizeof tsc);
		im->guest_ns = tsc.nsec;
		break;
	case PV_STREAM_REC_X86_PV_VCPU_BASIC:
		if (length != sizeof hdr + sizeof im->vcpu->ctxt)
			return wire_fail(w, -PV_EBADMSG, "a vCPU record of %u bytes", length);
		rc = get_vcpu(w, im, &hdr, sizeof hdr, &vcpu);
		if (rc == 0)
			rc = wire_body(w, &im->vcpu[vcpu].ctxt, sizeof im->vcpu[vcpu].ctxt);
		break;
	case PV_STREAM_REC_X86_PV_VCPU_XSAVE: rc = receive_xsave(w, length, im); break;
	case PV_STREAM_REC_PV_RUN:
		rc = get_vcpu(w, im, &run, sizeof run, &vcpu);
		if (rc < 0)
			break;
		im->vcpu[vcpu].size = sizeof im->vcpu[vcpu];
		im->vcpu[vcpu].flags = run.flags;
		im->vcpu[vcpu].iopl = run.iopl;
		memcpy(im->vcpu[vcpu].event_flags, run.event_flags, sizeof run.event_flags);
		break;
	case PV_STREAM_REC_PV_VCPU:
		rc = get_sized(w, length, &sv, sizeof sv);
		if (rc < 0)
			break;
		if (sv.id >= im->machine.vcpus)
			return wire_fail(w, -PV_EBADMSG, "a record is about vCPU %u of %u", sv.id,
					 im->machine.vcpus);
		im->state.vcpu[sv.id] = sv;
		rc = 0;
		break;
	case PV_STREAM_REC_PV_DOMAIN:
		rc = get_sized(w, length, &im->state.domain, sizeof im->state.domain);
		break;
	case PV_STREAM_REC_PV_PORTS:
		rc = get_array(w, length, im->state.port, sizeof *im->state.port, PORTS_MAX,
			       &im->state.nr_ports);
		break;
	case PV_STREAM_REC_PV_MAPS:
		rc = get_array(w, length, im->state.map, sizeof *im->state.map, MAPS_MAX,
			       &im->state.nr_maps);
		break;
	case PV_STREAM_REC_PV_MAPPINGS:
		im->nmappings = length / sizeof *im->mapping;
		if (length % sizeof *im->mapping || im->nmappings > MAPPINGS_MAX)
			return wire_fail(w, -PV_EBADMSG, "a record of mappings has %u bytes",
					 length);
		rc = wire_body(w, im->mapping, length);
		break;
	case PV_STREAM_REC_PV_STORE:
		if (im->store)
			return wire_fail(w, -PV_EBADMSG, "two stores");
		im->store = malloc(length + 1);
		if (!im->store)
			return wire_fail(w, -PV_ENOMEM, "no memory for a store of %u bytes",
					 length);
		im->store_size = length;
		rc = wire_body(w, im->store, length);
		break;
	case PV_STREAM_REC_PV_ABSENT:
		if (im->absent)
			return wire_fail(w, -PV_EBADMSG, "two records of absent pages");
		im->absent = malloc(length);
		if (!im->absent)
			return wire_fail(w, -PV_ENOMEM, "no memory for the absent pages");
		im->absent_size = length;
		rc = wire_body(w, im->absent, length);
		break;
	case PV_STREAM_REC_PV_DEVICE:
		rc = wire_body(w, &head, sizeof head);
		if (rc < 0)
			break;
		length -= (uint32_t)sizeof head;
		d = image_device_add(im, head.kind, head.index);
		if (!d || length > sizeof d->state)
			return wire_fail(w, -PV_EBADMSG,
					 "too many devices, or the state of one is too large");
		d->size = length;
		rc = wire_body(w, d->state, length);
		break;
	default:
		return wire_fail(w, -PV_EOPNOTSUPP, "a record of type %#x is not known here", type);
	}
	return rc < 0 ? rc : wire_record_end(w);
}

int image_complete(struct wire *w, const struct image *im)
{
	unsigned i;

	if (!im->vcpu || !im->store || !im->state.domain.size)
		return wire_fail(w, -PV_EBADMSG,
				 "the stream ends before the state of the machine is whole");
	for (i = 0; i < im->machine.vcpus; i++)
		if (!im->vcpu[i].size || !im->state.vcpu[i].size)
			return wire_fail(w, -PV_EBADMSG, "the stream holds no state of vCPU %u", i);
	return 0;
}
