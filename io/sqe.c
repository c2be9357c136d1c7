// SPDX-License-Identifier: MIT
/*
 * Purpose: an operation as an entry of the submission queue, io/sqe.h.
 */
#include "io/sqe.h"

#include "core/base.h"

#include <liburing.h>
#include <sys/socket.h>

#define MAX_BYTES UINT32_C(0x7ffff000) /* what one read or write moves at most, the kernel's rule */

static unsigned bytes_of(const struct rv_op *op)
{
    return op->len > MAX_BYTES ? MAX_BYTES : (unsigned)op->len;
}

static void fill_file(struct io_uring_sqe *sqe, const struct rv_op *op)
{
    /* The prep functions of liburing want lengths as int in places: plain fields are clearer. */
    sqe->fd = op->fd;
    sqe->addr = (uint64_t)(uintptr_t)op->addr;
    sqe->len = bytes_of(op);
    sqe->off = (uint64_t)op->offset;
}

static void fill_socket(struct io_uring_sqe *sqe, const struct rv_op *op, unsigned extra_flags)
{
    sqe->fd = op->fd;
    sqe->addr = (uint64_t)(uintptr_t)op->addr;
    sqe->len = bytes_of(op);
    sqe->msg_flags = op->flags | extra_flags;
}

static void fill_splice(struct io_uring_sqe *sqe, const struct rv_op *op)
{
    io_uring_prep_splice(sqe, op->fd, op->offset, op->other_fd, op->other_offset, bytes_of(op),
                         op->flags);
}

static void fill_path(struct io_uring_sqe *sqe, const struct rv_op *op, uint8_t opcode)
{
    sqe->opcode = opcode;
    sqe->fd = op->fd;
    sqe->addr = (uint64_t)(uintptr_t)op->addr;
    sqe->len = op->mode;
    sqe->open_flags = op->flags; /* one field with statx_flags, unlink_flags */
}

static void fill_rename(struct io_uring_sqe *sqe, const struct rv_op *op)
{
    io_uring_prep_renameat(sqe, op->fd, op->addr, op->fd, op->extra, 0);
}

void rv_sqe_fill(struct io_uring_sqe *sqe, const struct rv_op *op)
{
    switch (op->kind) {
    case RV_OP_READ:
        sqe->opcode = IORING_OP_READ;
        fill_file(sqe, op);
        return;
    case RV_OP_WRITE:
        sqe->opcode = IORING_OP_WRITE;
        fill_file(sqe, op);
        return;
    case RV_OP_READV:
        sqe->opcode = IORING_OP_READV;
        fill_file(sqe, op);
        return;
    case RV_OP_WRITEV:
        sqe->opcode = IORING_OP_WRITEV;
        fill_file(sqe, op);
        return;
    case RV_OP_RECV:
        sqe->opcode = IORING_OP_RECV;
        fill_socket(sqe, op, 0);
        return;
    case RV_OP_SEND:
        sqe->opcode = IORING_OP_SEND;
        fill_socket(sqe, op, MSG_NOSIGNAL);
        return;
    case RV_OP_RECVMSG:
        io_uring_prep_recvmsg(sqe, op->fd, op->addr, op->flags);
        return;
    case RV_OP_SENDMSG:
        io_uring_prep_sendmsg(sqe, op->fd, op->addr, op->flags | MSG_NOSIGNAL);
        return;
    case RV_OP_ACCEPT:
        io_uring_prep_accept(sqe, op->fd, op->addr, op->extra, (int)op->flags);
        return;
    case RV_OP_CONNECT:
        io_uring_prep_connect(sqe, op->fd, op->addr, (socklen_t)op->len);
        return;
    case RV_OP_POLL:
        io_uring_prep_poll_add(sqe, op->fd, op->flags);
        return;
    case RV_OP_SPLICE:
        fill_splice(sqe, op);
        return;
    case RV_OP_FSYNC:
        io_uring_prep_fsync(sqe, op->fd, 0);
        return;
    case RV_OP_FDATASYNC:
        io_uring_prep_fsync(sqe, op->fd, IORING_FSYNC_DATASYNC);
        return;
    case RV_OP_OPEN:
        fill_path(sqe, op, IORING_OP_OPENAT);
        return;
    case RV_OP_STATX:
        fill_path(sqe, op, IORING_OP_STATX);
        sqe->off = (uint64_t)(uintptr_t)op->extra;
        return;
    case RV_OP_UNLINK:
        fill_path(sqe, op, IORING_OP_UNLINKAT);
        sqe->len = 0;
        return;
    case RV_OP_RENAME:
        fill_rename(sqe, op);
        return;
    case RV_OP_MKDIR:
        fill_path(sqe, op, IORING_OP_MKDIRAT);
        return;
    }
    RV_UNREACHABLE();
}
