/*
 * xs_calls: the client's blocking calls, each one request and its answer.
 *
 * Answers come from a store that is trusted with their meaning but not with their form: numbers and
 * strings are parsed within the length that arrived.
 */
#include "xs_impl.h"

static size_t text_len(const char *s)
{
	size_t n = 0;

	while (s[n])
		n++;
	return n;
}

/* A request of one string, and its answer. */
static int call_path(struct pv_xs *xs, uint32_t type, uint32_t tx, const char *path, char *buf,
		     size_t size)
{
	struct pv_xs_part part = {path, text_len(path) + 1};

	return pv_xs_call(xs, type, tx, &part, 1, buf, size);
}

/* A request whose answer is "OK". */
static int call_ok(struct pv_xs *xs, uint32_t type, uint32_t tx, const struct pv_xs_part *part,
		   unsigned parts)
{
	char ok[4];
	int rc = pv_xs_call(xs, type, tx, part, parts, ok, sizeof(ok));

	return rc < 0 ? rc : 0;
}

int pv_xs_read(struct pv_xs *xs, uint32_t tx, const char *path, char *buf, size_t size)
{
	int rc;

	if (!size)
		return -PV_EINVAL;
	rc = call_path(xs, PV_XS_READ, tx, path, buf, size - 1);
	if (rc >= 0)
		buf[rc] = 0;
	return rc;
}

int pv_xs_read_number(struct pv_xs *xs, uint32_t tx, const char *path, uint64_t *value)
{
	char text[PV_XS_NUMBER_TEXT];
	int rc = pv_xs_read(xs, tx, path, text, sizeof(text));

	if (rc < 0)
		return rc == -PV_E2BIG ? -PV_EINVAL : rc;
	/* Some toolstacks write the NUL as a part of the value. */
	return pv_xs_number_parse(value, text, text_len(text), UINT64_MAX);
}

int pv_xs_write(struct pv_xs *xs, uint32_t tx, const char *path, const void *value, size_t len)
{
	struct pv_xs_part part[] = {{path, text_len(path) + 1}, {value, len}};

	return call_ok(xs, PV_XS_WRITE, tx, part, 2);
}

int pv_xs_write_string(struct pv_xs *xs, uint32_t tx, const char *path, const char *value)
{
	return pv_xs_write(xs, tx, path, value, text_len(value));
}

int pv_xs_mkdir(struct pv_xs *xs, uint32_t tx, const char *path)
{
	struct pv_xs_part part = {path, text_len(path) + 1};

	return call_ok(xs, PV_XS_MKDIR, tx, &part, 1);
}

int pv_xs_rm(struct pv_xs *xs, uint32_t tx, const char *path)
{
	struct pv_xs_part part = {path, text_len(path) + 1};

	return call_ok(xs, PV_XS_RM, tx, &part, 1);
}

int pv_xs_get_perms(struct pv_xs *xs, uint32_t tx, const char *path, struct pv_xs_perm *perms,
		    unsigned max)
{
	char buf[32 * PV_XS_PERM_TEXT];
	int rc = call_path(xs, PV_XS_GET_PERMS, tx, path, buf, sizeof(buf));
	size_t pos = 0, len;
	const char *s;
	unsigned n = 0;

	if (rc < 0)
		return rc;
	while ((s = pv_xs_string_next(buf, (size_t)rc, &pos, &len))) {
		struct pv_xs_perm perm;

		if (pv_xs_perm_parse(&perm, s, len) < 0)
			return -PV_EIO;
		if (n < max)
			perms[n] = perm;
		n++;
	}
	return (int)n;
}

int pv_xs_set_perms(struct pv_xs *xs, uint32_t tx, const char *path, const struct pv_xs_perm *perms,
		    unsigned n)
{
	char text[32 * PV_XS_PERM_TEXT];
	struct pv_xs_part part[] = {{path, text_len(path) + 1}, {text, 0}};

	if (!n || n > 32)
		return -PV_EINVAL;
	for (unsigned i = 0; i < n; i++)
		part[1].len += pv_xs_perm_format(text + part[1].len, &perms[i]) + 1;
	return call_ok(xs, PV_XS_SET_PERMS, tx, part, 2);
}

int pv_xs_reset_watches(struct pv_xs *xs)
{
	struct pv_xs_part part = {"", 1};

	return call_ok(xs, PV_XS_RESET_WATCHES, 0, &part, 1);
}

