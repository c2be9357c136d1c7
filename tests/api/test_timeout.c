// SPDX-License-Identifier: MIT
/*
 * Purpose: blocks with a deadline and wait_for: who cancelled, nesting, deadlines that move.
 */
#include "support/actor.h"
#include "support/fixture.h"

#include "core/atomic.h"
#include "core/clock.h"
#include "core/os.h"

#define EIO_APP (-5001)

/* A block that waits for ever, left. */
static int sleep_in_block(rove_timeout *t, rove_duration d)
{
    rove_timeout_enter(t, d);
    return rove_timeout_exit(t, rove_sleep(ROVE_FOREVER));
}

RV_TASK_TEST(test_timeout_expired_block_returns_etimedout)
{
    rove_timeout t;
    rove_time before = rove_now();
    RV_EXPECT_EQ(sleep_in_block(&t, ROVE_US(300)), -ETIMEDOUT);
    RV_EXPECT(rove_now() - before >= ROVE_US(300)); /* of the real clock: never early */
    RV_EXPECT(rove_timeout_expired(&t));
    RV_EXPECT_EQ(rove_cancelling(rove_current_task()), 0);
    RV_EXPECT_EQ(rove_yield(), 0);
    return 0;
}

RV_TASK_TEST(test_timeout_left_in_time_returns_what_it_came_to)
{
    rove_timeout t;
    for (int rc = -2; rc <= 2; rc++) {
        rove_timeout_enter(&t, ROVE_SEC(60));
        RV_EXPECT_EQ(rove_yield(), 0);
        RV_EXPECT(!rove_timeout_expired(&t));
        RV_EXPECT_EQ(rove_timeout_exit(&t, rc), rc);
        RV_EXPECT(!rove_timeout_expired(&t));
    }
    rove_timeout_enter(&t, ROVE_FOREVER);
    RV_EXPECT_EQ(rove_timeout_exit(&t, EIO_APP), EIO_APP);
    rove_timeout_enter_at(&t, -1);
    RV_EXPECT_EQ(rove_timeout_exit(&t, 0), 0);
    return 0;
}

/* Goal: a block of no time ends at its first suspension, not before, and not without one. */
RV_TASK_TEST(test_timeout_of_zero_strikes_at_the_next_suspension)
{
    rove_timeout t;
    rove_timeout_enter(&t, 0);
    RV_EXPECT(!rove_timeout_expired(&t) || rove_cancelling(rove_current_task()) == 1);
    RV_EXPECT_EQ(rove_timeout_exit(&t, rove_sleep(ROVE_SEC(60))), -ETIMEDOUT);
    rove_timeout_enter_at(&t, rove_now() - ROVE_SEC(1));
    RV_EXPECT_EQ(rove_timeout_exit(&t, rove_sleep(ROVE_SEC(60))), -ETIMEDOUT);
    rove_timeout_enter(&t, 0);
    RV_EXPECT_EQ(rove_timeout_exit(&t, 0), 0);
    RV_EXPECT_EQ(rove_yield(), 0);
    return 0;
}

static int zero_yield_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    rove_timeout t;
    rove_timeout_enter(&t, 0);
    RV_EXPECT(!rove_timeout_expired(&t));
    RV_EXPECT_EQ(rove_sleep(0), -ECANCELED);
    RV_EXPECT(rove_timeout_expired(&t));
    RV_EXPECT_EQ(rove_timeout_exit(&t, -ECANCELED), -ETIMEDOUT);
    rove_timeout_enter(&t, 0);
    RV_EXPECT_EQ(rove_timeout_exit(&t, 0), 0);
    RV_EXPECT(!rove_timeout_expired(&t));
    return 0;
}

/* Goal: with one worker even sleep(0) feels it, as asyncio's call_soon would have it. */
static void test_timeout_of_zero_strikes_a_mere_yield(void **state)
{
    (void)state;
    rv_test_run_on(1, zero_yield_body, NULL);
}

