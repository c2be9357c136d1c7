// SPDX-License-Identifier: MIT
/*
 * Purpose: no wake-up is lost, looked at from outside. sched/sim_look.h.
 *
 * Idea: the simulation stands still: every thread sleeps or computes, no completion is on its way,
 * only the clock could bring something. Whoever sleeps now has been told of everything. So
 *
 *     nobody computes:   all queues are empty, and no task is active
 *     somebody does:     what thieves may take is there only if nobody sleeps (idle.c's invariant)
 *
 * Threads: the simulation's; it changes nothing and has no points.
 */
#include "sched/sim_look.h"

#include "core/sim.h"
#include "sched/runtime.h"
#include "sched/task.h"
#include "sched/worker.h"

#include <rove/debug.h>

#include <errno.h>
#include <stdio.h>

/* Runnable tasks that only w itself, or a rescuer, would see. */
static bool has_private_work(struct rv_worker *w)
{
    return w->only != NULL || rv_runq_private_hint(&w->runq) > 0 ||
           rv_deque_size_hint(&w->conts) > 0 || !rv_backlog_is_empty(&w->overflow) ||
           !rv_fifo_is_empty(&w->pinned) || !rv_inbox_is_empty(&w->inbox);
}

/* Somebody sleeps for a short time, and looks at the queues then (idle.c, `calm`). */
static bool is_dozed_over(const struct rove_runtime *runtime)
{
    bool is_dozing = false;
    for (unsigned i = 0; i < runtime->worker_count; i++) {
        const struct rv_worker *w = &runtime->workers[i];
        is_dozing = is_dozing || (w->thief.is_dozing && rv_load_relaxed(&w->is_running) == 0);
    }
    return is_dozing && rv_load_relaxed(&runtime->idle.calm) != 0;
}

static bool has_public_work(struct rv_worker *w)
{
    uint32_t enough = is_dozed_over(w->runtime) ? RV_IDLE_MANY : 1;
    return rv_runq_size_hint(&w->runq) >= enough || rv_deque_size_hint(&w->conts) > 1;
}

static void look_at_asleep(struct rv_worker *w)
{
    if (has_private_work(w) || has_public_work(w)) {
        rv_sim_fail(-EPROTO, "lost wake-up: worker %u sleeps, its queues are not empty", w->idx);
    }
    bool is_aside = rv_load_relaxed(&w->pace.is_aside) != 0; /* and looks again in a millisecond */
    if (!is_aside && rv_load_relaxed(&w->runtime->injected_count) > 0) {
        rv_sim_fail(-EPROTO, "lost wake-up: worker %u sleeps, a task is injected", w->idx);
    }
}

static void look_at_computing(struct rv_worker *w)
{
    uint32_t sleeping = rv_load_relaxed(&w->runtime->idle.sleeping);
    if (has_public_work(w) && sleeping > 0) {
        rv_sim_fail(-EPROTO, "lost wake-up: worker %u computes before a queue, %u others sleep",
                    w->idx, sleeping);
    }
}

static void look_at_block(void *block, void *ctx)
{
    struct rv_task *t = block;
    (void)ctx;
    if (rv_state_phase(rv_load_relaxed(&t->future.state)) == RV_PHASE_ACTIVE) {
        rv_sim_fail(-EPROTO, "lost task: %llu is active, in no queue and on no worker",
                    (unsigned long long)t->id);
    }
}

void rv_sim_look_back(void)
{
    unsigned thread = 0;
    void **word;
    while ((word = rv_sim_next_word(&thread)) != NULL) {
        const struct rv_worker *w = *word;
        if (w != NULL) {
            (void)rove_print_call_graph(w->runtime, stderr);
            return;
        }
    }
}

void rv_sim_look_around(bool is_working)
{
    struct rove_runtime *runtime = NULL;
    unsigned thread = 0;
    void **word;
    rv_sim_kernel_enter();
    while ((word = rv_sim_next_word(&thread)) != NULL) {
        struct rv_worker *w = *word;
        if (w == NULL) {
            continue;
        }
        runtime = w->runtime;
        if (rv_load_relaxed(&w->current) != NULL) {
            look_at_computing(w);
        } else {
            look_at_asleep(w);
        }
    }
    if (runtime != NULL && !is_working) {
        rv_runtime_for_each_block(runtime, look_at_block, NULL);
    }
    rv_sim_kernel_leave();
}
