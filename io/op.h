// SPDX-License-Identifier: MIT
/*
 * Purpose: one operation in flight: what is asked of the kernel, who waits, what came back.
 *
 * Idea: an operation lives on the stack of the task that asks, and the task stays suspended until
 * the kernel is done with it. So are buffers, addresses and paths: nothing is ever copied.
 *
 *     SUBMITTED   the back-end and the kernel own the buffers; the task is parked
 *     ABANDONED   the same, and an end has been asked for (cancelled, timed out)
 *     DONE        everything is the task's again; `result` is constant
 *
 * An end that was asked for is a request. If a result wins the race, it is delivered and the
 * cancellation stays pending: no byte and no descriptor gets lost.
 *
 * Threads: the task; the back-end where the fields say so.
 */
#ifndef RV_IO_OP_H
#define RV_IO_OP_H

#include "core/atomic.h"
#include "core/inbox.h"
#include "sched/suspend.h"
#include "sched/timer.h"

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

struct rv_task;
struct rv_uring;
struct rv_fd_slot;

enum rv_op_kind { /* the fields each one uses, after fd */
    RV_OP_READ,      /* addr, len, offset (-1: the descriptor's own position) */
    RV_OP_WRITE,     /* addr, len, offset */
    RV_OP_READV,     /* addr: struct iovec[len], offset */
    RV_OP_WRITEV,    /* addr: struct iovec[len], offset */
    RV_OP_RECV,      /* addr, len, flags: MSG_ */
    RV_OP_SEND,      /* addr, len, flags */
    RV_OP_RECVMSG,   /* addr: struct msghdr, flags */
    RV_OP_SENDMSG,   /* addr: struct msghdr, flags */
    RV_OP_ACCEPT,    /* addr: struct sockaddr or NULL, extra: socklen_t or NULL, flags: SOCK_ */
    RV_OP_CONNECT,   /* addr: struct sockaddr, len */
    RV_OP_POLL,      /* flags: events wanted */
    RV_OP_SPLICE,    /* offset, other_fd: to, other_offset, len */
    RV_OP_FSYNC,
    RV_OP_FDATASYNC,
    RV_OP_OPEN,      /* fd: directory, addr: path, flags: O_, mode */
    RV_OP_STATX,     /* fd: directory, addr: path, flags: AT_, mode: mask, extra: struct statx */
    RV_OP_UNLINK,    /* fd: directory, addr: path, flags: AT_ */
    RV_OP_RENAME,    /* fd: both directories, addr: from, extra: to */
    RV_OP_MKDIR      /* fd: directory, addr: path, mode */
};

/* What a plain receive or send asks for. */
struct rv_plain {
    int fd;
    unsigned flags; /* MSG_ */
    void *addr;
    size_t len;
};

enum rv_op_end { RV_END_NONE, RV_END_CANCEL, RV_END_TIMEOUT };

/* Asked of a ring's owner by somebody on another worker; lives where the asker waits. */
struct rv_ring_request {
    struct rv_inbox_node node;
    void (*handle)(struct rv_uring *u, struct rv_ring_request *request); /* on the owner's thread */
    RV_ATOMIC(uint32_t) is_handled; /* the asker may not return before */
};

/* An operation that another worker's ring is to hold (io/post.c). */
struct rv_post {
    struct rv_inbox_node node;
    struct rv_uring *to; /* constant once posted */
};

struct rv_op {
    /* the task's; constant until the operation is done */
    enum rv_op_kind kind;
    int fd, other_fd;
    unsigned flags, mode;
    void *addr, *extra;
    size_t len;
    int64_t offset, other_offset;
    struct rv_task *task;
    struct rv_fd_slot *slot;     /* of fd; NULL for paths */
    int64_t deadline_ns;         /* INT64_MAX: none */

    /* written once by who completes it, before `done` */
    ssize_t result;
    RV_ATOMIC(uint32_t) done;

    /* the task's while it waits */
    enum rv_op_end end;          /* why it asked for an end */
    RV_ATOMIC(uint32_t) is_late; /* the timer fired; any worker */
    struct rv_timer timer;

    /* io_uring */
    RV_ATOMIC(struct rv_uring *) uring; /* whose ring holds it; NULL while it is posted */
    struct rv_post post;
    struct rv_ring_request request;