/* Goal: an expired block whose body ends well or otherwise keeps that outcome. */
RV_TASK_TEST(test_timeout_expired_keeps_other_outcomes)
{
    static const int outcomes[] = {0, 7, EIO_APP};
    for (int i = 0; i < 3; i++) {
        rove_timeout t;
        rove_timeout_enter(&t, RV_TEST_SOON);
        RV_EXPECT_EQ(rove_sleep(ROVE_FOREVER), -ECANCELED);
        RV_EXPECT(rove_timeout_expired(&t));
        RV_EXPECT_EQ(rove_cancelling(rove_current_task()), 1);
        RV_EXPECT_EQ(rove_timeout_exit(&t, outcomes[i]), outcomes[i]);
        RV_EXPECT_EQ(rove_cancelling(rove_current_task()), 0);
        RV_EXPECT_EQ(rove_yield(), 0);
    }
    return 0;
}

RV_TASK_TEST(test_timeout_inner_one_of_two_expires)
{
    rove_timeout outer, inner;
    rove_timeout_enter(&outer, ROVE_SEC(60));
    RV_EXPECT_EQ(sleep_in_block(&inner, RV_TEST_SOON), -ETIMEDOUT);
    RV_EXPECT_EQ(rove_yield(), 0);
    RV_EXPECT(!rove_timeout_expired(&outer));
    RV_EXPECT_EQ(rove_timeout_exit(&outer, 0), 0);
    return 0;
}

RV_TASK_TEST(test_timeout_outer_one_of_two_expires)
{
    rove_timeout outer, inner;
    rove_timeout_enter(&outer, RV_TEST_SOON);
    int rc = sleep_in_block(&inner, ROVE_SEC(60));
    RV_EXPECT_EQ(rc, -ECANCELED);
    RV_EXPECT(!rove_timeout_expired(&inner));
    RV_EXPECT_EQ(rove_timeout_exit(&outer, rc), -ETIMEDOUT);
    return 0;
}

/* Goal: both expire before the body notices: both take their request back, the outer one tells. */
RV_TASK_TEST(test_timeout_both_of_two_expire)
{
    rove_timeout outer, inner;
    rove_timeout_enter(&outer, RV_TEST_SOON);
    rove_timeout_enter(&inner, RV_TEST_SOON);
    while (rove_cancelling(rove_current_task()) < 2)
        (void)rove_yield(); /* takes deliveries, counts stay */
    int rc = rove_timeout_exit(&inner, -ECANCELED);
    RV_EXPECT(rc == -ETIMEDOUT || rc == -ECANCELED);
    RV_EXPECT(rove_timeout_expired(&inner) && rove_timeout_expired(&outer));
    RV_EXPECT_EQ(rove_timeout_exit(&outer, -ECANCELED), -ETIMEDOUT);
    RV_EXPECT_EQ(rove_cancelling(rove_current_task()), 0);
    RV_EXPECT_EQ(rove_yield(), 0);
    return 0;
}

struct block {
    rove_timeout t;
    rove_duration d;
    RV_ATOMIC(int) stage;
    int rc, left;
};

static int block_body(void *arg, RV_UNUSED void **result)
{
    struct block *b = arg;
    rove_timeout_enter(&b->t, b->d);
    rv_store_release(&b->stage, 1);
    int rc = rove_sleep(ROVE_FOREVER);
    b->rc = rove_timeout_exit(&b->t, rc);
    b->left = rove_cancelling(rove_current_task());
    return b->rc;
}

/* Goal: somebody else's cancellation in a block is his, not the block's. */
RV_TASK_TEST(test_timeout_cancelled_from_outside_stays_cancelled)
{
    struct block b = {.d = ROVE_SEC(60)};
    rove_task *t = rove_create_task(block_body, &b);
    while (rv_load_acquire(&b.stage) == 0)
        rove_yield();
    rove_yield();
    rove_cancel(t);
    RV_EXPECT_EQ(rove_join(t, NULL), -ECANCELED);
    RV_EXPECT_EQ(b.left, 1);
    RV_EXPECT(!rove_timeout_expired(&b.t));
    return 0;
}

