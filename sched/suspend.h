// SPDX-License-Identifier: MIT
/*
 * Purpose: how a task stops running and how it comes back: park, wake, yield.
 *
 * Idea: publish, then park. A task first makes itself findable (a cell in a queue, an operation in
 * the kernel), then parks. A wake that comes in between leaves the WOKEN bit and the park returns
 * at once; the registers are saved before the phase becomes PARKED, since the next context does
 * that (rv_switch_arrive). So parks may return for no reason: the caller re-checks its own
 * condition.
 *
 * Threads: park and yield by the task itself; wake by any thread.
 * RV_MAY_SWITCH functions may return on another thread: fetch worker and errno again.
 */
#ifndef RV_SCHED_SUSPEND_H
#define RV_SCHED_SUSPEND_H

#include "core/check.h"
#include "sched/switch.h"
#include "sched/task.h"

#define RV_MAY_SWITCH /* documentation: the calling task may resume on another thread */

/*
 * Parks the calling task until rv_wake, or until a cancellation is pending. May return spuriously.
 * kind, object: for reports.
 * Before: self->awaiting set if a cancellation is to go to a future first.
 */
RV_MAY_SWITCH void rv_park(struct rv_task *self, enum rv_wait_kind kind, const void *object);

/* The same in the caller's code, for the paths that matter. */
RV_MAY_SWITCH static RV_ALWAYS_INLINE void rv_park_inline(struct rv_task *self,
                                                          enum rv_wait_kind kind,
                                                          const void *object)
{
    RV_CHECK(!(self->future.flags & RV_TASK_HIDDEN), "a callback must not suspend");
    if (rv_state_take_wake(&self->future.state)) {
        return;
    }
    self->wait_kind = (uint8_t)kind;
    self->wait_object = object;
    self->wait_since = self->worker->now_ns;
    /* PATH 9/14 -> sched/switch.c rv_switch_away */
    rv_switch_away(self, RV_AFTER_PARK);
    self->wait_kind = RV_WAIT_NONE;
}

/* The same of a task that is known to be no callback, and runs on w, with the switch in the
 * caller's code too. One that has been woken before comes back by way of the queue. */
RV_MAY_SWITCH static RV_ALWAYS_INLINE void rv_park_here(struct rv_worker *w, struct rv_task *self,
                                                        enum rv_wait_kind kind, const void *object)
{
    self->wait_kind = (uint8_t)kind;
    self->wait_object = object;
    self->wait_since = w->now_ns;
    rv_switch_away_inline(w, self, RV_AFTER_PARK);
    self->wait_kind = RV_WAIT_NONE;
}

/*
 * One park, of a task that nobody has woken or cancelled yet, in a wait that returns to `to` by a
 * landing (core/landing.h). True: by a jump, as the task that left last would return elsewhere.
 */
RV_MAY_SWITCH static RV_ALWAYS_INLINE bool
rv_park_to_land(struct rv_task *self, enum rv_wait_kind kind, const void *object, const void *to)
{
    struct rv_worker *w = self->worker;
    w->left_to = to;
    self->wait_kind = (uint8_t)kind;
    self->wait_object = object;
    self->wait_since = w->now_ns;
    rv_switch_away_inline(w, self, RV_AFTER_PARK);
    self->wait_kind = RV_WAIT_NONE;
    return self->worker->left_to != to;
}

/* Any thread, any time: makes t ready if it is parked, else its next park returns at once. */
void rv_wake(struct rv_task *t);

/* The same in the caller's code, which runs on worker `here`, of t's runtime. */
static RV_ALWAYS_INLINE void rv_wake_here(struct rv_worker *here, struct rv_task *t)
{
    if (rv_switch_reclaim(here, t) || rv_state_wake(&t->future.state)) {
        rv_ready_push_local(here, t);
    }
}

/* The same in the caller's code, which runs on worker `here`, or on none (NULL). */
static RV_ALWAYS_INLINE void rv_wake_from(struct rv_worker *here, struct rv_task *t)
{
    bool has_just_left = here != NULL && rv_switch_reclaim(here, t);
    /* PATH 11/14 -> sched/ready.h rv_ready_push_from */
    if (has_just_left || rv_state_wake(&t->future.state)) {
        rv_ready_push_from(here, t);
    }
}

/* Lets other ready tasks run once. */
RV_MAY_SWITCH void rv_yield(struct rv_task *self);

/*
 * The calling task was woken by the end of a wait for several futures, or is about to go on after
 * one. asyncio's gather, wait, as_completed and TaskGroup hear of that by a callback and only then
 * make who waits ready, so that it runs a round later. With one worker, where order is promised, it
 * does here too; with more nobody could tell.
 */
RV_MAY_SWITCH void rv_resume_in_turn(struct rv_task *self);

/* True: a cancellation was pending and is now spent: return -ECANCELED to the user. */
static inline bool rv_take_cancel(struct rv_task *self)
{
    return RV_UNLIKELY(rv_state_has_cancel(&self->future.state)) &&
           rv_state_take_cancel(&self->future.state);
}

/* A cancellation was taken but something else was returned: make it pending again. */
void rv_put_back_cancel(struct rv_task *self);

#endif
