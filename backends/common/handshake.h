/*
 * What every backend's handshake has in common: walking the xenbus state machine.
 *
 * Trusts the bus; the frontend's state is hostile and handled by pv_xenbus_back_next().
 */
#ifndef PV_BACKENDS_HANDSHAKE_H
#define PV_BACKENDS_HANDSHAKE_H

#include <pv/back/bus.h>
#include <pv/ring.h>
#include <pv/xenbus.h>

struct pv_back_device {
	const struct pv_back_bus *bus;
	void *self;
	int (*publish)(void *self);    /* write the own keys */
	int (*connect)(void *self);    /* read the frontend's keys, map, bind; undone on error */
	int (*disconnect)(void *self); /* unmap, unbind; -PV_EAGAIN: requests are in flight */
};

/*
 * Advances from *state as far as it goes. A device that is `broken` (its ring cannot be trusted
 * any more) is disconnected and left in Closing; so is one whose connect failed.
 */
int pv_back_advance(const struct pv_back_device *d, uint32_t *state, bool broken);

/* One of the own keys; with write false it is not offered. */
struct pv_back_number {
	const char *key;
	uint64_t value;
	bool write;
};
int pv_back_write_numbers(const struct pv_back_bus *bus, const struct pv_back_number *k,
			  unsigned n);

/* A state that was read back: the first test of every import. */
bool pv_back_state_valid(uint32_t state);

/* Where a frontend keeps the keys of one queue: in its directory, or with several queues in
 * "queue-N/" there. */
#define PV_BACK_FLAT UINT32_MAX
/* The same as pv_back_read_u64() for a key of that queue. */
int pv_back_read_queue(const struct pv_back_bus *bus, uint32_t queue, const char *key, uint64_t max,
		       uint64_t *v);
/* Binds a port whose events reach whoever runs that queue; as bus->bind(). */
int pv_back_bind_queue(const struct pv_back_bus *bus, uint32_t front_port, uint32_t queue);

/* Value of a frontend's numeric key: 0 and *v, -PV_ENOENT, or -PV_EINVAL. */
int pv_back_read_u64(const struct pv_back_bus *bus, const char *key, uint64_t max, uint64_t *v);
int pv_back_write_u64(const struct pv_back_bus *bus, const char *key, uint64_t v);

#endif
