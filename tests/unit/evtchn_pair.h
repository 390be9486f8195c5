/*
 * The host library under a guest library, in one process: a domain of the memory-only VMM, told
 * apart by plain functions because the two sides' headers do not go into one file.
 */
#ifndef TESTS_UNIT_EVTCHN_PAIR_H
#define TESTS_UNIT_EVTCHN_PAIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void pair_open(unsigned vcpus, uint32_t max_ports);
/* Aborts if the domain leaked. */
void pair_close(void);

/* A hypercall (cmd, struct *) of a vCPU. */
int64_t pair_call(unsigned vcpu, uint64_t nr, uint64_t cmd, void *arg, size_t size);

int64_t pair_register_vcpu_info(unsigned vcpu, const void *arg, size_t size);

/* Guest memory: one page, zeroed, or NULL; how many may still be had (negative: any number). */
void *pair_page(void);
void pair_page_free(void *page);
uint64_t pair_gfn(const void *page);
extern long pair_pages_left;
extern long pair_pages_used;

/* Host-side end n (below 8) of a port that was allocated for the backend; and events from it. */
#define PAIR_BACKEND 7
int pair_bind(unsigned n, uint32_t port);
int pair_send(unsigned n);
bool pair_is_fifo(void);

#endif
