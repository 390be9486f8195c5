/*
 * Network backend: the multicast filter.
 *
 * A frontend that asked for it gets broadcast and the multicast addresses that it has added, by extra
 * slots of frames that it sends (xen/include/public/io/netif.h, "Multicast control"). The list has an
 * end: a frontend that adds more is told so.
 */
#include "../../libpv/common/mem.h"
#include "internal.h"

static uint32_t find(const struct pv_netback *b, const uint8_t addr[6])
{
	uint32_t i;

	for (i = 0; i < b->conn.nr_mcast && memcmp(b->conn.mcast[i], addr, 6) != 0; i++)
		;
	return i;
}

bool pv_netback_mcast(struct pv_netback *b, const uint8_t addr[6], bool add)
{
	uint32_t i;
	bool fits = true;

	spin_lock(&b->lock);
	i = find(b, addr);
	if (!add && i < b->conn.nr_mcast)
		memcpy(b->conn.mcast[i], b->conn.mcast[--b->conn.nr_mcast], 6);
	else if (add && i == PV_NETBACK_MCAST)
		fits = false;
	else if (add && i == b->conn.nr_mcast)
		memcpy(b->conn.mcast[b->conn.nr_mcast++], addr, 6);
	spin_unlock(&b->lock);
	return fits;
}

bool pv_netback_wanted(struct pv_netback *b, const uint8_t *frame)
{
	static const uint8_t everybody[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	bool wanted;

	if (!(b->conn.features & FRONT_MCAST) || !(frame[0] & 1) || !memcmp(frame, everybody, 6))
		return true;
	spin_lock(&b->lock);
	wanted = find(b, frame) < b->conn.nr_mcast;
	spin_unlock(&b->lock);
	return wanted;
}
