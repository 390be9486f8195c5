/*
 * One description of a domain.
 *
 * xl.cfg text, the JSON in a saved stream and `info --json` all become, and come from, this struct; everything behind it
 * (builder, launcher, migration, list) sees only this. All strings are owned by the config and freed by config_free().
 */
#ifndef REFHV_CONFIG_H
#define REFHV_CONFIG_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "error.h"

enum {
	CONFIG_MAX_DISKS = 32,
	CONFIG_MAX_VIFS = 8,
	CONFIG_MAX_DEVID = 255, /* of a vif */
	CONFIG_MAX_FORWARDS = 32,
	CONFIG_MAX_VCPUS = 128,		/* PV_MAX_VCPUS; engines and hosts may have fewer */
	CONFIG_MIN_EVENT_CHANNELS = 64, /* consoles, store, devices, and some of the guest's own */
	CONFIG_MAX_EVENT_CHANNELS = 131071,
	CONFIG_MAX_GRANT_FRAMES = 64,
	CONFIG_NAME_MAX = 63,
	CONFIG_MAX_CONSOLES = 8,
	CONFIG_MAX_NOTES = 32,
};

enum config_type { CONFIG_TYPE_ANY, CONFIG_TYPE_PV, CONFIG_TYPE_PVH };
enum config_engine { CONFIG_ENGINE_AUTO, CONFIG_ENGINE_USER, CONFIG_ENGINE_KVM };

/* How the kvm engine catches hypercalls; in the order of enum engine_trap. */
enum config_trap {
	CONFIG_TRAP_AUTO,
	CONFIG_TRAP_KVM_XEN,
	CONFIG_TRAP_RUN_TIME,
	CONFIG_TRAP_LOAD_TIME,
	CONFIG_TRAP_PAGE,
	CONFIG_TRAPS,
};
/* Pages that guest memory is made of, on the host. */
enum config_pages { CONFIG_PAGES_SMALL, CONFIG_PAGES_TRANSPARENT, CONFIG_PAGES_HUGE };

/* What to do when a guest ends by itself. */
enum config_action {
	CONFIG_DESTROY,
	CONFIG_RESTART,
	CONFIG_RENAME_RESTART,
	CONFIG_PRESERVE,
};

struct config_disk {
	char *target;  /* absolute, or relative to base_dir, or below /dev */
	char vdev[16]; /* xvda, hdb3, sdc, d5p1, 51712, ... */
	uint32_t vbd;  /* the virtual-device number that vdev means (xen-vbd-interface(7)) */
	bool readonly;
	bool cdrom;
	bool discard;
	bool trusted;
	bool direct_io_safe;
	bool persistent;      /* offer to keep the guest's grants mapped */
	uint32_t sector_size; /* of a file, 0: 512 */
};

enum config_net { CONFIG_NET_USER, CONFIG_NET_TAP, CONFIG_NET_BRIDGE, CONFIG_NET_NONE };

/* A port of the host that leads into the guest. */
struct config_forward {
	bool udp;
	char addr[46];	/* on the host; "127.0.0.1" unless given */
	uint16_t port;	/* on the host; 0 = any free one */
	char guest[46]; /* "" = the address that the guest has by DHCP */
	uint16_t guest_port;
};

struct config_vif {
	unsigned devid; /* its number in the guest: where it is in the list, unless it came later */
	uint8_t mac[6]; /* given, or derived from uuid and index, so that a domain keeps it */
	enum config_net net;
	char dev[16];	     /* name of the tap or bridge */
	char ip[64];	     /* handed on; empty when not given */
	uint32_t mtu;	     /* bytes; 0 = what the far end likes best */
	uint64_t rate_bytes; /* credit per interval; 0 = no limit */
	uint32_t rate_interval_us;
	bool trusted;
	unsigned nforwards;
	struct config_forward *forward;
};

enum config_connection { CONFIG_CHANNEL_PTY, CONFIG_CHANNEL_SOCKET };

/* One more console, for a program at each end. In the guest it comes after the consoles. */
struct config_channel {
	char name[64]; /* by which the guest's program finds it */
	enum config_connection connection;
	char *path; /* of the socket, absolute */
};

