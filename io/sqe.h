// SPDX-License-Identifier: MIT
/*
 * Purpose: an operation as an entry of the submission queue.
 */
#ifndef RV_IO_SQE_H
#define RV_IO_SQE_H

#include "io/op.h"

#include <liburing.h>

#define RV_SQE_MAX_BYTES UINT32_C(0x7ffff000) /* of one read or write, the kernel's rule */

static inline unsigned rv_sqe_bytes(size_t len)
{
    return len > RV_SQE_MAX_BYTES ? RV_SQE_MAX_BYTES : (unsigned)len;
}

/* The same as below of any kind. */
void rv_sqe_fill_any(struct io_uring_sqe *sqe, const struct rv_op *op);

/* The same of a receive or send, in the caller's code. */
static RV_ALWAYS_INLINE void rv_sqe_fill_plain(struct io_uring_sqe *sqe, enum rv_op_kind kind,
                                               struct rv_plain ask)
{
    sqe->opcode = kind == RV_OP_RECV ? IORING_OP_RECV : IORING_OP_SEND;
    sqe->fd = ask.fd;
    sqe->addr = (uint64_t)(uintptr_t)ask.addr;
    sqe->len = rv_sqe_bytes(ask.len);
    sqe->msg_flags = ask.flags;
}

/* Fills a zeroed entry; user_data is left to the caller. */
static inline void rv_sqe_fill(struct io_uring_sqe *sqe, const struct rv_op *op)
{
    if (RV_LIKELY(op->kind == RV_OP_RECV || op->kind == RV_OP_SEND)) {
        struct rv_plain ask = {op->fd, op->flags, op->addr, op->len};
        rv_sqe_fill_plain(sqe, op->kind, ask);
    } else {
        rv_sqe_fill_any(sqe, op);
    }
}

#endif
