// SPDX-License-Identifier: MIT
/*
 * Purpose: the event: set once, everybody goes on.
 *
 * Idea: state is SET and SLOW (sync.h). The usual event lies on the stack of who waits for it, so
 * a set touches nothing once it can be seen: without waiters it is one compare-exchange; with
 * waiters the event becomes SET|SLOW, and who finds it so waits for the setter's inner lock.
 *
 * Threads: any.
 */
#include "sched/sync.h"

#include <rove/blocking.h>
#include <rove/sync.h>

#define RV_EVENT_SET  1u
#define RV_EVENT_SLOW 2u

struct RV_SYNC_OVERLAY rv_event {
    struct rv_lock lock; /* guards waiters */
    RV_ATOMIC(uint32_t) state;
    struct rv_waitq waiters;
};

_Static_assert(sizeof(struct rv_event) == sizeof(rove_event), "rove_event holds a struct rv_event");

static struct rv_event *event_of(const rove_event *e)
{
    return (struct rv_event *)(uintptr_t)e;
}

void rove_event_set(rove_event *public)
{
    if (public == NULL) {
        return;
    }
    struct rv_event *e = event_of(public);
    uint32_t state = rv_load_relaxed(&e->state);
    while ((state & RV_EVENT_SLOW) == 0) {
        /* order: release M1. The setter's writes; pairs with the acquire in wait and is_set. */
        if (rv_cas_weak_release(&e->state, &state, RV_EVENT_SET)) {
            return;
        }
    }
    rv_lock_acquire(&e->lock);
    struct rv_waiter *waiters = rv_waitq_take_all(&e->waiters);
    /* order: release M1. The setter's writes; pairs with the acquire in wait and is_set. */
    (void)rv_fetch_or_release(&e->state, RV_EVENT_SET);
    rv_lock_release(&e->lock);
    rv_waiter_fire_list(waiters);
}

void rove_event_clear(rove_event *public)
{
    if (public != NULL) {
        (void)rv_fetch_and_relaxed(&event_of(public)->state, ~RV_EVENT_SET);
    }
}

bool rove_event_is_set(const rove_event *public)
{
    /* order: acquire M1. The setter's writes; pairs with rove_event_set. */
    return public != NULL && (rv_load_acquire(&event_of(public)->state) & RV_EVENT_SET) != 0;
}

static int wait_slow(struct rv_event *e, const struct rv_caller *caller)
{
    struct rv_waiter w;
    rv_waiter_init(&w, caller->task);
    rv_lock_acquire(&e->lock);
    /* order: acquire M1. The setter's writes, if it is set; pairs with rove_event_set. */
    uint32_t before = rv_fetch_or_acquire(&e->state, RV_EVENT_SLOW);
    bool is_set = (before & RV_EVENT_SET) != 0;
    if (is_set && rv_waitq_is_empty(&e->waiters)) {
        /* A clear may have come meanwhile: then the slow mode stays. */
        uint32_t both = RV_EVENT_SET | RV_EVENT_SLOW;
        /* Relaxed: an exchange passes on what the setter released (M1). */
        (void)rv_cas_relaxed(&e->state, &both, RV_EVENT_SET);
    } else if (!is_set) {
        rv_waitq_push(&e->waiters, &w);
    }
    rv_lock_release(&e->lock);
    if (is_set) {
        return 0;
    }
    int rc = rv_sync_wait(&e->waiters, &e->lock, &w, caller, RV_WAIT_EVENT, e);
    return rc == 0 && rv_sync_take_cancel(caller) ? -ECANCELED : rc;
}

static int wait(rove_event *public, const struct rv_caller *caller)
{
    if (RV_UNLIKELY(public == NULL)) {
        return -EINVAL;
    }
    struct rv_event *e = event_of(public);
    /* order: acquire M1. The setter's writes; pairs with rove_event_set. */
    return rv_load_acquire(&e->state) == RV_EVENT_SET ? 0 : wait_slow(e, caller);
}

int rove_event_wait(rove_event *e)
{
    struct rv_caller caller;
    return rv_sync_is_task(&caller) ? wait(e, &caller) : -EPERM;
}

int rove_event_wait_blocking(rove_event *e, rove_duration timeout)
{
    struct rv_caller caller;
    return rv_sync_is_thread(&caller, timeout) ? wait(e, &caller) : -EPERM;
}
