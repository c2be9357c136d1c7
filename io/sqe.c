// SPDX-License-Identifier: MIT
/*
 * Purpose: an operation as an entry of the submission queue, io/sqe.h.
 */
#include "io/sqe.h"

#include "core/base.h"

/* The prep functions of liburing want lengths as int in places: plain fields are clearer. */
static void fill_file(struct io_uring_sqe *sqe, const struct rv_op *op)
{
    sqe->addr = (uint64_t)(uintptr_t)op->addr;
    sqe->len = rv_sqe_bytes(op->len);
    sqe->off = (uint64_t)op->offset;
}

static void fill_message(struct io_uring_sqe *sqe, const struct rv_op *op)
{
    sqe->addr = (uint64_t)(uintptr_t)op->addr;
    sqe->len = 1;
    sqe->msg_flags = op->flags;
    if (op->kind == RV_OP_SENDMSG) {
        sqe->msg_flags |= rv_sqe_send_flags(op->slot);
    }
}

static void fill_accept(struct io_uring_sqe *sqe, const struct rv_op *op)
{
    sqe->addr = (uint64_t)(uintptr_t)op->addr;
    sqe->addr2 = (uint64_t)(uintptr_t)op->extra;
    sqe->accept_flags = op->flags;
}

static void fill_connect(struct io_uring_sqe *sqe, const struct rv_op *op)
{
    sqe->addr = (uint64_t)(uintptr_t)op->addr;
    sqe->off = op->len;
}

static void fill_poll(struct io_uring_sqe *sqe, const struct rv_op *op)
{
    io_uring_prep_poll_add(sqe, op->fd, op->flags);
}

static void fill_splice(struct io_uring_sqe *sqe, const struct rv_op *op)
{
    io_uring_prep_splice(sqe, op->fd, op->offset, op->other_fd, op->other_offset,
                         rv_sqe_bytes(op->len), op->flags);
}

static void fill_sync(struct io_uring_sqe *sqe, const struct rv_op *op)
{
    sqe->fsync_flags = op->kind == RV_OP_FDATASYNC ? IORING_FSYNC_DATASYNC : 0;
}

static void fill_path(struct io_uring_sqe *sqe, const struct rv_op *op)
{
    sqe->addr = (uint64_t)(uintptr_t)op->addr;
    sqe->len = op->mode;
    sqe->open_flags = op->flags; /* one field with statx_flags and unlink_flags */
    sqe->off = (uint64_t)(uintptr_t)op->extra;
}

static void fill_rename(struct io_uring_sqe *sqe, const struct rv_op *op)
{
    io_uring_prep_renameat(sqe, op->fd, op->addr, op->fd, op->extra, 0);
}

void rv_sqe_fill_any(struct io_uring_sqe *sqe, const struct rv_op *op)
{
    static const struct {
        uint8_t opcode;
        void (*fill)(struct io_uring_sqe *sqe, const struct rv_op *op);
    } forms[] = {
        [RV_OP_READ] = {IORING_OP_READ, fill_file},
        [RV_OP_WRITE] = {IORING_OP_WRITE, fill_file},
        [RV_OP_READV] = {IORING_OP_READV, fill_file},
        [RV_OP_WRITEV] = {IORING_OP_WRITEV, fill_file},
        [RV_OP_RECVMSG] = {IORING_OP_RECVMSG, fill_message},
        [RV_OP_SENDMSG] = {IORING_OP_SENDMSG, fill_message},
        [RV_OP_ACCEPT] = {IORING_OP_ACCEPT, fill_accept},
        [RV_OP_CONNECT] = {IORING_OP_CONNECT, fill_connect},
        [RV_OP_POLL] = {IORING_OP_POLL_ADD, fill_poll},
        [RV_OP_SPLICE] = {IORING_OP_SPLICE, fill_splice},
        [RV_OP_FSYNC] = {IORING_OP_FSYNC, fill_sync},
        [RV_OP_FDATASYNC] = {IORING_OP_FSYNC, fill_sync},
        [RV_OP_OPEN] = {IORING_OP_OPENAT, fill_path},
        [RV_OP_STATX] = {IORING_OP_STATX, fill_path},
        [RV_OP_UNLINK] = {IORING_OP_UNLINKAT, fill_path},
        [RV_OP_RENAME] = {IORING_OP_RENAMEAT, fill_rename},
        [RV_OP_MKDIR] = {IORING_OP_MKDIRAT, fill_path},
    };
    _Static_assert(RV_ARRAY_LEN(forms) == RV_OP_MKDIR + 1, "a form for each kind but two");
    forms[op->kind].fill(sqe, op);
    sqe->opcode = forms[op->kind].opcode;
    sqe->fd = op->kind == RV_OP_SPLICE ? op->other_fd : op->fd;
}
