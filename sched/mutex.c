// SPDX-License-Identifier: MIT
/*
 * Purpose: the mutex: one compare-exchange when free, none where one worker uses it, and first
 *          come first served when it is not free.
 *
 * Idea: state is LOCKED and SLOW (sync.h). An unlock with waiters does not free the mutex but
 * hands it to the first of them, so nobody overtakes a woken waiter; a running task takes a free
 * mutex only when nobody waits. On one worker the hand-over costs no switch that would not come
 * anyway: who asks again parks behind, and the new owner is next in the ready queue.
 *
 *     0 --lock--> LOCKED --lock--> LOCKED|SLOW --unlock--> LOCKED, the first waiter's
 *     ^--unlock------'                   '--unlock, nobody waits any more--> SLOW --lock--> LOCKED
 *
 * A convoy, in which every lock finds a queue because every unlock hands over, is kept from
 * starting: who finds the mutex held by a task that runs on another worker right now spins a
 * little before it queues. `where` is the owner's worker and that worker's switch count when it
 * took the mutex: while the count stands, the owner has not been switched out.
 *
 * Most mutexes are used by one worker for long. After RV_HOME_STREAK locks in succession it is that
 * worker's home (core/home.h): the word has the bit HOME, so that no compare-exchange succeeds, and
 * is changed by plain stores, at home without the inner lock. Anybody else comes with the inner
 * lock and evicts; then the word is without the bit. At home nobody spins, so `where` is not kept:
 * who evicts makes up for it.
 *
 * Who was handed the mutex and finds itself cancelled hands it on to the next.
 *
 * In debug mode every lock makes the word SLOW, so the fast unlock need not ask who reports, and is
 * noted in a record, so that one that lasts is named meanwhile (hold.h).
 *
 * Threads: any. owner, since, where are written by the owner, and by who hands over.
 * Rejected: letting the runner barge and waking the waiter to compete (a woken waiter may lose
 * for ever; bounding that needs a clock in every unlock).
 */
#include "sched/mutex.h"

#include "core/check.h"
#include "core/clock.h"
#include "core/home.h"
#include "sched/hold.h"
#include "sched/runtime.h"
#include "sched/suspend.h"
#include "sched/sync.h"
#include "sched/worker.h"

#include <rove/blocking.h>
#include <syslog.h>

#define RV_MUTEX_LOCKED 1u
#define RV_MUTEX_SLOW   2u
#define RV_MUTEX_HOME   4u              /* without SLOW: the first who waits ends it */

#ifndef RV_MUTEX_SPIN                   /* a model has few */
#define RV_MUTEX_SPIN        100        /* rounds of rv_cpu_relax; a few microseconds; arbitrary */
#define RV_MUTEX_YIELDS      5          /* then so many of rv_os_sched_yield; bench/mutex */
#endif
#define RV_MUTEX_WORKER_BITS 16
#define RV_MUTEX_WORKER      ((UINT64_C(1) << (RV_MUTEX_WORKER_BITS - 1)) - 1)
#define RV_MUTEX_QUEUED      (UINT64_C(1) << (RV_MUTEX_WORKER_BITS - 1)) /* a hint, for unlock */

struct RV_SYNC_OVERLAY rv_mutex {
    struct rv_home home; /* its lock, the inner one, guards waiters, and state while it is SLOW */
    RV_ATOMIC(uint32_t) state;
    RV_ATOMIC(void *) owner;
    struct rv_waitq waiters;
    RV_ATOMIC(int64_t) since;
    RV_ATOMIC(uint64_t) where; /* switch count << 16 | QUEUED | worker index + 1; 0: not known */
};

_Static_assert(sizeof(struct rv_mutex) == sizeof(rove_mutex), "rove_mutex holds a struct rv_mutex");

static struct rv_mutex *mutex_of(const rove_mutex *m)
{
    return (struct rv_mutex *)(uintptr_t)m;
}

void *rv_mutex_owner(const rove_mutex *m)
{
    return rv_load_relaxed(&mutex_of(m)->owner);
}

int64_t rv_mutex_since(const rove_mutex *m)
{
    return rv_load_relaxed(&mutex_of(m)->since);
}

