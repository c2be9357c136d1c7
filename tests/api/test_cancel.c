// SPDX-License-Identifier: MIT
/*
 * Purpose: cancellation as asyncio means it: once a request, clean-up, refusal, what it reaches.
 */
#include "support/actor.h"
#include "support/fixture.h"

#include <pthread.h>

#define FAILED_APP (-5001)

static void begin(struct rv_actor *a)
{
    while (!rv_actor_has_begun(a))
        rove_yield();
}

RV_TASK_TEST(test_cancel_of_a_done_task_says_no)
{
    struct rv_actor a = {0};
    rove_task *t = rove_create_task(rv_actor_run, &a);
    RV_EXPECT_EQ(rove_await(t, NULL), 0);
    RV_EXPECT(!rove_cancel(t));
    RV_EXPECT(!rove_cancelled(t));
    rove_release(t);
    return 0;
}

RV_TASK_TEST(test_cancel_ends_a_waiting_task)
{
    struct rv_actor a = {.yields = -1};
    rove_task *t = rove_create_task(rv_actor_run, &a);
    begin(&a);
    RV_EXPECT(rove_cancel(t));
    RV_EXPECT_EQ(rove_await(t, NULL), -ECANCELED);
    RV_EXPECT(rove_cancelled(t));
    RV_EXPECT_EQ(a.cancels, 1);
    rove_release(t);
    return 0;
}

/* Goal: a task that ends otherwise was not cancelled, whatever was asked for. */
RV_TASK_TEST(test_cancel_can_be_refused_or_answered_with_an_error)
{
    struct rv_actor swallows = {.yields = -1, .when_cancelled = RV_ACTOR_SWALLOWS};
    struct rv_actor fails = {
        .yields = -1, .when_cancelled = RV_ACTOR_FAILS, .cancelled_rc = FAILED_APP};
    rove_task *a = rove_create_task(rv_actor_run, &swallows);
    rove_task *b = rove_create_task(rv_actor_run, &fails);
    begin(&swallows);
    begin(&fails);
    RV_EXPECT(rove_cancel(a));
    RV_EXPECT(rove_cancel(b));
    RV_EXPECT_EQ(rove_await(a, NULL), 0);
    RV_EXPECT_EQ(rove_await(b, NULL), FAILED_APP);
    RV_EXPECT(!rove_cancelled(a));
    RV_EXPECT(!rove_cancelled(b));
    rove_release(a);
    rove_release(b);
    return 0;
}

/* One worker: the task cannot have begun before its creator suspends. */
static int unbegun_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    struct rv_actor a = {0};
    rove_task *t = rove_create_task(rv_actor_run, &a);
    RV_EXPECT(rove_cancel(t));
    RV_EXPECT_EQ(rove_join(t, NULL), -ECANCELED);
    RV_EXPECT_EQ(a.begun, 0);
    return 0;
}

static void test_cancel_before_the_start_keeps_the_body_from_running(void **state)
{
    (void)state;
    rv_test_run_on(1, unbegun_body, NULL);
}

static int clean_up(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    rove_task *self = rove_current_task();
    RV_REQUIRE_EQ(rove_cancelling(self), 0);
    RV_EXPECT(rove_cancel(self));
    RV_EXPECT_EQ(rove_cancelling(self), 1);
    RV_EXPECT_EQ(rove_sleep(ROVE_FOREVER), -ECANCELED); /* the next suspension has it */
    RV_EXPECT_EQ(rove_yield(), 0);                      /* spent: clean-up may suspend */
    RV_EXPECT_EQ(rove_sleep(RV_TEST_SOON), 0);
    RV_EXPECT(rove_cancel(self));
    RV_EXPECT_EQ(rove_cancelling(self), 2);
    RV_EXPECT_EQ(rove_yield(), -ECANCELED);
    RV_EXPECT_EQ(rove_uncancel(self), 1);
    RV_EXPECT_EQ(rove_uncancel(self), 0);
    RV_EXPECT_EQ(rove_uncancel(self), 0);
    RV_EXPECT_EQ(rove_cancelling(self), 0);
    return 0;
}

RV_TASK_TEST(test_cancel_is_delivered_once_for_each_request)
{
    rove_task *t = rove_create_task(clean_up, NULL);
    RV_EXPECT_EQ(rove_join(t, NULL), 0);
    return 0;
}

/* Goal: cancelling who awaits a task reaches that task first, down a chain, and awaits its end. */
RV_TASK_TEST(test_cancel_reaches_what_the_task_awaits)
{
    struct rv_actor inner = {.yields = -1};
    rove_task *c = rove_create_task(rv_actor_run, &inner);
    struct rv_actor middle = {.until = c};
    rove_task *b = rove_create_task(rv_actor_run, &middle);
    struct rv_actor outer = {.until = b};
    rove_task *a = rove_create_task(rv_actor_run, &outer);
    begin(&inner);
    begin(&middle); /* cancelled before that, it would not pass anything on */
    begin(&outer);
    RV_EXPECT(rove_cancel(a));
    RV_EXPECT_EQ(rove_join(a, NULL), -ECANCELED);
    RV_EXPECT(rove_done(b));
    RV_EXPECT(rove_done(c));
    RV_EXPECT_EQ(rove_join(b, NULL), -ECANCELED);
    RV_EXPECT_EQ(rove_join(c, NULL), -ECANCELED);
    return 0;
}

static void *cancel_from_outside(void *arg)
{
    RV_EXPECT(rove_cancel(arg));
    return NULL;
}

RV_TASK_TEST(test_cancel_from_another_thread_ends_a_waiting_task)
{
    struct rv_actor a = {.yields = -1};
    rove_task *t = rove_create_task(rv_actor_run, &a);
    pthread_t thread;
    begin(&a);
    RV_REQUIRE_EQ(pthread_create(&thread, NULL, cancel_from_outside, t), 0);
    RV_EXPECT_EQ(rove_await(t, NULL), -ECANCELED);
    pthread_join(thread, NULL);
    rove_release(t);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cancel_of_a_done_task_says_no),
        cmocka_unit_test(test_cancel_ends_a_waiting_task),
        cmocka_unit_test(test_cancel_can_be_refused_or_answered_with_an_error),
        cmocka_unit_test(test_cancel_before_the_start_keeps_the_body_from_running),
        cmocka_unit_test(test_cancel_is_delivered_once_for_each_request),
        cmocka_unit_test(test_cancel_reaches_what_the_task_awaits),
        cmocka_unit_test(test_cancel_from_another_thread_ends_a_waiting_task),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
