// SPDX-License-Identifier: MIT
/*
 * Purpose: deadlines of tasks, over a heap for each worker.
 *
 * Idea: a timer sits in the heap of the worker that armed it. Its owner fires it; another worker
 * does when the owner computes too long. `fire` runs under the heap's lock, so that
 * rv_timer_disarm, which takes the same lock, returns only when no fire is under way.
 *
 * Owner: the caller's memory (a stack frame, a handle), from arm to fire or disarm.
 */
#ifndef RV_SCHED_TIMER_H
#define RV_SCHED_TIMER_H

#include "core/heap.h"
#include "core/lock.h"

#include <stdbool.h>
#include <stdint.h>

struct rv_worker;

struct rv_timer {
    struct rv_heap_node node;           /* under the heap's lock */
    struct rv_worker *worker;           /* whose heap; written by rv_timer_arm */
    void (*fire)(struct rv_timer *t); /* any worker, lock held; may not suspend, arm, disarm */
    int64_t deadline_ns;
};

struct rv_timers {                      /* one a worker */
    struct rv_lock lock;
    struct rv_heap heap;
    RV_ATOMIC(int64_t) next_ns;         /* earliest deadline, INT64_MAX: none; a hint for others */
    uint64_t armed, fired;              /* under the lock */
};

int rv_timers_init(struct rv_timers *ts);
void rv_timers_fini(struct rv_timers *ts);

/* From a task or callback of a worker: 0, or -ENOMEM. A deadline that has passed fires soon. */
int rv_timer_arm(struct rv_timer *t, int64_t deadline_ns, void (*fire)(struct rv_timer *));
/* Any thread. True: it was armed and will not fire. False: fired or not armed. */
bool rv_timer_disarm(struct rv_timer *t);
/* Any worker: fires what is due by now_ns; how many. */
unsigned rv_timers_fire(struct rv_timers *ts, int64_t now_ns);

#endif
