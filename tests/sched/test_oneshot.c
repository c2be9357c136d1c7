// SPDX-License-Identifier: MIT
/*
 * Purpose: the oneshot: one value, one receiver, closing, lifetime.
 */
#include "support/crowd.h"
#include "support/fixture.h"

#include <errno.h>

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

/* Goal: a receiver whose cancellation is still to come is passed over, whoever waits behind it. */
static int pass_over_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    struct scene s = {0};
    rove_task *first = rove_create_task(receive, &s);
    rove_task *second = rove_create_task(receive, &s);
    RV_YIELD_UNTIL(s.arrived == 2);
    RV_EXPECT(rove_cancel(first));
    RV_EXPECT_EQ(rove_oneshot_send(&s.oneshot, &s), 0);
    RV_EXPECT_EQ(rove_join(first, NULL), -ECANCELED);
    RV_EXPECT_EQ(rove_join(second, NULL), 0);
    RV_EXPECT_PTR(s.value[0], NULL);
    RV_EXPECT_PTR(s.value[1], &s);
    return 0;
}

/* Goal: with nobody behind it the value stays, for it too if the cancellation is withdrawn. */
static int keep_body(void *arg, RV_UNUSED void **result)
{
    bool is_withdrawn = *(bool *)arg;
    struct scene s = {0};
    void *value = NULL;
    rove_task *only = rove_create_task(receive, &s);
    RV_YIELD_UNTIL(s.arrived == 1);
    RV_EXPECT(rove_cancel(only));
    RV_EXPECT_EQ(rove_oneshot_send(&s.oneshot, &s), 0);
    if (is_withdrawn) {
        RV_EXPECT_EQ(rove_uncancel(only), 0);
    }
    RV_EXPECT_EQ(rove_join(only, NULL), is_withdrawn ? 0 : -ECANCELED);
    RV_EXPECT_PTR(s.value[0], is_withdrawn ? &s : NULL);
    RV_EXPECT_EQ(rove_oneshot_recv(&s.oneshot, &value), is_withdrawn ? -EPIPE : 0);
    RV_EXPECT_PTR(value, is_withdrawn ? NULL : &s);
    return 0;
}

static void test_oneshot_value_is_not_for_the_cancelled(void **state)
{
    (void)state;
    rv_test_run_on(1, pass_over_body, NULL);
    rv_test_run_on(1, keep_body, &(bool){false});
    rv_test_run_on(1, keep_body, &(bool){true});
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

enum { ONESHOTS = 64, RECEIVERS = 6, STRESS_THREADS = 2 };

struct stress {
    rove_oneshot oneshots[ONESHOTS];
    RV_ATOMIC(int) received[ONESHOTS];
};

/* Goes on to the next when this one has been received, by whomever. */
static bool receive_step(struct rv_member *m)
{
    struct stress *s = m->ctx;
    rove_oneshot *o = &s->oneshots[m->done];
    void *value = NULL;
    int rc = m->is_task
                 ? rove_oneshot_recv(o, &value)
                 : rove_oneshot_recv_blocking(o, &value, ROVE_US(rv_rand_below(&m->rand, 8)));
    RV_EXPECT(rc == 0 || rc == -EPIPE || rc == (m->is_task ? -ECANCELED : -ETIMEDOUT));
    RV_EXPECT_PTR(value, rc == 0 ? o : NULL);
    if (rc == 0) {
        (void)rv_fetch_add_relaxed(&s->received[m->done], 1);
    }
    m->done += rc == 0 || rc == -EPIPE;
    return m->done < ONESHOTS;
}

/* Goal: with cancels and timeouts each value is received by just one, and all others hear of it. */
static int stress_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    struct rv_rand rand;
    rv_rand_seed(&rand, rv_crowd_seed());
    for (unsigned n = 4 * rv_crowd_factor(); n > 0; n--) {
        static struct stress s;
        struct rv_crowd crowd;
        s = (struct stress){0};
        rv_crowd_start(&crowd, RECEIVERS, STRESS_THREADS, receive_step, &s);
        for (unsigned i = 0; i < ONESHOTS; i++) {
            rv_crowd_harass(&crowd, &rand);
            RV_EXPECT_EQ(rove_oneshot_send(&s.oneshots[i], &s.oneshots[i]), 0);
        }
        RV_EXPECT_EQ(rv_crowd_finish(&crowd, &rand), ONESHOTS * (RECEIVERS + STRESS_THREADS));
        for (unsigned i = 0; i < ONESHOTS; i++) {
            RV_EXPECT_EQ(rv_load_relaxed(&s.received[i]), 1);
        }
    }
    return 0;
}

static void test_oneshot_stress_each_value_is_received_once(void **state)
{
    (void)state;
    rv_test_run(stress_body, NULL);
    rv_test_run_on(64, stress_body, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_oneshot_value_is_received_once),
        cmocka_unit_test(test_oneshot_first_waiter_gets_the_value),
        cmocka_unit_test(test_oneshot_value_is_not_for_the_cancelled),
        cmocka_unit_test(test_oneshot_on_the_receivers_stack_may_go_at_once),
        cmocka_unit_test(test_oneshot_serves_plain_threads),
        cmocka_unit_test(test_oneshot_stress_each_value_is_received_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
