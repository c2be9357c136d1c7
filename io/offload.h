// SPDX-License-Identifier: MIT
/*
 * Purpose: an operation as a system call that may block, on a blocking thread.
 */
#ifndef RV_IO_OFFLOAD_H
#define RV_IO_OFFLOAD_H

#include "io/op.h"

/*
 * What it did there is the result, also when a cancellation came meanwhile; that one has then been
 * put back. -ECANCELED, with op->end set: it was not begun. -EINTR: begun and broken off.
 */
ssize_t rv_offload(struct rv_op *op, struct rv_task *self);

#endif
