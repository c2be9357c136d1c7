// SPDX-License-Identifier: MIT
/*
 * Purpose: io/guard: a task that computes without end keeps nobody else from running.
 *
 * Method: the computing task leaves its loop only when the others have been served, so a reactor
 * that leaves their completions to the computing worker fails by never ending; a generous limit of
 * the clock turns that into a message.
 */
#include "core/clock.h"
#include "core/os.h"
#include "tests/io/waiting.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#define PATIENCE_NS (INT64_C(20) * 1000000000)

struct pair {
    int in, out;
    unsigned reader_worker;
    RV_ATOMIC(uint32_t) served;
};

static int serve(void *arg, RV_UNUSED void **result)
{
    struct pair *p = arg;
    char b;
    for (int i = 0; i < 3; i++) {
        p->reader_worker = rv_current_worker()->idx;
        RV_REQUIRE_EQ(rove_read(p->in, &b, 1), 1);
        rv_fetch_add_relaxed(&p->served, 1);
    }
    return 0;
}

/* Computes until the reader has been served once more. */
static bool compute_until(struct pair *p, uint32_t served)
{
    int64_t end_ns = rv_clock_now() + PATIENCE_NS;
    while (rv_load_relaxed(&p->served) < served) {
        if (rv_clock_now() > end_ns) {
            return false;
        }
        rv_cpu_relax();
    }
    return true;
}

/* Goal: a completion is served while the worker whose ring holds it computes. The reader began on
 * this very worker (eager), so its operation is in this ring, perhaps not even handed over yet. */
static int compute(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    for (int round = 0; round < 20; round++) {
        int fds[2];
        RV_REQUIRE_EQ(pipe2(fds, O_CLOEXEC), 0);
        struct pair p = {.in = fds[0], .out = fds[1]};
        rove_task *reader = rove_create_task(serve, &p);
        for (uint32_t i = 1; i <= 3; i++) {
            RV_REQUIRE_EQ(write(fds[1], "x", 1), 1);
            RV_REQUIRE(compute_until(&p, i));
        }
        RV_EXPECT_EQ(rove_await(reader, NULL), 0);
        rove_release(reader);
        RV_EXPECT_EQ(rove_close(fds[0]), 0);
        RV_EXPECT_EQ(rove_close(fds[1]), 0);
    }
    return 0;
}

static void test_guard_serves_while_a_worker_computes(void **state)
{
    (void)state;
    for (unsigned workers = 2; workers <= 4; workers++) {
        rove_options options = {.workers = workers, .eager = true};
        rv_test_run_with(&options, compute, NULL);
    }
}

/* Goal: the same when everybody was asleep, so nobody watches, and the worker that wakes first goes
 * through a few tasks and then computes. */
static int wake_and_compute(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    for (int round = 0; round < 60; round++) {
        int fds[2];
        RV_REQUIRE_EQ(pipe2(fds, O_CLOEXEC), 0);
        struct pair p = {.in = fds[0], .out = fds[1]};
        rove_task *reader = rove_create_task(serve, &p);
        await_waiters(fds[0], 1);
        RV_REQUIRE_EQ(rove_sleep(ROVE_MS(2)), 0);
        RV_REQUIRE_EQ(write(fds[1], "x", 1), 1);
        if (round % 2 != 0) {
            rove_yield();
        }
        RV_REQUIRE_EQ(write(fds[1], "x", 1), 1);
        RV_REQUIRE(compute_until(&p, 2));
        RV_REQUIRE_EQ(write(fds[1], "x", 1), 1);
        RV_EXPECT_EQ(rove_await(reader, NULL), 0);
        rove_release(reader);
        RV_EXPECT_EQ(rove_close(fds[0]), 0);
        RV_EXPECT_EQ(rove_close(fds[1]), 0);
    }
    return 0;
}

static void test_guard_serves_when_nobody_was_watching(void **state)
{
    (void)state;
    for (unsigned workers = 2; workers <= 4; workers++) {
        rv_test_run_on(workers, wake_and_compute, NULL);
    }
}

static int sleep_and_note(void *arg, RV_UNUSED void **result)
{
    struct pair *p = arg;
    RV_EXPECT_EQ(rove_sleep(ROVE_US(200)), 0);
    rv_fetch_add_relaxed(&p->served, 1);
    return 0;
}

/* Goal: the same for a timer of the computing worker. */
static int compute_beside_timer(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    struct pair p = {0};
    rove_task *sleeper = rove_create_task(sleep_and_note, &p);
    RV_EXPECT(compute_until(&p, 1));
    RV_EXPECT_EQ(rove_await(sleeper, NULL), 0);
    rove_release(sleeper);
    return 0;
}

static void test_guard_fires_timers_while_a_worker_computes(void **state)
{
    (void)state;
    rove_options options = {.workers = 2, .eager = true};
    rv_test_run_with(&options, compute_beside_timer, NULL);
}

/* Goal: kicks stay inside: no other thread's or user's signal disposition changes but one, and a
 * task's system calls that restart are not disturbed by them. */
static int read_plainly(void *arg, RV_UNUSED void **result)
{
    char b;
    return (int)read((int)(intptr_t)arg, &b, 1);
}

static int kicked_system_call(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    int fds[2], plain[2];
    RV_REQUIRE_EQ(pipe2(fds, O_CLOEXEC), 0);
    RV_REQUIRE_EQ(pipe2(plain, O_CLOEXEC), 0);
    struct pair p = {.in = fds[0], .out = fds[1]};
    rove_task *reader = rove_create_task(serve, &p);
    rove_task *blocker = rove_create_task(read_plainly, (void *)(intptr_t)plain[0]);
    for (uint32_t i = 1; i <= 3; i++) {
        RV_EXPECT_EQ(write(fds[1], "x", 1), 1);
        while (rv_load_relaxed(&p.served) < i) {
            rove_yield();
        }
    }
    RV_EXPECT_EQ(write(plain[1], "x", 1), 1);
    RV_EXPECT_EQ(rove_await(blocker, NULL), 1);
    RV_EXPECT_EQ(rove_await(reader, NULL), 0);
    rove_release(blocker);
    rove_release(reader);
    for (int i = 0; i < 2; i++) {
        RV_EXPECT_EQ(rove_close(fds[i]), 0);
        RV_EXPECT_EQ(rove_close(plain[i]), 0);
    }
    return 0;
}

static void test_guard_does_not_break_a_blocking_read(void **state)
{
    (void)state;
    if (RV_TSAN) {
        skip(); /* it holds signals back until a blocking call returns, so nobody can be kicked */
    }
    rv_test_run_on(3, kicked_system_call, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_guard_serves_while_a_worker_computes),
        cmocka_unit_test(test_guard_serves_when_nobody_was_watching),
        cmocka_unit_test(test_guard_fires_timers_while_a_worker_computes),
        cmocka_unit_test(test_guard_does_not_break_a_blocking_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
