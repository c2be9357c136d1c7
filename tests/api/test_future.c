// SPDX-License-Identifier: MIT
/*
 * Purpose: hand-set futures and done callbacks: outcomes, refusals, order, other threads.
 */
#include "support/actor.h"
#include "support/fixture.h"

#include <pthread.h>

#define FAILED_APP (-5001)

RV_TASK_TEST(test_future_has_no_outcome_before_it_is_set)
{
    rove_future *f = rove_create_future();
    RV_EXPECT(!rove_done(f));
    RV_EXPECT(!rove_cancelled(f));
    RV_EXPECT_EQ(rove_result(f, NULL), -EINPROGRESS);
    rove_release(f);
    return 0;
}

RV_TASK_TEST(test_future_is_set_once)
{
    int first, second;
    void *got = NULL;
    rove_future *f = rove_create_future();
    RV_EXPECT_EQ(rove_set_result(f, &first), 0);
    RV_EXPECT_EQ(rove_set_result(f, &second), -EALREADY);
    RV_EXPECT_EQ(rove_set_error(f, FAILED_APP), -EALREADY);
    RV_EXPECT(!rove_cancel(f));
    RV_EXPECT_EQ(rove_await(f, &got), 0);
    RV_EXPECT_PTR(got, &first);
    rove_release(f);
    return 0;
}

RV_TASK_TEST(test_future_error_must_be_negative_and_is_handed_on)
{
    rove_future *f = rove_create_future();
    RV_EXPECT_EQ(rove_set_error(f, 0), -EINVAL);
    RV_EXPECT_EQ(rove_set_error(f, 5), -EINVAL);
    RV_EXPECT(!rove_done(f));
    RV_EXPECT_EQ(rove_set_error(f, FAILED_APP), 0);
    RV_EXPECT_EQ(rove_await(f, NULL), FAILED_APP);
    rove_release(f);
    return 0;
}

RV_TASK_TEST(test_future_of_a_task_cannot_be_set_by_hand)
{
    rove_future *gate = rove_create_future();
    struct rv_actor a = {.until = gate};
    rove_task *t = rove_create_task(rv_actor_run, &a);
    RV_EXPECT_EQ(rove_set_result(t, NULL), -EINVAL);
    RV_EXPECT_EQ(rove_set_error(t, FAILED_APP), -EINVAL);
    RV_EXPECT_EQ(rove_set_result(gate, NULL), 0);
    RV_EXPECT_EQ(rove_join(t, NULL), 0);
    rove_release(gate);
    return 0;
}

RV_TASK_TEST(test_future_cancelled_is_done_at_once)
{
    rove_future *f = rove_create_future();
    RV_EXPECT(rove_cancel(f));
    RV_EXPECT(rove_cancelled(f));
    RV_EXPECT(!rove_cancel(f));
    RV_EXPECT_EQ(rove_set_result(f, NULL), -EALREADY);
    RV_EXPECT_EQ(rove_await(f, NULL), -ECANCELED);
    RV_EXPECT_EQ(rove_cancelling(rove_current_task()), 0);
    rove_release(f);
    return 0;
}

static void add_name(rove_future *f, void *ctx)
{
    struct rv_actor *a = ctx;
    rv_trace_add(a->trace, a->name, rove_done(f) ? " " : "? ");
}

/* Goal: callbacks in the order added, never inside a call, before those who await. */
static int order_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    struct rv_trace trace = {""};
    struct rv_actor one = {.name = "one", .trace = &trace}, two = {.name = "two", .trace = &trace};
    rove_future *f = rove_create_future();
    struct rv_actor waiter = {.until = f, .name = "waiter", .trace = &trace};
    rove_task *t = rove_create_task(rv_actor_run, &waiter);
    rove_yield();
    RV_EXPECT_EQ(rove_add_done_callback(f, add_name, &one), 0);
    RV_EXPECT_EQ(rove_add_done_callback(f, add_name, &two), 0);
    RV_EXPECT_EQ(rove_add_done_callback(f, add_name, &one), 0);
    RV_EXPECT_EQ(rove_set_result(f, NULL), 0);
    RV_EXPECT_STR(trace.text, "waiter+ ");
    RV_EXPECT_EQ(rove_join(t, NULL), 0);
    RV_EXPECT_STR(trace.text, "waiter+ one two one waiter- ");
    rove_release(f);
    return 0;
}

