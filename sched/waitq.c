// SPDX-License-Identifier: MIT
/*
 * Purpose: queues of waiting cells; firing one; waiting in one. waitq.h has the idea.
 */
#include "sched/waitq.h"

#include "core/check.h"
#include "core/clock.h"
#include "core/os.h"
#include "sched/current.h"
#include "sched/outside.h"
#include "sched/ready.h"
#include "sched/runtime.h"
#include "sched/suspend.h"
#include "sched/switch.h"
#include "sched/task.h"

#include <errno.h>
#include <stddef.h>

#define RV_WAITQ_AHEAD 8 /* bench/memory */

void rv_waitq_push_front(struct rv_waitq *q, struct rv_waiter *w)
{
    w->prev = NULL;
    w->next = q->first;
    if (q->first != NULL) {
        q->first->prev = w;
    } else {
        q->last = w;
    }
    q->first = w;
}

/*
 * Tasks made one after the other, and so their cells, lie a fixed distance apart: fetches what lies
 * as far on. A million cells are a million pages, and each was a miss that the next waited for. A
 * wrong guess costs the fetch.
 */
static RV_ALWAYS_INLINE void prefetch_on(const void *at, const void *next)
{
    uintptr_t apart = (uintptr_t)next - (uintptr_t)at;
    /* Made of a number, for it may point nowhere. */
    __builtin_prefetch((const void *)((uintptr_t)next + RV_WAITQ_AHEAD * apart), 1);
}

struct rv_waiter *rv_waitq_take_all(struct rv_waitq *q)
{
    struct rv_waiter *first = q->first;
    for (struct rv_waiter *w = first; w != NULL; w = w->next) {
        if (w->next != NULL) {
            prefetch_on(w, w->next);
        }
        w->prev = NULL;
    }
    *q = (struct rv_waitq){0};
    return first;
}

void rv_waiter_fire_list(struct rv_waiter *first)
{
    while (first != NULL) {
        struct rv_waiter *next = first->next;
        if (next != NULL) {
            prefetch_on(first, next);
            prefetch_on(first->task, next->task);
        }
        first->next = NULL;
        rv_waiter_fire(first);
        first = next;
    }
}

void rv_waitq_check(const struct rv_waitq *q)
{
    const struct rv_waiter *prev = NULL;
    for (const struct rv_waiter *w = q->first; w != NULL; w = w->next) {
        RV_CHECK(w->prev == prev, "the links of a wait queue agree");
        RV_CHECK(!rv_waiter_is_fired(w), "a queued cell has not been fired");
        prev = w;
    }
    RV_CHECK(q->last == prev, "a wait queue knows its last cell");
}

/*
 * From a thread that is no worker of its runtime: once fired, the task may end for another reason,
 * and its runtime with it, before it is woken. rv_runtime_end waits for visitors.
 */
static RV_NOINLINE void fire_from_outside(struct rv_waiter *w, struct rv_task *task)
{
    struct rove_runtime *runtime = task->runtime;
    rv_fetch_add_relaxed(&runtime->visitors, 1);
    /* order: release W1. As in rv_waiter_fire. */
    rv_store_release(&w->fired, 1);
    rv_wake(task);
    /* order: release R4. The last use of the runtime; pairs with rv_runtime_end. */
    rv_fetch_sub_release(&runtime->visitors, 1);
}

void rv_waiter_fire(struct rv_waiter *w)
{
    if (RV_UNLIKELY(w->on_fire != NULL)) {
        w->on_fire(w);
        return;
    }
    struct rv_task *task = w->task;
    struct rv_worker *here = rv_current_worker();
    bool is_outside = task != NULL && (here == NULL || here->runtime != task->runtime);
    if (RV_UNLIKELY(is_outside)) {
        fire_from_outside(w, task);
        return;
    }
    /* order: release W1. value before fired; pairs with rv_waiter_is_fired. The cell may be gone
     * after this line: the task is woken by its type-stable block, the thread by address only. */
    rv_store_release(&w->fired, 1);
    if (RV_UNLIKELY(task == NULL)) {
        rv_os_futex_wake(&w->fired, 1);
    } else if (rv_switch_reclaim(here, task) || rv_state_wake(&task->future.state)) {
        rv_ready_push_local(here, task);
    }
}

