// SPDX-License-Identifier: MIT
/*
 * Purpose: an operation as system calls: one attempt that cannot block, or one that may.
 *
 * Idea: what epoll's readiness needs: try, wait for readiness, try again. Descriptors in blocking
 * mode are common (pipes from the shell, sockets of other libraries) and their mode belongs to
 * everybody who shares the file, so each kind of call has its own way not to block.
 *
 * Threads: any. No call here suspends, so errno is the thread's own throughout.
 */
#ifndef RV_IO_ATTEMPT_H
#define RV_IO_ATTEMPT_H

#include "io/op.h"

#include <limits.h>

/* Only a disk, or a call that knows no readiness, delays this: run it on a blocking thread. */
#define RV_ATTEMPT_OFFLOAD ((ssize_t)INT_MIN)

/* It would block, and no readiness will tell when it would not: try again after a while. */
#define RV_ATTEMPT_LATER ((ssize_t)INT_MIN + 1)

/* One look, no wait: which of the events, errors and hang-ups are there, 0 for none; or -errno. */
int rv_look(int fd, short events);

/* The same as below of these kinds, and of any. */
ssize_t rv_attempt_recv(const struct rv_op *op);
ssize_t rv_attempt_send(const struct rv_op *op);
ssize_t rv_attempt_any(struct rv_op *op);

/* A result, -EAGAIN (wait for rv_op_events), RV_ATTEMPT_OFFLOAD or RV_ATTEMPT_LATER. */
static inline ssize_t rv_attempt(struct rv_op *op)
{
    return op->kind == RV_OP_RECV   ? rv_attempt_recv(op)
           : op->kind == RV_OP_SEND ? rv_attempt_send(op)
                                    : rv_attempt_any(op);
}
/* A read or write as the kernel does it without waiting: -EOPNOTSUPP where it cannot. */
ssize_t rv_attempt_nowait(const struct rv_op *op);
/* A result; may block the thread. */
ssize_t rv_attempt_blocking(const struct rv_op *op);

#endif
