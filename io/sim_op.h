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
    uint32_t cqe_flags;        /* of its completion */
    int64_t until_ns;          /* a timeout's, on the clock */
    int64_t due_ns;            /* its next step; INT64_MAX: none by itself */
};

/* The queue of buffers that a ring lends to receives which bring none. */
struct rv_sim_lent {
    struct io_uring_buf *entries;
    uint32_t mask;
    uint16_t head;             /* the next to be filled */
};

struct rv_sim_op *rv_sim_op_create(const struct io_uring_sqe *sqe);
void rv_sim_op_destroy(struct rv_sim_op *op);
/* The result, or -EAGAIN. */
int rv_sim_op_try(struct rv_sim_op *op);
/* A while from now, mostly short. */
int64_t rv_sim_op_later(void);
/* Its result stands, and will be said some time. */
void rv_sim_op_finish(struct rv_sim_op *op, int res);
/* As rv_sim_op_try, into the next buffer that is lent; -ENOBUFS. */
int rv_sim_op_receive_lent(struct rv_sim_op *op, struct rv_sim_lent *lent);
/* One of many results, or the last: now and then any one is, as where the queue is full. */
void rv_sim_op_finish_part(struct rv_sim_op *op, int res);
/* It gives many results (IORING_RECV_MULTISHOT, IORING_ACCEPT_MULTISHOT). */
bool rv_sim_op_is_multi(const struct rv_sim_op *op);
/* The memory that is the kernel's until the end; NULL: none. */
void *rv_sim_op_buffer(const struct rv_sim_op *op, size_t *bytes);
/* Its right, until the end: any byte of a read's buffer that holds no data of the result. */
void rv_sim_op_scribble(struct rv_sim_op *op);

#endif
