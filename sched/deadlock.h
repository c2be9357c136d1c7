// SPDX-License-Identifier: MIT
/*
 * Purpose: notices that every task of a runtime waits and nothing in it can wake any.
 */
#ifndef RV_SCHED_DEADLOCK_H
#define RV_SCHED_DEADLOCK_H

#include "core/list.h"
#include "core/lock.h"

#include <stdbool.h>
#include <stdint.h>

struct rove_runtime;
struct rv_task;
struct rv_worker;

struct rv_deadlock {
    struct rv_list link;             /* in the list of those that look; under its lock */
    struct rv_lock lock;             /* guards the rest; workers only try it */
    uint64_t seen;                   /* how much had happened when it was suspected; 0: it is not */
    int64_t suspected_ns;            /* real time, whatever the clock of tests says */
    int64_t pause_ns;                /* between looks at threads that could wake a task */
    uint32_t ended;                  /* how often the main task was cancelled for it */
    bool is_hinted;                  /* it was told that only another thread could wake a task */
    bool is_certain;                 /* at the last look, with nothing seen since */
    bool is_reported;
    bool is_found;                   /* rove_run is to return -EDEADLK */
    struct rv_task *main;            /* rove_run's, which holds a handle; NULL: not to be ended */
};

/* Each runtime whose workers look, from before they start until after they have ended; the second
 * also for one that does not. */
void rv_deadlock_watch(struct rove_runtime *runtime);
void rv_deadlock_unwatch(struct rove_runtime *runtime);

/*
 * An announced sleeper, is_debug: until when it may sleep. With everybody asleep and nothing that
 * could wake a task it sleeps a moment, and again; if nothing has happened by then, that is
 * reported, once, and with options.deadlock_error the main task is cancelled. While other threads
 * of the process could wake a task, it looks again now and then.
 */
int64_t rv_deadlock_look(struct rv_worker *w, int64_t deadline_ns);
/* rove_run: which task to cancel, before it is queued; it has ended: true if it was cancelled. */
void rv_deadlock_set_main(struct rove_runtime *runtime, struct rv_task *main);
bool rv_deadlock_forget_main(struct rove_runtime *runtime);

#endif
