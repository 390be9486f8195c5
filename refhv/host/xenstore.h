/*
 * xenstore: the domain's store, served to people and to the guest.
 *
 * A unix socket on which stock clients (xenstore-ls and friends) speak to a pv_store, each as
 * privileged domain 0, and the guest's ring. Everything runs on one libev loop; all calls, and all
 * others on the same pv_store, must come from that loop's thread or under the lock that the owner
 * gives.
 *
 * Trust: whoever can open the socket is the owner of the domain (file permissions); what they send
 * is parsed as hostile all the same, and one that does not read is not waited for. The ring's page
 * is the guest's.
 */
#ifndef REFHV_HOST_XENSTORE_H
#define REFHV_HOST_XENSTORE_H

#include <ev.h>
#include <pthread.h>
#include <pv/store.h>

struct refhv_xenstore;

/*
 * listen_fd: a listening AF_UNIX stream socket, taken over (closed at the end); -1 for none. lock:
 * taken around every use of the store made from the loop; recursive, or NULL if the store is only
 * used on the loop. Returns NULL and errno. The store stays the caller's and must outlive this.
 */
struct refhv_xenstore *refhv_xenstore_start(struct ev_loop *loop, struct pv_store *store,
					    int listen_fd, pthread_mutex_t *lock);
/* Closes clients, detaches the ring, leaves the store. */
void refhv_xenstore_stop(struct refhv_xenstore *x);

/*
 * Serve the guest `domid` (introduced here if it is not) on this ring page. A connection that a
 * load has restored is taken up again. notify raises the guest's store event channel. 0 or
 * -PV_E....
 */
int refhv_xenstore_ring_attach(struct refhv_xenstore *x, uint16_t domid,
			       struct pv_xenstore_domain_interface *page, uint32_t guest_port,
			       void (*notify)(void *ctx), void *ctx);
/* The guest sent its store event. Any thread, any number of times; the loop does the work. */
void refhv_xenstore_ring_kick(struct refhv_xenstore *x);

/* The allocation hooks of a pv_store over malloc, for the config's alloc and free. */
void *refhv_xenstore_alloc(void *ctx, size_t n);
void refhv_xenstore_free(void *ctx, void *p, size_t n);

#endif
