// SPDX-License-Identifier: MIT
/*
 * Purpose: an operation as an entry of the submission queue.
 */
#ifndef RV_IO_SQE_H
#define RV_IO_SQE_H

#include "io/fdtab.h"
#include "io/op.h"

#include <liburing.h>

#define RV_SQE_MAX_BYTES UINT32_C(0x7ffff000) /* of one read or write, the kernel's rule */

static inline unsigned rv_sqe_bytes(size_t len)
{
    return len > RV_SQE_MAX_BYTES ? RV_SQE_MAX_BYTES : (unsigned)len;
}

/*
 * What a send asks besides. Where a UNIX datagram finds its peer's queue full, the kernel has read
 * the message already; when there is room it goes on behind it, sends an empty one, and calls that
 * done (seen on Linux 6.18). So no send waits in the kernel before its socket is known to be a
 * stream, which is looked up at the first that would have to (io/op.c).
 */
static RV_ALWAYS_INLINE unsigned rv_sqe_send_flags(const struct rv_fd_slot *slot)
{
    return rv_load_relaxed(&slot->send_waits) ^ MSG_DONTWAIT;
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
        unsigned more = op->kind == RV_OP_SEND ? rv_sqe_send_flags(op->slot) : 0;
        struct rv_plain ask = {op->fd, op->flags | more, op->addr, op->len};
        rv_sqe_fill_plain(sqe, op->kind, ask);
    } else {
        rv_sqe_fill_any(sqe, op);
    }
}

#endif