static uint64_t where_of(const struct rv_worker *w, unsigned idx)
{
    return rv_load_relaxed(&w->step) << RV_MUTEX_WORKER_BITS | (idx + 1);
}

/* Debug mode: so that the unlock takes the slow way and can report. */
static RV_COLD void force_slow(struct rv_mutex *m)
{
    rv_lock_acquire(&m->home.lock);
    (void)rv_fetch_or_relaxed(&m->state, RV_MUTEX_SLOW);
    rv_lock_release(&m->home.lock);
}

/* The calling task has it, and has had it so often in succession that it may stay. */
static RV_COLD void come_home(struct rv_mutex *m, const struct rv_worker *here)
{
    rv_lock_acquire(&m->home.lock);
    m->home.streak = 0;
    /* A word that is LOCKED is changed by its owner, or with the lock. SLOW: somebody queues. */
    if (rv_load_relaxed(&m->state) == RV_MUTEX_LOCKED && !here->is_debug &&
        rv_home_settle(&m->home, here)) {
        rv_store_relaxed(&m->state, RV_MUTEX_LOCKED | RV_MUTEX_HOME);
    }
    rv_lock_release(&m->home.lock);
}

/* Where the owner runs, as own would have noted it, for a mutex that worker `w` had at home. */
static uint64_t where_at_home(const struct rv_mutex *m, const struct rv_worker *w)
{
    const struct rv_worker *here = rv_current_worker();
    if (here == NULL) {
        return 0;
    }
    const struct rove_runtime *runtime = here->runtime;
    for (unsigned i = 0; i < runtime->worker_count; i++) {
        if (&runtime->workers[i] == w) { /* so it lives */
            uint64_t where = where_of(w, i);
            return rv_load_relaxed(&w->current) == rv_load_relaxed(&m->owner) ? where : 0;
        }
    }
    return 0;
}

/* Inner lock held: a mutex at home becomes one like others. */
static void leave_home(struct rv_mutex *m)
{
    uint32_t state = rv_load_relaxed(&m->state);
    if (RV_UNLIKELY((state & RV_MUTEX_HOME) != 0)) {
        const struct rv_worker *w = (void *)rv_load_relaxed(&m->home.home);
        rv_home_evict(&m->home, rv_current_worker());
        rv_store_relaxed(&m->where, where_at_home(m, w));
        state = rv_load_relaxed(&m->state) & RV_MUTEX_LOCKED;
        /* order: release M1. What was done at home (H2), for the next; pairs with try_fast. */
        rv_store_release(&m->state, state);
    }
}

/* The calling task has it; `queued` is 0 or QUEUED: the next unlock hands over. */
static inline void own(struct rv_mutex *m, struct rv_task *self, uint64_t queued)
{
    const struct rv_worker *w = self->worker;
    int64_t since_ns = w->now_ns; /* up to a tick of switches old */
    if (RV_UNLIKELY(w->is_debug)) {
        force_slow(m);
        queued = RV_MUTEX_QUEUED;
        since_ns = rv_clock_now();
        if (w->runtime->options.debug) {
            rv_hold_begin(m, self, since_ns);
        }
    }
    rv_store_relaxed(&m->since, since_ns);
    rv_store_relaxed(&m->where, where_of(w, w->idx) | queued);
    /* order: release M2. where before owner; pairs with the spinner's look in owner_runs. */
    rv_store_release(&m->owner, (void *)self);
}

/* The same by way of the inner lock, or on a plain thread. */
static void own_slow(struct rv_mutex *m, const struct rv_caller *caller)
{
    if (caller->task != NULL) {
        bool is_slow = (rv_load_relaxed(&m->state) & RV_MUTEX_SLOW) != 0;
        own(m, caller->task, is_slow ? RV_MUTEX_QUEUED : 0);
        return;
    }
    rv_store_relaxed(&m->since, rv_clock_now());
    rv_store_relaxed(&m->where, UINT64_C(0));
    /* order: release M2. where before owner; pairs with the spinner's look in owner_runs. */
    rv_store_release(&m->owner, rv_sync_identity(caller));
}

