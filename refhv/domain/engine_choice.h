/*
 * Which of the two engines runs a domain: the decision alone, from what is known and what a meter says.
 *
 * Trusts its caller. Measures nothing where nothing depends on it.
 */
#ifndef REFHV_DOMAIN_ENGINE_CHOICE_H
#define REFHV_DOMAIN_ENGINE_CHOICE_H

#include <stdbool.h>
#include <stdint.h>
#include "config/config.h"
#include "engine/kvm/speed.h"

enum { CHOICE_WHY = 320 };

/* What is measured, so that a test can stand in for the machine. */
struct choice_meter {
	void *ctx;
	int (*kvm)(void *ctx, struct kvm_speed *speed); /* negative: it runs no virtual CPU */
	/* ns to have another thread answer; 0: unknown */
	uint64_t (*handover)(void *ctx);
};

struct choice_facts {
	enum config_engine want;
	enum config_type type;
	bool pv, pvh;	      /* what the image can be */
	const char *only_kvm; /* what of the configuration the user engine does not have, or NULL */
	const char *user, *kvm; /* why that engine cannot run here; "": it can */
	unsigned cpus;		/* that this process may run on */
	const struct choice_meter *meter;
};

enum choice_verdict {
	CHOICE_USER,
	CHOICE_KVM,
	CHOICE_NO_USER, /* it is the one, and cannot run here */
	CHOICE_NO_KVM,
	CHOICE_NO_PV, /* the image is not for PV domains, and should be */
	CHOICE_NO_PVH,
};

struct choice {
	enum choice_verdict verdict;
	char why[CHOICE_WHY]; /* of CHOICE_USER and CHOICE_KVM, one line */
	bool slow;	      /* the kvm engine on a KVM that interprets: `why` says so */
};

void engine_choose(const struct choice_facts *f, struct choice *c);

/* handover.c */
uint64_t handover_measure(void);

#endif
