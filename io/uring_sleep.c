// SPDX-License-Identifier: MIT
/*
 * Purpose: how a worker sleeps in its ring, and how it is woken.
 *
 * Idea: one system call hands over what is queued and waits for a completion. Two are there to
 * end a sleep: a poll of the worker's eventfd, to which `wake` writes, and a timeout for the
 * deadline. Both stay in flight while the worker is awake; the timeout is renewed when it has
 * fired. The poll tells of each write and goes on, so the counter is never read: a request that
 * reads it would have to be made again for each wake, and cost the sleeper a third more.
 *
 * Deadlines that are near are given to the wait itself instead: exact, and gone with it.
 *
 * Threads: the owner; rv_uring_wake any.
 */
#include "io/uring.h"

#include "core/clock.h"
#include "sched/worker.h"

#include <poll.h>
#include <unistd.h>

#define KEEP_TIMER_NS 1000000 /* arbitrary: nearer deadlines differ from sleep to sleep */

void rv_uring_wake(struct rv_worker *w)
{
    uint64_t one = 1;
    /* It fails only when the counter is full, and then the sleeper has been woken. */
    ssize_t rc = write(rv_uring_of(w)->wake_fd, &one, sizeof(one));
    (void)rc;
}

/* Keeps the eventfd polled. If it was written to before, that tells of a wake, which does no
 * harm. False: the queue is full. */
static bool arm_wake(struct rv_uring *u)
{
    if (RV_LIKELY(rv_load_relaxed(&u->is_armed) != 0)) {
        return true;
    }
    struct io_uring_sqe *sqe = rv_uring_take_sqe(u);
    if (sqe == NULL) {
        return false;
    }
    io_uring_prep_poll_multishot(sqe, u->wake_fd, POLLIN);
    sqe->user_data = RV_URING_DATA_WAKE;
    rv_store_relaxed(&u->is_armed, 1u);
    rv_ring_push(&u->ring);
    return true;
}

/*
 * Keeps a timeout in flight that ends at this time or before: true. It stays armed while the worker
 * is awake and serves the sleeps that follow: to set up a timer of the kernel and to take it down
 * again costs as much as the rest of a short sleep.
 */
static bool keep_timer(struct rv_uring *u, int64_t until_ns)
{
    int64_t armed_ns = rv_load_relaxed(&u->timer_ns);
    if (armed_ns == RV_URING_NO_TIMERS) {
        return false;
    }
    if (armed_ns != 0 && armed_ns <= until_ns) {
        return true;
    }
    struct io_uring_sqe *sqe = rv_uring_take_sqe(u);
    if (sqe == NULL) {
        return false;
    }
    u->timer_ts = (struct __kernel_timespec){.tv_sec = until_ns / 1000000000,
                                             .tv_nsec = until_ns % 1000000000};
    if (armed_ns == 0) {
        io_uring_prep_timeout(sqe, &u->timer_ts, 0, IORING_TIMEOUT_ABS);
        sqe->user_data = RV_URING_DATA_TIMER;
    } else { /* it fails if it fires just now; then its completion says so */
        io_uring_prep_timeout_update(sqe, &u->timer_ts, RV_URING_DATA_TIMER, IORING_TIMEOUT_ABS);
        sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
        sqe->user_data = RV_URING_DATA_IGNORE;
    }
    rv_store_relaxed(&u->timer_ns, until_ns);
    rv_ring_push(&u->ring);
    return true;
}

static void wait_until(struct rv_uring *u, int64_t until_ns)
{
    int64_t left_ns = until_ns == INT64_MAX ? INT64_MAX : until_ns - rv_clock_now();
    if (left_ns <= 0) {
        (void)rv_ring_enter(&u->ring);
    } else if (until_ns == INT64_MAX || (left_ns >= KEEP_TIMER_NS && keep_timer(u, until_ns))) {
        (void)rv_ring_enter_wait(&u->ring, -1);
    } else {
        (void)rv_ring_enter_wait(&u->ring, left_ns);
    }
}

/* Sleeps until there is something to do; alarms are dealt with in between. */
static RV_ALWAYS_INLINE void sleep_on(struct rv_uring *u, int64_t deadline_ns, bool is_guard)
{
    struct rv_vigil vigil = {.look_ns = INT64_MAX};
    bool is_over = false;
    while (!is_over) {
        if (!is_guard || rv_load_relaxed(&u->is_alarmed) == 0) {
            wait_until(u, vigil.look_ns < deadline_ns ? vigil.look_ns : deadline_ns);
        }
        is_over = rv_uring_reap(u) != 0 || rv_load_relaxed(&u->is_woken) != 0 ||
                  !rv_inbox_is_empty(&u->requests) || !rv_inbox_is_empty(&u->posts) ||
                  (is_guard && rv_guard_stand(u, &vigil) != 0) ||
                  (deadline_ns != INT64_MAX && rv_clock_now() >= deadline_ns);
    }
}

static RV_ALWAYS_INLINE void sleep_or_enter(struct rv_uring *u, int64_t deadline_ns, bool is_guard,
                                            bool has_drained)
{
    if (!has_drained && arm_wake(u)) {
        sleep_on(u, deadline_ns, is_guard);
    } else {
        (void)rv_ring_enter(&u->ring);
        rv_uring_reap(u);
    }
    rv_store_relaxed(&u->is_woken, 0u);
}

/* A lone worker has nobody to guard, to post to or to be helped by. */
RV_HOT void rv_uring_sleep(struct rv_worker *w, int64_t deadline_ns)
{
    struct rv_uring *u = rv_uring_of(w);
    if (w->is_alone) {
        sleep_or_enter(u, deadline_ns, false, rv_uring_drain_requests(u));
        return;
    }
    rv_guard_pause(u);
    bool has_drained = rv_post_take(u, u) != 0;
    has_drained |= rv_uring_drain_requests(u);
    bool is_guard = rv_load_relaxed(&w->pace.is_aside) == 0 && rv_guard_enter(u);
    if (!is_guard) {
        rv_post_remind(u);
    }
    sleep_or_enter(u, deadline_ns, is_guard, has_drained);
    if (is_guard) {
        rv_guard_leave(u);
    }
    rv_steer_note(&rv_io_of(w->runtime)->steer, w);
    (void)rv_uring_resume(u);
}
