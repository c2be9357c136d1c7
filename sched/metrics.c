// SPDX-License-Identifier: MIT
/*
 * Purpose: the counters of a runtime, read from outside.
 *
 * Idea: each counter has one writer and is read relaxed, so the sums are of slightly different
 * moments. Callback tasks are tasks inside, but no business of who counts tasks.
 *
 * Cost: the kernel is asked about every page of every stack in use: 0.7 us for each of 128 KiB.
 */
#include "core/check.h"
#include "core/os.h"
#include "sched/fork.h"
#include "sched/pool.h"
#include "sched/runtime.h"
#include "sched/task.h"

#include <rove/debug.h>

#include <errno.h>
#include <string.h>

static void read_worker(struct rv_worker *w, rove_worker_metrics *m)
{
    const struct rv_worker_counters *c = &w->count;
    /* What ends before what begins: no more seem to have ended than were created. */
    m->tasks_done = rv_load_relaxed(&c->finished) - rv_load_relaxed(&c->hidden_finished);
    m->tasks_created = rv_load_relaxed(&c->created) - rv_load_relaxed(&c->hidden_created);
    m->switches = rv_load_relaxed(&w->step);
    m->steals = rv_load_relaxed(&c->steals);
    m->parks = rv_load_relaxed(&c->parks);
    m->wakeups = rv_load_relaxed(&c->wakeups);
    m->injected = rv_load_relaxed(&c->injected);
    m->ops_completed = rv_load_relaxed(&c->ops_completed);
    m->ops_submitted = rv_load_relaxed(&c->ops_submitted);
    rv_lock_acquire(&w->timers.lock);
    m->timers_armed = w->timers.armed;
    m->timers_fired = w->timers.fired;
    rv_lock_release(&w->timers.lock);
}

static void add(rove_metrics *m, const rove_worker_metrics *w)
{
    m->tasks_created += w->tasks_created;
    m->tasks_done += w->tasks_done;
    m->switches += w->switches;
    m->steals += w->steals;
    m->parks += w->parks;
    m->wakeups += w->wakeups;
    m->injected += w->injected;
    m->ops_submitted += w->ops_submitted;
    m->ops_completed += w->ops_completed;
    m->timers_armed += w->timers_armed;
    m->timers_fired += w->timers_fired;
}

static uint64_t count_resident(struct rove_runtime *runtime)
{
    uint64_t bytes = rv_stack_pool_resident(runtime->stacks);
    for (unsigned i = 0; i < RV_RUNTIME_STACK_CLASSES; i++) {
        rv_lock_acquire(&runtime->class_lock);
        struct rv_stack_pool *pool = runtime->stack_classes[i];
        rv_lock_release(&runtime->class_lock);
        bytes += pool == NULL ? 0 : rv_stack_pool_resident(pool);
    }
    return bytes;
}

int rove_metrics_read(rove_runtime *runtime, rove_metrics *m)
{
    if (runtime == NULL || m == NULL) {
        return -EINVAL;
    }
    if (rv_fork_is_dead(runtime)) {
        return -EOWNERDEAD;
    }
    memset(m, 0, sizeof *m);
    m->tasks_done = rv_load_relaxed(&runtime->finished_outside);
    for (unsigned i = 0; i < runtime->worker_count; i++) {
        rove_worker_metrics one;
        read_worker(&runtime->workers[i], &one);
        add(m, &one);
        if (i < ROVE_METRICS_WORKERS_MAX) {
            m->worker[i] = one;
            m->workers = i + 1;
        }
    }
    m->tasks_created += rv_load_relaxed(&runtime->created_outside) -
                        rv_load_relaxed(&runtime->hidden_outside);
    m->tasks_live = m->tasks_created - m->tasks_done;
    m->threads = rv_pool_thread_count(runtime);
    m->stack_bytes_resident = count_resident(runtime);
    return 0;
}
