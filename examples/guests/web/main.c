/*
 * web: a guest that serves the files of a tar archive on its first disk over HTTP, on its first network card, and shows
 * mail that is sent to it on its console.
 *
 * Command line: `ip=ADDRESS/BITS[,ROUTER]`; without it the address comes from DHCP. It runs in polling mode on one
 * vCPU: a loop that looks at the card and the disk, and sleeps when neither has anything.
 */
#include <pv/abi/sched.h>

#include "guest.h"

#define BUFS_MAX 512
#define BUFS_MIN 16

static struct web web;
static struct net_buf bufs[BUFS_MAX];
static struct kernel *kernel_given;
static uint64_t domid;

static uint64_t now(void *ctx)
{
	return kernel_now();
}

static void show_mail(void *ctx, const char *line, size_t len)
{
	kprintf("%.*s\n", (int)len, line);
}

static void facts(void *ctx, struct text *json)
{
	const struct kernel *k = kernel_given;

	text_str(json, ",\"domid\":");
	text_dec(json, domid);
	text_str(json, ",\"vcpus\":");
	text_dec(json, k->vcpus);
	text_str(json, ",\"memory\":");
	text_dec(json, k->ram_bytes);
	text_str(json, ",\"system_time_ns\":");
	text_dec(json, kernel_now());
	text_str(json, ",\"mode\":\"");
	text_str(json, k->pv->mode == PV_MODE_PVH ? "pvh"
		       : pv_is_translated(k->pv)  ? "pv-translated"
						  : "pv");
	text_str(json, "\"");
}

/* A number in front of a character that ends it; ~0 when there is none, or it is over `max`. */
static uint32_t number(const char **s, uint32_t max)
{
	uint32_t v = 0;
	const char *from = *s;

	while (**s >= '0' && **s <= '9' && v <= max)
		v = v * 10 + (uint32_t)(*(*s)++ - '0');
	return *s == from || v > max ? ~0u : v;
}

static bool address(const char **s, uint32_t *to)
{
	*to = 0;
	for (unsigned i = 0; i < 4; i++) {
		uint32_t part = number(s, 255);

		if (part == ~0u || (i < 3 && *(*s)++ != '.'))
			return false;
		*to = *to << 8 | part;
	}
	return true;
}

static bool read_address(const char *cmdline, struct net_config *config)
{
	const char *s = cmdline;
	uint32_t bits;

	while (*s && (strncmp(s, "ip=", 3) || (s != cmdline && s[-1] != ' ')))
		s++;
	if (!*s)
		return true;
	s += 3;
	if (!address(&s, &config->address) || *s++ != '/' || (bits = number(&s, 32)) == ~0u)
		return false;
	config->mask = bits ? ~0u << (32 - bits) : 0;
	if (*s == ',') {
		s++;
		if (!address(&s, &config->router))
			return false;
	}
	return !*s || *s == ' ';
}

/* What a stranger cannot know; the processor's own generator where there is one. */
static uint64_t random_word(void)
{
	uint32_t a = 1, b, c = 0, d;
	uint64_t v = 0;
	uint8_t ok = 0;

	__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	for (unsigned tries = 0; c >> 30 & 1 && !ok && tries < 10; tries++)
		__asm__ volatile("rdrand %0; setc %1" : "=r"(v), "=q"(ok) : : "cc");
	__asm__ volatile("rdtsc" : "=a"(a), "=d"(d));
	return v ^ ((uint64_t)d << 32 | a) * 0x9e3779b97f4a7c15u ^ kernel_now();
}

static int start(struct kernel *k)
{
	struct net_config net = {.hooks = {.now = now}, .seed = {random_word(), random_word()}};
	struct http_hooks http = {.ctx = &web, .read = disk_read, .facts = facts};
	struct smtp_hooks smtp = {.log = show_mail};
	uint64_t n = pages_left() / 2 / (NET_BUF_SIZE / PV_PAGE_SIZE);
	uint8_t *memory;
	int rc;

	if (!read_address(k->cmdline, &net)) {
		kprintf("web: the command line is not ip=ADDRESS/BITS[,ROUTER]: %s\n", k->cmdline);
		return -PV_EINVAL;
	}
	n = n > BUFS_MAX ? BUFS_MAX : n;
	memory = n < BUFS_MIN ? NULL : pages_alloc((unsigned)n * (NET_BUF_SIZE / PV_PAGE_SIZE));
	if (!memory) {
		kprintf("web: too little memory\n");
		return -PV_ENOMEM;
	}
	rc = disk_index(&web.tar);
	if (rc) {
		kprintf("web: the disk cannot be read (%d)\n", rc);
		return rc;
	}
	if (web.tar.error)
		kprintf("web: the archive is damaged: %s\n", web.tar.error);
	card_configure(&net);
	rc = web_start(&web, &net, &http, &smtp, bufs, (unsigned)n, memory);
	kprintf("web: %u names, MTU %u, %u buffers\n", web.tar.n_entries, net.mtu, (unsigned)n);
	return rc;
}

static void say_address(uint32_t *said)
{
	char line[64];
	struct text t = text_over(line, sizeof(line));

	if (*said == web.net.address)
		return;
	*said = web.net.address;
	text_ipv4(&t, *said);
	kprintf("web: %s%.*s\n", *said ? "serving on http://" : "no address: ", (int)t.len, line);
}

static int serve(void)
{
	uint32_t said = 0;

	while (kernel_shutdown_request() < 0) {
		int frames, reads;
		uint64_t at;

		frames = card_poll(&web);
		reads = disk_poll();
		web_poll(&web);
		card_push();
		disk_push();
		if (frames < 0 || reads < 0) {
			kprintf("web: %s broke (%d)\n",
				frames < 0 ? "the network card" : "the disk",
				frames < 0 ? frames : reads);
			return frames < 0 ? frames : reads;
		}
		say_address(&said);
		if (frames || reads || card_arm() || disk_arm())
			continue;
		at = web_deadline(&web);
		if (at > kernel_now())
			kernel_wait(at == ~0ull ? 0 : at);
	}
	return 0;
}

void guest_main(struct kernel *k)
{
	int rc;

	kernel_given = k;
	if (!kernel_bus()) {
		kprintf("web: no xenstore, so no devices\n");
		kernel_shutdown(PV_SHUTDOWN_crash);
	}
	if (pv_xs_read_number(&kernel_bus()->xs, 0, "domid", &domid) < 0)
		domid = 0;
	rc = kernel_grants_init();
	if (rc)
		kprintf("web: no grant table (%d)\n", rc);
	if (!rc)
		rc = disk_open();
	if (!rc)
		rc = card_open();
	if (!rc)
		rc = start(k);
	if (!rc)
		rc = serve();
	kprintf("web: goodbye\n");
	kernel_shutdown(rc						  ? PV_SHUTDOWN_crash
			: kernel_shutdown_request() == PV_SHUTDOWN_reboot ? PV_SHUTDOWN_reboot
									  : PV_SHUTDOWN_poweroff);
}
