// SPDX-License-Identifier: MIT
/*
 * Purpose: sockets: send, accept, connect, shut down; io/receive.c receives.
 *
 * Idea: each call is one operation of the reactor. MSG_NOSIGNAL always: a peer that hangs up is an
 * error code, not the end of the process.
 */
#include <rove/io.h>

#include "io/reactor.h"
#include "sched/current.h"
#include "sched/suspend.h"

#include <errno.h>
#include <poll.h>

RV_HOT ssize_t rove_send(int fd, const void *buf, size_t n, int flags)
{
    struct rv_task *self = rv_current_task();
    if (RV_UNLIKELY(self == NULL)) {
        return -EPERM;
    }
    return rv_io_of(self->runtime)->send(fd, (void *)(uintptr_t)buf, n,
                                         (unsigned)flags | MSG_NOSIGNAL, self);
}

ssize_t rove_sendmsg(int fd, const struct msghdr *m, int flags)
{
    struct rv_op op = {.kind = RV_OP_SENDMSG,
                       .fd = fd,
                       .addr = (void *)(uintptr_t)m,
                       .flags = (unsigned)flags | MSG_NOSIGNAL,
                       .deadline_ns = INT64_MAX};
    return m == NULL ? -EFAULT : rv_op_run(&op);
}

int rove_accept(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
    struct rv_op op = {.kind = RV_OP_ACCEPT,
                       .fd = fd,
                       .addr = addr,
                       .extra = len,
                       .flags = (unsigned)flags,
                       .deadline_ns = INT64_MAX};
    return (int)rv_op_run(&op);
}

static RV_NOINLINE int connect_outcome(int fd)
{
    int error = 0;
    socklen_t len = sizeof(error);
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0 ? -errno : -error;
}

/* A socket that the user made non-blocking: the connection goes on, its outcome comes later. */
static int finish_connect(int fd)
{
    struct rv_op op = {.kind = RV_OP_POLL, .fd = fd, .flags = POLLOUT, .deadline_ns = INT64_MAX};
    ssize_t rc = rv_op_run_more(&op);
    return rc < 0 ? (int)rc : connect_outcome(fd);
}

int rove_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
    struct rv_op op = {.kind = RV_OP_CONNECT,
                       .fd = fd,
                       .addr = (void *)(uintptr_t)addr,
                       .len = len,
                       .deadline_ns = INT64_MAX};
    if (addr == NULL) {
        return -EFAULT;
    }
    int rc = (int)rv_op_run(&op);
    return rc == -EINPROGRESS ? finish_connect(fd) : rc;
}

static RV_NOINLINE int shutdown_now(int fd, int how)
{
    return shutdown(fd, how) == 0 ? 0 : -errno;
}

int rove_shutdown(int fd, int how)
{
    struct rv_task *self = rv_current_task();
    if (self == NULL) {
        return -EPERM;
    }
    if (rv_take_cancel(self)) {
        return -ECANCELED;
    }
    /* Never blocks: a direct call is all there is to it. */
    return shutdown_now(fd, how);
}