/* A queue and the lock that guards it: one of the two. */
struct guarded {
    struct rv_waitq *q;
    struct rv_lock *lock;
    struct rv_home *home;
};

/* True: w was queued and is out now. False: somebody has taken it out, and fires it. */
static bool give_up(const struct guarded *g, struct rv_waiter *w)
{
    bool is_at_home = false;
    if (g->home != NULL) {
        is_at_home = rv_home_enter(g->home, rv_current_worker());
    } else {
        rv_lock_acquire(g->lock);
    }
    bool is_queued = rv_waitq_is_queued(g->q, w);
    if (is_queued) {
        rv_waitq_remove(g->q, w);
    }
    if (g->home != NULL) {
        rv_home_leave(g->home, is_at_home);
    } else {
        rv_lock_release(g->lock);
    }
    return is_queued;
}

static inline int wait_task(const struct guarded *g, struct rv_waiter *w, enum rv_wait_kind kind,
                            const void *object)
{
    struct rv_task *self = w->task;
    bool is_cancelled = false;
    while (!rv_waiter_is_fired(w)) {
        if (!rv_take_cancel(self)) {
            rv_park(self, kind, object);
            continue;
        }
        if (give_up(g, w)) {
            return -ECANCELED;
        }
        /* Taken out, so the fire is on its way; kept back meanwhile, or the park would not park. */
        is_cancelled = true;
    }
    if (is_cancelled) {
        rv_put_back_cancel(self);
    }
    return 0;
}

int rv_waitq_wait(struct rv_waitq *q, struct rv_lock *lock, struct rv_waiter *w,
                  enum rv_wait_kind kind, const void *object)
{
    return wait_task(&(struct guarded){.q = q, .lock = lock}, w, kind, object);
}

int rv_waitq_wait_home(struct rv_waitq *q, struct rv_home *lock, struct rv_waiter *w,
                       enum rv_wait_kind kind, const void *object)
{
    return wait_task(&(struct guarded){.q = q, .home = lock}, w, kind, object);
}

static void wait_for_ever(struct rv_waiter *w)
{
    struct rv_outsider o;
    bool is_listed = rv_outside_enter(&o, w);
    while (!rv_waiter_is_fired(w)) {
        rv_os_futex_wait(&w->fired, 0, -1);
    }
    if (is_listed) {
        rv_outside_leave(&o);
    }
}

static int wait_thread(const struct guarded *g, struct rv_waiter *w, int64_t timeout_ns)
{
    int64_t deadline = rv_clock_add(rv_clock_now(), timeout_ns);
    while (timeout_ns >= 0 && !rv_waiter_is_fired(w)) {
        int64_t left = deadline - rv_clock_now();
        if (left > 0) {
            rv_os_futex_wait(&w->fired, 0, left);
        } else if (give_up(g, w)) {
            return -ETIMEDOUT;
        } else {
            timeout_ns = -1; /* taken out: the fire is on its way */
        }
    }
    wait_for_ever(w);
    return 0;
}

int rv_waitq_wait_thread(struct rv_waitq *q, struct rv_lock *lock, struct rv_waiter *w,
                         int64_t timeout_ns)
{
    return wait_thread(&(struct guarded){.q = q, .lock = lock}, w, timeout_ns);
}

int rv_waitq_wait_thread_home(struct rv_waitq *q, struct rv_home *lock, struct rv_waiter *w,
                              int64_t timeout_ns)
{
    return wait_thread(&(struct guarded){.q = q, .home = lock}, w, timeout_ns);
}
