// SPDX-License-Identifier: MIT
/*
 * Purpose: an operation as system calls, io/attempt.h.
 *
 * How each kind avoids to block on a descriptor in blocking mode:
 *     recv, send, ..msg   MSG_DONTWAIT
 *     read, write         RWF_NOWAIT; where the file does not know it (terminals, older pipes) and
 *                         poll says ready: O_NONBLOCK for the length of the call (io/loan.h).
 *                         Ready is not enough: it means some room, and others may be faster.
 *     accept              O_NONBLOCK from the first call on; sockets of rove_listen have it. Not
 *                         given back: several processes may accept from one socket, and a worker
 *                         that comes between the look and the connection would block for ever.
 *     connect             O_NONBLOCK for the length of the call
 */
#include "io/attempt.h"

#include "core/base.h"
#include "core/check.h"
#include "io/loan.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static ssize_t result_of(ssize_t rc)
{
    return rc < 0 ? -errno : rc;
}

static bool is_disk_file(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 && (S_ISREG(st.st_mode) || S_ISBLK(st.st_mode));
}

/* A signal ends a poll(2) that finds nothing with EINTR, also where it was not to wait. */
int rv_look(int fd, short events)
{
    struct pollfd p = {.fd = fd, .events = events};
    int rc;
    do {
        rc = poll(&p, 1, 0);
    } while (RV_UNLIKELY(rc < 0) && errno == EINTR);
    if (rc < 0) {
        return -errno;
    }
    return (p.revents & POLLNVAL) != 0 ? -EBADF : (unsigned short)p.revents;
}

static ssize_t look(const struct rv_op *op)
{
    int rc = rv_look(op->fd, (short)rv_op_events(op));
    return rc == 0 ? -EAGAIN : rc;
}

/* The buffers of a read or write as a vector; `one` is room for a single one. */
static const struct iovec *vector_of(const struct rv_op *op, struct iovec *one, int *n)
{
    if (op->kind == RV_OP_READV || op->kind == RV_OP_WRITEV) {
        *n = (int)op->len;
        return op->addr;
    }
    *one = (struct iovec){.iov_base = op->addr, .iov_len = op->len};
    *n = 1;
    return one;
}

static bool is_write(const struct rv_op *op)
{
    return op->kind == RV_OP_WRITE || op->kind == RV_OP_WRITEV;
}

static ssize_t transfer(const struct rv_op *op, const struct iovec *v, int n, int how)
{
    return result_of(is_write(op) ? pwritev2(op->fd, v, n, op->offset, how)
                                  : preadv2(op->fd, v, n, op->offset, how));
}

static ssize_t transfer_when_ready(const struct rv_op *op, const struct iovec *v, int n)
{
    ssize_t rc = look(op);
    if (rc < 0) {
        return rc;
    }
    struct rv_loan loan;
    rc = rv_loan_begin(&loan, op->fd);
    if (rc < 0) {
        return rc;
    }
    rc = transfer(op, v, n, 0);
    rv_loan_end(&loan);
    return rc;
}

static ssize_t attempt_transfer(const struct rv_op *op)
{
    if (RV_UNLIKELY(op->len == 0) && op->kind == RV_OP_WRITE && op->offset < 0) {
        /* Of a vector that holds nothing, a socket is not told: no empty datagram, no -EPIPE. */
        ssize_t sent = result_of(send(op->fd, op->addr, 0, MSG_DONTWAIT | MSG_NOSIGNAL));
        if (sent != -ENOTSOCK) {
            return sent;
        }
    }
    struct iovec one;
    int n;
    const struct iovec *v = vector_of(op, &one, &n);
    ssize_t rc = transfer(op, v, n, RWF_NOWAIT);
    if (rc != -EAGAIN && rc != -EOPNOTSUPP) {
        return rc;
    }
    if (is_disk_file(op->fd)) {
        return RV_ATTEMPT_OFFLOAD;
    }
    return rc == -EAGAIN ? rc : transfer_when_ready(op, v, n);
}

/* What does not listen cannot wait for a connection, and its mode is not ours to change. */
static bool may_listen(int fd)
{
    int listens = 0;
    socklen_t len = sizeof(listens);
    int rc = getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len);
    return rc < 0 ? errno != ENOTSOCK : listens != 0;
}

static ssize_t attempt_accept(const struct rv_op *op)
{
    int flags = fcntl(op->fd, F_GETFL);
    if (flags < 0) {
        return -errno;
    }
    if ((flags & O_NONBLOCK) == 0 && may_listen(op->fd)) {
        int set = rv_loan_set_nonblocking(op->fd);
        if (set < 0) {
            return set;
        }
    }
    ssize_t rc = result_of(accept4(op->fd, op->addr, op->extra, (int)op->flags));
    /* A connection that died in the queue is not the caller's concern. */
    return rc == -ECONNABORTED ? -EAGAIN : rc;
}

enum { CONNECT_NEW, CONNECT_UNDER_WAY }; /* op->mode of RV_OP_CONNECT */

/* How a connection that was under way ended. The kernel is told so of one that failed: until then
 * the socket's next connect would hear of it, as -ECONNABORTED, and not be made. */
static ssize_t connect_outcome(int fd)
{
    const struct sockaddr none = {.sa_family = AF_UNSPEC};
    int error = 0;
    socklen_t len = sizeof(error);
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0) {
        return -errno;
    }
    if (error != 0) {
        (void)connect(fd, &none, sizeof(none));
    }
    return -error;
}

