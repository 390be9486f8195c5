/*
 * The backend bus of one device, over a domain and its store in this process.
 *
 * Implements struct pv_back_bus (pv/back/bus.h) for a backend in domain 0. The paths of both ends are fixed here, by the toolstack:
 * nothing that the guest writes decides where a backend looks (Xen's XSA-57 class).
 *
 * Concurrency: store calls (read_front, write, switch_state, front_state) on the store's thread only; map, copy, notify and dirty from the
 * device's I/O thread; init and close by the control loop.
 */
#ifndef REFHV_HOST_BUS_H
#define REFHV_HOST_BUS_H

#include <pv/back/bus.h>
#include <pv/domain.h>
#include <pv/store.h>

enum {
	HOST_BUS_QUEUES = 8,
	HOST_BUS_PORTS = 2 * HOST_BUS_QUEUES + 1, /* two for each queue and one for control */
	HOST_BUS_RINGS = 2 * HOST_BUS_QUEUES + 1,
	HOST_BUS_RING_PAGES = 16,
	HOST_BUS_REASONS = 8, /* why the device was stopped is told so often, and then no more */
};

struct host_bus_config {
	struct pv_domain *domain;
	struct pv_store *store;
	uint16_t domid;	     /* the frontend's */
	const char *kind;    /* "vbd", "vif"; outlives the bus */
	unsigned index;	     /* the device's number */
	void *ram;	     /* guest physical 0 in this process */
	uint64_t ram_size;   /* bytes */
	int ram_fd;	     /* the same memory, for rings of scattered pages */
	int kick;	     /* eventfd that the guest's sends write; queue 0's */
	uint16_t kick_index; /* its engine index, or PV_KICK_INDEX_NONE */
	void (*mark_dirty)(void *ctx, uint64_t gpa, uint64_t len);
	/* The device was stopped for this reason. From any thread. */
	void (*broken)(void *ctx, const char *kind, unsigned index, const char *reason);
	void *ctx;
};

struct host_bus_ring {
	void *va; /* NULL: free */
	unsigned n;
	bool alias; /* va is a mapping of our own, not a part of ram */
	struct pv_grant_map map[HOST_BUS_RING_PAGES];
};

struct host_bus_port {
	struct pv_host_port host;
	int kick;
};

/* Caller-allocated; everything but bus is private. */
struct host_bus {
	struct pv_back_bus bus;
	struct host_bus_config cfg;
	char front[64], back[64];
	/* One for each queue that has a runner of its own; queue 0's is cfg's. */
	int kick[HOST_BUS_QUEUES];
	uint16_t kick_index[HOST_BUS_QUEUES];
	struct host_bus_port port[HOST_BUS_PORTS];
	struct host_bus_ring ring[HOST_BUS_RINGS];
	unsigned told; /* atomic */
};

void host_bus_init(struct host_bus *b, const struct host_bus_config *cfg);
/* The events of this queue (below HOST_BUS_QUEUES) write an eventfd of their own from now on. Before its backend connects. */
void host_bus_set_kick(struct host_bus *b, unsigned queue, int kick, uint16_t kick_index);
/* A reason for which the device does not work, to cfg.broken: of all of them, as many as HOST_BUS_REASONS says. Any thread. */
void host_bus_tell(struct host_bus *b, const char *reason);
/* Unbinds what is still bound. Rings and pages have been unmapped by the backend. */
void host_bus_close(struct host_bus *b);

#endif