/* Goal: expired and cancelled from outside: the other request wins. */
static int both_body(void *arg, RV_UNUSED void **result)
{
    rove_timeout *t = arg;
    rove_timeout_enter(t, RV_TEST_SOON);
    RV_EXPECT_EQ(rove_sleep(ROVE_FOREVER), -ECANCELED);
    RV_EXPECT(rove_timeout_expired(t));
    rove_cancel(rove_current_task());
    return rove_timeout_exit(t, -ECANCELED);
}

RV_TASK_TEST(test_timeout_expired_and_cancelled_from_outside_is_cancelled)
{
    rove_timeout block;
    rove_task *t = rove_create_task(both_body, &block);
    RV_EXPECT_EQ(rove_await(t, NULL), -ECANCELED);
    RV_EXPECT_EQ(rove_cancelling(t), 1);
    rove_release(t);
    return 0;
}

/* Goal: requests open at entry do not count: the block's own still becomes -ETIMEDOUT. */
RV_TASK_TEST(test_timeout_in_clean_up_of_a_cancelled_task_still_tells)
{
    rove_timeout t;
    rove_cancel(rove_current_task());
    RV_EXPECT_EQ(rove_yield(), -ECANCELED);
    RV_EXPECT_EQ(sleep_in_block(&t, RV_TEST_SOON), -ETIMEDOUT);
    RV_EXPECT_EQ(rove_uncancel(rove_current_task()), 0);
    return 0;
}

RV_TASK_TEST(test_timeout_rescheduled_obeys_the_new_deadline)
{
    rove_timeout t;
    rove_timeout_enter(&t, ROVE_SEC(60));
    RV_EXPECT_EQ(rove_timeout_reschedule(&t, -1), 0);
    rove_time when = rove_now() + RV_TEST_SOON;
    RV_EXPECT_EQ(rove_timeout_reschedule(&t, when), 0);
    RV_EXPECT_EQ(rove_sleep(ROVE_FOREVER), -ECANCELED);
    RV_EXPECT(rove_now() >= when);
    RV_EXPECT_EQ(rove_timeout_reschedule(&t, -1), -EALREADY);
    RV_EXPECT_EQ(rove_timeout_exit(&t, -ECANCELED), -ETIMEDOUT);
    RV_EXPECT_EQ(rove_timeout_reschedule(&t, -1), -EINVAL);
    return 0;
}

static int move_to(void *block, RV_UNUSED void **result)
{
    return rove_timeout_reschedule(block, rove_now() + RV_TEST_SOON);
}

static int put_off_often(void *block, RV_UNUSED void **result)
{
    for (int i = 0; i < 1000; i++) {
        RV_EXPECT_EQ(rove_timeout_reschedule(block, rove_now() + ROVE_SEC(60)), 0);
        RV_EXPECT_EQ(rove_yield(), 0);
    }
    return 0;
}

/* Goal: a task that makes progress puts off the limit of the one that waits for it; several may at
 * once. One that has struck is not moved any more. */
RV_TASK_TEST(test_timeout_rescheduled_by_another_task)
{
    rove_timeout t;
    rove_task *ts[4];
    rove_timeout_enter(&t, ROVE_SEC(60));
    for (int i = 0; i < 4; i++) {
        ts[i] = rove_create_task(put_off_often, &t);
    }
    RV_EXPECT_EQ(rove_gather(4, ts, NULL), 0);
    rove_task *mover = rove_create_task(move_to, &t);
    RV_EXPECT_EQ(rove_sleep(ROVE_FOREVER), -ECANCELED);
    RV_EXPECT_EQ(rove_join(mover, NULL), 0);
    RV_EXPECT_EQ(rove_join(rove_create_task(move_to, &t), NULL), -EALREADY);
    RV_EXPECT_EQ(rove_timeout_exit(&t, -ECANCELED), -ETIMEDOUT);
    RV_EXPECT_EQ(rove_join(rove_create_task(move_to, &t), NULL), -EINVAL);
    for (int i = 0; i < 4; i++) {
        rove_release(ts[i]);
    }
    return 0;
}

