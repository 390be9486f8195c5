/* The DHCP client (RFC 2131): discover, request, renew, rebind, and start again when the lease is lost. */
#ifndef WEB_DHCP_H
#define WEB_DHCP_H

#include "bytes.h"

#define DHCP_SERVER_PORT 67
#define DHCP_CLIENT_PORT 68

struct net;

enum dhcp_state {
	DHCP_OFF,
	DHCP_SELECTING,
	DHCP_REQUESTING,
	DHCP_BOUND,
	DHCP_RENEWING,
	DHCP_REBINDING
};

struct dhcp {
	uint8_t state; /* enum dhcp_state */
	uint8_t tries;
	uint32_t xid;
	uint32_t offered, server;
	uint64_t next; /* when to act again */
	uint64_t renew, rebind, expire;
};

void dhcp_start(struct net *net);
void dhcp_input(struct net *net, uint32_t source, const uint8_t *message, size_t len);
void dhcp_poll(struct net *net);

#endif
