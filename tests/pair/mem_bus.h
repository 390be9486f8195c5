/*
 * A bus in memory: joins a frontend and a backend inside one test process.
 *
 * Grants with reference counts, a store of two directories, one pair of event channels per port,
 * counters of everything that has to come back to zero, and failure on demand. Safe for two
 * threads (one per side).
 *
 * Trust: this is the referee: a driver that breaks the bus contract (unmaps what is not mapped,
 * frees a page that is still granted, grants what it did not allocate) is reported through
 * mem_bus_error().
 */
#ifndef TESTS_MEM_BUS_H
#define TESTS_MEM_BUS_H

#include <pthread.h>
#include <pv/back/bus.h>
#include <pv/front/bus.h>

#define MEM_PAGE  4096u
#define MEM_REFS  4096u
#define MEM_PORTS 16u
#define MEM_KEYS  160u
#define MEM_KICKS 8u

struct mem_grant {
	bool allocated, permitted, readonly, zombie;
	uint8_t *page;
	unsigned maps;
};

struct mem_port {
	bool used, bound;
	unsigned queue;	   /* of the backend, whose kick a notification writes */
	unsigned notifies; /* by back */
	void (*fn)(void *arg);
	void *arg;
};

struct mem_key {
	char key[40], value[40];
};

struct mem_dir {
	struct mem_key key[MEM_KEYS];
	unsigned n;
	int state;
};

struct mem_bus {
	struct pv_front_bus front;
	struct pv_back_bus back;
	pthread_mutex_t lock;
	struct mem_grant grant[MEM_REFS];
	unsigned gref_limit; /* references beyond do not exist: scarcity on demand */
	struct mem_port port[MEM_PORTS];
	struct mem_dir dir[2]; /* 0: the frontend's, 1: the backend's */
	unsigned pages, refs, maps, ports;
	/* Set by the other side's notify or state change; cleared by who looks. Atomic. */
	unsigned front_event, back_event, front_watch, back_watch;
	int kick_fd;		   /* eventfd that front notifications write, or -1 */
	int more_kicks[MEM_KICKS]; /* the same for queues from 1 on */
	unsigned notifies[2];	   /* by front, by back */
	long fail_front_after;	   /* this many more calls succeed; -1: never fails */
	long fail_back_after;
	char error[120];  /* first breach of contract */
	char broken[120]; /* reason given by a driver */
	unsigned nr_broken;
	uint64_t dirty;
};

void mem_bus_init(struct mem_bus *m);
void mem_bus_fini(struct mem_bus *m);
/* NULL, or what a driver did wrong. */
const char *mem_bus_error(struct mem_bus *m);
/* Everything was given back: pages (but for `pages` of the test's own), references, mappings,
 * ports. */
bool mem_bus_idle(struct mem_bus *m, unsigned pages);
/* Reads and clears an event word. */
bool mem_bus_take(unsigned *word);
void raise_event(unsigned *word);

/* The store, for tests that play one of the two sides themselves. */
void mem_dir_write(struct mem_bus *m, unsigned dir, const char *key, const char *value);
const char *mem_dir_read(struct mem_bus *m, unsigned dir, const char *key);
void mem_dir_state(struct mem_bus *m, unsigned dir, int state);
/* The page behind a reference, for a test that plays the backend by hand. */
void *mem_grant_page(struct mem_bus *m, uint32_t ref);

/* A small reproducible generator. */
struct rng {
	uint64_t s;
};
uint32_t rng_next(struct rng *r);
uint32_t rng_below(struct rng *r, uint32_t n);
/* Seed of this run: PV_TEST_SEED from the environment, else the clock; printed. */
uint64_t test_seed(const char *what);
/*
 * How many schedules of `full` to run: a twentieth under the thread sanitizer. A schedule has one
 * thread, so it has no race to find, and the other builds run them all.
 */
unsigned test_runs(unsigned full);

#endif
