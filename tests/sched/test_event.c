// SPDX-License-Identifier: MIT
/*
 * Purpose: the event: set, clear, wait, lifetime.
 */
#include "support/crowd.h"
#include "support/fixture.h"

struct scene {
    rove_event event;
    RV_ATOMIC(int) arrived, woken;
    int rc;
};

static int wait_and_count(void *arg, RV_UNUSED void **result)
{
    struct scene *s = arg;
    (void)rv_fetch_add_relaxed(&s->arrived, 1);
    int rc = rove_event_wait(&s->event);
    (void)rv_fetch_add_relaxed(&s->woken, rc == 0);
    return rc;
}

/* Goal: a set event lets everybody pass until it is cleared. */
RV_TASK_TEST(test_event_set_lets_pass_until_cleared)
{
    rove_event e = {0};
    RV_EXPECT(!rove_event_is_set(&e));
    rove_event_set(&e);
    rove_event_set(&e);
    RV_EXPECT(rove_event_is_set(&e));
    RV_EXPECT_EQ(rove_event_wait(&e), 0);
    RV_EXPECT_EQ(rove_event_wait(&e), 0);
    rove_event_clear(&e);
    RV_EXPECT(!rove_event_is_set(&e));
    RV_EXPECT_EQ(rove_event_wait(NULL), -EINVAL);
    RV_EXPECT_EQ(rove_event_wait_blocking(&e, 0), -EPERM);
    return 0;
}

/* Goal: one set wakes all, even if a clear follows at once. */
static int all_wake_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    struct scene s = {0};
    rove_task *tasks[10];
    for (int round = 0; round < 3; round++) {
        rv_store_relaxed(&s.arrived, 0);
        rv_store_relaxed(&s.woken, 0);
        for (int i = 0; i < 10; i++) {
            tasks[i] = rove_create_task(wait_and_count, &s);
        }
        RV_YIELD_UNTIL(rv_load_relaxed(&s.arrived) == 10);
        RV_EXPECT_EQ(rv_load_relaxed(&s.woken), 0);
        rove_event_set(&s.event);
        rove_event_clear(&s.event);
        for (int i = 0; i < 10; i++) {
            RV_EXPECT_EQ(rove_join(tasks[i], NULL), 0);
        }
        RV_EXPECT_EQ(rv_load_relaxed(&s.woken), 10);
        RV_EXPECT(!rove_event_is_set(&s.event));
    }
    return 0;
}

static void test_event_set_and_clear_wakes_all_who_wait(void **state)
{
    (void)state;
    rv_test_run_on(1, all_wake_body, NULL);
}

/* Goal: a cancelled waiter returns -ECANCELED; the others still get the set. */
RV_TASK_TEST(test_event_cancelled_waiter_leaves_alone)
{
    struct scene s = {0};
    rove_task *first = rove_create_task(wait_and_count, &s);
    rove_task *second = rove_create_task(wait_and_count, &s);
    RV_YIELD_UNTIL(rv_load_relaxed(&s.arrived) == 2);
    RV_EXPECT(rove_cancel(first));
    RV_EXPECT_EQ(rove_join(first, NULL), -ECANCELED);
    rove_event_set(&s.event);
    RV_EXPECT_EQ(rove_join(second, NULL), 0);
    return 0;
}

static int wait_on_stack(void *arg, RV_UNUSED void **result)
{
    rove_event here = {0};
    /* order: release T1. The event lies here; pairs with the test below. */
    rv_store_release((RV_ATOMIC(rove_event *) *)arg, &here);
    return rove_event_wait(&here);
}

/* Goal: an event on the stack of its only waiter may go as soon as the wait returns.
 * Method: stacks are used again at once; a late access of the setter would be seen there. */
RV_TASK_TEST(test_event_on_the_waiters_stack_may_go_at_once)
{
    for (int i = 0; i < 500; i++) {
        RV_ATOMIC(rove_event *) there = NULL;
        rove_task *t = rove_create_task(wait_on_stack, (void *)&there);
        rove_event *e;
        /* order: acquire T1. Pairs with wait_on_stack. */
        RV_YIELD_UNTIL((e = rv_load_acquire(&there)) != NULL);
        rove_event_set(e);
        RV_REQUIRE_EQ(rove_join(t, NULL), 0);
    }
    return 0;
}

