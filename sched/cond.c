// SPDX-License-Identifier: MIT
/*
 * Purpose: the condition variable.
 *
 * Idea: a queue of cells. A waiter queues itself before it unlocks the mutex, so a notify that
 * follows a change under the mutex finds it. It has the mutex again on every return: the second
 * lock takes cancellations but does not end by them. A waiter that was notified and cancelled
 * reports the cancellation and passes the notification on, as asyncio's Condition does.
 *
 * WAITERS in state spares a notify without waiters the inner lock. Relaxed is enough: who changed
 * the predicate under the mutex is ordered after the waiter's push by the mutex itself.
 *
 * Threads: any.
 */
#include "sched/mutex.h"
#include "sched/suspend.h"
#include "sched/sync.h"

#include <rove/blocking.h>
#include <rove/sync.h>

#define RV_COND_WAITERS 1u

struct RV_SYNC_OVERLAY rv_cond {
    struct rv_lock lock; /* guards waiters */
    RV_ATOMIC(uint32_t) state;
    struct rv_waitq waiters;
};

_Static_assert(sizeof(struct rv_cond) == sizeof(rove_cond), "rove_cond holds a struct rv_cond");

static struct rv_cond *cond_of(rove_cond *c)
{
    return (struct rv_cond *)c;
}

static void notify(struct rv_cond *c, size_t n)
{
    if (n == 0 || rv_load_relaxed(&c->state) == 0) {
        return;
    }
    struct rv_waiter *first = NULL;
    struct rv_waiter **link = &first;
    rv_lock_acquire(&c->lock);
    while (n-- > 0 && (*link = rv_waitq_pop(&c->waiters)) != NULL) {
        link = &(*link)->next;
    }
    if (rv_waitq_is_empty(&c->waiters)) {
        rv_store_relaxed(&c->state, 0u);
    }
    rv_lock_release(&c->lock);
    rv_waiter_fire_list(first);
}

void rove_cond_notify(rove_cond *c, size_t n)
{
    if (c != NULL) {
        notify(cond_of(c), n);
    }
}

void rove_cond_notify_all(rove_cond *c)
{
    rove_cond_notify(c, SIZE_MAX);
}

/* Queues the cell, unlocks m, waits. */
static int wait_unlocked(struct rv_cond *c, rove_mutex *m, struct rv_waiter *w,
                         const struct rv_caller *caller)
{
    rv_lock_acquire(&c->lock);
    rv_waitq_push(&c->waiters, w);
    rv_store_relaxed(&c->state, RV_COND_WAITERS);
    rv_lock_release(&c->lock);
    rove_mutex_unlock(m);
    return rv_sync_wait(&c->waiters, &c->lock, w, caller, RV_WAIT_COND, c);
}

int rove_cond_wait(rove_cond *public, rove_mutex *m)
{
    struct rv_caller caller;
    if (!rv_sync_is_task(&caller)) {
        return -EPERM;
    }
    if (public == NULL || m == NULL || rv_mutex_owner(m) != caller.task) {
        return -EINVAL;
    }
    struct rv_cond *c = cond_of(public);
    struct rv_waiter w;
    rv_waiter_init(&w, caller.task);
    int rc = wait_unlocked(c, m, &w, &caller);
    bool is_cancelled = rv_mutex_lock_uncancelled(m, caller.task);
    if (rc == 0 && (is_cancelled || rv_take_cancel(caller.task))) {
        notify(c, 1);
        rc = -ECANCELED;
    }
    return rc;
}

int rove_cond_wait_blocking(rove_cond *public, rove_mutex *m, rove_duration timeout)
{
    struct rv_caller caller;
    if (!rv_sync_is_thread(&caller, timeout)) {
        return -EPERM;
    }
    if (public == NULL || m == NULL || rv_mutex_owner(m) != rv_sync_identity(&caller)) {
        return -EINVAL;
    }
    struct rv_waiter w;
    rv_waiter_init(&w, NULL);
    int rc = wait_unlocked(cond_of(public), m, &w, &caller);
    rv_mutex_lock_thread(m);
    return rc;
}
