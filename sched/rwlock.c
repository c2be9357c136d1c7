// SPDX-License-Identifier: MIT
/*
 * Purpose: the reader-writer lock; writers are preferred.
 *
 * Idea: state counts the readers, or says WRITER; SLOW as in sync.h. Two queues, each first come
 * first served. A waiting writer keeps new readers out, and is served before readers that wait:
 * writers that come without a pause can starve readers, readers cannot starve a writer.
 *
 *     bit  31      30    29..0
 *        WRITER   SLOW   readers
 *
 * `settle` is the one place that grants: whenever something changes under the inner lock (an
 * unlock, a waiter that gave up), it grants all that may now go on.
 *
 * Threads: any. owner is the writer's identity, for -EDEADLK and reports.
 */
#include "core/check.h"
#include "sched/sync.h"

#include <rove/blocking.h>
#include <rove/sync.h>

#define RV_RWLOCK_WRITER  0x80000000u
#define RV_RWLOCK_SLOW    0x40000000u
#define RV_RWLOCK_READERS 0x3fffffffu

struct RV_SYNC_OVERLAY rv_rwlock {
    struct rv_lock lock; /* guards the queues, and state while it is SLOW */
    RV_ATOMIC(uint32_t) state;
    RV_ATOMIC(void *) owner;
    struct rv_waitq readers;
    uint64_t unused;
    struct rv_waitq writers;
};

_Static_assert(sizeof(struct rv_rwlock) == sizeof(rove_rwlock),
               "rove_rwlock holds a struct rv_rwlock");

enum hold { READ, WRITE };

static struct rv_rwlock *rwlock_of(rove_rwlock *l)
{
    return (struct rv_rwlock *)l;
}

static bool try_fast(struct rv_rwlock *l, enum hold hold)
{
    uint32_t state = rv_load_relaxed(&l->state);
    uint32_t bars = hold == WRITE ? UINT32_MAX : (RV_RWLOCK_WRITER | RV_RWLOCK_SLOW);
    uint32_t gain = hold == WRITE ? RV_RWLOCK_WRITER : 1;
    while ((state & bars) == 0) {
        /* order: acquire M1. The last holder's writes; pairs with the release in unlock_fast. */
        if (rv_cas_weak_acquire(&l->state, &state, state + gain)) {
            return true;
        }
    }
    return false;
}

/* Inner lock held: everybody comes through it from here on. Returns the state without SLOW. */
static uint32_t freeze(struct rv_rwlock *l)
{
    uint32_t state = rv_load_relaxed(&l->state);
    if ((state & RV_RWLOCK_SLOW) == 0) {
        /* order: acquire M1. What holders wrote before they left; pairs with unlock_fast. Later
         * ones come by way of the inner lock. */
        state = rv_fetch_or_acquire(&l->state, RV_RWLOCK_SLOW);
    }
    return state & ~RV_RWLOCK_SLOW;
}

/* Inner lock held, state frozen. May this one have it now, before those who wait? */
static bool may_have(const struct rv_rwlock *l, uint32_t state, enum hold hold)
{
    return hold == WRITE ? state == 0
                         : (state & RV_RWLOCK_WRITER) == 0 && rv_waitq_is_empty(&l->writers);
}

/* Inner lock held, state frozen. Grants what can be; the cells to fire after the lock. */
static struct rv_waiter *settle(struct rv_rwlock *l, uint32_t state)
{
    struct rv_waiter *granted = NULL;
    if (state == 0 && !rv_waitq_is_empty(&l->writers)) {
        granted = rv_waitq_pop(&l->writers);
        rv_store_relaxed(&l->owner, granted->owner);
        state = RV_RWLOCK_WRITER;
    } else if (may_have(l, state, READ)) {
        granted = rv_waitq_take_all(&l->readers);
        for (const struct rv_waiter *w = granted; w != NULL; w = w->next) {
            state++;
        }
    }
    /* order: release M1. Earlier holders' writes, taken over by freeze; pairs with try_fast. */
    rv_store_release(&l->state, state | RV_RWLOCK_SLOW);
    return granted;
}

/* A waiter gave up: those behind it may go on. */
static void gave_up(struct rv_rwlock *l)
{
    rv_lock_acquire(&l->lock);
    struct rv_waiter *granted = settle(l, freeze(l));
    rv_lock_release(&l->lock);
    rv_waiter_fire_list(granted);
}

/* Inner lock held, frozen, may have: takes it; only a taker ends the slow mode (sync.h). */
static void take(struct rv_rwlock *l, uint32_t state, enum hold hold, void *identity)
{
    bool has_waiters = !rv_waitq_is_empty(&l->readers) || !rv_waitq_is_empty(&l->writers);
    if (hold == WRITE) {
        rv_store_relaxed(&l->owner, identity);
    }
    state += hold == WRITE ? RV_RWLOCK_WRITER : 1;
    /* order: release M1. Earlier holders' writes, taken over by freeze; pairs with try_fast. */
    rv_store_release(&l->state, state | (has_waiters ? RV_RWLOCK_SLOW : 0));
}