/* The calling task, on worker `here`, finds a free mutex at home, and owns it. */
static RV_ALWAYS_INLINE bool try_at_home(struct rv_mutex *m, struct rv_task *self,
                                         struct rv_worker *here)
{
    if (!rv_home_try_enter(&m->home, here)) {
        return false;
    }
    bool is_free = rv_load_relaxed(&m->state) == RV_MUTEX_HOME && !here->is_debug;
    if (RV_LIKELY(is_free)) {
        rv_store_relaxed(&m->state, RV_MUTEX_HOME | RV_MUTEX_LOCKED);
        rv_store_relaxed(&m->since, here->now_ns);
        rv_store_relaxed(&m->owner, (void *)self);
    }
    rv_home_leave(&m->home, true);
    return is_free;
}

static inline bool try_fast(struct rv_mutex *m)
{
    uint32_t free = 0;
    /* A compare-exchange that fails costs as much as one that succeeds, hence the look; but not at
     * the word that the last compare-exchange has written: that load would wait for it. */
    return rv_load_relaxed(&m->owner) == NULL &&
           /* order: acquire M1. The last owner's writes; pairs with rove_mutex_unlock. */
           rv_cas_acquire(&m->state, &free, RV_MUTEX_LOCKED);
}

/* try_fast for a task, which owns it then. */
static RV_ALWAYS_INLINE bool try_fast_task(struct rv_mutex *m, struct rv_task *self)
{
    if (RV_UNLIKELY(!try_fast(m))) {
        return false;
    }
    const struct rv_worker *here = self->worker;
    uint64_t last_where = rv_load_relaxed(&m->where);
    own(m, self, 0);
    if (((last_where ^ (here->idx + 1)) & RV_MUTEX_WORKER) != 0) {
        m->home.streak = 0;
    } else if (RV_UNLIKELY(++m->home.streak >= RV_HOME_STREAK)) {
        come_home(m, here);
    }
    return true;
}

/* Is the owner on another core at this moment? Also yes while it changes hands. */
static bool owner_runs(struct rv_mutex *m, const struct rv_task *self)
{
    /* order: acquire M2. owner before where; pairs with own. */
    if (rv_load_acquire(&m->owner) == NULL) {
        return true;
    }
    uint64_t where = rv_load_relaxed(&m->where);
    where &= ~RV_MUTEX_QUEUED;
    unsigned idx = (unsigned)(where & ((1u << RV_MUTEX_WORKER_BITS) - 1));
    const struct rove_runtime *runtime = self->runtime;
    if (idx == 0 || idx > runtime->worker_count || idx - 1 == self->worker->idx) {
        return false;
    }
    return where_of(&runtime->workers[idx - 1], idx - 1) == where;
}

static bool spin(struct rv_mutex *m, const struct rv_task *self)
{
    if (self == NULL || self->runtime->worker_count == 1) {
        return false;
    }
    if ((rv_load_relaxed(&m->state) & RV_MUTEX_HOME) != 0) {
        rv_lock_acquire(&m->home.lock);
        leave_home(m);
        rv_lock_release(&m->home.lock);
    }
    for (unsigned i = 0; i < RV_MUTEX_SPIN + RV_MUTEX_YIELDS; i++) {
        uint32_t state = rv_load_relaxed(&m->state);
        if (state == 0 && try_fast(m)) {
            return true;
        }
        if ((state & (RV_MUTEX_SLOW | RV_MUTEX_HOME)) != 0 || !owner_runs(m, self)) {
            return false;
        }
        if (i < RV_MUTEX_SPIN) {
            rv_cpu_relax();
        } else {
            rv_os_sched_yield(); /* its thread has most likely been preempted: here is a core */
        }
    }
    return false;
}

/*
 * Inner lock not held. 0: locked, not yet owned · -EAGAIN: w is queued, to be waited in ·
 * -EDEADLK. A free mutex has no waiters: an unlock hands over as long as there are any.
 */
