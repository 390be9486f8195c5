/*
 * fuzz_xs_socket: request bytes of several clients, in any order and any pieces.
 *
 * The input is a play: who does what next. Besides bytes there are domains that come and go,
 * allocations that fail, and a save and load in the middle. In the end, and whenever output is
 * taken, the books must be right and the output must be whole messages.
 */
#include <pv/store.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "fuzz.h"

#define CONNS 4

/* A promise of the store; the line says which was broken. */
#define must(cond)                                                                         \
	do {                                                                               \
		if (!(cond)) {                                                             \
			fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #cond); \
			abort();                                                           \
		}                                                                          \
	} while (0)

struct play {
	const uint8_t *p;
	size_t left;
	struct pv_store *store;
	struct pv_store_conn *conn[CONNS]; /* 0 privileged; others the domain of their number */
	size_t bytes;
	unsigned fail_in;
	char *dump;
	size_t dump_len;
	/* Of the message that each client is receiving. */
	struct pv_xsd_sockmsg hdr[CONNS];
	uint32_t got[CONNS];
};

static void *play_alloc(void *ctx, size_t n)
{
	struct play *play = ctx;

	if (play->fail_in && !--play->fail_in)
		return NULL;
	play->bytes += n;
	return malloc(n);
}

static void play_free(void *ctx, void *p, size_t n)
{
	((struct play *)ctx)->bytes -= n;
	free(p);
}

static uint8_t next(struct play *play)
{
	if (!play->left)
		return 0;
	play->left--;
	return *play->p++;
}

static void open_store(struct play *play)
{
	struct pv_store_config cfg = {
		.size = sizeof(cfg), .ctx = play, .alloc = play_alloc, .free = play_free};

	play->fail_in = 0;
	must(!pv_store_create(&play->store, &cfg));
}

static void connect(struct play *play, unsigned i)
{
	struct pv_store_conn_config cc = {.size = sizeof(cc),
					  .domid = (uint16_t)i,
					  .privileged = !i,
					  .fd = -1,
					  .type = i ? PV_STORE_CONN_RING : PV_STORE_CONN_SOCKET};
	struct pv_xs_perm perm = {.domid = (uint16_t)i};
	char path[] = "/local/domain/0";

	path[14] = (char)('0' + i);
	play->conn[i] = NULL;
	play->got[i] = 0;
	if (pv_store_domain_introduce(play->store, (uint16_t)i) < 0 ||
	    pv_store_conn_add(play->store, &cc, &play->conn[i]) < 0)
		return;
	pv_store_mkdir(pv_store_self(play->store), 0, path);
	pv_store_set_perms(pv_store_self(play->store), 0, path, &perm, 1);
}

static void drain(struct play *play, unsigned i, size_t limit)
{
	const char *p;
	size_t n;

	while (limit && (n = pv_store_conn_output(play->conn[i], (const void **)&p))) {
		n = n < limit ? n : limit;
		for (size_t k = 0; k < n; k++) {
			if (play->got[i] < sizeof(play->hdr[i]))
				((char *)&play->hdr[i])[play->got[i]] = p[k];
			play->got[i]++;
			if (play->got[i] >= sizeof(play->hdr[i])) {
				must(play->hdr[i].len <= PV_XENSTORE_PAYLOAD_MAX);
				if (play->got[i] == sizeof(play->hdr[i]) + play->hdr[i].len)
					play->got[i] = 0;
			}
		}
		pv_store_conn_sent(play->conn[i], n);
		limit -= n;
	}
	/* Nothing left means that the last message was whole. */
	if (!pv_store_conn_output(play->conn[i], (const void **)&p) &&
	    pv_store_conn_room(play->conn[i]))
		must(!play->got[i]);
}

static void raw(struct play *play, unsigned i)
{
	size_t n = next(play);

	n = n < play->left ? n : play->left;
	pv_store_conn_input(play->conn[i], play->p, n);
	play->p += n;
	play->left -= n;
}

static void request(struct play *play, unsigned i)
{
	struct pv_xsd_sockmsg h = {.type = next(play) % 26, .req_id = 1};
	size_t n;

	h.tx_id = next(play) % 4;
	n = next(play);
	n = n < play->left ? n : play->left;
	h.len = (uint32_t)n;
	pv_store_conn_input(play->conn[i], &h, sizeof(h));
	pv_store_conn_input(play->conn[i], play->p, n);
	play->p += n;
	play->left -= n;
}

static int dump(void *ctx, const void *bytes, size_t n)
{
	struct play *play = ctx;

	play->dump = realloc(play->dump, play->dump_len + n);
	memcpy(play->dump + play->dump_len, bytes, n);
	play->dump_len += n;
	return 0;
}

/* The whole store moves elsewhere. What it wrote itself it must be able to read. */
static void move(struct play *play)
{
	play->dump_len = 0;
	must(!pv_store_save(play->store, dump, play));
	pv_store_destroy(play->store);
	must(!play->bytes);
	open_store(play);
	must(!pv_store_load(play->store, play->dump, play->dump_len));
	for (unsigned i = 0; i < CONNS; i++)
		play->conn[i] = pv_store_conn_find(
			play->store, i ? PV_STORE_CONN_RING : PV_STORE_CONN_SOCKET, (uint16_t)i);
	for (unsigned i = 0; i < CONNS; i++)
		if (!play->conn[i])
			connect(play, i);
}

static void incident(struct play *play, unsigned i)
{
	switch (next(play) % 6) {
	case 0:
		if (i) {
			pv_store_domain_release(play->store, (uint16_t)i);
			connect(play, i);
		}
		break;
	case 1: pv_store_domain_shutdown(play->store, (uint16_t)i); break;
	case 2: play->fail_in = 1u + next(play) % 16; break;
	case 3: move(play); break;
	case 4:
		pv_store_conn_reset(play->conn[i]);
		play->got[i] = 0;
		break;
	case 5: must(!pv_store_audit(play->store)); break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct play play = {.p = data, .left = size};

	open_store(&play);
	for (unsigned i = 0; i < CONNS; i++)
		connect(&play, i);
	while (play.left) {
		uint8_t op = next(&play);
		unsigned i = op & 3;

		/* A client of domain 0 may have released this one. */
		if (i &&
		    pv_store_conn_find(play.store, PV_STORE_CONN_RING, (uint16_t)i) != play.conn[i])
			connect(&play, i);
		if (!play.conn[i])
			connect(&play, i);
		if (!play.conn[i])
			continue;
		switch (op >> 2 & 3) {
		case 0: raw(&play, i); break;
		case 1: request(&play, i); break;
		case 2: drain(&play, i, op & 0x80 ? next(&play) : SIZE_MAX); break;
		case 3: incident(&play, i); break;
		}
	}
	must(!pv_store_audit(play.store));
	pv_store_destroy(play.store);
	must(!play.bytes);
	free(play.dump);
	return 0;
}
