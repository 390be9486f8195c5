/*
 * The index of a tar archive on a disk: ustar, GNU long names and base-256 numbers, pax path and size.
 *
 * A push parser: tar_next() says which sector it wants to see, tar_feed() shows it. File contents are never looked
 * at. The archive is a stranger's: every number is checked against the disk, names are made harmless (no "..", no
 * leading slash), tables are bounded. What was indexed before damage is met stays usable.
 */
#ifndef WEB_TAR_H
#define WEB_TAR_H

#include "bytes.h"

#define TAR_SECTOR   512
#define TAR_ENTRIES  4096
#define TAR_NAMES    (TAR_ENTRIES * 64)
#define TAR_EXTENDED 32768 /* the longest extended header that is understood */
#define TAR_NAME     1024  /* the longest name */
#define TAR_BUCKETS  4096
#define TAR_DONE     (~0ull)

struct tar_entry {
	uint64_t sector;  /* where the contents begin; files begin at a sector */
	uint64_t size;	  /* bytes */
	uint64_t changed; /* seconds since 1970 */
	uint32_t name, name_len;
	uint16_t next; /* in its bucket, plus one */
	bool directory;
};

struct tar {
	uint64_t sectors; /* of the disk */
	uint64_t next;	  /* the sector to see next */
	uint32_t n_entries, n_names;
	uint32_t skipped;  /* devices, symbolic links, unsafe names: not served */
	const char *error; /* why indexing stopped early, a constant */
	/* An extended header being read, and what it said about the next file. */
	char extended_type;
	uint32_t extended_len, extended_got;
	uint64_t extended_size;
	uint32_t name_len;
	bool has_size, has_name, has_link;
	char name[TAR_NAME], link[TAR_NAME];
	uint32_t link_len;
	uint16_t buckets[TAR_BUCKETS];
	struct tar_entry entries[TAR_ENTRIES];
	char names[TAR_NAMES];
	char extended[TAR_EXTENDED];
};

void tar_init(struct tar *tar, uint64_t sectors);
/* The sector to show next, or TAR_DONE. */
uint64_t tar_next(const struct tar *tar);
/* Show it. 0, or -NET_EINVAL (damaged) or -NET_ENOSPC (too many files): `error` says more, and tar_next() is done. */
int tar_feed(struct tar *tar, const uint8_t block[TAR_SECTOR]);
/* The entry of a name without leading or trailing slash; NULL: none. */
const struct tar_entry *tar_find(const struct tar *tar, const char *name, uint32_t len);
static inline const char *tar_name(const struct tar *tar, const struct tar_entry *e)
{
	return tar->names + e->name;
}

#endif
