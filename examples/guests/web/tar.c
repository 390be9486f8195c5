/*
 * The tar index. The archive is a stranger's: nothing in a header is used before it was checked.
 * Formats: POSIX.1-2017 "pax Interchange Format"; GNU tar manual, "Basic Tar Format" (long names, base-256).
 */
#include "tar.h"

/* A header: offsets and lengths of its fields. */
#define NAME	   0
#define NAME_LEN   100
#define SIZE	   124
#define MTIME	   136
#define NUMBER	   12
#define CHECKSUM   148
#define TYPE	   156
#define LINK	   157
#define MAGIC	   257
#define PREFIX	   345
#define PREFIX_LEN 155

void tar_init(struct tar *tar, uint64_t sectors)
{
	memset(tar, 0, offsetof(struct tar, entries));
	tar->sectors = sectors;
	if (!sectors)
		tar->error = "the disk is empty";
}

uint64_t tar_next(const struct tar *tar)
{
	return tar->error ? TAR_DONE : tar->next;
}

static int damaged(struct tar *tar, const char *why)
{
	tar->error = why;
	return -NET_EINVAL;
}

static uint32_t bucket(const char *name, uint32_t len)
{
	uint32_t h = 2166136261u;

	while (len--)
		h = (h ^ (uint8_t)*name++) * 16777619u;
	return h % TAR_BUCKETS;
}

const struct tar_entry *tar_find(const struct tar *tar, const char *name, uint32_t len)
{
	for (uint16_t i = tar->buckets[bucket(name, len)]; i; i = tar->entries[i - 1].next) {
		const struct tar_entry *e = &tar->entries[i - 1];

		if (e->name_len == len && !memcmp(tar->names + e->name, name, len))
			return e;
	}
	return NULL;
}

/* The entry of a name, made when there is none: a later file of the same name replaces an earlier one. */
static struct tar_entry *make(struct tar *tar, const char *name, uint32_t len)
{
	struct tar_entry *e = (struct tar_entry *)(uintptr_t)tar_find(tar, name, len);
	uint16_t *head = &tar->buckets[bucket(name, len)];

	if (e)
		return e;
	if (tar->n_entries == TAR_ENTRIES || len > TAR_NAMES - tar->n_names)
		return NULL;
	e = &tar->entries[tar->n_entries++];
	*e = (struct tar_entry){.name = tar->n_names, .name_len = len, .next = *head};
	memcpy(tar->names + tar->n_names, name, len);
	tar->n_names += len;
	*head = (uint16_t)tar->n_entries;
	return e;
}

static int add(struct tar *tar, const char *name, uint32_t len, const struct tar_entry *what)
{
	struct tar_entry *e;

	for (uint32_t i = 0; i <= len; i++) {
		if (i < len && name[i] != '/')
			continue;
		e = make(tar, name, i);
		if (!e) {
			tar->error = "too many files";
			return -NET_ENOSPC;
		}
		if (i < len) {
			e->directory = true;
			continue;
		}
		e->sector = what->sector;
		e->size = what->size;
		e->changed = what->changed;
		e->directory = what->directory;
	}
	return 0;
}

/* Remove what a name may not have: slashes at its ends, empty and "." parts. False: it has a ".." part, or is empty. */
static bool tidy(char *name, uint32_t *len)
{
	uint32_t from = 0, to = 0;

	while (from < *len) {
		uint32_t end = from;

		while (end < *len && name[end] != '/')
			end++;
		if (end - from == 2 && name[from] == '.' && name[from + 1] == '.')
			return false;
		if (end > from && !(end - from == 1 && name[from] == '.')) {
			if (to)
				name[to++] = '/';
			memmove(name + to, name + from, end - from);
			to += end - from;
		}
		from = end + 1;
	}
	*len = to;
	return to;
}

