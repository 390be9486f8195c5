/*
 * The bus of a backend whose frontend is the fuzzer.
 *
 * The input is a script. It writes the shared pages directly, and it also changes them while the
 * backend is at work: each call that the backend makes through the bus, or to what stands behind
 * it, first applies the next change of the schedule. So a value that is fetched twice around any
 * such call is two values, and the run is reproducible.
 *
 * Checks what must hold of every backend: balanced mappings, copies inside a page, no
 * notification of an unbound port.
 */
#ifndef TESTS_FUZZ_BUS_H
#define TESTS_FUZZ_BUS_H

#include <pv/back/bus.h>
#include <stddef.h>
#include <stdint.h>

#define FUZZ_PAGES \
	8u /* references 0..7; 8..11 are the same pages, read only; others do not exist */

struct fuzz_input {
	const uint8_t *p;
	size_t left;
};

struct fuzz_bus {
	struct pv_back_bus bus;
	struct fuzz_input *in;
	uint8_t *pages;
	long maps, rings, ports;
	int front_state, back_state;
	uint32_t mutations;	      /* left of the schedule: a run ends */
	const char *const (*keys)[2]; /* the frontend's directory, ends with NULL */
	unsigned broken;
};

/* Next bytes of the script; zeroes at its end. */
uint8_t fuzz_u8(struct fuzz_input *in);
uint16_t fuzz_u16(struct fuzz_input *in);
uint32_t fuzz_u32(struct fuzz_input *in);

void fuzz_bus_init(struct fuzz_bus *b, struct fuzz_input *in);
/* Aborts unless everything was given back. */
void fuzz_bus_fini(struct fuzz_bus *b);
/* One change of a shared page. */
void fuzz_mutate(struct fuzz_bus *b);
/* [p, p + len) lies in the shared pages, else abort. */
void fuzz_inside(const struct fuzz_bus *b, const void *p, uint64_t len);

#endif
