// SPDX-License-Identifier: MIT
/*
 * Purpose: blocks with a deadline, and waiting for one future with a deadline.
 *
 * Idea: asyncio's Timeout. The deadline asks the task for cancellation, which counts one; leaving
 * the block takes that one back. If then no more requests are open than at entry, the cancellation
 * was the deadline's and becomes -ETIMEDOUT; else somebody else's is under way and stays.
 *
 *     ACTIVE -> EXITED                 left in time
 *     ACTIVE -> EXPIRING -> EXPIRED    the timer fired, the block was left
 *     ACTIVE -> BROKEN                 no memory for the timer: cancelled at once, ends as -ENOMEM
 *
 * Owner: the public struct, in a frame of the task that entered it, holds all; blocks of a task are
 * chained, innermost first.
 * Threads: enter and exit: the task; reschedule: any task of its runtime, as long as the block is
 * not left meanwhile. The timer fires on any worker, and has ended when disarm returns.
 */
#include "sched/timeout.h"

#include "core/check.h"
#include "core/clock.h"
#include "core/lock.h"
#include "sched/current.h"
#include "sched/future.h"
#include "sched/suspend.h"
#include "sched/task.h"
#include "sched/timer.h"
#include "sched/worker.h"

#include <rove/wait.h>

#include <errno.h>

enum { CREATED, ACTIVE, EXPIRING, EXPIRED, EXITED, BROKEN };

struct __attribute__((may_alias)) timeout {
    struct rv_timer timer;     /* timer.worker is NULL: never armed */
    struct rv_task *task;      /* NULL: entered outside a task */
    struct timeout *outer;
    RV_ATOMIC(uint32_t) state;
    uint32_t cancelling;       /* requests open at entry */
    struct rv_lock lock;       /* held by who moves the deadline */
};

_Static_assert(sizeof(struct timeout) <= sizeof(rove_timeout), "a timeout block fits in place");
_Static_assert(_Alignof(struct timeout) <= _Alignof(rove_timeout), "and is aligned there");

static struct timeout *timeout_of(rove_timeout *t)
{
    return (struct timeout *)(void *)t;
}

static void expire(struct rv_timer *timer)
{
    struct timeout *t = rv_container_of(timer, struct timeout, timer);
    rv_store_relaxed(&t->state, (uint32_t)EXPIRING); /* the cancellation publishes it */
    rv_future_cancel(&t->task->future);
}

/* A deadline that has passed takes effect at the next suspension, as call_soon would. */
static void arm(struct timeout *t, int64_t when_ns, int64_t now_ns)
{
    if (when_ns == RV_CLOCK_NEVER) {
        return;
    }
    if (rv_timer_arm(&t->timer, when_ns, expire) < 0) {
        rv_store_relaxed(&t->state, (uint32_t)BROKEN);
        t->timer.worker = NULL;
        rv_future_cancel(&t->task->future);
    } else if (when_ns <= now_ns) {
        rv_store_relaxed(&rv_current_worker()->is_wanted, 1);
    }
}

static void disarm(struct timeout *t)
{
    if (t->timer.worker != NULL) {
        rv_timer_disarm(&t->timer);
        t->timer.worker = NULL;
    }
}

static void enter(rove_timeout *block, int64_t when_ns, int64_t now_ns)
{
    struct timeout *t = timeout_of(block);
    struct rv_task *self = rv_current_task();
    if (t == NULL) {
        return;
    }
    rv_heap_node_init(&t->timer.node);
    t->timer.worker = NULL;
    rv_lock_init(&t->lock);
    t->task = self;
    rv_store_relaxed(&t->state, (uint32_t)(self == NULL ? EXITED : ACTIVE));
    if (self == NULL) {
        return;
    }
    t->cancelling = rv_state_cancelling(&self->future.state);
    t->outer = self->timeouts;
    self->timeouts = t;
    self->future.is_laden = 1;
    self->future.is_known = 1; /* to the timer */
    arm(t, when_ns, now_ns);
}

void rove_timeout_enter(rove_timeout *t, rove_duration d)
{
    int64_t now_ns = rv_clock_now();
    enter(t, rv_clock_add(now_ns, d), now_ns);
}

void rove_timeout_enter_at(rove_timeout *t, rove_time when)
{
    enter(t, when < 0 ? RV_CLOCK_NEVER : when, rv_clock_now());
}

/* Lock held. */
static int move(struct timeout *t, int64_t when_ns)
{
    disarm(t); /* from here on nobody else changes the state */
    if (rv_load_relaxed(&t->state) != ACTIVE) {
        return -EALREADY;
    }
    arm(t, when_ns, rv_clock_now());
    return rv_load_relaxed(&t->state) == BROKEN ? -ENOMEM : 0;
}

