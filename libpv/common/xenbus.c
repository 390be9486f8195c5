/*
 * Xenbus state machine: see pv/xenbus.h.
 *
 * Trusts nobody: states are numbers, and every pair of numbers has an answer.
 */
#include <pv/xenbus.h>
#include <pv/abi/io/xenbus.h>

#define UNKNOWN	     PV_XenbusStateUnknown
#define INITIALISING PV_XenbusStateInitialising
#define INIT_WAIT    PV_XenbusStateInitWait
#define INITIALISED  PV_XenbusStateInitialised
#define CONNECTED    PV_XenbusStateConnected
#define CLOSING	     PV_XenbusStateClosing
#define CLOSED	     PV_XenbusStateClosed

/* A peer that reconfigures is connected for our purposes. */
static int normal(int peer)
{
	if (peer == PV_XenbusStateReconfiguring || peer == PV_XenbusStateReconfigured)
		return CONNECTED;
	return peer < UNKNOWN || peer > CLOSED ? UNKNOWN : peer;
}

static struct pv_xenbus_step step(enum pv_xenbus_action action, int state)
{
	return (struct pv_xenbus_step){.action = action, .state = state};
}

struct pv_xenbus_step pv_xenbus_front_next(int own, int peer, int published)
{
	peer = normal(peer);

	switch (own) {
	case INITIALISING:
		/* A backend that still shows an earlier life has to come round first. */
		if (peer == INIT_WAIT)
			return step(PV_XENBUS_PUBLISH, published);
		return step(PV_XENBUS_WAIT, -1);
	case INITIALISED:
		if (peer == CONNECTED)
			return step(PV_XENBUS_CONNECT, CONNECTED);
		if (peer == CLOSING || peer == CLOSED)
			return step(PV_XENBUS_DISCONNECT, CLOSED);
		return step(peer == UNKNOWN ? PV_XENBUS_GONE : PV_XENBUS_WAIT, -1);
	case CONNECTED:
		if (peer == CLOSING || peer == CLOSED)
			return step(PV_XENBUS_DISCONNECT, CLOSED);
		return step(peer == UNKNOWN ? PV_XENBUS_GONE : PV_XENBUS_WAIT, -1);
	case CLOSING:
		/* The backend lets go of everything before it follows. */
		if (peer == CONNECTED || peer == INITIALISED)
			return step(PV_XENBUS_WAIT, -1);
		return step(PV_XENBUS_DISCONNECT, CLOSED);
	default: return step(PV_XENBUS_WAIT, -1);
	}
}

struct pv_xenbus_step pv_xenbus_back_next(int own, int peer)
{
	peer = normal(peer);
	if (peer == UNKNOWN)
		return step(own == INITIALISING || own == UNKNOWN ? PV_XENBUS_WAIT : PV_XENBUS_GONE,
			    -1);

	switch (own) {
	case UNKNOWN:
	case INITIALISING:
		return peer == CLOSED ? step(PV_XENBUS_WAIT, -1)
				      : step(PV_XENBUS_PUBLISH, INIT_WAIT);
	case INIT_WAIT:
	case INITIALISED:
		if (peer == INITIALISED || peer == CONNECTED)
			return step(PV_XENBUS_CONNECT, CONNECTED);
		if (peer == CLOSING)
			return step(PV_XENBUS_DISCONNECT, CLOSING);
		if (peer == CLOSED)
			return step(PV_XENBUS_DISCONNECT, CLOSED);
		return step(PV_XENBUS_WAIT, -1);
	case CONNECTED:
		if (peer == CLOSING)
			return step(PV_XENBUS_DISCONNECT, CLOSING);
		if (peer == CLOSED)
			return step(PV_XENBUS_DISCONNECT, CLOSED);
		if (peer == INITIALISING)
			return step(PV_XENBUS_DISCONNECT, INITIALISING);
		return step(PV_XENBUS_WAIT, -1);
	case CLOSING:
		if (peer == CLOSED)
			return step(PV_XENBUS_SWITCH, CLOSED);
		if (peer == INITIALISING)
			return step(PV_XENBUS_SWITCH, INITIALISING);
		return step(PV_XENBUS_WAIT, -1);
	case CLOSED:
		if (peer == INITIALISING)
			return step(PV_XENBUS_SWITCH, INITIALISING);
		return step(PV_XENBUS_WAIT, -1);
	default: return step(PV_XENBUS_SWITCH, INITIALISING);
	}
}

const char *pv_xenbus_state_name(int state)
{
	static const char *const name[] = {"Unknown",	"Initialising", "InitWait", "Initialised",
					   "Connected", "Closing",	"Closed"};

	return state > UNKNOWN && state <= CLOSED ? name[state] : name[UNKNOWN];
}