int pv_xs_domain_path(struct pv_xs *xs, uint16_t domid, char *buf, size_t size)
{
	char number[PV_XS_NUMBER_TEXT];
	int rc;

	pv_xs_number_format(number, domid);
	rc = call_path(xs, PV_XS_GET_DOMAIN_PATH, 0, number, buf, size);
	if (rc > 0 && buf[rc - 1])
		return -PV_EIO;
	return rc > 0 ? rc - 1 : rc < 0 ? rc : -PV_EIO;
}

int pv_xs_directory(struct pv_xs *xs, uint32_t tx, const char *path, char *buf, size_t size)
{
	int rc = call_path(xs, PV_XS_DIRECTORY, tx, path, buf, size);

	return rc > 0 && buf[rc - 1] ? -PV_EIO : rc;
}

static int dir_part(struct pv_xs_dir *d)
{
	char number[PV_XS_NUMBER_TEXT];
	struct pv_xs_part part[] = {{d->path, text_len(d->path) + 1},
				    {number, pv_xs_number_format(number, d->offset) + 1}};
	int rc = pv_xs_call(d->xs, PV_XS_DIRECTORY_PART, d->tx, part, 2, d->buf, d->size);
	uint64_t generation;
	const char *s;
	size_t len;

	if (rc < 0)
		return rc;
	d->len = (size_t)rc;
	d->pos = 0;
	s = pv_xs_string_next(d->buf, d->len, &d->pos, &len);
	if (!s || pv_xs_number_parse(&generation, s, len, UINT64_MAX) < 0)
		return -PV_EIO;
	if (d->offset && generation != d->generation)
		return -PV_EAGAIN;
	d->generation = generation;
	/* The last part ends with an empty name; one that is not last and brings nothing would
	 * never end. */
	if (d->len > d->pos && !d->buf[d->len - 1] &&
	    (d->len == d->pos + 1 || !d->buf[d->len - 2])) {
		d->last = true;
		d->len--;
	}
	return d->last || d->len > d->pos ? 0 : -PV_EIO;
}

int pv_xs_dir_open(struct pv_xs_dir *d, struct pv_xs *xs, uint32_t tx, const char *path, char *buf,
		   size_t size)
{
	int rc;

	*d = (struct pv_xs_dir){
		.xs = xs, .path = path, .buf = buf, .size = size, .tx = tx, .last = true};
	rc = pv_xs_directory(xs, tx, path, buf, size);
	if (rc >= 0) {
		d->len = (size_t)rc;
		return 0;
	}
	if (rc == -PV_E2BIG) {
		d->last = false;
		rc = dir_part(d);
	}
	d->err = rc;
	return rc;
}

const char *pv_xs_dir_next(struct pv_xs_dir *d)
{
	const char *s;
	size_t len;

	while (!d->err) {
		s = pv_xs_string_next(d->buf, d->len, &d->pos, &len);
		if (s) {
			d->offset += (uint32_t)len + 1;
			return s;
		}
		if (d->last)
			break;
		d->err = dir_part(d);
	}
	return NULL;
}

int pv_xs_transaction_start(struct pv_xs *xs, uint32_t *tx)
{
	char number[PV_XS_NUMBER_TEXT];
	struct pv_xs_part part = {"", 1};
	int rc = pv_xs_call(xs, PV_XS_TRANSACTION_START, 0, &part, 1, number, sizeof(number));
	uint64_t id;

	if (rc < 0)
		return rc;
	if (!rc || pv_xs_number_parse(&id, number, (size_t)rc - !number[rc - 1], UINT32_MAX) < 0 ||
	    !id)
		return -PV_EIO;
	*tx = (uint32_t)id;
	return 0;
}

int pv_xs_transaction_end(struct pv_xs *xs, uint32_t tx, bool commit)
{
	struct pv_xs_part part = {commit ? "T" : "F", 2};

	return call_ok(xs, PV_XS_TRANSACTION_END, tx, &part, 1);
}

int pv_xs_transaction(struct pv_xs *xs, int (*fn)(void *arg, struct pv_xs *xs, uint32_t tx),
		      void *arg)
{
	uint32_t tx;
	int rc;

	do {
		rc = pv_xs_transaction_start(xs, &tx);
		if (rc < 0)
			return rc;
		rc = fn(arg, xs, tx);
		if (rc < 0)
			pv_xs_transaction_end(xs, tx, false);
		else
			rc = pv_xs_transaction_end(xs, tx, true);
	} while (rc == -PV_EAGAIN);
	return rc;
}