    /* epoll: under the slot's lock */
    struct rv_op *next, *prev;
    unsigned events;             /* what it waits for */
    bool is_queued;
};

static inline bool rv_op_is_done(const struct rv_op *op)
{
    /* order: acquire O1. The result, and the kernel's writes, before done; pairs with
     * rv_op_set_done. */
    return rv_load_acquire(&op->done) != 0;
}

static RV_ALWAYS_INLINE struct rv_task *rv_op_set_done(struct rv_op *op, ssize_t result)
{
    /* order: acquire O3. The operation as its task described it; pairs with run_once. */
    uint32_t was_done = rv_load_acquire(&op->done);
    RV_CHECK(was_done == 0, "an operation completes once");
    struct rv_task *task = op->task;
    op->result = result;
    /* order: release O1. The result before done; pairs with rv_op_is_done. */
    rv_store_release(&op->done, 1u);
    return task;
}

/* The back-end, once: afterwards the operation belongs to the task and may be gone. */
void rv_op_complete(struct rv_op *op, ssize_t result);
/* The same in the caller's code, which runs on worker `here`, or on none (NULL). */
static RV_ALWAYS_INLINE void rv_op_complete_on(struct rv_worker *here, struct rv_op *op,
                                               ssize_t result)
{
    rv_wake_from(here, rv_op_set_done(op, result));
}
/* The same in code that runs on worker `here`, of the task's runtime. */
static RV_ALWAYS_INLINE void rv_op_complete_here(struct rv_worker *here, struct rv_op *op,
                                                 ssize_t result)
{
    rv_wake_here(here, rv_op_set_done(op, result));
}

/*
 * Runs one operation for the calling task and returns its result. Suspends.
 * -EPERM: not a task · -ECANCELED: cancelled, before it began or with nothing done.
 */
ssize_t rv_op_run(struct rv_op *op);
/* The same with no look at cancellations that are pending already, for calls that go on. */
ssize_t rv_op_run_more(struct rv_op *op);

/* The rest of a plain receive or send (io/plain.h) whose first result is not the last word: an
 * error, or an end was asked for. */
ssize_t rv_op_go_on(struct rv_op *op, struct rv_task *self, ssize_t result);

/*
 * For a back-end, by the task, after each park: has an end been asked for since? Takes a pending
 * cancellation. True once: pass op->end on to whoever holds the operation.
 */
bool rv_op_wants_end(struct rv_op *op);

/* For a back-end, when it did without a park: counts as a switch, so that a task whose calls never
 * have to wait does not keep the worker from looking around. May switch. */
static inline void rv_op_pay_turn(struct rv_task *self)
{
    struct rv_worker *w = rv_current_worker();
    if (RV_LIKELY(w->tick > 1) && RV_LIKELY(rv_load_relaxed(&w->is_wanted) == 0)) {
        w->tick--;
    } else {
        rv_yield(self);
    }
}

#define RV_OP_PAUSE_MIN_NS 100000 /* arbitrary */
#define RV_OP_PAUSE_MAX_NS 20000000

/* Its task, nothing in flight and no readiness that would tell: waits *pause_ns, which doubles.
 * 0, or -ECANCELED: an end was asked for, or the descriptor is being closed. Suspends. */
int rv_op_pause(struct rv_op *op, const struct rv_fd_slot *slot, int64_t *pause_ns);

/* Which readiness lets this kind go on: POLLIN, POLLOUT, or 0 for work that only a disk delays. */
unsigned rv_op_events_any(const struct rv_op *op);
static inline unsigned rv_op_events(const struct rv_op *op)
{
    return RV_LIKELY(op->kind == RV_OP_RECV) ? POLLIN : rv_op_events_any(op);
}

/* A UNIX datagram to a named peer: whether that one's queue has room the socket does not say, which
 * is writable all the time. */
bool rv_op_is_to_queue(const struct rv_op *op);

/* May this return -EAGAIN to the caller, who asked for it? */
bool rv_op_is_nonblocking_any(const struct rv_op *op);
static inline bool rv_op_is_nonblocking(const struct rv_op *op)
{
    return RV_LIKELY(op->kind == RV_OP_RECV) ? (op->flags & MSG_DONTWAIT) != 0
                                             : rv_op_is_nonblocking_any(op);
}

#endif
