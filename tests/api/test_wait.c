// SPDX-License-Identifier: MIT
/*
 * Purpose: rove_wait: its three modes, its timeout that is no error, that it cancels nothing.
 */
#include "support/actor.h"
#include "support/fixture.h"

#include "core/atomic.h"

#include <stdlib.h>

#define EIO_APP (-5001)

static void start(size_t n, struct rv_actor actors[], rove_future *fs[])
{
    for (size_t i = 0; i < n; i++)
        fs[i] = rove_create_task(rv_actor_run, &actors[i]);
}

static void cancel_and_join(size_t n, rove_future *fs[])
{
    for (size_t i = 0; i < n; i++)
        rove_cancel(fs[i]);
    for (size_t i = 0; i < n; i++)
        (void)rove_join(fs[i], NULL);
}

RV_TASK_TEST(test_wait_bad_arguments_are_refused)
{
    rove_future *f = rove_create_future();
    rove_future *with_null[] = {f, NULL};
    rove_future *self = rove_current_task();
    RV_EXPECT_EQ(rove_wait(0, &f, ROVE_ALL_COMPLETED, ROVE_FOREVER, NULL), -EINVAL);
    RV_EXPECT_EQ(rove_wait(1, NULL, ROVE_ALL_COMPLETED, ROVE_FOREVER, NULL), -EINVAL);
    RV_EXPECT_EQ(rove_wait(2, with_null, ROVE_ALL_COMPLETED, ROVE_FOREVER, NULL), -EINVAL);
    RV_EXPECT_EQ(rove_wait(1, &f, (rove_return_when)7, ROVE_FOREVER, NULL), -EINVAL);
    RV_EXPECT_EQ(rove_wait(1, &self, ROVE_ALL_COMPLETED, ROVE_FOREVER, NULL), -EDEADLK);
    rove_release(f);
    return 0;
}

RV_TASK_TEST(test_wait_all_completed_counts_errors_as_done)
{
    struct rv_actor a[] = {{.yields = 3}, {.rc = EIO_APP}, {.yields = -1}, {.yields = 1}};
    rove_future *fs[4];
    bool done[4] = {0};
    start(4, a, fs);
    rove_cancel(fs[2]);
    RV_EXPECT_EQ(rove_wait(4, fs, ROVE_ALL_COMPLETED, ROVE_FOREVER, done), 4);
    for (int i = 0; i < 4; i++)
        RV_EXPECT(done[i]);
    cancel_and_join(4, fs);
    return 0;
}

/* Goal: the first to complete ends the wait, the others go on and are not cancelled. */
RV_TASK_TEST(test_wait_first_completed_leaves_the_others_alone)
{
    struct rv_actor a[] = {{.yields = -1}, {.yields = 2}, {.yields = -1}};
    rove_future *fs[3];
    bool done[3] = {true, false, true};
    start(3, a, fs);
    RV_EXPECT_EQ(rove_wait(3, fs, ROVE_FIRST_COMPLETED, ROVE_FOREVER, done), 1);
    RV_EXPECT(!done[0] && done[1] && !done[2]);
    RV_EXPECT_EQ(rove_cancelling(fs[0]), 0);
    RV_EXPECT_EQ(rove_wait(3, fs, ROVE_FIRST_COMPLETED, ROVE_FOREVER, NULL), 1);
    cancel_and_join(3, fs);
    return 0;
}

/* Goal: as in asyncio a cancelled future is no error here. */
RV_TASK_TEST(test_wait_first_error_takes_no_notice_of_cancelled_ones)
{
    rove_future *gate = rove_create_future();
    struct rv_actor a[] = {
        {.yields = -1}, {.until = gate, .rc = EIO_APP}, {.yields = -1}, {.yields = 1}};
    rove_future *fs[4];
    bool done[4];
    start(4, a, fs);
    rove_cancel(fs[0]);
    RV_EXPECT_EQ(rove_await(fs[0], NULL), -ECANCELED);
    (void)rove_await(fs[3], NULL);
    RV_EXPECT_EQ(rove_wait(4, fs, ROVE_FIRST_ERROR, RV_TEST_SOON, done), 2);
    RV_EXPECT(done[0] && !done[1] && !done[2] && done[3]);
    rove_set_result(gate, NULL);
    RV_EXPECT_EQ(rove_wait(4, fs, ROVE_FIRST_ERROR, ROVE_FOREVER, done), 3);
    RV_EXPECT(done[1] && !done[2]);
    cancel_and_join(4, fs);
    rove_release(gate);
    return 0;
}

RV_TASK_TEST(test_wait_first_error_without_errors_waits_for_all)
{
    struct rv_actor a[] = {{.yields = 1}, {.yields = 4}};
    rove_future *fs[2];
    start(2, a, fs);
    RV_EXPECT_EQ(rove_wait(2, fs, ROVE_FIRST_ERROR, ROVE_FOREVER, NULL), 2);
    cancel_and_join(2, fs);
    return 0;
}

/* Goal: the real clock, since never early is what is asked; 300 us are enough for that. */
RV_TASK_TEST(test_wait_timeout_is_no_error_and_never_early)
{
    rove_future *f = rove_create_future();
    bool done = true;
    rove_time before = rove_now();
    RV_EXPECT_EQ(rove_wait(1, &f, ROVE_ALL_COMPLETED, ROVE_US(300), &done), 0);
    RV_EXPECT(rove_now() - before >= ROVE_US(300));
    RV_EXPECT(!done);
    RV_EXPECT(!rove_done(f));
    rove_release(f);
    return 0;
}

