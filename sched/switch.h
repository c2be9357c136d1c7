// SPDX-License-Identifier: MIT
/*
 * Purpose: the switch itself: from a task to the next, and what the next does for the one that
 * left.
 *
 * Idea: a task that stops names an after-switch action, picks the next task of its worker and jumps
 * straight to it, or to the scheduler context when there is none or it is time to look around. The
 * first thing on arrival, wherever that is, is rv_switch_arrive: it carries out the action for the
 * task that left, whose registers are saved by then.
 *
 * A lone worker puts off one action, to park: until the next task stops, or somebody here wants to
 * know, the one that left stays ACTIVE in `after`. Most often the next task wakes it, and so takes
 * it out again, and neither pays an atomic instruction. A wake or a cancellation that comes from
 * another thread meanwhile is left in the word, where rv_switch_settle finds it: nobody else could
 * run the task any sooner. With more workers somebody could; so there it parks on arrival, and in
 * debug mode, for who looks from another thread would take it for one that is ready. A lone worker
 * puts off even more for a task that awaits the next one: join.h.
 *
 * Cost: one jump, one pick, a few stores to the worker's own lines. No allocation, no system call;
 * an atomic read-modify-write only to park (PARKED must not be missed by a waker), and on a lone
 * worker not even that between two tasks that hand over to each other.
 * Threads: a worker's own.
 */
#ifndef RV_SCHED_SWITCH_H
#define RV_SCHED_SWITCH_H

#include "core/check.h"
#include "sched/join.h"
#include "sched/ready.h"
#include "sched/seat.h"
#include "sched/task.h"
#include "sched/worker.h"

/* A task leaves its worker; returns when it runs again, perhaps on another. Not for the finish. */
void rv_switch_away(struct rv_task *self, enum rv_after after);
/* An eager child runs at once; self becomes a continuation that may be stolen. The same in the
 * caller's code: rv_switch_to_child_inline. */
void rv_switch_to_child(struct rv_task *self, struct rv_task *child);
/* The scheduler context runs t until something comes back to it. */
void rv_switch_from_scheduler(struct rv_worker *w, struct rv_task *t);
/* Any thread, about to look at the phase of t: parks it if it left this worker in order to. */
void rv_switch_settle_task(const struct rv_task *t);

/*
 * On worker `here`, which wakes t: true if t left to park and has not been parked yet. It never
 * was, then; the caller owns it: make it ready.
 */
static RV_ALWAYS_INLINE bool rv_switch_reclaim(struct rv_worker *here, const struct rv_task *t)
{
    if (here->after_task != t || here->after != RV_AFTER_PARK) {
        return false;
    }
    here->after = RV_AFTER_NOTHING;
    return true;
}

/* Of what rv_switch_next says. */
static RV_ALWAYS_INLINE struct rv_context *rv_switch_context(struct rv_worker *w,
                                                             struct rv_task *next)
{
    return RV_LIKELY(next != NULL) ? &next->context : &w->scheduler;
}

#ifdef RV_MODEL_TASKS
#define rv_switch_to_child_inline(self, child, is_fresh) (rv_switch_to_child(self, child), false)
#define rv_switch_away_inline(w, self, after) rv_switch_away(self, after)
void rv_switch_arrive(struct rv_worker *w);
struct rv_task *rv_switch_next(struct rv_worker *w, struct rv_task *self, enum rv_after after);
#else
/* t is about to run on w, and has a seat. */
static RV_ALWAYS_INLINE struct rv_task *rv_switch_prepare_even(struct rv_worker *w,
                                                               struct rv_task *t)
{
    RV_ASSERT(rv_state_phase(rv_load_relaxed(&t->future.state)) == RV_PHASE_ACTIVE,
              "only an active task runs");
    rv_store_relaxed(&w->current, t);
    t->worker = w;
    rv_count(&w->step, 1);
    return t;
}

static RV_ALWAYS_INLINE struct rv_task *rv_switch_prepare(struct rv_worker *w, struct rv_task *t)
{
    rv_switch_prepare_even(w, t);
    if (RV_UNLIKELY(w->is_debug)) {
        rv_debug_step_begin(w);
    }
    return t;
}

/* Owner: parks who left in order to, if that has not been done yet. */
static RV_ALWAYS_INLINE void rv_switch_settle(struct rv_worker *w)
{
    if (w->after == RV_AFTER_PARK) {
        w->after = RV_AFTER_NOTHING;
        if (RV_UNLIKELY(!rv_state_park(&w->after_task->future.state))) {
            rv_ready_push_local(w, w->after_task);
        }
    } else if (w->after == RV_AFTER_JOIN) {
        rv_join_settle(w);
    }
}

