// SPDX-License-Identifier: MIT
/*
 * Purpose: cancellation: where a request goes.
 *
 * Idea: asyncio's rule. A request to a task that awaits a future goes to that future first, and to
 * the one that awaits, until it meets a task that does not await one: there the CANCEL flag is set,
 * and the next suspension point returns -ECANCELED. If it is swallowed there, the tasks above see
 * an ordinary result. Only a future that is done already sends the request back one step.
 *
 * To follow `awaiting` of a parked task, the canceller pins it (state.c): it cannot be resumed, so
 * the future it awaits, which the task holds, can be retained. Pins are held for a few
 * instructions, one at a time, so a circle of awaits cannot block cancellers; it is found by its
 * first member coming up again (the mark moves on at powers of two, so that a tail before the
 * circle does not matter), and broken there. A running task that passes on what came while it was
 * not parked is a member, too: where the request comes round to it, it is its own. `passing` of its
 * worker says so; its flag could not, for another thread may set that meanwhile.
 *
 * A task in a gather awaits many: the canceller claims the aggregate in its frame (many.h) under
 * the pin and goes through the members. Gathers in gathers are gone through in place, tasks between
 * them recurse; DEPTH_MAX down, and where another canceller is at it, the flag is set instead, and
 * the task passes the request on when it runs.
 *
 * Threads: any, with a reference to the future.
 */
#include "sched/cancel.h"

#include "core/check.h"
#include "sched/current.h"
#include "sched/future.h"
#include "sched/gather.h"
#include "sched/many.h"
#include "sched/ready.h"
#include "sched/shield.h"
#include "sched/suspend.h"
#include "sched/switch.h"
#include "sched/task.h"

#include <errno.h>

/* Of some 200 bytes of stack each; arbitrary. */
#define DEPTH_MAX 8

/* Where a request goes on. */
struct below {
    struct rove_future *future; /* retained; or NULL */
    struct rv_many *many;       /* claimed; or NULL */
};

/* The flag, for a request already counted. False: t has ended meanwhile and will not see it. */
static bool flag(struct rv_task *t)
{
    bool is_mine;
    if (!rv_state_set_cancel(&t->future.state, &is_mine)) {
        return !rv_state_is_done(&t->future.state); /* or the request was withdrawn */
    }
    if (is_mine) {
        rv_ready_push(t);
    }
    return true;
}

/* t is pinned. */
static struct below look_below(const struct rv_task *t, unsigned depth)
{
    struct below below = {NULL, NULL};
    if (t->awaiting != NULL && (t->awaiting->kind != RV_FUTURE_GATHER || depth < DEPTH_MAX)) {
        below.future = rove_retain(t->awaiting);
    } else if (t->awaiting == NULL && t->wait_kind == RV_WAIT_GATHER && depth < DEPTH_MAX) {
        struct rv_many *m = (struct rv_many *)(uintptr_t)t->wait_object;
        below.many = rv_many_claim(m) ? m : NULL;
    }
    return below;
}

/* One step: counts the request at t; *below: where it goes, both NULL: it stops here. False: t is
 * done. */
static bool step(struct rv_task *t, unsigned depth, struct below *below)
{
    enum rv_cancel_step got;
    *below = (struct below){NULL, NULL};
    rv_switch_settle_task(t);
    while ((got = rv_state_cancel(&t->future.state)) == RV_CANCEL_BUSY) {
        rv_cpu_relax();
    }
    if (got != RV_CANCEL_PINNED) {
        return got == RV_CANCEL_NOTED;
    }
    *below = look_below(t, depth);
    if (rv_state_unpin(&t->future.state, below->future == NULL && below->many == NULL)) {
        rv_ready_push(t);
    }
    return true;
}

static bool cancel_other(struct rove_future *f, unsigned depth)
{
    if (f->kind == RV_FUTURE_GATHER) {
        return rv_gather_cancel(f, depth);
    }
    return f->kind == RV_FUTURE_SHIELD ? rv_shield_cancel(f)
                                       : rv_future_complete(f, -ECANCELED, NULL) == 0;
}

/* Is f the running task whose request is passed on here? Then that has come round a circle. */
static bool comes_round(const struct rove_future *f)
{
    struct rv_worker *here = rv_current_worker();
    if (here == NULL || f != here->passing) {
        return false;
    }
    here->has_come_round = true;
    return true;
}

bool rv_future_cancel_within(struct rove_future *f, unsigned depth)
{
    if (f->kind != RV_FUTURE_TASK) {
        return cancel_other(f, depth);
    }
    if (comes_round(f)) {
        return true;
    }
    struct rove_future *at = f;
    struct below below;
    if (!step(rv_task_of(at), depth, &below)) {
        return false;
    }
    const struct rove_future *mark = f;
    bool is_seen = true;
    rove_retain(at);
    for (uint64_t steps = 1; below.future != NULL; steps++) {
        struct rove_future *next = below.future;
        if (comes_round(next)) {
            rove_release(next);
            break;
        }
        bool is_circle = next == mark;
        below = (struct below){NULL, NULL};
        bool is_accepted = !is_circle && (next->kind == RV_FUTURE_TASK
                                              ? step(rv_task_of(next), depth, &below)
                                              : cancel_other(next, depth));
        if (!is_accepted && !flag(rv_task_of(at)) && at == f) {
            is_seen = false; /* what it waited for, and then itself, ended before the flag */
        }
        if ((steps & (steps - 1)) == 0) {
            mark = next;
        }
        rove_release(at);
        at = next;
    }
    if (below.many != NULL && !rv_many_pass_on(below.many, depth + 1) &&
        !flag(rv_task_of(at)) && at == f) {
        is_seen = false;
    }
    rove_release(at);
    return is_seen;
}

bool rv_future_cancel(struct rove_future *f)
{
    return rv_future_cancel_within(f, 0);
}

static struct rv_worker *begin_passing(const struct rv_task *self)
{
    struct rv_worker *here = rv_current_worker();
    here->passing = &self->future;
    here->has_come_round = false;
    return here;
}

static bool end_passing(struct rv_worker *here, bool is_accepted)
{
    here->passing = NULL;
    return is_accepted && !here->has_come_round;
}

bool rv_cancel_pass_on(struct rv_task *self, struct rove_future *f)
{
    struct rv_worker *here = begin_passing(self);
    return end_passing(here, rv_future_cancel(f));
}

bool rv_cancel_pass_on_many(struct rv_task *self, struct rv_many *m)
{
    struct rv_worker *here = begin_passing(self);
    return end_passing(here, rv_many_cancel(m, 0));
}

bool rove_cancel(rove_future *f)
{
    return f != NULL && rv_future_cancel(f);
}

int rove_uncancel(rove_task *t)
{
    if (rv_current_worker() == NULL) {
        return -EPERM;
    }
    if (t == NULL || t->kind != RV_FUTURE_TASK) {
        return -EINVAL;
    }
    return (int)rv_state_uncancel(&t->state);
}

int rove_cancelling(rove_task *t)
{
    if (rv_current_worker() == NULL) {
        return -EPERM;
    }
    if (t == NULL || t->kind != RV_FUTURE_TASK) {
        return -EINVAL;
    }
    return (int)rv_state_cancelling(&t->state);
}

void rv_cancel_before_await(struct rv_task *self, struct rove_future *f)
{
    if (rv_take_cancel(self) && !rv_cancel_pass_on(self, f)) {
        rv_put_back_cancel(self);
    }
}
