// SPDX-License-Identifier: MIT
/*
 * Purpose: the life of a runtime: run, start, submit, wait from a thread, stop, several at once.
 */
#include "support/actor.h"
#include "support/fixture.h"

#include <pthread.h>

#define FAILED_APP (-5001)

static int echo(void *arg, void **result)
{
    *result = arg;
    return arg == NULL ? FAILED_APP : 0;
}

static void test_run_returns_what_main_returns(void **state)
{
    (void)state;
    int value;
    void *got = NULL;
    assert_int_equal(rove_run(echo, &value, &got), 0);
    assert_ptr_equal(got, &value);
    assert_int_equal(rove_run(echo, NULL, &got), FAILED_APP);
    assert_ptr_equal(got, &value); /* untouched on failure */
    assert_int_equal(rove_run_with(NULL, echo, &value, NULL), 0);
}

static int run_inside(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    int value;
    return rove_run(echo, &value, NULL) == -EDEADLK ? 0 : RV_TEST_FAILED;
}

static void test_run_inside_a_task_is_refused(void **state)
{
    (void)state;
    rv_test_run(run_inside, NULL);
}

struct leftovers {
    struct rv_actor polite, stubborn;
    rove_runtime *runtime;
};

static int leave_tasks(void *arg, RV_UNUSED void **result)
{
    struct leftovers *l = arg;
    rove_release(rove_create_task(rv_actor_run, &l->polite));
    rove_release(rove_create_task(rv_actor_run, &l->stubborn));
    while (!rv_actor_has_begun(&l->polite) || !rv_actor_has_begun(&l->stubborn))
        rove_yield();
    return 0;
}

/* Goal: tasks that are left are cancelled and have ended when run returns. */
static void test_run_cancels_and_awaits_what_is_left(void **state)
{
    (void)state;
    RV_FOR_EACH_WORKERS(workers) {
        struct leftovers l = {.polite = {.yields = -1},
                              .stubborn = {.yields = -1, .when_cancelled = RV_ACTOR_SWALLOWS}};
        rv_test_run_on(workers, leave_tasks, &l);
        assert_true(l.polite.ended >= 1 && l.polite.ended == l.polite.begun);
        assert_int_equal(l.stubborn.ended, l.stubborn.begun);
    }
}

static rove_runtime *start(unsigned workers)
{
    rove_runtime *runtime = NULL;
    assert_int_equal(rove_runtime_start(&(rove_options){.workers = workers}, &runtime), 0);
    return runtime;
}

static void test_submit_from_a_thread_gives_a_handle_to_wait_for(void **state)
{
    (void)state;
    RV_FOR_EACH_WORKERS(workers) {
        int value;
        void *got = NULL;
        rove_runtime *runtime = start(workers);
        rove_task *good = rove_submit(runtime, echo, &value);
        rove_task *bad = rove_submit(runtime, echo, NULL);
        assert_int_equal(rove_wait_blocking(good, ROVE_FOREVER, &got), 0);
        assert_ptr_equal(got, &value);
        assert_int_equal(rove_wait_blocking(bad, ROVE_FOREVER, NULL), FAILED_APP);
        rove_release(good);
        rove_release(bad);
        assert_int_equal(rove_runtime_stop(runtime, ROVE_FOREVER), 0);
    }
}

static void test_wait_blocking_that_times_out_leaves_the_task_alone(void **state)
{
    (void)state;
    rove_runtime *runtime = start(2);
    rove_future *gate = rove_create_future();
    struct rv_actor a = {.until = gate};
    rove_task *t = rove_submit(runtime, rv_actor_run, &a);
    assert_int_equal(rove_wait_blocking(t, 0, NULL), -ETIMEDOUT);
    assert_int_equal(rove_wait_blocking(t, RV_TEST_SOON, NULL), -ETIMEDOUT);
    assert_false(rove_done(t));
    assert_int_equal(rove_set_result(gate, NULL), 0);
    assert_int_equal(rove_wait_blocking(t, ROVE_FOREVER, NULL), 0);
    assert_int_equal(a.cancels, 0);
    rove_release(t);
    rove_release(gate);
    assert_int_equal(rove_runtime_stop(runtime, ROVE_FOREVER), 0);
}

static void test_stop_after_its_grace_cancels(void **state)
{
    (void)state;
    rove_runtime *runtime = start(2);
    struct rv_actor a = {.yields = -1};
    rove_task *t = rove_submit(runtime, rv_actor_run, &a);
    while (!rv_actor_has_begun(&a))
        (void)rove_wait_blocking(t, RV_TEST_SOON, NULL);
    int rc = rove_runtime_stop(runtime, RV_TEST_SOON);
    assert_true(rc == 0 || rc == -ETIMEDOUT);
    assert_true(rove_cancelled(t)); /* a handle outlives the runtime */
    assert_int_equal(a.cancels, 1);
    rove_release(t);
}

static int where(void *arg, RV_UNUSED void **result)
{
    RV_EXPECT_PTR(rove_current_runtime(), arg);
    RV_EXPECT_EQ(rove_wait_blocking(rove_current_task(), 0, NULL), -EPERM);
    return 0;
}

/* Goal: several runtimes in one process; each task knows its own. */
static void test_runtimes_side_by_side_do_not_mix(void **state)
{
    (void)state;
    rove_runtime *a = start(1), *b = start(3);
    for (int i = 0; i < 100; i++) {
        rove_task *t = rove_submit(a, where, a), *u = rove_submit(b, where, b);
        assert_int_equal(rove_wait_blocking(t, ROVE_FOREVER, NULL), 0);
        assert_int_equal(rove_wait_blocking(u, ROVE_FOREVER, NULL), 0);
        rove_release(t);
        rove_release(u);
    }
    assert_int_equal(rove_runtime_stop(a, ROVE_FOREVER), 0);
    assert_int_equal(rove_runtime_stop(b, ROVE_FOREVER), 0);
    rv_test_settle();
}

static void *set_event(void *event)
{
    rove_event_set(event);
    return NULL;
}

static int wait_for_event(void *event, RV_UNUSED void **result)
{
    return rove_event_wait(event);
}

/* Goal: a thread wakes the last task; the runtime may end while the thread is still in the call. */
static void test_run_may_end_while_an_outside_thread_still_wakes(void **state)
{
    (void)state;
    for (int round = 0; round < 200; round++) {
        rove_event event = {0};
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, set_event, &event), 0);
        const rove_options options = {.workers = 1 + (unsigned)round % 3};
        assert_int_equal(rove_run_with(&options, wait_for_event, &event, NULL), 0);
        pthread_join(thread, NULL);
    }
}

static void test_outside_a_task_there_is_no_current_one(void **state)
{
    (void)state;
    assert_null(rove_current_task());
    assert_null(rove_current_runtime());
    assert_null(rove_create_task(echo, NULL));
    assert_int_equal(rove_await(NULL, NULL), -EPERM);
    assert_int_equal(rove_runtime_stop(NULL, 0), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_run_returns_what_main_returns),
        cmocka_unit_test(test_run_inside_a_task_is_refused),
        cmocka_unit_test(test_run_cancels_and_awaits_what_is_left),
        cmocka_unit_test(test_submit_from_a_thread_gives_a_handle_to_wait_for),
        cmocka_unit_test(test_wait_blocking_that_times_out_leaves_the_task_alone),
        cmocka_unit_test(test_stop_after_its_grace_cancels),
        cmocka_unit_test(test_runtimes_side_by_side_do_not_mix),
        cmocka_unit_test(test_run_may_end_while_an_outside_thread_still_wakes),
        cmocka_unit_test(test_outside_a_task_there_is_no_current_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
