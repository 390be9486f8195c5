/*
 * How a domain lives and ends: what the guest did, what a person asked for, what the configuration says to do.
 */
#include <pv/abi/sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "domain/domain.h"
#include "launch/launch.h"

static const char *reason_word(int reason)
{
	static const char *const words[] = {"poweroff", "reboot",   "suspend",
					    "crash",	"watchdog", "soft-reset"};

	return reason >= 0 && reason <= PV_SHUTDOWN_MAX ? words[reason] : "poweroff";
}

static void report_end(struct domain *d, const char *reason, const char *what)
{
	json_t *msg = json_pack("{s:{s:s, s:s}}", "ended", "reason", reason, "what", what);

	if (d->report >= 0)
		fdmsg_send(d->report, msg, NULL, 0);
	json_decref(msg);
}

static void leave(struct domain *d, int exit_code)
{
	d->state = DOMAIN_DYING;
	d->exit_code = exit_code;
	ev_break(d->loop, EVBREAK_ALL);
}

static enum config_action action_for(const struct domain *d, int reason)
{
	switch (reason) {
	case PV_SHUTDOWN_reboot:
	case PV_SHUTDOWN_soft_reset: return d->config.on_reboot;
	case PV_SHUTDOWN_crash:
	case PV_SHUTDOWN_watchdog: return d->config.on_crash;
	}
	return d->config.on_poweroff;
}

/* The vCPUs rest, the backends have stopped asking: decide. */
static void guest_ended(struct domain *d, int reason)
{
	enum config_action action = action_for(d, reason);
	bool crash = reason == PV_SHUTDOWN_crash || reason == PV_SHUTDOWN_watchdog;
	/* A copy under another name is not made: a restart is what matters. */
	const char *word =
		config_action_word(action == CONFIG_RENAME_RESTART ? CONFIG_RESTART : action);

	if (d->state == DOMAIN_DYING || d->state == DOMAIN_SHUTDOWN || d->state == DOMAIN_CRASHED)
		return;
	move_cancel(d);
	machine_pause(d);
	console_drain(d);
	pv_store_domain_shutdown(d->store, d->domid);
	if (crash && !d->why[0]) {
		const char *why = pv_domain_crash_reason(d->pv);

		snprintf(d->why, sizeof(d->why), "%s", why ? why : "the guest reported a crash");
	}
	domain_log(d, "guest ended: %s%s%s; %s", reason_word(reason), crash ? ": " : "", d->why,
		   word);
	d->state = crash ? DOMAIN_CRASHED : DOMAIN_SHUTDOWN;
	server_tell_end(d, reason_word(reason), word);
	if (action == CONFIG_PRESERVE)
		return;
	if (action == CONFIG_DESTROY) {
		report_end(d, reason_word(reason), d->why);
		leave(d, DOMAIN_ENDED);
	} else {
		leave(d, DOMAIN_RESTART);
	}
}

void life_news(struct domain *d)
{
	int reason = atomic_exchange(&d->end_reason, -1);

	/* A suspend that no save asked for is called off: the hypercall has returned 1. */
	if (atomic_exchange(&d->suspended, false))
		pv_domain_shutdown_clear(d->pv);
	if (d->died)
		reason = PV_SHUTDOWN_crash;
	if (reason >= 0)
		guest_ended(d, reason);
}

static int wrong_state(struct domain *d, struct refhv_error *e)
{
	if (d->move)
		return refhv_fail(e, REFHV_STATE, "wait until it has moved, or end refhv migrate",
				  "%s is being moved", d->name);
	return refhv_fail(e, REFHV_STATE, NULL, "%s is %s", d->name, life_state_word(d));
}

int life_pause(struct domain *d, struct refhv_error *e)
{
	if (d->state == DOMAIN_PAUSED)
		return 0;
	if (d->state != DOMAIN_RUNNING || d->move)
		return wrong_state(d, e);
	if (machine_pause(d))
		return refhv_fail(e, REFHV_STATE, "see refhv.log",
				  "the guest of %s did not stop and was killed", d->name);
	d->state = DOMAIN_PAUSED;
	return 0;
}

int life_unpause(struct domain *d, struct refhv_error *e)
{
	if (d->state == DOMAIN_RUNNING)
		return 0;
	if (d->state != DOMAIN_PAUSED || d->move)
		return wrong_state(d, e);
	if (machine_resume(d))
		return refhv_fail(e, REFHV_FAILED, NULL, "the guest of %s cannot be resumed",
				  d->name);
	d->state = DOMAIN_RUNNING;
	return 0;
}

int life_shutdown(struct domain *d, const char *reason, struct refhv_error *e)
{
	if (d->state != DOMAIN_RUNNING && d->state != DOMAIN_PAUSED)
		return wrong_state(d, e);
	if (d->state == DOMAIN_PAUSED)
		return refhv_fail(e, REFHV_STATE, "refhv unpause it first",
				  "%s is paused and cannot react", d->name);
	if (nodes_request_shutdown(d, reason))
		return refhv_fail(e, REFHV_FAILED, NULL, "cannot write control/shutdown");
	return 0;
}

int life_check_alive(struct domain *d, struct refhv_error *e)
{
	return d->state == DOMAIN_RUNNING || d->state == DOMAIN_PAUSED ? 0 : wrong_state(d, e);
}

static int written(int rc, struct refhv_error *e)
{
	return rc < 0 ? refhv_fail(e, REFHV_FAILED, NULL,
				   "cannot write into the xenstore: error %d", -rc)
		      : 0;
}

