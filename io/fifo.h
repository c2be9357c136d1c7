// SPDX-License-Identifier: MIT
/*
 * Purpose: an open of a FIFO waits for the other side, also where the ring's does not.
 */
#ifndef RV_IO_FIFO_H
#define RV_IO_FIFO_H

#include "io/op.h"

/* What an open that did not wait has given, a descriptor or an error: what open(2) would have.
 * May suspend. */
int rv_fifo_settle(struct rv_op *op, struct rv_task *self, int rc);

#endif
