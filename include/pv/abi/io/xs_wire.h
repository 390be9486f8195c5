/*
 * xs_wire: the bytes between xenstored and its clients, and the page that carries them to a guest.
 *
 * A message is struct pv_xsd_sockmsg and `len` bytes, in the same form on the ring and on a socket.
 * Source: xen/include/public/io/xs_wire.h.
 */
#ifndef PV_ABI_IO_XS_WIRE_H
#define PV_ABI_IO_XS_WIRE_H

#include <stdint.h>
#include <pv/abi/layout.h>

enum pv_xsd_sockmsg_type {
	PV_XS_CONTROL = 0,
	PV_XS_DIRECTORY = 1,
	PV_XS_READ = 2,
	PV_XS_GET_PERMS = 3,
	PV_XS_WATCH = 4,
	PV_XS_UNWATCH = 5,
	PV_XS_TRANSACTION_START = 6,
	PV_XS_TRANSACTION_END = 7,
	PV_XS_INTRODUCE = 8,
	PV_XS_RELEASE = 9,
	PV_XS_GET_DOMAIN_PATH = 10,
	PV_XS_WRITE = 11,
	PV_XS_MKDIR = 12,
	PV_XS_RM = 13,
	PV_XS_SET_PERMS = 14,
	PV_XS_WATCH_EVENT = 15, /* server to client, req_id and tx_id 0 */
	PV_XS_ERROR = 16,	/* server to client: the name of an error number */
	PV_XS_IS_DOMAIN_INTRODUCED = 17,
	PV_XS_RESUME = 18,
	PV_XS_SET_TARGET = 19,
	PV_XS_RESET_WATCHES = 21, /* 20 was used once and stays free */
	PV_XS_DIRECTORY_PART = 22,
	PV_XS_TYPE_COUNT,
	PV_XS_INVALID = 0xffff
};
#define PV_XS_DEBUG PV_XS_CONTROL

struct pv_xsd_sockmsg {
	uint32_t type;	 /* enum pv_xsd_sockmsg_type */
	uint32_t req_id; /* the client's, echoed in the reply */
	uint32_t tx_id;	 /* transaction, 0 = none */
	uint32_t len;	 /* bytes of payload, at most PV_XENSTORE_PAYLOAD_MAX */
};
PV_ABI_SIZE(struct pv_xsd_sockmsg, 16);

/* Order of the strings in a watch event. */
enum pv_xs_watch_type { PV_XS_WATCH_PATH = 0, PV_XS_WATCH_TOKEN = 1 };

#define PV_XENSTORE_RING_SIZE	 1024 /* bytes of each direction */
#define PV_XENSTORE_PAYLOAD_MAX	 4096
#define PV_XENSTORE_ABS_PATH_MAX 3072 /* bytes, without the NUL */
#define PV_XENSTORE_REL_PATH_MAX 2048

/* Indices run freely and are masked by PV_XENSTORE_RING_SIZE - 1; requests flow to the server. */
struct pv_xenstore_domain_interface {
	char req[PV_XENSTORE_RING_SIZE];
	char rsp[PV_XENSTORE_RING_SIZE];
	uint32_t req_cons, req_prod;
	uint32_t rsp_cons, rsp_prod;
	uint32_t server_features; /* PV_XENSTORE_SERVER_FEATURE_* */
	uint32_t connection;	  /* PV_XENSTORE_CONNECTED or _RECONNECT */
	uint32_t error;		  /* PV_XENSTORE_ERROR_*, set by the server */
};
PV_ABI_SIZE(struct pv_xenstore_domain_interface, 2076);

#define PV_XENSTORE_SERVER_FEATURE_RECONNECTION 1
#define PV_XENSTORE_SERVER_FEATURE_ERROR	2

#define PV_XENSTORE_CONNECTED 0
#define PV_XENSTORE_RECONNECT 1 /* set by the guest; the server resets the ring and answers 0 */

#define PV_XENSTORE_ERROR_NONE	  0
#define PV_XENSTORE_ERROR_COMM	  1
#define PV_XENSTORE_ERROR_RINGIDX 2
#define PV_XENSTORE_ERROR_PROTO	  3

#endif
