/*
 * fuzz: what a fuzz target provides, for libFuzzer and for replay.c alike.
 */
#ifndef PV_TESTS_FUZZ_H
#define PV_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* Must accept any bytes, keep no state between calls, and abort() on a broken promise. Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
