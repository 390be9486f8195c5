/* The web server on a wire in memory: see web_rig.h. */
#include "web_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checksum.h"
#include "ipv4.h"

const uint8_t rig_mac[6] = {2, 0, 0, 0, 0, 2}, rig_peer_mac[6] = {2, 0, 0, 0, 0, 1};

static _Noreturn void broken(const char *what)
{
	printf("Bail out! the server sent a frame that is wrong: %s\n", what);
	fflush(stdout);
	abort();
}

uint32_t rig_random(struct rig *rig, uint32_t below)
{
	rig->random ^= rig->random >> 12;
	rig->random ^= rig->random << 25;
	rig->random ^= rig->random >> 27;
	return (uint32_t)(rig->random * 2685821657736338717ull >> 33) % below;
}

uint8_t rig_big(uint32_t i)
{
	return (uint8_t)(i * 2654435761u >> 13);
}

static void put(struct rig *rig, const void *frame, uint32_t len, uint64_t at, bool to_server)
{
	for (unsigned i = 0; i < RIG_FLIGHT; i++) {
		struct rig_frame *f = &rig->flight[i];

		if (f->bytes)
			continue;
		*f = (struct rig_frame){
			.at = at, .len = len, .to_server = to_server, .bytes = malloc(len)};
		memcpy(f->bytes, frame, len);
		return;
	}
}

static void wire(struct rig *rig, const void *frame, uint32_t len, bool to_server)
{
	/* 100 us there, and a frame that is held back is overtaken by many. */
	uint64_t at = rig->now + 100000;

	if (rig_random(rig, 1000) < rig->lose)
		return;
	if (rig_random(rig, 1000) < rig->repeat)
		put(rig, frame, len, at + rig_random(rig, 3000000), to_server);
	if (rig_random(rig, 1000) < rig->delay)
		at += rig_random(rig, 20000000);
	put(rig, frame, len, at, to_server);
}

void rig_send(struct rig *rig, const void *frame, uint32_t len)
{
	wire(rig, frame, len, true);
}

void rig_push(struct rig *rig, const void *frame, uint32_t len)
{
	/* Exactly as large as it is, so that a sanitizer sees the first byte behind it. */
	uint8_t *copy = malloc(len ? len : 1);

	memcpy(copy, frame, len);
	net_input(&rig->web.net, copy, len, false);
	free(copy);
}

static void check(const struct rig *rig, const uint8_t *f, uint32_t len)
{
	struct checksum c = {0};

	if (len < ETHER_HEAD || len > rig->web.net.card_mtu + ETHER_HEAD)
		broken("its length");
	if (memcmp(f + 6, rig_mac, 6))
		broken("its sender");
	if (get_be16(f + 12) != ETHER_IPV4)
		return;
	if (len < ETHER_HEAD + IPV4_HEAD || get_be16(f + 16) != len - ETHER_HEAD)
		broken("the IPv4 length");
	checksum_add(&c, f + ETHER_HEAD, IPV4_HEAD);
	if (checksum_end(&c))
		broken("the IPv4 checksum");
	if (f[23] == IPV4_TCP) {
		c = checksum_pseudo(get_be32(f + 26), get_be32(f + 30), IPV4_TCP, len - 34);
		checksum_add(&c, f + 34, len - 34);
		if (checksum_end(&c))
			broken("the TCP checksum");
	}
}

static int transmit(void *ctx, const struct net_frame *frame)
{
	struct rig *rig = ctx;
	uint8_t bytes[70000];
	uint32_t len = frame->head_len;

	if (!rig->room)
		return -NET_EAGAIN;
	if (rig->room != ~0u)
		rig->room--;
	memcpy(bytes, frame->head, frame->head_len);
	for (uint32_t i = 0; i < frame->n_frags; i++) {
		if (frame->frags[i].buf->refs == 0 || frame->frags[i].buf->state != NET_BUF_READY)
			broken("a buffer that is not its own, or not filled");
		memcpy(bytes + len, frame->frags[i].data, frame->frags[i].len);
		len += frame->frags[i].len;
	}
	check(rig, bytes, len);
	rig->frames_out++;
	wire(rig, bytes, len, false);
	return 0;
}

