// SPDX-License-Identifier: MIT
/*
 * Purpose: call a function once, whoever comes first; the others wait until it is done.
 *
 * Idea: IDLE -> RUNNING -> DONE. A call that fails (or is cancelled) leaves it to the first who
 * waits, else to the next who comes, to try again: one that gives up poisons nothing.
 * DONE is seen by one load; it becomes plain DONE only by a later caller, under the inner lock,
 * for the reason that sync.h gives for the SLOW bit.
 *
 * Threads: any.
 */
#include "core/check.h"
#include "sched/sync.h"

#include <rove/blocking.h>
#include <rove/sync.h>

enum phase { IDLE, RUNNING, DONE_SLOW, DONE };

struct RV_SYNC_OVERLAY rv_once {
    struct rv_lock lock;       /* guards everything but the fast look at state */
    RV_ATOMIC(uint32_t) state; /* enum phase */
    void *owner;               /* who runs it, while RUNNING */
    struct rv_waitq waiters;
};

_Static_assert(sizeof(struct rv_once) == sizeof(rove_once), "rove_once holds a struct rv_once");

static struct rv_once *once_of(rove_once *o)
{
    return (struct rv_once *)o;
}

/* The function came back with rc. Success lets all go on, failure lets the first try. */
static void finish(struct rv_once *o, int rc)
{
    struct rv_waiter *fired;
    rv_lock_acquire(&o->lock);
    RV_CHECK(rv_load_relaxed(&o->state) == RUNNING, "a call that ends had begun");
    if (rc >= 0) {
        fired = rv_waitq_take_all(&o->waiters);
        for (struct rv_waiter *w = fired; w != NULL; w = w->next) {
            w->tag = DONE;
        }
        rv_store_relaxed(&o->state, DONE_SLOW);
    } else if ((fired = rv_waitq_pop(&o->waiters)) != NULL) {
        o->owner = fired->owner;
        fired->tag = RUNNING;
    } else {
        o->owner = NULL;
        rv_store_relaxed(&o->state, IDLE);
    }
    rv_lock_release(&o->lock);
    rv_waiter_fire_list(fired);
}

/* RUNNING: the caller is to run it · DONE: nothing is left to do · IDLE: it waits in w. */
static int begin(struct rv_once *o, struct rv_waiter *w, enum phase *phase)
{
    int rc = 0;
    rv_lock_acquire(&o->lock);
    enum phase now = (enum phase)rv_load_relaxed(&o->state);
    if (now == DONE_SLOW || now == DONE) {
        /* order: release M1. The function's writes, taken over by the lock; pairs with once. */
        rv_store_release(&o->state, DONE);
        *phase = DONE;
    } else if (now == IDLE) {
        rv_store_relaxed(&o->state, RUNNING);
        o->owner = w->owner;
        *phase = RUNNING;
    } else if (o->owner == w->owner) {
        rc = -EDEADLK;
    } else {
        rv_waitq_push(&o->waiters, w);
        *phase = IDLE;
    }
    rv_lock_release(&o->lock);
    return rc;
}

static int once(rove_once *public, rove_once_fn *fn, void *ctx, const struct rv_caller *caller)
{
    if (public == NULL || fn == NULL) {
        return -EINVAL;
    }
    struct rv_once *o = once_of(public);
    /* order: acquire M1. The function's writes before DONE; pairs with the release in begin. */
    if (RV_LIKELY(rv_load_acquire(&o->state) == DONE)) {
        return 0;
    }
    enum phase phase = IDLE;
    struct rv_waiter w;
    rv_waiter_init(&w, caller->task);
    w.owner = rv_sync_identity(caller);
    int rc = begin(o, &w, &phase);
    if (rc == 0 && phase == IDLE) {
        rc = rv_sync_wait(&o->waiters, &o->lock, &w, caller, RV_WAIT_ONCE, o);
        phase = (enum phase)w.tag;
    }
    if (rc != 0 || phase == DONE) {
        return rc;
    }
    rc = fn(ctx);
    finish(o, rc);
    return rc;
}

int rove_once_call(rove_once *o, rove_once_fn *fn, void *ctx)
{
    struct rv_caller caller;
    return rv_sync_is_task(&caller) ? once(o, fn, ctx, &caller) : -EPERM;
}

int rove_once_call_blocking(rove_once *o, rove_once_fn *fn, void *ctx, rove_duration timeout)
{
    struct rv_caller caller;
    return rv_sync_is_thread(&caller, timeout) ? once(o, fn, ctx, &caller) : -EPERM;
}
