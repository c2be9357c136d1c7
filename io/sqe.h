// SPDX-License-Identifier: MIT
/*
 * Purpose: an operation as an entry of the submission queue.
 */
#ifndef RV_IO_SQE_H
#define RV_IO_SQE_H

#include "io/op.h"

struct io_uring_sqe;

/* Fills a zeroed entry; user_data is left to the caller. */
void rv_sqe_fill(struct io_uring_sqe *sqe, const struct rv_op *op);

#endif
