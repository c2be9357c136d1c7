// SPDX-License-Identifier: MIT
/*
 * Purpose: a runtime in which every task waits for another is noticed, one that waits for anything
 *          else is not.
 * Idea:    what must not be taken for a deadlock lasts longer than the confirmation of one takes.
 */
#include "support/fixture.h"
#include "support/journal.h"

#include "core/os.h"

#include <pthread.h>
#include <unistd.h>

#define LONGER_NS (INT64_C(60) * 1000000) /* than RV_DEADLOCK_CONFIRM_NS */

static struct rv_journal journal;

static int run_on(unsigned workers, rove_coro *body, void *arg)
{
    rove_options options = {.workers = workers, .deadlock_error = true};
    rv_journal_open(&journal, &options);
    int rc = rove_run_with(&options, body, arg, NULL);
    rv_test_settle();
    return rc;
}

static int waits_for_ever(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    rove_event never = {0};
    int rc = rove_event_wait(&never);
    RV_EXPECT_EQ(rc, -ECANCELED);
    return rc;
}

static void test_deadlock_lone_task_ends_the_run(RV_UNUSED void **state)
{
    RV_FOR_EACH_WORKERS(workers)
    {
        assert_int_equal(run_on(workers, waits_for_ever, NULL), -EDEADLK);
        assert_int_equal(rv_journal_count(&journal, "every task waits"), 1);
        assert_int_equal(rv_journal_count(&journal, "task-1 has waited for an event"), 1);
    }
}

struct circle {
    rove_task *a, *b;
    rove_event is_closed;
};

static int awaits_b(void *arg, RV_UNUSED void **result)
{
    struct circle *c = arg;
    int rc = rove_event_wait(&c->is_closed);
    return rc < 0 ? rc : rove_await(c->b, NULL);
}

static int awaits_a(void *arg, RV_UNUSED void **result)
{
    struct circle *c = arg;
    return rove_await(c->a, NULL);
}

static int makes_circle(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    struct circle c = {0};
    c.a = rove_create_task_with(&(rove_task_options){.name = "alice"}, awaits_b, &c);
    c.b = rove_create_task_with(&(rove_task_options){.name = "bob"}, awaits_a, &c);
    rove_event_set(&c.is_closed);
    int rc = rove_await(c.a, NULL);
    RV_EXPECT_EQ(rove_await(c.b, NULL), -ECANCELED);
    rove_release(c.a);
    rove_release(c.b);
    return rc;
}

static void test_deadlock_circle_is_shown_and_ends_the_run(RV_UNUSED void **state)
{
    RV_FOR_EACH_WORKERS(workers)
    {
        assert_int_equal(run_on(workers, makes_circle, NULL), -EDEADLK);
        assert_int_equal(rv_journal_count(&journal, "(a circle: see above)"), 1);
        assert_int_equal(rv_journal_count(&journal, "alice has waited for a future"), 2);
    }
}

/* Waits again after each cancellation, three times. */
static int waits_again(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    rove_event never = {0};
    for (int i = 0; i < 3; i++)
        RV_EXPECT_EQ(rove_event_wait(&never), -ECANCELED);
    return 0;
}

static void test_deadlock_that_comes_again_is_ended_again(RV_UNUSED void **state)
{
    assert_int_equal(run_on(2, waits_again, NULL), -EDEADLK);
    assert_int_equal(rv_journal_count(&journal, "every task waits"), 1);
}

static int waits_for_event(void *arg, RV_UNUSED void **result)
{
    return rove_event_wait(arg);
}

static int sleeps(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    rove_event e = {0};
    rove_task *t = rove_create_task(waits_for_event, &e);
    RV_REQUIRE_EQ(rove_sleep(LONGER_NS), 0); /* a timer is what this is about */
    rove_event_set(&e);
    return rove_join(t, NULL);
}

static void test_deadlock_is_none_while_a_timer_is_armed(RV_UNUSED void **state)
{
    RV_FOR_EACH_WORKERS(workers)
    assert_int_equal(run_on(workers, sleeps, NULL), 0);
    assert_int_equal(rv_journal_count(&journal, "every task waits"), 0);
}

