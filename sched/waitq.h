// SPDX-License-Identifier: MIT
/*
 * Purpose: a cell to wait in, and a first-come-first-served queue of cells. Every wait of the
 * library (a future, a lock, a channel, a sleep) is a cell that somebody fires.
 *
 * Idea: the cell lives on the stack of who waits, a task or a plain OS thread. It is put into a
 * queue under the owner object's lock and taken out exactly once: by the firer, or by the waiter
 * that gives up (also under the lock). Whoever takes it out decides: fired cells are never lost.
 *
 *     waiter                                 firer
 *     lock; rv_waitq_push; unlock            lock; cell = rv_waitq_pop; cell->value = ..;
 *     rv_waitq_wait -> 0 fired               rv_waiter_fire(cell); unlock
 *                   -> -ECANCELED, removed
 *
 * Threads: queue fields under the object's lock; `fired` any thread. After rv_waiter_fire the
 * cell belongs to the waiter again and may be gone.
 */
#ifndef RV_SCHED_WAITQ_H
#define RV_SCHED_WAITQ_H

#include "core/atomic.h"
#include "core/check.h"
#include "core/home.h"
#include "core/lock.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rv_task;

/* What a parked task waits for: names in the call graph and in reports. */
enum rv_wait_kind {
    RV_WAIT_NONE,
    RV_WAIT_FUTURE,
    RV_WAIT_MANY,   /* wait, as_completed, a task group */
    RV_WAIT_GATHER, /* object: an rv_many, through which a cancellation goes (cancel.c) */
    RV_WAIT_SLEEP,
    RV_WAIT_IO,
    RV_WAIT_THREAD,
    RV_WAIT_MUTEX,
    RV_WAIT_ONCE,
    RV_WAIT_RWLOCK,
    RV_WAIT_EVENT,
    RV_WAIT_COND,
    RV_WAIT_SEMAPHORE,
    RV_WAIT_BARRIER,
    RV_WAIT_QUEUE,
    RV_WAIT_CHAN,
    RV_WAIT_SELECT,
    RV_WAIT_SIGNAL,
    RV_WAIT_PROCESS
};

/* The tag of a cell whose owner is a future (its first member): the call graph goes on there. */
#define RV_WAITER_OF_FUTURE UINT32_MAX

struct rv_waiter {
    struct rv_waiter *next, *prev;      /* under the object's lock; both NULL when not queued */
    struct rv_task *task;               /* NULL: an OS thread waits on `fired` as a futex */
    RV_ATOMIC(uint32_t) fired;          /* 0 waiting, 1 fired */
    uint32_t tag;                       /* the waiter's: which case, reader or writer, .. */
    void *value;                        /* hand-over between firer and waiter, before `fired` */
    void *owner;                        /* the waiter's: a select, a gather, .. */
    /* Instead of waking: runs in rv_waiter_fire, lock held. True, of a RV_WAITER_OF_FUTURE only: w
     * is the caller's, for its owner; sched/notify.c. */
    bool (*on_fire)(struct rv_waiter *);
};

struct rv_waitq {
    struct rv_waiter *first, *last;     /* zero bytes: empty */
};

/* For the calling task, or for the calling OS thread when `task` is NULL. Not queued, not fired. */
static inline void rv_waiter_init(struct rv_waiter *w, struct rv_task *task)
{
    *w = (struct rv_waiter){.task = task};
}

/* Lock held, as for all that follows. */
static inline void rv_waitq_push(struct rv_waitq *q, struct rv_waiter *w)
{
    w->next = NULL;
    w->prev = q->last;
    if (q->last != NULL) {
        q->last->next = w;
    } else {
        q->first = w;
    }
    q->last = w;
}

void rv_waitq_push_front(struct rv_waitq *q, struct rv_waiter *w);

/* w is queued. */
static inline void rv_waitq_remove(struct rv_waitq *q, struct rv_waiter *w)
{
    struct rv_waiter **from_prev = w->prev != NULL ? &w->prev->next : &q->first;
    struct rv_waiter **from_next = w->next != NULL ? &w->next->prev : &q->last;
    RV_CHECK(*from_prev == w && *from_next == w, "a cell is removed from the queue it is in");
    *from_prev = w->next;
    *from_next = w->prev;
    w->next = NULL;
    w->prev = NULL;
}

/* NULL: empty. */
static inline struct rv_waiter *rv_waitq_pop(struct rv_waitq *q)
{
    struct rv_waiter *w = q->first;
    if (w != NULL) {
        struct rv_waiter *next = w->next;
        struct rv_waiter **from_next = next != NULL ? &next->prev : &q->last;
        RV_CHECK(w->prev == NULL && *from_next == w, "the first cell is linked as such");
        *from_next = NULL;
        q->first = next;
        w->next = NULL;
    }
    return w;
}

static inline bool rv_waitq_is_empty(const struct rv_waitq *q)
{
    return q->first == NULL;
}
/* Lock held: is w in q? One that was taken out and not yet fired is not. */
static inline bool rv_waitq_is_queued(const struct rv_waitq *q, const struct rv_waiter *w)
{
    return w->prev != NULL || q->first == w;
}
/* Lock held: empties q; the cells stay linked by `next`, for rv_waiter_fire_list. */
struct rv_waiter *rv_waitq_take_all(struct rv_waitq *q);
void rv_waitq_check(const struct rv_waitq *q);

/*
 * The cell is out of the queue. Publishes cell->value, wakes the waiter. With the lock held or
 * given back: in the latter case the object may die as soon as the waiter returns.
 */
void rv_waiter_fire(struct rv_waiter *w);
/* Each of a list that rv_waitq_take_all made, first to last. */
void rv_waiter_fire_list(struct rv_waiter *first);
static inline bool rv_waiter_is_fired(const struct rv_waiter *w)
{
    /* order: acquire W1. cell->value before fired; pairs with rv_waiter_fire. */
    return rv_load_acquire(&w->fired) != 0;
}

/*
 * The calling task (w->task) waits in a queued cell, lock not held. Suspends.
 * 0: fired (a pending cancellation stays pending) · -ECANCELED: delivered; w is out of `q`,
 * unfired.
 */
int rv_waitq_wait(struct rv_waitq *q, struct rv_lock *lock, struct rv_waiter *w,
                  enum rv_wait_kind kind, const void *object);
/* The same where a lock with a home guards the queue. */
int rv_waitq_wait_home(struct rv_waitq *q, struct rv_home *lock, struct rv_waiter *w,
                       enum rv_wait_kind kind, const void *object);
/* The same for a plain OS thread (w->task == NULL): 0, or -ETIMEDOUT after timeout_ns (< 0:
 * never). */
int rv_waitq_wait_thread(struct rv_waitq *q, struct rv_lock *lock, struct rv_waiter *w,
                         int64_t timeout_ns);
int rv_waitq_wait_thread_home(struct rv_waitq *q, struct rv_home *lock, struct rv_waiter *w,
                              int64_t timeout_ns);

#endif
