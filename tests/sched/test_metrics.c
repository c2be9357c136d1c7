// SPDX-License-Identifier: MIT
/*
 * Purpose: the counters of a runtime.
 * Idea:    what a program does is counted exactly where it decides that alone (tasks, timers), and
 *          at least where the scheduler decides too (switches, steals, sleeps).
 */
#include "support/fixture.h"

#include <stdlib.h>
#include <unistd.h>

/* About 22 KiB: not for a task's stack. */
static rove_metrics *read_metrics(void)
{
    rove_metrics *m = malloc(sizeof *m);
    RV_EXPECT(m != NULL);
    RV_EXPECT_EQ(rove_metrics_read(rove_current_runtime(), m), 0);
    return m;
}

static int returns_at_once(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    return 0;
}

static void do_nothing(RV_UNUSED void *ctx)
{
}

#define TASKS 100

RV_TASK_TEST(test_metrics_count_tasks_exactly)
{
    rove_metrics *before = read_metrics();
    for (size_t i = 0; i < TASKS; i++)
        RV_REQUIRE_EQ(rove_join(rove_create_task(returns_at_once, NULL), NULL), 0);
    rove_metrics *after = read_metrics();
    while (after->tasks_live > 1) { /* the last step of the last one, on another worker */
        free(after);
        RV_REQUIRE_EQ(rove_yield(), 0);
        after = read_metrics();
    }
    RV_EXPECT_EQ(before->tasks_created, 1);
    RV_EXPECT_EQ(before->tasks_done, 0);
    RV_EXPECT_EQ(before->tasks_live, 1);
    RV_EXPECT_EQ(after->tasks_created, TASKS + 1);
    RV_EXPECT_EQ(after->tasks_done, TASKS);
    RV_EXPECT_EQ(after->tasks_live, 1);
    RV_EXPECT(after->switches >= before->switches + TASKS);
    free(before);
    free(after);
    return 0;
}

RV_TASK_TEST(test_metrics_callbacks_are_no_tasks)
{
    for (size_t i = 0; i < TASKS; i++)
        rove_handle_release(rove_call_soon(do_nothing, NULL));
    rove_metrics *m = read_metrics();
    RV_EXPECT_EQ(m->tasks_created, 1);
    RV_EXPECT_EQ(m->tasks_live, 1);
    free(m);
    return 0;
}

static uint64_t sum(const rove_metrics *m, size_t offset)
{
    uint64_t total = 0;
    for (unsigned i = 0; i < m->workers; i++)
        total += *(const uint64_t *)(const void *)((const char *)&m->worker[i] + offset);
    return total;
}

static int check_sums(void *arg, RV_UNUSED void **result)
{
    const rove_options *options = arg;
    for (size_t i = 0; i < TASKS; i++)
        RV_REQUIRE_EQ(rove_join(rove_create_task(returns_at_once, NULL), NULL), 0);
    rove_metrics *m = read_metrics();
    RV_EXPECT_EQ(m->workers, options->workers);
    RV_EXPECT_EQ(m->switches, sum(m, offsetof(rove_worker_metrics, switches)));
    RV_EXPECT_EQ(m->steals, sum(m, offsetof(rove_worker_metrics, steals)));
    RV_EXPECT_EQ(m->parks, sum(m, offsetof(rove_worker_metrics, parks)));
    RV_EXPECT_EQ(m->wakeups, sum(m, offsetof(rove_worker_metrics, wakeups)));
    RV_EXPECT_EQ(m->tasks_done, sum(m, offsetof(rove_worker_metrics, tasks_done)));
    /* The first task came from outside. */
    RV_EXPECT_EQ(m->tasks_created, sum(m, offsetof(rove_worker_metrics, tasks_created)) + 1);
    RV_EXPECT(m->injected >= 1);
    free(m);
    return 0;
}

static void test_metrics_totals_are_the_sums_of_the_workers(RV_UNUSED void **state)
{
    RV_FOR_EACH_WORKERS(workers)
    {
        rove_options options = {.workers = workers};
        rv_test_run_with(&options, check_sums, &options);
    }
}

RV_TASK_TEST(test_metrics_count_timers)
{
    rove_metrics *before = read_metrics();
    for (size_t i = 0; i < 5; i++)
        RV_REQUIRE_EQ(rove_sleep(ROVE_NS(1)), 0);
    rove_timeout t;
    rove_timeout_enter(&t, ROVE_SEC(1000));
    RV_EXPECT_EQ(rove_timeout_exit(&t, 0), 0);
    rove_metrics *after = read_metrics();
    RV_EXPECT_EQ(after->timers_armed - before->timers_armed, 6);
    RV_EXPECT_EQ(after->timers_fired - before->timers_fired, 5);
    free(before);
    free(after);
    return 0;
}

