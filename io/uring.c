// SPDX-License-Identifier: MIT
/*
 * Purpose: the reactor on io_uring: a ring for each worker.
 *
 * Idea: the worker that runs a task queues its operation on its own ring, without lock or system
 * call; poll and sleep hand over all of them at once. Nothing ties a descriptor or a task to a
 * ring between operations, so a stolen task goes on where the thief is.
 *
 *     task: rv_ring_next, fill, push, park       owner: enter -> completions -> wake the tasks
 *     a send with nobody to share the enter with: send(2), direct.c
 *     a file at the descriptor's own position, a terminal: read(2), write(2), cursor.c
 *     another worker wants something of this ring (an operation ended): inbox + wake
 *
 * Cancellation keeps the order of the queue: the request to end an operation is queued on the same
 * ring after the operation itself, and the task stays until it has been answered, so it can never
 * meet a later one at the same address.
 *
 * Sleep: uring_sleep.c. The end of all waits on a descriptor: uring_close.c.
 *
 * Threads: a ring is its worker's; completions under cq_lock, so that a rescuer may take them.
 * Rejected: completions handled by the kernel in any thread (no DEFER_TASKRUN): 5-9 % slower.
 */
#include "io/uring.h"

#include "core/check.h"
#include "core/clock.h"
#include "io/fifo.h"
#include "io/multi.h"
#include "io/plain.h"
#include "io/reactor.h"
#include "sched/current.h"
#include "sched/ready.h"
#include "sched/suspend.h"
#include "sched/watch.h"

#include <errno.h>
#include <unistd.h>

void rv_uring_post_request(struct rv_uring *u, struct rv_ring_request *request)
{
    rv_inbox_push(&u->requests, &request->node);
    rv_idle_notify_worker(u->worker);
}

/*
 * The kernel has answered the request to end an operation. It finds none that is between two of its
 * queues, about to be tried again; that one would then wait for ever: ask again.
 */
static void take_answer(struct rv_uring *u, struct rv_op *op, int result)
{
    if (result == -ENOENT && !rv_op_is_done(op)) {
        rv_uring_post_request(u, &op->request);
    } else {
        rv_uring_finish_request(&op->request, op->task);
    }
}

/*
 * A completion for a task, of a request with many results, or of the request to end an operation or
 * one of those. True: something that was submitted has ended.
 */
static RV_NOINLINE bool take_other(struct rv_uring *u, struct io_uring_cqe *cqe)
{
    uint64_t tags = cqe->user_data & RV_URING_DATA_TAGS;
    void *of = (void *)(uintptr_t)(cqe->user_data & ~RV_URING_DATA_TAGS);
    cqe->user_data = RV_URING_DATA_IGNORE;
    if (tags == RV_URING_DATA_MULTI) {
        return rv_multi_reap(u, of, cqe);
    }
    if (tags == RV_URING_DATA_CANCEL) {
        take_answer(u, of, cqe->res);
    } else {
        rv_multi_answer(u, of, cqe->res);
    }
    return false;
}

/* The owner's own completion: what it slept for. */
static void note_own(struct rv_uring *u, const struct io_uring_cqe *cqe)
{
    if (cqe->user_data == RV_URING_DATA_WAKE) {
        rv_store_relaxed(&u->is_armed, (cqe->flags & IORING_CQE_F_MORE) != 0 ? 1u : 0u);
        rv_store_relaxed(&u->is_woken, 1u);
    } else if (cqe->user_data == RV_URING_DATA_ALARM) {
        rv_store_relaxed(&u->is_guard, 0u);
        rv_store_relaxed(&u->is_alarmed, 1u);
    } else if (cqe->user_data == RV_URING_DATA_TIMER) {
        rv_store_relaxed(&u->timer_ns, cqe->res == -ETIME ? 0 : RV_URING_NO_TIMERS);
    }
}

/*
 * A rescuer leaves the owner's own completions where they are: the owner may be about to wait for
 * just this one. It takes what stands behind them all the same, and marks it as taken.
 */
