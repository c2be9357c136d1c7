// SPDX-License-Identifier: MIT
/*
 * Purpose: an operation in the simulated kernel, io/sim_op.h.
 */
#include "io/sim_op.h"

#include "core/atomic.h"
#include "core/base.h"
#include "core/sim.h"
#include "io/sim_call.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#define SCRIBBLE 0xc5

static void *address(uint64_t at)
{
    return (void *)(uintptr_t)at;
}

struct rv_sim_op *rv_sim_op_create(const struct io_uring_sqe *sqe)
{
    struct rv_sim_op *op = calloc(1, sizeof(*op));
    op->sqe = *sqe;
    op->due_ns = INT64_MAX;
    rv_list_init(&op->link);
    if (sqe->opcode == IORING_OP_TIMEOUT || sqe->opcode == IORING_OP_TIMEOUT_REMOVE) {
        bool is_update = sqe->opcode == IORING_OP_TIMEOUT_REMOVE;
        const struct __kernel_timespec *ts = address(is_update ? sqe->addr2 : sqe->addr);
        op->until_ns = (int64_t)ts->tv_sec * 1000000000 + ts->tv_nsec;
        return op;
    }
    if (sqe->opcode == IORING_OP_ASYNC_CANCEL || sqe->opcode == IORING_OP_NOP) {
        return op;
    }
    op->file = rv_sim_file_get(sqe->fd);
    if (op->file == NULL) {
        op->error = -EBADF;
        return op;
    }
    rv_sim_file_retain(op->file);
    bool is_message = sqe->opcode == IORING_OP_RECV || sqe->opcode == IORING_OP_SEND ||
                      sqe->opcode == IORING_OP_RECVMSG || sqe->opcode == IORING_OP_SENDMSG;
    op->is_impatient = (op->file->is_nonblocking && sqe->opcode != IORING_OP_POLL_ADD) ||
                       (is_message && (sqe->msg_flags & MSG_DONTWAIT) != 0);
    rv_sim_op_scribble(op);
    return op;
}

void rv_sim_op_destroy(struct rv_sim_op *op)
{
    if (op->file != NULL) {
        rv_sim_file_release(op->file);
    }
    free(op);
}

bool rv_sim_op_is_multi(const struct rv_sim_op *op)
{
    switch (op->sqe.opcode) {
    case IORING_OP_RECV:
        return (op->sqe.ioprio & IORING_RECV_MULTISHOT) != 0;
    case IORING_OP_ACCEPT:
        return (op->sqe.ioprio & IORING_ACCEPT_MULTISHOT) != 0;
    case IORING_OP_POLL_ADD:
        return (op->sqe.len & IORING_POLL_ADD_MULTI) != 0;
    default:
        return false;
    }
}

void *rv_sim_op_buffer(const struct rv_sim_op *op, size_t *bytes)
{
    *bytes = op->sqe.len;
    switch (op->sqe.opcode) {
    case IORING_OP_READ:
    case IORING_OP_RECV:
    case IORING_OP_WRITE:
    case IORING_OP_SEND:
        return op->sqe.len == 0 ? NULL : address(op->sqe.addr);
    default:
        return NULL;
    }
}

void rv_sim_op_scribble(struct rv_sim_op *op)
{
    size_t bytes;
    unsigned char *at = rv_sim_op_buffer(op, &bytes);
    bool is_read = op->sqe.opcode == IORING_OP_READ || op->sqe.opcode == IORING_OP_RECV;
    size_t kept = op->res > 0 ? (size_t)op->res : 0;
    if (is_read && at != NULL && op->error == 0 && kept < bytes) {
        at[kept + rv_sim_draw((uint32_t)(bytes - kept))] = SCRIBBLE;
    }
}

static int try_poll(const struct rv_sim_op *op)
{
    unsigned wanted = (op->sqe.poll32_events & 0xffff) | POLLERR | POLLHUP;
    unsigned events = rv_sim_file_events(op->file) & wanted;
    return events == 0 ? -EAGAIN : (int)events;
}

static int try_vector(const struct rv_sim_op *op, const struct iovec *v, size_t n, bool is_write)
{
    /* The number may be another's by now: the file is what counts. */
    ssize_t done = 0;
    for (size_t i = 0; i < n; i++) {
        ssize_t rc = is_write ? rv_sim_file_write(op->file, v[i].iov_base, v[i].iov_len)
                              : rv_sim_file_read(op->file, v[i].iov_base, v[i].iov_len, false);
        if (rc < 0) {
            return done > 0 ? (int)done : (int)rc;
        }
        done += rc;
        if ((size_t)rc < v[i].iov_len) {
            break;
        }
    }
    return (int)done;
}

