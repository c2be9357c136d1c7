// SPDX-License-Identifier: MIT
/*
 * Purpose: stress: tasks and plain threads that all repeat a step, while somebody cancels at
 * random. Idea:    a member repeats `step` until it returns false. A step that is cancelled counts
 * nothing and is repeated; what the members counted is then compared exactly. The seed of every run
 * is printed when an expectation fails (RV_TEST_SEED=n repeats it). Threads: start, harass and
 * finish in a task; steps run in tasks and threads.
 */
#ifndef RV_TESTS_CROWD_H
#define RV_TESTS_CROWD_H

#include "core/atomic.h"
#include "core/rand.h"

#include <rove.h>

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

struct rv_crowd;

struct rv_member {
    struct rv_crowd *crowd;
    void *ctx;    /* the crowd's */
    unsigned idx; /* within the crowd; tasks first */
    bool is_task;
    unsigned done;      /* the step's own count */
    unsigned cancelled; /* the same */
    struct rv_rand rand;
    rove_task *task;
    pthread_t thread;
};

/* False: this member has finished. */
typedef bool rv_crowd_step(struct rv_member *m);

struct rv_crowd {
    struct rv_member *members;
    unsigned tasks, threads;
    rv_crowd_step *step;
    RV_ATOMIC(unsigned) started, finished;
};

/* All members are started. */
void rv_crowd_start(struct rv_crowd *c, unsigned tasks, unsigned threads, rv_crowd_step *step,
                    void *ctx);
bool rv_crowd_is_finished(struct rv_crowd *c);
/* Cancels one task of it, chosen at random, then lets others run. Nobody is cancelled before all
 * have started: a task that is cancelled earlier never runs. */
void rv_crowd_harass(struct rv_crowd *c, struct rv_rand *rand);
/* Waits for all, harassing them meanwhile; sums up what they counted; frees. */
unsigned long rv_crowd_finish(struct rv_crowd *c, struct rv_rand *rand);

/* From RV_TEST_SEED, else random; printed once. */
unsigned long rv_crowd_seed(void);
/* How many times the usual work a stress is to do: RV_TEST_FACTOR, 1 unless set. */
unsigned rv_crowd_factor(void);

/* Lets the other tasks of this worker run until `cond`; a test that hangs here has failed. */
#define RV_YIELD_UNTIL(cond) \
    do {                     \
        (void)rove_yield();  \
    } while (!(cond))

#endif
