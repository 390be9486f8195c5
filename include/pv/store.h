/*
 * store: a xenstore server.
 *
 * A tree of small values with owners, permissions, transactions, watches and quotas. The store does
 * no I/O: a transport gives it request bytes of a connection and takes reply bytes from it. A
 * toolstack or a backend in the same process skips the bytes and calls the functions below on a
 * connection.
 *
 * Memory comes from two hooks; a failed allocation fails one request with ENOMEM and changes
 * nothing.
 *
 * Concurrency: the caller serialises all calls on one store, those through its connections
 * included. Hooks and callbacks run inside a call of the caller's; watch callbacks and `wake` run
 * last, when the store is consistent, and may call the store again. The hooks of struct
 * pv_store_config may not.
 *
 * Trust: bytes given to pv_store_conn_input() come from hostile clients, and a dump given to
 * pv_store_load() may be damaged. The caller of the direct calls is trusted to pass valid pointers,
 * but its paths and values are checked as a client's are.
 *
 * Errors: 0 or more is success; negative is -PV_E..., the one the wire would carry.
 */
#ifndef PV_STORE_H
#define PV_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <pv/xs.h>

#ifdef __cplusplus
extern "C" {
#endif

struct pv_store;
struct pv_store_conn;

/* Limits of each unprivileged domain. A field of 0 is unlimited; pv_store_quota_default() fills in
 * Xen's. */
struct pv_store_quota {
	uint32_t nodes;	       /* nodes owned: 1000 */
	uint32_t node_size;    /* 24 + 8 a permission + names of children + value, bytes: 2048 */
	uint32_t node_perms;   /* permission entries of one node: 5 */
	uint32_t path_max;     /* bytes of a canonical path, with its NUL: 2048 */
	uint32_t watches;      /* 128 */
	uint32_t transactions; /* open at once, all connections of the domain: 10 */
	uint32_t transaction_nodes; /* nodes touched in one transaction: 1024 */
	uint32_t events;    /* watch events queued for one connection before they are merged: 64; 16
			       times that for a privileged one */
	uint32_t memory;    /* bytes of everything that the domain causes to be held: 2.5 MB */
	uint32_t snapshots; /* bytes that only open transactions keep alive, whole store: 8 MiB */
	uint32_t conflict_burst; /* transactions of others that a domain may spoil at once: 10 */
	uint32_t conflict_per_s; /* and how many of these it regains in a second: 20 */
};

void pv_store_quota_default(struct pv_store_quota *q);

struct pv_store_config {
	uint32_t size; /* sizeof(struct pv_store_config); a missing tail is zero */
	void *ctx;     /* first argument of every hook */

	/* Mandatory. n > 0. The memory need not be zeroed; free is told the size that was asked
	 * for. */
	void *(*alloc)(void *ctx, size_t n);
	void (*free)(void *ctx, void *p, size_t n);

	/* Optional: monotonic nanoseconds. NULL: the limit on conflicts is off. */
	uint64_t (*now)(void *ctx);

	/*
	 * Optional: a privileged client asked on the wire to connect a domain's ring (INTRODUCE)
	 * that is not introduced, and has let go of one (RELEASE). `introduce` looks only: 0 or
	 * -PV_E...; on 0 the store introduces the domain, and `wake` follows where the new ring can
	 * be attached. NULL: refused with EINVAL.
	 */
	int (*introduce)(void *ctx, uint16_t domid, int64_t gfn, uint32_t port);
	void (*released)(void *ctx, uint16_t domid);

	/* Optional: CONTROL. Answer text (no NUL) in reply; its length or -PV_E.... NULL: only
	 * "help", "print" and "memreport". */
	int (*control)(void *ctx, const char *body, size_t len, char *reply, size_t size);

	const struct pv_store_quota *quota; /* NULL: the defaults; copied */
};

/* -PV_EINVAL (no hooks), -PV_ENOMEM. The tree holds the root and /local/domain, /tool, /vm, owned
 * by domain 0. */
int pv_store_create(struct pv_store **store, const struct pv_store_config *cfg);
/* Frees all that the store allocated, connections included. */
void pv_store_destroy(struct pv_store *store);

/* ---- Domains ---- */

/* Introduce: fires @introduceDomain. A domain that is introduced already: 0. Domain 0 always is. */
int pv_store_domain_introduce(struct pv_store *store, uint16_t domid);
bool pv_store_domain_introduced(struct pv_store *store, uint16_t domid);
/* The domain shut down or crashed: fires @releaseDomain, once until a resume. -PV_ENOENT if
 * unknown. */
int pv_store_domain_shutdown(struct pv_store *store, uint16_t domid);
int pv_store_domain_resume(struct pv_store *store, uint16_t domid);
/* `domid` may act for `target` (a stub domain). */
int pv_store_domain_set_target(struct pv_store *store, uint16_t domid, uint16_t target);
/*
 * The domain is gone: its connections, watches and transactions end, nodes it owns and permissions
 * that name it are removed everywhere, @releaseDomain fires. Connections of the domain are invalid
 * afterwards; their `gone` tells the transports. -PV_ENOENT if unknown, -PV_EINVAL for domain 0.
 */
int pv_store_domain_release(struct pv_store *store, uint16_t domid);

/* ---- Connections ---- */

enum pv_store_conn_type { PV_STORE_CONN_RING, PV_STORE_CONN_SOCKET, PV_STORE_CONN_INTERNAL };

struct pv_store_conn_config {
	uint32_t size;
	uint16_t domid;	 /* whose name requests bear */
	bool privileged; /* may do everything and has no quota */
	uint8_t type;	 /* enum pv_store_conn_type */
	uint32_t evtchn; /* ring: the port in the dump; else 0 */
	int32_t fd;	 /* socket: the descriptor in the dump; else -1 */
	/*
	 * Output waits, or input that was refused is welcome again: call pv_store_conn_output() and
	 * _input(). NULL for the transport that looks by itself. May be called when there is
	 * nothing to do.
	 */
	void (*wake)(void *ctx, struct pv_store_conn *conn);
	void *ctx;
	/*
	 * Optional: the connection's domain is being released, and the connection with it: let go
	 * of it. It may not call the store.
	 */
	void (*gone)(void *ctx, struct pv_store_conn *conn);
};

/* -PV_ENOENT when an unprivileged domain has not been introduced, -PV_ENOMEM. */
int pv_store_conn_add(struct pv_store *store, const struct pv_store_conn_config *cfg,
		      struct pv_store_conn **conn);
void pv_store_conn_del(struct pv_store_conn *conn);
/* What pv_store_conn_add() would have made of the client that reconnects: no watches, no
 * transactions, no bytes. */
void pv_store_conn_reset(struct pv_store_conn *conn);
/* Give a loaded connection its transport: wake, ctx and gone are taken from cfg. */
void pv_store_conn_attach(struct pv_store_conn *conn, const struct pv_store_conn_config *cfg);
/* The first connection of a type and domain: how transports find theirs after a load. NULL if none.
 */
struct pv_store_conn *pv_store_conn_find(struct pv_store *store, unsigned type, uint16_t domid);
uint16_t pv_store_conn_domid(const struct pv_store_conn *conn);

/*
 * Take request bytes: returns how many were taken, fewer than n while a reply waits to be
 * sent or while the domain pays for conflicts; try again after pv_store_conn_sent(), or at wake.
 * -PV_EBADMSG: the client broke the protocol, and the connection takes nothing any more.
 */
int pv_store_conn_input(struct pv_store_conn *conn, const void *bytes, size_t n);
/* The room for input, as above, before it is fetched: at most so many bytes are taken. 0: none. */
size_t pv_store_conn_room(const struct pv_store_conn *conn);
/* Bytes to send: a pointer that stays valid until the next call on the store, and how many. 0:
 * none. */
size_t pv_store_conn_output(struct pv_store_conn *conn, const void **bytes);
/* n of these have been sent. May process no input itself. */
void pv_store_conn_sent(struct pv_store_conn *conn, size_t n);
/*
 * With hook `now`: when a domain that pays for conflicts may go on (absolute ns), 0 if none pays.
 * The caller arranges to call pv_store_tick() at that time; it wakes the connections.
 */
uint64_t pv_store_deadline(const struct pv_store *store);
void pv_store_tick(struct pv_store *store);

/* ---- Direct calls, with the rights of a connection ---- */

/* The store's own privileged connection (domain 0), for toolstack and backends. Never deleted. */
struct pv_store_conn *pv_store_self(struct pv_store *store);

/*
 * tx is 0 or from pv_store_transaction_start(). Paths are NUL-ended, absolute or relative to the
 * connection's domain. read: copies at most size bytes, returns the value's whole length. A value
 * is bytes, not text; read_string adds a NUL and fails with -PV_E2BIG when it does not fit.
 */
int pv_store_read(struct pv_store_conn *conn, uint32_t tx, const char *path, void *buf,
		  size_t size);
int pv_store_read_string(struct pv_store_conn *conn, uint32_t tx, const char *path, char *buf,
			 size_t size);
/* A decimal value of at most 64 bits; -PV_EINVAL if it is none. */
int pv_store_read_number(struct pv_store_conn *conn, uint32_t tx, const char *path,
			 uint64_t *value);
int pv_store_write(struct pv_store_conn *conn, uint32_t tx, const char *path, const void *value,
		   size_t len);
int pv_store_write_string(struct pv_store_conn *conn, uint32_t tx, const char *path,
			  const char *value);
int pv_store_write_number(struct pv_store_conn *conn, uint32_t tx, const char *path,
			  uint64_t value);
int pv_store_mkdir(struct pv_store_conn *conn, uint32_t tx, const char *path);
int pv_store_rm(struct pv_store_conn *conn, uint32_t tx, const char *path);
/* The index-th child in order, NUL-ended: its length; -PV_ENOENT past the last; -PV_E2BIG. */
int pv_store_child(struct pv_store_conn *conn, uint32_t tx, const char *path, unsigned index,
		   char *name, size_t size);
/* Up to max entries are copied; returns how many there are. */
int pv_store_get_perms(struct pv_store_conn *conn, uint32_t tx, const char *path,
		       struct pv_xs_perm *perms, unsigned max);
int pv_store_set_perms(struct pv_store_conn *conn, uint32_t tx, const char *path,
		       const struct pv_xs_perm *perms, unsigned n);
/* A transaction id (positive). _end with commit: -PV_EAGAIN when another change came between: do it
 * all again. */
int pv_store_transaction_start(struct pv_store_conn *conn);
int pv_store_transaction_end(struct pv_store_conn *conn, uint32_t tx, bool commit);

#define PV_STORE_DEPTH_ALL (-1)

/*
 * fn(arg, path) after each change at `path` or below it, and once at the start; path is the one
 * that changed. Several watches may have the same path with different (fn, arg). depth:
 * PV_STORE_DEPTH_ALL or levels. -PV_EEXIST.
 */
int pv_store_watch(struct pv_store_conn *conn, const char *path, int depth,
		   void (*fn)(void *arg, const char *path), void *arg);
int pv_store_unwatch(struct pv_store_conn *conn, const char *path,
		     void (*fn)(void *arg, const char *path), void *arg);

/* ---- Save and load: Xen's migration format (docs/designs/xenstore-migration.md), version 2 ----
 */

/* Write all of the store, its connections with half-read and half-written messages, through `sink`;
 * 0 or its error. */
int pv_store_save(struct pv_store *store, int (*sink)(void *ctx, const void *bytes, size_t n),
		  void *ctx);
/*
 * Replace the content of a store just created. On an error (-PV_EBADMSG, -PV_ENOMEM) the store can
 * only be destroyed. Connections exist afterwards without transports; those of sockets may have to
 * be deleted. A client notices nothing, unless its transaction was already bound to fail: that
 * still does.
 */
int pv_store_load(struct pv_store *store, const void *bytes, size_t n);

/* ---- Figures and checks ---- */

struct pv_store_stats {
	uint64_t bytes;	     /* held through alloc, all of it */
	uint64_t node_bytes; /* of these in nodes, snapshots included */
	uint64_t live_bytes; /* of these in nodes of the current tree */
	uint64_t tx_bytes;   /* of these in nodes that open transactions wrote */
	uint32_t nodes, watches, transactions, connections, domains;
};

void pv_store_stats(const struct pv_store *store, struct pv_store_stats *st);
/* What a domain is charged: nodes owned and bytes. -PV_ENOENT: nothing is known of it. */
int pv_store_domain_usage(struct pv_store *store, uint16_t domid, uint32_t *nodes, uint64_t *bytes);
/*
 * Walk everything and compare with every account: 0, or -PV_EIO if the store contradicts itself.
 * For tests and fuzzing; takes time in proportion to the store.
 */
int pv_store_audit(struct pv_store *store);

/* ---- The server's end of a guest's ring ---- */

/*
 * Caller-allocated. The page is the guest's and hostile: each index is read once, checked and used
 * from the copy; our own indices are never read back from the page after pv_store_ring_init().
 */
struct pv_store_ring {
	struct pv_store_conn *conn;
	struct pv_xenstore_domain_interface *page;
	void (*notify)(void *ctx); /* raise the guest's event channel */
	void *ctx;
	uint32_t req_cons, rsp_prod;
	bool broken; /* the error field of the page says why */
};

/* Takes the indices as it finds them in the page, so that a restored guest goes on. The page
 * outlives the ring. */
void pv_store_ring_init(struct pv_store_ring *ring, struct pv_store_conn *conn,
			struct pv_xenstore_domain_interface *page, void (*notify)(void *ctx),
			void *ctx);
/*
 * Move bytes both ways until nothing moves; notify once if something did. Call it when the guest's
 * event arrives and when the connection's `wake` says so (the ring installs none itself). 0, or
 * -PV_EBADMSG when the ring is or becomes broken: the guest broke the rules, its ring is not served
 * until it is released or reconnects.
 */
int pv_store_ring_poll(struct pv_store_ring *ring);

#ifdef __cplusplus
}
#endif

#endif
