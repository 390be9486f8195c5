/*
 * xs_client: a guest's end of the xenstore.
 *
 * Requests and watches over the ring page that the guest shares with the store. The client owns no
 * memory beyond its struct; buffers are the caller's.
 *
 * Blocking calls are written once over `wait` and may be made from several contexts at a time
 * (replies are matched by request id). Watch callbacks run only inside pv_xs_dispatch(), outside
 * the lock, and may make blocking calls.
 *
 * Trust: the store is trusted with the meaning of its answers, not with memory: indices and lengths
 * are checked; a store that breaks the rules breaks the client (-PV_EIO from then on), not the
 * guest.
 *
 * Errors: 0 or more is success; negative is -PV_E..., as the store answered, or -PV_EIO (ring
 * broken), -PV_ETIMEDOUT, -PV_E2BIG (answer larger than the buffer), -PV_EINVAL.
 */
#ifndef PV_XS_CLIENT_H
#define PV_XS_CLIENT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <pv/xs.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * What the client stands on; guest glue fills it in. ctx is the first argument of each hook. `lock`
 * protects the client against its own event handler and other CPUs; never held across notify or
 * wait.
 */
struct pv_xs_transport {
	struct pv_xenstore_domain_interface *page;
	void *ctx;
	void (*notify)(void *ctx); /* raise the store's event channel */
	/*
	 * Sleep until the event arrives, wake is called, or deadline_ns (absolute; 0: none). An
	 * event or a wake since this context's last return counts. May return early for no reason:
	 * the client looks again. 0, or -PV_ETIMEDOUT.
	 */
	int (*wait)(void *ctx, uint64_t deadline_ns);
	/* Optional: a reply came in that another context may wait for: wake all. Called without the
	 * lock. */
	void (*wake)(void *ctx);
	unsigned long (*lock)(void *ctx); /* optional */
	void (*unlock)(void *ctx, unsigned long flags);
	uint64_t (*now)(void *ctx); /* optional, ns; needed for timeouts */
};

/* One request under way; private to the client, on the stack of the caller of a blocking call. */
struct pv_xs_request {
	struct pv_xs_request *next;
	char *buf;
	size_t size; /* of buf */
	size_t len;  /* of the answer */
	uint32_t id;
	uint32_t type;
	int err;
	bool done;
};

/*
 * A watch: caller-allocated, in place until pv_xs_unwatch() has returned. Events merge: fn is
 * called at least once after the last change. `path` is the path that changed, as the store sent
 * it; when several paths changed before fn ran, or the path did not fit into `event`, it is the
 * watched one, which says "at or below".
 */
struct pv_xs_watch {
	void (*fn)(void *arg, struct pv_xs_watch *watch, const char *path);
	void *arg;
	const char *path; /* NUL-ended, relative or absolute, in place while the watch lives */
	/* private */
	struct pv_xs_watch *next;
	uint32_t token;
	bool pending, merged;
	char event[128];
};

struct pv_xs {
	struct pv_xs_transport t;
	struct pv_xs_request *pending; /* sent, unanswered */
	struct pv_xs_watch *watches;
	struct pv_xs_request *rx_req; /* whom the bytes coming in belong to */
	struct pv_xsd_sockmsg rx_hdr;
	uint32_t rx_got;	     /* bytes of header and body so far */
	uint32_t req_prod, rsp_cons; /* ours: never read back from the page */
	uint32_t next_id, next_token;
	uint64_t timeout_ns; /* of each blocking call; 0: for ever */
	bool tx_busy;	     /* one writer at a time: messages must not interleave */
	bool broken;
	char body[PV_XENSTORE_PAYLOAD_MAX + 1]; /* of a watch event or an error */
};

/* The page need not be connected yet. Sends nothing. */
void pv_xs_init(struct pv_xs *xs, const struct pv_xs_transport *t);
/*
 * After a resume in which the store was replaced (`page` may have moved): requests under way fail
 * with -PV_EAGAIN, open transactions are gone, every watch is registered again (and so fires). No
 * other call may be under way that sets or removes watches. Blocks. 0 or the first error.
 */
int pv_xs_resume(struct pv_xs *xs, struct pv_xenstore_domain_interface *page);