static int computes(void *arg, RV_UNUSED void **result)
{
    int64_t until = rv_os_clock_ns() + LONGER_NS;
    while (rv_os_clock_ns() < until)
        rv_os_sched_yield();
    rove_event_set(arg);
    return 0;
}

static int computes_elsewhere(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    rove_event e = {0};
    rove_task *t = rove_create_task(waits_for_event, &e);
    RV_EXPECT_EQ(rove_to_thread(computes, &e, NULL), 0);
    return rove_join(t, NULL);
}

static void test_deadlock_is_none_while_a_pool_thread_works(RV_UNUSED void **state)
{
    RV_FOR_EACH_WORKERS(workers)
    assert_int_equal(run_on(workers, computes_elsewhere, NULL), 0);
    assert_int_equal(rv_journal_count(&journal, "every task waits"), 0);
}

static int computes_here(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    rove_event e = {0};
    rove_task *t = rove_create_task(waits_for_event, &e);
    computes(&e, NULL);
    return rove_join(t, NULL);
}

static void test_deadlock_is_none_while_a_task_runs(RV_UNUSED void **state)
{
    RV_FOR_EACH_WORKERS(workers)
    assert_int_equal(run_on(workers, computes_here, NULL), 0);
    assert_int_equal(rv_journal_count(&journal, "every task waits"), 0);
}

static void *writes_late(void *arg)
{
    const int *fd = arg;
    rove_event ignored = {0};
    computes(&ignored, NULL);
    return (void *)(intptr_t)write(*fd, "x", 1);
}

static int reads(void *arg, RV_UNUSED void **result)
{
    char c;
    const int *fd = arg;
    return rove_read(*fd, &c, 1) == 1 ? 0 : RV_TEST_FAILED;
}

static int reads_what_comes_late(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    int fds[2];
    pthread_t thread;
    RV_REQUIRE_EQ(pipe(fds), 0);
    RV_REQUIRE_EQ(pthread_create(&thread, NULL, writes_late, &fds[1]), 0);
    RV_EXPECT_EQ(rove_join(rove_create_task(reads, &fds[0]), NULL), 0);
    pthread_join(thread, NULL);
    RV_EXPECT_EQ(rove_close(fds[0]), 0);
    RV_EXPECT_EQ(rove_close(fds[1]), 0);
    return 0;
}

static void test_deadlock_is_none_while_io_is_awaited(RV_UNUSED void **state)
{
    RV_FOR_EACH_WORKERS(workers)
    assert_int_equal(run_on(workers, reads_what_comes_late, NULL), 0);
    assert_int_equal(rv_journal_count(&journal, "every task waits"), 0);
}

static void set_event(void *ctx, const char *line)
{
    if (strstr(line, "every task waits") != NULL)
        rove_event_set(ctx);
}

/* Debug mode only tells; whoever can may still wake a task. */
static void test_deadlock_in_debug_mode_is_only_told(RV_UNUSED void **state)
{
    RV_FOR_EACH_WORKERS(workers)
    {
        rove_event e = {0};
        rove_options options = {.workers = workers, .debug = true};
        rv_journal_open(&journal, &options);
        journal.on_line = set_event;
        journal.ctx = &e;
        assert_int_equal(rove_run_with(&options, waits_for_event, &e, NULL), 0);
        assert_int_equal(rv_journal_count(&journal, "every task waits"), 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_deadlock_lone_task_ends_the_run),
        cmocka_unit_test(test_deadlock_circle_is_shown_and_ends_the_run),
        cmocka_unit_test(test_deadlock_that_comes_again_is_ended_again),
        cmocka_unit_test(test_deadlock_is_none_while_a_timer_is_armed),
        cmocka_unit_test(test_deadlock_is_none_while_a_pool_thread_works),
        cmocka_unit_test(test_deadlock_is_none_while_a_task_runs),
        cmocka_unit_test(test_deadlock_is_none_while_io_is_awaited),
        cmocka_unit_test(test_deadlock_in_debug_mode_is_only_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