static int late_body(void *arg, void **result)
{
    *result = arg;
    return rove_sleep(ROVE_FOREVER) == -ECANCELED ? 0 : -1;
}

RV_TASK_TEST(test_wait_for_returns_a_result_in_time)
{
    struct rv_actor a = {.yields = 3, .value = &a};
    rove_task *t = rove_create_task(rv_actor_run, &a);
    void *value = NULL;
    RV_EXPECT_EQ(rove_wait_for(t, ROVE_SEC(60), &value), 0);
    RV_EXPECT_PTR(value, &a);
    RV_EXPECT_EQ(rove_wait_for(t, 0, &value), 0);
    RV_EXPECT_EQ(rove_wait_for(t, ROVE_FOREVER, NULL), 0);
    RV_EXPECT_EQ(rove_wait_for(NULL, 0, NULL), -EINVAL);
    RV_EXPECT_EQ(rove_wait_for(rove_current_task(), 0, NULL), -EDEADLK);
    rove_release(t);
    return 0;
}

/* Goal: too late means: cancelled, ended, -ETIMEDOUT. */
RV_TASK_TEST(test_wait_for_cancels_and_waits_for_the_end)
{
    struct rv_actor a = {.yields = -1};
    rove_task *t = rove_create_task(rv_actor_run, &a);
    while (!rv_actor_has_begun(&a)) {
        RV_EXPECT_EQ(rove_yield(), 0);
    }
    RV_EXPECT_EQ(rove_wait_for(t, RV_TEST_SOON, NULL), -ETIMEDOUT);
    RV_EXPECT(rove_cancelled(t));
    RV_EXPECT_EQ(a.ended, 1);
    rove_release(t);
    rove_future *f = rove_create_future();
    RV_EXPECT_EQ(rove_wait_for(f, RV_TEST_SOON, NULL), -ETIMEDOUT);
    RV_EXPECT(rove_cancelled(f));
    rove_release(f);
    return 0;
}

static RV_ATOMIC(int64_t) added_ns;

static int64_t shifted_clock(void)
{
    return rv_os_clock_ns() + rv_load_relaxed(&added_ns);
}

static void ignore(RV_UNUSED void *ctx)
{
}

static int wait_an_hour(void *f, void **result)
{
    return rove_wait_for(f, ROVE_SEC(3600), result);
}

/* One worker: the future is set, then two hours pass before who waits for it can run. */
static int found_late_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    int value;
    void *got = NULL;
    rove_future *f = rove_create_future();
    rove_task *t = rove_create_task(wait_an_hour, f);
    RV_EXPECT_EQ(rove_yield(), 0);
    RV_EXPECT_EQ(rove_set_result(f, &value), 0);
    (void)rv_fetch_add_relaxed(&added_ns, ROVE_SEC(7200));
    rove_handle_release(rove_call_later(0, ignore, NULL)); /* has the timers looked at first */
    RV_EXPECT_EQ(rove_join(t, &got), 0);
    RV_EXPECT_PTR(got, &value);
    rove_release(f);
    return 0;
}

/* Goal: what came first is the outcome; a value is not lost because nobody had run meanwhile. */
static void test_wait_for_returns_a_value_that_is_found_late(void **state)
{
    (void)state;
    rv_clock_set_source(shifted_clock);
    rv_test_run_on(1, found_late_body, NULL);
    rv_clock_set_source(NULL);
}

