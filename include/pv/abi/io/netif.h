/*
 * netif: the network protocol: two rings for frames and, optionally, one for control.
 *
 * A frame is a chain of slots joined by more_data; the first slot of a transmitted frame gives the
 * size of the whole, the others their own. Extra slots (netif_extra_info) follow the first one.
 * Layouts are the same in every ABI. Source: xen/include/public/io/netif.h.
 */
#ifndef PV_ABI_IO_NETIF_H
#define PV_ABI_IO_NETIF_H

#include <pv/abi/grant_table.h>
#include <pv/abi/io/ring.h>

/* A backend accepts a transmitted frame of up to this many slots. */
#define PV_XEN_NETIF_NR_SLOTS_MIN 18
#define PV_XEN_NETIF_MAX_TX_SIZE  0xFFFF /* bytes of a whole frame */

/* pv_netif_tx_request.flags */
#define PV_NETTXF_csum_blank	 1U /* the transport checksum is only begun */
#define PV_NETTXF_data_validated 2U /* the contents are known to be good */
#define PV_NETTXF_more_data	 4U /* the frame goes on in the next slot */
#define PV_NETTXF_extra_info	 8U /* the next slot is a struct pv_netif_extra_info */

struct pv_netif_tx_request {
	uint32_t gref;
	uint16_t offset; /* bytes, in the granted page */
	uint16_t flags;	 /* PV_NETTXF_* */
	uint16_t id;	 /* comes back in the response */
	uint16_t size;	 /* bytes: of the frame in the first slot, of the slot in others */
};
PV_ABI_SIZE(struct pv_netif_tx_request, 12);

struct pv_netif_tx_response {
	uint16_t id;
	int16_t status; /* PV_NETIF_RSP_* */
};
PV_ABI_SIZE(struct pv_netif_tx_response, 4);

#define PV_XEN_NETIF_EXTRA_TYPE_NONE	  0
#define PV_XEN_NETIF_EXTRA_TYPE_GSO	  1
#define PV_XEN_NETIF_EXTRA_TYPE_MCAST_ADD 2
#define PV_XEN_NETIF_EXTRA_TYPE_MCAST_DEL 3
#define PV_XEN_NETIF_EXTRA_TYPE_HASH	  4
#define PV_XEN_NETIF_EXTRA_TYPE_MAX	  5
#define PV_XEN_NETIF_EXTRA_FLAG_MORE	  1U /* another extra slot follows */
#define PV_XEN_NETIF_GSO_TYPE_NONE	  0
#define PV_XEN_NETIF_GSO_TYPE_TCPV4	  1
#define PV_XEN_NETIF_GSO_TYPE_TCPV6	  2

struct pv_netif_extra_info {
	uint8_t type;  /* PV_XEN_NETIF_EXTRA_TYPE_* */
	uint8_t flags; /* PV_XEN_NETIF_EXTRA_FLAG_* */
	union {
		struct {
			uint16_t size; /* bytes of payload in each segment */
			uint8_t type;  /* PV_XEN_NETIF_GSO_TYPE_* */
			uint8_t pad;
			uint16_t features; /* 0 */
		} gso;
		struct {
			uint8_t addr[6];
		} mcast;
		struct {
			uint8_t type;
			uint8_t algorithm;
			uint8_t value[4];
		} hash;
		uint16_t pad[3];
	} u;
};
PV_ABI_SIZE(struct pv_netif_extra_info, 8);

/* A page for the backend to put received data into. */
struct pv_netif_rx_request {
	uint16_t id;
	uint16_t pad;
	uint32_t gref;
};
PV_ABI_SIZE(struct pv_netif_rx_request, 8);

/* pv_netif_rx_response.flags */
#define PV_NETRXF_data_validated 1U
#define PV_NETRXF_csum_blank	 2U
#define PV_NETRXF_more_data	 4U
#define PV_NETRXF_extra_info	 8U
#define PV_NETRXF_gso_prefix	 16U

