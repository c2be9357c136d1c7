// SPDX-License-Identifier: MIT
/*
 * Purpose: the life of an operation, the same for both back-ends: cancellation, deadline,
 * descriptors that are being closed, descriptors that the user made non-blocking.
 */
#include "io/op.h"

#include "core/check.h"
#include "core/clock.h"
#include "io/attempt.h"
#include "io/offload.h"
#include "io/reactor.h"
#include "sched/current.h"
#include "sched/suspend.h"
#include "sched/worker.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

void rv_op_complete(struct rv_op *op, ssize_t result)
{
    rv_op_complete_on(rv_current_worker(), op, result);
}

unsigned rv_op_events_any(const struct rv_op *op)
{
    switch (op->kind) {
    case RV_OP_READ:
    case RV_OP_READV:
    case RV_OP_RECV:
    case RV_OP_RECVMSG:
    case RV_OP_ACCEPT:
        return POLLIN;
    case RV_OP_WRITE:
    case RV_OP_WRITEV:
    case RV_OP_SEND:
    case RV_OP_SENDMSG:
    case RV_OP_CONNECT:
        return POLLOUT;
    case RV_OP_POLL:
        return op->flags;
    case RV_OP_SPLICE:
    case RV_OP_FSYNC:
    case RV_OP_FDATASYNC:
    case RV_OP_OPEN:
    case RV_OP_STATX:
    case RV_OP_UNLINK:
    case RV_OP_RENAME:
    case RV_OP_MKDIR:
        return 0;
    }
    RV_UNREACHABLE();
}

bool rv_op_is_nonblocking_any(const struct rv_op *op)
{
    switch (op->kind) {
    case RV_OP_RECV:
    case RV_OP_SEND:
    case RV_OP_RECVMSG:
    case RV_OP_SENDMSG:
        return (op->flags & MSG_DONTWAIT) != 0;
    case RV_OP_READ:
    case RV_OP_WRITE:
    case RV_OP_READV:
    case RV_OP_WRITEV:
    case RV_OP_ACCEPT:
    case RV_OP_CONNECT:
    case RV_OP_POLL:
        return false;
    case RV_OP_SPLICE: /* its caller waits for readiness on both sides */
    case RV_OP_FSYNC:
    case RV_OP_FDATASYNC:
    case RV_OP_OPEN:
    case RV_OP_STATX:
    case RV_OP_UNLINK:
    case RV_OP_RENAME:
    case RV_OP_MKDIR:
        return true;
    }
    RV_UNREACHABLE();
}

static void deadline_fired(struct rv_timer *timer)
{
    struct rv_op *op = rv_container_of(timer, struct rv_op, timer);
    struct rv_task *task = op->task;
    /* order: release O2. Nothing but the flag; pairs with rv_op_wants_end, as documentation. */
    rv_store_release(&op->is_late, 1u);
    rv_wake(task);
}

bool rv_op_wants_end(struct rv_op *op)
{
    /* A second cancellation merges into the first, which has not been delivered yet. */
    bool is_cancelled = rv_take_cancel(op->task);
    if (is_cancelled) {
        bool is_first = op->end == RV_END_NONE;
        op->end = RV_END_CANCEL;
        return is_first;
    }
    /* order: acquire O2. See deadline_fired. */
    if (op->end == RV_END_NONE && RV_UNLIKELY(rv_load_acquire(&op->is_late) != 0)) {
        op->end = RV_END_TIMEOUT;
        return true;
    }
    return false;
}

struct pause {
    struct rv_timer timer;
    struct rv_task *task;
};

static void end_pause(struct rv_timer *timer)
{
    rv_wake(rv_container_of(timer, struct pause, timer)->task);
}

