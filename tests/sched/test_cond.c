// SPDX-License-Identifier: MIT
/*
 * Purpose: the condition variable: order, the mutex on every return, notifications never lost.
 */
#include "support/crowd.h"
#include "support/fixture.h"

#include "sched/current.h"
#include "sched/mutex.h"

struct scene {
    rove_mutex mutex;
    rove_cond cond;
    int order[8];
    int arrived, count;
    int held; /* returns with the mutex held */
};

static int wait_and_note(void *arg, RV_UNUSED void **result)
{
    struct scene *s = arg;
    int rc = rove_mutex_lock(&s->mutex);
    if (rc != 0) {
        return rc;
    }
    int number = s->arrived++;
    rc = rove_cond_wait(&s->cond, &s->mutex);
    s->held += rv_mutex_owner(&s->mutex) == (void *)rv_current_task();
    if (rc == 0) {
        s->order[s->count++] = number;
    }
    rove_mutex_unlock(&s->mutex);
    return rc;
}

/* Goal: notify wakes so many, longest waiter first; all have the mutex; notify_all the rest. */
static int order_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    struct scene s = {0};
    rove_task *tasks[5];
    rove_cond_notify(&s.cond, 3); /* nobody there: nothing is kept */
    for (int i = 0; i < 5; i++) {
        tasks[i] = rove_create_task(wait_and_note, &s);
    }
    RV_YIELD_UNTIL(s.arrived == 5);
    rove_cond_notify(&s.cond, 0);
    rove_cond_notify(&s.cond, 2);
    RV_EXPECT_EQ(rove_join(tasks[0], NULL), 0);
    RV_EXPECT_EQ(rove_join(tasks[1], NULL), 0);
    RV_EXPECT_EQ(s.count, 2);
    rove_cond_notify_all(&s.cond);
    for (int i = 2; i < 5; i++) {
        RV_EXPECT_EQ(rove_join(tasks[i], NULL), 0);
    }
    for (int i = 0; i < 5; i++) {
        RV_EXPECT_EQ(s.order[i], i);
    }
    RV_EXPECT_EQ(s.held, 5);
    RV_EXPECT_EQ(rove_cond_wait(&s.cond, &s.mutex), -EINVAL);
    RV_EXPECT_EQ(rove_cond_wait_blocking(&s.cond, &s.mutex, 0), -EPERM);
    return 0;
}

static void test_cond_notify_wakes_in_order(void **state)
{
    (void)state;
    rv_test_run_on(1, order_body, NULL);
}

/* Goal: a cancelled waiter holds the mutex again, though it had to wait for it. */
static int cancel_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    struct scene s = {0};
    rove_task *t = rove_create_task(wait_and_note, &s);
    RV_YIELD_UNTIL(s.arrived == 1);
    RV_REQUIRE_EQ(rove_mutex_lock(&s.mutex), 0);
    RV_EXPECT(rove_cancel(t));
    for (int i = 0; i < 5; i++) {
        (void)rove_yield();
        RV_EXPECT(!rove_done(t));
        (void)rove_cancel(t); /* cancelled again while it waits for the mutex: it waits on */
    }
    rove_mutex_unlock(&s.mutex);
    RV_EXPECT_EQ(rove_join(t, NULL), -ECANCELED);
    RV_EXPECT_EQ(s.held, 1);
    RV_EXPECT_EQ(rove_mutex_trylock(&s.mutex), 0);
    rove_mutex_unlock(&s.mutex);
    return 0;
}

static void test_cond_cancelled_waiter_holds_the_mutex(void **state)
{
    (void)state;
    rv_test_run_on(1, cancel_body, NULL);
}

/* Goal: a notification that meets a cancellation goes to the next. */
static int passed_on_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    struct scene s = {0};
    rove_task *first = rove_create_task(wait_and_note, &s);
    rove_task *second = rove_create_task(wait_and_note, &s);
    RV_YIELD_UNTIL(s.arrived == 2);
    rove_cond_notify(&s.cond, 1);
    RV_EXPECT(rove_cancel(first));
    RV_EXPECT_EQ(rove_join(first, NULL), -ECANCELED);
    RV_EXPECT_EQ(rove_join(second, NULL), 0);
    RV_EXPECT_EQ(s.order[0], 1);
    RV_EXPECT_EQ(s.held, 2);
    return 0;
}

