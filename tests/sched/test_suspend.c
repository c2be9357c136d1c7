// SPDX-License-Identifier: MIT
/*
 * Purpose: sched/suspend.h: publish, then park: no wake is lost; and the edges of sleeping.
 */
#include "support/child.h"
#include "support/crowd.h"
#include "support/fixture.h"

#include "core/clock.h"
#include "sched/current.h"
#include "sched/runtime.h"
#include "sched/suspend.h"

#include <errno.h>
#include <pthread.h>

enum { ROUNDS = 3000 };

struct ball {
    struct rv_task *player[2];
    RV_ATOMIC(uint32_t) turn; /* whose it is */
    RV_ATOMIC(uint32_t) passes;
    RV_ATOMIC(uint32_t) ready;
};

static int play(struct ball *b, uint32_t me)
{
    struct rv_task *self = rv_current_task();
    b->player[me] = self;
    (void)rv_fetch_add_acq_rel(&b->ready, 1u);
    RV_YIELD_UNTIL(rv_load_acquire(&b->ready) == 2);
    for (int i = 0; i < ROUNDS; i++) {
        while (rv_load_acquire(&b->turn) != me)
            rv_park(self, RV_WAIT_EVENT, b);
        (void)rv_fetch_add_relaxed(&b->passes, 1u);
        rv_store_release(&b->turn, 1 - me);
        rv_wake(b->player[1 - me]);
    }
    return 0;
}

static int play_second(void *arg, RV_UNUSED void **result)
{
    return play(arg, 1);
}

/* Goal: however a wake and a park meet, nobody sleeps over his turn. */
RV_TASK_TEST(test_suspend_no_wake_is_lost_between_two_tasks)
{
    struct ball b = {0};
    rove_task *t = rove_create_task(play_second, &b);
    RV_EXPECT_EQ(play(&b, 0), 0);
    RV_EXPECT_EQ(rove_join(t, NULL), 0);
    RV_EXPECT_EQ(rv_load_relaxed(&b.passes), 2 * ROUNDS);
    return 0;
}

struct knock {
    struct rv_task *task;
    RV_ATOMIC(uint32_t) sent, seen;
};

static void *knock_often(void *arg)
{
    struct knock *k = arg;
    for (uint32_t i = 1; i <= ROUNDS / 10; i++) {
        rv_store_release(&k->sent, i);
        rv_wake(k->task);
        while (rv_load_acquire(&k->seen) != i)
            sched_yield();
    }
    return NULL;
}

/* Goal: the same from a thread outside of the runtime. */
RV_TASK_TEST(test_suspend_no_wake_is_lost_from_outside)
{
    struct knock k = {.task = rv_current_task()};
    pthread_t thread;
    RV_REQUIRE_EQ(pthread_create(&thread, NULL, knock_often, &k), 0);
    for (uint32_t i = 1; i <= ROUNDS / 10; i++) {
        while (rv_load_acquire(&k.sent) != i)
            rv_park(k.task, RV_WAIT_EVENT, &k);
        rv_store_release(&k.seen, i);
    }
    RV_EXPECT_EQ(pthread_join(thread, NULL), 0);
    return 0;
}

/* Goal: wakes that come before a park are one: the first park returns, the second one waits. */
RV_TASK_TEST(test_suspend_early_wakes_are_one)
{
    struct rv_task *self = rv_current_task();
    uint64_t step = rv_load_relaxed(&rv_current_worker()->step);
    rv_wake(self);
    rv_wake(self);
    rv_park(self, RV_WAIT_EVENT, NULL);
    RV_EXPECT_EQ(rv_load_relaxed(&rv_current_worker()->step), step); /* without a switch */
    RV_EXPECT(!rv_state_take_wake(&self->future.state));
    RV_EXPECT_EQ(self->wait_kind, RV_WAIT_NONE);
    return 0;
}

struct view {
    struct rv_task *task;
    uint8_t kind;
    const void *object;
};

static int look_and_wake(void *arg, RV_UNUSED void **result)
{
    struct view *v = arg;
    bool is_busy;
    while (!rv_state_pin(&v->task->future.state, &is_busy))
        (void)rove_yield();
    v->kind = v->task->wait_kind;
    v->object = v->task->wait_object;
    (void)rv_state_unpin(&v->task->future.state, false);
    rv_wake(v->task);
    return 0;
}

/* Goal: what a parked task waits for can be read by who pins it, and is gone when it runs. */
RV_TASK_TEST(test_suspend_wait_is_described_while_it_lasts)
{
    struct view v = {.task = rv_current_task()};
    rove_task *t = rove_create_task(look_and_wake, &v);
    rv_park(v.task, RV_WAIT_BARRIER, &v);
    RV_EXPECT_EQ(v.task->wait_kind, RV_WAIT_NONE);
    RV_EXPECT_EQ(rove_join(t, NULL), 0);
    RV_EXPECT_EQ(v.kind, RV_WAIT_BARRIER);
    RV_EXPECT_PTR(v.object, &v);
    return 0;
}

static void suspend_in_callback(RV_UNUSED rove_future *f, RV_UNUSED void *ctx)
{
    rv_park(rv_load_relaxed(&rv_current_worker()->current), RV_WAIT_EVENT, NULL);
}

