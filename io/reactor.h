// SPDX-License-Identifier: MIT
/*
 * Purpose: what io/ asks of a back-end, on top of what the scheduler does (sched/poller.h).
 *
 * Idea: the scheduler's table is the first member, so runtime->poller leads here.
 */
#ifndef RV_IO_REACTOR_H
#define RV_IO_REACTOR_H

#include "io/fdtab.h"
#include "io/op.h"
#include "io/steer.h"
#include "sched/poller.h"
#include "sched/runtime.h"

/* What both back-ends keep for a runtime: the first member of what runtime->poll_data points at. */
#define RV_IO_PIPES 8 /* arbitrary */

/* The whole of a plain receive or send of the calling task (io/plain.h): as the system call. */
typedef ssize_t rv_reactor_plain(int fd, void *addr, size_t len, unsigned flags,
                                 struct rv_task *self);

struct rv_io {
    rv_reactor_plain *recv, *send; /* constant */
    struct rv_fdtab fds;
    struct rv_steer steer;
    RV_ATOMIC(uint32_t) had_epipe; /* a SIGPIPE may be pending on some worker's thread */
    struct rv_lock pipe_lock;      /* guards what follows */
    uint32_t pipe_count;
    int pipes[RV_IO_PIPES][2];     /* empty ones, for rove_sendfile */
    uint64_t signals;              /* that tasks have waited for; under the lock of io/signal.c */
};

int rv_io_init(struct rv_io *io, unsigned workers);
void rv_io_fini(struct rv_io *io);

struct rv_reactor {
    struct rv_poller_ops poller;
    /* Runs the operation for `self`, suspending it: result as the kernel gives it. An end asked
     * for with rv_op_wants_end gives -ECANCELED, unless a result came first. */
    ssize_t (*run)(struct rv_op *op, struct rv_task *self);
    /* Ends whatever waits on a descriptor that is being closed; may suspend; each gets -ECANCELED
     * or -EBADF. Operations still in flight are then on their way out. */
    void (*end_waits)(struct rove_runtime *runtime, struct rv_fd_slot *slot, int fd,
                      struct rv_task *self);
    /* A kick on w's own thread (io/kick.h), in a signal handler: async-signal-safe calls only. */
    void (*kicked)(struct rv_worker *w);
    bool opens_nonblocking; /* files, at first, so that rv_fifo_settle has to look */
    bool wants_nonblocking; /* of listening sockets: saves it two system calls per connection */
};

extern const struct rv_reactor rv_uring_reactor;
extern const struct rv_reactor rv_epoll_reactor;

/*
 * The end of a worker: a write to a pipe or socket that nobody reads left SIGPIPE pending on its
 * thread, which blocks it. The thread may be the user's own, who will unblock it.
 */
void rv_io_forget_sigpipe(const struct rv_io *io);

static inline const struct rv_reactor *rv_reactor_of(const struct rove_runtime *runtime)
{
    return rv_container_of(runtime->poller, struct rv_reactor, poller);
}

static inline struct rv_io *rv_io_of(const struct rove_runtime *runtime)
{
    return runtime->poll_data;
}

#endif
