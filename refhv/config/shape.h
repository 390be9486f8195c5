/*
 * What a machine is like: its kind and engine, memory, vCPUs, limits.
 */
#ifndef REFHV_CONFIG_SHAPE_H
#define REFHV_CONFIG_SHAPE_H

#include "config/setting.h"

/* Reads these keys into the parser's configuration. 0, or negative with its error filled in. */
int config_shape(struct parser *p);

#endif
