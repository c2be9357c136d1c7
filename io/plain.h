// SPDX-License-Identifier: MIT
/*
 * Purpose: a plain receive or send from the call to its result, as one function for each back-end.
 *
 * Idea: what servers do most is the life of an operation (io/op.c) with most of it known: a kind, a
 * descriptor, no deadline. So a back-end has a function for each of the two, made here with its own
 * middle part, in which nothing is called and nothing looked at that cannot be otherwise. What is
 * rare goes to op.c.
 *
 *     rove_recv -> the back-end's recv: descriptor, entry or attempt, switch, result
 *
 * Cost: one frame on the task's stack; two atomic read-modify-writes, to count it in and out
 * (io/fdtab.h).
 * Rejected: the closing mark looked at once more before the operation is queued: who sets it after
 * the count asks this worker to end what is in flight, which it does at its next look around.
 */
#ifndef RV_IO_PLAIN_H
#define RV_IO_PLAIN_H

#include "io/op.h"
#include "io/reactor.h"
#include "sched/suspend.h"

#include <errno.h>

/*
 * A back-end's middle part: as `run` of struct rv_reactor, with the kind as a constant, and to the
 * last word: what comes by a longer way is brought there by rv_plain_finish. What only such a way
 * looks at is set before it begins (rv_plain_detour).
 */
typedef ssize_t rv_plain_run(struct rv_op *op, struct rv_task *self, enum rv_op_kind kind,
                             struct rv_plain ask);

static inline void rv_plain_detour(struct rv_op *op)
{
    op->deadline_ns = INT64_MAX;
    op->end = RV_END_NONE;
    rv_store_relaxed(&op->is_late, 0u);
}

static inline ssize_t rv_plain_finish(struct rv_op *op, struct rv_task *self, ssize_t result)
{
    return result < 0 || op->end != RV_END_NONE ? rv_op_go_on(op, self, result) : result;
}

/* The fields that these two have, and no others: to clear the rest takes as long as a switch. */
static RV_ALWAYS_INLINE void rv_plain_init(struct rv_op *op, enum rv_op_kind kind,
                                           struct rv_plain ask)
{
    op->kind = kind;
    op->fd = ask.fd;
    op->flags = ask.flags;
    op->addr = ask.addr;
    op->len = ask.len;
}

/* A high number, or one that is being closed: as any operation. */
static RV_NOINLINE ssize_t rv_plain_general(struct rv_op *op)
{
    op->deadline_ns = INT64_MAX;
    return rv_op_run_more(op);
}

static RV_ALWAYS_INLINE ssize_t rv_plain_call(struct rv_op *op, struct rv_task *self,
                                              enum rv_op_kind kind, struct rv_plain ask,
                                              rv_plain_run *run)
{
    if (rv_take_cancel(self)) {
        return -ECANCELED;
    }
    rv_plain_init(op, kind, ask);
    if (RV_UNLIKELY(!rv_fdtab_is_near(ask.fd))) {
        return rv_plain_general(op);
    }
    struct rv_fd_slot *slot = &rv_io_of(self->runtime)->fds.near[ask.fd];
    if (RV_UNLIKELY(!rv_fd_try_enter(slot))) {
        return rv_plain_general(op);
    }
    op->task = self;
    op->slot = slot;
    /* order: release O3. As in run_once; pairs with rv_op_set_done. */
    rv_store_release(&op->done, 0u);
    ssize_t result = run(op, self, kind, ask);
    rv_fd_leave(slot);
    return result;
}

/* Before a receive, with more than one worker: where should it be? */
static RV_ALWAYS_INLINE void rv_plain_steer(struct rv_op *op, const struct rv_task *self)
{
    rv_steer_turn(&rv_io_of(self->runtime)->steer, op->slot, op->fd, self->runtime);
}

#endif