int rv_op_pause(struct rv_op *op, const struct rv_fd_slot *slot, int64_t *pause_ns)
{
    struct pause pause = {.task = op->task};
    int64_t end_ns = rv_clock_now() + *pause_ns;
    *pause_ns *= *pause_ns < RV_OP_PAUSE_MAX_NS ? 2 : 1;
    rv_heap_node_init(&pause.timer.node);
    int rc = rv_timer_arm(&pause.timer, end_ns, end_pause);
    if (rc < 0) {
        return rc;
    }
    while (rc == 0 && rv_clock_now() < end_ns) {
        rv_park(op->task, RV_WAIT_IO, op);
        rc = rv_op_wants_end(op) ? -ECANCELED : 0;
    }
    rv_timer_disarm(&pause.timer);
    return rc == 0 && rv_fd_is_closing(slot) ? -ECANCELED : rc;
}

/* What the kernel's last word means to the caller, seen with why an end was asked for. */
static RV_NOINLINE ssize_t settle(struct rv_op *op, ssize_t result, const struct rv_fd_slot *slot)
{
    bool has_ended = result == -ECANCELED || result == -EINTR;
    if (op->end == RV_END_CANCEL && !has_ended) {
        rv_put_back_cancel(op->task);
        return result;
    }
    if (!has_ended) {
        return result;
    }
    if (op->end == RV_END_CANCEL) {
        return -ECANCELED;
    }
    if (op->end == RV_END_TIMEOUT) {
        return -ETIMEDOUT;
    }
    return slot != NULL && rv_fd_is_closing(slot) ? -EBADF : result;
}

/*
 * A ring's poll also ends when the peer will send no more, asked for or not. That stays so, and so
 * does the ring; what was asked for is looked for now and then. Tell-tale of a rare state: somebody
 * waits for room towards a peer that has shut down its side.
 *
 * And a ring's poll of a terminal fails with -EINVAL if it is woken while the kernel still arms it:
 * looked at, and begun again after a while (-EINTR), for what can never be armed says the same.
 */
static RV_NOINLINE ssize_t wait_for_asked(struct rv_op *op, const struct rv_fd_slot *slot,
                                          ssize_t result)
{
    unsigned asked = op->flags | POLLERR | POLLHUP | POLLNVAL;
    int64_t pause_ns = RV_OP_PAUSE_MIN_NS;
    if (result == -EINVAL) {
        result = rv_attempt(op);
        int rc = result == -EAGAIN ? rv_op_pause(op, slot, &pause_ns) : 0;
        return result != -EAGAIN ? result : rc < 0 ? rc : -EINTR;
    }
    while (result > 0 && ((unsigned)result & asked) == 0) {
        result = rv_op_pause(op, slot, &pause_ns);
        if (result == 0) {
            result = rv_attempt(op);
            result = result == -EAGAIN ? POLLRDHUP : result;
        }
    }
    return result;
}

/* Inline, and what is rare out of line: each frame on the way saves and restores what it might use
 * (bench/echo/calls counts instructions). */
static RV_ALWAYS_INLINE ssize_t run_once(const struct rv_reactor *reactor, struct rv_op *op,
                                         struct rv_task *self, struct rv_fd_slot *slot)
{
    if (op->kind == RV_OP_RECV) {
        rv_steer_turn(&rv_io_of(self->runtime)->steer, slot, op->fd, self->runtime);
    }
    /* Each time anew: the closer's request has passed this worker's ring before, or comes later. */
    if (slot != NULL && rv_fd_is_closing(slot)) {
        return -EBADF;
    }
    op->task = self;
    op->slot = slot;
    op->end = RV_END_NONE;
    rv_store_relaxed(&op->is_late, 0u);
    /* order: release O3. The description before the kernel may answer: a guard that reaps for this
     * worker has no other edge to it than through the ring; pairs with rv_op_set_done. */
    rv_store_release(&op->done, 0u);
    bool has_timer = op->deadline_ns != INT64_MAX;
    if (RV_UNLIKELY(has_timer)) {
        op->timer.node.slot = RV_HEAP_NONE;
        int rc = rv_timer_arm(&op->timer, op->deadline_ns, deadline_fired);
        if (rc < 0) {
            return rc;
        }
    }
    ssize_t result = reactor->run(op, self);
    if (RV_UNLIKELY(op->kind == RV_OP_POLL)) {
        result = wait_for_asked(op, slot, result);
    }
    if (RV_UNLIKELY(has_timer)) {
        rv_timer_disarm(&op->timer);
    }
    return RV_LIKELY(result >= 0 && op->end == RV_END_NONE) ? result : settle(op, result, slot);
}