static int enqueue(struct rv_mutex *m, struct rv_waiter *w, bool may_wait)
{
    int rc = 0;
    rv_lock_acquire(&m->home.lock);
    leave_home(m);
    uint32_t before = rv_load_relaxed(&m->state);
    if ((before & RV_MUTEX_SLOW) == 0) {
        /* order: acquire M1. The last owner's writes, if free; pairs with rove_mutex_unlock. */
        before = rv_fetch_or_acquire(&m->state, RV_MUTEX_SLOW);
    }
    if ((before & RV_MUTEX_LOCKED) == 0) {
        RV_CHECK(rv_waitq_is_empty(&m->waiters), "a mutex that has waiters is never free");
        rv_store_relaxed(&m->state, RV_MUTEX_LOCKED);
    } else if (!may_wait) {
        rc = -EAGAIN;
    } else if (rv_load_relaxed(&m->owner) == w->owner) {
        rc = -EDEADLK;
    } else {
        rv_waitq_push(&m->waiters, w);
        rc = -EAGAIN;
    }
    rv_lock_release(&m->home.lock);
    return rc;
}

/* Debug mode: wrong unlockers and long holders are reported, not stopped. */
static RV_COLD void report(const struct rv_mutex *m, struct rv_task *owner)
{
    if (rv_current_task() != owner) {
        rv_runtime_log(owner->runtime, LOG_ERR,
                       "mutex %p is unlocked by another than its owner, task %llu", (const void *)m,
                       (unsigned long long)owner->id);
        return;
    }
    int64_t held_ns = rv_clock_now() - rv_load_relaxed(&m->since);
    if (held_ns > RV_HOLD_LONG_NS) {
        rv_runtime_log(owner->runtime, LOG_WARNING, "mutex %p was held for %lld ms by task %llu",
                       (const void *)m, (long long)(held_ns / 1000000),
                       (unsigned long long)owner->id);
    }
}

/* Hands over to the first waiter; frees the mutex if there is none. */
static RV_NOINLINE void unlock_slow(struct rv_mutex *m)
{
    void *owner = rv_load_relaxed(&m->owner);
    struct rv_task *task = rv_sync_owner_task(owner);
    RV_CHECK((rv_load_relaxed(&m->state) & RV_MUTEX_LOCKED) != 0,
             "rove_mutex_unlock: the mutex %p is locked", (void *)m);
    if (task != NULL && task->runtime->options.debug) {
        rv_hold_end(m);
        report(m, task);
    }
    rv_lock_acquire(&m->home.lock);
    leave_home(m);
    rv_store_relaxed(&m->owner, NULL);
    struct rv_waiter *w = rv_waitq_pop(&m->waiters);
    if (w == NULL) {
        rv_store_relaxed(&m->state, RV_MUTEX_SLOW);
    } else {
        rv_store_relaxed(&m->where, UINT64_C(0));
        rv_store_relaxed(&m->since, INT64_C(0)); /* until the new owner runs */
        rv_store_relaxed(&m->owner, w->owner);
        if (rv_waitq_is_empty(&m->waiters)) {
            rv_store_relaxed(&m->state, RV_MUTEX_LOCKED);
        }
    }
    rv_lock_release(&m->home.lock);
    if (w != NULL) {
        rv_waiter_fire(w);
    }
}

static int lock_slow(struct rv_mutex *m, const struct rv_caller *caller)
{
    if (spin(m, caller->task)) {
        own(m, caller->task, 0);
        return 0;
    }
    struct rv_waiter w;
    rv_waiter_init(&w, caller->task);
    w.owner = rv_sync_identity(caller);
    int rc = enqueue(m, &w, true);
    bool has_waited = rc == -EAGAIN;
    if (has_waited) {
        rc = rv_sync_wait(&m->waiters, &m->home.lock, &w, caller, RV_WAIT_MUTEX, m);
    }
    if (rc == 0) {
        own_slow(m, caller);
        if (has_waited && RV_UNLIKELY(rv_sync_take_cancel(caller))) {
            unlock_slow(m);
            rc = -ECANCELED;
        }
    }
    return rc;
}

/* Not at home here. */
static RV_NOINLINE int lock_away(struct rv_mutex *m, struct rv_task *self)
{
    if (RV_LIKELY(try_fast_task(m, self))) {
        return 0;
    }
    return lock_slow(m, &(struct rv_caller){.task = self, .timeout_ns = -1});
}

int rove_mutex_lock(rove_mutex *public)
{
    struct rv_task *self = rv_current_task();
    if (RV_UNLIKELY(self == NULL || public == NULL)) {
        return self == NULL ? -EPERM : -EINVAL;
    }
    struct rv_mutex *m = mutex_of(public);
    return RV_LIKELY(try_at_home(m, self, self->worker)) ? 0 : lock_away(m, self);
}

