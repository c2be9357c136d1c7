// SPDX-License-Identifier: MIT
/*
 * Purpose: a runtime that stands still: workers without threads, for tests of what one worker's
 *          code does to another's queues, step by step.
 * Idea:    the real structures, made by their own init functions; a back-end that only counts what
 *          it is asked for. The test plays every worker in turn.
 * Threads: the test's.
 */
#ifndef RV_TESTS_STILL_H
#define RV_TESTS_STILL_H

#include "core/atomic.h"
#include "sched/current.h"
#include "sched/poller.h"
#include "sched/runtime.h"
#include "sched/seat.h"
#include "sched/task.h"
#include "sched/worker.h"

#include <stddef.h>
#include <string.h>

#define RV_STILL_WORKERS 8

struct rv_still {
    struct rove_runtime runtime;
    struct rv_worker workers[RV_STILL_WORKERS];
    unsigned woken[RV_STILL_WORKERS];   /* how often poller->wake was called for each */
    unsigned rescued[RV_STILL_WORKERS]; /* .. poller->rescue with each as the victim */
};

static inline struct rv_still *rv_still_of(struct rv_worker *w)
{
    return rv_container_of(w->runtime, struct rv_still, runtime);
}

static inline void rv_still_wake(struct rv_worker *w)
{
    rv_still_of(w)->woken[w->idx]++;
}

static inline unsigned rv_still_rescue(RV_UNUSED struct rv_worker *self, struct rv_worker *victim)
{
    rv_still_of(victim)->rescued[victim->idx]++;
    return 0;
}

/* 0 or -ENOMEM. */
static inline int rv_still_init(struct rv_still *s, unsigned workers)
{
    static const struct rv_poller_ops ops = {
        .name = "still", .wake = rv_still_wake, .rescue = rv_still_rescue};
    memset(s, 0, sizeof *s);
    rv_fence_init();
    s->runtime.options.workers = workers;
    s->runtime.poller = &ops;
    s->runtime.workers = s->workers;
    int rc = rv_stack_pool_create((size_t)64 * 1024, sizeof(struct rv_seat),
                                  offsetof(struct rv_seat, stack), &s->runtime.stacks);
    rc = rc < 0 ? rc : rv_block_pool_create(sizeof(struct rv_task), &s->runtime.blocks);
    rc = rc < 0 ? rc : rv_idle_init(&s->runtime.idle, workers);
    rc = rc < 0 ? rc : rv_watch_init(&s->runtime.watch, workers);
    for (unsigned i = 0; i < workers && rc == 0; i++) {
        rc = rv_worker_init(&s->workers[i], &s->runtime, i);
        s->runtime.worker_count = i + 1;
    }
    return rc;
}

/* All queues are empty. */
static inline void rv_still_fini(struct rv_still *s)
{
    rv_current_set_worker(NULL);
    for (unsigned i = 0; i < s->runtime.worker_count; i++)
        rv_worker_fini(&s->workers[i]);
    rv_block_pool_release(s->runtime.blocks);
    rv_stack_pool_release(s->runtime.stacks);
    rv_watch_fini(&s->runtime.watch);
    rv_idle_fini(&s->runtime.idle);
}

/* A task that is ready, has no stack and cannot run. */
static inline void rv_still_task(struct rv_still *s, struct rv_task *t, unsigned flags)
{
    memset(t, 0, sizeof *t);
    t->runtime = &s->runtime;
    t->future.flags = (uint8_t)flags;
    rv_state_init(&t->future.state, 1);
}

/* Plays worker i: NULL workers are nobody. */
static inline struct rv_worker *rv_still_play(struct rv_still *s, unsigned i)
{
    rv_current_set_worker(&s->workers[i]);
    return &s->workers[i];
}

#endif
