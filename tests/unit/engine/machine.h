/*
 * machine.h: a machine for tests: an engine with the test guest in it and a small model of event
 * channels around
 */
#ifndef TEST_ENGINE_MACHINE_H
#define TEST_ENGINE_MACHINE_H

#include <pthread.h>
#include "refhv/engine/engine.h"
#include "shared.h"

struct machine {
	struct engine *e;
	int ram_fd;
	char *ram;
	unsigned vcpus;

	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool done, dead, unknown_is_marked;
	uint64_t verdict;
	uint64_t report[TEST_KEYS];
	unsigned reports;
	char console[1024];
	char why[800];
};

struct machine_config {
	enum task task;
	unsigned vcpus; /* 0 = 1 */
	bool paging;
	bool held;		/* do not let it run */
	bool unknown_is_marked; /* unknown hypercalls answer TEST_UNKNOWN + number, not -PV_ENOSYS
				 */
};

void machine_start(struct machine *m, struct machine_config c);

/* An engine around memory that exists (ownership stays), with no vCPU up. */
void machine_attach(struct machine *m, struct machine_config c, int ram_fd, void *ram);
void machine_stop(struct machine *m);

/* 0, or the guest's verdict; fails the test when the guest dies or takes longer than 20 s. */
uint64_t machine_run(struct machine *m);
bool machine_wait(struct machine *m, unsigned ms);
void machine_wait_reports(struct machine *m, unsigned n);
void machine_wait_death(struct machine *m);
void machine_boot(struct machine *m, unsigned vcpu, enum task task);

/* As libpv: mark the port pending and raise the vCPU's upcall. */
void machine_send(struct machine *m, unsigned vcpu, unsigned port);
struct pv_shared_info *machine_shared(struct machine *m);
uint64_t machine_now(void);

#endif