/* A number of a header: octal digits, or base-256 when the first bit is set. False: neither, or out of range. */
static bool number(const uint8_t *field, uint64_t *value)
{
	uint64_t v = 0;
	unsigned i = 0;

	if (field[0] & 0x80) {
		v = field[0] &
		    0x7f; /* a negative number (0xff...) is out of range by what follows */
		for (i = 1; i < NUMBER; i++) {
			if (v >> 55)
				return false;
			v = v << 8 | field[i];
		}
		*value = v;
		return true;
	}
	while (i < NUMBER && field[i] == ' ')
		i++;
	for (; i < NUMBER && field[i] >= '0' && field[i] <= '7'; i++)
		v = v << 3 | (field[i] - '0');
	if (i < NUMBER && field[i] && field[i] != ' ')
		return false;
	*value = v;
	return true;
}

static bool checksum_right(const uint8_t *b)
{
	uint32_t plain = 0, stored = 0;
	int32_t with_sign = 0;
	unsigned i;

	for (i = 0; i < TAR_SECTOR; i++) {
		uint8_t v = i >= CHECKSUM && i < CHECKSUM + 8 ? ' ' : b[i];

		plain += v;
		with_sign += (int8_t)v; /* as some old programs did */
	}
	for (i = CHECKSUM; i < CHECKSUM + 8 && b[i] == ' '; i++)
		;
	for (; i < CHECKSUM + 8 && b[i] >= '0' && b[i] <= '7'; i++)
		stored = stored << 3 | (b[i] - '0');
	return stored == plain || (int32_t)stored == with_sign;
}

static uint32_t field_length(const uint8_t *field, uint32_t size)
{
	uint32_t n = 0;

	while (n < size && field[n])
		n++;
	return n;
}

static int take_name(struct tar *tar, const char *value, uint32_t len)
{
	if (len > TAR_NAME)
		return damaged(tar, "a name is too long");
	memcpy(tar->name, value, len);
	tar->name_len = len;
	tar->has_name = true;
	return 0;
}

static int take_link(struct tar *tar, const char *value, uint32_t len)
{
	if (len > TAR_NAME)
		return damaged(tar, "a link is too long");
	memcpy(tar->link, value, len);
	tar->link_len = len;
	tar->has_link = true;
	return 0;
}

static int take_size(struct tar *tar, const char *value, uint32_t len)
{
	uint64_t v = 0;

	for (uint32_t i = 0; i < len; i++) {
		if (value[i] < '0' || value[i] > '9' || v >> 59)
			return damaged(tar, "an extended header has a bad size");
		v = v * 10 + (uint64_t)(value[i] - '0');
	}
	tar->extended_size = v;
	tar->has_size = true;
	return 0;
}

/* One record of a pax header: "LENGTH KEY=VALUE\n", where LENGTH counts the whole record. */
static int pax_record(struct tar *tar, const char *record, uint32_t len)
{
	uint32_t equals = 0;

	while (equals < len && record[equals] != '=')
		equals++;
	if (equals == len)
		return damaged(tar, "an extended header has a bad record");
	if (equals == 4 && !memcmp(record, "path", 4))
		return take_name(tar, record + 5, len - 5);
	if (equals == 8 && !memcmp(record, "linkpath", 8))
		return take_link(tar, record + 9, len - 9);
	if (equals == 4 && !memcmp(record, "size", 4))
		return take_size(tar, record + 5, len - 5);
	return 0;
}

static int pax(struct tar *tar)
{
	const char *p = tar->extended;
	uint32_t left = tar->extended_len;

	while (left && *p) {
		uint32_t len = 0, digits = 0;
		int rc;

		while (digits < left && digits < 6 && p[digits] >= '0' && p[digits] <= '9')
			len = len * 10 + (uint32_t)(p[digits++] - '0');
		if (!digits || digits == left || p[digits] != ' ' || len > left ||
		    len < digits + 2 || p[len - 1] != '\n')
			return damaged(tar, "an extended header has a bad record");
		rc = pax_record(tar, p + digits + 1, len - digits - 2);
		if (rc)
			return rc;
		p += len;
		left -= len;
	}
	return 0;
}

