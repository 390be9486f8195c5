/*
 * The small parts of a domain's description: names, identities, addresses, words. Trusts no input.
 */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "config/config.h"

void config_free(struct refhv_config *c)
{
	for (unsigned i = 0; i < c->ndisks; i++)
		free(c->disk[i].target);
	for (unsigned i = 0; i < c->nvifs; i++)
		free(c->vif[i].forward);
	for (unsigned i = 0; i < c->nchannels; i++)
		free(c->channel[i].path);
	free(c->name);
	free(c->kernel);
	free(c->ramdisk);
	free(c->cmdline);
	free(c->base_dir);
	memset(c, 0, sizeof(*c));
}

struct config_disk *config_disk_find(struct refhv_config *c, uint32_t vbd)
{
	for (unsigned i = 0; i < c->ndisks; i++)
		if (c->disk[i].vbd == vbd)
			return &c->disk[i];
	return NULL;
}

struct config_vif *config_vif_find(struct refhv_config *c, unsigned devid)
{
	for (unsigned i = 0; i < c->nvifs; i++)
		if (c->vif[i].devid == devid)
			return &c->vif[i];
	return NULL;
}

void config_disk_remove(struct refhv_config *c, struct config_disk *d)
{
	free(d->target);
	c->ndisks--;
	memmove(d, d + 1, (size_t)(&c->disk[c->ndisks] - d) * sizeof(*d));
}

void config_vif_remove(struct refhv_config *c, struct config_vif *v)
{
	free(v->forward);
	c->nvifs--;
	memmove(v, v + 1, (size_t)(&c->vif[c->nvifs] - v) * sizeof(*v));
}

void config_note(struct config_notes *notes, unsigned line, const char *fmt, ...)
{
	va_list ap;

	if (!notes || notes->n == CONFIG_MAX_NOTES)
		return;
	notes->note[notes->n].line = line;
	va_start(ap, fmt);
	vsnprintf(notes->note[notes->n].text, sizeof(notes->note[0].text), fmt, ap);
	va_end(ap);
	notes->n++;
}

bool config_name_ok(const char *name)
{
	size_t n = strlen(name);
	bool digits = true;

	if (!n || n > CONFIG_NAME_MAX || name[0] == '.' || name[0] == '-')
		return false;
	for (size_t i = 0; i < n; i++) {
		unsigned char ch = (unsigned char)name[i];

		if (ch >= 128 || (!isalnum(ch) && !strchr("_.+-", ch)))
			return false;
		digits = digits && isdigit(ch);
	}
	/* All digits would read as a domid. */
	return !digits;
}

void config_uuid_format(const uint8_t u[16], char out[37])
{
	snprintf(out, 37, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
		 u[0], u[1], u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11], u[12],
		 u[13], u[14], u[15]);
}

static int hex_digit(char ch)
{
	if (ch >= '0' && ch <= '9')
		return ch - '0';
	ch |= 0x20;
	return ch >= 'a' && ch <= 'f' ? ch - 'a' + 10 : -1;
}

int config_uuid_parse(const char *text, uint8_t uuid[16])
{
	unsigned n = 0;

	for (; *text && n < 32; text++) {
		int d = hex_digit(*text);

		if (*text == '-' && !(n & 1))
			continue;
		if (d < 0)
			return -1;
		uuid[n / 2] = (uint8_t)(n & 1 ? uuid[n / 2] | d : d << 4);
		n++;
	}
	return n == 32 && !*text ? 0 : -1;
}

void config_mac_format(const uint8_t m[6], char out[18])
{
	snprintf(out, 18, "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5]);
}

int config_mac_parse(const char *text, uint8_t mac[6])
{
	for (unsigned i = 0; i < 6; i++) {
		int d = hex_digit(*text);

		if (d < 0)
			return -1;
		mac[i] = (uint8_t)d;
		d = hex_digit(*++text);
		if (d >= 0) {
			mac[i] = (uint8_t)(mac[i] << 4 | d);
			text++;
		}
		if (i < 5 && *text++ != ':')
			return -1;
	}
	return *text ? -1 : 0;
}

void config_mac_derive(const uint8_t uuid[16], unsigned index, uint8_t mac[6])
{
	uint32_t h = 2166136261u ^ index;

	for (unsigned i = 0; i < 16; i++)
		h = (h ^ uuid[i]) * 16777619u;
	h ^= h >> 15;
	memcpy(mac, (const uint8_t[]){0x00, 0x16, 0x3e}, 3);
	mac[3] = (h >> 16) & 0x7f;
	mac[4] = (uint8_t)(h >> 8);
	mac[5] = (uint8_t)h;
}

const char *config_action_word(enum config_action a)
{
	static const char *const word[] = {"destroy", "restart", "rename-restart", "preserve"};

	return word[a];
}

const char *config_type_word(enum config_type t)
{
	static const char *const word[] = {"any", "pv", "pvh"};

	return word[t];
}

const char *const config_trap_words[CONFIG_TRAPS] = {"auto", "kvm-xen", "run-time", "load-time",
						     "page"};
const char *const config_pages_words[3] = {"no", "transparent", "yes"};

const char *config_engine_word(enum config_engine k)
{
	static const char *const word[] = {"auto", "user", "kvm"};

	return word[k];
}