int rove_mutex_lock_blocking(rove_mutex *public, rove_duration timeout)
{
    struct rv_caller caller;
    if (!rv_sync_is_thread(&caller, timeout)) {
        return -EPERM;
    }
    if (public == NULL) {
        return -EINVAL;
    }
    struct rv_mutex *m = mutex_of(public);
    if (!try_fast(m)) {
        return lock_slow(m, &caller);
    }
    own_slow(m, &caller);
    return 0;
}

int rove_mutex_trylock(rove_mutex *public)
{
    struct rv_caller caller;
    if (!rv_sync_is_task(&caller)) {
        return -EPERM;
    }
    if (public == NULL) {
        return -EINVAL;
    }
    struct rv_mutex *m = mutex_of(public);
    if (!try_at_home(m, caller.task, caller.task->worker) && !try_fast_task(m, caller.task)) {
        uint32_t state = rv_load_relaxed(&m->state);
        if ((state & RV_MUTEX_LOCKED) != 0 || enqueue(m, NULL, false) != 0) {
            return -EAGAIN;
        }
        own(m, caller.task, 0);
    }
    return 0;
}

bool rv_mutex_lock_uncancelled(rove_mutex *public, struct rv_task *self)
{
    struct rv_mutex *m = mutex_of(public);
    bool is_cancelled = false;
    if (try_at_home(m, self, self->worker) || try_fast_task(m, self)) {
        return false;
    }
    if (!spin(m, self)) {
        struct rv_waiter w;
        rv_waiter_init(&w, self);
        w.owner = self;
        int rc = enqueue(m, &w, true);
        RV_CHECK(rc == 0 || rc == -EAGAIN, "who waited for a condition does not hold its mutex");
        while (rc != 0 && !rv_waiter_is_fired(&w)) {
            if (rv_take_cancel(self)) {
                is_cancelled = true;
            } else {
                rv_park(self, RV_WAIT_MUTEX, m);
            }
        }
    }
    own_slow(m, &(struct rv_caller){.task = self});
    return is_cancelled;
}

void rv_mutex_lock_thread(rove_mutex *public)
{
    const struct rv_caller caller = {.task = NULL, .timeout_ns = -1};
    struct rv_mutex *m = mutex_of(public);
    if (!try_fast(m)) {
        int rc = lock_slow(m, &caller);
        RV_CHECK(rc == 0, "who waited for a condition does not hold its mutex");
    } else {
        own_slow(m, &caller);
    }
}

/* True: it was at home here, and still is. */
static RV_ALWAYS_INLINE bool unlock_at_home(struct rv_mutex *m)
{
    const struct rv_worker *here = rv_current_worker();
    if (RV_UNLIKELY(here == NULL) || !rv_home_try_enter(&m->home, here)) {
        return false;
    }
    bool is_locked = rv_load_relaxed(&m->state) == (RV_MUTEX_HOME | RV_MUTEX_LOCKED);
    if (RV_LIKELY(is_locked)) {
        rv_store_relaxed(&m->owner, NULL);
        rv_store_relaxed(&m->state, RV_MUTEX_HOME);
    }
    rv_home_leave(&m->home, true); /* the last touch: who evicts waits for it */
    return is_locked;
}

void rove_mutex_unlock(rove_mutex *public)
{
    if (RV_UNLIKELY(public == NULL)) {
        return;
    }
    struct rv_mutex *m = mutex_of(public);
    if (RV_LIKELY(unlock_at_home(m))) {
        return;
    }
    uint32_t locked = RV_MUTEX_LOCKED;
    /* The look, as in try_fast: with a queue the state is known to be SLOW. */
    if (RV_LIKELY((rv_load_relaxed(&m->where) & RV_MUTEX_QUEUED) == 0)) {
        rv_store_relaxed(&m->owner, NULL);
        /* order: release M1. The owner's writes; pairs with the acquire in try_fast. */
        if (RV_LIKELY(rv_cas_release(&m->state, &locked, 0u))) {
            return;
        }
    }
    unlock_slow(m);
}
