// SPDX-License-Identifier: MIT
/*
 * Purpose: sockets: receive, plain and as a message.
 *
 * Idea: each call is one operation of the reactor, but for MSG_WAITALL, which the kernel does on
 * neither back-end as recv(2) has it: without a wait it gives a part, in a ring it joins messages
 * and peeks at the same bytes again. So that is a loop here, until all of it has come, the end, or
 * an error. Where it means nothing, and in a peek, which gives what is there, it is left out.
 */
#include <rove/io.h>

#include "io/reactor.h"
#include "sched/current.h"
#include "sched/suspend.h"

#include <errno.h>
#include <sys/socket.h>

enum { AT_ONCE = 8 }; /* buffers of a message's rest; arbitrary */

static ssize_t receive(int fd, void *buf, size_t n, int flags)
{
    struct rv_task *self = rv_current_task();
    if (RV_UNLIKELY(self == NULL)) {
        return -EPERM;
    }
    return rv_reactor_of(self->runtime)->recv(self, fd, buf, n, (unsigned)flags);
}

static RV_NOINLINE bool is_stream(int fd)
{
    int type = 0;
    socklen_t len = sizeof(type);
    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_STREAM;
}

static RV_NOINLINE ssize_t receive_all(int fd, char *buf, size_t n, int flags)
{
    size_t done = 0;
    ssize_t rc;
    do {
        rc = receive(fd, buf + done, n - done, flags);
        done += rc > 0 ? (size_t)rc : 0;
    } while (rc > 0 && done < n && is_stream(fd));
    if (done > 0 && rc == -ECANCELED) {
        rv_put_back_cancel(rv_current_task()); /* for its next call */
    }
    return done > 0 ? (ssize_t)done : rc;
}

static bool is_rare(int flags)
{
    return RV_UNLIKELY((flags & (MSG_WAITALL | MSG_ERRQUEUE)) != 0);
}

static bool wants_all(int flags)
{
    int others = MSG_PEEK | MSG_DONTWAIT | MSG_TRUNC | MSG_OOB | MSG_ERRQUEUE;
    return (flags & MSG_WAITALL) != 0 && (flags & others) == 0;
}

/* The queue of errors is never waited for: recv(2). */
static int plain_flags(int flags)
{
    return (flags & ~MSG_WAITALL) | ((flags & MSG_ERRQUEUE) != 0 ? MSG_DONTWAIT : 0);
}

static RV_NOINLINE ssize_t receive_rare(int fd, void *buf, size_t n, int flags)
{
    return wants_all(flags) ? receive_all(fd, buf, n, plain_flags(flags))
                            : receive(fd, buf, n, plain_flags(flags));
}

ssize_t rove_recv(int fd, void *buf, size_t n, int flags)
{
    return is_rare(flags) ? receive_rare(fd, buf, n, flags) : receive(fd, buf, n, flags);
}

static ssize_t receive_message(int fd, struct msghdr *m, int flags)
{
    struct rv_op op = {.kind = RV_OP_RECVMSG,
                       .fd = fd,
                       .addr = m,
                       .flags = (unsigned)flags,
                       .deadline_ns = INT64_MAX};
    return rv_op_run(&op);
}

static size_t room_of(const struct msghdr *m)
{
    size_t n = 0;
    for (size_t i = 0; i < m->msg_iovlen; i++) {
        n += m->msg_iov[i].iov_len;
    }
    return n;
}

/* What `done` bytes have left of m's buffers, the first of it. */
static size_t room_after(const struct msghdr *m, size_t done, struct iovec v[AT_ONCE])
{
    size_t n = 0;
    for (size_t i = 0; i < m->msg_iovlen && n < AT_ONCE; i++) {
        struct iovec all = m->msg_iov[i];
        size_t used = done < all.iov_len ? done : all.iov_len;
        done -= used;
        if (used < all.iov_len) {
            v[n].iov_base = (char *)all.iov_base + used;
            v[n++].iov_len = all.iov_len - used;
        }
    }
    return n;
}

/* Control data that stands for these bytes and not for the next: descriptors, above all. Whose
 * bytes they are comes with all of them. */
static bool is_complete(struct msghdr *m)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_CREDENTIALS) {
            return true;
        }
    }
    return (m->msg_flags & (MSG_CTRUNC | MSG_OOB)) != 0;
}

/* As receive_all. */
static ssize_t receive_whole_message(int fd, struct msghdr *m, int flags)
{
    size_t control_bytes = m->msg_controllen;
    ssize_t rc = receive_message(fd, m, flags);
    size_t done = rc > 0 ? (size_t)rc : 0;
    while (rc > 0 && done < room_of(m) && !is_complete(m) && is_stream(fd)) {
        struct iovec v[AT_ONCE];
        struct msghdr next = {.msg_iov = v,
                              .msg_iovlen = room_after(m, done, v),
                              .msg_control = m->msg_control,
                              .msg_controllen = control_bytes};
        rc = receive_message(fd, &next, flags);
        if (rc > 0) {
            done += (size_t)rc;
            m->msg_controllen = next.msg_controllen;
            m->msg_flags = next.msg_flags;
        }
    }
    if (done > 0 && rc == -ECANCELED) {
        rv_put_back_cancel(rv_current_task()); /* for its next call */
    }
    return done > 0 ? (ssize_t)done : rc;
}

ssize_t rove_recvmsg(int fd, struct msghdr *m, int flags)
{
    if (m == NULL) {
        return -EFAULT;
    }
    return wants_all(flags) ? receive_whole_message(fd, m, plain_flags(flags))
                            : receive_message(fd, m, plain_flags(flags));
}
