// SPDX-License-Identifier: MIT
/*
 * Purpose: an operation in the simulated kernel: what it does to its file and its buffer.
 * Owner: the ring it was submitted on; it holds a reference to its file.
 */
#ifndef RV_IO_SIM_OP_H
#define RV_IO_SIM_OP_H

#include "core/list.h"
#include "io/sim_file.h"

#include <liburing.h>

enum rv_sim_op_state { RV_SIM_OP_WAITING, RV_SIM_OP_DONE, RV_SIM_OP_POSTABLE };

struct rv_sim_op {
    struct rv_list link;
    struct io_uring_sqe sqe;
    struct rv_sim_file *file;  /* NULL: of none */
    enum rv_sim_op_state state;
    int error;                 /* it was refused: why */
    bool is_impatient;         /* -EAGAIN is its result, not a reason to wait */
    int res;
    int64_t until_ns;          /* a timeout's, on the clock */
    int64_t due_ns;            /* its next step; INT64_MAX: none by itself */
};

struct rv_sim_op *rv_sim_op_create(const struct io_uring_sqe *sqe);
void rv_sim_op_destroy(struct rv_sim_op *op);
/* The result, or -EAGAIN. */
int rv_sim_op_try(struct rv_sim_op *op);
/* The memory that is the kernel's until the end; NULL: none. */
void *rv_sim_op_buffer(const struct rv_sim_op *op, size_t *bytes);
/* Its right, until the end: any byte of a read's buffer that holds no data of the result. */
void rv_sim_op_scribble(struct rv_sim_op *op);

#endif
