/*
 * Network backend: the control ring, by which a frontend says how its received frames are hashed and
 * to which queue a hash leads (xen/include/public/io/netif.h, "Control ring"; the answers are those of
 * Linux's xen-netback). Buffers granted for good are not offered.
 *
 * Trust: requests are hostile: every number is checked on a private copy, a table is copied before it
 * is looked at, and replaces the old one only when all of it is good.
 */
#include "../../libpv/common/mem.h"
#include "../common/handshake.h"
#include "internal.h"

#define SUCCESS	      PV_XEN_NETIF_CTRL_STATUS_SUCCESS
#define NOT_SUPPORTED PV_XEN_NETIF_CTRL_STATUS_NOT_SUPPORTED
#define INVALID	      PV_XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER
#define TOEPLITZ      PV_XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ

int pv_netback_ctrl_attach(struct pv_netback *b, const struct pv_netback_state *st)
{
	int rc = b->bus->map_ring(b->bus->ctx, &st->ctrl_ref, 1, &b->ctrl_va);

	if (rc < 0) {
		b->ctrl_va = NULL;
		return rc;
	}
	rc = pv_back_bind_queue(b->bus, st->ctrl_port, 0);
	if (rc < 0) {
		b->bus->unmap_ring(b->bus->ctx, b->ctrl_va, 1);
		b->ctrl_va = NULL;
		return rc;
	}
	b->ctrl_bound = (uint32_t)rc;
	pv_ring_back_init(&b->ctrl, b->ctrl_va, PAGE, sizeof(struct pv_netif_ctrl_request),
			  st->ctrl_req_cons, st->ctrl_rsp_prod);
	return 0;
}

void pv_netback_ctrl_detach(struct pv_netback *b)
{
	if (!b->ctrl_va)
		return;
	b->bus->unbind(b->bus->ctx, b->ctrl_bound);
	b->bus->unmap_ring(b->bus->ctx, b->ctrl_va, 1);
	b->ctrl_va = NULL;
}

void pv_netback_ctrl_apply(struct pv_netback *b)
{
	b->steer = b->nr_queues > 1 && b->conn.hash_algorithm == TOEPLITZ;
}

static bool copy(struct pv_netback *b, uint32_t ref, void *to, uint32_t len)
{
	struct pv_back_copy op = {.ref = ref, .len = (uint16_t)len, .local = to};

	return len == 0 || b->bus->copy(b->bus->ctx, &op, 1) == 0;
}

static uint32_t set_key(struct pv_netback *b, uint32_t ref, uint32_t len)
{
	uint8_t key[PV_NET_HASH_KEY] = {0};

	if (len > sizeof(key) || !copy(b, ref, key, len))
		return INVALID;
	memcpy(b->conn.hash_key, key, sizeof(key));
	return SUCCESS;
}

static uint32_t set_mapping_size(struct pv_netback *b, uint32_t size)
{
	if (size > PV_NETBACK_HASH_MAPPING)
		return INVALID;
	memset(b->conn.hash_mapping, 0, sizeof(b->conn.hash_mapping));
	b->conn.hash_size = size;
	return SUCCESS;
}

static uint32_t set_mapping(struct pv_netback *b, uint32_t ref, uint32_t len, uint32_t off)
{
	uint32_t part[PV_NETBACK_HASH_MAPPING], i;

	if (off > b->conn.hash_size || len > b->conn.hash_size - off ||
	    !copy(b, ref, part, 4 * len))
		return INVALID;
	for (i = 0; i < len; i++)
		if (part[i] >= b->nr_queues)
			return INVALID;
	for (i = 0; i < len; i++)
		b->conn.hash_mapping[off + i] = (uint8_t)part[i];
	return SUCCESS;
}

static uint32_t set_types(struct pv_netback *b, uint32_t types)
{
	if (types & ~(uint32_t)PV_NET_HASH_ALL || b->conn.hash_algorithm != TOEPLITZ)
		return INVALID;
	b->conn.hash_types = types;
	return SUCCESS;
}

static uint32_t answer(struct pv_netback *b, const struct pv_netif_ctrl_request *r, uint32_t *data)
{
	switch (r->type) {
	case PV_XEN_NETIF_CTRL_TYPE_SET_HASH_ALGORITHM:
		if (r->data[0] > TOEPLITZ)
			return INVALID;
		b->conn.hash_algorithm = r->data[0];
		return SUCCESS;
	case PV_XEN_NETIF_CTRL_TYPE_GET_HASH_FLAGS:
		if (b->conn.hash_algorithm != TOEPLITZ)
			return NOT_SUPPORTED;
		*data = PV_NET_HASH_ALL;
		return SUCCESS;
	case PV_XEN_NETIF_CTRL_TYPE_SET_HASH_FLAGS: return set_types(b, r->data[0]);
	case PV_XEN_NETIF_CTRL_TYPE_SET_HASH_KEY: return set_key(b, r->data[0], r->data[1]);
	case PV_XEN_NETIF_CTRL_TYPE_GET_HASH_MAPPING_SIZE:
		*data = PV_NETBACK_HASH_MAPPING;
		return SUCCESS;
	case PV_XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING_SIZE: return set_mapping_size(b, r->data[0]);
	case PV_XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING:
		return set_mapping(b, r->data[0], r->data[1], r->data[2]);
	default: return NOT_SUPPORTED;
	}
}

int pv_netback_control(struct pv_netback *b)
{
	struct pv_netif_ctrl_request r;
	int n;

	if (!b->connected || !b->ctrl_va || b->quiet || pv_netback_broken(b))
		return 0;
	/* What was there at first: a frontend that goes on writing does not hold us here. */
	n = pv_ring_back_pending(&b->ctrl);
	if (n < 0) {
		pv_netback_break(b, "control request producer beyond the ring");
		return -PV_EPROTO;
	}
	while (n--) {
		struct pv_netif_ctrl_response rsp = {0};

		pv_ring_back_take(&b->ctrl, &r, sizeof(r));
		rsp.id = r.id;
		rsp.type = r.type;
		rsp.status = answer(b, &r, &rsp.data);
		pv_ring_back_respond(&b->ctrl, &rsp, sizeof(rsp));
	}
	pv_netback_ctrl_apply(b);
	if (b->bus->dirty)
		b->bus->dirty(b->bus->ctx, b->ctrl_va, PAGE);
	if (pv_ring_back_push(&b->ctrl))
		b->bus->notify(b->bus->ctx, b->ctrl_bound);
	return 0;
}
