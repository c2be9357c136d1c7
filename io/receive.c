// SPDX-License-Identifier: MIT
/*
 * Purpose: sockets: receive, plain and as a message.
 *
 * Idea: each call is one operation of the reactor, but for MSG_WAITALL, which the kernel does on
 * neither back-end as recv(2) has it: without a wait it gives a part, in a ring it joins messages
 * and peeks at the same bytes again. So that is a loop here, until all of it has come, the end, or
 * an error. Where it means nothing it is left out, and in a peek at anything but TCP, which gives
 * what is there.
 *
 * A peek at TCP waits for all of it, too. What has been looked at stays, so the socket is as
 * readable as it will ever be, and nothing tells of more: it is looked at again after a while.
 * Rejected: SO_RCVLOWAT for that while: others receive from the socket and would wait with it; and
 * it is left behind if two do that at once.
 */
#include <rove/io.h>

#include "io/attempt.h"
#include "io/reactor.h"
#include "sched/current.h"
#include "sched/suspend.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

enum { AT_ONCE = 8 }; /* buffers of a message's rest; arbitrary */

static RV_ALWAYS_INLINE ssize_t receive(int fd, void *buf, size_t n, int flags)
{
    struct rv_task *self = rv_current_task();
    if (RV_UNLIKELY(self == NULL)) {
        return -EPERM;
    }
    return rv_io_of(self->runtime)->recv(fd, buf, n, (unsigned)flags, self);
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

/* A look at the same bytes, which it does not take: by recv, or by recvmsg if m is not NULL. */
struct peek {
    int fd, flags;
    char *buf;
    size_t n;
    struct msghdr *m, before; /* what the caller had in m */
};

static bool waits_for_all(int flags)
{
    int others = MSG_DONTWAIT | MSG_TRUNC | MSG_OOB | MSG_ERRQUEUE;
    return (flags & MSG_WAITALL) != 0 && (flags & MSG_PEEK) != 0 && (flags & others) == 0;
}

static RV_NOINLINE bool is_tcp(int fd)
{
    int protocol = 0;
    socklen_t len = sizeof(protocol);
    return getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &len) == 0 && protocol == IPPROTO_TCP;
}

static ssize_t look_once(struct peek *p)
{
    if (p->m == NULL) {
        return receive(p->fd, p->buf, p->n, p->flags);
    }
    *p->m = p->before;
    return receive_message(p->fd, p->m, p->flags);
}

/* The descriptor is in use: the number means this file throughout. */
static ssize_t look_until_all(struct peek *p, struct rv_task *self, const struct rv_fd_slot *slot)
{
    struct rv_op op = {.task = self}; /* of the pauses only */
    int64_t pause_ns = RV_OP_PAUSE_MIN_NS;
    ssize_t last = 0;
    for (;;) {
        bool is_last = rv_look(p->fd, POLLRDHUP) != 0; /* before: all that comes is there then */
        ssize_t rc = look_once(p);
        if (rc <= 0 || (size_t)rc >= p->n || is_last) {
            return rc;
        }
        pause_ns = rc > last ? RV_OP_PAUSE_MIN_NS : pause_ns;
        last = rc;
        int error = rv_op_pause(&op, slot, &pause_ns);
        if (error == -ECANCELED && op.end == RV_END_CANCEL) {
            rv_put_back_cancel(self); /* for its next call */
            return rc;
        }
        if (error < 0) {
            return error == -ECANCELED ? -EBADF : rc;
        }
    }
}

static RV_NOINLINE ssize_t peek_all(struct peek *p)
{
    struct rv_task *self = rv_current_task();
    int error = -EPERM;
    if (self == NULL) {
        return error;
    }
    struct rv_fd_slot *slot = rv_fdtab_get(&rv_io_of(self->runtime)->fds, p->fd, &error);
    error = slot != NULL ? rv_fd_enter(slot) : error;
    if (error < 0) {
        return error;
    }
    ssize_t rc = is_tcp(p->fd) ? look_until_all(p, self, slot) : look_once(p);
    rv_fd_leave(slot);
    return rc;
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
    if (waits_for_all(flags)) {
        struct peek p = {.fd = fd, .flags = plain_flags(flags), .buf = buf, .n = n};
        return peek_all(&p);
    }
    return wants_all(flags) ? receive_all(fd, buf, n, plain_flags(flags))
                            : receive(fd, buf, n, plain_flags(flags));
}

RV_HOT ssize_t rove_recv(int fd, void *buf, size_t n, int flags)
{
    return is_rare(flags) ? receive_rare(fd, buf, n, flags) : receive(fd, buf, n, flags);
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
    if (waits_for_all(flags)) {
        struct peek p = {.fd = fd, .flags = plain_flags(flags), .n = room_of(m), .m = m,
                         .before = *m};
        return peek_all(&p);
    }
    return wants_all(flags) ? receive_whole_message(fd, m, plain_flags(flags))
                            : receive_message(fd, m, plain_flags(flags));
}
