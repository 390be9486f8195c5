/*
 * Console frontend: bytes out, bytes in, over the one-page console ring
 * (xen/include/public/io/console.h).
 *
 * The primary console needs no xenstore: attach it to the page and port that start_info or
 * HVM_PARAM_CONSOLE_* name and write. Further consoles (device/console/N) are connected through
 * the bus with pv_confront_step().
 *
 * Trust: the backend is hostile. An index that claims more than the ring holds breaks the
 * console: writes then take everything and drop it (output must not stop a kernel), reads return
 * -PV_EPROTO.
 *
 * Concurrency: calls on one console are serialised by the caller; write and read may run at the
 * same time as each other.
 */
#ifndef PV_FRONT_CONSOLE_H
#define PV_FRONT_CONSOLE_H

#include <pv/front/bus.h>
#include <stdbool.h>
#include <stdint.h>

struct pv_confront {
	void *page;
	void (*notify)(void *ctx, uint32_t port);
	void *ctx;
	uint32_t port;
	bool broken;
	/* Used only when connected through a bus. */
	const struct pv_front_bus *bus;
	void (*event)(void *arg);
	void *arg;
	void *own; /* the page of a console on the bus */
	uint32_t ref;
	bool have_ref, have_port, announced;
	int state;
};

/* Early path: page and port are given, nothing is read or written before the first call. */
void pv_confront_attach(struct pv_confront *c, void *page, uint32_t port,
			void (*notify)(void *ctx, uint32_t port), void *ctx);
/* Queues up to len bytes; returns how many fitted. Notifies the backend if any did. */
uint32_t pv_confront_write(struct pv_confront *c, const void *buf, uint32_t len);
/* Takes up to len bytes of input; returns how many, or -PV_EPROTO. Notifies the backend (there
 * is room again) if any. */
int pv_confront_read(struct pv_confront *c, void *buf, uint32_t len);
/* Everything written was taken by the backend. */
bool pv_confront_drained(const struct pv_confront *c);

/* Through the bus. */
int pv_confront_init(struct pv_confront *c, const struct pv_front_bus *bus,
		     void (*event)(void *arg), void *arg);
int pv_confront_step(struct pv_confront *c); /* as pv_blkfront_step() */
int pv_confront_close(struct pv_confront *c);
void pv_confront_destroy(struct pv_confront *c);

#endif
