/*
 * Network backend, private: what its files share.
 */
#ifndef PV_NETBACK_INTERNAL_H
#define PV_NETBACK_INTERNAL_H

#include <pv/abi/io/netif.h>
#include <pv/back/net.h>

#define PAGE	   4096u
#define ETH_HEADER 14u

/* A queue's memory: frames on their way, and one segment of a super-frame. */
#define ARENA	(4u * 65536)
#define SCRATCH ARENA

/* What the frontend asked for: bits of pv_netback_state.features. */
#define FRONT_SG      1u
#define FRONT_GSO4    2u
#define FRONT_NO_CSUM 4u
#define FRONT_GSO6    8u
#define FRONT_CSUM6   16u
#define FRONT_MCAST   32u /* multicast comes only if it was asked for */
#define FRONT_ALL     63u

static inline uint32_t at_most(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* Held for a copy of a frame at most, by threads of one device. */
static inline void spin_lock(uint32_t *word)
{
	while (__atomic_exchange_n(word, 1, __ATOMIC_ACQUIRE))
		while (__atomic_load_n(word, __ATOMIC_RELAXED))
			;
}

static inline void spin_unlock(uint32_t *word)
{
	__atomic_store_n(word, 0, __ATOMIC_RELEASE);
}

/* Stops the device; the first reason is kept. From any queue. */
void pv_netback_break(struct pv_netback *b, const char *reason);
static inline bool pv_netback_broken(const struct pv_netback *b)
{
	return __atomic_load_n(&b->broken, __ATOMIC_ACQUIRE);
}

/* Moves up to budget frames from the guest (tx.c) or to it (rx.c), without publishing; *budget is
 * what is left. PV_NETBACK_* bits. */
unsigned pv_netback_tx(struct pv_netback *b, unsigned queue, uint32_t *budget);
unsigned pv_netback_rx(struct pv_netback *b, unsigned queue, uint32_t *budget);
/* Requests that have to be posted before a frame is taken from the far end. */
uint32_t pv_netback_rx_need(const struct pv_netback *b);
/* The ring of received frames is one thread's, unless frames are steered to others' queues. */
void pv_netback_rx_lock(struct pv_netback *b, unsigned queue);
void pv_netback_rx_unlock(struct pv_netback *b, unsigned queue);
/* Publishes what was answered on the rx ring; notifies. */
void pv_netback_rx_flush(struct pv_netback *b, unsigned queue);

/* May this much be sent now? Then it is paid. */
bool pv_netback_pay(struct pv_netback *b, uint32_t bytes);
void pv_netback_pay_back(struct pv_netback *b, uint32_t bytes);

/* The multicast filter: add (or else remove) an address; false: it is full. */
bool pv_netback_mcast(struct pv_netback *b, const uint8_t addr[6], bool add);
/* Does the guest want this frame? */
bool pv_netback_wanted(struct pv_netback *b, const uint8_t *frame);

/* Attaches the control ring that the state names; undone by detach. */
int pv_netback_ctrl_attach(struct pv_netback *b, const struct pv_netback_state *st);
void pv_netback_ctrl_detach(struct pv_netback *b);
/* After the hash was configured, or read back: are frames steered? */
void pv_netback_ctrl_apply(struct pv_netback *b);

/* state.c: one queue of a state. */
struct pv_netback_queue_state pv_netback_queue_get(const struct pv_netback_state *st, unsigned i);
void pv_netback_queue_put(struct pv_netback_state *st, unsigned i,
			  const struct pv_netback_queue_state *q);
/* netback.c: maps and binds what conn names, all or nothing; forget conn but for its state. */
int pv_netback_attach(struct pv_netback *b);
void pv_netback_forget(struct pv_netback *b);

#endif