static int count_threads(void *arg, void **result)
{
    rove_metrics *m = malloc(sizeof *m);
    RV_EXPECT_EQ(rove_metrics_read(arg, m), 0); /* any thread */
    *result = m;
    return 0;
}

RV_TASK_TEST(test_metrics_count_pool_threads_and_sleeps)
{
    void *seen = NULL;
    rove_metrics *before = read_metrics();
    RV_EXPECT_EQ(before->threads, 0);
    RV_REQUIRE_EQ(rove_to_thread(count_threads, rove_current_runtime(), &seen), 0);
    rove_metrics *during = seen;
    RV_EXPECT_EQ(during->threads, 1);
    free(before);
    free(during);
    return 0;
}

/* The lone worker has nothing to do until the pool thread is through: it sleeps and is woken. */
static int sleeps_once(void *arg, RV_UNUSED void **result)
{
    rove_metrics *m = malloc(sizeof *m);
    uint64_t parks;
    do { /* until the worker lies down behind the task that waits for this */
        RV_EXPECT_EQ(rove_metrics_read(arg, m), 0);
        parks = m->parks;
    } while (parks == 0);
    free(m);
    return 0;
}

static int waits_for_sleeper(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    RV_REQUIRE_EQ(rove_to_thread(sleeps_once, rove_current_runtime(), NULL), 0);
    rove_metrics *m = read_metrics();
    RV_EXPECT(m->parks >= 1);
    RV_EXPECT(m->wakeups >= 1);
    free(m);
    return 0;
}

static void test_metrics_count_a_sleep_and_its_wake_up(RV_UNUSED void **state)
{
    rv_test_run_on(1, waits_for_sleeper, NULL);
}

static int waits(void *arg, RV_UNUSED void **result)
{
    return rove_await(arg, NULL);
}

/* Goal: a task has a stack once it has begun. */
RV_TASK_TEST(test_metrics_touched_stacks_are_resident)
{
    rove_task *tasks[64];
    rove_future *f = rove_create_future();
    for (size_t i = 0; i < RV_ARRAY_LEN(tasks); i++)
        tasks[i] = rove_create_task_with(&(rove_task_options){.eager = true}, waits, f);
    rove_metrics *m = read_metrics();
    RV_EXPECT(m->stack_bytes_resident >= RV_ARRAY_LEN(tasks) * 4096);
    RV_EXPECT(m->stack_bytes_resident < RV_ARRAY_LEN(tasks) * 4 * 128 * 1024);
    free(m);
    rove_set_result(f, NULL);
    for (size_t i = 0; i < RV_ARRAY_LEN(tasks); i++)
        RV_EXPECT_EQ(rove_join(tasks[i], NULL), 0);
    rove_release(f);
    return 0;
}

RV_TASK_TEST(test_metrics_count_operations)
{
    char buf[4];
    int fds[2];
    RV_REQUIRE_EQ(pipe(fds), 0);
    rove_metrics *before = read_metrics();
    RV_EXPECT_EQ(rove_write(fds[1], "rove", 4), 4);
    RV_EXPECT_EQ(rove_read(fds[0], buf, 4), 4);
    rove_metrics *after = read_metrics();
    RV_EXPECT(after->ops_submitted >= before->ops_submitted);
    RV_EXPECT_EQ(after->ops_submitted - before->ops_submitted,
                 after->ops_completed - before->ops_completed);
    free(before);
    free(after);
    rove_close(fds[0]);
    rove_close(fds[1]);
    return 0;
}

RV_TASK_TEST(test_metrics_bad_arguments_are_refused)
{
    rove_metrics *m = malloc(sizeof *m);
    RV_EXPECT_EQ(rove_metrics_read(NULL, m), -EINVAL);
    RV_EXPECT_EQ(rove_metrics_read(rove_current_runtime(), NULL), -EINVAL);
    free(m);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_metrics_count_tasks_exactly),
        cmocka_unit_test(test_metrics_callbacks_are_no_tasks),
        cmocka_unit_test(test_metrics_totals_are_the_sums_of_the_workers),
        cmocka_unit_test(test_metrics_count_timers),
        cmocka_unit_test(test_metrics_count_pool_threads_and_sleeps),
        cmocka_unit_test(test_metrics_count_a_sleep_and_its_wake_up),
        cmocka_unit_test(test_metrics_touched_stacks_are_resident),
        cmocka_unit_test(test_metrics_count_operations),
        cmocka_unit_test(test_metrics_bad_arguments_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
