// SPDX-License-Identifier: MIT
/*
 * Purpose: who searches, who sleeps, and whom to wake: the sleep protocol (idle.c has the proof).
 */
#ifndef RV_SCHED_IDLE_H
#define RV_SCHED_IDLE_H

#include "core/atomic.h"
#include "core/base.h"
#include "core/lock.h"

#include <stdbool.h>
#include <stdint.h>

struct rove_runtime;
struct rv_worker;

#define RV_IDLE_MANY 32 /* tasks in a run queue that are shared at once; arbitrary */

struct rv_idle {
    /* read at many switches, seldom written */
    RV_ALIGNED_LINE RV_ATOMIC(uint32_t) watching; /* 1: an idle worker looks after stuck ones */
    RV_ATOMIC(uint32_t) calm;     /* 1: somebody dozes; no one is woken for one more queued task */
    unsigned worker_count;        /* constant */
    /* read by who makes work visible */
    RV_ALIGNED_LINE RV_ATOMIC(uint32_t) searching; /* workers that look for work right now */
    RV_ATOMIC(uint32_t) sleeping; /* workers in `sleepers` */
    /* who waits for the lock does not disturb those */
    RV_ALIGNED_LINE struct rv_lock lock; /* guards the rest, and the writes of `sleeping` */
    struct rv_worker **sleepers;  /* a stack: last to sleep wakes first */
};

int rv_idle_init(struct rv_idle *idle, unsigned worker_count);
void rv_idle_fini(struct rv_idle *idle);

/* Any thread, after it made work visible: wakes one sleeper unless somebody searches already. */
void rv_idle_notify(struct rove_runtime *runtime);
/* Owner, after it queued a task where it had none: the same, but not during a calm. */
void rv_idle_notify_queued(struct rove_runtime *runtime);
/* Owner, after it queued a task where only it and a rescuer look: somebody must be watching. */
void rv_idle_hint(struct rv_worker *w);
/* Any thread, after a push to its inbox: ends this worker's sleep. False: it is awake. */
bool rv_idle_wake_worker(struct rv_worker *w);
/* The same; one that is awake looks at its next switch. */
void rv_idle_notify_worker(struct rv_worker *w);
void rv_idle_notify_all(struct rove_runtime *runtime);

/* Owner: may it search? At most half of the awake workers do. True: counted. */
bool rv_idle_try_search(struct rv_worker *w);
/* Owner, who has seen work: it searches, however many others do. Counted. */
void rv_idle_start_search(struct rv_worker *w);
/* Owner, counted: no longer. True: it was the last searcher and, if it found work, owes a
 * notify. */
bool rv_idle_stop_search(struct rv_worker *w);

/* Owner: announces its sleep. Then it must look once more at every queue. */
void rv_idle_announce(struct rv_worker *w);
/* Owner, after that: it will sleep for a short time only, so calm may begin; false: it has. */
bool rv_idle_begin_calm(struct rv_worker *w);
/* Owner, awake again: calm ends; it owes a search. */
void rv_idle_end_calm(struct rv_worker *w);
/* Owner: ends what announce began. If somebody woke it meanwhile, it is counted as searching. */
void rv_idle_retract(struct rv_worker *w);

#endif