RV_HOT unsigned rv_uring_reap_locked(struct rv_uring *u, struct rv_worker *reaper)
{
    uint32_t head = rv_ring_cq_head(&u->ring);
    uint32_t tail = rv_ring_cq_tail(&u->ring);
    /* order: acquire K1. What the owner wrote before it pushed what has been completed, so after
     * the look at that; pairs with rv_ring_push_at. */
    (void)rv_load_acquire(u->ring.sq_tail);
    uint32_t kept = tail;
    unsigned ended = 0;
    unsigned more = 0; /* tasks woken for what has not ended */
    for (; head != tail; head++) {
        struct io_uring_cqe *cqe = rv_ring_cqe(&u->ring, head);
        uint64_t data = cqe->user_data;
        if (RV_LIKELY((data & RV_URING_DATA_TAGS) == 0)) {
            RV_ASSERT(data != 0, "every entry says what its completion is for");
            cqe->user_data = RV_URING_DATA_IGNORE;
            rv_op_complete_here(reaper, (struct rv_op *)(uintptr_t)data, cqe->res);
            ended++;
        } else if (data > RV_URING_DATA_TIMER) {
            *(take_other(u, cqe) ? &ended : &more) += 1;
        } else if (reaper == u->worker) {
            note_own(u, cqe);
        } else if (cqe->user_data != RV_URING_DATA_IGNORE && kept == tail) {
            kept = head;
        }
    }
    rv_ring_cq_advance(&u->ring, kept);
    rv_count(&reaper->count.ops_completed, ended);
    return ended + more;
}

RV_HOT unsigned rv_uring_reap(struct rv_uring *u)
{
    if (!rv_lock_try(&u->cq_lock)) {
        /* order: release V3. The completions before the note; pairs with rv_guard_reap. */
        rv_store_release(&u->is_missed, 1u);
        /* order: full V3. The note before the second try; pairs with release in guard.c. */
        rv_fence_full();
        if (!rv_lock_try(&u->cq_lock)) {
            return 0; /* whoever holds it looks again for us */
        }
    }
    rv_store_relaxed(&u->is_missed, 0u);
    unsigned woken = rv_uring_reap_locked(u, u->worker);
    rv_lock_release(&u->cq_lock);
    return woken;
}

struct io_uring_sqe *rv_uring_take_sqe(struct rv_uring *u)
{
    struct io_uring_sqe *sqe = rv_ring_next(&u->ring);
    if (RV_UNLIKELY(sqe == NULL)) {
        (void)rv_ring_enter(&u->ring);
        sqe = rv_ring_next(&u->ring);
    }
    return sqe;
}

bool rv_uring_queue_cancel(struct rv_uring *u, const struct rv_op *target, int fd)
{
    struct io_uring_sqe *sqe = rv_uring_take_sqe(u);
    if (sqe == NULL) {
        return false;
    }
    if (target != NULL) {
        io_uring_prep_cancel64(sqe, (uint64_t)(uintptr_t)target, 0);
        sqe->user_data = (uint64_t)(uintptr_t)target | RV_URING_DATA_CANCEL;
    } else {
        io_uring_prep_cancel_fd(sqe, fd, IORING_ASYNC_CANCEL_ALL);
        sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
        sqe->user_data = RV_URING_DATA_IGNORE;
    }
    rv_ring_push(&u->ring);
    return true;
}

RV_HOT bool rv_uring_drain_requests(struct rv_uring *u)
{
    if (RV_LIKELY(rv_inbox_is_empty(&u->requests))) {
        return false;
    }
    struct rv_inbox_node *node = rv_inbox_take_all(&u->requests);
    while (node != NULL) {
        struct rv_inbox_node *next = node->next;
        struct rv_ring_request *request = rv_container_of(node, struct rv_ring_request, node);
        request->handle(u, request);
        node = next;
    }
    return true;
}

/* The ring that holds it, or, while it is posted, the one that it was posted to. */
static struct rv_uring *find_ring(struct rv_op *op)
{
    /* order: acquire U2. Pairs with rv_uring_push. */
    struct rv_uring *u = rv_load_acquire(&op->uring);
    return u != NULL ? u : op->post.to;
}

