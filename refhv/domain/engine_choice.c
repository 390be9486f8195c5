/*
 * engine_choice.c: see engine_choice.h
 *
 * An image that can be both things gets the engine whose hypercalls cost less. With several CPUs that needs no measuring: the user engine's
 * stub answers some without entering any kernel, and the domain process the others in less than a system call, from another CPU;
 * KVM leaves a virtual CPU only by way of a system call's end and the next one's beginning. With one CPU the domain process has to be woken for each
 * answer, which may take longer than leaving a virtual CPU, and that is measured. (Figures: docs/performance.md.)
 */
#include <stdio.h>
#include <string.h>
#include "domain/engine_choice.h"

#define BOTH "the image can run both ways"

static void take(struct choice *c, enum choice_verdict engine, const char *why)
{
	c->verdict = engine;
	snprintf(c->why, sizeof(c->why), "%s", why);
}

/* The name of the slowness, behind what is there already. */
static void say_interpreted(struct choice *c, const struct kvm_speed *s)
{
	size_t n = strlen(c->why);

	snprintf(c->why + n, sizeof(c->why) - n,
		 "; this /dev/kvm is an emulator in software: %.1f million instructions a second",
		 s->rate / 1e6);
}

/* A /dev/kvm that interprets instructions works, and is slow enough for people to ask why. */
static void take_kvm(const struct choice_facts *f, struct choice *c, const char *why)
{
	struct kvm_speed s;

	take(c, CHOICE_KVM, why);
	c->slow = !f->meter->kvm(f->meter->ctx, &s) && kvm_speed_interpreted(&s);
	if (c->slow)
		say_interpreted(c, &s);
}

static void measure_both(const struct choice_facts *f, struct choice *c)
{
	struct kvm_speed s;
	uint64_t wake;

	take(c, CHOICE_USER, BOTH);
	if (f->meter->kvm(f->meter->ctx, &s)) {
		take(c, CHOICE_USER, BOTH "; this /dev/kvm runs no virtual CPU");
		return;
	}
	if (kvm_speed_interpreted(&s)) {
		say_interpreted(c, &s);
		return;
	}
	wake = f->meter->handover(f->meter->ctx);
	if (s.exit_ns < wake)
		c->verdict = CHOICE_KVM;
	snprintf(c->why, sizeof(c->why),
		 BOTH "; on one CPU, leaving a virtual CPU (%.1f us) costs %s than waking the "
		      "domain process (%.1f us)",
		 (double)s.exit_ns / 1e3, c->verdict == CHOICE_KVM ? "less" : "no less",
		 (double)wake / 1e3);
}

static void choose_of_both(const struct choice_facts *f, struct choice *c)
{
	char why[CHOICE_WHY];

	if (f->only_kvm && !*f->kvm) {
		snprintf(why, sizeof(why), BOTH "; %s", f->only_kvm);
		take_kvm(f, c, why);
	} else if (*f->user && !*f->kvm) {
		snprintf(why, sizeof(why), BOTH "; the user engine cannot run here: %s", f->user);
		take_kvm(f, c, why);
	} else if (*f->user) {
		c->verdict = CHOICE_NO_USER;
	} else if (*f->kvm) {
		snprintf(why, sizeof(why), BOTH "; %s", f->kvm);
		take(c, CHOICE_USER, why);
	} else if (f->cpus > 1) {
		take(c, CHOICE_USER,
		     BOTH "; with more than one CPU, hypercalls cost less without a virtual CPU");
	} else {
		measure_both(f, c);
	}
}

static void choose_itself(const struct choice_facts *f, bool pv, bool pvh, struct choice *c)
{
	if (pv && pvh)
		choose_of_both(f, c);
	else if (pv && *f->user)
		c->verdict = CHOICE_NO_USER;
	else if (pv)
		take(c, CHOICE_USER,
		     f->type == CONFIG_TYPE_PV ? "type is pv"
					       : "the image is for paravirtual domains");
	else if (!pvh)
		c->verdict = f->type == CONFIG_TYPE_PVH ? CHOICE_NO_PVH : CHOICE_NO_PV;
	else if (*f->kvm)
		c->verdict = CHOICE_NO_KVM;
	else
		take_kvm(f, c,
			 f->type == CONFIG_TYPE_PVH ? "type is pvh"
						    : "the image needs a virtual CPU");
}

void engine_choose(const struct choice_facts *f, struct choice *c)
{
	bool pv = f->pv && f->type != CONFIG_TYPE_PVH, pvh = f->pvh && f->type != CONFIG_TYPE_PV;

	*c = (struct choice){.slow = false};
	if (f->want == CONFIG_ENGINE_AUTO)
		choose_itself(f, pv, pvh, c);
	else if (f->want == CONFIG_ENGINE_USER && !pv)
		c->verdict = CHOICE_NO_PV;
	else if (f->want == CONFIG_ENGINE_USER && *f->user)
		c->verdict = CHOICE_NO_USER;
	else if (f->want == CONFIG_ENGINE_USER)
		take(c, CHOICE_USER, "the configuration says so");
	else if (!pvh)
		c->verdict = CHOICE_NO_PVH;
	else if (*f->kvm)
		c->verdict = CHOICE_NO_KVM;
	else
		take_kvm(f, c, "the configuration says so");
}
