// SPDX-License-Identifier: MIT
/*
 * Purpose: sleeping and yielding: never early, in the order of the deadlines, cancellable.
 * Idea:    the real clock and the real timers of both back-ends, so some of it takes milliseconds;
 *          on the virtual clock the same is in tests/sim/test_scopes.c.
 */
#include "support/actor.h"
#include "support/fixture.h"

RV_TASK_TEST(test_sleep_is_never_early)
{
    const rove_duration lengths[] = {1, ROVE_US(1), ROVE_US(137), ROVE_MS(1)};
    for (size_t i = 0; i < RV_ARRAY_LEN(lengths); i++) {
        rove_time begin = rove_now();
        RV_EXPECT_EQ(rove_sleep(lengths[i]), 0);
        RV_EXPECT(rove_now() - begin >= lengths[i]);
        rove_time when = rove_now() + lengths[i];
        RV_EXPECT_EQ(rove_sleep_until(when), 0);
        RV_EXPECT(rove_now() >= when);
    }
    return 0;
}

struct sleeper {
    rove_time when;
    const char *name;
    struct rv_trace *trace;
};

static int sleep_until(void *arg, RV_UNUSED void **result)
{
    struct sleeper *s = arg;
    int rc = rove_sleep_until(s->when);
    rv_trace_add(s->trace, s->name, " ");
    return rc;
}

/* False: the machine was so late that a deadline had passed before all slept: no race was run. */
static bool sleep_in_order(rove_duration unit)
{
    struct rv_trace trace = {""};
    rove_time now = rove_now();
    struct sleeper s[] = {{now + 3 * unit, "c", &trace},
                          {now + unit, "a", &trace},
                          {now + 2 * unit, "b", &trace},
                          {now + 3 * unit + 1, "d", &trace}};
    rove_task *fs[4];
    for (size_t i = 0; i < 4; i++)
        fs[i] = rove_create_task(sleep_until, &s[i]);
    RV_EXPECT_EQ(rove_yield(), 0);
    bool is_valid = rove_now() < now + unit;
    for (size_t i = 0; i < 4; i++)
        RV_EXPECT_EQ(rove_join(fs[i], NULL), 0);
    if (is_valid)
        RV_EXPECT_STR(trace.text, "a b c d ");
    return is_valid;
}

/* Goal: however late the worker is, the earlier deadline is woken first. */
static int order_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    rove_duration unit = ROVE_US(100);
    while (!sleep_in_order(unit))
        unit *= 2;
    return 0;
}

static void test_sleep_ends_in_the_order_of_the_deadlines(void **state)
{
    (void)state;
    rv_test_run_on(1, order_body, NULL);
}

/* Goal: 0, a yield and a time that has passed let the others run once, and only once. */
static int once_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    struct rv_trace trace = {""};
    struct rv_actor a = {.yields = 3, .name = "a", .trace = &trace};
    struct rv_actor b = {.yields = 1, .name = "b", .trace = &trace};
    rove_task *first = rove_create_task(rv_actor_run, &a);
    rove_task *second = rove_create_task(rv_actor_run, &b);
    RV_EXPECT_EQ(rove_sleep(0), 0);
    RV_EXPECT_STR(trace.text, "a+ b+ ");
    RV_EXPECT_EQ(rove_sleep_until(0), 0);
    RV_EXPECT_STR(trace.text, "a+ b+ b- ");
    RV_EXPECT_EQ(rove_yield(), 0);
    RV_EXPECT_STR(trace.text, "a+ b+ b- ");
    RV_EXPECT_EQ(rove_join(first, NULL), 0);
    RV_EXPECT_EQ(rove_join(second, NULL), 0);
    return 0;
}

static void test_sleep_of_nothing_lets_the_others_run_once(void **state)
{
    (void)state;
    rv_test_run_on(1, once_body, NULL);
}

static int for_ever(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    return rove_sleep(ROVE_FOREVER);
}

static int until_never(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    return rove_sleep_until(-1);
}

RV_TASK_TEST(test_sleep_for_ever_ends_by_cancellation)
{
    rove_coro *const bodies[] = {for_ever, until_never};
    for (size_t i = 0; i < 2; i++) {
        rove_task *t = rove_create_task(bodies[i], NULL);
        for (int turns = 0; turns < 10; turns++)
            rove_yield();
        RV_EXPECT(!rove_done(t));
        RV_EXPECT(rove_cancel(t));
        RV_EXPECT_EQ(rove_join(t, NULL), -ECANCELED);
    }
    return 0;
}

static void test_sleep_outside_a_task_is_refused(void **state)
{
    (void)state;
    assert_int_equal(rove_sleep(0), -EPERM);
    assert_int_equal(rove_sleep_until(0), -EPERM);
    assert_int_equal(rove_yield(), -EPERM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sleep_is_never_early),
        cmocka_unit_test(test_sleep_ends_in_the_order_of_the_deadlines),
        cmocka_unit_test(test_sleep_of_nothing_lets_the_others_run_once),
        cmocka_unit_test(test_sleep_for_ever_ends_by_cancellation),
        cmocka_unit_test(test_sleep_outside_a_task_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
