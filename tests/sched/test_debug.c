// SPDX-License-Identifier: MIT
/*
 * Purpose: debug mode: long steps, errors nobody read, handles nobody released, signal masks.
 * Idea:    the log is kept and searched. Time is the real clock plus what a test adds to it, so a
 *          step is as long as the test says, on however slow a machine.
 */
#include "support/child.h"
#include "support/crowd.h"
#include "support/fixture.h"
#include "support/journal.h"

#include "core/atomic.h"
#include "core/check.h"
#include "core/clock.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

static struct rv_journal journal;
static RV_ATOMIC(int64_t) added_ns;

static int64_t shifted_clock(void)
{
    return rv_os_clock_ns() + rv_load_relaxed(&added_ns);
}

/* Runs body in debug mode; steps longer than an hour are slow. */
static void run_on(unsigned workers, rove_coro *body, bool is_debug)
{
    rove_options options = {.workers = workers, .debug = is_debug, .slow_step = ROVE_SEC(3600)};
    rv_journal_open(&journal, &options);
    rv_clock_set_source(shifted_clock);
    int rc = rove_run_with(&options, body, NULL, NULL);
    rv_clock_set_source(NULL);
    rv_test_settle();
    assert_int_equal(rc, 0);
}

static unsigned count(const char *part)
{
    return rv_journal_count(&journal, part);
}

RV_NOINLINE static int takes_two_hours(void)
{
    (void)rv_fetch_add_relaxed(&added_ns, ROVE_SEC(7200));
    int rc = rove_yield();
    __asm__ volatile("" ::: "memory");
    return rc;
}

static int has_slow_step(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    int rc = takes_two_hours();
    __asm__ volatile("" ::: "memory");
    return rc < 0 ? rc : rove_yield();
}

static int has_slow_end(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    (void)rv_fetch_add_relaxed(&added_ns, ROVE_SEC(7200));
    return 0;
}

static int runs_slow_steps(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    const rove_task_options tortoise = {.name = "tortoise"};
    const rove_task_options snail = {.name = "snail"};
    RV_REQUIRE_EQ(rove_join(rove_create_task_with(&tortoise, has_slow_step, NULL), NULL), 0);
    return rove_join(rove_create_task_with(&snail, has_slow_end, NULL), NULL);
}

static void test_debug_slow_step_is_logged_with_name_and_place(RV_UNUSED void **state)
{
    run_on(1, runs_slow_steps, true);
    assert_int_equal(count("task tortoise ran for 7200"), 1);
    assert_int_equal(count("without suspending, until takes_two_hours+0x"), 1);
    assert_int_equal(count("task snail ran for 7200"), 1);
    assert_int_equal(count("without suspending, until its end"), 1);
    assert_int_equal(count("without suspending"), 2);
}

static void test_debug_off_says_nothing(RV_UNUSED void **state)
{
    run_on(1, runs_slow_steps, false);
    assert_int_equal(count("rove: task"), 0);
}

static int fails(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    return -EIO;
}

RV_NOINLINE static rove_future *makes_future(void)
{
    rove_future *f = rove_create_future();
    __asm__ volatile("" ::: "memory");
    return f;
}

static int leaves_errors_unread(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    const rove_task_options unread = {.name = "unread"};
    rove_task *t = rove_create_task_with(&unread, fails, NULL);
    RV_YIELD_UNTIL(rove_done(t));
    rove_release(t);
    rove_future *f = makes_future();
    RV_EXPECT_EQ(rove_set_error(f, -ENODATA), 0);
    rove_release(f);
    f = makes_future(); /* its shield was cancelled before: nobody is left to hear of the error */
    rove_future *s = rove_shield(f);
    RV_EXPECT(rove_cancel(s));
    rove_release(s);
    RV_EXPECT_EQ(rove_set_error(f, -ENODATA), 0);
    rove_release(f);
    return 0;
}

static void test_debug_unread_errors_are_logged_once(RV_UNUSED void **state)
{
    RV_FOR_EACH_WORKERS(workers)
    {
        run_on(workers, leaves_errors_unread, true);
        assert_int_equal(count("the error of task unread was never read: input/output error"), 1);
        assert_int_equal(count("the error of a future, created at makes_future+0x"), 2);
        assert_int_equal(count("was never read"), 3);
    }
}

static int reads_its_errors(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    rove_task *t = rove_create_task(fails, NULL);
    RV_EXPECT_EQ(rove_join(t, NULL), -EIO);
    rove_future *f = rove_create_future();
    rove_future *g = rove_gather_future(1, &f);
    rove_future *s = rove_shield(f);
    RV_EXPECT_EQ(rove_set_error(f, -EIO), 0);
    RV_EXPECT_EQ(rove_await(g, NULL), -EIO);
    RV_EXPECT_EQ(rove_await(s, NULL), -EIO);
    rove_release(g);
    rove_release(s);
    rove_release(f);
    f = rove_create_future();
    RV_EXPECT(rove_cancel(f)); /* not an error to read */
    rove_release(f);
    return 0;
}