/* Goal: what swallows the cancellation and succeeds has succeeded; what fails has failed so. */
RV_TASK_TEST(test_wait_for_keeps_the_outcome_of_who_ends_otherwise)
{
    void *value = NULL;
    struct rv_actor late = {.yields = -1, .when_cancelled = RV_ACTOR_SWALLOWS, .value = &late};
    rove_task *t = rove_create_task(rv_actor_run, &late);
    while (!rv_actor_has_begun(&late)) {
        RV_EXPECT_EQ(rove_yield(), 0);
    }
    RV_EXPECT_EQ(rove_wait_for(t, RV_TEST_SOON, &value), 0);
    RV_EXPECT_PTR(value, &late);
    rove_release(t);
    struct rv_actor a = {.yields = -1, .when_cancelled = RV_ACTOR_FAILS, .cancelled_rc = EIO_APP};
    t = rove_create_task(rv_actor_run, &a);
    while (!rv_actor_has_begun(&a)) {
        RV_EXPECT_EQ(rove_yield(), 0);
    }
    RV_EXPECT_EQ(rove_wait_for(t, RV_TEST_SOON, NULL), EIO_APP);
    rove_release(t);
    RV_EXPECT_EQ(rove_cancelling(rove_current_task()), 0);
    return 0;
}

RV_TASK_TEST(test_wait_for_no_time_cancels_at_once)
{
    struct rv_actor fresh = {.yields = 1};
    struct rv_actor stubborn = {.yields = -1, .when_cancelled = RV_ACTOR_SWALLOWS};
    rove_task *t = rove_create_task(rv_actor_run, &fresh);
    int rc = rove_wait_for(t, 0, NULL);
    RV_EXPECT_EQ(rc, -ETIMEDOUT);
    RV_EXPECT(rove_done(t));
    rove_release(t);
    t = rove_create_task(rv_actor_run, &stubborn);
    while (!rv_actor_has_begun(&stubborn))
        rove_yield();
    RV_EXPECT_EQ(rove_wait_for(t, 0, NULL), 0);
    rove_release(t);
    return 0;
}

struct waiting {
    rove_future *f;
    RV_ATOMIC(uint32_t) has_begun;
};

static int wait_for_body(void *arg, void **result)
{
    struct waiting *w = arg;
    rv_store_relaxed(&w->has_begun, 1u);
    return rove_wait_for(w->f, ROVE_SEC(60), result);
}

RV_TASK_TEST(test_wait_for_cancelled_caller_cancels_the_future)
{
    rove_future *f = rove_create_future();
    struct waiting w = {.f = f};
    rove_task *t = rove_create_task(wait_for_body, &w);
    while (rv_load_relaxed(&w.has_begun) == 0)
        rove_yield();
    rove_cancel(t);
    RV_EXPECT_EQ(rove_join(t, NULL), -ECANCELED);
    RV_EXPECT(rove_cancelled(f));
    rove_release(f);
    return 0;
}

RV_TASK_TEST(test_wait_for_a_future_that_was_cancelled_is_cancelled)
{
    rove_future *f = rove_create_future();
    rove_cancel(f);
    RV_EXPECT_EQ(rove_wait_for(f, ROVE_SEC(60), NULL), -ECANCELED);
    RV_EXPECT_EQ(rove_wait_for(f, 0, NULL), -ECANCELED);
    rove_release(f);
    return 0;
}

RV_TASK_TEST(test_wait_for_call_runs_in_the_calling_task)
{
    struct rv_actor a = {.yields = 2, .value = &a}, slow = {.yields = -1}, never = {0};
    void *value = NULL;
    RV_EXPECT_EQ(rove_wait_for_call(rv_actor_run, &a, ROVE_SEC(60), &value), 0);
    RV_EXPECT_PTR(value, &a);
    RV_EXPECT_EQ(rove_wait_for_call(rv_actor_run, &slow, RV_TEST_SOON, NULL), -ETIMEDOUT);
    RV_EXPECT_EQ(slow.ended, 1);
    RV_EXPECT_EQ(rove_wait_for_call(rv_actor_run, &never, 0, NULL), -ETIMEDOUT);
    RV_EXPECT_EQ(never.begun, 0);
    a = (struct rv_actor){.yields = -1, .when_cancelled = RV_ACTOR_SWALLOWS, .rc = EIO_APP};
    RV_EXPECT_EQ(rove_wait_for_call(rv_actor_run, &a, RV_TEST_SOON, NULL), EIO_APP);
    RV_EXPECT_EQ(rove_wait_for_call(NULL, NULL, 0, NULL), -EINVAL);
    return 0;
}

