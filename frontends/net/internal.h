/*
 * Network frontend, private: what its files share.
 */
#ifndef PV_NETFRONT_INTERNAL_H
#define PV_NETFRONT_INTERNAL_H

#include <pv/abi/io/netif.h>
#include <pv/front/net.h>

#define PAGE	   4096u
#define NONE	   PV_NETFRONT_SLOTS
#define ETH_HEADER 14u

/* Gives up the device; the first reason is kept, every frame in flight is finished. */
void pv_netfront_break(struct pv_netfront *f, const char *reason);

/* tx.c: the table of slots is empty; finish what was answered; finish everything with -PV_EIO. */
void pv_netfront_tx_init(struct pv_netfront *f);
void pv_netfront_tx_reap(struct pv_netfront *f);
void pv_netfront_tx_fail(struct pv_netfront *f);

/* rx.c: post every free page; show up to budget frames, returns how many. */
void pv_netfront_rx_init(struct pv_netfront *f);
void pv_netfront_rx_post(struct pv_netfront *f);
uint32_t pv_netfront_rx_poll(struct pv_netfront *f, uint32_t budget);

#endif
