/*
 * What every frontend's handshake has in common: see handshake.h.
 */
#include <pv/abi/io/xenbus.h>
#include <stddef.h>
#include "../../libpv/common/keys.h"
#include "handshake.h"

static int status(int state)
{
	if (state == PV_XenbusStateConnected)
		return PV_FRONT_CONNECTED;
	return state == PV_XenbusStateClosed ? PV_FRONT_CLOSED : PV_FRONT_WAIT;
}

static int enter(const struct pv_front_device *d, int *state, int next)
{
	int rc = d->bus->publish(d->bus->ctx, NULL, 0, next);

	if (rc < 0)
		return rc;
	*state = next;
	return 0;
}

int pv_front_advance(const struct pv_front_device *d, int *state, bool *announced, bool broken)
{
	int rc, turn;

	if (broken && *state == PV_XenbusStateConnected) {
		d->disconnect(d->self);
		rc = enter(d, state, PV_XenbusStateClosing);
		return rc < 0 ? rc : -PV_EPROTO;
	}
	if (!*announced && *state == PV_XenbusStateInitialising) {
		rc = enter(d, state, PV_XenbusStateInitialising);
		if (rc < 0)
			return rc;
		*announced = true;
	}
	for (turn = 0; turn < 8; turn++) {
		int peer = d->bus->peer_state(d->bus->ctx);
		struct pv_xenbus_step s = pv_xenbus_front_next(*state, peer, d->published);

		switch (s.action) {
		case PV_XENBUS_PUBLISH:
			rc = d->publish(d->self, s.state);
			if (rc < 0) {
				d->disconnect(d->self);
				(void)enter(d, state, PV_XenbusStateClosed);
				return rc;
			}
			*state = s.state;
			break;
		case PV_XENBUS_CONNECT:
			rc = d->connect(d->self);
			if (rc < 0) {
				d->disconnect(d->self);
				(void)enter(d, state, PV_XenbusStateClosing);
				return rc;
			}
			rc = enter(d, state, s.state);
			break;
		case PV_XENBUS_DISCONNECT:
			d->disconnect(d->self);
			rc = enter(d, state, s.state);
			break;
		case PV_XENBUS_GONE:
			d->disconnect(d->self);
			*state = PV_XenbusStateClosed;
			return PV_FRONT_CLOSED;
		case PV_XENBUS_SWITCH: rc = enter(d, state, s.state); break;
		default: return status(*state);
		}
		if (rc < 0)
			return rc;
	}
	return status(*state);
}

int pv_front_close(const struct pv_front_device *d, int *state)
{
	if (*state == PV_XenbusStateClosing || *state == PV_XenbusStateClosed)
		return 0;
	return enter(d, state,
		     *state < PV_XenbusStateInitialised ? PV_XenbusStateClosed
							: PV_XenbusStateClosing);
}

uint64_t pv_front_read_u64(const struct pv_front_bus *bus, const char *key, uint64_t max,
			   uint64_t otherwise)
{
	char buf[PV_VALUE_LEN];
	uint64_t v;
	int n = bus->read_peer(bus->ctx, key, buf, sizeof(buf));

	return n < 0 || n >= (int)sizeof(buf) || pv_key_parse(buf, max, &v) < 0 ? otherwise : v;
}

void pv_front_release_pages(const struct pv_front_bus *bus, void *va, const uint32_t *ref,
			    unsigned nr_refs, unsigned nr_pages)
{
	unsigned i, busy = 0;

	for (i = 0; i < nr_refs; i++)
		busy += bus->revoke(bus->ctx, ref[i]) < 0;
	if (nr_refs)
		bus->gref_free(bus->ctx, ref, nr_refs);
	if (va && !busy)
		bus->pages_free(bus->ctx, va, nr_pages);
}