static void test_callbacks_run_in_order_before_the_awaiters(void **state)
{
    (void)state;
    rv_test_run_on(1, order_body, NULL);
}

static void count(RV_UNUSED rove_future *f, void *ctx)
{
    rove_semaphore_release(ctx);
}

RV_TASK_TEST(test_callbacks_removed_are_counted_and_do_not_run)
{
    rove_semaphore kept = {0}, removed = {0};
    rove_future *f = rove_create_future();
    rove_add_done_callback(f, count, &removed);
    rove_add_done_callback(f, count, &kept);
    rove_add_done_callback(f, count, &removed);
    RV_EXPECT_EQ(rove_remove_done_callback(f, count, &removed), 2);
    RV_EXPECT_EQ(rove_remove_done_callback(f, count, &removed), 0);
    rove_set_result(f, NULL);
    RV_EXPECT_EQ(rove_semaphore_acquire(&kept), 0);
    RV_EXPECT_EQ(rove_semaphore_tryacquire(&removed), -EAGAIN);
    rove_release(f);
    return 0;
}

/*
 * Goal: callbacks added to a done future run, and nobody who awaited it is woken again: its cell
 * lies in a frame that is gone. Each round's awaiter leaves before the late callbacks come.
 */
RV_TASK_TEST(test_callbacks_added_late_wake_nobody_again)
{
    for (int round = 0; round < 100; round++) {
        rove_semaphore ran = {0};
        rove_future *f = rove_create_future();
        struct rv_actor a = {.until = f};
        rove_task *t = rove_create_task(rv_actor_run, &a);
        rove_yield();
        int early = round % 2;
        if (early != 0)
            rove_add_done_callback(f, count, &ran);
        rove_set_result(f, NULL);
        RV_REQUIRE_EQ(rove_join(t, NULL), 0);
        rove_add_done_callback(f, count, &ran);
        rove_add_done_callback(f, count, &ran);
        for (int i = 0; i < 2 + early; i++)
            RV_REQUIRE_EQ(rove_semaphore_acquire(&ran), 0);
        RV_REQUIRE_EQ(rove_await(f, NULL), 0);
        rove_release(f);
    }
    return 0;
}

static void *set_from_outside(void *arg)
{
    static int value;
    RV_EXPECT_EQ(rove_add_done_callback(arg, count, NULL), -EPERM);
    RV_EXPECT_EQ(rove_result(arg, NULL), -EINPROGRESS);
    RV_EXPECT_EQ(rove_set_result(arg, &value), 0);
    return &value;
}

/* Goal: a thread that no runtime knows completes a future; the runtime may end at once. */
RV_TASK_TEST(test_future_set_by_another_thread_wakes_its_awaiter)
{
    rove_future *f = rove_create_future();
    pthread_t thread;
    void *got = NULL, *expected = NULL;
    RV_REQUIRE_EQ(pthread_create(&thread, NULL, set_from_outside, f), 0);
    RV_EXPECT_EQ(rove_await(f, &got), 0);
    pthread_join(thread, &expected);
    RV_EXPECT_PTR(got, expected);
    rove_release(f);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_future_has_no_outcome_before_it_is_set),
        cmocka_unit_test(test_future_is_set_once),
        cmocka_unit_test(test_future_error_must_be_negative_and_is_handed_on),
        cmocka_unit_test(test_future_of_a_task_cannot_be_set_by_hand),
        cmocka_unit_test(test_future_cancelled_is_done_at_once),
        cmocka_unit_test(test_callbacks_run_in_order_before_the_awaiters),
        cmocka_unit_test(test_callbacks_removed_are_counted_and_do_not_run),
        cmocka_unit_test(test_callbacks_added_late_wake_nobody_again),
        cmocka_unit_test(test_future_set_by_another_thread_wakes_its_awaiter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