static void handle_end_op(struct rv_uring *u, struct rv_ring_request *request)
{
    struct rv_op *op = rv_container_of(request, struct rv_op, request);
    struct rv_uring *at = find_ring(op);
    if (RV_UNLIKELY(at != u)) { /* somebody else took the post */
        rv_uring_post_request(at, request);
        return;
    }
    /* order: acquire U2. NULL: whoever took the post has not queued it yet. */
    if (rv_load_acquire(&op->uring) == NULL || !rv_uring_queue_cancel(u, op, -1)) {
        rv_inbox_push(&u->requests, &request->node); /* again at the next poll */
    }
}

static void ask_end(struct rv_op *op)
{
    struct rv_worker *w = rv_current_worker();
    op->request.handle = handle_end_op;
    rv_store_relaxed(&op->request.is_handled, 0u);
    struct rv_uring *u = find_ring(op);
    bool is_mine = u->worker == w && rv_load_relaxed(&op->uring) == u;
    if (!is_mine || !rv_uring_queue_cancel(u, op, -1)) {
        rv_uring_post_request(u, &op->request);
    }
}

/*
 * Switches: the queue is full and the kernel short of memory. NULL: the descriptor is being closed
 * by somebody whose request may have passed this ring meanwhile.
 */
static RV_NOINLINE struct io_uring_sqe *wait_for_sqe(const struct rv_op *op, struct rv_task *self)
{
    struct io_uring_sqe *sqe;
    while ((sqe = rv_uring_take_sqe(rv_uring_mine(rv_current_worker()))) == NULL) {
        rv_uring_reap(rv_uring_mine(rv_current_worker()));
        rv_yield(self);
        if (op->slot != NULL && rv_fd_is_closing(op->slot)) {
            return NULL;
        }
    }
    return sqe;
}

/* False: nothing was queued, as wait_for_sqe says. */
static RV_ALWAYS_INLINE bool submit(struct rv_worker *w, struct rv_op *op, struct rv_task *self)
{
    struct io_uring_sqe *sqe = rv_ring_next(&rv_uring_mine(w)->ring);
    if (RV_UNLIKELY(sqe == NULL)) {
        sqe = wait_for_sqe(op, self);
        if (sqe == NULL) {
            return false;
        }
        w = rv_current_worker();
    }
    rv_uring_queue(rv_uring_mine(w), sqe, op);
    if (!w->is_alone) {
        rv_watch_left_behind(w);
    }
    return true;
}

/* Something else than the result has woken the task: often a request to end the operation. */
static RV_NOINLINE ssize_t wait_on(struct rv_op *op, struct rv_task *self)
{
    bool has_asked = false;
    while (!rv_op_is_done(op)) {
        if (rv_op_wants_end(op)) {
            ask_end(op);
            has_asked = true;
        }
        if (!rv_op_is_done(op)) {
            rv_park(self, RV_WAIT_IO, op);
        }
    }
    while (has_asked && !rv_uring_request_is_handled(&op->request)) {
        rv_park(self, RV_WAIT_IO, op);
        (void)rv_op_wants_end(op); /* a pending cancellation would keep the park from parking */
    }
    return op->result;
}

/* In a ring, here or elsewhere. */
static RV_HOT ssize_t run_queued(struct rv_op *op, struct rv_task *self)
{
    if (!(rv_post_has_home(op) && rv_post_at_home(op)) &&
        !submit(rv_current_worker(), op, self)) {
        return -ECANCELED;
    }
    rv_park_inline(self, RV_WAIT_IO, op);
    return RV_LIKELY(rv_op_is_done(op)) ? op->result : wait_on(op, self);
}

static ssize_t uring_run(struct rv_op *op, struct rv_task *self)
{
    if (rv_direct_may_send(rv_uring_mine(rv_current_worker()), op)) {
        if (rv_direct_send(op, self)) {
            return op->result;
        }
    } else if (RV_UNLIKELY(rv_cursor_has(op)) && rv_cursor_run(op, self)) {
        return op->result;
    }
    if (rv_fifo_may_read(op) && rv_fifo_read(op, self)) {
        return op->result;
    }
    return run_queued(op, self);
}