/* The next sector of an extended header. */
static int feed_extended(struct tar *tar, const uint8_t *block)
{
	uint32_t n = tar->extended_len - tar->extended_got;
	char type = tar->extended_type;

	if (n > TAR_SECTOR)
		n = TAR_SECTOR;
	memcpy(tar->extended + tar->extended_got, block, n);
	tar->extended_got += n;
	tar->next++;
	if (tar->extended_got < tar->extended_len)
		return 0;
	tar->extended_type = 0;
	n = field_length((const uint8_t *)tar->extended, tar->extended_len);
	if (type == 'x')
		return pax(tar);
	return type == 'L' ? take_name(tar, tar->extended, n) : take_link(tar, tar->extended, n);
}

static int feed_file(struct tar *tar, const uint8_t *b, char type, uint64_t size)
{
	struct tar_entry what = {.sector = tar->next + 1, .size = size, .directory = type == '5'};
	bool file = type == '0' || type == 0 || type == '7';

	if (!tar->has_name) {
		uint32_t n = field_length(b + NAME, NAME_LEN), prefix = 0;

		if (!memcmp(b + MAGIC, "ustar", 6))
			prefix = field_length(b + PREFIX, PREFIX_LEN);
		if (prefix) {
			memcpy(tar->name, b + PREFIX, prefix);
			tar->name[prefix++] = '/';
		}
		memcpy(tar->name + prefix, b + NAME, n);
		tar->name_len = prefix + n;
	}
	/* Before POSIX a directory was a file whose name ends so. */
	if (type == 0 && tar->name_len && tar->name[tar->name_len - 1] == '/')
		what.directory = true;
	if (!number(b + MTIME, &what.changed))
		what.changed = 0;
	if (type == '1') {
		const struct tar_entry *target;

		if (!tar->has_link)
			take_link(tar, (const char *)b + LINK, field_length(b + LINK, NAME_LEN));
		target = tidy(tar->link, &tar->link_len) ? tar_find(tar, tar->link, tar->link_len)
							 : NULL;
		if (target && !target->directory) {
			what.sector = target->sector;
			what.size = target->size;
			file = true;
		}
	}
	tar->next += 1 + (type == '1' ? 0 : size / TAR_SECTOR + !!(size % TAR_SECTOR));
	tar->has_name = tar->has_size = tar->has_link = false;
	if (!file && !what.directory) {
		tar->skipped++;
		return 0;
	}
	if (what.directory)
		what.size = 0;
	if (!tidy(tar->name, &tar->name_len)) {
		/* The archive's own top is no entry. */
		tar->skipped += !what.directory;
		return 0;
	}
	return add(tar, tar->name, tar->name_len, &what);
}

int tar_feed(struct tar *tar, const uint8_t b[TAR_SECTOR])
{
	uint64_t size, last;
	unsigned i = 0;
	char type;

	if (tar->extended_type) {
		int rc = feed_extended(tar, b);

		if (!rc && tar->next >= tar->sectors)
			rc = damaged(tar, "the archive ends inside an extended header");
		return rc;
	}
	while (i < TAR_SECTOR && !b[i])
		i++;
	if (i == TAR_SECTOR) {
		tar->next = TAR_DONE;
		return 0;
	}
	if (!checksum_right(b))
		return damaged(tar,
			       tar->next ? "a header has a wrong checksum" : "not a tar archive");
	type = (char)b[TYPE];
	if (!number(b + SIZE, &size))
		return damaged(tar, "a header has a bad size");
	if (tar->has_size && type != 'x' && type != 'g' && type != 'L' && type != 'K')
		size = tar->extended_size;
	last = size / TAR_SECTOR + !!(size % TAR_SECTOR);
	if (last > tar->sectors - tar->next - 1 && type != '1')
		return damaged(tar, "the archive ends inside a file");
	if (type == 'x' || type == 'L' || type == 'K') {
		if (size > TAR_EXTENDED)
			return damaged(tar, "an extended header is too long");
		tar->next++;
		tar->extended_type = size ? type : 0;
		tar->extended_len = (uint32_t)size;
		tar->extended_got = 0;
	} else if (type == 'g') {
		tar->next += 1 + last;
	} else {
		int rc = feed_file(tar, b, type, size);

		if (rc)
			return rc;
	}
	/* Some programs leave out the two empty sectors at the end. */
	if (tar->next >= tar->sectors)
		tar->next = TAR_DONE;
	return 0;
}