struct pv_netif_rx_response {
	uint16_t id;
	uint16_t offset; /* bytes, in the page */
	uint16_t flags;	 /* PV_NETRXF_* */
	int16_t status;	 /* bytes in this slot, or negative PV_NETIF_RSP_* */
};
PV_ABI_SIZE(struct pv_netif_rx_response, 8);

#define PV_NETIF_RSP_DROPPED (-2)
#define PV_NETIF_RSP_ERROR   (-1)
#define PV_NETIF_RSP_OKAY    0
#define PV_NETIF_RSP_NULL    1 /* answers an extra slot */

PV_DEFINE_RING_TYPES(netif_tx, struct pv_netif_tx_request, struct pv_netif_tx_response);
PV_DEFINE_RING_TYPES(netif_rx, struct pv_netif_rx_request, struct pv_netif_rx_response);

/* The control ring: hashing of receive queues, and buffers granted for good. */
#define PV_XEN_NETIF_CTRL_HASH_TYPE_IPV4	  1
#define PV_XEN_NETIF_CTRL_HASH_TYPE_IPV4_TCP	  2
#define PV_XEN_NETIF_CTRL_HASH_TYPE_IPV6	  4
#define PV_XEN_NETIF_CTRL_HASH_TYPE_IPV6_TCP	  8
#define PV_XEN_NETIF_CTRL_HASH_ALGORITHM_NONE	  0
#define PV_XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ 1

#define PV_XEN_NETIF_CTRL_TYPE_INVALID		     0
#define PV_XEN_NETIF_CTRL_TYPE_GET_HASH_FLAGS	     1
#define PV_XEN_NETIF_CTRL_TYPE_SET_HASH_FLAGS	     2
#define PV_XEN_NETIF_CTRL_TYPE_SET_HASH_KEY	     3
#define PV_XEN_NETIF_CTRL_TYPE_GET_HASH_MAPPING_SIZE 4
#define PV_XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING_SIZE 5
#define PV_XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING	     6
#define PV_XEN_NETIF_CTRL_TYPE_SET_HASH_ALGORITHM    7
#define PV_XEN_NETIF_CTRL_TYPE_GET_GREF_MAPPING_SIZE 8
#define PV_XEN_NETIF_CTRL_TYPE_ADD_GREF_MAPPING	     9
#define PV_XEN_NETIF_CTRL_TYPE_DEL_GREF_MAPPING	     10

struct pv_netif_ctrl_request {
	uint16_t id;
	uint16_t type; /* PV_XEN_NETIF_CTRL_TYPE_* */
	uint32_t data[3];
};
PV_ABI_SIZE(struct pv_netif_ctrl_request, 16);

struct pv_netif_ctrl_response {
	uint16_t id;
	uint16_t type;
	uint32_t status; /* PV_XEN_NETIF_CTRL_STATUS_* */
	uint32_t data;
};
PV_ABI_SIZE(struct pv_netif_ctrl_response, 12);
#define PV_XEN_NETIF_CTRL_STATUS_SUCCESS	   0
#define PV_XEN_NETIF_CTRL_STATUS_NOT_SUPPORTED	   1
#define PV_XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER 2
#define PV_XEN_NETIF_CTRL_STATUS_BUFFER_OVERFLOW   3

struct pv_netif_gref {
	uint32_t ref;
	uint16_t flags;	 /* in: PV_XEN_NETIF_CTRLF_GREF_* */
	uint16_t status; /* out: PV_XEN_NETIF_CTRL_STATUS_* */
};
PV_ABI_SIZE(struct pv_netif_gref, 8);
#define PV_XEN_NETIF_CTRLF_GREF_readonly 1U

PV_DEFINE_RING_TYPES(netif_ctrl, struct pv_netif_ctrl_request, struct pv_netif_ctrl_response);

#endif
