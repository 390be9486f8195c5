/*
 * The Toeplitz hash of a frame's flow: see pv/net.h.
 *
 * Bit n of the input, counted from the most significant of the first byte, adds the 32 bits of
 * the key that begin at its bit n (xen/include/public/io/netif.h, "Hashing").
 *
 * Trust: the frame is hostile bytes in private memory; every header is read only inside len.
 */
#include <pv/net.h>
#include "frame.h"
#include "mem.h"

uint32_t pv_net_toeplitz(const uint8_t key[PV_NET_HASH_KEY], const uint8_t *data, uint32_t len)
{
	uint64_t window = 0;
	uint32_t hash = 0, i, bit;

	for (i = 0; i < 8; i++)
		window = window << 8 | key[i];
	for (i = 0; i < len; i++) {
		for (bit = 0; bit < 8; bit++) {
			if (data[i] & 0x80u >> bit)
				hash ^= (uint32_t)(window >> 32);
			window <<= 1;
		}
		/* Eight bits have left at the top: the next byte of the key follows. */
		window |= i + 8 < PV_NET_HASH_KEY ? key[i + 8] : 0;
	}
	return hash;
}

uint8_t pv_net_hash(const uint8_t *f, uint32_t len, uint8_t types,
		    const uint8_t key[PV_NET_HASH_KEY], uint32_t *hash)
{
	struct pv_net_headers h;
	uint8_t data[36], ip, tcp;
	uint32_t n;

	if (pv_net_find(f, len, &h) < 0)
		return 0;
	ip = h.version == 4 ? PV_NET_HASH_IP4 : PV_NET_HASH_IP6;
	tcp = h.version == 4 ? PV_NET_HASH_TCP4 : PV_NET_HASH_TCP6;
	n = h.version == 4 ? 8 : 32;
	memcpy(data, f + h.ip + (h.version == 4 ? 12 : 8), n);
	if (types & tcp && h.proto == PV_PROTO_TCP && !h.fragment && h.len >= 4) {
		memcpy(data + n, f + h.at, 4);
		n += 4;
	} else if (types & ip) {
		tcp = ip;
	} else {
		return 0;
	}
	*hash = pv_net_toeplitz(key, data, n);
	return tcp;
}