static void test_cond_notification_of_a_cancelled_waiter_goes_to_the_next(void **state)
{
    (void)state;
    rv_test_run_on(1, passed_on_body, NULL);
}

struct stress {
    rove_mutex mutex;
    rove_cond cond;
    unsigned available; /* under mutex */
    RV_ATOMIC(unsigned) left;
};

static int stress_wait(struct rv_member *m, struct stress *s, unsigned dice)
{
    if (m->is_task) {
        return rove_cond_wait(&s->cond, &s->mutex);
    }
    return rove_cond_wait_blocking(&s->cond, &s->mutex, dice < 8 ? ROVE_US(dice) : ROVE_FOREVER);
}

/* Takes one of what is available, waiting for it by the condition alone. */
static bool stress_step(struct rv_member *m)
{
    struct stress *s = m->ctx;
    unsigned dice = rv_rand_below(&m->rand, 16);
    int rc =
        m->is_task ? rove_mutex_lock(&s->mutex) : rove_mutex_lock_blocking(&s->mutex, ROVE_FOREVER);
    if (rc != 0) {
        RV_EXPECT_EQ(rc, -ECANCELED);
        return true;
    }
    while (rc == 0 && s->available == 0 && rv_load_relaxed(&s->left) > 0) {
        rc = stress_wait(m, s, dice);
    }
    RV_EXPECT(rc == 0 || rc == (m->is_task ? -ECANCELED : -ETIMEDOUT));
    if (rc == 0 && s->available > 0) {
        s->available--;
        m->done++;
        if (rv_fetch_sub_relaxed(&s->left, 1u) == 1) {
            rove_cond_notify_all(&s->cond);
        }
    }
    rove_mutex_unlock(&s->mutex);
    return rv_load_relaxed(&s->left) > 0;
}

/* Goal: each unit is announced once, to one waiter, and all are taken: no notify is lost. */
static int stress_body(void *arg, RV_UNUSED void **result)
{
    unsigned total = *(unsigned *)arg * rv_crowd_factor();
    struct stress s = {.left = total};
    struct rv_crowd crowd;
    struct rv_rand rand;
    rv_rand_seed(&rand, rv_crowd_seed());
    rv_crowd_start(&crowd, 16, 2, stress_step, &s);
    for (unsigned made = 0; made < total; made++) {
        while (rove_mutex_lock(&s.mutex) != 0) {
        }
        s.available++;
        rove_cond_notify(&s.cond, 1);
        rove_mutex_unlock(&s.mutex);
        if (rv_rand_below(&rand, 4) == 0) {
            rv_crowd_harass(&crowd, &rand);
        }
    }
    /* From here on nobody is cancelled: who waits is woken by a notify, or stays for ever. */
    RV_YIELD_UNTIL(rv_crowd_is_finished(&crowd));
    RV_EXPECT_EQ(rv_crowd_finish(&crowd, &rand), total);
    return 0;
}

static void test_cond_stress_loses_no_notification(void **state)
{
    (void)state;
    unsigned total = 50000;
    rv_test_run(stress_body, &total);
    rv_test_run_on(64, stress_body, &total);
}

/* Goal: on plain threads a timeout returns with the mutex held. */
static void test_cond_times_out_on_a_plain_thread(void **state)
{
    (void)state;
    rove_mutex m = {0};
    rove_cond c = {0};
    assert_int_equal(rove_cond_wait(&c, &m), -EPERM);
    assert_int_equal(rove_cond_wait_blocking(&c, &m, 0), -EINVAL);
    assert_int_equal(rove_mutex_lock_blocking(&m, -1), 0);
    assert_int_equal(rove_cond_wait_blocking(&c, &m, ROVE_US(50)), -ETIMEDOUT);
    assert_int_equal(rove_mutex_lock_blocking(&m, -1), -EDEADLK);
    rove_mutex_unlock(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cond_notify_wakes_in_order),
        cmocka_unit_test(test_cond_cancelled_waiter_holds_the_mutex),
        cmocka_unit_test(test_cond_notification_of_a_cancelled_waiter_goes_to_the_next),
        cmocka_unit_test(test_cond_stress_loses_no_notification),
        cmocka_unit_test(test_cond_times_out_on_a_plain_thread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
