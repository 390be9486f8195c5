/*
 * A domain from a stream: out of a file (restore), or from another domain process that still runs it (receive).
 *
 * The launcher has read the headers and the description. Here: the shape of the machine, which is then built empty; the lock-in; and only
 * then, behind it, the rest of the stream, which is believed nowhere: each owner checks its part.
 */
#include <pv/abi/errno.h>
#include <stdlib.h>
#include <string.h>
#include "domain/domain.h"
#include "migrate/migrate.h"

/* From the first half to the second. */
static struct wire wire;
static struct image image;

static int bad_stream(struct refhv_error *e)
{
	return refhv_fail(e, REFHV_IMAGE, NULL, "the saved domain cannot be used: %s", wire.err);
}

int arrive_begin(struct domain *d, struct refhv_error *e)
{
	int fd = domain_fd(d, "stream", true);

	if (fd < 0)
		return refhv_fail(e, REFHV_FAILED, NULL, "there is no stream");
	wire_init(&wire, fd);
	if (migrate_machine(&wire, &image))
		return bad_stream(e);
	return machine_build_incoming(d, &image.machine, e);
}

static int refuse(struct refhv_error *e, const char *part, int error)
{
	return refhv_fail(e, REFHV_IMAGE, NULL,
			  "the saved domain cannot be used: its %s is refused (error %d)", part,
			  -error);
}

/* What was received becomes the domain. */
static int take_over(struct domain *d, struct refhv_error *e)
{
	int rc = machine_load(d, &image);

	if (rc < 0)
		return refuse(e, "machine", rc);
	rc = store_load(d, &image);
	if (rc < 0)
		return refuse(e, "xenstore", rc);
	if (store_attach(d, e) || console_attach(d, e))
		return -(int)e->exit;
	rc = devices_import(d, &image);
	if (rc < 0)
		return refuse(e, "devices", rc);
	pv_domain_grant_settle(d->pv);
	return 0;
}

/* The source lets go, or there is no domain here. */
static int await_go(struct refhv_error *e)
{
	char line[256];

	if (wire_say(&wire, "holding") || wire_hear(&wire, line))
		return refhv_fail(e, REFHV_STATE, NULL, "the source did not let go: %s", wire.err);
	if (strcmp(line, "go"))
		return refhv_fail(e, REFHV_STATE, NULL, "the source keeps the domain");
	return 0;
}

int arrive_finish(struct domain *d, bool moved_here, struct refhv_error *e)
{
	bool paused = image.machine.paused;
	int rc = 0;

	if (moved_here && wire_say(&wire, "ready"))
		return bad_stream(e);
	if (migrate_receive(&wire, d->space.ram, d->space.size, &image))
		return bad_stream(e);
	rc = take_over(d, e);
	if (!rc && moved_here)
		rc = await_go(e);
	if (!rc) {
		d->incoming = false;
		rc = machine_go_on(d, paused, e);
	}
	if (!rc) {
		domain_arrived(d);
		/* Only now may the source go: before, the name was its own. */
		if (moved_here)
			wire_say(&wire, "running");
	}
	close(wire.fd);
	image_free(&image);
	return rc;
}
