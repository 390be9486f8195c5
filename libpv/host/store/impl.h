/*
 * impl: what the files of the store share.
 *
 * Nodes form a persistent tree: a snapshot is a reference to a root, and whoever changes a tree
 * first copies what others also refer to. Live nodes are charged to their owners, nodes that a
 * transaction wrote to its connection's domain; what only snapshots keep alive is the rest, and is
 * bounded as a whole.
 *
 * Nothing here recurses over the tree (XSA-418), and nothing asserts (XSA-421, 440, 481).
 */
#ifndef PV_HOST_STORE_IMPL_H
#define PV_HOST_STORE_IMPL_H

#include <pv/store.h>
#include "../../common/mem.h"

#define PV_ST_BODY_MAX PV_XENSTORE_PAYLOAD_MAX
#define PV_ST_PATH_MAX PV_XENSTORE_ABS_PATH_MAX
/* "/a/a/a...": no path has more levels than this. */
#define PV_ST_DEPTH_MAX	     (PV_ST_PATH_MAX / 2 + 1)
#define PV_ST_DOMAIN_BUCKETS 64

struct pv_st_tx;

struct pv_st_node {
	union {
		uint64_t gen;		  /* stamp of the last change of value or permissions */
		struct pv_st_node *dying; /* while it is being freed */
	};
	uint64_t child_gen;	   /* stamp of the last change of the list of children */
	struct pv_st_tx *tx;	   /* who is charged for this copy; NULL: see above */
	struct pv_st_node **child; /* in order of name */
	uint32_t refs;
	uint32_t children, room; /* entries of child: used, allocated */
	uint32_t names;		 /* bytes of all the children's names, with NULs */
	uint16_t perms, perm_room;
	uint16_t name_len, value_len;
	uint16_t writer;	  /* domain that changed it last */
	struct pv_xs_perm perm[]; /* then the name with its NUL, then the value */
};

static inline char *pv_st_node_name(const struct pv_st_node *n)
{
	return (char *)(n->perm + n->perm_room);
}

static inline char *pv_st_node_value(const struct pv_st_node *n)
{
	return pv_st_node_name(n) + n->name_len + 1;
}

static inline uint16_t pv_st_node_owner(const struct pv_st_node *n)
{
	return n->perm[0].domid;
}

/* A tree that is being changed: its root, and who is charged for copies. Charged to owners if tx is
 * NULL. */
struct pv_st_tree {
	struct pv_store *store;
	struct pv_st_node **root;
	struct pv_st_tx *tx;
	uint16_t writer;
};

struct pv_st_domain {
	struct pv_st_domain *next; /* in its bucket */
	struct pv_st_domain *next_touched;
	uint64_t bytes;		  /* all that it is charged */
	int64_t d_bytes, d_nodes; /* not yet final, while a change is being built */
	uint64_t credit_ns;	  /* what is left of its conflict allowance, as time */
	uint64_t credit_at;
	uint32_t nodes, watches, transactions, conns;
	uint16_t domid, target;
	bool introduced, shutdown, has_target, touched;
	bool paying; /* it spoiled too many transactions of others: no input for now */
};

struct pv_st_watch {
	struct pv_st_watch *next;
	void (*fn)(void *arg, const char *path);
	void *arg;
	uint32_t pending;	 /* events queued */
	int32_t depth;		 /* PV_STORE_DEPTH_ALL or levels */
	uint16_t len, token_len; /* without NULs */
	uint16_t prefix;	 /* bytes of the path that the client did not write */
	bool missed;		 /* an event for the watched path itself is owed */
	char path[];		 /* canonical with its NUL, then the token with its NUL */
};

struct pv_st_event {
	struct pv_st_event *next;
	struct pv_st_watch *watch; /* NULL: bytes only */
	uint64_t seq;
	uint32_t len;
	bool tail;    /* the rest of a message that was begun before a load */
	char bytes[]; /* a whole message; for an internal connection the path with its NUL */
};

/* What a transaction depends on and did, one path each. */
#define PV_ST_EXISTS   1 /* that it exists, or does not */
#define PV_ST_CONTENT  2 /* value and permissions */
#define PV_ST_CHILDREN 4
#define PV_ST_WRITTEN  8
#define PV_ST_REMOVED  16 /* was removed at some time within the transaction */

struct pv_st_access {
	char *path; /* len + 1 bytes */
	uint16_t len;
	uint8_t flags;
};

struct pv_st_tx {
	struct pv_st_tx *next;
	struct pv_store_conn *conn;
	struct pv_st_node *base;     /* the tree as it was */
	struct pv_st_node *root;     /* the tree as the transaction sees it */
	struct pv_st_access *access; /* in order of path: parents come before children */
	uint64_t serial;	     /* age among all transactions */
	uint64_t bytes;		     /* of nodes */
	uint32_t id, accesses, room;
	bool doomed; /* its snapshot is lost; it ends with EAGAIN */
};

