/*
 * Between the two halves of a domain's console: its sources (console.c) and its readers (console_readers.c).
 *
 * All of it belongs to the loop's thread, but for what io_lock guards.
 */
#ifndef REFHV_DOMAIN_CONSOLE_H
#define REFHV_DOMAIN_CONSOLE_H

#include <pv/back/console.h>
#include "domain/domain.h"
#include "host/bus.h"

enum {
	CONSOLE_HISTORY = 16384,
	CONSOLE_PENDING = 65536, /* console_io output on its way to the loop */
	CONSOLE_TYPED = 4096,
	CONSOLE_CLIENTS = 16,
};

struct console {
	struct domain *d;
	unsigned index;
	const struct config_channel *channel; /* NULL: a person's */
	int tty; /* a channel's terminal stays open at its other end, too; or -1 */
	ev_io accept, kick;
	ev_async io_news;
	struct console_client *client[CONSOLE_CLIENTS];
	int log;
	size_t log_size;

	struct pv_back_bus bus; /* the first console's; the others' is in device */
	struct pv_host_port hp;
	struct host_bus device;
	struct pv_conback ring;
	bool ring_attached, ring_used;

	char history[CONSOLE_HISTORY];
	size_t history_end; /* bytes ever printed */

	/* Shared with the vCPUs' threads, under io_lock. */
	pthread_mutex_t io_lock;
	pthread_cond_t io_room;
	char pending[CONSOLE_PENDING];
	size_t pending_len;
	char typed[CONSOLE_TYPED];
	size_t typed_len;
	bool closing;
	bool pausing; /* vCPUs are to stop, not to wait here */
};

/* Moves what can be moved, in both directions. */
void console_serve(struct console *c);
/* While vCPUs are made to stop: what one prints and nobody has read yet is lost, and none waits. */
void console_pausing(struct console *c, bool on);

/* How much may be taken from the guest now: the terminal has room for that much. */
size_t console_room(const struct console *c);
void console_print(struct console *c, const char *p, size_t n);
/* Takes fd over. A kept one is not cut off when it does not read: what is oldest is lost. */
enum console_client_kind { CONSOLE_PASSING, CONSOLE_KEPT, CONSOLE_TERMINAL };
void console_client_add(struct console *c, int fd, enum console_client_kind kind);
/* Typed bytes are asked for only while there is room for them: to be called after that has changed. */
void console_clients_listen(struct console *c);
/* A terminal that reads slowly still gets the guest's last words. */
bool console_terminal_waits(struct console *c);
void console_accept(struct ev_loop *loop, ev_io *w, int revents);

#endif