/* The user made the descriptor non-blocking, so the ring did not wait: wait for readiness. -EINTR:
 * given back, as below, and to be tried again. */
static RV_NOINLINE ssize_t wait_ready(const struct rv_reactor *reactor, struct rv_op *op,
                                      struct rv_task *self, struct rv_fd_slot *slot)
{
    struct rv_op poll = {.kind = RV_OP_POLL,
                         .fd = op->fd,
                         .flags = rv_op_events(op),
                         .deadline_ns = op->deadline_ns};
    ssize_t rc = run_once(reactor, &poll, self, slot);
    return rc == -ECANCELED && poll.end == RV_END_NONE ? -EINTR : rc;
}

/* The user's non-blocking socket, and the queue of a UNIX peer is full: the socket is as ready
 * as it will ever be, and nobody tells of room in the queue. */
static ssize_t wait_for_queue(struct rv_op *op, const struct rv_fd_slot *slot, int64_t *pause_ns)
{
    op->end = RV_END_NONE; /* a cancellation that came with the refusal is pending again */
    int rc = rv_op_pause(op, slot, pause_ns);
    return rc < 0 ? settle(op, rc, slot) : 0;
}

/*
 * The kernel has given it back, and nobody asked for that: work that may block gets a thread of the
 * ring's, and a signal that came just then, or a limit, was in the way. A thread of ours does it.
 * Or another number of the same file is being closed, which ends what waits on either in a ring:
 * what has readiness needs no thread. -EINTR, to be begun again; a read or write is tried here.
 */
static RV_NOINLINE ssize_t do_given_back(struct rv_op *op, struct rv_task *self,
                                         const struct rv_fd_slot *slot)
{
    ssize_t rc = RV_ATTEMPT_OFFLOAD;
    switch (op->kind) {
    case RV_OP_RECV:
    case RV_OP_SEND:
    case RV_OP_RECVMSG:
    case RV_OP_SENDMSG:
    case RV_OP_ACCEPT:
    case RV_OP_CONNECT:
    case RV_OP_POLL:
        return -EINTR;
    case RV_OP_READ:
    case RV_OP_WRITE:
    case RV_OP_READV:
    case RV_OP_WRITEV:
        rc = rv_attempt(op);
        break;
    default:
        break;
    }
    return rc == RV_ATTEMPT_OFFLOAD ? settle(op, rv_offload(op, self), slot) : rc;
}

bool rv_op_is_to_queue(const struct rv_op *op)
{
    const struct msghdr *m = op->kind == RV_OP_SENDMSG ? op->addr : NULL;
    return m != NULL && m->msg_name != NULL && m->msg_namelen >= sizeof(sa_family_t) &&
           ((const struct sockaddr *)m->msg_name)->sa_family == AF_UNIX;
}

/* A first send that would have had to wait: true if the kernel may, from now on (io/sqe.h). */
static bool learn_to_wait(const struct rv_op *op, struct rv_fd_slot *slot)
{
    bool is_send = op->kind == RV_OP_SEND || op->kind == RV_OP_SENDMSG;
    if (!is_send || rv_load_relaxed(&slot->send_waits) != 0) {
        return false;
    }
    int type = SOCK_DGRAM;
    socklen_t len = sizeof(type);
    (void)getsockopt(op->fd, SOL_SOCKET, SO_TYPE, &type, &len);
    bool may_wait = type == SOCK_STREAM;
    rv_store_relaxed(&slot->send_waits, may_wait ? MSG_DONTWAIT : 0);
    return may_wait;
}

