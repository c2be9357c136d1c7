// SPDX-License-Identifier: MIT
/*
 * Purpose: requests with many results, io/multi.h.
 *
 * Idea: the request to end one is an entry of the same ring, so the owner has to queue it: by the
 * task itself where it runs on that worker, else by the inbox. It may miss: the kernel does not
 * find a request that it is just about to try again. Then it is asked again, while it is armed.
 */
#include "io/multi.h"

#include "core/check.h"
#include "io/uring.h"
#include "sched/current.h"
#include "sched/suspend.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

bool rv_multi_is_known(const struct rv_task *self)
{
    return rv_reactor_of(self->runtime) == &rv_uring_reactor;
}

static uint64_t name_of(const struct rv_multi *m)
{
    return (uint64_t)(uintptr_t)m | RV_URING_DATA_MULTI;
}

static void fill(struct io_uring_sqe *sqe, const struct rv_multi *m)
{
    sqe->fd = m->fd;
    sqe->user_data = name_of(m);
    switch (m->kind) {
    case RV_MULTI_ACCEPT:
        sqe->opcode = IORING_OP_ACCEPT;
        sqe->ioprio = IORING_ACCEPT_MULTISHOT;
        sqe->accept_flags = SOCK_CLOEXEC;
        break;
    case RV_MULTI_RECV:
        sqe->opcode = IORING_OP_RECV;
        sqe->ioprio = IORING_RECV_MULTISHOT;
        sqe->flags = IOSQE_BUFFER_SELECT;
        sqe->buf_group = 0;
        break;
    }
}

bool rv_multi_start(struct rv_multi *m)
{
    struct rv_uring *u = rv_uring_of(rv_current_worker());
    struct io_uring_sqe *sqe = rv_uring_take_sqe(u);
    if (sqe == NULL || rv_fd_enter(m->slot) < 0) {
        return false;
    }
    rv_lock_acquire(&m->lock);
    RV_CHECK(rv_multi_is_idle(m), "a request starts when nothing of its last life is left");
    m->uring = u;
    m->is_armed = true;
    rv_lock_release(&m->lock);
    /* order: release O4. The request as its task described it; pairs with meet. */
    rv_fetch_add_release(&u->multis, 1);
    fill(sqe, m);
    rv_ring_push(&u->ring);
    rv_count(&u->worker->count.ops_submitted, 1);
    return true;
}

/* The owner. False: the queue is full. */
static bool queue_end(struct rv_uring *u, const struct rv_multi *m)
{
    struct io_uring_sqe *sqe = rv_uring_take_sqe(u);
    if (sqe == NULL) {
        return false;
    }
    io_uring_prep_cancel64(sqe, name_of(m), 0);
    sqe->user_data = name_of(m) | RV_URING_DATA_CANCEL;
    rv_ring_push(&u->ring);
    return true;
}

static void handle_end(struct rv_uring *u, struct rv_ring_request *request)
{
    struct rv_multi *m = rv_container_of(request, struct rv_multi, request);
    if (!queue_end(u, m)) {
        rv_inbox_push(&u->requests, &request->node); /* again at the next poll */
    }
}

static void post_end(struct rv_multi *m)
{
    m->request.handle = handle_end;
    rv_uring_post_request(m->uring, &m->request);
}

/* Lock held. True: the caller asks, when it has given the lock back. */
static bool must_ask(struct rv_multi *m)
{
    bool must = m->is_armed && !m->is_asking;
    m->is_asking |= must;
    return must;
}

static void ask(struct rv_multi *m)
{
    if (m->uring->worker != rv_current_worker() || !queue_end(m->uring, m)) {
        post_end(m);
    }
}

void rv_multi_end(struct rv_multi *m)
{
    rv_lock_acquire(&m->lock);
    bool must = must_ask(m);
    rv_lock_release(&m->lock);
    if (must) {
        ask(m);
    }
}

