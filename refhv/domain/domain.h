/*
 * What the parts of a domain process share.
 *
 * Threads: the main thread runs the loop and is the engine's controlling thread; the engine has one service thread a vCPU;
 * disks and vifs have one I/O thread each. `pv` takes `lock` itself. The store, devices, console clients and everything else
 * without a remark belong to the main thread.
 */
#ifndef REFHV_DOMAIN_DOMAIN_H
#define REFHV_DOMAIN_DOMAIN_H

#include <ev.h>
#include <pthread.h>
#include <pv/domain.h>
#include <pv/store.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include "boot/boot.h"
#include "config/config.h"
#include "domain/space.h"
#include "engine/engine.h"
#include "engine/kvm/speed.h"
#include "fdmsg.h"
#include "host/xenstore.h"
#include "migrate/image.h"

/* Who uses which of the engine's kick descriptors. */
enum { KICK_CONSOLE, KICK_STORE, KICK_DEVICES };

enum { DOMAIN_WRITTEN = 1024 };

enum domain_state {
	DOMAIN_STARTING,
	DOMAIN_RUNNING,
	DOMAIN_PAUSED,	 /* a person paused it */
	DOMAIN_SHUTDOWN, /* the guest ended by itself, and is preserved */
	DOMAIN_CRASHED,
	DOMAIN_DYING,
};

struct console;
struct control_server;
struct device;
struct devices;

struct domain {
	struct refhv_config config;
	char name[CONFIG_NAME_MAX + 1];
	uint16_t domid;	 /* what the guest believes to be: a move keeps it */
	uint16_t listed; /* its number in the registry */
	enum domain_state state;
	bool foreground; /* ends when the launcher goes without a word */
	char why[512];	 /* of a crash */
	int exit_code;	 /* DOMAIN_ENDED, ... (launch/launch.h) */
	bool landlock;	 /* no file system is left */
	bool incoming;	 /* comes from a stream, and is not complete yet */
	json_t *links;	 /* launch message: what is known of each vif's far end, by its number */
	json_t *ttys; /* launch message: names of channels' terminals, by the role of their consoles */

	/* Descriptors from the launcher, by role; -1 when absent. */
	int fd[FDMSG_MAX_FDS];
	char role[FDMSG_MAX_FDS][16];
	unsigned nfds;
	int report, log;
	int keeper;

	struct ev_loop *loop;
	ev_io report_watch;
	ev_async news;		/* something below was set by another thread */
	_Atomic int end_reason; /* PV_SHUTDOWN_*, or -1 */
	_Atomic bool died;	/* `why` was written before this was set */
	_Atomic bool suspended; /* SHUTDOWN_suspend that nobody asked for */

	/* The machine. */
	const struct engine_impl *impl;
	struct engine *engine;
	struct engine_client client;
	ev_io watch_engine;
	enum pv_domain_kind kind;
	char why_engine[320];	    /* it was chosen */
	char warning[320];	    /* for whoever starts it; empty: none */
	char no_kvm[256];	    /* launch message: why there is no kvm descriptor */
	bool kvm_inherited;	    /* launch message: it may be another than this machine's */
	struct kvm_speed kvm_speed; /* launch message, or measured; exit_ns 0: unknown */
	bool kvm_measured;
	struct space space;
	struct pv_vmm vmm;
	struct pv_domain *pv;
	pthread_mutex_t lock;
	unsigned lock_waiters; /* atomic */
	uint64_t written
		[DOMAIN_WRITTEN]; /* pages mapped for writing since it was taken; full: any page */
	unsigned nwritten;
	_Atomic int64_t clock_offset; /* guest system time = CLOCK_MONOTONIC + this */
	_Atomic uint64_t shared_info; /* what the engine was told last */
	struct boot_result boot;      /* of a PVH domain only the ring pages */
	struct boot_pvh_result boot_pvh;
	uint32_t store_port, console_port;
	ev_timer clock_timer;
	uint64_t tsc0, ns0; /* the first pair of readings, for the scale */

	struct pv_store *store;
	struct refhv_xenstore *xs;
	struct pv_host_port store_hp;
	ev_io store_kick;

