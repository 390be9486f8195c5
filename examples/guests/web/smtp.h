/*
 * A mail server that keeps nothing: what is sent to it (RFC 5321) is shown on the console, line by line.
 *
 * Trust: every byte is a stranger's. Only CR LF ends a line, so that nobody can smuggle a second message in; what is
 * shown has no control characters; a message and the number of its receivers are bounded.
 */
#ifndef WEB_SMTP_H
#define WEB_SMTP_H

#include "net.h"
#include "text.h"

#define SMTP_CONNS     128
#define SMTP_LINE      1000    /* RFC 5321, 4.5.3.1.6 */
#define SMTP_SIZE      1048576 /* of a message; a longer one is refused after it was read */
#define SMTP_RECEIVERS 100
#define SMTP_PATIENCE  (300 * NET_S)

struct smtp_hooks {
	void *ctx;
	/* A line for the log, without its end. */
	void (*log)(void *ctx, const char *line, size_t len);
};

enum smtp_phase { SMTP_HELLO, SMTP_READY, SMTP_SENDER, SMTP_RECEIVER, SMTP_DATA };

struct smtp_conn {
	uint32_t id;
	uint8_t phase; /* enum smtp_phase */
	bool inside;   /* a line of a message that is longer than SMTP_LINE goes on */
	uint32_t receivers;
	uint32_t number; /* of the message */
	uint64_t size;
	uint64_t idle_at;
};

struct smtp {
	struct net *net;
	struct smtp_hooks hooks;
	uint32_t messages;
	struct smtp_conn conns[SMTP_CONNS];
	char line[SMTP_LINE + 2];
};

int smtp_init(struct smtp *smtp, struct net *net, uint16_t port, const struct smtp_hooks *hooks);
void smtp_poll(struct smtp *smtp);
uint64_t smtp_deadline(const struct smtp *smtp);

#endif
