// SPDX-License-Identifier: MIT
/*
 * Purpose: on io_uring, a file that is read or written at the descriptor's own position.
 *
 * Idea: a ring takes that position, does the work and sets it anew, with no lock. Two at once, of
 * two tasks or two processes that share the file, get the same place, and what one wrote is lost.
 * And where the rest of a transfer fails, as on a full disk, it tells of the part that was done and
 * leaves the position before it. The system calls do neither; so they do it, on a thread that may
 * block. A read gets what is in the page cache at once.
 *
 * Threads: the task's worker.
 */
#include "io/attempt.h"
#include "io/fdtab.h"
#include "io/offload.h"
#include "io/uring.h"
#include "sched/current.h"

#include <errno.h>
#include <unistd.h>

/* A pipe, a socket and a terminal have no position: known sooner than what else it is. And what the
 * slot remembers may be of a descriptor that somebody closed with close(2). */
static RV_NOINLINE bool is_file(const struct rv_op *op)
{
    if (rv_fd_type(op->slot, op->fd) != RV_FD_FILE && lseek(op->fd, 0, SEEK_CUR) < 0) {
        return false;
    }
    rv_store_relaxed(&op->slot->type, RV_FD_UNKNOWN);
    return rv_fd_type(op->slot, op->fd) == RV_FD_FILE;
}

bool rv_cursor_run(struct rv_op *op, struct rv_task *self)
{
    if (!is_file(op)) {
        return false;
    }
    bool is_read = op->kind == RV_OP_READ || op->kind == RV_OP_READV;
    ssize_t rc = is_read ? rv_attempt(op) : RV_ATTEMPT_OFFLOAD;
    if (rc == -EAGAIN) {
        return false; /* no file any more: the ring knows when it is ready */
    }
    if (rc == RV_ATTEMPT_OFFLOAD) {
        rc = rv_offload(op, self);
    } else {
        rv_op_pay_turn(self);
    }
    struct rv_worker *w = rv_current_worker();
    rv_count(&w->count.ops_submitted, 1);
    rv_count(&w->count.ops_completed, 1);
    op->result = rc;
    return true;
}