	struct console *console[CONFIG_MAX_CONSOLES]; /* the first has a ring of the builder's */
	struct control_server *control;
	struct devices *devices;
	struct move *move; /* under way, or NULL */
};

/* The descriptor of a role, or -1; taken out of the table when `take`: the caller closes it. */
int domain_fd(struct domain *d, const char *role, bool take);
/* An incoming domain is here: returns when it is listed under its own name. */
void domain_arrived(struct domain *d);
/* One line into refhv.log. Any thread. */
void domain_log(struct domain *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* machine.c: 0 or negative with *e. */
int machine_build(struct domain *d, struct refhv_error *e);
/* The engine is ready to be locked in. */
int machine_wait(struct domain *d, struct refhv_error *e);
int machine_start(struct domain *d, bool paused, struct refhv_error *e);
/* For a domain from a stream: an empty machine of this shape; what it holds; and off it goes. */
int machine_build_incoming(struct domain *d, const struct image_machine *m, struct refhv_error *e);
int machine_load(struct domain *d, struct image *im);
int machine_go_on(struct domain *d, bool paused, struct refhv_error *e);
/* The machine's part of an image; paused. */
int machine_store(struct domain *d, struct image *im);
int machine_pause(struct domain *d);
int machine_resume(struct domain *d);
void machine_destroy(struct domain *d);
uint64_t machine_now(struct domain *d);
void machine_mark_dirty(void *ctx, uint64_t gpa, uint64_t len);
/* Bytes of RAM that it started with. */
uint64_t machine_ram(const struct domain *d);
/* Seconds that the guest's vCPUs have used. */
double machine_cpu_seconds(struct domain *d);

/* hooks.c: struct pv_vmm and struct engine_client over each other. */
void hooks_init(struct domain *d);

/* clock.c */
uint64_t clock_monotonic(void);
uint64_t clock_tsc(void);
/* Tell the guest the time and its scale now, and again later, as the scale gets better known. */
void clock_start(struct domain *d);
void clock_stop(struct domain *d);

/* nodes.c: what a toolstack writes into the store. 0 or -PV_E.... */
int nodes_create(struct domain *d);
/* channel: what it is for, or NULL. */
int nodes_console(struct domain *d, unsigned index, const struct config_channel *channel);
int nodes_disk(struct domain *d, const struct config_disk *disk);
int nodes_vif(struct domain *d, const struct config_vif *v, unsigned mtu);
/* The guest is asked to let a device go; it has. Paths are the two ends' directories. */
int nodes_offline(struct domain *d, const char *back);
void nodes_remove(struct domain *d, const char *front, const char *back);
/* What the guest's balloon, its CPU hotplug and its sysrq handler watch. */
int nodes_memory_target(struct domain *d, uint64_t kib);
int nodes_vcpu(struct domain *d, unsigned vcpu, bool online);
int nodes_sysrq(struct domain *d, char letter);
int nodes_request_shutdown(struct domain *d, const char *reason);
/* Whether the guest said that it understands `reason` ("poweroff", ...). */
bool nodes_understands(struct domain *d, const char *reason);

/* store.c: the store, the guest's ring, the socket. */
int store_start(struct domain *d, struct refhv_error *e);
/* In place of store_start(), with the tree from an image. */
int store_load(struct domain *d, const struct image *im);
/* The ring needs the machine. */
int store_attach(struct domain *d, struct refhv_error *e);

/* console.c: all of the domain's. */
int console_start(struct domain *d, struct refhv_error *e);
int console_attach(struct domain *d, struct refhv_error *e);
/* From a vCPU's thread: HYPERVISOR_console_io. */
int console_io_write(struct console *c, const char *buf, uint32_t len);
int console_io_read(struct console *c, char *buf, uint32_t len);
/* Everything that the guest has printed goes where it belongs. The guest does not run. */
void console_drain(struct domain *d);
void console_stop(struct domain *d);
/* Adds "channels" to an info object. */
void console_info(struct domain *d, json_t *info);

/* devices.c */
int devices_start(struct domain *d, struct refhv_error *e);
void devices_stop(struct domain *d);
/* The guest rests. Quiet: nothing is in flight and no guest memory is touched. 0 or -PV_E.... */
void devices_quiesce(struct domain *d, bool on);
int devices_export(struct domain *d, struct image *im);
int devices_import(struct domain *d, const struct image *im);
/* User networking stays for so long without a domain. */
void devices_hold(struct domain *d, unsigned seconds);
/* Adds "disks" and "vifs" to an info object. */
void devices_info(struct domain *d, json_t *info);

/* hotplug.c: devices that come and go while the guest runs. 0 or negative with *e. */
void hotplug_init(struct domain *d);
/* The request describes it; descriptors (n of them, in the order of the request's "fds") are taken over. *devid: its number. */
int hotplug_attach(struct domain *d, const json_t *request, const int *fd, unsigned n,
		   unsigned *devid, struct refhv_error *e);
/* server_tell_device() comes when the guest has let it go; with force, at once. */
int hotplug_detach(struct domain *d, const char *kind, unsigned devid, bool force,
		   struct refhv_error *e);
/* Whether the guest uses it now. */
bool hotplug_connected(struct domain *d, const char *kind, unsigned devid);
/* The device's backend has made a step. */
void hotplug_stepped(struct device *dev);

/* server.c */
int server_start(struct domain *d, struct refhv_error *e);
/* The guest ended: answers "wait". action: what happens now. */
void server_tell_end(struct domain *d, const char *reason, const char *action);
/* The answer to the "migrate" or "save" that is under way; with e: it failed. */
/* A device was connected by the guest, or (gone) is no more: answers who waits for that. */
void server_tell_device(struct domain *d, const char *kind, unsigned devid, bool gone);
void server_tell_moved(struct domain *d, json_t *result, const struct refhv_error *e);
void server_stop(struct domain *d);

/* life.c */
void life_news(struct domain *d);
int life_pause(struct domain *d, struct refhv_error *e);
int life_unpause(struct domain *d, struct refhv_error *e);
/* It runs, or is paused. */
int life_check_alive(struct domain *d, struct refhv_error *e);
int life_shutdown(struct domain *d, const char *reason, struct refhv_error *e);
/* The guest is asked to have so much memory, so many vCPUs; how much it may ask for itself. */
int life_memory(struct domain *d, uint64_t kib, struct refhv_error *e);
int life_max_memory(struct domain *d, uint64_t kib, struct refhv_error *e);
int life_vcpus(struct domain *d, unsigned n, struct refhv_error *e);
int life_sysrq(struct domain *d, const char *letter, struct refhv_error *e);
void life_destroy(struct domain *d, const char *reason, const char *what);
/* The guest goes on elsewhere, or in a file. */
void life_moved(struct domain *d, const char *what);
json_t *life_info(struct domain *d);
const char *life_state_word(struct domain *d);

/* trigger.c: "nmi", "reset" or "power". 0 or negative with *e. */
int trigger(struct domain *d, const char *what, unsigned vcpu, struct refhv_error *e);

/* move.c: save and move; fd is taken over. 0, or negative with *e. */
/* Everything into a file; with run_on, the guest goes on afterwards. */
/* server_tell_moved() comes later; then the domain waits for move_saved(), or a cancel. */
int move_save(struct domain *d, int fd, bool run_on, struct refhv_error *e);
/* Whoever asked has the file where it belongs: the guest goes on, or (*end) the domain ends. */
int move_saved(struct domain *d, bool *end, struct refhv_error *e);
/* Starts; server_tell_moved() comes later. */
int move_start(struct domain *d, int fd, const json_t *options, struct refhv_error *e);
/* Calls a move off, and waits until it is. Harmless without one. */
void move_cancel(struct domain *d);

/* arrive.c: a domain from a stream (role "stream"), before and after the lock-in. */
int arrive_begin(struct domain *d, struct refhv_error *e);
int arrive_finish(struct domain *d, bool moved_here, struct refhv_error *e);

/*
 * lockdown.c: 0 or negative with *e. User: before there is anything else. Early: when the engine runs and before there are I/O threads. Then: from here on no path is
 * opened and no process started.
 */
void lockdown_user(struct domain *d);
int lockdown_early(struct domain *d, struct refhv_error *e);
int lockdown(struct domain *d, struct refhv_error *e);

#endif
