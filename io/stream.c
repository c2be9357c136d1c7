// SPDX-License-Identifier: MIT
/*
 * Purpose: the life of a stream: open, shut down, close. io/stream.h has the idea.
 */
#include "io/stream.h"

#include "core/check.h"
#include "core/clock.h"
#include "io/attempt.h"
#include "io/reactor.h"
#include "sched/current.h"
#include "sched/suspend.h"

#include <rove/io.h>

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>

/* SOCK_STREAM or another; negative: it is no socket. */
static RV_NOINLINE int socket_type(int fd)
{
    int type = -1;
    socklen_t len = sizeof(type);
    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0 ? -1 : type;
}

static rove_stream *open_typed(int fd, int type)
{
    struct rv_task *self = rv_current_task();
    int error;
    if (self == NULL) {
        return NULL;
    }
    struct rove_stream *s = calloc(1, sizeof(*s));
    if (s == NULL) {
        return NULL;
    }
    s->slot = rv_fdtab_get(&rv_io_of(self->runtime)->fds, fd, &error);
    if (s->slot == NULL && error == -ENOMEM) {
        free(s);
        return NULL;
    }
    s->is_socket = type >= 0;
    rv_flow_init(&s->flow, self, fd, type == SOCK_STREAM);
    s->idle_ns = -1;
    s->refs = 1;
    s->in.limit = RV_STREAM_LIMIT;
    s->in.wish = RV_STREAM_SMALL;
    rv_store_relaxed(&s->fd, fd);
    return s;
}

rove_stream *rove_stream_open(int fd)
{
    return open_typed(fd, socket_type(fd));
}

rove_stream *rv_stream_open_socket(int fd)
{
    return open_typed(fd, SOCK_STREAM);
}

int rove_stream_dial(const char *address, rove_stream **s)
{
    if (s == NULL) {
        return -EINVAL;
    }
    int fd = rove_dial(address);
    if (fd < 0) {
        return fd;
    }
    rove_stream *opened = rv_stream_open_socket(fd);
    if (opened == NULL) {
        rove_close(fd);
        return -ENOMEM;
    }
    *s = opened;
    return 0;
}

void rv_stream_enter(struct rove_stream *s)
{
    rv_lock_acquire(&s->lock);
    RV_CHECK(s->refs > 0, "a stream that is used is referenced");
    s->refs++;
    rv_lock_release(&s->lock);
}

void rv_stream_leave(struct rove_stream *s)
{
    rv_lock_acquire(&s->lock);
    RV_CHECK(s->refs > 0, "a stream that is left was entered");
    bool is_last = --s->refs == 0;
    rv_lock_release(&s->lock);
    if (is_last) {
        RV_CHECK(rv_waitq_is_empty(&s->out.waiters), "a stream is not freed under its waiters");
        rv_stream_drop_chunks(s);
        rv_stream_drop_block(&s->in);
        rv_flow_fini(&s->flow);
        free(s);
    }
}

/*
 * The descriptor, counted as in use: rove_close waits for rv_fd_leave, so that the number cannot
 * mean another file meanwhile. Or -EBADF.
 */
static int hold(struct rove_stream *s)
{
    rv_lock_acquire(&s->lock);
    int fd = rv_load_relaxed(&s->fd);
    bool is_held = fd >= 0 && s->slot != NULL && rv_fd_enter(s->slot) == 0;
    rv_lock_release(&s->lock);
    return is_held ? fd : -EBADF;
}

static RV_NOINLINE bool is_in_state_close(int fd)
{
    struct tcp_info info;
    socklen_t len = sizeof(info);
    return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 && info.tcpi_state == TCP_CLOSE;
}

bool rv_stream_is_dead(struct rove_stream *s)
{
    int fd = hold(s);
    if (fd < 0) {
        return false;
    }
    bool is_dead = is_in_state_close(fd);
    rv_fd_leave(s->slot);
    return is_dead;
}

static ssize_t try_once(struct rv_op *op)
{
    ssize_t rc = rv_attempt(op);
    if (rc == -EPIPE) {
        rv_store_relaxed(&rv_io_of(rv_current_task()->runtime)->had_epipe, 1u);
    }
    return rc == RV_ATTEMPT_OFFLOAD || rc == -EINTR ? -EAGAIN : rc;
}

static ssize_t run(struct rove_stream *s, struct rv_op *op, enum rv_stream_patience patience)
{
    op->fd = hold(s);
    if (op->fd < 0) {
        return op->fd;
    }
    op->slot = s->slot; /* for an attempt that borrows the descriptor's mode */
    ssize_t rc = patience == RV_STREAM_WAIT ? -EAGAIN : try_once(op);
    if (rc == -EAGAIN && patience != RV_STREAM_TRY) {
        rc = rv_op_run(op);
    }
    rv_fd_leave(s->slot);
    return rc;
}

static int64_t deadline_of(const struct rove_stream *s)
{
    return s->idle_ns < 0 ? INT64_MAX : rv_clock_add(rv_clock_now(), s->idle_ns);
}

