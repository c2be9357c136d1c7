// SPDX-License-Identifier: MIT
/*
 * Purpose: the oneshot: one value, one receiver, closing, lifetime.
 */
#include "support/crowd.h"
#include "support/fixture.h"

/* Goal: sent once, received once. */
RV_TASK_TEST(test_oneshot_value_is_received_once)
{
    rove_oneshot o = {0};
    void *value = NULL;
    RV_EXPECT_EQ(rove_oneshot_send(&o, &o), 0);
    RV_EXPECT_EQ(rove_oneshot_send(&o, NULL), -EALREADY);
    RV_EXPECT_EQ(rove_oneshot_close(&o), -EALREADY);
    RV_EXPECT_EQ(rove_oneshot_recv(&o, &value), 0);
    RV_EXPECT_PTR(value, &o);
    RV_EXPECT_EQ(rove_oneshot_recv(&o, &value), -EPIPE);
    RV_EXPECT_EQ(rove_oneshot_send(NULL, NULL), -EINVAL);
    RV_EXPECT_EQ(rove_oneshot_recv_blocking(&o, &value, 0), -EPERM);
    o = (rove_oneshot){0};
    RV_EXPECT_EQ(rove_oneshot_close(&o), 0);
    RV_EXPECT_EQ(rove_oneshot_send(&o, NULL), -EPIPE);
    RV_EXPECT_EQ(rove_oneshot_recv(&o, NULL), -EPIPE);
    return 0;
}

struct scene {
    rove_oneshot oneshot;
    int arrived;
    void *value[3];
};

static int receive(void *arg, RV_UNUSED void **result)
{
    struct scene *s = arg;
    int n = s->arrived++;
    return rove_oneshot_recv(&s->oneshot, &s->value[n]);
}

/* Goal: of several who wait the first gets it, past a cancelled one; the others are told. */
static int waiters_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    struct scene s = {0};
    rove_task *tasks[3];
    for (int i = 0; i < 3; i++) {
        tasks[i] = rove_create_task(receive, &s);
    }
    RV_YIELD_UNTIL(s.arrived == 3);
    RV_EXPECT(rove_cancel(tasks[0]));
    RV_EXPECT_EQ(rove_join(tasks[0], NULL), -ECANCELED);
    RV_EXPECT_EQ(rove_oneshot_send(&s.oneshot, &s), 0);
    RV_EXPECT_EQ(rove_join(tasks[1], NULL), 0);
    RV_EXPECT_EQ(rove_join(tasks[2], NULL), -EPIPE);
    RV_EXPECT_PTR(s.value[1], &s);
    RV_EXPECT_PTR(s.value[2], NULL);
    return 0;
}

static void test_oneshot_first_waiter_gets_the_value(void **state)
{
    (void)state;
    rv_test_run_on(1, waiters_body, NULL);
}

static int receive_on_stack(void *arg, RV_UNUSED void **result)
{
    rove_oneshot here = {0};
    void *value = NULL;
    /* order: release T1. The oneshot lies here; pairs with the tests below. */
    rv_store_release((RV_ATOMIC(rove_oneshot *) *)arg, &here);
    int rc = rove_oneshot_recv(&here, &value);
    RV_EXPECT_PTR(value, arg);
    return rc;
}

/* Goal: the receiver may drop the storage at once, whatever the sender is still doing. */
RV_TASK_TEST(test_oneshot_on_the_receivers_stack_may_go_at_once)
{
    for (int i = 0; i < 500; i++) {
        RV_ATOMIC(rove_oneshot *) there = NULL;
        rove_task *t = rove_create_task(receive_on_stack, (void *)&there);
        rove_oneshot *o;
        /* order: acquire T1. Pairs with receive_on_stack. */
        RV_YIELD_UNTIL((o = rv_load_acquire(&there)) != NULL);
        RV_EXPECT_EQ(rove_oneshot_send(o, (void *)&there), 0);
        RV_REQUIRE_EQ(rove_join(t, NULL), 0);
    }
    return 0;
}

static int send_it(void *arg, RV_UNUSED void **result)
{
    return rove_oneshot_send(arg, arg);
}

/* Goal: a plain thread receives what a task sends, and times out when nobody does. */
static void test_oneshot_serves_plain_threads(void **state)
{
    (void)state;
    rove_oneshot o = {0};
    void *value = NULL;
    assert_int_equal(rove_oneshot_recv(&o, &value), -EPERM);
    assert_int_equal(rove_oneshot_recv_blocking(&o, &value, ROVE_US(50)), -ETIMEDOUT);
    assert_int_equal(rove_run(send_it, &o, NULL), 0);
    assert_int_equal(rove_oneshot_recv_blocking(&o, &value, ROVE_FOREVER), 0);
    assert_ptr_equal(value, &o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_oneshot_value_is_received_once),
        cmocka_unit_test(test_oneshot_first_waiter_gets_the_value),
        cmocka_unit_test(test_oneshot_on_the_receivers_stack_may_go_at_once),
        cmocka_unit_test(test_oneshot_serves_plain_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
