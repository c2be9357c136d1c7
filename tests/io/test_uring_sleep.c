// SPDX-License-Identifier: MIT
/*
 * Purpose: io/uring_sleep.c: what ends a sleep in the ring: a wake, before or during it, a time, a
 *          completion, a request; and that nothing of ours is the kernel's in the end.
 * Idea:    a worker that stands still; the test's thread sleeps for it. A sleep that nothing ends
 *          hangs: the test has failed then. Times are lower bounds only.
 */
#include "core/clock.h"
#include "support/fixture.h"
#include "support/still_uring.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

static struct rv_still still;
static struct rv_uring *u;
static struct rv_worker *w;

static void open_ring(void)
{
    int rc = rv_still_uring_open(&still, 1);
    if (rc == -ENOTSUP)
        skip();
    assert_int_equal(rc, 0);
    u = rv_still_ring(&still, 0);
    w = rv_still_play(&still, 0);
}

static void close_ring(void)
{
    rv_still_uring_close(&still);
}

/* Goal: a wake that came before the sleep counts, as one; it is spent by it. */
static void test_uring_sleep_wake_before_counts(void **state)
{
    (void)state;
    open_ring();
    for (int i = 0; i < 20; i++) {
        rv_uring_wake(w);
        if (i % 2 != 0)
            rv_uring_wake(w);
        rv_uring_sleep(w, INT64_MAX);
        assert_int_equal(rv_load_relaxed(&u->is_woken), 0);
    }
    close_ring();
}

static void *wake_sleeper(void *arg)
{
    RV_ATOMIC(uint32_t) *wakes = arg;
    for (uint32_t i = 0; i < 50; i++) {
        rv_uring_wake(w);
        while (rv_load_acquire(wakes) == i)
            sched_yield();
    }
    return NULL;
}

/* Goal: a wake from another thread ends a sleep without a deadline, time after time. */
static void test_uring_sleep_is_ended_from_elsewhere(void **state)
{
    RV_ATOMIC(uint32_t) wakes = 0;
    pthread_t thread;
    (void)state;
    open_ring();
    assert_int_equal(pthread_create(&thread, NULL, wake_sleeper, &wakes), 0);
    for (uint32_t i = 0; i < 50; i++) {
        rv_uring_sleep(w, INT64_MAX);
        rv_store_release(&wakes, i + 1);
    }
    assert_int_equal(pthread_join(thread, NULL), 0);
    close_ring();
}

/* Goal: a sleep is never shorter than its deadline says, whichever way it is timed: long past, near
 * (in the wait itself), farther (a timeout of its own). */
static void test_uring_sleep_lasts_until_its_deadline(void **state)
{
    static const int64_t lengths[] = {-1000000, 0, 1, 200000, 999000, 1500000, 4000000};
    (void)state;
    open_ring();
    for (size_t i = 0; i < RV_ARRAY_LEN(lengths); i++) {
        int64_t deadline = rv_clock_now() + lengths[i];
        rv_uring_sleep(w, deadline);
        assert_true(rv_clock_now() >= deadline);
    }
    assert_true(rv_load_relaxed(&u->timer_ns) <= 0); /* none in flight, or none to be had */
    close_ring();
}

/* Goal: the timeout of a sleep that was cut short serves the next ones: kept for a later deadline,
 * moved for an earlier one; and neither sleep ends before its time. */
static void test_uring_sleep_timer_serves_the_next_sleep(void **state)
{
    (void)state;
    open_ring();
    int64_t first = rv_clock_now() + 30000000;
    rv_uring_wake(w);
    rv_uring_sleep(w, first);
    if (rv_load_relaxed(&u->timer_ns) == RV_URING_NO_TIMERS) {
        close_ring();
        skip();
    }
    assert_int_equal(rv_load_relaxed(&u->timer_ns), first);
    rv_uring_wake(w);
    rv_uring_sleep(w, first + 1000000000);
    assert_int_equal(rv_load_relaxed(&u->timer_ns), first); /* it ends before that: good enough */
    rv_uring_sleep(w, first + 3000000); /* through the first one's end */
    assert_true(rv_clock_now() >= first + 3000000);
    int64_t late = rv_clock_now() + 1000000000;
    rv_uring_wake(w);
    rv_uring_sleep(w, late);
    assert_int_equal(rv_load_relaxed(&u->timer_ns), late);
    int64_t soon = rv_clock_now() + 20000000;
    rv_uring_sleep(w, soon);
    int64_t now = rv_clock_now();
    assert_true(now >= soon && now < late); /* it was moved */
    close_ring();
}

