// SPDX-License-Identifier: MIT
/*
 * Purpose: what can be awaited: a result cell with a state word, a queue of waiters, callbacks.
 *
 * Idea: every public handle is a `struct rove_future`. Its kind says what rove_cancel does:
 *     TASK    sched/task.h; the future is the first member of struct rv_task
 *     PLAIN   set by hand; cancel completes it with -ECANCELED
 *     GATHER  sched/gather.c; cancel goes to the children
 *     SHIELD  sched/shield.c; cancel completes the outer one only
 *
 * Owner: references (state.h). Kinds of reference: the caller's handle; the runtime's, from
 * create to the end of the task; one a parent or callback task holds while it looks; that of a call
 * that waits, so that it reads the outcome even if who sets it drops the last handle at once.
 * Waiters in the queue need none of their own: the call leaves the queue before it ends.
 */
#ifndef RV_SCHED_FUTURE_H
#define RV_SCHED_FUTURE_H

#include "core/lock.h"
#include "sched/state.h"
#include "sched/waitq.h"

#include <rove/task.h>

enum rv_future_kind { RV_FUTURE_TASK, RV_FUTURE_PLAIN, RV_FUTURE_GATHER, RV_FUTURE_SHIELD };

struct rove_runtime;
struct rv_callback; /* a done callback, sched/future.c */

struct rove_future {
    rv_state_word state;
    void *result;             /* written before DONE */
    int error;                /* written before DONE */
    uint8_t kind;             /* enum rv_future_kind, constant */
    uint8_t flags;            /* RV_TASK_*, constant after create */
    uint8_t is_draining;      /* a hidden task runs the callbacks; under lock */
    uint8_t has_woken;        /* the callbacks at completion have woken the waiters; under lock */
    struct rv_lock lock;      /* guards waiters, callbacks */
    uint8_t is_started;       /* of a task, here for its cache line: it has run; its owner's */
    uint8_t is_laden;         /* .. it has timeout blocks or group errors; its own */
    uint8_t is_named;         /* .. it has a name; under lock */
    uint8_t is_known;         /* .. others than its creator may have it; its own */
    RV_ATOMIC(struct rv_waiter *) solo; /* the first awaiter's cell: stored after its SOLO bit */
    struct rv_waitq waiters;  /* all others */
    struct rv_callback *callbacks; /* in order added */
};

/* A plain future (or one of a kind that embeds it) with `refs` references. */
void rv_future_init(struct rove_future *f, enum rv_future_kind kind, uint32_t refs);
/* Allocates a PLAIN or other non-task future of `bytes` (>= sizeof(struct rove_future)), zeroed. */
struct rove_future *rv_future_alloc(size_t bytes, enum rv_future_kind kind, uint32_t refs);

/*
 * Any thread. Completes a future that is not a task: 0, or -EALREADY. Waiters are woken first to
 * last; with callbacks, those run first, in a callback task of the runtime that added them.
 */
int rv_future_complete(struct rove_future *f, int error, void *result);

/* Its first half: true, and the caller owes rv_future_notify. False: it was done. */
bool rv_future_settle(struct rove_future *f, int error, void *result, uint64_t *before);

/* Any thread, with a reference: passes a cancellation on. False: done already. Never suspends. */
bool rv_future_cancel(struct rove_future *f);
/* The same for a member of a gather, `depth` gathers deep. */
bool rv_future_cancel_within(struct rove_future *f, unsigned depth);

/*
 * Adds a cell, for who waits on several futures at once: true, or false when f is done already
 * (cell untouched). The waiter removes it with rv_future_remove_waiter: true if it was still
 * queued, false if it has been fired.
 */
bool rv_future_add_waiter(struct rove_future *f, struct rv_waiter *w);
bool rv_future_remove_waiter(struct rove_future *f, struct rv_waiter *w);

/* Waits until f is done, whatever else: a cancellation is taken and counted in *cancels. Task
 * only. */
void rv_future_wait_uncancelled(struct rove_future *f, unsigned *cancels);

/* f is done: its error and result (result may be NULL); marks the outcome as looked at. */
int rv_future_read(struct rove_future *f, void **result);
/* As rove_wait_blocking, on a thread that is no worker. */
int rv_future_wait_thread(struct rove_future *f, rove_duration timeout, void **result);
/* A call's own references to what it waits for: the last handle may go meanwhile. */
void rv_futures_retain(size_t n, struct rove_future *const fs[]);
void rv_futures_release(size_t n, struct rove_future *const fs[]);

/* The completer, after DONE: callbacks if there are any, else the waiters, by the word before. */
void rv_future_notify(struct rove_future *f, uint64_t before);
void rv_future_wake_waiters(struct rove_future *f);
/* DONE and not woken: will every waiter, once woken, queue behind what is ready in `runtime`, the
 * caller's, which has one worker? */
bool rv_future_is_awaited_at_home(struct rove_future *f, const struct rove_runtime *runtime);

/* Frees a future whose last reference is gone. */
void rv_future_destroy(struct rove_future *f);

/*
 * A gather or shield holds what it is over, which has its cell and, by that, one reference of it.
 * When its last handle goes first, it lets go of what is not done and not a task: it stays as long
 * as that does, and is given up with that if nobody is left to complete it.
 */
struct rv_outer {
    struct rove_future *next; /* rv_doomed's */
    bool has_let_go;          /* by the last handle's holder */
};

/* What is left to do where a reference was dropped, one after the other. */
struct rv_doomed {
    struct rove_future *dead;    /* the last reference is gone; by `result` */
    struct rove_future *leaving; /* outer futures with the last handle still; by rv_outer's next */
};
/* As rove_release, but what comes of it is put into *doomed. */
void rv_future_release_later(struct rove_future *f, struct rv_doomed *doomed);

#endif
