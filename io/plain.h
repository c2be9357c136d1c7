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

/* A back-end's middle part: as `run` of struct rv_reactor, with the kind as a constant. */
typedef ssize_t rv_plain_run(struct rv_op *op, struct rv_task *self, enum rv_op_kind kind);

/* The fields that these two have, and no others: to clear the rest takes as long as a switch. */
static RV_ALWAYS_INLINE void rv_plain_init(struct rv_op *op, int fd, void *addr, size_t len,
                                           unsigned flags)
{
    op->fd = fd;
    op->flags = flags;
    op->addr = addr;
    op->len = len;
    op->deadline_ns = INT64_MAX;
}

static RV_ALWAYS_INLINE ssize_t rv_plain_call(struct rv_op *op, struct rv_task *self,
                                              enum rv_op_kind kind, rv_plain_run *run)
{
    if (rv_take_cancel(self)) {
        return -ECANCELED;
    }
    op->kind = kind;
    struct rv_io *io = rv_io_of(self->runtime);
    struct rv_fd_slot *slot = rv_fdtab_find(&io->fds, op->fd);
    if (RV_UNLIKELY(slot == NULL)) {
        return rv_op_run_more(op);
    }
    int error = rv_fd_enter(slot);
    if (RV_UNLIKELY(error < 0)) {
        return error;
    }
    if (kind == RV_OP_RECV) {
        rv_steer_turn(&io->steer, slot, op->fd, self->runtime);
    }
    op->task = self;
    op->slot = slot;
    op->end = RV_END_NONE;
    rv_store_relaxed(&op->is_late, 0u);
    /* order: release O3. As in run_once; pairs with rv_op_complete_on. */
    rv_store_release(&op->done, 0u);
    ssize_t result = run(op, self, kind);
    if (RV_UNLIKELY(result < 0) || RV_UNLIKELY(op->end != RV_END_NONE)) {
        result = rv_op_go_on(op, self, result);
    }
    rv_fd_leave(op->slot);
    return result;
}

#endif
