/*
 * The domain process: one guest, its store, its backends; locked in before the guest runs.
 */
#ifndef REFHV_DOMAIN_PROCESS_H
#define REFHV_DOMAIN_PROCESS_H

/* Receives a launch message (launch/launch.h) on DOMAIN_LAUNCH_FD and lives it. Returns the process's exit code. */
int domain_process(const char *name);

#endif
