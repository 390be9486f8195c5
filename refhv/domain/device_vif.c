/*
 * A network card of a domain, and the connection to the user networking that may be behind it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "domain/device.h"

/* It speaks when spoken to, and the answer has been read by then: what comes now is its end. */
static void netd_ready(struct ev_loop *loop, ev_io *w, int revents)
{
	struct device *dev = w->data;
	char late[64];
	ssize_t n = recv(dev->netd, late, sizeof(late), MSG_DONTWAIT);

	if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
		return;
	ev_io_stop(loop, w);
	dev->netd_gone = true;
	domain_log(dev->d,
		   "vif %u: its user networking has died; the link is down until the domain is "
		   "moved or created anew",
		   dev->bus.cfg.index);
}

static void watch_netd(struct device *dev)
{
	ev_io_init(&dev->netd_watch, netd_ready, dev->netd, EV_READ);
	dev->netd_watch.data = dev;
	ev_io_start(dev->d->loop, &dev->netd_watch);
}

/* All that was handed over. */
static void close_all(const int *frames, unsigned n, int netd, json_t *about)
{
	for (unsigned i = 0; i < n; i++)
		close(frames[i]);
	if (netd >= 0)
		close(netd);
	json_decref(about);
}

static bool queues(struct device *dev, struct host_net_config *cfg, const int *frames, unsigned n)
{
	for (cfg->queues = 0; cfg->queues < n; cfg->queues++) {
		cfg->frames[cfg->queues] = frames[cfg->queues];
		cfg->kick[cfg->queues] = device_kick(dev, cfg->queues);
		if (cfg->kick[cfg->queues] < 0)
			return false;
	}
	return true;
}

int device_vif_start(struct domain *d, const struct config_vif *v, const int *frames, unsigned n,
		     int netd, json_t *about, struct refhv_error *e)
{
	unsigned mtu = (unsigned)json_integer_value(json_object_get(about, "mtu"));
	char err[HOST_NET_ERR_SIZE] = "";
	struct host_net_config cfg = {
		.mtu = mtu,
		.vnet = json_is_true(json_object_get(about, "vnet")),
		.rate_bytes = v->rate_bytes,
		.rate_us = v->rate_interval_us,
	};
	struct device *dev = device_new(d, "vif", v->devid);
	int rc;

	if (!dev || !queues(dev, &cfg, frames, n)) {
		close_all(frames, n, netd, about);
		if (dev)
			device_free(dev);
		return refhv_fail(e, REFHV_FAILED, NULL, "out of memory");
	}
	dev->about = about;
	dev->netd = netd;
	if (netd >= 0)
		watch_netd(dev);
	cfg.bus = &dev->bus.bus;
	rc = host_net_create(&dev->net, &cfg, err);
	if (!rc && !d->incoming)
		rc = nodes_vif(d, v, mtu);
	if (!rc && !d->incoming)
		rc = device_watch(dev);
	if (!rc)
		return 0;
	refhv_fail(e, REFHV_RESOURCE, NULL, "vif %u cannot be started: %s", v->devid,
		   err[0] ? err : strerror(-rc));
	device_free(dev);
	return -(int)e->exit;
}

json_t *device_vif_stats(struct device *dev)
{
	struct host_net_stats all;
	const struct pv_netback_stats *st = &all.back;

	host_net_stats(dev->net, &all);
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:i, s:b}",
			 "tx_frames", (json_int_t)st->tx_frames, "tx_bytes",
			 (json_int_t)st->tx_bytes, "tx_errors", (json_int_t)st->tx_errors,
			 "rx_frames", (json_int_t)st->rx_frames, "rx_bytes",
			 (json_int_t)st->rx_bytes, "rx_errors", (json_int_t)st->rx_errors,
			 "rx_dropped", (json_int_t)st->rx_dropped, "rx_filtered",
			 (json_int_t)st->rx_filtered, "tx_segments", (json_int_t)st->tx_segments,
			 "notifies", (json_int_t)st->notifies, "wakeups", (json_int_t)all.wakeups,
			 "calls", (json_int_t)all.calls, "queues", (int)all.queues, "gso",
			 !!(all.caps & PV_NETBACK_CAP_GSO4));
}