/* Goal: the deadline and the end of the body race: one request or none, nothing left behind. */
RV_TASK_TEST(test_timeout_races_with_the_end_of_its_block)
{
    enum { ROUNDS = RV_TSAN || RV_ASAN ? 500 : 4000 };
    for (unsigned round = 0; round < ROUNDS; round++) {
        rove_timeout t;
        rove_timeout_enter(&t, ROVE_US(round % 8));
        int rc = 0;
        for (unsigned i = 0; i < round % 16 && rc == 0; i++)
            rc = rove_yield();
        int exit_rc = rove_timeout_exit(&t, rc);
        RV_REQUIRE(rc == 0 ? exit_rc == 0 : exit_rc == -ETIMEDOUT);
        RV_REQUIRE_EQ(rove_cancelling(rove_current_task()), 0);
        RV_REQUIRE_EQ(rove_yield(), 0);
    }
    return 0;
}

static void test_timeout_outside_a_task_does_nothing(void **state)
{
    rove_timeout t;
    (void)state;
    rove_timeout_enter(&t, 0);
    RV_EXPECT_EQ(rove_timeout_reschedule(&t, 0), -EPERM);
    RV_EXPECT_EQ(rove_timeout_exit(&t, 5), 5);
    RV_EXPECT(!rove_timeout_expired(&t));
    rove_future *f = rove_create_future();
    RV_EXPECT_EQ(rove_wait_for(f, 0, NULL), -EPERM);
    RV_EXPECT_EQ(rove_wait_for_call(late_body, NULL, 0, NULL), -EPERM);
    rove_release(f);
    rv_test_settle();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_timeout_expired_block_returns_etimedout),
        cmocka_unit_test(test_timeout_left_in_time_returns_what_it_came_to),
        cmocka_unit_test(test_timeout_of_zero_strikes_at_the_next_suspension),
        cmocka_unit_test(test_timeout_of_zero_strikes_a_mere_yield),
        cmocka_unit_test(test_timeout_expired_keeps_other_outcomes),
        cmocka_unit_test(test_timeout_inner_one_of_two_expires),
        cmocka_unit_test(test_timeout_outer_one_of_two_expires),
        cmocka_unit_test(test_timeout_both_of_two_expire),
        cmocka_unit_test(test_timeout_cancelled_from_outside_stays_cancelled),
        cmocka_unit_test(test_timeout_expired_and_cancelled_from_outside_is_cancelled),
        cmocka_unit_test(test_timeout_in_clean_up_of_a_cancelled_task_still_tells),
        cmocka_unit_test(test_timeout_rescheduled_obeys_the_new_deadline),
        cmocka_unit_test(test_timeout_rescheduled_by_another_task),
        cmocka_unit_test(test_wait_for_returns_a_result_in_time),
        cmocka_unit_test(test_wait_for_cancels_and_waits_for_the_end),
        cmocka_unit_test(test_wait_for_returns_a_value_that_is_found_late),
        cmocka_unit_test(test_wait_for_keeps_the_outcome_of_who_ends_otherwise),
        cmocka_unit_test(test_wait_for_no_time_cancels_at_once),
        cmocka_unit_test(test_wait_for_cancelled_caller_cancels_the_future),
        cmocka_unit_test(test_wait_for_a_future_that_was_cancelled_is_cancelled),
        cmocka_unit_test(test_wait_for_call_runs_in_the_calling_task),
        cmocka_unit_test(test_timeout_races_with_the_end_of_its_block),
        cmocka_unit_test(test_timeout_outside_a_task_does_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
