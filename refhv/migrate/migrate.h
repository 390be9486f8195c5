/*
 * migrate: a domain into a stream and out of it: save, restore, live move.
 *
 * The protocol of a move, over one stream socket:
 *
 *	source                                   receiver
 *	headers, CONFIG, MACHINE  ->
 *	                          <-  "ready"    (or "no REASON")    disks and networks are open
 *	STATIC_DATA_END
 *	pages, pages, ...         ->             the guest runs at the source
 *	[the guest stops]
 *	pages, state, END         ->
 *	                          <-  "holding"  everything has been checked and taken over
 *	"go"                      ->             from here on the domain is the receiver's
 *	                          <-  "running"   it has its name there
 *
 * Until it has sent "go" the source can go on as if nothing had been; a receiver that does not hear "go" ends. A file holds the
 * left column without "go".
 *
 * Trusts the caller; whatever comes over the wire is checked. Errors are negative -PV_E... with a line in the wire's err[].
 */
#ifndef REFHV_MIGRATE_MIGRATE_H
#define REFHV_MIGRATE_MIGRATE_H

#include "image.h"
#include "wire.h"

/* What is saved. */
struct migrate_source {
	void *ctx;
	const char *config; /* JSON */
	struct image_machine machine;
	int ram_fd;
	void *ram;
	uint64_t ram_size;
	/* The engine's dirty log. */
	int (*dirty_start)(void *ctx);
	int (*dirty_collect)(void *ctx, uint64_t *bitmap);
	void (*dirty_stop)(void *ctx);
};

struct migrate_options {
	unsigned downtime_ms;	  /* aim: stop when what is left would take no longer [10] */
	unsigned max_downtime_ms; /* limit of what is begun: give up while the guest runs [300] */
	unsigned
		handover_ms; /* longest silence of the receiver while the guest stands still [3000] */
	unsigned max_rounds; /* [30] */
};

struct migrate_stats {
	unsigned rounds;		/* passes over memory while the guest ran */
	uint64_t bytes;			/* all that was sent */
	uint64_t total_ns, downtime_ns; /* downtime: from the stop to "go" */
	/* Parts of downtime: until all stood still (the caller's to measure); from END to "holding". */
	uint64_t stop_ns, hold_ns;
	uint64_t last_pages; /* sent while the guest stood still */
};

/*
 * All of these may run on a thread of their own: they call nothing but dirty_start, dirty_collect and dirty_stop, look at RAM, and end early,
 * with -PV_EINTR, when the wire is cancelled.
 *
 * To a file. The domain stands still, and im is what it holds.
 */
int migrate_save(struct migrate_source *s, struct wire *w, const struct image *im,
		 struct migrate_stats *st);

/*
 * A move in two halves. precopy, while the guest runs, leaves the pages that are still to be sent in bitmap (memory_bitmap_words() words,
 * zeroed before) and, when it succeeds, the dirty log on. Then the caller stops everything and takes the image. handover sends the
 * rest and ends the log; 0: "go" was said and the domain is gone from here. Negative: it is the caller's, who lets it go on.
 */
int migrate_precopy(struct migrate_source *s, struct wire *w, const struct migrate_options *o,
		    uint64_t *bitmap, struct migrate_stats *st);
int migrate_handover(struct migrate_source *s, struct wire *w, const struct image *im,
		     const struct migrate_options *o, uint64_t *bitmap, struct migrate_stats *st);
/* After "go": wait until the receiver says that it runs. 0, or it has not said so. */
int migrate_await_running(struct wire *w);

/* The receiver: headers and CONFIG (freed by the caller); */
int migrate_open(struct wire *w, char **config);
/* the shape of the machine; */
int migrate_machine(struct wire *w, struct image *im);
/* then, with RAM in place, all the rest up to END. */
int migrate_receive(struct wire *w, void *ram, uint64_t ram_size, struct image *im);

#endif
