// SPDX-License-Identifier: MIT
/*
 * Purpose: a child of fork finds the runtime dead, and does the parent's no harm.
 * Idea:    the child tries every way in and exits with the number of the first that is wrong; the
 *          parent then does I/O on the same rings.
 */
#include "support/child.h"
#include "support/fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static int waits(void *arg, RV_UNUSED void **result)
{
    return rove_await(arg, NULL);
}

static int returns_at_once(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    return 0;
}

static void do_nothing(RV_UNUSED void *ctx)
{
}

#define EXPECT_IN_CHILD(number, condition) \
    do {                                   \
        if (!(condition))                  \
            _exit(number);                 \
    } while (0)

/* What was the task that forked; f is awaited by a task of the parent, t is that task. */
static void try_everything(rove_runtime *runtime, rove_future *f, rove_task *t)
{
    static rove_metrics metrics;
    char c;
    EXPECT_IN_CHILD(1, rove_current_task() == NULL && rove_current_runtime() == NULL);
    EXPECT_IN_CHILD(2, rove_sleep(1) == -EPERM && rove_yield() == -EPERM);
    EXPECT_IN_CHILD(3, rove_await(f, NULL) == -EPERM);
    EXPECT_IN_CHILD(4, rove_create_task(returns_at_once, NULL) == NULL);
    EXPECT_IN_CHILD(5, rove_submit(runtime, returns_at_once, NULL) == NULL);
    EXPECT_IN_CHILD(6, rove_call_soon_threadsafe(runtime, do_nothing, NULL) == NULL);
    EXPECT_IN_CHILD(7, rove_runtime_stop(runtime, 0) == -EOWNERDEAD);
    EXPECT_IN_CHILD(8, rove_metrics_read(runtime, &metrics) == -EOWNERDEAD);
    EXPECT_IN_CHILD(9, rove_print_call_graph(runtime, stderr) == -EOWNERDEAD);
    EXPECT_IN_CHILD(10, rove_all_tasks(runtime, NULL, 0) == 0);
    EXPECT_IN_CHILD(11, rove_wait_blocking(t, ROVE_FOREVER, NULL) == -EOWNERDEAD);
    EXPECT_IN_CHILD(12, rove_run(returns_at_once, NULL, NULL) == -EPERM);
    EXPECT_IN_CHILD(13, rove_read(0, &c, 1) == -EPERM);
    EXPECT_IN_CHILD(14, rove_set_result(f, NULL) == 0); /* wakes nobody, touches no ring */
    EXPECT_IN_CHILD(15, rove_done(f));
    _exit(0);
}

/* The rings and the queues of the parent still work. */
static int write_and_read(void)
{
    char buf[4] = {0};
    int fds[2];
    RV_REQUIRE_EQ(pipe(fds), 0);
    for (int i = 0; i < 100; i++) {
        RV_REQUIRE_EQ(rove_write(fds[1], "rove", 4), 4);
        RV_REQUIRE_EQ(rove_read(fds[0], buf, 4), 4);
        RV_REQUIRE_EQ(memcmp(buf, "rove", 4), 0);
    }
    RV_EXPECT_EQ(rove_close(fds[0]), 0);
    RV_EXPECT_EQ(rove_close(fds[1]), 0);
    return rove_join(rove_create_task(returns_at_once, NULL), NULL);
}

RV_TASK_TEST(test_fork_in_a_task_leaves_the_child_without_runtime)
{
    int status = -1;
    rove_future *f = rove_create_future();
    rove_task *t = rove_create_task(waits, f);
    RV_REQUIRE_EQ(rove_yield(), 0);
    rove_runtime *runtime = rove_current_runtime();
    pid_t pid = fork();
    if (pid == 0)
        try_everything(runtime, f, t);
    RV_EXPECT_EQ(waitpid(pid, &status, 0), pid);
    RV_EXPECT_EQ(status, 0); /* else 256 times the number of what was wrong */
    int rc = write_and_read();
    RV_EXPECT(!rove_done(f));
    rove_set_result(f, NULL);
    RV_EXPECT_EQ(rove_join(t, NULL), 0);
    rove_release(f);
    return rc;
}

RV_TASK_TEST(test_fork_in_a_task_then_exec_works)
{
    int status = -1;
    pid_t pid = fork();
    if (pid == 0) {
        execl("/bin/sh", "sh", "-c", "exit 7", (char *)NULL);
        _exit(1);
    }
    RV_EXPECT_EQ(waitpid(pid, &status, 0), pid);
    RV_EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 7);
    return write_and_read();
}

static int forks_and_returns(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    int status;
    pid_t pid = fork();
    if (pid == 0)
        return 0;
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int run_forks_and_returns(void)
{
    return rove_run(forks_and_returns, NULL, NULL);
}

static void test_fork_child_that_returns_from_its_task_is_ended(RV_UNUSED void **state)
{
    static struct rv_child child;
    rv_child_run(&child, run_forks_and_returns);
    assert_true(WIFEXITED(child.status));
    assert_int_equal(WEXITSTATUS(child.status), EXIT_FAILURE);
    assert_non_null(strstr(child.text, "returned in a child of fork"));
}

static int run_a_runtime(rove_runtime *parents)
{
    EXPECT_IN_CHILD(1, rove_submit(parents, returns_at_once, NULL) == NULL);
    EXPECT_IN_CHILD(2, rove_runtime_stop(parents, 0) == -EOWNERDEAD);
    EXPECT_IN_CHILD(3, rove_run_with(&(rove_options){.workers = 2}, returns_at_once, NULL,
                                     NULL) == 0);
    return 0;
}

/* A plain thread that forks may have a runtime of its own in the child. */
static void test_fork_outside_of_tasks_leaves_the_child_free(RV_UNUSED void **state)
{
    int status = -1;
    rove_runtime *runtime;
    if (RV_TSAN)
        skip(); /* it refuses new threads in a child of a process with several */
    assert_int_equal(rove_runtime_start(&(rove_options){.workers = 2}, &runtime), 0);
    pid_t pid = fork();
    if (pid == 0)
        _exit(run_a_runtime(runtime));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    rove_task *t = rove_submit(runtime, returns_at_once, NULL);
    assert_int_equal(rove_wait_blocking(t, ROVE_FOREVER, NULL), 0);
    rove_release(t);
    assert_int_equal(rove_runtime_stop(runtime, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fork_in_a_task_leaves_the_child_without_runtime),
        cmocka_unit_test(test_fork_in_a_task_then_exec_works),
        cmocka_unit_test(test_fork_child_that_returns_from_its_task_is_ended),
        cmocka_unit_test(test_fork_outside_of_tasks_leaves_the_child_free),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