static int try_message(const struct rv_sim_op *op, bool is_write)
{
    struct msghdr *m = address(op->sqe.addr);
    if (!is_write) {
        m->msg_controllen = 0;
        m->msg_namelen = 0;
        m->msg_flags = 0;
    }
    return try_vector(op, m->msg_iov, m->msg_iovlen, is_write);
}

static int try_accept(const struct rv_sim_op *op)
{
    int fd = rv_sim_file_accept(op->file, (op->sqe.accept_flags & SOCK_NONBLOCK) != 0);
    socklen_t *len = address(op->sqe.addr2);
    if (fd >= 0 && op->sqe.addr != 0 && len != NULL) {
        rv_sim_call_address(rv_sim_file_get(fd), address(op->sqe.addr), len);
    }
    return fd;
}

int rv_sim_op_try(struct rv_sim_op *op)
{
    const struct io_uring_sqe *sqe = &op->sqe;
    switch (sqe->opcode) {
    case IORING_OP_NOP:
        return 0;
    case IORING_OP_TIMEOUT:
        return -ETIME;
    case IORING_OP_READ:
        return (int)rv_sim_file_read(op->file, address(sqe->addr), sqe->len, false);
    case IORING_OP_RECV:
        return (int)rv_sim_file_read(op->file, address(sqe->addr), sqe->len,
                                     (sqe->msg_flags & MSG_PEEK) != 0);
    case IORING_OP_WRITE:
    case IORING_OP_SEND:
        return (int)rv_sim_file_write(op->file, address(sqe->addr), sqe->len);
    case IORING_OP_READV:
    case IORING_OP_WRITEV:
        return try_vector(op, address(sqe->addr), sqe->len, sqe->opcode == IORING_OP_WRITEV);
    case IORING_OP_RECVMSG:
    case IORING_OP_SENDMSG:
        return try_message(op, sqe->opcode == IORING_OP_SENDMSG);
    case IORING_OP_ACCEPT:
        return try_accept(op);
    case IORING_OP_CONNECT:
        return rv_sim_file_connect(op->file, rv_sim_port_of(address(sqe->addr)));
    case IORING_OP_POLL_ADD:
        return try_poll(op);
    default:
        return -EINVAL;
    }
}

int64_t rv_sim_op_later(void)
{
    int64_t delay_ns = rv_sim_delay();
    return rv_sim_now() + delay_ns;
}

void rv_sim_op_finish(struct rv_sim_op *op, int res)
{
    op->res = res;
    op->state = RV_SIM_OP_DONE;
    op->due_ns = rv_sim_chance(2) ? rv_sim_now() : rv_sim_op_later();
    rv_sim_op_scribble(op);
}

int rv_sim_op_receive_lent(struct rv_sim_op *op, struct rv_sim_lent *lent)
{
    RV_ATOMIC(uint16_t) *tail = (RV_ATOMIC(uint16_t) *)(void *)&lent->entries[0].resv;
    if (lent->head == rv_load_relaxed(tail)) {
        return -ENOBUFS;
    }
    const struct io_uring_buf *buffer = &lent->entries[lent->head & lent->mask];
    op->sqe.addr = buffer->addr;
    op->sqe.len = buffer->len;
    int res = rv_sim_op_try(op);
    op->sqe.len = 0; /* the ring's, not this operation's */
    if (res > 0) {
        lent->head++;
        op->cqe_flags = IORING_CQE_F_BUFFER | (uint32_t)buffer->bid << IORING_CQE_BUFFER_SHIFT;
    }
    return res;
}

void rv_sim_op_finish_part(struct rv_sim_op *op, int res)
{
    if (res < 0 || (res == 0 && op->sqe.opcode == IORING_OP_RECV) || rv_sim_chance(8)) {
        rv_sim_op_finish(op, res);
        return;
    }
    struct rv_sim_op *part = rv_sim_op_create(&op->sqe);
    part->cqe_flags = op->cqe_flags | IORING_CQE_F_MORE;
    rv_list_push_back(&op->link, &part->link); /* before it: in the order of the results */
    rv_sim_op_finish(part, res);
    op->cqe_flags = 0;
    if (op->sqe.opcode == IORING_OP_POLL_ADD) {
        op->due_ns = INT64_MAX; /* it tells of what stirs its file from now on */
    } else {
        op->due_ns = rv_sim_chance(2) ? rv_sim_now() : rv_sim_op_later();
    }
}
