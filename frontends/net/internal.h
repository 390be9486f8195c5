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

/* Gives up the device; the first reason is kept, every frame in flight is finished later, by whoever
 * closes the device. From any queue. */
void pv_netfront_break(struct pv_netfront *f, const char *reason);
static inline bool pv_netfront_broken(const struct pv_netfront *f)
{
	return __atomic_load_n(&f->broken, __ATOMIC_ACQUIRE);
}

/* tx.c: the table of slots is empty; finish what was answered; finish everything with -PV_EIO. */
void pv_netfront_tx_init(struct pv_netfront_queue *q);
void pv_netfront_tx_reap(struct pv_netfront *f, struct pv_netfront_queue *q);
void pv_netfront_tx_fail(struct pv_netfront *f, struct pv_netfront_queue *q);

/* rx.c: post every free page; show up to budget frames, returns how many. */
void pv_netfront_rx_init(struct pv_netfront_queue *q);
void pv_netfront_rx_post(struct pv_netfront *f, struct pv_netfront_queue *q);
uint32_t pv_netfront_rx_poll(struct pv_netfront *f, uint32_t queue, uint32_t budget);

/* connect.c: the handshake's part of the device; what it made is given back, its ports closed unless
 * they are gone already. */
int pv_netfront_publish(void *self, int state);
void pv_netfront_release(struct pv_netfront *f, bool close_ports);

#endif