static int callback_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    rove_future *f = rove_create_future();
    (void)rove_add_done_callback(f, suspend_in_callback, NULL);
    (void)rove_set_result(f, NULL);
    return rove_await(f, NULL);
}

static int run_callback_body(void)
{
    return rove_run_with(&(rove_options){.workers = 1}, callback_body, NULL, NULL);
}

static void test_suspend_callback_may_not(void **state)
{
    (void)state;
    assert_true(rv_child_breaks(run_callback_body, "a callback must not suspend"));
}

static int wait_for_ever(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    return rove_sleep(ROVE_FOREVER);
}

static int wait_until_for_ever(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    return rove_sleep_until(-1);
}

static int wait_very_long(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    return rove_sleep(INT64_MAX - 1); /* the deadline would be beyond the end of time */
}

/* Goal: a sleep without end, or with one no clock reaches, ends by cancellation; its timer goes
 * with it (the runtime's end checks that). */
RV_TASK_TEST(test_suspend_endless_waits_end_by_cancellation)
{
    static rove_coro *const waits[] = {wait_for_ever, wait_until_for_ever, wait_very_long};
    for (size_t i = 0; i < RV_ARRAY_LEN(waits); i++) {
        rove_task *t = rove_create_task(waits[i], NULL);
        for (int k = 0; k < 20; k++)
            (void)rove_yield();
        RV_EXPECT(!rove_done(t));
        RV_EXPECT(rove_cancel(t));
        RV_EXPECT_EQ(rove_join(t, NULL), -ECANCELED);
    }
    return 0;
}

static int cancelled_before(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    static int (*const calls[])(rove_duration) = {rove_sleep, rove_sleep_until};
    struct rv_task *self = rv_current_task();
    for (size_t i = 0; i < RV_ARRAY_LEN(calls); i++) {
        for (int k = 0; k < 3; k++) {
            rove_duration d = k == 0 ? 0 : k == 1 ? rove_now() + ROVE_SEC(1000) : ROVE_FOREVER;
            rv_put_back_cancel(self);
            RV_EXPECT_EQ(calls[i](d), -ECANCELED);
            RV_EXPECT(!rv_take_cancel(self)); /* delivered once */
        }
    }
    rv_put_back_cancel(self);
    RV_EXPECT_EQ(rove_yield(), -ECANCELED);
    return 0;
}

/* Goal: a pending cancellation is delivered by each of them, once, before any wait. */
RV_TASK_TEST(test_suspend_pending_cancellation_comes_first)
{
    return rove_join(rove_create_task(cancelled_before, NULL), NULL);
}

static int set_flag(void *arg, RV_UNUSED void **result)
{
    *(bool *)arg = true;
    return 0;
}

static int past_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    const rove_time past[] = {0, 1, rove_now()};
    for (size_t i = 0; i < RV_ARRAY_LEN(past); i++) {
        bool has_run = false;
        rove_task *t = rove_create_task(set_flag, &has_run);
        RV_EXPECT_EQ(rove_sleep_until(past[i]), 0);
        RV_EXPECT(has_run);
        RV_EXPECT_EQ(rove_join(t, NULL), 0);
    }
    rove_time deadline = rove_now() + 30000;
    RV_EXPECT_EQ(rove_sleep_until(deadline), 0);
    RV_EXPECT(rove_now() >= deadline); /* never early */
    return 0;
}

/* Goal: times that have come are a yield: another ready task runs, and the clock is not waited
 * for. */
static void test_suspend_time_that_has_come_is_a_yield(void **state)
{
    (void)state;
    rv_test_run_on(1, past_body, NULL);
    assert_int_equal(rove_yield(), -EPERM);
    assert_int_equal(rove_sleep(0), -EPERM);
    assert_int_equal(rove_sleep(1), -EPERM);
    assert_int_equal(rove_sleep_until(rove_now() + ROVE_SEC(1)), -EPERM);
}

/* Goal: in turn means a round later with one worker, and nothing with more. */
RV_TASK_TEST(test_suspend_resume_in_turn_is_for_one_worker)
{
    struct rv_task *self = rv_current_task();
    uint64_t step = rv_load_relaxed(&self->worker->step);
    rv_resume_in_turn(self);
    RV_EXPECT_EQ(rv_load_relaxed(&self->worker->step) != step, self->runtime->worker_count == 1);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_suspend_no_wake_is_lost_between_two_tasks),
        cmocka_unit_test(test_suspend_no_wake_is_lost_from_outside),
        cmocka_unit_test(test_suspend_early_wakes_are_one),
        cmocka_unit_test(test_suspend_wait_is_described_while_it_lasts),
        cmocka_unit_test(test_suspend_callback_may_not),
        cmocka_unit_test(test_suspend_endless_waits_end_by_cancellation),
        cmocka_unit_test(test_suspend_pending_cancellation_comes_first),
        cmocka_unit_test(test_suspend_time_that_has_come_is_a_yield),
        cmocka_unit_test(test_suspend_resume_in_turn_is_for_one_worker),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
