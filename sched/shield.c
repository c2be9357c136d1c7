// SPDX-License-Identifier: MIT
/*
 * Purpose: a future that passes another's outcome on, but no cancellation back.
 *
 * Idea: the outer future is cancelled like one set by hand, and its cell then leaves the inner
 * one's queue: an inner future that lives long may see any number of shields come and go. If it
 * ends with an error after that, nobody has seen it, and debug mode says so.
 *
 * Owner: references: the handles, and one of the inner future, dropped when that is done or the
 * shield is cancelled. The inner future is given back with the last one: it may own the result that
 * was passed on.
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
    struct rove_future *inner; /* constant; retained */
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

void rv_shield_destroy(struct rove_future *f, struct rove_future **doomed)
{
    struct shield *s = rv_container_of(f, struct shield, outer);
    rv_future_release_later(s->inner, doomed);
}
