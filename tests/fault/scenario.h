// SPDX-License-Identifier: MIT
/*
 * Purpose: the programs that the fault matrix runs: an echo server, an HTTP server, task groups.
 *
 * Idea: each is a main coroutine that makes many kinds of calls, checks every answer it gets, and
 * returns 0 or the first error it was given. What it may never return is RV_SCENARIO_WRONG: a
 * wrong byte, a wrong count, a value where there was an error.
 *
 * Threads: tasks; the settings are constant while a runtime runs.
 */
#ifndef RV_TESTS_FAULT_SCENARIO_H
#define RV_TESTS_FAULT_SCENARIO_H

#include <rove.h>

#include <stdbool.h>

#define RV_SCENARIO_WRONG (-9998) /* the application's range */

struct rv_scenario_settings {
    unsigned clients, rounds;
    rove_duration patience; /* far more than any client needs: only a starved one ends by it */
    int peer_fd;        /* a bad peer reads the server's port from here; -1: there is none */
    bool forks;         /* a task forks a child while the others run */
};

/* arg: struct rv_scenario_settings. */
int rv_scenario_echo(void *arg, void **result);
int rv_scenario_http(void *arg, void **result);
int rv_scenario_groups(void *arg, void **result);
/* A part of groups: two tasks on one descriptor, one reads, one writes, both have to wait. */
int rv_scenario_duplex(void *arg, void **result);

/* After the runtime has ended: what the program itself kept. */
void rv_scenario_http_forget(void);

/* The first error of the two. */
static inline int rv_scenario_worse(int rc, int other)
{
    if (rc == RV_SCENARIO_WRONG || other == RV_SCENARIO_WRONG) {
        return RV_SCENARIO_WRONG;
    }
    return rc < 0 ? rc : other < 0 ? other : 0;
}

/* Runs n tasks to their end: the worst of what they returned; one that was not made is -ENOMEM. */
int rv_scenario_run_all(unsigned n, rove_coro *fn, void *arg);
/* Tells a bad peer the port to come to, if there is one. */
void rv_scenario_call_peer(const struct rv_scenario_settings *settings, int port);
/* Forks a child that ends at once, as a task may. 0 or a negative errno. */
int rv_scenario_fork(void);

#endif