static uint64_t now(void *ctx)
{
	return ((struct rig *)ctx)->now;
}

static void fill(struct rig *rig, struct net_buf *buf, uint64_t sector, uint32_t sectors)
{
	if ((sector + sectors) * TAR_SECTOR > rig->archive_len)
		broken("a read beyond the disk");
	memcpy(buf->data, rig->archive + sector * TAR_SECTOR, (size_t)sectors * TAR_SECTOR);
}

static int read_sectors(void *ctx, struct net_buf *buf, uint64_t sector, uint32_t sectors)
{
	struct rig *rig = ctx;

	if (!rig->read_delay) {
		fill(rig, buf, sector, sectors);
		buf->state = rig->reads_fail ? NET_BUF_FAILED : NET_BUF_READY;
		return 0;
	}
	for (unsigned i = 0; i < RIG_BUFS / 4; i++)
		if (!rig->reads[i].buf) {
			net_buf_hold(buf);
			rig->reads[i].buf = buf;
			rig->reads[i].at =
				rig->now + 1 + rig_random(rig, (uint32_t)rig->read_delay);
			rig->reads[i].sector = sector;
			rig->reads[i].sectors = sectors;
			return 0;
		}
	return -NET_EAGAIN;
}

static void log_line(void *ctx, const char *line, size_t len)
{
	struct rig *rig = ctx;

	if (rig->log_len + len + 1 > RIG_LOG)
		return;
	memcpy(rig->log + rig->log_len, line, len);
	rig->log_len += len;
	rig->log[rig->log_len++] = '\n';
}

void rig_tar_header(uint8_t *b, const char *name, uint64_t size, char type)
{
	unsigned sum = 0;

	memset(b, 0, TAR_SECTOR);
	snprintf((char *)b, 100, "%s", name);
	snprintf((char *)b + 100, 8, "0000644");
	snprintf((char *)b + 124, 12, "%011llo", (unsigned long long)size);
	snprintf((char *)b + 136, 12, "%011o", 1234567u);
	b[156] = (uint8_t)type;
	memcpy(b + 257, "ustar\00000", 8);
	memset(b + 148, ' ', 8);
	for (unsigned i = 0; i < TAR_SECTOR; i++)
		sum += b[i];
	snprintf((char *)b + 148, 8, "%06o", sum);
}

static void make_archive(struct rig *rig)
{
	uint8_t *b;

	rig->archive_len = TAR_SECTOR * 8 + (RIG_BIG_LEN + 511) / 512 * 512;
	b = rig->archive = calloc(1, rig->archive_len);
	rig_tar_header(b, "./small", 6, '0');
	memcpy(b + 512, "small\n", 6);
	rig_tar_header(b + 1024, "sub/index.html", 5, '0');
	memcpy(b + 1536, "index", 5);
	rig_tar_header(b + 2048, "big", RIG_BIG_LEN, '0');
	for (uint32_t i = 0; i < RIG_BIG_LEN; i++)
		b[2560 + i] = rig_big(i);
}

struct rig *rig_new(uint64_t seed, unsigned mtu, bool dhcp)
{
	struct rig *rig = calloc(1, sizeof(*rig));
	struct net_config config = {.hooks = {rig, transmit, now}, .mtu = mtu, .seed = {seed, 99}};
	struct http_hooks http = {.ctx = rig, .read = read_sectors};
	struct smtp_hooks smtp = {rig, log_line};
	uint64_t at;

	rig->random = seed * 2 + 1;
	rig->now = 1000 * NET_S;
	rig->room = ~0u;
	rig->memory = malloc((size_t)RIG_BUFS * NET_BUF_SIZE);
	memcpy(config.mac, rig_mac, 6);
	if (!dhcp) {
		config.address = RIG_ADDRESS;
		config.mask = 0xffffff00;
	}
	make_archive(rig);
	tar_init(&rig->web.tar, rig->archive_len / TAR_SECTOR);
	while ((at = tar_next(&rig->web.tar)) != TAR_DONE)
		tar_feed(&rig->web.tar, rig->archive + at * TAR_SECTOR);
	web_start(&rig->web, &config, &http, &smtp, rig->bufs, RIG_BUFS, rig->memory);
	return rig;
}

