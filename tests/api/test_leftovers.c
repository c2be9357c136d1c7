// SPDX-License-Identifier: MIT
/*
 * Purpose: tasks that are left when main returns: cancelled, given time to clean up, their errors
 *          told; one that ignores its cancellation is named and abandoned.
 * Idea:    the ten seconds of patience pass on a clock that the stubborn task itself moves on (the
 *          true ten: tests/sim/test_leftovers.c). What is abandoned is never freed, so that runs in
 *          a child process.
 */
#include "support/child.h"
#include "support/crowd.h"
#include "support/fixture.h"
#include "support/journal.h"

#include "core/atomic.h"
#include "core/clock.h"
#include "core/os.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

enum { CLEANERS = 20, STEPS = 5 };

struct cleaners {
    RV_ATOMIC(unsigned) begun, cleaned;
};

/* Cleans up in several steps that suspend; then fails. */
static int clean_up_slowly(void *arg, RV_UNUSED void **result)
{
    struct cleaners *c = arg;
    (void)rv_fetch_add_relaxed(&c->begun, 1u);
    RV_EXPECT_EQ(rove_sleep(ROVE_FOREVER), -ECANCELED);
    for (int i = 0; i < STEPS; i++) {
        RV_EXPECT_EQ(rove_yield(), 0);
        RV_EXPECT_EQ(rove_sleep(RV_TEST_SOON), 0);
    }
    (void)rv_fetch_add_relaxed(&c->cleaned, 1u);
    return -EIO;
}

static int leave_cleaners(void *arg, RV_UNUSED void **result)
{
    struct cleaners *c = arg;
    const rove_task_options named = {.name = "cleaner"};
    for (int i = 0; i < CLEANERS; i++)
        rove_release(rove_create_task_with(&named, clean_up_slowly, c));
    RV_YIELD_UNTIL(rv_load_relaxed(&c->begun) == CLEANERS);
    return 0;
}

/* Goal: as asyncio.run: each is cancelled once, may suspend as often as it likes, and its error is
 * reported, debug mode or not. */
static void test_leftovers_clean_up_and_their_errors_are_told(void **state)
{
    (void)state;
    static struct rv_journal journal;
    RV_FOR_EACH_WORKERS(workers) {
        struct cleaners c = {.begun = 0};
        rove_options options = {.workers = workers};
        rv_journal_open(&journal, &options);
        assert_int_equal(rove_run_with(&options, leave_cleaners, &c, NULL), 0);
        rv_test_settle();
        assert_int_equal(rv_load_relaxed(&c.cleaned), CLEANERS);
        assert_int_equal(rv_journal_count(&journal, "the error of task cleaner was never read"),
                         CLEANERS);
    }
}

static RV_ATOMIC(int64_t) added_ns;

static int64_t shifted_clock(void)
{
    return rv_os_clock_ns() + rv_load_relaxed(&added_ns);
}

static RV_ATOMIC(uint32_t) has_begun;

/* However often it is cancelled; each time it has taken another eleven seconds. */
static int ignore_cancellation(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    rv_store_relaxed(&has_begun, 1u);
    while (rove_sleep(ROVE_FOREVER) == -ECANCELED)
        (void)rv_fetch_add_relaxed(&added_ns, ROVE_SEC(11));
    return RV_TEST_FAILED;
}

static int leave_stubborn(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    const rove_task_options stubborn = {.name = "stubborn"};
    rove_release(rove_create_task_with(&stubborn, ignore_cancellation, NULL));
    while (rv_load_relaxed(&has_begun) == 0) /* else it is cancelled before it can ignore that */
        RV_EXPECT_EQ(rove_yield(), 0);
    return 0;
}

static unsigned child_workers;

static int run_stubborn(void)
{
    const rove_options options = {.workers = child_workers};
    rv_clock_set_source(shifted_clock);
    return rove_run_with(&options, leave_stubborn, NULL, NULL) == -ETIMEDOUT ? 0 : 1;
}

/* Goal: run comes back all the same, says so, and names the task. */
static void test_leftovers_that_ignore_cancellation_are_abandoned(void **state)
{
    (void)state;
    static struct rv_child child;
    for (child_workers = 1; child_workers <= 3; child_workers++) {
        rv_child_run(&child, run_stubborn);
        assert_true(WIFEXITED(child.status));
        /* The thread sanitizer has its own opinion of threads that nobody joins. */
        assert_true(WEXITSTATUS(child.status) == 0 || RV_TSAN);
        assert_non_null(strstr(child.text, "task stubborn ignores its cancellation; abandoned"));
    }
}

static int start_another(void *arg, RV_UNUSED void **result)
{
    RV_ATOMIC(unsigned) *left = arg;
    (void)rove_sleep(ROVE_FOREVER);
    if (rv_fetch_sub_relaxed(left, 1u) > 1) {
        rove_task *t = rove_create_task(start_another, left);
        RV_EXPECT(t != NULL);
        rove_release(t);
    }
    return 0;
}

static int leave_a_starter(void *arg, RV_UNUSED void **result)
{
    rove_release(rove_create_task(start_another, arg));
    return rove_yield();
}

/* Goal: tasks that are born after the cancellation, by the clean-up of others, are ended too: here
 * they wait for ever, and each starts another, so the end must come over all of them. */
static void test_leftovers_born_during_the_end_are_ended_too(void **state)
{
    (void)state;
    RV_FOR_EACH_WORKERS(workers) {
        RV_ATOMIC(unsigned) left = 3;
        const rove_options options = {.workers = workers};
        assert_int_equal(rove_run_with(&options, leave_a_starter, &left, NULL), 0);
    }
    rv_test_settle();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_leftovers_clean_up_and_their_errors_are_told),
        cmocka_unit_test(test_leftovers_that_ignore_cancellation_are_abandoned),
        cmocka_unit_test(test_leftovers_born_during_the_end_are_ended_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
