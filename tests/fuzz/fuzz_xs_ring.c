/*
 * fuzz_xs_ring: a guest that writes anything to its xenstore page, also while the server looks at
 * it.
 *
 * The server's allocations are the moments in which the guest interferes: each one may write a byte
 * of the page. A second, well-behaved guest must be served all the same, and the books must be
 * right.
 */
#include <pv/store.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "fuzz.h"

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
	size_t left, bytes;
	struct pv_xenstore_domain_interface page;
};

static uint8_t next(struct play *play)
{
	if (!play->left)
		return 0;
	play->left--;
	return *play->p++;
}

/* The guest writes one byte, most often of an index. */
static void interfere(struct play *play)
{
	uint8_t where = next(play);
	size_t at = where & 0x80
			    ? offsetof(struct pv_xenstore_domain_interface, req_cons) + where % 28
			    : (size_t)where * 8 + next(play) % 8;

	((uint8_t *)&play->page)[at] = next(play);
}

static void *play_alloc(void *ctx, size_t n)
{
	struct play *play = ctx;

	if (play->left && (*play->p & 7) == 7)
		interfere(play);
	play->bytes += n;
	return malloc(n);
}

static void play_free(void *ctx, void *p, size_t n)
{
	((struct play *)ctx)->bytes -= n;
	free(p);
}

static void no_notify(void *ctx)
{
}

static void send(struct play *play, const void *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		play->page.req[play->page.req_prod++ & (PV_XENSTORE_RING_SIZE - 1)] =
			((const char *)bytes)[i];
}

static void request(struct play *play)
{
	struct pv_xsd_sockmsg h = {.type = next(play) % 26, .req_id = 1, .tx_id = next(play) % 3};
	size_t n = next(play);

	n = n < play->left ? n : play->left;
	h.len = (uint32_t)n;
	send(play, &h, sizeof(h));
	send(play, play->p, n);
	play->p += n;
	play->left -= n;
}

static struct pv_store_conn *connect(struct pv_store *store, uint16_t domid)
{
	struct pv_store_conn_config cc = {
		.size = sizeof(cc), .domid = domid, .fd = -1, .type = PV_STORE_CONN_RING};
	struct pv_store_conn *c = NULL;

	must(!pv_store_domain_introduce(store, domid) && !pv_store_conn_add(store, &cc, &c));
	return c;
}

static void neighbour_is_served(struct pv_store_conn *c)
{
	static const struct pv_xsd_sockmsg h = {.type = PV_XS_DIRECTORY, .req_id = 3, .len = 2};
	struct pv_xsd_sockmsg reply;
	const void *p;
	size_t n;

	must(pv_store_conn_input(c, &h, sizeof(h)) == sizeof(h) &&
	     pv_store_conn_input(c, "/", 2) == 2);
	n = pv_store_conn_output(c, &p);
	must(n >= sizeof(reply));
	memcpy(&reply, p, sizeof(reply));
	must(reply.type == PV_XS_DIRECTORY && reply.req_id == 3 && n == sizeof(reply) + reply.len);
	pv_store_conn_sent(c, n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct play play = {.p = data};
	struct pv_store_config cfg = {
		.size = sizeof(cfg), .ctx = &play, .alloc = play_alloc, .free = play_free};
	struct pv_xs_perm perm = {.domid = 1};
	struct pv_store_ring ring;
	struct pv_store_conn *other;
	struct pv_store *store;

	must(!pv_store_create(&store, &cfg));
	pv_store_mkdir(pv_store_self(store), 0, "/local/domain/1");
	pv_store_ring_init(&ring, connect(store, 1), &play.page, no_notify, NULL);
	pv_store_set_perms(pv_store_self(store), 0, "/local/domain/1", &perm, 1);
	other = connect(store, 2);
	play.left = size;
	while (play.left) {
		switch (next(&play) & 7) {
		case 0:
		case 1:
		case 2:
			request(&play);
			pv_store_ring_poll(&ring);
			play.page.rsp_cons = play.page.rsp_prod;
			break;
		case 3: send(&play, play.p, play.left < 5 ? play.left : 5); break;
		case 4: interfere(&play); break;
		case 5: play.page.connection = next(&play); break;
		case 6: play.page.rsp_cons += next(&play); break;
		case 7:
			pv_store_write_number(pv_store_self(store), 0, "/local/domain/1/w",
					      play.left);
			break;
		}
		pv_store_ring_poll(&ring);
		neighbour_is_served(other);
	}
	must(!pv_store_audit(store));
	pv_store_destroy(store);
	must(!play.bytes);
	return 0;
}
