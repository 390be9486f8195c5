/*
 * kvm_machine.h: a machine for tests of the kvm engine: the engine with the test guest in it
 */
#ifndef TEST_KVM_MACHINE_H
#define TEST_KVM_MACHINE_H

#include <pthread.h>
#include <stdbool.h>
#include "kvm_shared.h"
#include "refhv/engine/engine.h"

struct km {
	struct engine *e;
	int ram_fd, kvm_fd;
	char *ram;
	unsigned vcpus;
	uint64_t start_ns;

	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool done, dead, ended;
	unsigned end_reason;
	uint64_t verdict;
	uint64_t report[TEST_KEYS];
	unsigned ups, downs; /* told by vcpu_changed */
	unsigned sends, timers, asked_down;
	char console[256];
	char why[900];
};

struct km_config {
	enum test_task task;
	unsigned vcpus;	 /* 0 = 1 */
	unsigned direct; /* as in the mailbox */
	bool bits_32;	 /* the 32-bit guest */
	enum engine_trap trap;
	bool not_loaded; /* image_loaded() is not called: as if a loader had brought the kernel */
	bool held;	 /* do not let it run */
};

/* NULL, or why there can be no such machine here. */
const char *km_missing(void);

void km_start(struct km *m, struct km_config c);
void km_stop(struct km *m);

/* Until the guest is done, ended or dead; fails the test if that takes longer than 30 s. */
void km_wait(struct km *m);
/* Starts, waits, stops; the guest's verdict must be 0. */
void km_run(struct km_config c);

volatile struct test_mailbox *km_mailbox(struct km *m);
uint64_t km_exits(struct km *m, const char *kind);
const char *km_trap(struct km *m);

#endif
