/*
 * What holds for every description of a domain, wherever it came from.
 */
#ifndef REFHV_CONFIG_CHECK_H
#define REFHV_CONFIG_CHECK_H

#include "config/config.h"

#define CONFIG_MAX_MEMORY_MIB (1u << 20)

/* 0, or negative with *e naming `file`. Ranges, lengths and contradictions; nothing is opened. */
int config_check(const struct refhv_config *c, const char *file, struct refhv_error *e);

#endif