enum pv_st_out { PV_ST_OUT_NONE, PV_ST_OUT_REPLY, PV_ST_OUT_EVENT };

struct pv_store_conn {
	struct pv_store_conn *next;
	struct pv_store *store;
	struct pv_st_domain *domain;
	void (*wake)(void *ctx, struct pv_store_conn *conn);
	void (*gone)(void *ctx, struct pv_store_conn *conn);
	void *ctx;
	struct pv_st_watch *watches;
	struct pv_st_tx *txs;
	struct pv_st_event *events, **events_end;
	uint64_t reply_seq;
	uint32_t n_events, n_missed, next_tx;
	uint32_t evtchn, id;
	int32_t fd;
	uint32_t in_got, reply_len, out_off;
	uint8_t type, out; /* out: enum pv_st_out, what out_off is an offset into */
	bool privileged, dead, broken, wake_due, in_input;
	/* One request and one reply at a time bound what an unread reply can hold (XSA-326). */
	union {
		struct pv_xsd_sockmsg in;
		char in_bytes[sizeof(struct pv_xsd_sockmsg) + PV_ST_BODY_MAX];
	};
	union {
		struct pv_xsd_sockmsg reply;
		char reply_bytes[sizeof(struct pv_xsd_sockmsg) + PV_ST_BODY_MAX];
	};
};

struct pv_st_special {
	const char *name;
	uint16_t len, perms, room;
	struct pv_xs_perm *perm;
};

#define PV_ST_SPECIALS 2

struct pv_st_step {
	struct pv_st_node *node;
	uint32_t child;
	uint32_t len; /* of the path up to the node */
};

struct pv_store {
	struct pv_store_config cfg;
	struct pv_store_quota quota;
	struct pv_st_node *root;
	struct pv_st_domain *domains[PV_ST_DOMAIN_BUCKETS];
	struct pv_st_domain *touched;
	struct pv_store_conn *conns, *self;
	struct pv_st_special special[PV_ST_SPECIALS];
	uint64_t gen, seq, tx_serial;
	uint64_t bytes, node_bytes, live_bytes, tx_bytes;
	uint32_t next_conn, nodes;
	uint32_t depth; /* of calls into the store */
	bool running;	/* callbacks are running */
	bool reap;	/* dead connections wait to be freed */
	/* The one walk that may be under way, and its path. */
	uint32_t walk_depth;
	char walk_path[PV_ST_PATH_MAX];
	char path[PV_ST_PATH_MAX]; /* canonical path of the request under way */
	struct pv_st_step walk[PV_ST_DEPTH_MAX + 1];
};

/* store.c */
void *pv_st_alloc(struct pv_store *s, size_t n);
void pv_st_free(struct pv_store *s, void *p, size_t n);
/* Every public call that may change something is bracketed by these; _leave runs the callbacks. */
void pv_st_enter(struct pv_store *s);
void pv_st_leave(struct pv_store *s);

/* node.c */
struct pv_st_node *pv_st_node_new(struct pv_st_tree *t, const char *name, size_t name_len,
				  const struct pv_xs_perm *perm, unsigned perms, const void *value,
				  size_t len);
size_t pv_st_node_bytes(const struct pv_st_node *n);
/* Give up a reference. account: the nodes that go are uncharged from their owners. */
void pv_st_node_put(struct pv_store *s, struct pv_st_node *n, bool account);
struct pv_st_node *pv_st_find(struct pv_st_node *root, const char *path, size_t len);
/* The deepest existing node on the way to path; *got is the length of its path. */
struct pv_st_node *pv_st_find_nearest(struct pv_st_node *root, const char *path, size_t len,
				      size_t *got);
/* Create path (absent) and its missing parents with these permissions. The owner's account must
 * exist. */
int pv_st_create(struct pv_st_tree *t, const char *path, size_t len, const struct pv_xs_perm *perm,
		 unsigned perms, const void *value, size_t value_len);
int pv_st_replace(struct pv_st_tree *t, const char *path, size_t len, const struct pv_xs_perm *perm,
		  unsigned perms, const void *value, size_t value_len);
/*
 * Remove an existing node, not the root. fired is called between the last failure and the removal,
 * if not NULL, while both are still in place.
 */
int pv_st_remove(struct pv_st_tree *t, const char *path, size_t len,
		 void (*fired)(struct pv_st_tree *t, const char *path, size_t len));
/* Pre-order walk; the node's path is in s->walk_path. One at a time; the tree must not change
 * meanwhile. */
struct pv_st_node *pv_st_walk(struct pv_store *s, struct pv_st_node *root, const char *path,
			      size_t len);
struct pv_st_node *pv_st_walk_next(struct pv_store *s, size_t *path_len);
/* Do not enter the children of the node that the walk is at. */
void pv_st_walk_skip(struct pv_store *s);

