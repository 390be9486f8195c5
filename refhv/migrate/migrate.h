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
	/* The guest and its devices stand still from here on. */
	int (*stop)(void *ctx, struct wire *w);
	/* Fill in an image, from image_alloc() on; stopped. */
	int (*image)(void *ctx, struct image *im, struct wire *w);
};

struct migrate_options {
	unsigned downtime_ms;	  /* aim: stop when what is left would take no longer [10] */
	unsigned max_downtime_ms; /* limit: give up rather than stand still for longer [300] */
	unsigned max_rounds;	  /* [30] */
};

struct migrate_stats {
	unsigned rounds;		/* passes over memory while the guest ran */
	uint64_t bytes;			/* all that was sent */
	uint64_t total_ns, downtime_ns; /* downtime: from the stop to "go" */
	uint64_t stop_ns,
		hold_ns;     /* parts of downtime: until all stood still; from END to "holding" */
	uint64_t last_pages; /* sent while the guest stood still */
};

/* To a file: stop, then everything. The guest stays stopped. */
int migrate_save(struct migrate_source *s, struct wire *w, struct migrate_stats *st);

/*
 * A move in two halves. precopy may run on a thread of its own: it calls nothing but dirty_start, dirty_collect and dirty_stop. It leaves
 * the pages that are still to be sent in bitmap (memory_bitmap_words() words, zeroed before). handover stops the guest; 0: the
 * domain is gone from here. Negative: the caller resumes the guest. Either half ends the dirty log when it fails.
 */
int migrate_precopy(struct migrate_source *s, struct wire *w, const struct migrate_options *o,
		    uint64_t *bitmap, struct migrate_stats *st);
int migrate_handover(struct migrate_source *s, struct wire *w, uint64_t *bitmap,
		     struct migrate_stats *st);

/* The receiver: headers and CONFIG (freed by the caller); */
int migrate_open(struct wire *w, char **config);
/* the shape of the machine; */
int migrate_machine(struct wire *w, struct image *im);
/* then, with RAM in place, all the rest up to END. */
int migrate_receive(struct wire *w, void *ram, uint64_t ram_size, struct image *im);

#endif
