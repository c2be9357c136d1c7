// SPDX-License-Identifier: MIT
/*
 * Purpose: once: one call that counts, failures that do not, waiting for another's call.
 */
#include "support/crowd.h"
#include "support/fixture.h"

#include <errno.h>

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

enum { ONCES = 64, STRESS_TASKS = 8, STRESS_THREADS = 2 };

struct stress {
    rove_once onces[ONCES];
    RV_ATOMIC(int) tries[ONCES];
    int values[ONCES]; /* plain: each written by the one call that counts */
};

struct attempt {
    struct stress *stress;
    struct rv_member *member;
    unsigned idx;
};

/* The first tries fail, in a task perhaps by its cancellation, too. */
static int try_it(void *ctx)
{
    struct attempt *a = ctx;
    bool is_early = rv_fetch_add_relaxed(&a->stress->tries[a->idx], 1) < 3;
    int rc = a->member->is_task ? rove_yield() : 0;
    if (rc == 0 && is_early) {
        rc = -5000;
    }
    a->stress->values[a->idx] += rc == 0;
    return rc;
}

/* Goes on to the next when this one is done. */
static bool stress_step(struct rv_member *m)
{
    struct attempt a = {.stress = m->ctx, .member = m, .idx = m->done};
    rove_once *once = &a.stress->onces[m->done];
    unsigned dice = rv_rand_below(&m->rand, 8);
    int rc = m->is_task ? rove_once_call(once, try_it, &a)
                        : rove_once_call_blocking(once, try_it, &a,
                                                  dice < 4 ? ROVE_US(dice) : ROVE_FOREVER);
    RV_EXPECT(rc == 0 || rc == -5000 || rc == (m->is_task ? -ECANCELED : -ETIMEDOUT));
    if (rc == 0) {
        RV_EXPECT_EQ(a.stress->values[m->done], 1);
        m->done++;
    }
    return m->done < ONCES;
}

/* Goal: with failures, cancels and timeouts each is done by just one call, and all see that. */
static int stress_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    struct rv_rand rand;
    rv_rand_seed(&rand, rv_crowd_seed());
    for (unsigned n = 4 * rv_crowd_factor(); n > 0; n--) {
        static struct stress s;
        struct rv_crowd crowd;
        s = (struct stress){0};
        rv_crowd_start(&crowd, STRESS_TASKS, STRESS_THREADS, stress_step, &s);
        RV_EXPECT_EQ(rv_crowd_finish(&crowd, &rand), ONCES * (STRESS_TASKS + STRESS_THREADS));
        for (unsigned i = 0; i < ONCES; i++) {
            RV_EXPECT_EQ(s.values[i], 1);
        }
    }
    return 0;
}

static void test_once_stress_makes_one_call_of_each(void **state)
{
    (void)state;
    rv_test_run(stress_body, NULL);
    rv_test_run_on(64, stress_body, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_once_many_callers_make_one_call),
        cmocka_unit_test(test_once_failed_call_does_not_count),
        cmocka_unit_test(test_once_cancelled_call_goes_to_the_next),
        cmocka_unit_test(test_once_serves_plain_threads),
        cmocka_unit_test(test_once_stress_makes_one_call_of_each),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
