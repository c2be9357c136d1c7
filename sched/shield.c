// SPDX-License-Identifier: MIT
/*
 * Purpose: a future that passes another's outcome on, but no cancellation back.
 *
 * Idea: the outer future is cancelled like one set by hand, and its cell then leaves the inner
 * one's queue: an inner future that lives long may see any number of shields come and go. If it
 * ends with an error after that, nobody has seen it, and debug mode says so.
 *
 * Owner: references: the handles, and one of the inner future, dropped when that is done or the
 * shield is cancelled, or the inner one given up. The inner future is given back with the last one:
 * it may own the result that was passed on. Let go before (future.h), it is held again then.
 */
#include "sched/shield.h"

#include "core/check.h"
#include "sched/current.h"
#include "sched/debug.h"
#include "sched/future.h"
#include "sched/task.h"

#include <rove/wait.h>

#include <errno.h>

struct shield {
    struct rove_future outer;
    struct rv_outer keep;
    struct rove_future *inner; /* constant */
    bool is_held;              /* .. retained; under its lock, or with the last reference */
    struct rv_waiter cell;
};

static int complete_outer(void *arg, RV_UNUSED void **result)
{
    struct shield *s = arg;
    if (rv_future_complete(&s->outer, s->inner->error, s->inner->result) == 0) {
        rv_state_observe(&s->inner->state);
    }
    rove_release(&s->outer);
    return 0;
}

/* True: here and now. Then the reference is the caller's, who tells the waiters if w is fired. */
static bool inner_is_done(struct rv_waiter *w)
{
    struct shield *s = w->owner;
    uint64_t before;
    if (!s->is_held) {
        rove_retain(s->inner); /* it was let go */
        s->is_held = true;
    }
    if (rv_task_run_in_turn(complete_outer, s)) {
        return false;
    }
    if (rv_future_settle(&s->outer, s->inner->error, s->inner->result, &before)) {
        rv_state_observe(&s->inner->state);
        rv_store_relaxed(&w->fired, 1u);
    }
    return true;
}

rove_future *rove_shield(rove_future *f)
{
    if (rv_current_worker() == NULL || f == NULL) {
        return NULL;
    }
    if (rv_state_is_done(&f->state)) {
        return rove_retain(f);
    }
    struct rove_future *outer = rv_future_alloc(sizeof(struct shield), RV_FUTURE_SHIELD, 2);
    if (outer == NULL) {
        return NULL;
    }
    if (RV_UNLIKELY(outer->flags & RV_TASK_DEBUG)) {
        rv_debug_set_site(outer, __builtin_return_address(0));
    }
    struct shield *s = rv_container_of(outer, struct shield, outer);
    s->inner = rove_retain(f);
    s->is_held = true;
    rv_waiter_init(&s->cell, NULL);
    s->cell.owner = s;
    s->cell.tag = RV_WAITER_OF_FUTURE;
    s->cell.on_fire = inner_is_done;
    if (!rv_future_add_waiter(f, &s->cell) && inner_is_done(&s->cell)) {
        rove_release(outer); /* nobody waits yet */
    }
    return outer;
}

bool rv_shield_cancel(struct rove_future *f)
{
    struct shield *s = rv_container_of(f, struct shield, outer);
    /* The caller's reference may be an awaiter's, who is gone as soon as this is done. */
    rove_retain(f);
    bool is_cancelled = rv_future_complete(f, -ECANCELED, NULL) == 0;
    if (is_cancelled && rv_future_remove_waiter(s->inner, &s->cell)) {
        rove_release(f); /* the inner one's; else complete_outer is under way with it */
    }
    rove_release(f);
    return is_cancelled;
}

void rv_shield_destroy(struct rove_future *f, struct rv_doomed *doomed)
{
    struct shield *s = rv_container_of(f, struct shield, outer);
    if (s->is_held) {
        rv_future_release_later(s->inner, doomed);
    }
}

struct rv_outer *rv_shield_outer(struct rove_future *f)
{
    return &rv_container_of(f, struct shield, outer)->keep;
}

bool rv_shield_holds(struct rove_future *f)
{
    const struct shield *s = rv_container_of(f, struct shield, outer);
    /* In this order: of one that is undone this is the last handle, or comes after it; and an inner
     * one that was let go may be gone. */
    return !rv_state_is_done(&f->state) && !s->keep.has_let_go && s->inner->kind != RV_FUTURE_TASK;
}

void rv_shield_let_go(struct rove_future *f, struct rv_doomed *doomed)
{
    struct shield *s = rv_container_of(f, struct shield, outer);
    rv_lock_acquire(&s->inner->lock);
    bool is_queued = rv_waitq_is_queued(&s->inner->waiters, &s->cell);
    s->is_held = !is_queued;
    rv_lock_release(&s->inner->lock);
    if (is_queued) {
        rv_future_release_later(s->inner, doomed);
    }
}