/* After a first error. */
static RV_NOINLINE ssize_t run_again(struct rv_op *op, struct rv_task *self,
                                     struct rv_fd_slot *slot, ssize_t result)
{
    const struct rv_reactor *reactor = rv_reactor_of(self->runtime);
    int64_t pause_ns = RV_OP_PAUSE_MIN_NS;
    for (bool has_waited = false;;) {
        if (result == -ECANCELED && op->end == RV_END_NONE) {
            result = do_given_back(op, self, slot);
        }
        if (result >= 0) {
            return result;
        }
        if (result == -EAGAIN && !rv_op_is_nonblocking(op) && learn_to_wait(op, slot)) {
            /* again, and there */
        } else if (result == -EAGAIN && !rv_op_is_nonblocking(op)) {
            bool is_full = op->kind == RV_OP_CONNECT || (has_waited && rv_op_is_to_queue(op));
            ssize_t ready = is_full ? wait_for_queue(op, slot, &pause_ns)
                                    : wait_ready(reactor, op, self, slot);
            has_waited = true;
            if (ready < 0 && ready != -EINTR) {
                return ready;
            }
        } else if (result == -EPIPE) {
            rv_store_relaxed(&rv_io_of(self->runtime)->had_epipe, 1u);
            return result;
        } else if (result != -EINTR) {
            return result;
        }
        result = run_once(reactor, op, self, slot);
    }
}

RV_NOINLINE ssize_t rv_op_go_on(struct rv_op *op, struct rv_task *self, ssize_t result)
{
    result = settle(op, result, op->slot);
    return result >= 0 ? result : run_again(op, self, op->slot, result);
}

static RV_ALWAYS_INLINE ssize_t run_until_settled(struct rv_op *op, struct rv_task *self,
                                                  struct rv_fd_slot *slot)
{
    ssize_t result = run_once(rv_reactor_of(self->runtime), op, self, slot);
    return RV_LIKELY(result >= 0) ? result : run_again(op, self, slot, result);
}

static bool has_descriptor(const struct rv_op *op)
{
    return op->kind < RV_OP_OPEN;
}

static RV_NOINLINE ssize_t run_on_path(struct rv_op *op, struct rv_task *self)
{
    return run_until_settled(op, self, NULL);
}

static RV_NOINLINE ssize_t run_on_two(struct rv_op *op, struct rv_task *self,
                                      struct rv_fd_slot *slot)
{
    int error = 0;
    struct rv_fd_slot *other =
        rv_fdtab_get(&rv_io_of(self->runtime)->fds, op->other_fd, &error);
    if (other != NULL) {
        error = rv_fd_enter(other);
    }
    ssize_t result = error < 0 ? error : run_until_settled(op, self, slot);
    if (error == 0) {
        rv_fd_leave(other);
    }
    return result;
}

/* A number that nobody has used before: there is a place for it now, or why not. */
static RV_NOINLINE int make_slot(const struct rv_op *op, struct rv_task *self)
{
    int error = 0;
    return rv_fdtab_get(&rv_io_of(self->runtime)->fds, op->fd, &error) == NULL ? error : 0;
}

static RV_ALWAYS_INLINE ssize_t run_for(struct rv_op *op, struct rv_task *self)
{
    if (RV_UNLIKELY(!has_descriptor(op))) {
        return run_on_path(op, self);
    }
    struct rv_fd_slot *slot = rv_fdtab_find(&rv_io_of(self->runtime)->fds, op->fd);
    if (RV_UNLIKELY(slot == NULL)) {
        int error = make_slot(op, self);
        return error < 0 ? error : rv_op_run_more(op);
    }
    int error = rv_fd_enter(slot);
    if (RV_UNLIKELY(error < 0)) {
        return error;
    }
    ssize_t result = RV_LIKELY(op->kind != RV_OP_SPLICE) ? run_until_settled(op, self, slot)
                                                         : run_on_two(op, self, slot);
    rv_fd_leave(slot);
    return result;
}

RV_NOINLINE ssize_t rv_op_run_more(struct rv_op *op)
{
    return run_for(op, rv_current_task());
}

ssize_t rv_op_run(struct rv_op *op)
{
    struct rv_task *self = rv_current_task();
    if (self == NULL) {
        return -EPERM;
    }
    if (rv_take_cancel(self)) {
        return -ECANCELED;
    }
    return run_for(op, self);
}
