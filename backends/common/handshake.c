/*
 * What every backend's handshake has in common: see handshake.h.
 */
#include <pv/abi/io/xenbus.h>
#include <stddef.h>
#include "../../libpv/common/keys.h"
#include "handshake.h"

static int enter(const struct pv_back_device *d, uint32_t *state, int next)
{
	int rc = d->bus->switch_state(d->bus->ctx, next);

	if (rc < 0)
		return rc;
	*state = (uint32_t)next;
	return 0;
}

static int give_up(const struct pv_back_device *d, uint32_t *state, int rc)
{
	int closing = enter(d, state, PV_XenbusStateClosing);

	return closing < 0 ? closing : rc;
}

static int status(uint32_t state)
{
	switch (state) {
	case PV_XenbusStateConnected: return PV_BACK_CONNECTED;
	case PV_XenbusStateClosing:
	case PV_XenbusStateClosed: return PV_BACK_CLOSED;
	default: return PV_BACK_WAIT;
	}
}

int pv_back_advance(const struct pv_back_device *d, uint32_t *state, bool broken)
{
	int rc, turn;

	if (broken && *state == PV_XenbusStateConnected) {
		rc = d->disconnect(d->self);
		return rc < 0 ? rc : give_up(d, state, -PV_EPROTO);
	}
	/* A frontend that changes its state all the time does not hold us here. */
	for (turn = 0; turn < 8; turn++) {
		int front = d->bus->front_state(d->bus->ctx);
		struct pv_xenbus_step s = pv_xenbus_back_next((int)*state, front);

		switch (s.action) {
		case PV_XENBUS_PUBLISH: rc = d->publish(d->self); break;
		case PV_XENBUS_CONNECT:
			rc = d->connect(d->self);
			if (rc < 0)
				return give_up(d, state, rc);
			break;
		case PV_XENBUS_DISCONNECT: rc = d->disconnect(d->self); break;
		case PV_XENBUS_GONE: rc = d->disconnect(d->self); return rc < 0 ? rc : PV_BACK_GONE;
		case PV_XENBUS_SWITCH: rc = 0; break;
		default: return status(*state);
		}
		if (rc < 0)
			return rc;
		rc = enter(d, state, s.state);
		if (rc < 0)
			return rc;
	}
	return status(*state);
}

int pv_back_read_u64(const struct pv_back_bus *bus, const char *key, uint64_t max, uint64_t *v)
{
	char buf[PV_VALUE_LEN];
	int n = bus->read_front(bus->ctx, key, buf, sizeof(buf));

	if (n < 0)
		return n;
	/* A value that was cut is not a number that we know. */
	return n >= (int)sizeof(buf) ? -PV_EINVAL : pv_key_parse(buf, max, v);
}

int pv_back_write_u64(const struct pv_back_bus *bus, const char *key, uint64_t v)
{
	char buf[PV_VALUE_LEN];

	return bus->write(bus->ctx, key, pv_key_u64(buf, v));
}

int pv_back_write_numbers(const struct pv_back_bus *bus, const struct pv_back_number *k, unsigned n)
{
	int rc = 0;

	for (; n-- && rc >= 0; k++)
		if (k->write)
			rc = pv_back_write_u64(bus, k->key, k->value);
	return rc < 0 ? rc : 0;
}

bool pv_back_state_valid(uint32_t state)
{
	return state >= PV_XenbusStateInitialising && state <= PV_XenbusStateClosed;
}

int pv_back_read_queue(const struct pv_back_bus *bus, uint32_t queue, const char *key, uint64_t max,
		       uint64_t *v)
{
	char path[2 * PV_KEY_LEN];
	unsigned n = 0, i;

	if (queue == PV_BACK_FLAT)
		return pv_back_read_u64(bus, key, max, v);
	pv_key_indexed(path, "queue-", queue);
	while (path[n])
		n++;
	path[n++] = '/';
	for (i = 0; key[i]; i++) {
		if (n == sizeof(path) - 1)
			return -PV_EINVAL;
		path[n++] = key[i];
	}
	path[n] = 0;
	return pv_back_read_u64(bus, path, max, v);
}

int pv_back_bind_queue(const struct pv_back_bus *bus, uint32_t front_port, uint32_t queue)
{
	if (bus->size > offsetof(struct pv_back_bus, bind_queue) && bus->bind_queue)
		return bus->bind_queue(bus->ctx, queue, front_port);
	return queue == 0 ? bus->bind(bus->ctx, front_port) : -PV_EINVAL;
}
