// SPDX-License-Identifier: MIT
/*
 * Purpose: on io_uring, to send at once when nobody shares the system call with it.
 *
 * Idea: a queued send pays when others are handed over by the same enter. A lone one costs an enter
 * of its own, a completion and two switches; then send(2) is cheaper. So a send is queued when
 * entries wait in the queue already, or when other tasks are ready and may add theirs.
 *
 * Threads: the task's worker.
 */
#include "io/attempt.h"
#include "io/uring.h"
#include "sched/current.h"
#include "sched/ready.h"

#include <errno.h>

static bool is_lone(const struct rv_worker *w)
{
    const struct rv_ring *ring = &rv_uring_mine(w)->ring;
    return !rv_ring_must_enter(ring) && !rv_ring_has_completions(ring) && rv_ready_is_empty(w);
}

RV_HOT bool rv_direct_send(struct rv_op *op, struct rv_task *self)
{
    struct rv_worker *w = rv_current_worker();
    if (!rv_direct_may_send(rv_uring_mine(w), op) || !is_lone(w)) {
        return false;
    }
    ssize_t rc = rv_attempt(op);
    if (rc == -EAGAIN && !rv_op_is_nonblocking(op)) {
        return false;
    }
    rv_count(&w->count.ops_submitted, 1);
    rv_count(&w->count.ops_completed, 1);
    rv_op_pay_turn(self);
    op->result = rc;
    return true;
}