struct refhv_config {
	char *name;
	uint8_t uuid[16];
	enum config_type type;
	enum config_engine engine;
	enum config_trap trap;
	char *kernel;	/* absolute */
	char *ramdisk;	/* absolute, or NULL */
	char *cmdline;	/* never NULL */
	char *base_dir; /* folder that relative disk targets start from */
	uint64_t memory_kib, maxmem_kib;
	enum config_pages pages;
	bool prefault; /* all memory is there before the guest starts */
	unsigned vcpus, maxvcpus;
	unsigned consoles; /* 1..CONFIG_MAX_CONSOLES, with the channels */
	unsigned nchannels;
	struct config_channel channel[CONFIG_MAX_CONSOLES];
	/* 0: what the library has. */
	uint32_t max_event_channels, max_grant_frames, max_grant_version;
	enum config_action on_poweroff, on_reboot, on_crash;
	unsigned ndisks, nvifs;
	struct config_disk disk[CONFIG_MAX_DISKS];
	struct config_vif vif[CONFIG_MAX_VIFS];
};

/* What deserves a word to the person but does not stop the domain. */
struct config_notes {
	unsigned n;
	struct {
		unsigned line;
		char text[200];
	} note[CONFIG_MAX_NOTES];
};

/* All of these return 0, or negative with *e filled in and nothing to free. */

/* `file` names the text in messages, and its folder is where relative paths start. */
int config_parse(struct refhv_config *c, const char *file, const char *text, size_t len,
		 struct config_notes *notes, struct refhv_error *e);
int config_load(struct refhv_config *c, const char *path, struct config_notes *notes,
		struct refhv_error *e);
int config_from_json(struct refhv_config *c, const json_t *json, struct refhv_error *e);

/* One device, as in the lists of the whole. On failure there is nothing to free. */
int config_disk_from_json(struct config_disk *d, const json_t *json, struct refhv_error *e);
int config_vif_from_json(struct config_vif *v, const json_t *json, struct refhv_error *e);

int config_channel_from_json(struct config_channel *ch, const json_t *json, struct refhv_error *e);

/* A new reference, or NULL when out of memory. */
json_t *config_to_json(const struct refhv_config *c);
json_t *config_disk_to_json(const struct config_disk *d);
json_t *config_vif_to_json(const struct config_vif *v);
json_t *config_channel_to_json(const struct config_channel *ch);

void config_free(struct refhv_config *c);

/*
 * The specification strings of xl.cfg's disk, vif and channel lists. `where` and line are for messages, `dir` is where a path starts that is
 * not absolute.
 */
int config_disk_parse(struct config_disk *d, const char *spec, const char *where, unsigned line,
		      struct config_notes *notes, struct refhv_error *e);
int config_vif_parse(struct config_vif *v, const char *spec, const char *where, unsigned line,
		     struct config_notes *notes, struct refhv_error *e);
int config_channel_parse(struct config_channel *ch, const char *spec, const char *dir,
			 const char *where, unsigned line, struct config_notes *notes,
			 struct refhv_error *e);
/* The device with this number, or NULL. */
struct config_disk *config_disk_find(struct refhv_config *c, uint32_t vbd);
struct config_vif *config_vif_find(struct refhv_config *c, unsigned devid);
/* Takes it out and frees what it holds; the others keep their order. */
void config_disk_remove(struct refhv_config *c, struct config_disk *d);
void config_vif_remove(struct refhv_config *c, struct config_vif *v);
/* 0 and *vbd, or -1. `name` is what xen-vbd-interface(7) allows. */
int config_vdev_number(const char *name, uint32_t *vbd);

void config_note(struct config_notes *notes, unsigned line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Whether a string may name a domain: it becomes part of file names. */
bool config_name_ok(const char *name);
void config_uuid_format(const uint8_t uuid[16], char out[37]);
int config_uuid_parse(const char *text, uint8_t uuid[16]);
void config_mac_format(const uint8_t mac[6], char out[18]);
int config_mac_parse(const char *text, uint8_t mac[6]);
/* 00:16:3e and three bytes that depend on the identity and the index alone. */
void config_mac_derive(const uint8_t uuid[16], unsigned index, uint8_t mac[6]);

const char *config_action_word(enum config_action a);
const char *config_type_word(enum config_type t);
const char *config_engine_word(enum config_engine k);
extern const char *const config_trap_words[CONFIG_TRAPS];
extern const char *const config_pages_words[3];

#endif
