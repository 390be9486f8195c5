/*
 * Network backend: the rate limit of what the guest sends.
 *
 * Xen's credit scheme (drivers/net/xen-netback/netback.c, tx_credit_exceeded): each interval adds a
 * credit of bytes, which adds up to a burst; a frame is sent when it is covered whole. The credit is
 * the device's, not a queue's: a guest gains nothing by opening more of them.
 *
 * Trusts the far end's clock not to go back.
 */
#include "internal.h"

#define BURST (128u * 1024) /* at least; so that any frame is covered sooner or later */

bool pv_netback_pay(struct pv_netback *b, uint32_t bytes)
{
	uint64_t interval = (uint64_t)b->cfg.rate_us * 1000, burst = b->cfg.rate_bytes, now, at, n;
	bool paid;

	if (!b->cfg.rate_bytes)
		return true;
	if (burst < BURST)
		burst = BURST;
	now = b->far->now(b->far->ctx);
	spin_lock(&b->lock);
	at = b->credit_at ? b->credit_at : now + interval;
	if (now >= at) {
		n = (now - at) / interval + 1;
		at += n * interval;
		if (n > burst / b->cfg.rate_bytes)
			b->credit = burst;
		else
			b->credit += n * b->cfg.rate_bytes;
		if (b->credit > burst)
			b->credit = burst;
	}
	/* Read by who sleeps until then, without the lock. */
	__atomic_store_n(&b->credit_at, at, __ATOMIC_RELAXED);
	paid = bytes <= b->credit;
	if (paid)
		b->credit -= bytes;
	spin_unlock(&b->lock);
	return paid;
}

void pv_netback_pay_back(struct pv_netback *b, uint32_t bytes)
{
	if (!b->cfg.rate_bytes)
		return;
	spin_lock(&b->lock);
	b->credit += bytes;
	spin_unlock(&b->lock);
}

uint64_t pv_netback_credit_at(const struct pv_netback *b)
{
	return __atomic_load_n(&b->credit_at, __ATOMIC_RELAXED);
}
