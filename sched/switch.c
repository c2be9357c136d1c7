// SPDX-License-Identifier: MIT
/*
 * Purpose: the switch itself. switch.h has the idea.
 *
 * Cost: one jump, one pick, a few stores to the worker's own lines. No allocation, no system call;
 * an atomic read-modify-write only to park (PARKED must not be missed by a waker).
 */
#include "sched/switch.h"

#include "core/check.h"
#include "sched/ready.h"
#include "sched/runtime.h"
#include "sched/suspend.h"
#include "sched/task.h"

/* t is about to run on w. */
static inline struct rv_context *prepare(struct rv_worker *w, struct rv_task *t)
{
    RV_ASSERT(rv_state_phase(rv_load_relaxed(&t->future.state)) == RV_PHASE_ACTIVE,
              "only an active task runs");
    rv_store_relaxed(&w->current, t);
    t->worker = w;
    rv_count(&w->step, 1);
    if (RV_UNLIKELY(w->is_debug)) {
        rv_debug_step_begin(w);
    }
    if (RV_UNLIKELY(!t->is_started)) {
        rv_task_make_context(t);
    }
    return &t->context;
}

void rv_switch_arrive(struct rv_worker *w)
{
    enum rv_after after = w->after;
    struct rv_task *left = w->after_task;
    w->after = RV_AFTER_NOTHING;
    switch (after) {
    case RV_AFTER_NOTHING:
        break;
    case RV_AFTER_PARK:
        if (!rv_state_park(&left->future.state)) {
            rv_ready_push_local(w, left);
        }
        break;
    case RV_AFTER_READY:
        rv_ready_push_local(w, left);
        break;
    case RV_AFTER_CONT:
        rv_ready_push_cont(w, left);
        break;
    case RV_AFTER_FINISH:
        rv_task_bury(w, left);
        break;
    }
}

void rv_switch_away(struct rv_task *self, enum rv_after after)
{
    struct rv_worker *w = self->worker;
    RV_ASSERT(rv_load_relaxed(&w->current) == self, "a task leaves the worker it runs on");
    if (RV_UNLIKELY(w->is_debug)) {
        rv_debug_step_end(w, self, false);
    }
    struct rv_task *next = rv_ready_pick(w);
    struct rv_context *to = &w->scheduler;
    if (RV_LIKELY(next != NULL)) {
        to = prepare(w, next);
    } else {
        rv_store_relaxed(&w->current, NULL);
    }
    w->after = after;
    w->after_task = self;
    rv_context_switch(&self->context, to, to == &w->scheduler ? NULL : next);
    rv_switch_arrive(self->worker);
}

void rv_switch_to_child(struct rv_task *self, struct rv_task *child)
{
    struct rv_worker *w = self->worker;
    if (RV_UNLIKELY(w->is_debug)) {
        rv_debug_step_end(w, self, false);
    }
    struct rv_context *to = prepare(w, child);
    w->after = RV_AFTER_CONT;
    w->after_task = self;
    rv_context_switch(&self->context, to, child);
    rv_switch_arrive(self->worker);
}

struct rv_context *rv_switch_before_exit(struct rv_task *self, struct rv_task **next)
{
    struct rv_worker *w = self->worker;
    if (RV_UNLIKELY(w->is_debug)) {
        rv_debug_step_end(w, self, true);
    }
    *next = rv_ready_pick(w);
    struct rv_context *to = &w->scheduler;
    if (RV_LIKELY(*next != NULL)) {
        to = prepare(w, *next);
    } else {
        rv_store_relaxed(&w->current, NULL);
    }
    w->after = RV_AFTER_FINISH;
    w->after_task = self;
    return to;
}

void rv_switch_from_scheduler(struct rv_worker *w, struct rv_task *t)
{
    struct rv_context *to = prepare(w, t);
    w->after = RV_AFTER_NOTHING;
    rv_context_switch(&w->scheduler, to, t);
    RV_ASSERT(rv_load_relaxed(&w->current) == NULL, "nobody runs while the scheduler does");
    rv_switch_arrive(w);
}
