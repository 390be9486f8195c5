/*
 * Xenbus: the state machine by which a frontend and a backend meet.
 *
 * Pure functions of two numbers, the own state and the peer's (values as in
 * xen/include/public/io/xenbus.h: 1 Initialising, 2 InitWait, 3 Initialised, 4 Connected, 5
 * Closing, 6 Closed; 0 = no such key), to what has to be done next. Whoever owns the device calls
 * the function whenever a state changes, does what it says, writes the state it names, and calls
 * again until it says wait.
 *
 * Trust: the peer's state is any number at any time. Numbers that name no state are treated as
 * Unknown. A hostile sequence costs connects and disconnects of this one device, nothing else.
 */
#ifndef PV_XENBUS_H
#define PV_XENBUS_H

enum pv_xenbus_action {
	PV_XENBUS_WAIT,	      /* nothing to do until a state changes */
	PV_XENBUS_PUBLISH,    /* set up own side, write own keys, then the state in .state */
	PV_XENBUS_CONNECT,    /* read the peer's keys, start the device, then write .state */
	PV_XENBUS_DISCONNECT, /* stop, release everything shared, then write .state */
	PV_XENBUS_SWITCH,     /* only write .state */
	PV_XENBUS_GONE,	      /* the peer has left for good: DISCONNECT, then forget the device */
};

struct pv_xenbus_step {
	enum pv_xenbus_action action;
	int state; /* to be written when the action has succeeded; -1: none */
};

/*
 * What a frontend does in state `own` when its backend is in `peer`: it waits for the backend's
 * InitWait (the backend's offers are then complete), publishes, and says `published`: Initialised
 * for a protocol whose frontend learns more from the backend before it works (block), Connected
 * for one whose frontend is ready at once (network).
 */
struct pv_xenbus_step pv_xenbus_front_next(int own, int peer, int published);

/* What a backend does in state `own` when its frontend is in `peer`. A frontend that goes back
 * to Initialising (reconnect, kexec, resume) is met with a disconnect and a fresh InitWait. */
struct pv_xenbus_step pv_xenbus_back_next(int own, int peer);

/* "Initialising", ... for messages; never NULL. */
const char *pv_xenbus_state_name(int state);

#endif
