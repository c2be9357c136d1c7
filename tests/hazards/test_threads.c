// SPDX-License-Identifier: MIT
/*
 * Purpose: hazards of docs/hazards.md that come from threads changing under a task, and of debug
 *          mode, which names who runs into them. test_hNN_.. is the test of hazard NN.
 */
#include "support/child.h"
#include "support/fixture.h"
#include "support/journal.h"

#include "core/atomic.h"
#include "core/context.h"

#include <fenv.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct rv_journal journal;

static void run_in_debug_mode(unsigned workers, rove_coro *body)
{
    rove_options options = {.workers = workers, .debug = true, .slow_step = ROVE_SEC(3600)};
    rv_journal_open(&journal, &options);
    int rc = rove_run_with(&options, body, NULL, NULL);
    rv_test_settle();
    assert_int_equal(rc, 0);
}

static int see_default_rounding(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    RV_EXPECT_EQ(fegetround(), FE_TONEAREST);
    int rc = rove_yield();
    RV_EXPECT_EQ(fegetround(), FE_TONEAREST);
    return rc;
}

static int round_upward(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    RV_REQUIRE_EQ(fesetround(FE_UPWARD), 0);
    rove_task *child = rove_create_task(see_default_rounding, NULL);
    RV_REQUIRE(child != NULL);
    int rc = rove_join(child, NULL); /* it begins while our mode is in the registers */
#if defined(__x86_64__)
    RV_EXPECT_EQ(fegetround(), FE_UPWARD);
#endif
    RV_REQUIRE_EQ(fesetround(FE_TONEAREST), 0);
    return rc;
}

/* Goal: a rounding mode stays with the task that set it. Method: its child begins right after it,
 * on the same thread. */
RV_TASK_TEST(test_h08_rounding_mode_is_not_handed_to_others)
{
    return round_upward(NULL, NULL);
}

/* Goal: and debug mode names the task. */
static void test_h08_changed_rounding_mode_is_logged(RV_UNUSED void **state)
{
    if (rv_context_float_mode() == 0) {
        skip(); /* another architecture: nothing is seen there */
    }
    run_in_debug_mode(1, round_upward);
    assert_int_equal(rv_journal_count(&journal, "rounding mode"), 1);
}

static int suspend_with_mutex(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    rove_set_name(rove_current_task(), "careless");
    RV_REQUIRE_EQ(pthread_mutex_lock(&mutex), 0);
    int rc = rove_yield();
    pthread_mutex_unlock(&mutex);
    RV_REQUIRE_EQ(pthread_mutex_lock(&mutex), 0);
    pthread_mutex_unlock(&mutex);
    return rc < 0 ? rc : rove_yield();
}

/* Goal: a task that suspends with a thread's lock is named, one that only uses it is not. Method:
 * lockwatch is linked into this program. */
static void test_h09_mutex_held_over_a_suspension_is_logged(RV_UNUSED void **state)
{
    run_in_debug_mode(1, suspend_with_mutex);
    assert_int_equal(rv_journal_count(&journal, "holds a lock that belongs to the thread"), 1);
    assert_int_equal(rv_journal_count(&journal, "careless"), 2); /* and its row of stack use */
}

static int end_the_thread(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    rove_set_name(rove_current_task(), "leaver");
    pthread_exit(NULL);
}

static int run_thread_exit(void)
{
    return rove_run_with(&(rove_options){.workers = 2}, end_the_thread, NULL, NULL);
}

/* Goal: pthread_exit in a task ends the program with the task's name, not a worker in silence. */
static void test_h11_pthread_exit_in_a_task_stops_the_program(RV_UNUSED void **state)
{
    struct rv_child child;
    if (RV_ASAN || RV_TSAN) {
        skip(); /* they unwind from the thread's own stack, on which we are not */
    }
    rv_child_run(&child, run_thread_exit);
    assert_true(WIFSIGNALED(child.status) || WEXITSTATUS(child.status) != 0);
    assert_non_null(strstr(child.text, "task leaver called pthread_exit"));
}

static int end_a_pool_thread(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    return rove_to_thread(end_the_thread, NULL, NULL);
}

static int run_pool_thread_exit(void)
{
    return rove_run_with(&(rove_options){.workers = 2}, end_a_pool_thread, NULL, NULL);
}

/* Goal: the same on a thread of rove_to_thread, whose caller would wait for ever. */
static void test_h11_pthread_exit_on_a_pool_thread_stops_the_program(RV_UNUSED void **state)
{
    struct rv_child child;
    rv_child_run(&child, run_pool_thread_exit);
    assert_true(WIFSIGNALED(child.status) || WEXITSTATUS(child.status) != 0);
    assert_non_null(strstr(child.text, "called pthread_exit"));
}

static int cancel_own_thread(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    RV_REQUIRE_EQ(pthread_cancel(pthread_self()), 0);
    pthread_testcancel();
    return rove_sleep(ROVE_US(10)); /* a wait is a cancellation point of the thread, too */
}

/* Goal: a worker cannot be cancelled by pthread_cancel. */
RV_TASK_TEST(test_h11_pthread_cancel_of_a_worker_is_ignored)
{
    return cancel_own_thread(NULL, NULL);
}

static void say_goodbye(void)
{
    fprintf(stderr, "handlers ran\n");
}

static int exit_in_task(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    exit(7);
}

static int run_exit(void)
{
    atexit(say_goodbye);
    return rove_run_with(&(rove_options){.workers = 3}, exit_in_task, NULL, NULL);
}

/* Goal: exit in a task runs the handlers and ends the process with the status. */
static void test_h11_exit_in_a_task_runs_the_handlers(RV_UNUSED void **state)
{
    struct rv_child child;
    if (RV_ASAN) {
        skip(); /* the runtime is there still: a leak, by its rules */
    }
    rv_child_run(&child, run_exit);
    assert_true(WIFEXITED(child.status));
    assert_int_equal(WEXITSTATUS(child.status), 7);
    assert_non_null(strstr(child.text, "handlers ran"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_h08_rounding_mode_is_not_handed_to_others),
        cmocka_unit_test(test_h08_changed_rounding_mode_is_logged),
        cmocka_unit_test(test_h09_mutex_held_over_a_suspension_is_logged),
        cmocka_unit_test(test_h11_pthread_exit_in_a_task_stops_the_program),
        cmocka_unit_test(test_h11_pthread_exit_on_a_pool_thread_stops_the_program),
        cmocka_unit_test(test_h11_pthread_cancel_of_a_worker_is_ignored),
        cmocka_unit_test(test_h11_exit_in_a_task_runs_the_handlers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