int rove_timeout_reschedule(rove_timeout *block, rove_time when)
{
    struct timeout *t = timeout_of(block);
    struct rv_task *self = rv_current_task();
    if (self == NULL) {
        return -EPERM;
    }
    if (t == NULL || rv_load_relaxed(&t->state) == CREATED || t->task == NULL ||
        t->task->runtime != self->runtime) {
        return -EINVAL;
    }
    rv_lock_acquire(&t->lock);
    int rc = move(t, when < 0 ? RV_CLOCK_NEVER : when);
    rv_lock_release(&t->lock);
    return rc;
}

bool rove_timeout_expired(const rove_timeout *block)
{
    const struct timeout *t = (const struct timeout *)(const void *)block;
    uint32_t state = t == NULL ? (uint32_t)CREATED : rv_load_relaxed(&t->state);
    return state == EXPIRING || state == EXPIRED;
}

int rove_timeout_exit(rove_timeout *block, int rc)
{
    struct timeout *t = timeout_of(block);
    struct rv_task *self = rv_current_task();
    if (self == NULL || t == NULL || t->task != self) {
        return rc;
    }
    RV_CHECK(self->timeouts == t, "timeout blocks are left innermost first, each once");
    self->timeouts = t->outer;
    disarm(t);
    t->task = NULL;
    uint32_t state = rv_load_relaxed(&t->state);
    if (state == ACTIVE) {
        rv_store_relaxed(&t->state, (uint32_t)EXITED);
        return rc;
    }
    rv_store_relaxed(&t->state, (uint32_t)(state == EXPIRING ? EXPIRED : EXITED));
    bool is_mine = rv_state_uncancel(&self->future.state) <= t->cancelling;
    if (rc != -ECANCELED) {
        return rc;
    }
    if (!is_mine) {
        /* The other request came too, before or after the deadline's was felt: felt here, once. */
        (void)rv_take_cancel(self);
        return rc;
    }
    return state == EXPIRING ? -ETIMEDOUT : -ENOMEM;
}

void rv_timeout_check_left(const struct rv_task *t)
{
    RV_CHECK(t->timeouts == NULL, "a task leaves every timeout block before it returns");
}

/* asyncio hears of an end by a callback, so a round later. */
static int resume_in_turn(struct rv_task *self)
{
    rv_resume_in_turn(self);
    return rv_take_cancel(self) ? -ECANCELED : 0;
}

/*
 * The time is over before it began: a cancelled f is waited for, but who waits can be cancelled
 * without f hearing of it once more. As in asyncio others run meanwhile even if f is done at once.
 */
static int cancel_and_wait(struct rv_task *self, struct rove_future *f, void **result)
{
    struct rv_waiter w;
    rv_waiter_init(&w, self);
    rove_retain(f);
    rv_future_cancel(f);
    bool waits = !rv_state_is_done(&f->state) && rv_future_add_waiter(f, &w);
    int rc = waits ? rv_waitq_wait(&f->waiters, &f->lock, &w, RV_WAIT_MANY, f) : rove_yield();
    rc = rc < 0 ? rc : resume_in_turn(self);
    if (rc == 0) {
        rc = rv_future_read(f, result);
        rc = rc == -ECANCELED ? -ETIMEDOUT : rc;
    }
    rove_release(f);
    return rc;
}

int rove_wait_for(rove_future *f, rove_duration timeout, void **result)
{
    struct rv_task *self = rv_current_task();
    if (self == NULL) {
        return -EPERM;
    }
    if (f == NULL) {
        return -EINVAL;
    }
    if (f == &self->future) {
        return -EDEADLK;
    }
    if (rv_state_is_done(&f->state)) {
        return rv_future_read(f, result);
    }
    if (timeout == 0) {
        return cancel_and_wait(self, f, result);
    }
    rove_timeout block;
    rove_retain(f);
    rove_timeout_enter(&block, timeout);
    int rc = rove_timeout_exit(&block, rove_await(f, result));
    if (rc == -ETIMEDOUT && rv_state_is_done(&f->state) && f->error != -ECANCELED) {
        rc = rv_future_read(f, result); /* it came first; the deadline, before the caller ran */
    }
    rove_release(f);
    return rc;
}

int rove_wait_for_call(rove_coro *fn, void *arg, rove_duration timeout, void **result)
{
    struct rv_task *self = rv_current_task();
    rove_timeout block;
    void *value = NULL;
    if (self == NULL) {
        return -EPERM;
    }
    if (fn == NULL) {
        return -EINVAL;
    }
    if (timeout == 0) { /* as in asyncio fn is cancelled before it began */
        int rc = rove_yield();
        rc = rc < 0 ? rc : resume_in_turn(self); /* the task that asyncio makes has ended */
        rc = rc < 0 ? rc : resume_in_turn(self); /* and is heard of */
        return rc < 0 ? rc : -ETIMEDOUT;
    }
    rove_timeout_enter(&block, timeout);
    int rc = rove_timeout_exit(&block, fn(arg, &value));
    if (rc >= 0 && result != NULL) {
        *result = value;
    }
    return rc;
}
