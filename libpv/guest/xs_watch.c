/*
 * xs_watch: watches of the xenstore client, set, fired and told.
 *
 * An event names a watch by a token that we chose; the store's word for it is looked up and never
 * used as a pointer. State changes under the lock; callbacks run without.
 */
#include "xs_impl.h"

void pv_xs_watch_event(struct pv_xs *xs)
{
	size_t pos = 0, path_len, token_len;
	const char *path = pv_xs_string_next(xs->body, xs->rx_hdr.len, &pos, &path_len), *token;
	struct pv_xs_watch *w;
	uint64_t id;

	token = path ? pv_xs_string_next(xs->body, xs->rx_hdr.len, &pos, &token_len) : NULL;
	/* A token that is not ours may be an earlier kernel's. */
	if (!token || pv_xs_number_parse(&id, token, token_len, UINT32_MAX) < 0)
		return;
	for (w = xs->watches; w && w->token != id; w = w->next)
		;
	if (!w)
		return;
	if (path_len >= sizeof(w->event))
		w->merged = true;
	else if (w->pending)
		w->merged |= memcmp(w->event, path, path_len + 1) != 0;
	else
		memcpy(w->event, path, path_len + 1);
	w->pending = true;
}

/* Take one watch that is due off the list of those: its path is copied, since events go on coming
 * in. */
static struct pv_xs_watch *due_next(struct pv_xs *xs, char *path, size_t size)
{
	unsigned long flags = pv_xs_lock(xs);
	struct pv_xs_watch *w = xs->watches;

	while (w && !w->pending)
		w = w->next;
	if (w) {
		path[0] = 0;
		if (!w->merged)
			memcpy(path, w->event, size);
		w->pending = w->merged = false;
	}
	pv_xs_unlock(xs, flags);
	return w;
}

unsigned pv_xs_dispatch(struct pv_xs *xs)
{
	char path[sizeof(((struct pv_xs_watch *)NULL)->event)];
	struct pv_xs_watch *w;
	unsigned ran = 0;

	pv_xs_event(xs);
	while (ran < 64 && (w = due_next(xs, path, sizeof(path)))) {
		w->fn(w->arg, w, path[0] ? path : w->path);
		ran++;
	}
	return ran;
}

static size_t text_len(const char *s)
{
	size_t n = 0;

	while (s[n])
		n++;
	return n;
}

static int watch_call(struct pv_xs *xs, uint32_t type, const struct pv_xs_watch *w)
{
	char token[PV_XS_NUMBER_TEXT];
	struct pv_xs_part part[] = {{w->path, text_len(w->path) + 1},
				    {token, pv_xs_number_format(token, w->token) + 1}};
	char ok[4];
	int rc = pv_xs_call(xs, type, 0, part, 2, ok, sizeof(ok));

	return rc < 0 ? rc : 0;
}

static void unlink_watch(struct pv_xs *xs, struct pv_xs_watch *w)
{
	unsigned long flags = pv_xs_lock(xs);
	struct pv_xs_watch **p = &xs->watches;

	while (*p && *p != w)
		p = &(*p)->next;
	if (*p)
		*p = w->next;
	pv_xs_unlock(xs, flags);
}

int pv_xs_watch(struct pv_xs *xs, struct pv_xs_watch *w)
{
	unsigned long flags = pv_xs_lock(xs);
	int rc;

	/* On the list before the request goes out: the first event may overtake the reply. */
	w->pending = w->merged = false;
	w->token = ++xs->next_token;
	w->next = xs->watches;
	xs->watches = w;
	pv_xs_unlock(xs, flags);
	rc = watch_call(xs, PV_XS_WATCH, w);
	if (rc < 0)
		unlink_watch(xs, w);
	return rc;
}

int pv_xs_unwatch(struct pv_xs *xs, struct pv_xs_watch *w)
{
	unlink_watch(xs, w);
	return watch_call(xs, PV_XS_UNWATCH, w);
}

int pv_xs_watch_again(struct pv_xs *xs)
{
	int rc, first = 0;

	for (struct pv_xs_watch *w = xs->watches; w; w = w->next) {
		rc = watch_call(xs, PV_XS_WATCH, w);
		/* A store that came along with the domain still has it. */
		if (rc < 0 && rc != -PV_EEXIST && !first)
			first = rc;
	}
	return first;
}
