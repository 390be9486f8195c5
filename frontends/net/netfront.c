/*
 * Network frontend: both directions together, the control ring, suspend and resume. See
 * pv/front/net.h.
 *
 * Trust: the backend is hostile: an answer on the control ring has to be to the request that was made.
 */
#include <pv/abi/io/xenbus.h>
#include "../../libpv/common/mem.h"
#include "../common/handshake.h"
#include "internal.h"

#define DEFAULT_RX_PAGES 64u

void pv_netfront_break(struct pv_netfront *f, const char *reason)
{
	if (__atomic_exchange_n(&f->broken, 1, __ATOMIC_ACQ_REL))
		return;
	f->reason = reason;
	if (f->bus->broken)
		f->bus->broken(f->bus->ctx, reason);
}

int pv_netfront_init(struct pv_netfront *f, const struct pv_front_bus *bus,
		     const struct pv_netfront_config *cfg,
		     int (*rx)(void *arg, const struct pv_netfront_rx *frame),
		     void (*event)(void *arg), void *arg)
{
	memset(f, 0, sizeof(*f));
	f->bus = bus;
	f->cfg = *cfg;
	f->rx = rx;
	f->event = event;
	f->arg = arg;
	f->state = PV_XenbusStateInitialising;
	if (f->cfg.rx_pages == 0)
		f->cfg.rx_pages = DEFAULT_RX_PAGES;
	if (f->cfg.queues == 0)
		f->cfg.queues = 1;
	/* A super-frame takes many pages, and its checksum is blank. */
	f->cfg.gso = f->cfg.gso && !f->cfg.no_sg && !f->cfg.no_csum;
	f->cfg.no_csum6 = f->cfg.no_csum6 || f->cfg.no_csum;
	return f->cfg.rx_pages > PV_NETFRONT_SLOTS || f->cfg.queues > PV_NETFRONT_QUEUES ||
			       f->cfg.headroom > PAGE / 2 ||
			       (f->cfg.gso && f->cfg.rx_pages < PV_NETFRONT_GSO_PAGES)
		       ? -PV_EINVAL
		       : 0;
}

/* Every frame in flight is finished. */
static void fail_all(struct pv_netfront *f)
{
	uint32_t i;

	for (i = 0; i < PV_NETFRONT_QUEUES; i++)
		pv_netfront_tx_fail(f, &f->q[i]);
}

static void disconnect(void *self)
{
	struct pv_netfront *f = self;

	f->ready = false;
	fail_all(f);
	pv_netfront_release(f, true);
}

/* A network frontend says Connected with its keys, so nothing is left to do when the backend
 * does. */
static int connect(void *self)
{
	return 0;
}

static struct pv_front_device device(struct pv_netfront *f)
{
	return (struct pv_front_device){.bus = f->bus,
					.self = f,
					.published = PV_XenbusStateConnected,
					.publish = pv_netfront_publish,
					.connect = connect,
					.disconnect = disconnect};
}

int pv_netfront_step(struct pv_netfront *f)
{
	struct pv_front_device d = device(f);

	return pv_front_advance(&d, &f->state, &f->announced, pv_netfront_broken(f));
}

static bool works(const struct pv_netfront *f, uint32_t queue)
{
	return f->ready && !pv_netfront_broken(f) && !f->suspended && queue < f->nr_queues;
}

void pv_netfront_push_queue(struct pv_netfront *f, uint32_t queue)
{
	struct pv_netfront_queue *q = &f->q[queue];

	if (works(f, queue) && pv_ring_front_push(&q->tx_ring))
		f->bus->notify(f->bus->ctx, q->port[0]);
}

int pv_netfront_poll_queue(struct pv_netfront *f, uint32_t queue, uint32_t budget)
{
	struct pv_netfront_queue *q = &f->q[queue];
	uint32_t shown = 0;

	if (pv_netfront_broken(f))
		return -PV_EPROTO;
	if (!works(f, queue))
		return 0;
	pv_netfront_tx_reap(f, q);
	if (!pv_netfront_broken(f))
		shown = pv_netfront_rx_poll(f, queue, budget);
	if (pv_netfront_broken(f))
		return -PV_EPROTO;
	if (!f->ready)
		return (int)shown;
	pv_netfront_rx_post(f, q);
	if (pv_ring_front_push(&q->rx_ring))
		f->bus->notify(f->bus->ctx, q->port[q->nr_ports - 1]);
	return (int)shown;
}