/* A plain receive or send that may go another way than through this ring, or has to wait for it. */
static RV_HOT RV_NOINLINE ssize_t run_any(struct rv_op *op, struct rv_task *self)
{
    rv_plain_detour(op);
    bool is_sent = op->kind == RV_OP_SEND && rv_direct_send(op, self);
    return rv_plain_finish(op, self, is_sent ? op->result : run_queued(op, self));
}

/* One that was woken by something else than its result, or has an error for one. */
static RV_NOINLINE ssize_t run_on(struct rv_op *op, struct rv_task *self)
{
    rv_plain_detour(op);
    return rv_plain_finish(op, self, rv_op_is_done(op) ? op->result : wait_on(op, self));
}

static RV_ALWAYS_INLINE ssize_t submit_plain(struct rv_op *op, struct rv_task *self,
                                             enum rv_op_kind kind, struct rv_plain ask,
                                             bool is_alone)
{
    struct rv_worker *w = self->worker;
    struct rv_uring *u = rv_uring_mine(w);
    uint32_t tail = rv_ring_tail(&u->ring);
    uint32_t unsent = rv_ring_unsent_at(&u->ring, tail);
    /* Full; or a send that would be alone, and may do without the ring: direct.c. */
    bool may_differ = kind == RV_OP_SEND ? unsent - 1 >= u->ring.sq_mask
                                         : unsent >= u->ring.sq_entries;
    if (RV_UNLIKELY(may_differ)) {
        return run_any(op, self);
    }
    struct io_uring_sqe *sqe = rv_ring_entry(&u->ring, tail);
    ask.flags |= kind == RV_OP_SEND ? rv_sqe_send_flags(op->slot) : 0;
    rv_sqe_fill_plain(sqe, kind, ask);
    rv_uring_push(u, w, tail, sqe, op);
    if (!is_alone) {
        rv_watch_left_behind(w);
    }
    rv_park_here(w, self, RV_WAIT_IO, op);
    return RV_LIKELY(rv_op_is_done(op)) && RV_LIKELY(op->result >= 0) ? op->result
                                                                      : run_on(op, self);
}

static RV_ALWAYS_INLINE ssize_t run_alone(struct rv_op *op, struct rv_task *self,
                                          enum rv_op_kind kind, struct rv_plain ask)
{
    return submit_plain(op, self, kind, ask, true);
}

static RV_ALWAYS_INLINE ssize_t run_plain(struct rv_op *op, struct rv_task *self,
                                          enum rv_op_kind kind, struct rv_plain ask)
{
    if (kind == RV_OP_RECV) {
        rv_plain_steer(op, self);
        if (RV_UNLIKELY(rv_load_relaxed(&op->slot->home) != 0)) {
            return run_any(op, self);
        }
    }
    return submit_plain(op, self, kind, ask, false);
}

static RV_HOT RV_NO_STACK_PROTECTOR ssize_t uring_recv(int fd, void *addr, size_t len,
                                                       unsigned flags, struct rv_task *self)
{
    struct rv_plain ask = {.fd = fd, .flags = flags, .addr = addr, .len = len};
    struct rv_op op;
    return rv_plain_call(&op, self, RV_OP_RECV, ask, run_plain);
}

static RV_HOT RV_NO_STACK_PROTECTOR ssize_t uring_send(int fd, void *addr, size_t len,
                                                       unsigned flags, struct rv_task *self)
{
    struct rv_plain ask = {.fd = fd, .flags = flags, .addr = addr, .len = len};
    struct rv_op op;
    return rv_plain_call(&op, self, RV_OP_SEND, ask, run_plain);
}

/* The same on a runtime of one worker. */
static RV_HOT RV_NO_STACK_PROTECTOR ssize_t recv_alone(int fd, void *addr, size_t len,
                                                       unsigned flags, struct rv_task *self)
{
    struct rv_plain ask = {.fd = fd, .flags = flags, .addr = addr, .len = len};
    struct rv_op op;
    return rv_plain_call(&op, self, RV_OP_RECV, ask, run_alone);
}

static RV_HOT RV_NO_STACK_PROTECTOR ssize_t send_alone(int fd, void *addr, size_t len,
                                                       unsigned flags, struct rv_task *self)
{
    struct rv_plain ask = {.fd = fd, .flags = flags, .addr = addr, .len = len};
    struct rv_op op;
    return rv_plain_call(&op, self, RV_OP_SEND, ask, run_alone);
}

