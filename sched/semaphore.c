// SPDX-License-Identifier: MIT
/*
 * Purpose: the counting semaphore, with or without a bound.
 *
 * Idea: value is the count, with SLOW (sync.h) as its top bit. A release with waiters hands its
 * unit to the first of them: the count is above 0 only when nobody waits, so nobody overtakes.
 *
 * Threads: any. bound is constant after rove_semaphore_init.
 */
#include "core/check.h"
#include "sched/sync.h"

#include <rove/blocking.h>
#include <rove/sync.h>

#define RV_SEMAPHORE_SLOW (UINT64_C(1) << 63)
#define RV_SEMAPHORE_MAX  (RV_SEMAPHORE_SLOW - 1)

struct RV_SYNC_OVERLAY rv_semaphore {
    struct rv_lock lock; /* guards waiters, and value while it is SLOW */
    uint32_t unused;
    RV_ATOMIC(uint64_t) value;
    uint64_t bound; /* 0: none */
    struct rv_waitq waiters;
};

_Static_assert(sizeof(struct rv_semaphore) == sizeof(rove_semaphore),
               "rove_semaphore holds a struct rv_semaphore");

static struct rv_semaphore *semaphore_of(rove_semaphore *s)
{
    return (struct rv_semaphore *)s;
}

void rove_semaphore_init(rove_semaphore *public, size_t value, size_t bound)
{
    if (public == NULL) {
        return;
    }
    *public = (rove_semaphore){0};
    struct rv_semaphore *s = semaphore_of(public);
    uint64_t most = bound != 0 && bound < RV_SEMAPHORE_MAX ? bound : RV_SEMAPHORE_MAX;
    s->bound = bound == 0 ? 0 : most;
    rv_store_relaxed(&s->value, value < most ? value : most);
}

static bool try_fast(struct rv_semaphore *s)
{
    uint64_t value = rv_load_relaxed(&s->value);
    while (value != 0 && (value & RV_SEMAPHORE_SLOW) == 0) {
        /* order: acquire M1. The releaser's writes; pairs with rove_semaphore_release. */
        if (rv_cas_weak_acquire(&s->value, &value, value - 1)) {
            return true;
        }
    }
    return false;
}

/* Inner lock held: the count; everybody comes through the lock from here on. */
static uint64_t freeze(struct rv_semaphore *s)
{
    uint64_t value = rv_load_relaxed(&s->value);
    if ((value & RV_SEMAPHORE_SLOW) == 0) {
        /* order: acquire M1. The releasers' writes; pairs with rove_semaphore_release. Later ones
         * come by way of the inner lock. */
        value = rv_fetch_or_acquire(&s->value, RV_SEMAPHORE_SLOW);
    }
    return value & ~RV_SEMAPHORE_SLOW;
}

static bool is_full(const struct rv_semaphore *s, uint64_t count)
{
    return count >= (s->bound != 0 ? s->bound : RV_SEMAPHORE_MAX);
}

static RV_NOINLINE int release_slow(struct rv_semaphore *s)
{
    int rc = 0;
    rv_lock_acquire(&s->lock);
    uint64_t count = freeze(s);
    struct rv_waiter *w = rv_waitq_pop(&s->waiters);
    if (w == NULL && is_full(s, count)) {
        rc = -EOVERFLOW;
    } else if (w == NULL) {
        /* order: release M1. The releaser's writes; pairs with the acquire in freeze. */
        rv_store_release(&s->value, (count + 1) | RV_SEMAPHORE_SLOW);
    }
    rv_lock_release(&s->lock);
    if (w != NULL) {
        rv_waiter_fire(w);
    }
    return rc;
}

static int acquire_slow(struct rv_semaphore *s, const struct rv_caller *caller, bool may_wait)
{
    struct rv_waiter w;
    rv_waiter_init(&w, caller->task);
    rv_lock_acquire(&s->lock);
    uint64_t count = freeze(s);
    if (count > 0) {
        RV_CHECK(rv_waitq_is_empty(&s->waiters), "nobody waits while there are units");
        /* order: release M1. Releasers' writes, taken over by freeze; pairs with try_fast. */
        rv_store_release(&s->value, count - 1);
    } else if (may_wait) {
        rv_waitq_push(&s->waiters, &w);
    }
    rv_lock_release(&s->lock);
    if (count > 0) {
        return 0;
    }
    if (!may_wait) {
        return -EAGAIN;
    }
    int rc = rv_sync_wait(&s->waiters, &s->lock, &w, caller, RV_WAIT_SEMAPHORE, s);
    if (rc == 0 && RV_UNLIKELY(rv_sync_take_cancel(caller))) {
        if (release_slow(s) == 0) {
            return -ECANCELED;
        }
        rv_put_back_cancel(caller->task); /* no room any more: it keeps the unit */
    }
    return rc;
}

static int acquire(rove_semaphore *public, const struct rv_caller *caller, bool may_wait)
{
    if (RV_UNLIKELY(public == NULL)) {
        return -EINVAL;
    }
    struct rv_semaphore *s = semaphore_of(public);
    return RV_LIKELY(try_fast(s)) ? 0 : acquire_slow(s, caller, may_wait);
}

int rove_semaphore_acquire(rove_semaphore *s)
{
    struct rv_caller caller;
    return rv_sync_is_task(&caller) ? acquire(s, &caller, true) : -EPERM;
}

int rove_semaphore_tryacquire(rove_semaphore *s)
{
    struct rv_caller caller;
    return rv_sync_is_task(&caller) ? acquire(s, &caller, false) : -EPERM;
}

int rove_semaphore_acquire_blocking(rove_semaphore *s, rove_duration timeout)
{
    struct rv_caller caller;
    return rv_sync_is_thread(&caller, timeout) ? acquire(s, &caller, true) : -EPERM;
}

int rove_semaphore_release(rove_semaphore *public)
{
    if (RV_UNLIKELY(public == NULL)) {
        return -EINVAL;
    }
    struct rv_semaphore *s = semaphore_of(public);
    uint64_t value = rv_load_relaxed(&s->value);
    while ((value & RV_SEMAPHORE_SLOW) == 0) {
        if (is_full(s, value)) {
            return -EOVERFLOW;
        }
        /* order: release M1. The releaser's writes; pairs with the acquire in try_fast. */
        if (rv_cas_weak_release(&s->value, &value, value + 1)) {
            return 0;
        }
    }
    return release_slow(s);
}
