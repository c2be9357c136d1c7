// SPDX-License-Identifier: MIT
/*
 * Purpose: one request to a ring with many results: all that a listener accepts, all that a socket
 * receives.
 *
 * Idea: the kernel posts a completion for each result and keeps the request, until it says that
 * there will be no more: an error, the end, nowhere to put a result, or that somebody asked for it.
 *
 *     IDLE --start--> ARMED --last result--> IDLE        is_armed
 *                     ARMED --end--> .. answered, and the last result is in --> IDLE     is_asking
 *
 * It lives in a stream or a server instead of a task's frame, and outlives the calls that look at
 * its results. A call that is cancelled leaves it alone: no result is ever in between.
 *
 * Owner: whoever embeds it; the memory must stay until it is idle. While armed it counts as an
 * operation in flight of its descriptor (io/fdtab.h), so rove_close ends it like any other.
 * Threads: one task at a time starts it; `take` runs where the ring is reaped, which may be a
 * rescuer; the lock guards what is listed below it, and what the embedder adds.
 */
#ifndef RV_IO_MULTI_H
#define RV_IO_MULTI_H

#include "core/lock.h"
#include "io/op.h"

#include <stdbool.h>
#include <stdint.h>

struct rv_task;
struct rv_uring;
struct rv_fd_slot;

enum rv_multi_kind {
    RV_MULTI_ACCEPT, /* results: descriptors */
    RV_MULTI_RECV    /* results: bytes in a buffer of the ring (io/buffers.h) */
};

struct rv_multi {
    /* constant after init */
    enum rv_multi_kind kind;
    int fd;
    struct rv_fd_slot *slot;
    /* Lock held. buffer: RV_BUFFER_NONE, or what the bytes are in. True: enough, no more. */
    bool (*take)(struct rv_multi *m, int result, uint32_t buffer);

    struct rv_lock lock;     /* guards what follows */
    struct rv_uring *uring;  /* whose ring it was started on last */
    bool is_armed;           /* more results will come */
    bool is_asking;          /* its end has been asked for, and there is no answer yet */
    struct rv_task *waiter;  /* woken by each result, and when it is idle; NULL: nobody */
    struct rv_task *ender;   /* woken when it is idle; NULL: nobody */
    struct rv_ring_request request;
};

static inline bool rv_multi_is_idle(const struct rv_multi *m) /* lock held */
{
    return !m->is_armed && !m->is_asking;
}

/* True: the calling task's back-end knows such requests. */
bool rv_multi_is_known(const struct rv_task *self);

/* A task, idle: queues it on the ring of this worker. False: it cannot be, or not now. */
bool rv_multi_start(struct rv_multi *m);
/* A task: asks for the last result. */
void rv_multi_end(struct rv_multi *m);
/* A task: asks for the last result, if need be, and waits for it. Who starts it all the same, later
 * than this looks, finds its descriptor being closed. Suspends, whatever is cancelled. */
void rv_multi_wait_idle(struct rv_multi *m, struct rv_task *self);

struct io_uring_cqe;

/* Who reaps u, about a completion of this request: true: it was the last result. */
bool rv_multi_reap(struct rv_uring *u, struct rv_multi *m, const struct io_uring_cqe *cqe);
/* The same, about the answer to the request to end it. */
void rv_multi_answer(struct rv_uring *u, struct rv_multi *m, int result);
/* u's owner, at its end: streams that were never closed may have left some behind. */
void rv_multi_end_all(struct rv_uring *u);

#endif