static ssize_t attempt_connect(struct rv_op *op)
{
    if (op->mode == CONNECT_UNDER_WAY) {
        ssize_t ready = look(op);
        return ready < 0 ? ready : connect_outcome(op->fd);
    }
    struct rv_loan loan;
    ssize_t rc = rv_loan_begin(&loan, op->fd);
    if (rc < 0) {
        return rc;
    }
    rc = result_of(connect(op->fd, op->addr, (socklen_t)op->len));
    rv_loan_end(&loan);
    if (rc == -EINPROGRESS) {
        op->mode = CONNECT_UNDER_WAY;
        return -EAGAIN;
    }
    /* The queue of a UNIX listener is full. A thread that waits there could not be called off. */
    return rc == -EAGAIN ? RV_ATTEMPT_LATER : rc;
}

/*
 * The C library's two are points at which a thread may be cancelled, and switch that on and off
 * around the call: as many instructions as the rest of an attempt. A worker is never cancelled. The
 * sanitizers and the simulation want the library's names.
 */
#if defined(SYS_recvfrom) && defined(SYS_sendto) && !RV_ASAN && !RV_TSAN && !defined(RV_SIM)
static RV_ALWAYS_INLINE ssize_t call_recv(const struct rv_op *op)
{
    return syscall(SYS_recvfrom, op->fd, op->addr, op->len, (int)op->flags | MSG_DONTWAIT, NULL,
                   NULL);
}

static RV_ALWAYS_INLINE ssize_t call_send(const struct rv_op *op)
{
    return syscall(SYS_sendto, op->fd, op->addr, op->len, (int)op->flags | MSG_DONTWAIT, NULL, 0);
}
#else
static ssize_t call_recv(const struct rv_op *op)
{
    return recv(op->fd, op->addr, op->len, (int)op->flags | MSG_DONTWAIT);
}

static ssize_t call_send(const struct rv_op *op)
{
    return send(op->fd, op->addr, op->len, (int)op->flags | MSG_DONTWAIT);
}
#endif

RV_HOT RV_NOINLINE ssize_t rv_attempt_recv(const struct rv_op *op)
{
    return result_of(call_recv(op));
}

RV_HOT RV_NOINLINE ssize_t rv_attempt_send(const struct rv_op *op)
{
    return result_of(call_send(op));
}

RV_NOINLINE ssize_t rv_attempt_nowait(const struct rv_op *op)
{
    struct iovec one;
    int n;
    const struct iovec *v = vector_of(op, &one, &n);
    return transfer(op, v, n, RWF_NOWAIT);
}

RV_NOINLINE ssize_t rv_attempt_any(struct rv_op *op)
{
    switch (op->kind) {
    case RV_OP_READ:
    case RV_OP_WRITE:
    case RV_OP_READV:
    case RV_OP_WRITEV:
        return attempt_transfer(op);
    case RV_OP_RECV:
        return rv_attempt_recv(op);
    case RV_OP_SEND:
        return rv_attempt_send(op);
    case RV_OP_RECVMSG:
        return result_of(recvmsg(op->fd, op->addr, (int)op->flags | MSG_DONTWAIT));
    case RV_OP_SENDMSG:
        return result_of(sendmsg(op->fd, op->addr, (int)op->flags | MSG_DONTWAIT));
    case RV_OP_ACCEPT:
        return attempt_accept(op);
    case RV_OP_CONNECT:
        return attempt_connect(op);
    case RV_OP_POLL:
        return look(op);
    case RV_OP_SPLICE:
    case RV_OP_FSYNC:
    case RV_OP_FDATASYNC:
    case RV_OP_OPEN:
    case RV_OP_STATX:
    case RV_OP_UNLINK:
    case RV_OP_RENAME:
    case RV_OP_MKDIR:
        return RV_ATTEMPT_OFFLOAD;
    }
    RV_UNREACHABLE();
}

static ssize_t blocking_splice(const struct rv_op *op)
{
    off_t from = op->offset;
    off_t to = op->other_offset;
    return result_of(splice(op->fd, from < 0 ? NULL : &from, op->other_fd, to < 0 ? NULL : &to,
                            op->len, op->flags));
}

static ssize_t blocking_transfer(const struct rv_op *op)
{
    struct iovec one;
    int n;
    const struct iovec *v = vector_of(op, &one, &n);
    return transfer(op, v, n, 0);
}

RV_NOINLINE ssize_t rv_attempt_blocking(const struct rv_op *op)
{
    switch (op->kind) {
    case RV_OP_READ:
    case RV_OP_WRITE:
    case RV_OP_READV:
    case RV_OP_WRITEV:
        return blocking_transfer(op);
    case RV_OP_CONNECT:
        return result_of(connect(op->fd, op->addr, (socklen_t)op->len));
    case RV_OP_SPLICE:
        return blocking_splice(op);
    case RV_OP_FSYNC:
        return result_of(fsync(op->fd));
    case RV_OP_FDATASYNC:
        return result_of(fdatasync(op->fd));
    case RV_OP_OPEN:
        return result_of(openat(op->fd, op->addr, (int)op->flags, op->mode));
    case RV_OP_STATX:
        return result_of(statx(op->fd, op->addr, (int)op->flags, op->mode, op->extra));
    case RV_OP_UNLINK:
        return result_of(unlinkat(op->fd, op->addr, (int)op->flags));
    case RV_OP_RENAME:
        return result_of(renameat(op->fd, op->addr, op->fd, op->extra));
    case RV_OP_MKDIR:
        return result_of(mkdirat(op->fd, op->addr, op->mode));
    case RV_OP_RECV:
    case RV_OP_SEND:
    case RV_OP_RECVMSG:
    case RV_OP_SENDMSG:
    case RV_OP_ACCEPT:
    case RV_OP_POLL:
        return -EINVAL; /* they have readiness: never asked for */
    }
    RV_UNREACHABLE();
}