void rv_multi_wait_idle(struct rv_multi *m, struct rv_task *self)
{
    bool was_cancelled = false;
    for (;;) {
        rv_lock_acquire(&m->lock);
        bool is_idle = rv_multi_is_idle(m);
        bool must = must_ask(m); /* somebody who had begun to before has just started it */
        m->ender = is_idle ? NULL : self;
        rv_lock_release(&m->lock);
        if (is_idle) {
            break;
        }
        if (must) {
            ask(m);
        }
        rv_park(self, RV_WAIT_IO, m);
        was_cancelled |= rv_take_cancel(self);
    }
    if (was_cancelled) {
        rv_put_back_cancel(self);
    }
}

/* Lock held. Tasks are never unmapped: one that has gone on meanwhile is woken for nothing. */
static void tell(struct rv_multi *m)
{
    if (m->waiter != NULL) {
        rv_wake(m->waiter);
    }
    if (m->ender != NULL && rv_multi_is_idle(m)) {
        rv_wake(m->ender);
    }
}

/* No memory is asked for under the lock: what a new descriptor needs is made before. */
static bool has_slot(struct rv_uring *u, int fd)
{
    int error;
    return rv_fdtab_get(&rv_uring_io_of(u->worker->runtime)->io.fds, fd, &error) != NULL;
}

/* Before the first touch: a guard that reaps for this ring's owner has no other edge to what its
 * tasks made than through the kernel. */
static void meet(struct rv_uring *u)
{
    /* order: acquire O4. Every request that was ever started on u; pairs with rv_multi_start. */
    (void)rv_load_acquire(&u->multis);
}

bool rv_multi_reap(struct rv_uring *u, struct rv_multi *m, const struct io_uring_cqe *cqe)
{
    meet(u);
    bool has_buffer = (cqe->flags & IORING_CQE_F_BUFFER) != 0;
    bool is_last = (cqe->flags & IORING_CQE_F_MORE) == 0;
    uint32_t buffer = RV_BUFFER_NONE;
    if (has_buffer) {
        buffer = cqe->flags >> IORING_CQE_BUFFER_SHIFT;
        rv_buffers_take(&u->buffers, buffer, cqe->res > 0 ? (uint32_t)cqe->res : 0);
    }
    if (is_last) {
        rv_fetch_sub_relaxed(&u->multis, 1);
    }
    int result = cqe->res;
    if (m->kind == RV_MULTI_ACCEPT && result >= 0 && !has_slot(u, result)) {
        close(result);
        result = -ENOMEM;
    }
    rv_lock_acquire(&m->lock);
    RV_CHECK(m->is_armed && m->uring == u, "results come while the request is armed");
    bool is_enough = m->take(m, result, buffer);
    if (is_last) {
        m->is_armed = false;
        rv_fd_leave(m->slot); /* before the embedder may know: it closes the descriptor then */
    } else if (is_enough && !m->is_asking) {
        m->is_asking = true;
        post_end(m);
    }
    tell(m);
    rv_lock_release(&m->lock);
    return is_last;
}

void rv_multi_answer(struct rv_uring *u, struct rv_multi *m, int result)
{
    meet(u);
    rv_lock_acquire(&m->lock);
    RV_CHECK(m->is_asking && m->uring == u, "what was asked for is answered once");
    if (m->is_armed && result < 0) {
        post_end(m);
    } else {
        m->is_asking = false;
        tell(m);
    }
    rv_lock_release(&m->lock);
}

void rv_multi_end_all(struct rv_uring *u)
{
    while (rv_load_relaxed(&u->multis) != 0) {
        struct io_uring_sqe *sqe = rv_uring_take_sqe(u);
        if (sqe != NULL) {
            io_uring_prep_cancel64(sqe, 0, IORING_ASYNC_CANCEL_ANY);
            sqe->user_data = RV_URING_DATA_IGNORE;
            rv_ring_push(&u->ring);
        }
        (void)rv_ring_enter_wait(&u->ring, 1000000000);
        (void)rv_uring_reap(u);
        (void)rv_uring_drain_requests(u);
    }
}
