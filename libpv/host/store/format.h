/*
 * format: Xen's xenstore migration stream (docs/designs/xenstore-migration.md of Xen).
 *
 * A header in big endian, then records in little endian, each padded to eight bytes.
 */
#ifndef PV_HOST_STORE_FORMAT_H
#define PV_HOST_STORE_FORMAT_H

#include <stdint.h>

#define FMT_IDENT      UINT64_C(0x78656e73746f7265) /* "xenstore" */
#define FMT_BIG_ENDIAN 1			    /* of the flags */

enum {
	FMT_END,
	FMT_GLOBAL,
	FMT_CONNECTION,
	FMT_WATCH,
	FMT_TRANSACTION,
	FMT_NODE,
	FMT_GLOBAL_QUOTA,
	FMT_DOMAIN,
	FMT_WATCH_EXTENDED, /* version 2 */
};

struct fmt_record {
	uint32_t type, len;
};

struct fmt_connection {
	uint32_t id;
	uint16_t type;	 /* 0 ring, 1 socket */
	uint16_t fields; /* bit 0: a unique id of 8 bytes follows the data */
	union {
		struct {
			uint16_t domid, target;
			uint32_t evtchn;
		} ring;
		struct {
			uint32_t fd, pad;
		} socket;
	};
	uint16_t in_len;
	uint16_t out_resp_len; /* so much of the output finishes a message already begun */
	uint32_t out_len;
};

#define FMT_NO_TARGET 0x7ff4 /* DOMID_INVALID */

struct fmt_watch {
	uint32_t conn;
	uint16_t path_len, token_len; /* with NULs */
};

struct fmt_watch_extended {
	uint32_t conn;
	uint16_t path_len, token_len;
	uint16_t depth; /* 0xffff: all */
	uint16_t pad;
};

struct fmt_transaction {
	uint32_t conn, id;
};

#define FMT_DELETED 0
#define FMT_READ    1
#define FMT_WRITTEN 2

struct fmt_node {
	uint32_t conn, tx; /* both 0: of the tree itself */
	uint16_t path_len; /* with its NUL */
	uint16_t value_len;
	uint16_t access;
	uint16_t perms;
};

struct fmt_perm {
	char letter;
	uint8_t flags; /* 1: the domain is gone */
	uint16_t domid;
};

struct fmt_domain {
	uint16_t domid, quotas;
	uint32_t features;
};

#endif
