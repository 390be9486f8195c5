/*
 * Bytes of Internet headers, private to libpv/common: see pv/net.h. Trusts its caller for bounds.
 */
#ifndef PV_COMMON_FRAME_H
#define PV_COMMON_FRAME_H

#include <stdint.h>

#define PV_ETH_HEADER 14u
#define PV_PROTO_TCP  6
#define PV_PROTO_UDP  17
#define PV_TCP_HEADER 20u
#define PV_UDP_HEADER 8u
#define PV_TCP_CSUM   16u /* where the field is, in the header */
#define PV_UDP_CSUM   6u

static inline uint16_t pv_be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline void pv_put_be16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

#endif
