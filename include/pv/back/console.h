/*
 * Console backend: takes what a guest prints, feeds it what somebody types.
 *
 * One page, two byte rings (xen/include/public/io/console.h). The page comes from a grant (map it
 * as a ring, then attach) or, for the primary console, from the place that the domain builder
 * chose.
 *
 * Trust: the frontend is hostile: indices are read once, and a claim of more bytes than the ring
 * holds stops the console (-PV_EPROTO, once; reads are empty from then on). The bytes are
 * hostile, too: whoever shows them on a terminal decides what to filter. Nothing is buffered
 * here: who does not read leaves the bytes in the guest's page, and a guest that prints faster
 * than it is read waits.
 *
 * Concurrency: read and write may run at the same time as each other; attach and detach are
 * exclusive. All state is in the page: it needs no export; after a restore attach again and look
 * at both directions once.
 */
#ifndef PV_BACK_CONSOLE_H
#define PV_BACK_CONSOLE_H

#include <pv/back/bus.h>
#include <stdbool.h>
#include <stdint.h>

struct pv_conback {
	void *page;
	const struct pv_back_bus *bus; /* dirty and notify are used */
	uint32_t port;
	bool broken;
	uint32_t state; /* used only with step() */
};

/* Attaches to a mapped page and a bound port of bus. Zeroes nothing: the guest may have
 * printed already. */
void pv_conback_attach(struct pv_conback *c, const struct pv_back_bus *bus, void *page,
		       uint32_t port);
/* Takes up to len bytes of output; returns how many, or -PV_EPROTO. Notifies the guest if any
 * (there is room again). */
int pv_conback_read(struct pv_conback *c, void *buf, uint32_t len);
/* Bytes of output waiting, or -PV_EPROTO. */
int pv_conback_pending(const struct pv_conback *c);
/* Gives the guest up to len bytes of input; returns how many fitted (0 when the guest does not
 * read), or -PV_EPROTO. */
int pv_conback_write(struct pv_conback *c, const void *buf, uint32_t len);

/* Control, for consoles with a directory of their own (device/console/N): as
 * pv_netback_step(). */
int pv_conback_init(struct pv_conback *c, const struct pv_back_bus *bus);
int pv_conback_step(struct pv_conback *c);
void pv_conback_destroy(struct pv_conback *c);

#endif