/* The running task stops: who waits in `after`, for it or for somebody else. */
static RV_ALWAYS_INLINE void rv_switch_settle_last(struct rv_worker *w, enum rv_after after)
{
    if (after == RV_AFTER_FINISH && w->after == RV_AFTER_JOIN) {
        RV_ASSERT(&w->current->future == w->join->future, "a task makes way for the next");
        w->after = RV_AFTER_NOTHING;
        rv_ready_push_alone(w, w->after_task);
    } else {
        rv_switch_settle(w);
    }
}

/* Where t can run, if it is to begin. False: it is out of our hands (rv_seat_starve). */
static RV_ALWAYS_INLINE bool rv_switch_seat(struct rv_worker *w, struct rv_task *t)
{
    if (!t->future.is_started) {
        if (RV_UNLIKELY(!rv_seat_take(w, t))) {
            rv_seat_starve(w, t);
            return false;
        }
        t->future.is_started = true;
    }
    return true;
}

/* First act of a task that starts, and after every switch that comes back. */
static RV_ALWAYS_INLINE void rv_switch_arrive(struct rv_worker *w)
{
    enum rv_after after = w->after;
    if (after == RV_AFTER_PARK) {
        if (!w->parks_late) {
            rv_switch_settle(w);
        }
    } else if (after == RV_AFTER_READY) {
        rv_ready_push_local(w, w->after_task);
    } else if (after == RV_AFTER_CONT) {
        rv_ready_push_cont(w, w->after_task);
    } else if (after == RV_AFTER_FINISH) {
        rv_task_bury(w, w->after_task);
    }
}

/* The running task stops; who is next, or NULL: the scheduler context. One that ends may have left
 * its seat to the next, and so be without: then there is nothing to switch to. */
static RV_ALWAYS_INLINE struct rv_task *rv_switch_next(struct rv_worker *w, struct rv_task *self,
                                                       enum rv_after after)
{
    RV_ASSERT(rv_load_relaxed(&w->current) == self, "a task leaves the worker it runs on");
    if (RV_UNLIKELY(w->is_debug)) {
        rv_debug_step_end(w, self, after == RV_AFTER_FINISH);
    }
    rv_switch_settle_last(w, after);
    w->after = after;
    w->after_task = self;
    struct rv_task *next = rv_ready_pick(w);
    if (RV_LIKELY(next != NULL)) {
        if (after == RV_AFTER_FINISH && !next->future.is_started &&
            rv_seat_pass_on(w, self, next)) {
            next->future.is_started = true;
            return rv_switch_prepare(w, next);
        }
        if (rv_switch_seat(w, next)) {
            return rv_switch_prepare(w, next);
        }
    }
    rv_store_relaxed(&w->current, NULL);
    return NULL;
}

/* The same of a task that goes on later .. */
struct rv_task *rv_switch_next_odd(struct rv_worker *w, struct rv_task *self, enum rv_after after);

/* .. without what an odd worker needs, where it is none. */
static RV_ALWAYS_INLINE struct rv_task *rv_switch_next_even(struct rv_worker *w,
                                                            struct rv_task *self,
                                                            enum rv_after after)
{
    if (RV_UNLIKELY(w->is_odd != 0)) {
        return rv_switch_next_odd(w, self, after);
    }
    RV_ASSERT(rv_load_relaxed(&w->current) == self, "a task leaves the worker it runs on");
    rv_switch_settle(w);
    w->after = after;
    w->after_task = self;
    struct rv_task *next = rv_ready_pick_even(w);
    if (RV_LIKELY(next != NULL) && rv_switch_seat(w, next)) {
        return rv_switch_prepare_even(w, next);
    }
    rv_store_relaxed(&w->current, NULL);
    return NULL;
}

/* rv_switch_away in the caller's code. */
static RV_ALWAYS_INLINE void rv_switch_away_inline(struct rv_worker *w, struct rv_task *self,
                                                   enum rv_after after)
{
    struct rv_task *next = rv_switch_next_even(w, self, after);
    rv_context_switch(&self->context, rv_switch_context(w, next), next);
    rv_switch_arrive(self->worker);
}

/* Fresh: who creates child has not had its handle yet. True, of a fresh one: it has ended, and is
 * the caller's to bury. */
static RV_ALWAYS_INLINE bool rv_switch_to_child_inline(struct rv_task *self, struct rv_task *child,
                                                       bool is_fresh)
{
    struct rv_worker *w = self->worker;
    if (RV_UNLIKELY(!rv_switch_seat(w, child))) {
        return false;
    }
    if (RV_UNLIKELY(w->is_debug)) {
        rv_debug_step_end(w, self, false);
    }
    rv_switch_settle(w);
    rv_switch_prepare(w, child);
    w->after = RV_AFTER_CONT;
    w->after_task = self;
    rv_context_switch(&self->context, &child->context, child);
    w = self->worker;
    if (RV_LIKELY(is_fresh && w->after == RV_AFTER_FINISH && w->after_task == child)) {
        return true;
    }
    rv_switch_arrive(w);
    return false;
}

#endif

#endif
