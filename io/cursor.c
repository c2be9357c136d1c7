// SPDX-License-Identifier: MIT
/*
 * Purpose: on io_uring, what a ring does not do right: a file that is read or written at the
 * descriptor's own position, and a terminal.
 *
 * Idea: a ring takes that position, does the work and sets it anew, with no lock. Two at once, of
 * two tasks or two processes that share the file, get the same place, and what one wrote is lost.
 * And where the rest of a transfer fails, as on a full disk, it tells of the part that was done and
 * leaves the position before it. The system calls do neither; so they do it, on a thread that may
 * block. A read gets what is in the page cache at once.
 *
 * A terminal is not tried without waiting: once it is ready the kernel reads or writes it on the
 * thread that enters the ring, and waits there, till all has been written or if another reader was
 * faster. So it is tried as on epoll, and only its readiness is asked of the ring.
 *
 * Threads: the task's worker.
 */
#include "io/attempt.h"
#include "io/fdtab.h"
#include "io/offload.h"
#include "io/uring.h"
#include "sched/current.h"

#include <errno.h>

bool rv_cursor_run(struct rv_op *op, struct rv_task *self)
{
    /* A pipe, a socket and a terminal have no position. Before a thread is asked to do what might
     * wait for ever, it is looked up whether the number is still a file's. */
    enum rv_fd_type type = rv_fd_type_anew(op->slot, op->fd);
    if (type != RV_FD_FILE && type != RV_FD_TERMINAL) {
        return false;
    }
    bool is_read = op->kind == RV_OP_READ || op->kind == RV_OP_READV;
    ssize_t rc = is_read || type == RV_FD_TERMINAL ? rv_attempt(op) : RV_ATTEMPT_OFFLOAD;
    if (rc == RV_ATTEMPT_OFFLOAD) {
        rc = rv_offload(op, self);
    } else if (rc != -EAGAIN) {
        rv_op_pay_turn(self);
    }
    struct rv_worker *w = rv_current_worker();
    rv_count(&w->count.ops_submitted, 1);
    rv_count(&w->count.ops_completed, 1);
    op->result = rc;
    return true;
}