bool pv_netfront_arm_queue(struct pv_netfront *f, uint32_t queue)
{
	int tx, rx;

	if (!works(f, queue))
		return false;
	tx = pv_ring_front_arm(&f->q[queue].tx_ring);
	rx = pv_ring_front_arm(&f->q[queue].rx_ring);
	return tx || rx;
}

void pv_netfront_push(struct pv_netfront *f)
{
	uint32_t i;

	for (i = 0; i < f->nr_queues; i++)
		pv_netfront_push_queue(f, i);
}

int pv_netfront_poll(struct pv_netfront *f, uint32_t budget)
{
	uint32_t i, shown = 0;

	if (pv_netfront_broken(f)) {
		/* Whoever waits for his frames hears of it. */
		fail_all(f);
		return -PV_EPROTO;
	}
	for (i = 0; i < f->nr_queues; i++) {
		int n = pv_netfront_poll_queue(f, i, budget);

		if (n < 0) {
			fail_all(f);
			return n;
		}
		shown += (uint32_t)n;
	}
	return (int)shown;
}

bool pv_netfront_arm(struct pv_netfront *f)
{
	bool again = false;
	uint32_t i;

	for (i = 0; i < f->nr_queues; i++)
		again |= pv_netfront_arm_queue(f, i);
	return again;
}

uint64_t pv_netfront_rx_dropped(const struct pv_netfront *f)
{
	uint64_t sum = 0;
	uint32_t i;

	for (i = 0; i < PV_NETFRONT_QUEUES; i++)
		sum += f->q[i].rx_dropped;
	return sum;
}

int pv_netfront_ctrl(struct pv_netfront *f, uint16_t type, const uint32_t data[3])
{
	struct pv_netif_ctrl_request r = {.type = type, .data = {data[0], data[1], data[2]}};

	if (!works(f, 0) || !f->ctrl_page)
		return -PV_ENOTCONN;
	if (f->ctrl_busy)
		return -PV_EAGAIN;
	r.id = ++f->ctrl_id;
	pv_ring_copy_out(pv_ring_front_next(&f->ctrl), &r, sizeof(r));
	f->ctrl_busy = true;
	if (pv_ring_front_push(&f->ctrl))
		f->bus->notify(f->bus->ctx, f->ctrl_port);
	(void)pv_ring_front_arm(&f->ctrl);
	return 0;
}

int pv_netfront_ctrl_poll(struct pv_netfront *f, uint32_t *status, uint32_t *data)
{
	struct pv_netif_ctrl_response r;
	int n;

	if (pv_netfront_broken(f))
		return -PV_EPROTO;
	if (!works(f, 0) || !f->ctrl_busy)
		return 0;
	n = pv_ring_front_pending(&f->ctrl);
	if (n == 0)
		return 0;
	if (n > 0)
		pv_ring_front_take(&f->ctrl, &r, sizeof(r));
	if (n < 0 || r.id != f->ctrl_id) {
		pv_netfront_break(f, "control response to no request");
		return -PV_EPROTO;
	}
	f->ctrl_busy = false;
	*status = r.status;
	*data = r.data;
	return 1;
}

int pv_netfront_close(struct pv_netfront *f)
{
	struct pv_front_device d = device(f);

	f->ready = false;
	return pv_front_close(&d, &f->state);
}

void pv_netfront_suspend(struct pv_netfront *f)
{
	f->suspended = true;
}

void pv_netfront_unsuspend(struct pv_netfront *f)
{
	f->suspended = false;
}

int pv_netfront_resume(struct pv_netfront *f)
{
	f->suspended = false;
	if (pv_netfront_broken(f))
		return -PV_EPROTO;
	f->ready = false;
	fail_all(f);
	/* The ports died with the old domain; their numbers may be somebody else's now. */
	pv_netfront_release(f, false);
	f->announced = false;
	f->state = PV_XenbusStateInitialising;
	return 0;
}

void pv_netfront_destroy(struct pv_netfront *f)
{
	disconnect(f);
}