/* domain.c */
struct pv_st_domain *pv_st_domain(struct pv_store *s, uint16_t domid);
struct pv_st_domain *pv_st_domain_get(struct pv_store *s,
				      uint16_t domid); /* made if unknown; NULL: no memory */
void pv_st_domain_tidy(struct pv_store *s,
		       struct pv_st_domain *d); /* free it if nothing is known of it */
void pv_st_charge(struct pv_store *s, uint16_t owner, int64_t bytes, int nodes);
int pv_st_charges_check(struct pv_store *s);
void pv_st_charges_keep(struct pv_store *s);
void pv_st_charges_drop(struct pv_store *s);
/* May the connection's domain hold n more bytes? 0 or -PV_ENOMEM. */
int pv_st_memory_check(const struct pv_store_conn *c, uint64_t n);
/* A transaction of `victim` failed because of `domid`. */
void pv_st_conflict(struct pv_store *s, struct pv_st_domain *victim, uint16_t domid);
bool pv_st_paying(struct pv_store *s, struct pv_st_domain *d);
struct pv_st_special *pv_st_special(struct pv_store *s, const char *path, size_t len);

/* access.c: what a connection may do, and the operations on nodes */
unsigned pv_st_allowed(const struct pv_store_conn *c, const struct pv_xs_perm *perm,
		       unsigned perms);
int pv_st_resolve(struct pv_store_conn *c, const char *path, size_t len); /* into s->path */
int pv_st_op_get(struct pv_store_conn *c, struct pv_st_tx *tx, size_t len, unsigned flags,
		 unsigned want, struct pv_st_node **node);
int pv_st_op_write(struct pv_store_conn *c, struct pv_st_tx *tx, size_t len, const void *value,
		   size_t n);
int pv_st_op_mkdir(struct pv_store_conn *c, struct pv_st_tx *tx, size_t len);
int pv_st_op_rm(struct pv_store_conn *c, struct pv_st_tx *tx, size_t len);
int pv_st_op_set_perms(struct pv_store_conn *c, struct pv_st_tx *tx, size_t len,
		       const struct pv_xs_perm *perm, unsigned perms);
bool pv_st_node_too_big(const struct pv_store_conn *c, unsigned perms, size_t names, size_t value);

/* transaction.c */
int pv_st_tx_start(struct pv_store_conn *c, uint32_t *id);
int pv_st_tx_find(struct pv_store_conn *c, uint32_t id, struct pv_st_tx **tx); /* id 0: NULL */
int pv_st_tx_end(struct pv_store_conn *c, uint32_t id, bool commit);
void pv_st_tx_free(struct pv_st_tx *tx);     /* unlinked by the caller */
void pv_st_tx_snapshot(struct pv_st_tx *tx); /* make sure that it has a tree */
int pv_st_tx_access(struct pv_st_tx *tx, const char *path, size_t len, unsigned flags);
void pv_st_tx_doom(struct pv_st_tx *tx);
void pv_st_tx_doom_all(struct pv_store *s);
void pv_st_tx_bound(struct pv_store *s); /* doom the oldest while snapshots hold too much */
/* The first path in which the current tree contradicts what the transaction saw, or NULL. */
const struct pv_st_access *pv_st_tx_spoiled(const struct pv_st_tx *tx);

/* watch.c */
/* Without and with the event that comes first. */
int pv_st_watch_add(struct pv_store_conn *c, const char *path, size_t len, const char *token,
		    size_t token_len, int depth, void (*fn)(void *, const char *), void *arg);
int pv_st_watch_set(struct pv_store_conn *c, const char *path, size_t len, const char *token,
		    size_t token_len, int depth, void (*fn)(void *, const char *), void *arg);
int pv_st_watch_del(struct pv_store_conn *c, const char *path, size_t len, const char *token,
		    size_t token_len, void (*fn)(void *, const char *), void *arg);
void pv_st_watches_free(struct pv_store_conn *c);
/*
 * `node` is at path now; removed: it is about to go, and `parent` is its parent. The nodes from the
 * one whose path has length `first` down to this one came into being with it; first is len if it
 * was alone.
 */
void pv_st_fire(struct pv_store *s, const char *path, size_t len, size_t first,
		struct pv_st_node *node, struct pv_st_node *parent, bool removed);
void pv_st_fire_special(struct pv_store *s, unsigned which, uint16_t domid);
void pv_st_events_free(struct pv_store_conn *c);
void pv_st_repay(struct pv_store_conn *c);	/* queue owed events as far as there is room */
void pv_st_event_done(struct pv_store_conn *c); /* the first event has been delivered */
int pv_st_event_raw(struct pv_store_conn *c, const char *bytes, size_t len, bool tail);

/* conn.c */
void pv_st_conn_free(struct pv_store_conn *c);
void pv_st_wake(struct pv_store_conn *c);
enum pv_st_out pv_st_conn_next(const struct pv_store_conn *c);

/* request.c: answer the request in c->in_bytes into c->reply_bytes */
void pv_st_request(struct pv_store_conn *c);

#endif
