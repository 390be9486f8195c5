/*
 * What every frontend's handshake has in common: walking the xenbus state machine.
 *
 * Trusts the bus; the backend's state and keys are hostile.
 */
#ifndef PV_FRONTENDS_HANDSHAKE_H
#define PV_FRONTENDS_HANDSHAKE_H

#include <pv/front/bus.h>
#include <pv/ring.h>
#include <pv/xenbus.h>

struct pv_front_device {
	const struct pv_front_bus *bus;
	void *self;
	int published;			       /* the state that goes with the published keys */
	int (*publish)(void *self, int state); /* set up rings, bus->publish() keys and state */
	int (*connect)(void *self);	       /* read what the backend says */
	void (*disconnect)(void *self);	       /* give everything back; may be called twice */
};

/* Advances from *state as far as it goes. *announced: Initialising was written in this life. */
int pv_front_advance(const struct pv_front_device *d, int *state, bool *announced, bool broken);
/* Starts to close: writes Closing, or Closed if nothing was published yet. */
int pv_front_close(const struct pv_front_device *d, int *state);

/* A numeric key of the backend: its value, or `otherwise` when it is absent, no number, or
 * over max. */
uint64_t pv_front_read_u64(const struct pv_front_bus *bus, const char *key, uint64_t max,
			   uint64_t otherwise);

/*
 * Ends the access to n pages from va, gives back the references and the pages. Pages that the
 * backend will not let go are leaked: reusing them would show it what is written there later.
 */
void pv_front_release_pages(const struct pv_front_bus *bus, void *va, const uint32_t *ref,
			    unsigned nr_refs, unsigned nr_pages);

#endif
