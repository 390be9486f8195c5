/*
 * Network backend, private: what its files share.
 */
#ifndef PV_NETBACK_INTERNAL_H
#define PV_NETBACK_INTERNAL_H

#include <pv/abi/io/netif.h>
#include <pv/back/net.h>

#define PAGE 4096u

/* What the frontend asked for: bits of pv_netback_state.features. */
#define FRONT_SG      1u
#define FRONT_GSO4    2u
#define FRONT_NO_CSUM 4u
#define FRONT_ALL     7u

/* Stops the device; the first reason is kept. */
void pv_netback_break(struct pv_netback *b, const char *reason);
/* Moves up to budget frames from the guest (tx.c) or to it (rx.c), without publishing.
 * PV_NETBACK_* bits. */
unsigned pv_netback_tx(struct pv_netback *b, uint32_t budget);
unsigned pv_netback_rx(struct pv_netback *b, uint32_t budget);
/* Requests that have to be posted before a frame is taken from the far end. */
uint32_t pv_netback_rx_need(const struct pv_netback *b);

#endif
