// SPDX-License-Identifier: MIT
/*
 * Purpose: once: one call that counts, failures that do not, waiting for another's call.
 */
#include "support/crowd.h"
#include "support/fixture.h"

struct scene {
    rove_once once;
    RV_ATOMIC(int) calls;
    int failures; /* how many calls are to fail first */
    int value;    /* plain: written by the call that counts, read by all after it */
    rove_event gate;
    int nested;
};

static int initialise(void *ctx)
{
    struct scene *s = ctx;
    (void)rv_fetch_add_relaxed(&s->calls, 1);
    int rc = rove_yield();
    if (rc == 0 && s->failures > 0) {
        s->failures--;
        return -5000;
    }
    s->value += rc == 0;
    return rc;
}

static int call_it(void *arg, RV_UNUSED void **result)
{
    struct scene *s = arg;
    int rc = rove_once_call(&s->once, initialise, s);
    if (rc == 0) {
        RV_EXPECT_EQ(s->value, 1);
    }
    return rc;
}

/* Goal: of many callers one runs the function, all see what it did. */
RV_TASK_TEST(test_once_many_callers_make_one_call)
{
    for (int round = 0; round < 50; round++) {
        struct scene s = {0};
        rove_task *tasks[10];
        for (int i = 0; i < 10; i++) {
            tasks[i] = rove_create_task(call_it, &s);
        }
        for (int i = 0; i < 10; i++) {
            RV_EXPECT_EQ(rove_join(tasks[i], NULL), 0);
        }
        RV_EXPECT_EQ(rv_load_relaxed(&s.calls), 1);
        RV_EXPECT_EQ(rove_once_call(&s.once, initialise, &s), 0);
        RV_EXPECT_EQ(rv_load_relaxed(&s.calls), 1);
        RV_EXPECT_EQ(rove_once_call_blocking(&s.once, initialise, &s, 0), -EPERM);
    }
    return 0;
}

/* Goal: a failed call is its caller's; the next waiter tries again, and then it is done. */
static int failure_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    struct scene s = {.failures = 2};
    rove_task *tasks[4];
    for (int i = 0; i < 4; i++) {
        tasks[i] = rove_create_task(call_it, &s);
    }
    RV_EXPECT_EQ(rove_join(tasks[0], NULL), -5000);
    RV_EXPECT_EQ(rove_join(tasks[1], NULL), -5000);
    RV_EXPECT_EQ(rove_join(tasks[2], NULL), 0);
    RV_EXPECT_EQ(rove_join(tasks[3], NULL), 0);
    RV_EXPECT_EQ(rv_load_relaxed(&s.calls), 3);
    return 0;
}

static void test_once_failed_call_does_not_count(void **state)
{
    (void)state;
    rv_test_run_on(1, failure_body, NULL);
}

static int wait_at_the_gate(void *ctx)
{
    struct scene *s = ctx;
    (void)rv_fetch_add_relaxed(&s->calls, 1);
    s->nested = rove_once_call(&s->once, wait_at_the_gate, s);
    int rc = rove_event_wait(&s->gate);
    s->value += rc == 0;
    return rc;
}

static int call_gated(void *arg, RV_UNUSED void **result)
{
    struct scene *s = arg;
    return rove_once_call(&s->once, wait_at_the_gate, s);
}

/* Goal: a cancelled caller hands the call to one who waits; a cancelled waiter just leaves; a call
 * from within is refused. */
static int cancel_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    struct scene s = {0};
    rove_task *tasks[3];
    for (int i = 0; i < 3; i++) {
        tasks[i] = rove_create_task(call_gated, &s);
    }
    RV_YIELD_UNTIL(rv_load_relaxed(&s.calls) == 1);
    RV_EXPECT(rove_cancel(tasks[1]));
    RV_EXPECT_EQ(rove_join(tasks[1], NULL), -ECANCELED);
    RV_EXPECT(rove_cancel(tasks[0]));
    RV_EXPECT_EQ(rove_join(tasks[0], NULL), -ECANCELED);
    RV_YIELD_UNTIL(rv_load_relaxed(&s.calls) == 2);
    rove_event_set(&s.gate);
    RV_EXPECT_EQ(rove_join(tasks[2], NULL), 0);
    RV_EXPECT_EQ(s.value, 1);
    RV_EXPECT_EQ(s.nested, -EDEADLK);
    RV_EXPECT_EQ(rove_once_call(&s.once, NULL, NULL), -EINVAL);
    return 0;
}

static void test_once_cancelled_call_goes_to_the_next(void **state)
{
    (void)state;
    rv_test_run_on(1, cancel_body, NULL);
}

static int count_call(void *ctx)
{
    struct scene *s = ctx;
    s->value++;
    return 0;
}

static void *call_in_thread(void *arg)
{
    struct scene *s = arg;
    RV_EXPECT_EQ(rove_once_call_blocking(&s->once, count_call, s, ROVE_FOREVER), 0);
    RV_EXPECT_EQ(s->value, 1);
    return NULL;
}

/* Goal: the same among plain threads. */
static void test_once_serves_plain_threads(void **state)
{
    (void)state;
    for (int round = 0; round < 50; round++) {
        struct scene s = {0};
        pthread_t threads[3];
        for (int i = 0; i < 3; i++) {
            assert_int_equal(pthread_create(&threads[i], NULL, call_in_thread, &s), 0);
        }
        for (int i = 0; i < 3; i++) {
            assert_int_equal(pthread_join(threads[i], NULL), 0);
        }
        assert_int_equal(rove_once_call(&s.once, count_call, &s), -EPERM);
    }
    rv_test_settle();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_once_many_callers_make_one_call),
        cmocka_unit_test(test_once_failed_call_does_not_count),
        cmocka_unit_test(test_once_cancelled_call_goes_to_the_next),
        cmocka_unit_test(test_once_serves_plain_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
