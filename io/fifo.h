// SPDX-License-Identifier: MIT
/*
 * Purpose: what rings do not do well with FIFOs: an open that waits for the other side, and the
 * read that finds the end.
 */
#ifndef RV_IO_FIFO_H
#define RV_IO_FIFO_H

#include "io/fdtab.h"
#include "io/op.h"

/* What an open that did not wait has given, a descriptor or an error: what open(2) would have.
 * May suspend. */
int rv_fifo_settle(struct rv_op *op, struct rv_task *self, int rc);

/* False: rv_fifo_read would only say so. */
static inline bool rv_fifo_may_read(const struct rv_op *op)
{
    return op->kind <= RV_OP_READV && (op->kind == RV_OP_READ || op->kind == RV_OP_READV) &&
           rv_load_relaxed(&op->slot->type) <= RV_FD_FIFO;
}
/* Reads where a ring would not do it well: the result, perhaps -EAGAIN, in op->result. False: the
 * ring reads. May switch. */
bool rv_fifo_read(struct rv_op *op, struct rv_task *self);

#endif
