/*
 * What the clients of the control socket can ask for; the protocol is in control/control.h.
 *
 * Requests come from the domain's owner, and are checked like anybody's.
 */
#include <string.h>
#include "domain/device.h"
#include "domain/server.h"

json_t *server_success(json_t *result)
{
	json_t *o = json_pack("{s:b}", "ok", 1);

	if (result)
		json_object_set_new(o, "result", result);
	return o;
}

/* With "wait", the answer is that of "wait": asked for before the guest can react. */
static json_t *do_shutdown(struct peer *p, const json_t *request, bool *later,
			   struct refhv_error *e)
{
	struct domain *d = p->s->d;
	const char *reason = json_string_value(json_object_get(request, "reason"));
	bool understood;

	if (!reason || (strcmp(reason, "poweroff") && strcmp(reason, "reboot") &&
			strcmp(reason, "suspend") && strcmp(reason, "halt"))) {
		refhv_fail(e, REFHV_USAGE, "use poweroff or reboot",
			   "unknown reason for a shutdown");
		return NULL;
	}
	understood = nodes_understands(d, reason);
	if (life_shutdown(d, reason, e))
		return NULL;
	if (json_is_true(json_object_get(request, "wait"))) {
		p->waits = *later = true;
		return NULL;
	}
	return server_success(json_pack("{s:b}", "understood", (int)understood));
}

static int take_fd(struct peer *p, struct refhv_error *e)
{
	if (!p->nfds)
		return refhv_fail(e, REFHV_USAGE, NULL, "the request needs a descriptor");
	return p->fd[--p->nfds];
}

static void wait_for_device(struct peer *p, const char *kind, unsigned devid, bool gone)
{
	p->device = kind;
	p->devid = devid;
	p->device_gone = gone;
}

static json_t *do_attach(struct peer *p, const json_t *request, bool *later, struct refhv_error *e)
{
	const char *kind = json_object_get(request, "disk") ? "vbd" : "vif";
	unsigned n = p->nfds, devid = 0;

	p->nfds = 0;
	if (hotplug_attach(p->s->d, request, p->fd, n, &devid, e))
		return NULL;
	if (json_is_true(json_object_get(request, "wait")) &&
	    !hotplug_connected(p->s->d, kind, devid)) {
		wait_for_device(p, kind, devid, false);
		*later = true;
		return NULL;
	}
	return server_success(json_pack("{s:i}", "devid", (int)devid));
}

static json_t *do_detach(struct peer *p, const json_t *request, bool *later, struct refhv_error *e)
{
	const char *word = json_string_value(json_object_get(request, "kind"));
	const char *kind = word && !strcmp(word, "disk") ? "vbd" : "vif";
	unsigned devid = (unsigned)json_integer_value(json_object_get(request, "devid"));

	if (hotplug_detach(p->s->d, kind, devid, json_is_true(json_object_get(request, "force")),
			   e))
		return NULL;
	if (hotplug_connected(p->s->d, kind, devid)) {
		wait_for_device(p, kind, devid, true);
		*later = true;
		return NULL;
	}
	return server_success(json_pack("{s:i}", "devid", (int)devid));
}

static json_t *do_resize(struct peer *p, const json_t *request, struct refhv_error *e)
{
	unsigned devid = (unsigned)json_integer_value(json_object_get(request, "devid"));
	struct device *dev = device_find(p->s->d, "vbd", devid);
	int64_t sectors = dev ? device_disk_resized(dev) : 0;

	if (dev && sectors >= 0)
		return server_success(json_pack("{s:I}", "sectors", (json_int_t)sectors));
	if (dev)
		refhv_fail(e, REFHV_FAILED, NULL, "the size cannot be read: %s",
			   strerror((int)-sectors));
	else
		refhv_fail(e, REFHV_USAGE, "see refhv block-list", "there is no such disk");
	return NULL;
}

/* 0 is in nobody's range. */
static uint64_t number(const json_t *request, const char *key)
{
	json_int_t n = json_integer_value(json_object_get(request, key));

	return n > 0 && n <= UINT32_MAX ? (uint64_t)n : 0;
}

json_t *server_perform(struct peer *p, const json_t *request, bool *later, struct refhv_error *e)
{
	struct domain *d = p->s->d;
	const char *cmd = json_string_value(json_object_get(request, "cmd"));
	bool ended = d->state == DOMAIN_SHUTDOWN || d->state == DOMAIN_CRASHED;

	if (!cmd) {
		refhv_fail(e, REFHV_USAGE, NULL, "a request is a JSON object with a cmd");
		return NULL;
	}
	if (!strcmp(cmd, "info"))
		return server_success(life_info(d));
	if (!strcmp(cmd, "pause"))
		return life_pause(d, e) ? NULL : server_success(NULL);
	if (!strcmp(cmd, "unpause"))
		return life_unpause(d, e) ? NULL : server_success(NULL);
	if (!strcmp(cmd, "shutdown"))
		return do_shutdown(p, request, later, e);
	if (!strcmp(cmd, "memory"))
		return life_memory(d, number(request, "kib"), e) ? NULL : server_success(NULL);
	if (!strcmp(cmd, "max-memory"))
		return life_max_memory(d, number(request, "kib"), e) ? NULL : server_success(NULL);
	if (!strcmp(cmd, "vcpus"))
		return life_vcpus(d, (unsigned)number(request, "n"), e) ? NULL
									: server_success(NULL);
	if (!strcmp(cmd, "sysrq"))
		return life_sysrq(d, json_string_value(json_object_get(request, "letter")), e)
			       ? NULL
			       : server_success(NULL);
	if (!strcmp(cmd, "trigger"))
		return trigger(d, json_string_value(json_object_get(request, "what")),
			       (unsigned)number(request, "vcpu"), e)
			       ? NULL
			       : server_success(NULL);
	if (!strcmp(cmd, "attach"))
		return do_attach(p, request, later, e);
	if (!strcmp(cmd, "detach"))
		return do_detach(p, request, later, e);
	if (!strcmp(cmd, "resize"))
		return do_resize(p, request, e);
	if (!strcmp(cmd, "migrate") || !strcmp(cmd, "save")) {
		bool run_on = json_is_true(json_object_get(request, "go_on"));
		int fd = take_fd(p, e), rc = fd;

		if (fd >= 0)
			rc = *cmd == 's' ? move_save(d, fd, run_on, e)
					 : move_start(d, fd, request, e);
		p->moves = *later = rc >= 0;
		return NULL;
	}
	if (!strcmp(cmd, "wait") && ended)
		return server_success(json_pack("{s:s, s:s}", "reason", life_state_word(d),
						"action", "preserve"));
	if (!strcmp(cmd, "wait")) {
		p->waits = *later = true;
		return NULL;
	}
	refhv_fail(e, REFHV_USAGE, NULL, "unknown request \"%.40s\"", cmd);
	return NULL;
}