RV_HOT unsigned rv_uring_resume(struct rv_uring *u)
{
    if (RV_LIKELY(!rv_guard_resume(u))) {
        return 0;
    }
    (void)rv_ring_enter(&u->ring);
    return rv_uring_reap(u);
}

static RV_HOT unsigned uring_poll(struct rv_worker *w)
{
    struct rv_uring *u = rv_uring_of(w);
    rv_guard_pause(u);
    unsigned woken = rv_post_take(u, u);
    rv_uring_drain_requests(u);
    if (rv_ring_unsent(&u->ring) != 0 || rv_ring_must_enter(&u->ring)) {
        /* -EINTR, -EAGAIN, -EBUSY: what is left is seen by needs_poll. */
        (void)rv_ring_enter(&u->ring);
    }
    woken += rv_uring_reap(u);
    rv_steer_note(&rv_io_of(w->runtime)->steer, w);
    return woken + rv_uring_resume(u);
}

/* With nothing to run the worker sleeps next: the sleep hands over, in the same system call. */
static RV_HOT bool uring_needs_poll(const struct rv_worker *w)
{
    struct rv_uring *u = rv_uring_of(w);
    return rv_ring_must_enter(&u->ring) || rv_ring_has_completions(&u->ring) ||
           !rv_inbox_is_empty(&u->requests) || !rv_inbox_is_empty(&u->posts) ||
           (rv_ring_unsent(&u->ring) != 0 && !rv_ready_is_empty(w));
}

static RV_HOT void uring_flush(struct rv_worker *w)
{
    struct rv_uring *u = rv_uring_of(w);
    if (rv_ring_unsent(&u->ring) != 0) {
        (void)rv_ring_enter(&u->ring);
    }
}

static unsigned uring_rescue(struct rv_worker *self, struct rv_worker *victim)
{
    return rv_guard_reap(self, rv_uring_of(victim));
}

/* In a signal handler, anywhere on the owner's thread: completions come out, entries go in. */
static void uring_kicked(struct rv_worker *w)
{
    struct rv_uring *u = rv_uring_of(w);
    bool had_alarm = rv_ring_has_alarm(&u->ring);
    rv_ring_set_alarm(&u->ring, false);
    (void)rv_ring_enter(&u->ring);
    rv_ring_set_alarm(&u->ring, had_alarm);
    /* order: full V2. As in rv_guard_resume. */
    rv_fence_full();
    if (rv_ring_must_enter(&u->ring)) {
        (void)rv_ring_enter(&u->ring);
    }
    /* order: release V4. The completions before the end of the kick; pairs with is_under_way. */
    rv_store_release(&u->is_kicked, 0u);
}

static int uring_runtime_start(struct rove_runtime *runtime)
{
    struct rv_uring_io *all = NULL;
    int rc = rv_uring_probe();
    if (rc == 0) {
        rc = rv_uring_create(runtime, &all);
    }
    if (rc < 0) {
        return rc;
    }
    bool is_alone = runtime->worker_count == 1;
    all->io.recv = is_alone ? recv_alone : uring_recv;
    all->io.send = is_alone ? send_alone : uring_send;
    runtime->poll_data = all;
    return 0;
}

static void uring_runtime_stop(struct rove_runtime *runtime)
{
    rv_uring_destroy(runtime->poll_data);
    runtime->poll_data = NULL;
}

const struct rv_reactor rv_uring_reactor = {
    .poller = {
        .name = "io_uring",
        .runtime_start = uring_runtime_start,
        .runtime_stop = uring_runtime_stop,
        .worker_start = rv_uring_worker_start,
        .worker_stop = rv_uring_worker_stop,
        .poll = uring_poll,
        .sleep = rv_uring_sleep,
        .wake = rv_uring_wake,
        .needs_poll = uring_needs_poll,
        .flush = uring_flush,
        .rescue = uring_rescue,
    },
    .kicked = uring_kicked,
    .run = uring_run,
    .end_waits = rv_uring_end_waits,
    .opens_nonblocking = true,
};