static void *set_in_thread(void *arg)
{
    rove_event_set(arg);
    return NULL;
}

static void *wait_in_thread(void *arg)
{
    struct scene *s = arg;
    s->rc = rove_event_wait_blocking(&s->event, ROVE_FOREVER);
    return NULL;
}

static int set_in_task(void *arg, RV_UNUSED void **result)
{
    rove_event_set(arg);
    return 0;
}

/* Goal: threads set for tasks, tasks for threads; a thread's wait times out; a wait is refused. */
static void test_event_crosses_between_threads_and_tasks(void **state)
{
    (void)state;
    struct scene s = {0};
    pthread_t thread;
    assert_int_equal(rove_event_wait(&s.event), -EPERM);
    assert_int_equal(rove_event_wait_blocking(&s.event, 0), -ETIMEDOUT);
    assert_int_equal(rove_event_wait_blocking(&s.event, ROVE_US(50)), -ETIMEDOUT);
    assert_int_equal(pthread_create(&thread, NULL, wait_in_thread, &s), 0);
    assert_int_equal(rove_run(set_in_task, &s.event, NULL), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(s.rc, 0);
    rove_event_clear(&s.event);
    assert_int_equal(pthread_create(&thread, NULL, set_in_thread, &s.event), 0);
    assert_int_equal(rove_run(wait_and_count, &s, NULL), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

struct stress {
    rove_event event[2];
    RV_ATOMIC(unsigned) waits;
    unsigned rounds;
};

/* A member waits for event 0; the one who drives sets it and clears it. */
static bool stress_step(struct rv_member *m)
{
    struct stress *s = m->ctx;
    unsigned dice = rv_rand_below(&m->rand, 16);
    int rc = m->is_task ? rove_event_wait(&s->event[dice & 1])
                        : rove_event_wait_blocking(&s->event[dice & 1], ROVE_US(dice));
    RV_EXPECT(rc == 0 || rc == (m->is_task ? -ECANCELED : -ETIMEDOUT));
    m->done += rc == 0;
    return m->done < s->rounds;
}

/* Goal: with sets, clears, cancels and timeouts at random, no waiter is left behind a set. */
static int stress_body(void *arg, RV_UNUSED void **result)
{
    struct stress s = {.rounds = *(unsigned *)arg * rv_crowd_factor()};
    struct rv_crowd crowd;
    struct rv_rand rand;
    rv_rand_seed(&rand, rv_crowd_seed());
    rv_crowd_start(&crowd, 12, 2, stress_step, &s);
    while (!rv_crowd_is_finished(&crowd)) {
        /* Mostly unset, so that most waits wait: half of the sets are undone at once. */
        uint32_t dice = rv_rand_below(&rand, 4);
        rove_event_set(&s.event[dice & 1]);
        if (dice < 2) {
            rv_crowd_harass(&crowd, &rand);
        }
        rove_event_clear(&s.event[dice & 1]);
        rv_crowd_harass(&crowd, &rand);
    }
    RV_EXPECT_EQ(rv_crowd_finish(&crowd, &rand), 14ul * s.rounds);
    return 0;
}

static void test_event_stress_leaves_nobody_behind(void **state)
{
    (void)state;
    unsigned rounds = 1000;
    rv_test_run(stress_body, &rounds);
    rv_test_run_on(64, stress_body, &rounds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_event_set_lets_pass_until_cleared),
        cmocka_unit_test(test_event_set_and_clear_wakes_all_who_wait),
        cmocka_unit_test(test_event_cancelled_waiter_leaves_alone),
        cmocka_unit_test(test_event_on_the_waiters_stack_may_go_at_once),
        cmocka_unit_test(test_event_crosses_between_threads_and_tasks),
        cmocka_unit_test(test_event_stress_leaves_nobody_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