static void test_debug_errors_that_were_read_are_not_logged(RV_UNUSED void **state)
{
    RV_FOR_EACH_WORKERS(workers)
    {
        run_on(workers, reads_its_errors, true);
        assert_int_equal(count("rove: the error"), 0);
        assert_int_equal(count("handles at stop"), 0);
    }
}

static rove_task *kept_task;
static rove_future *kept_future;

RV_NOINLINE static rove_task *makes_task(void)
{
    rove_task *t = rove_create_task_with(&(rove_task_options){.name = "kept"}, fails, NULL);
    __asm__ volatile("" ::: "memory");
    return t;
}

static int keeps_handles(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    kept_task = makes_task();
    kept_future = makes_future();
    RV_EXPECT_EQ(rove_await(kept_task, NULL), -EIO);
    return 0;
}

static void test_debug_handles_kept_at_stop_are_named(RV_UNUSED void **state)
{
    RV_FOR_EACH_WORKERS(workers)
    {
        run_on(workers, keeps_handles, true);
        assert_int_equal(count("task kept, created at makes_task+0x"), 1);
        assert_int_equal(count("a future, created at makes_future+0x"), 1);
        assert_int_equal(count("still has 1 handles at stop"), 2);
        assert_int_equal(rove_result(kept_task, NULL), -EIO); /* and they are still good */
        rove_release(kept_task);
        rove_release(kept_future);
    }
}

static int changes_its_mask(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    sigset_t before;
    sigset_t set;
    sigemptyset(&set);
    pthread_sigmask(SIG_SETMASK, &set, &before);
    RV_REQUIRE_EQ(rove_yield(), 0);
    RV_REQUIRE_EQ(rove_yield(), 0);
    return 0;
}

static void test_debug_signal_mask_over_a_suspension_is_logged(RV_UNUSED void **state)
{
    run_on(1, changes_its_mask, true);
    assert_int_equal(count("task task-1 changed the signal mask"), 1);
    assert_int_equal(count("changed the signal mask"), 1);
}

struct stuck {
    RV_ATOMIC(uint32_t) is_named;
};

static void note_stuck(void *ctx, const char *line)
{
    struct stuck *s = ctx;
    if (strstr(line, "task glue has kept worker") != NULL)
        rv_store_relaxed(&s->is_named, 1u);
}

/* Computes until somebody complains. */
static int computes(void *arg, RV_UNUSED void **result)
{
    struct stuck *s = arg;
    while (rv_load_relaxed(&s->is_named) == 0)
        rv_cpu_relax();
    return 0;
}

static struct stuck stuck;

static int starts_glue(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    return rove_join(rove_create_task_with(&(rove_task_options){.name = "glue"}, computes, &stuck),
                     NULL);
}

static void test_debug_stuck_worker_is_named_while_it_is_stuck(RV_UNUSED void **state)
{
    for (unsigned workers = 2; workers <= 3; workers++) {
        rove_options options = {.workers = workers, .debug = true};
        rv_journal_open(&journal, &options);
        journal.on_line = note_stuck;
        journal.ctx = &stuck;
        rv_store_relaxed(&stuck.is_named, 0u);
        assert_int_equal(rove_run_with(&options, starts_glue, NULL, NULL), 0);
        assert_int_equal(count("task glue has kept worker"), 1);
    }
}

static int breaks_a_rule(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    rove_set_name(rove_current_task(), "culprit");
    RV_CHECK(arg != NULL, "a rule that is broken here");
    return 0;
}

static int run_broken_rule(void)
{
    return rove_run(breaks_a_rule, NULL, NULL);
}

static void test_debug_failed_check_names_worker_and_task(RV_UNUSED void **state)
{
    static struct rv_child child;
    rv_child_run(&child, run_broken_rule);
    assert_true(WIFSIGNALED(child.status) || RV_ASAN || RV_TSAN);
    assert_non_null(strstr(child.text, "rove: rule: a rule that is broken here"));
    assert_non_null(strstr(child.text, "in task culprit (number 1)"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_debug_slow_step_is_logged_with_name_and_place),
        cmocka_unit_test(test_debug_off_says_nothing),
        cmocka_unit_test(test_debug_unread_errors_are_logged_once),
        cmocka_unit_test(test_debug_errors_that_were_read_are_not_logged),
        cmocka_unit_test(test_debug_handles_kept_at_stop_are_named),
        cmocka_unit_test(test_debug_signal_mask_over_a_suspension_is_logged),
        cmocka_unit_test(test_debug_stuck_worker_is_named_while_it_is_stuck),
        cmocka_unit_test(test_debug_failed_check_names_worker_and_task),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