/* Goal: what is queued is handed over by the sleep itself, and its completion ends it. */
static void test_uring_sleep_hands_over_and_takes_completions(void **state)
{
    static struct rv_task task;
    struct rv_op op;
    int fds[2];
    (void)state;
    open_ring();
    assert_int_equal(pipe(fds), 0);
    rv_still_task(&still, &task, 0);
    rv_still_op(&op, &task, RV_OP_POLL, fds[0]);
    op.flags = POLLIN;
    assert_int_equal(write(fds[1], "x", 1), 1);
    rv_uring_queue(u, rv_uring_take_sqe(u), &op);
    rv_uring_sleep(w, INT64_MAX);
    assert_true(rv_op_is_done(&op));
    assert_int_equal(op.result, POLLIN);
    assert_true(rv_state_take_wake(&task.future.state));
    close(fds[0]);
    close(fds[1]);
    close_ring();
}

static RV_ATOMIC(uint32_t) handled;

static void handle(struct rv_uring *on, struct rv_ring_request *request)
{
    (void)request;
    assert_ptr_equal(on, u);
    (void)rv_fetch_add_relaxed(&handled, 1u);
}

/* Goal: requests that came before are dealt with, and then there is no sleep: what they did may be
 * work. */
static void test_uring_sleep_deals_with_requests_first(void **state)
{
    struct rv_ring_request requests[3];
    (void)state;
    open_ring();
    rv_store_relaxed(&handled, 0u);
    for (size_t i = 0; i < RV_ARRAY_LEN(requests); i++) {
        requests[i].handle = handle;
        (void)rv_inbox_push(&u->requests, &requests[i].node);
    }
    rv_uring_sleep(w, INT64_MAX);
    assert_int_equal(rv_load_relaxed(&handled), 3);
    assert_true(rv_inbox_is_empty(&u->requests));
    close_ring();
}

/* Goal: one poll tells of each wake, and none twice: the sleep after it lasts to its deadline. */
static void test_uring_sleep_is_armed_once(void **state)
{
    (void)state;
    open_ring();
    rv_uring_sleep(w, rv_clock_now() + 100000);
    assert_int_equal(rv_load_relaxed(&u->is_armed), 1);
    uint32_t tail = rv_load_relaxed(u->ring.sq_tail);
    for (int i = 0; i < 20; i++) {
        rv_uring_wake(w);
        rv_uring_sleep(w, INT64_MAX);
        int64_t until_ns = rv_clock_now() + 100000;
        rv_uring_sleep(w, until_ns);
        assert_true(rv_clock_now() >= until_ns);
    }
    assert_int_equal(rv_load_relaxed(&u->is_armed), 1);
    assert_int_equal(rv_load_relaxed(u->ring.sq_tail), tail);
    close_ring();
}

/* Goal: a poll that the kernel has ended is made again, and no wake is lost with it. */
static void test_uring_sleep_arms_again(void **state)
{
    (void)state;
    open_ring();
    for (int i = 0; i < 20; i++) {
        rv_store_relaxed(&u->is_armed, 0u); /* as a completion without IORING_CQE_F_MORE does */
        rv_uring_wake(w);
        rv_uring_sleep(w, INT64_MAX);
        assert_int_equal(rv_load_relaxed(&u->is_armed), 1);
    }
    close_ring();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_uring_sleep_wake_before_counts),
        cmocka_unit_test(test_uring_sleep_is_ended_from_elsewhere),
        cmocka_unit_test(test_uring_sleep_lasts_until_its_deadline),
        cmocka_unit_test(test_uring_sleep_timer_serves_the_next_sleep),
        cmocka_unit_test(test_uring_sleep_hands_over_and_takes_completions),
        cmocka_unit_test(test_uring_sleep_deals_with_requests_first),
        cmocka_unit_test(test_uring_sleep_is_armed_once),
        cmocka_unit_test(test_uring_sleep_arms_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