/* One hold less, unless that is to be done under the inner lock. */
static bool unlock_fast(struct rv_rwlock *l)
{
    uint32_t state = rv_load_relaxed(&l->state);
    while ((state & RV_RWLOCK_SLOW) == 0) {
        RV_CHECK(state != 0, "rove_rwlock_unlock: the lock %p is held", (void *)l);
        uint32_t loss = (state & RV_RWLOCK_WRITER) != 0 ? RV_RWLOCK_WRITER : 1;
        /* order: release M1. The holder's writes; pairs with the acquire in try_fast. */
        if (rv_cas_weak_release(&l->state, &state, state - loss)) {
            return true;
        }
    }
    return false;
}

static void unlock(struct rv_rwlock *l)
{
    /* Only a writer may forget the owner, and while there is one, it is the caller. */
    if ((rv_load_relaxed(&l->state) & RV_RWLOCK_WRITER) != 0) {
        rv_store_relaxed(&l->owner, NULL);
    }
    if (RV_LIKELY(unlock_fast(l))) {
        return;
    }
    rv_lock_acquire(&l->lock);
    uint32_t state = freeze(l);
    RV_CHECK(state != 0, "rove_rwlock_unlock: the lock %p is held", (void *)l);
    state -= (state & RV_RWLOCK_WRITER) != 0 ? RV_RWLOCK_WRITER : 1;
    struct rv_waiter *granted = settle(l, state);
    rv_lock_release(&l->lock);
    rv_waiter_fire_list(granted);
}

static int lock_slow(struct rv_rwlock *l, const struct rv_caller *caller, enum hold hold,
                     bool may_wait)
{
    struct rv_waiter w;
    rv_waiter_init(&w, caller->task);
    w.owner = rv_sync_identity(caller);
    struct rv_waitq *q = hold == WRITE ? &l->writers : &l->readers;
    int rc = -EAGAIN;
    rv_lock_acquire(&l->lock);
    uint32_t state = freeze(l);
    if (may_have(l, state, hold)) {
        take(l, state, hold, w.owner);
        rc = 0;
    } else if (may_wait && (state & RV_RWLOCK_WRITER) != 0 &&
               rv_load_relaxed(&l->owner) == w.owner) {
        rc = -EDEADLK;
    } else if (may_wait) {
        rv_waitq_push(q, &w);
    }
    rv_lock_release(&l->lock);
    if (rc != -EAGAIN || !may_wait) {
        return rc;
    }
    rc = rv_sync_wait(q, &l->lock, &w, caller, RV_WAIT_RWLOCK, l);
    if (rc != 0) {
        gave_up(l);
    } else if (RV_UNLIKELY(rv_sync_take_cancel(caller))) {
        unlock(l);
        rc = -ECANCELED;
    }
    return rc;
}

static int lock(rove_rwlock *public, const struct rv_caller *caller, enum hold hold, bool may_wait)
{
    if (RV_UNLIKELY(public == NULL)) {
        return -EINVAL;
    }
    struct rv_rwlock *l = rwlock_of(public);
    if (RV_UNLIKELY(!try_fast(l, hold))) {
        return lock_slow(l, caller, hold, may_wait);
    }
    if (hold == WRITE) {
        rv_store_relaxed(&l->owner, rv_sync_identity(caller));
    }
    return 0;
}

int rove_rwlock_rdlock(rove_rwlock *l)
{
    struct rv_caller caller;
    return rv_sync_is_task(&caller) ? lock(l, &caller, READ, true) : -EPERM;
}

int rove_rwlock_wrlock(rove_rwlock *l)
{
    struct rv_caller caller;
    return rv_sync_is_task(&caller) ? lock(l, &caller, WRITE, true) : -EPERM;
}

int rove_rwlock_tryrdlock(rove_rwlock *l)
{
    struct rv_caller caller;
    return rv_sync_is_task(&caller) ? lock(l, &caller, READ, false) : -EPERM;
}

int rove_rwlock_trywrlock(rove_rwlock *l)
{
    struct rv_caller caller;
    return rv_sync_is_task(&caller) ? lock(l, &caller, WRITE, false) : -EPERM;
}

int rove_rwlock_rdlock_blocking(rove_rwlock *l, rove_duration timeout)
{
    struct rv_caller caller;
    return rv_sync_is_thread(&caller, timeout) ? lock(l, &caller, READ, true) : -EPERM;
}

int rove_rwlock_wrlock_blocking(rove_rwlock *l, rove_duration timeout)
{
    struct rv_caller caller;
    return rv_sync_is_thread(&caller, timeout) ? lock(l, &caller, WRITE, true) : -EPERM;
}

void rove_rwlock_unlock(rove_rwlock *l)
{
    if (l != NULL) {
        unlock(rwlock_of(l));
    }
}