/* The event channel fired: take in what came. From an interrupt too. Returns whether watch
 * callbacks are due. */
bool pv_xs_event(struct pv_xs *xs);
/* Take in what came and run up to 64 callbacks that are due; returns how many ran. One context at a
 * time. */
unsigned pv_xs_dispatch(struct pv_xs *xs);

/* ---- Blocking calls; tx is 0 or a transaction ---- */

/* The value in buf with a NUL after it, so size must exceed its length: its length, or -PV_E2BIG.
 */
int pv_xs_read(struct pv_xs *xs, uint32_t tx, const char *path, char *buf, size_t size);
int pv_xs_read_number(struct pv_xs *xs, uint32_t tx, const char *path, uint64_t *value);
int pv_xs_write(struct pv_xs *xs, uint32_t tx, const char *path, const void *value, size_t len);
int pv_xs_write_string(struct pv_xs *xs, uint32_t tx, const char *path, const char *value);
/* %s %c %d %u %x with l, ll or z, and %%; no widths. At most 255 bytes result: -PV_E2BIG. */
int pv_xs_printf(struct pv_xs *xs, uint32_t tx, const char *path, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
int pv_xs_vprintf(struct pv_xs *xs, uint32_t tx, const char *path, const char *fmt, va_list ap);
int pv_xs_mkdir(struct pv_xs *xs, uint32_t tx, const char *path);
int pv_xs_rm(struct pv_xs *xs, uint32_t tx, const char *path);
int pv_xs_get_perms(struct pv_xs *xs, uint32_t tx, const char *path, struct pv_xs_perm *perms,
		    unsigned max);
int pv_xs_set_perms(struct pv_xs *xs, uint32_t tx, const char *path, const struct pv_xs_perm *perms,
		    unsigned n);
/* Forget what an earlier kernel in this domain left: watches and transactions. Old stores may not
 * know it: -PV_ENOSYS. */
int pv_xs_reset_watches(struct pv_xs *xs);
/* The directory of a domain, "/local/domain/5". */
int pv_xs_domain_path(struct pv_xs *xs, uint16_t domid, char *buf, size_t size);

/* The names of a node's children, NUL-ended, one after the other: bytes used. -PV_E2BIG if they
 * exceed size or 4096. */
int pv_xs_directory(struct pv_xs *xs, uint32_t tx, const char *path, char *buf, size_t size);

/*
 * The same piece by piece, for any number of children. The buffer must hold the answer of one
 * message: PV_XENSTORE_PAYLOAD_MAX bytes always do. A directory that changed meanwhile: -PV_EAGAIN
 * from _next.
 */
struct pv_xs_dir {
	struct pv_xs *xs;
	const char *path;
	char *buf;
	size_t size, len, pos;
	uint64_t generation;
	uint32_t offset, tx;
	bool last;
	int err;
};
int pv_xs_dir_open(struct pv_xs_dir *dir, struct pv_xs *xs, uint32_t tx, const char *path,
		   char *buf, size_t size);
/* The next name; NULL at the end or on an error, which dir->err tells apart (0 at the end). */
const char *pv_xs_dir_next(struct pv_xs_dir *dir);

/* ---- Transactions ---- */

int pv_xs_transaction_start(struct pv_xs *xs, uint32_t *tx);
int pv_xs_transaction_end(struct pv_xs *xs, uint32_t tx, bool commit);
/*
 * fn(arg, tx) inside a transaction, and again from the start while the store says EAGAIN; fn may
 * fail: the transaction is dropped and its error returned. fn must not keep anything from one run
 * to the next.
 */
int pv_xs_transaction(struct pv_xs *xs, int (*fn)(void *arg, struct pv_xs *xs, uint32_t tx),
		      void *arg);

/* ---- Watches ---- */

/* Sets fn, arg and path before. fn runs once soon after, from pv_xs_dispatch(). */
int pv_xs_watch(struct pv_xs *xs, struct pv_xs_watch *watch);
/* fn does not run any more once this has returned; not to be called from another context while fn
 * runs. */
int pv_xs_unwatch(struct pv_xs *xs, struct pv_xs_watch *watch);

#ifdef __cplusplus
}
#endif

#endif