ssize_t rv_stream_await(struct rove_stream *s, enum rv_stream_patience patience)
{
    struct rv_task *self = rv_current_task();
    if (!s->flow.is_on) {
        return RV_FLOW_IDLE;
    }
    ssize_t rc = rv_flow_look(&s->flow, self);
    if (rc > 0) {
        rv_op_pay_turn(self);
        return rc;
    }
    if (rc == -EAGAIN && patience != RV_STREAM_TRY) {
        rv_stream_push(s); /* what the peer may be waiting for */
        rc = rv_flow_wait(&s->flow, self, deadline_of(s));
    }
    while (rc == RV_FLOW_IDLE && patience != RV_STREAM_TRY) {
        if (hold(s) < 0) {
            return -EBADF;
        }
        bool has_started = rv_flow_start(&s->flow);
        rv_fd_leave(s->slot);
        if (!has_started) {
            return RV_FLOW_IDLE;
        }
        rv_stream_push(s);
        rc = rv_flow_wait(&s->flow, self, deadline_of(s));
    }
    return rc;
}

ssize_t rv_stream_read_some(struct rove_stream *s, void *data, size_t n,
                            enum rv_stream_patience patience)
{
    struct rv_op op = {.kind = s->is_socket ? RV_OP_RECV : RV_OP_READ,
                       .addr = data,
                       .len = n,
                       .offset = s->is_socket ? 0 : -1,
                       .deadline_ns = deadline_of(s)};
    return run(s, &op, patience);
}

ssize_t rv_stream_write_some(struct rove_stream *s, const void *data, size_t n,
                             enum rv_stream_patience patience)
{
    struct rv_op op = {.kind = s->is_socket ? RV_OP_SEND : RV_OP_WRITE,
                       .addr = (void *)(uintptr_t)data,
                       .len = n,
                       .flags = s->is_socket ? MSG_NOSIGNAL : 0,
                       .offset = s->is_socket ? 0 : -1,
                       .deadline_ns = INT64_MAX};
    return run(s, &op, patience);
}

static int close_descriptor(struct rove_stream *s)
{
    rv_lock_acquire(&s->lock);
    int fd = rv_load_relaxed(&s->fd);
    rv_store_relaxed(&s->fd, -1);
    rv_lock_release(&s->lock);
    if (fd < 0) {
        return 0;
    }
    rv_flow_end(&s->flow, rv_current_task());
    return rove_close(fd);
}

static int shut_down_socket(struct rove_stream *s)
{
    int fd = hold(s);
    if (fd < 0) {
        return fd;
    }
    int rc = rove_shutdown(fd, SHUT_WR);
    rv_fd_leave(s->slot);
    return rc;
}

static int shut_down(struct rove_stream *s, struct rv_task *self)
{
    int rc = rv_stream_drain(s, self, 0);
    if (rc < 0) {
        return rc;
    }
    rv_lock_acquire(&s->lock);
    bool was_shut = s->out.is_shut;
    s->out.is_shut = true;
    rv_lock_release(&s->lock);
    if (was_shut) {
        return 0;
    }
    /* A pipe has no other way to say that no more will come. */
    rc = s->is_socket ? shut_down_socket(s) : close_descriptor(s);
    if (rc == -ECANCELED) {
        rv_lock_acquire(&s->lock);
        s->out.is_shut = false;
        rv_lock_release(&s->lock);
    }
    return rc;
}

int rove_stream_shutdown(rove_stream *s)
{
    struct rv_task *self = rv_current_task();
    if (self == NULL) {
        return -EPERM;
    }
    if (s == NULL) {
        return -EINVAL;
    }
    rv_stream_enter(s);
    int rc = rove_mutex_lock(&s->writers);
    if (rc == 0) {
        rc = shut_down(s, self);
        rove_mutex_unlock(&s->writers);
    }
    rv_stream_leave(s);
    return rc;
}

/* Gives the opener's reference up. */
static int end(struct rove_stream *s, int rc)
{
    int closed = close_descriptor(s);
    rv_stream_leave(s);
    return rc < 0 ? rc : closed;
}

int rv_stream_end(struct rove_stream *s)
{
    return end(s, rv_stream_drain(s, rv_current_task(), 0));
}

int rove_stream_close(rove_stream *s)
{
    struct rv_task *self = rv_current_task();
    if (self == NULL) {
        return -EPERM;
    }
    if (s == NULL || !s->is_lent) {
        return s == NULL ? 0 : rv_stream_end(s);
    }
    int rc = rv_stream_drain(s, self, 0);
    int closed = close_descriptor(s);
    return rc < 0 ? rc : closed;
}

int rv_stream_abort(struct rove_stream *s)
{
    if (s == NULL) {
        return 0;
    }
    rv_stream_push(s);
    return end(s, 0);
}

int rove_stream_fd(const rove_stream *s)
{
    if (rv_current_task() == NULL) {
        return -EPERM;
    }
    if (s == NULL) {
        return -EINVAL;
    }
    int fd = rv_load_relaxed(&s->fd);
    return fd < 0 ? -EBADF : fd;
}

void rove_stream_set_limit(rove_stream *s, size_t bytes)
{
    if (rv_current_task() != NULL && s != NULL && bytes > 0) {
        s->in.limit = bytes;
    }
}