void rig_free(struct rig *rig)
{
	for (unsigned i = 0; i < RIG_FLIGHT; i++)
		free(rig->flight[i].bytes);
	free(rig->archive);
	free(rig->memory);
	free(rig);
}

/* The peer's ARP, which every test needs and none is about. */
static bool arp(struct rig *rig, const uint8_t *f)
{
	uint8_t reply[42];

	if (get_be16(f + 12) != ETHER_ARP)
		return false;
	if (get_be16(f + 20) != 1 || get_be32(f + 38) != RIG_PEER)
		return true;
	memcpy(reply, f + 6, 6);
	memcpy(reply + 6, rig_peer_mac, 6);
	memcpy(reply + 12, f + 12, 8);
	put_be16(reply + 20, 2);
	memcpy(reply + 22, rig_peer_mac, 6);
	put_be32(reply + 28, RIG_PEER);
	memcpy(reply + 32, f + 22, 10);
	rig_send(rig, reply, sizeof(reply));
	return true;
}

static uint64_t next_event(const struct rig *rig)
{
	uint64_t at = web_deadline(&rig->web);

	for (unsigned i = 0; i < RIG_FLIGHT; i++)
		if (rig->flight[i].bytes && rig->flight[i].at < at)
			at = rig->flight[i].at;
	for (unsigned i = 0; i < RIG_BUFS; i++)
		if (rig->reads[i].buf && rig->reads[i].at < at)
			at = rig->reads[i].at;
	return at;
}

bool rig_step(struct rig *rig, uint64_t until)
{
	uint64_t at = next_event(rig);

	if (at > until) {
		rig->now = until;
		return false;
	}
	if (at > rig->now)
		rig->now = at;
	for (unsigned i = 0; i < RIG_FLIGHT; i++) {
		struct rig_frame f = rig->flight[i];

		if (!f.bytes || f.at > rig->now)
			continue;
		rig->flight[i].bytes = NULL;
		if (f.to_server)
			rig_push(rig, f.bytes, f.len);
		else if (!arp(rig, f.bytes) && rig->peer)
			rig->peer(rig, f.bytes, f.len);
		free(f.bytes);
	}
	for (unsigned i = 0; i < RIG_BUFS; i++) {
		struct net_buf *buf = rig->reads[i].buf;

		if (!buf || rig->reads[i].at > rig->now)
			continue;
		fill(rig, buf, rig->reads[i].sector, rig->reads[i].sectors);
		rig->reads[i].buf = NULL;
		http_read_done(&rig->web.http, buf, !rig->reads_fail);
		net_buf_put(buf);
	}
	web_poll(&rig->web);
	return true;
}

void rig_run(struct rig *rig, uint64_t ns)
{
	uint64_t until = rig->now + ns;

	while (rig_step(rig, until))
		;
}

bool rig_all_free(const struct rig *rig)
{
	return rig->web.pool.n_free == rig->web.pool.n_bufs;
}

uint32_t rig_wrap(uint8_t *f, uint32_t from, uint32_t to, uint8_t protocol, uint32_t len)
{
	uint8_t *p = f + ETHER_HEAD;
	struct checksum c = {0};
	unsigned at = protocol == IPV4_TCP ? 50 : protocol == IPV4_UDP ? 40 : 36;

	memcpy(f, rig_mac, 6);
	memcpy(f + 6, rig_peer_mac, 6);
	put_be16(f + 12, ETHER_IPV4);
	memset(p, 0, IPV4_HEAD);
	p[0] = 0x45;
	put_be16(p + 2, len + IPV4_HEAD);
	p[8] = 64;
	p[9] = protocol;
	put_be32(p + 12, from);
	put_be32(p + 16, to);
	checksum_add(&c, p, IPV4_HEAD);
	put_be16(p + 10, checksum_end(&c));
	put_be16(f + at, 0);
	c = protocol == IPV4_ICMP ? (struct checksum){0} : checksum_pseudo(from, to, protocol, len);
	checksum_add(&c, f + 34, len);
	put_be16(f + at, checksum_end(&c));
	return len + 34;
}
