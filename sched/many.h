// SPDX-License-Identifier: MIT
/*
 * Purpose: one task waits for many futures at once: what gather and wait have in common.
 *
 * Idea: a cell in each future's queue, all of one aggregate in the frame of the waiting task. A
 * future that completes counts down, and wakes the task only when the wait is over: n futures, one
 * wake-up. The order of completion decides which one ended the wait.
 *
 * Owner: the waiting task; the futures are borrowed from the caller, who holds handles.
 */
#ifndef RV_SCHED_MANY_H
#define RV_SCHED_MANY_H

#include "sched/waitq.h"

#include <stddef.h>

struct rove_future;
struct rv_task;

#define RV_MANY_INLINE 16 /* cells in the frame: 900 bytes; arbitrary */

enum rv_many_until {
    RV_MANY_ALL,     /* every future is done */
    RV_MANY_FIRST,   /* any is */
    RV_MANY_FAILURE, /* any ended with an error that is not a cancellation */
    RV_MANY_ERROR    /* any ended with an error, a cancellation too */
};

struct rv_many {
    struct rv_task *task;               /* constant */
    struct rove_future *const *futures; /* constant, n of them */
    size_t n;
    struct rv_waiter *cells;            /* n: inline_cells, or from malloc */
    enum rv_many_until until;
    RV_ATOMIC(size_t) left;             /* not done yet */
    RV_ATOMIC(struct rove_future *) decider; /* the first that ended the wait early */
    RV_ATOMIC(uint32_t) is_cancelling; /* a canceller goes through the futures */
    bool is_passed_on;                 /* by it: a future accepted; its own until it has gone */
    struct rv_waiter inline_cells[RV_MANY_INLINE];
};

/* Queues a cell everywhere. 0, or -ENOMEM with nothing queued. Owes an rv_many_fini. */
int rv_many_init(struct rv_many *m, struct rv_task *self, size_t n,
                 struct rove_future *const futures[], enum rv_many_until until);
/* Takes the cells back; afterwards nobody looks at m. */
void rv_many_fini(struct rv_many *m);

/* The task: is there no reason to wait any longer? Then outcomes of done futures are visible. */
bool rv_many_is_over(const struct rv_many *m);
/* Cancels every future; true if one of them accepted. `depth`: of gathers in gathers. */
bool rv_many_cancel(const struct rv_many *m, unsigned depth);

/*
 * A canceller that has the waiting task pinned: m lives on until it has passed the request on, even
 * if the task is woken meanwhile. False: another one is at it.
 */
bool rv_many_claim(struct rv_many *m);
/* The same, not pinned any more. True: a future accepted. Nothing of m is touched afterwards. */
bool rv_many_pass_on(struct rv_many *m, unsigned depth);
/* The task, running: waits until such a canceller has gone; then is_passed_on is its own. */
void rv_many_settle(struct rv_many *m);

#endif