static int zero_timeout_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    struct rv_actor a[] = {{.yields = 0}, {.yields = 1}, {.yields = 2}, {.yields = -1}};
    rove_future *fs[4];
    bool done[4];
    start(4, a, fs);
    RV_EXPECT_EQ(rove_wait(4, fs, ROVE_ALL_COMPLETED, 0, done), 2);
    RV_EXPECT(done[0] && done[1] && !done[2] && !done[3]);
    cancel_and_join(4, fs);
    return 0;
}

/* Goal: with timeout 0 asyncio's loop goes round twice: what can end by then is done. */
static void test_wait_timeout_zero_lets_others_run_two_rounds(void **state)
{
    (void)state;
    rv_test_run_on(1, zero_timeout_body, NULL);
}

RV_TASK_TEST(test_wait_for_what_is_done_is_a_cancellation_point)
{
    rove_future *f = rove_create_future();
    rove_set_result(f, NULL);
    RV_EXPECT_EQ(rove_wait(1, &f, ROVE_ALL_COMPLETED, ROVE_FOREVER, NULL), 1);
    rove_cancel(rove_current_task());
    RV_EXPECT_EQ(rove_wait(1, &f, ROVE_ALL_COMPLETED, ROVE_FOREVER, NULL), -ECANCELED);
    rove_uncancel(rove_current_task());
    rove_release(f);
    return 0;
}

struct waiting {
    rove_future **fs;
    ssize_t rc;
};

static int wait_body(void *arg, RV_UNUSED void **result)
{
    struct waiting *w = arg;
    w->rc = rove_wait(2, w->fs, ROVE_ALL_COMPLETED, ROVE_SEC(60), NULL);
    return w->rc < 0 ? (int)w->rc : 0;
}

RV_TASK_TEST(test_wait_cancelled_caller_does_not_cancel_the_futures)
{
    rove_future *fs[] = {rove_create_future(), rove_create_future()};
    struct waiting w = {.fs = fs};
    rove_task *t = rove_create_task(wait_body, &w);
    rove_yield();
    rove_yield();
    rove_cancel(t);
    RV_EXPECT_EQ(rove_join(t, NULL), -ECANCELED);
    RV_EXPECT(!rove_done(fs[0]) && !rove_done(fs[1]));
    cancel_and_join(2, fs);
    return 0;
}

RV_TASK_TEST(test_wait_counts_the_same_future_at_each_place)
{
    rove_future *f = rove_create_future();
    rove_future *open = rove_create_future();
    rove_future *fs[] = {f, f, open};
    bool done[3];
    rove_set_result(f, NULL);
    RV_EXPECT_EQ(rove_wait(3, fs, ROVE_FIRST_COMPLETED, ROVE_FOREVER, done), 2);
    RV_EXPECT(done[0] && done[1] && !done[2]);
    rove_release(f);
    rove_release(open);
    return 0;
}

/* Goal: the deadline and completions race; the count is of what is done, and nothing is lost. */
RV_TASK_TEST(test_wait_deadline_races_with_completion)
{
    enum { ROUNDS = RV_TSAN || RV_ASAN ? 100 : 500, N = 20 };
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct rv_actor a[N];
        rove_future *fs[N];
        bool done[N];
        for (unsigned i = 0; i < N; i++)
            a[i] = (struct rv_actor){.yields = (int)((i * round) % 7)};
        start(N, a, fs);
        ssize_t n = rove_wait(N, fs, (rove_return_when)(round % 3), ROVE_US(round % 50), done);
        RV_REQUIRE(n >= 0 && n <= N);
        ssize_t counted = 0;
        for (unsigned i = 0; i < N; i++) {
            counted += done[i];
            RV_REQUIRE(!done[i] || rove_done(fs[i]));
        }
        RV_REQUIRE_EQ(counted, n);
        for (unsigned i = 0; i < N; i++)
            RV_REQUIRE_EQ(rove_join(fs[i], NULL), 0);
    }
    return 0;
}

static void test_wait_outside_a_task_is_refused(void **state)
{
    (void)state;
    rove_future *f = rove_create_future();
    RV_EXPECT_EQ(rove_wait(1, &f, ROVE_ALL_COMPLETED, 0, NULL), -EPERM);
    rove_release(f);
    rv_test_settle();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wait_bad_arguments_are_refused),
        cmocka_unit_test(test_wait_all_completed_counts_errors_as_done),
        cmocka_unit_test(test_wait_first_completed_leaves_the_others_alone),
        cmocka_unit_test(test_wait_first_error_takes_no_notice_of_cancelled_ones),
        cmocka_unit_test(test_wait_first_error_without_errors_waits_for_all),
        cmocka_unit_test(test_wait_timeout_is_no_error_and_never_early),
        cmocka_unit_test(test_wait_timeout_zero_lets_others_run_two_rounds),
        cmocka_unit_test(test_wait_for_what_is_done_is_a_cancellation_point),
        cmocka_unit_test(test_wait_cancelled_caller_does_not_cancel_the_futures),
        cmocka_unit_test(test_wait_counts_the_same_future_at_each_place),
        cmocka_unit_test(test_wait_deadline_races_with_completion),
        cmocka_unit_test(test_wait_outside_a_task_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