int life_memory(struct domain *d, uint64_t kib, struct refhv_error *e)
{
	int rc = life_check_alive(d, e);

	if (rc)
		return rc;
	if (!kib || kib > d->config.maxmem_kib)
		return refhv_fail(e, REFHV_USAGE, "choose less, or create it with a larger maxmem",
				  "%s can have 1 to %llu MiB", d->name,
				  (unsigned long long)d->config.maxmem_kib >> 10);
	rc = written(nodes_memory_target(d, kib), e);
	if (!rc)
		d->config.memory_kib = kib;
	return rc;
}

int life_max_memory(struct domain *d, uint64_t kib, struct refhv_error *e)
{
	int rc = life_check_alive(d, e);

	if (rc)
		return rc;
	if (kib < d->config.memory_kib || kib << 10 > machine_ram(d))
		return refhv_fail(e, REFHV_USAGE,
				  "the guest was told at its start what there can be",
				  "the most for %s can be %llu to %llu MiB", d->name,
				  (unsigned long long)d->config.memory_kib >> 10,
				  (unsigned long long)machine_ram(d) >> 20);
	pv_domain_set_max_pages(d->pv, kib / 4);
	d->config.maxmem_kib = kib;
	return 0;
}

int life_vcpus(struct domain *d, unsigned n, struct refhv_error *e)
{
	int rc = life_check_alive(d, e);

	if (rc)
		return rc;
	if (!n || n > d->config.maxvcpus)
		return refhv_fail(e, REFHV_USAGE, "choose less, or create it with more maxvcpus",
				  "%s can have 1 to %u vCPUs", d->name, d->config.maxvcpus);
	for (unsigned i = 0; i < d->config.maxvcpus && !rc; i++)
		rc = written(nodes_vcpu(d, i, i < n), e);
	if (!rc)
		d->config.vcpus = n;
	return rc;
}

int life_sysrq(struct domain *d, const char *letter, struct refhv_error *e)
{
	int rc = life_check_alive(d, e);

	if (rc)
		return rc;
	if (!letter || strlen(letter) != 1 || *letter < '!' || *letter > '~')
		return refhv_fail(e, REFHV_USAGE, "see the guest's own help: refhv sysrq DOMAIN h",
				  "a sysrq is one letter");
	return written(nodes_sysrq(d, *letter), e);
}

void life_destroy(struct domain *d, const char *reason, const char *what)
{
	if (d->state == DOMAIN_DYING)
		return;
	domain_log(d, "%s: %s", reason, what);
	d->impl->stop(d->engine);
	server_tell_end(d, reason, "destroy");
	report_end(d, reason, what);
	leave(d, DOMAIN_ENDED);
}

void life_moved(struct domain *d, const char *what)
{
	domain_log(d, "%s", what);
	server_tell_end(d, "moved", "destroy");
	report_end(d, "moved", what);
	leave(d, DOMAIN_MOVED);
}

/* Whether the vCPUs used any time in a moment of watching: the engine's vCPUs sleep without telling. */
static bool idle(struct domain *d)
{
	double before = machine_cpu_seconds(d);

	nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
	return machine_cpu_seconds(d) == before;
}

const char *life_state_word(struct domain *d)
{
	switch (d->state) {
	case DOMAIN_STARTING:
	case DOMAIN_RUNNING: return idle(d) ? "blocked" : "running";
	case DOMAIN_PAUSED: return "paused";
	case DOMAIN_SHUTDOWN: return "shutdown";
	case DOMAIN_CRASHED: return "crashed";
	case DOMAIN_DYING: break;
	}
	return "dying";
}

static json_t *exits(const struct engine_info *engine)
{
	json_t *o = json_object();

	for (unsigned i = 0; i < engine->nexits; i++)
		json_object_set_new(o, engine->exits[i].kind,
				    json_integer((json_int_t)engine->exits[i].count));
	return o;
}

json_t *life_info(struct domain *d)
{
	struct engine_info engine = {0};
	json_t *o = config_to_json(&d->config);
	unsigned up = 0;

	d->impl->info(d->engine, &engine);
	for (unsigned i = 0; i < d->config.maxvcpus; i++)
		up += pv_domain_vcpu_is_up(d->pv, i) > 0;
	json_object_set_new(o, "name", json_string(d->name));
	json_object_set_new(o, "domid", json_integer(d->listed));
	json_object_set_new(o, "pid", json_integer(getpid()));
	json_object_set_new(o, "guest_pid", json_integer(engine.pid));
	json_object_set_new(o, "state", json_string(life_state_word(d)));
	if (d->why[0])
		json_object_set_new(o, "crash", json_string(d->why));
	json_object_set_new(o, "engine", json_string(d->impl->name));
	json_object_set_new(o, "engine_why", json_string(d->why_engine));
	if (engine.trap)
		json_object_set_new(o, "trap", json_string(engine.trap));
	json_object_set_new(o, "landlock", json_boolean(d->landlock));
	json_object_set_new(o, "engine_caps", json_integer(engine.caps));
	json_object_set_new(o, "hypercalls", json_integer((json_int_t)engine.hypercalls));
	json_object_set_new(o, "memory_now_kib",
			    json_integer((json_int_t)pv_domain_pages(d->pv) * 4));
	json_object_set_new(o, "vcpus_up", json_integer(up));
	json_object_set_new(o, "cpu_seconds", json_real(machine_cpu_seconds(d)));
	json_object_set_new(o, "uptime_seconds", json_real((double)machine_now(d) / 1e9));
	if (engine.nexits)
		json_object_set_new(o, "exits", exits(&engine));
	devices_info(d, o);
	console_info(d, o);
	return o;
}
