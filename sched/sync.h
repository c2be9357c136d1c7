// SPDX-License-Identifier: MIT
/*
 * Purpose: what the in-place locks and the queues share: who calls, and how that caller waits.
 *
 * Idea: every primitive is written once, for a caller that is a task or (in the _blocking twins)
 * a plain thread. The word of a lock has a SLOW bit with three rules:
 *     set      under the inner lock only; from then on everybody comes through the inner lock,
 *              so its holder may change the word by plain stores
 *     clear    a fast path is one compare-exchange and touches nothing of the object afterwards
 *     cleared  by somebody who takes the lock, never by somebody who gives it up: the one who
 *              is next may free the object at once, and the giver still has the inner lock to give
 * For the same reason cells are fired after the inner lock was given back.
 *
 * Threads: any.
 */
#ifndef RV_SCHED_SYNC_H
#define RV_SCHED_SYNC_H

#include "core/lock.h"
#include "core/os.h"
#include "sched/current.h"
#include "sched/ready.h"
#include "sched/suspend.h"
#include "sched/switch.h"
#include "sched/task.h"
#include "sched/waitq.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

/* The library's own view of the storage that a public in-place struct declares. */
#define RV_SYNC_OVERLAY __attribute__((may_alias))

/* What a fired cell's `tag` says, where a cell can be fired for more than one reason. */
enum rv_sync_outcome {
    RV_SYNC_WAITING = 0,
    RV_SYNC_GRANTED,     /* the waiter got what it waits for */
    RV_SYNC_PASSED_OVER, /* it has a cancellation pending, or had: it is to look, and try again */
    RV_SYNC_CLOSED       /* closed, shut down or broken */
};

struct rv_caller {
    struct rv_task *task; /* NULL: a plain thread */
    int64_t timeout_ns;   /* of a plain thread; < 0: never */
};

/* The calling task, or false: then return -EPERM. */
static inline bool rv_sync_is_task(struct rv_caller *caller)
{
    *caller = (struct rv_caller){.task = rv_current_task(), .timeout_ns = -1};
    return caller->task != NULL;
}

/* The calling plain thread, or false on a worker, which must not block: then return -EPERM. */
static inline bool rv_sync_is_thread(struct rv_caller *caller, int64_t timeout_ns)
{
    *caller = (struct rv_caller){.task = NULL, .timeout_ns = timeout_ns};
    return rv_current_worker() == NULL;
}

/* Who owns a lock: a task, or a thread's number with the low bit set. Never NULL. */
static inline void *rv_sync_identity(const struct rv_caller *caller)
{
    if (caller->task != NULL) {
        return caller->task;
    }
    return (void *)(((uintptr_t)rv_os_gettid() << 1) | 1);
}

/* The same for whoever calls, be it a task or not. */
static inline void *rv_sync_self(void)
{
    const struct rv_caller caller = {.task = rv_current_task()};
    return rv_sync_identity(&caller);
}

/* NULL when a plain thread owns it. */
static inline struct rv_task *rv_sync_owner_task(void *identity)
{
    return ((uintptr_t)identity & 1) != 0 ? NULL : identity;
}

/*
 * The task w->task, which calls, parks once in a cell that it has queued, unless it is cancelled.
 * True: fired. False: rv_waitq_wait has the rest.
 */
static RV_ALWAYS_INLINE bool rv_sync_park_once(struct rv_waiter *w, enum rv_wait_kind kind,
                                               const void *object)
{
    if (RV_LIKELY(!rv_state_has_cancel(&w->task->future.state))) {
        rv_park_inline(w->task, kind, object);
    }
    return RV_LIKELY(rv_waiter_is_fired(w));
}

/* rv_waiter_fire for the plain cell of a task, on worker `here`. */
static RV_ALWAYS_INLINE void rv_sync_fire(struct rv_waiter *w, struct rv_worker *here)
{
    struct rv_task *task = w->task;
    if (RV_LIKELY(rv_switch_reclaim(here, task))) {
        /* order: relaxed. It is ours until it is queued, and the queue hands this over. */
        rv_store_relaxed(&w->fired, 1);
        if (rv_ready_is_bound(task)) {
            rv_ready_push_pinned(here, task);
        } else {
            rv_ready_push_alone(here, task); /* only a lone worker puts parks off */
        }
    } else {
        rv_waiter_fire(w);
    }
}

/* Waits in a queued cell: 0 fired, -ECANCELED (a task) or -ETIMEDOUT (a thread), out of q then. */
static inline int rv_sync_wait(struct rv_waitq *q, struct rv_lock *lock, struct rv_waiter *w,
                               const struct rv_caller *caller, enum rv_wait_kind kind,
                               const void *object)
{
    return caller->task != NULL ? rv_waitq_wait(q, lock, w, kind, object)
                                : rv_waitq_wait_thread(q, lock, w, caller->timeout_ns);
}

/* The same where a lock with a home guards the queue. */
static inline int rv_sync_wait_home(struct rv_waitq *q, struct rv_home *lock, struct rv_waiter *w,
                                    const struct rv_caller *caller, enum rv_wait_kind kind,
                                    const void *object)
{
    return caller->task != NULL ? rv_waitq_wait_home(q, lock, w, kind, object)
                                : rv_waitq_wait_thread_home(q, lock, w, caller->timeout_ns);
}

/* A task that will return -ECANCELED as soon as it runs, unless that is withdrawn. */
static inline bool rv_sync_is_cancelled(const struct rv_waiter *w)
{
    return w->task != NULL && rv_state_has_cancel(&w->task->future.state);
}

/*
 * The caller was granted what it waited for. True if it was cancelled meanwhile, as its wait then
 * says: what it got goes on to the next. What cannot go on (a message that has been copied, a
 * number in a round) stands, and the cancellation comes at the next suspension.
 */
static inline bool rv_sync_take_cancel(const struct rv_caller *caller)
{
    return caller->task != NULL && rv_take_cancel(caller->task);
}

#endif
