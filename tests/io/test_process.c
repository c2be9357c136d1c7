// SPDX-License-Identifier: MIT
/*
 * Purpose: io/process: start, streams, communicate, wait, kill, release; no zombie, no deadlock.
 */
#include "io/stream.h"
#include "support/fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* A shell that runs this; the streams are the options'. */
static int start_shell(const char *command, rove_process_options options, rove_process **p)
{
    char *argv[] = {"/bin/sh", "-c", (char *)(uintptr_t)command, NULL};
    options.argv = argv;
    return rove_process_start(&options, p);
}

static int run_shell(const char *command)
{
    rove_process *p = NULL;
    int rc = start_shell(command, (rove_process_options){0}, &p);
    if (rc == 0) {
        rc = rove_process_wait(p);
        rove_process_release(p);
    }
    return rc;
}

static bool has_children(void)
{
    siginfo_t info;
    return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

/* Until the reapers have collected every child. */
static int wait_until_childless(void)
{
    while (has_children()) {
        RV_REQUIRE_EQ(rove_yield(), 0);
    }
    return 0;
}

static void test_process_outside_a_task_is_refused(void **state)
{
    (void)state;
    rove_process *p = NULL;
    assert_int_equal(rove_process_start(NULL, &p), -EPERM);
    assert_int_equal(rove_process_wait(NULL), -EPERM);
    assert_int_equal(rove_process_kill(NULL, 0), -EPERM);
    assert_int_equal(rove_process_communicate(NULL, NULL, 0, NULL, NULL, NULL, NULL), -EPERM);
    assert_null(rove_process_stdin(NULL));
    rove_process_release(NULL);
}

RV_TASK_TEST(test_process_arguments_are_refused)
{
    rove_process *p = NULL;
    char *argv[] = {"true", NULL};
    char *none[] = {NULL};
    static const rove_process_options bad[] = {{0}, {.in = 1}, {.out = 2}, {.err = -3}};
    for (size_t i = 0; i < RV_ARRAY_LEN(bad); i++) {
        rove_process_options options = bad[i];
        options.argv = i == 0 ? none : argv;
        RV_EXPECT_EQ(rove_process_start(&options, &p), -EINVAL);
    }
    RV_EXPECT_EQ(rove_process_start(&bad[0], &p), -EINVAL);
    RV_EXPECT_EQ(rove_process_start(NULL, &p), -EINVAL);
    RV_EXPECT_EQ(rove_process_start(&(rove_process_options){.argv = argv}, NULL), -EINVAL);
    RV_EXPECT_PTR(p, NULL);
    RV_EXPECT_EQ(rove_process_wait(NULL), -EINVAL);
    RV_EXPECT_EQ(rove_process_kill(NULL, 0), -EINVAL);
    RV_EXPECT_EQ(rove_process_communicate(NULL, NULL, 0, NULL, NULL, NULL, NULL), -EINVAL);
    rove_process_release(NULL);
    return 0;
}

/* Goal: what keeps a program from starting is told by start, and nothing is left of it. */
RV_TASK_TEST(test_process_failed_exec_is_reported)
{
    rove_process *p = NULL;
    char *absent[] = {"/no/such/program", NULL};
    char *unknown[] = {"rove-no-such-program", NULL};
    char *folder[] = {"/tmp", NULL};
    char *good[] = {"true", NULL};
    rove_process_options options = {.argv = absent, .in = ROVE_PIPE, .out = ROVE_PIPE};
    RV_EXPECT_EQ(rove_process_start(&options, &p), -ENOENT);
    options.argv = unknown;
    RV_EXPECT_EQ(rove_process_start(&options, &p), -ENOENT);
    options.argv = folder;
    RV_EXPECT_EQ(rove_process_start(&options, &p), -EACCES);
    options.argv = good;
    options.cwd = "/no/such/directory";
    RV_EXPECT_EQ(rove_process_start(&options, &p), -ENOENT);
    options.cwd = NULL;
    options.err = 999999;
    RV_EXPECT_EQ(rove_process_start(&options, &p), -EBADF);
    RV_EXPECT_PTR(p, NULL);
    RV_EXPECT(!has_children());
    return 0;
}

RV_TASK_TEST(test_process_wait_gives_the_status)
{
    RV_EXPECT_EQ(run_shell("exit 0"), 0);
    RV_EXPECT_EQ(run_shell("exit 1"), 1);
    RV_EXPECT_EQ(run_shell("exit 255"), 255);
    RV_EXPECT_EQ(run_shell("kill -TERM $$"), 256 + SIGTERM);
    RV_EXPECT(!has_children());
    return 0;
}

RV_TASK_TEST(test_process_kill_ends_it)
{
    rove_process *p = NULL;
    RV_REQUIRE_EQ(start_shell("exec cat", (rove_process_options){.in = ROVE_PIPE}, &p), 0);
    RV_EXPECT_EQ(rove_process_kill(p, 0), 0);
    RV_EXPECT_EQ(rove_process_kill(p, 12345), -EINVAL);
    RV_EXPECT_EQ(rove_process_kill(p, SIGKILL), 0);
    RV_EXPECT_EQ(rove_process_wait(p), 256 + SIGKILL);
    RV_EXPECT_EQ(rove_process_wait(p), 256 + SIGKILL);
    RV_EXPECT_EQ(rove_process_kill(p, SIGKILL), -ESRCH);
    rove_process_release(p);
    return 0;
}

static int wait_for(void *arg, RV_UNUSED void **result)
{
    return -10000 - rove_process_wait(arg);
}

/* Goal: several may wait; one who is cancelled does not disturb the others, nor the child. */
RV_TASK_TEST(test_process_many_wait)
{
    rove_process *p = NULL;
    rove_task *tasks[8];
    RV_REQUIRE_EQ(start_shell("read line; exit 7", (rove_process_options){.in = ROVE_PIPE}, &p), 0);
    for (size_t i = 0; i < RV_ARRAY_LEN(tasks); i++) {
        tasks[i] = rove_create_task(wait_for, p);
    }
    for (int i = 0; i < 5; i++) {
        RV_REQUIRE_EQ(rove_yield(), 0);
    }
    RV_EXPECT(rove_cancel(tasks[0]));
    int rc = rove_join(tasks[0], NULL);
    RV_EXPECT(rc == -10000 + ECANCELED || rc == -ECANCELED); /* or before it began */
    RV_EXPECT_EQ(rove_process_kill(p, 0), 0);
    RV_EXPECT_EQ(rove_stream_write(rove_process_stdin(p), "go\n", 3), 0);
    for (size_t i = 1; i < RV_ARRAY_LEN(tasks); i++) {
        RV_EXPECT_EQ(rove_join(tasks[i], NULL), -10007);
    }
    rove_process_release(p);
    return 0;
}

RV_TASK_TEST(test_process_dialogue_by_lines)
{
    rove_process *p = NULL;
    const char *line;
    rove_process_options options = {.in = ROVE_PIPE, .out = ROVE_PIPE, .err = ROVE_NULL};
    RV_REQUIRE_EQ(start_shell("while read x; do echo \"<$x>\"; echo no >&2; done", options, &p), 0);
    RV_EXPECT_PTR(rove_process_stderr(p), NULL);
    for (int i = 0; i < 20; i++) {
        char text[16], expected[16];
        int n = snprintf(text, sizeof(text), "%d\n", i);
        snprintf(expected, sizeof(expected), "<%d>\n", i);
        RV_REQUIRE_EQ(rove_stream_write(rove_process_stdin(p), text, (size_t)n), 0);
        ssize_t got = rove_stream_read_line(rove_process_stdout(p), &line);
        RV_REQUIRE_EQ(got, strlen(expected));
        RV_REQUIRE(memcmp(line, expected, (size_t)got) == 0);
    }
    RV_EXPECT_EQ(rove_stream_shutdown(rove_process_stdin(p)), 0);
    RV_EXPECT_EQ(rove_stream_read_line(rove_process_stdout(p), &line), 0);
    RV_EXPECT_EQ(rove_process_wait(p), 0);
    rove_process_release(p);
    return 0;
}

/* The output of a command, to be freed; NULL on any failure. */
static char *output_of(const char *command, rove_process_options options)
{
    rove_process *p = NULL;
    char *out = NULL;
    options.out = ROVE_PIPE;
    RV_EXPECT_EQ(start_shell(command, options, &p), 0);
    RV_EXPECT_EQ(rove_process_communicate(p, NULL, 0, &out, NULL, NULL, NULL), 0);
    rove_process_release(p);
    return out;
}

RV_TASK_TEST(test_process_environment_and_directory)
{
    char *envp[] = {"PATH=/bin:/usr/bin", "WORD=banana", NULL};
    char *out = output_of("echo $WORD; pwd", (rove_process_options){.envp = envp, .cwd = "/usr"});
    RV_EXPECT_STR(out, "banana\n/usr\n");
    free(out);
    setenv("ROVE_TEST_WORD", "inherited", 1);
    out = output_of("echo $ROVE_TEST_WORD", (rove_process_options){0});
    RV_EXPECT_STR(out, "inherited\n");
    free(out);
    return 0;
}

/* Goal: a program is looked for where its own environment says, as Python has it. */
RV_TASK_TEST(test_process_path_is_the_child_s)
{
    char *argv[] = {"true", NULL};
    char *nowhere[] = {"PATH=/nonexistent:/proc", NULL};
    char *somewhere[] = {"PATH=/nonexistent:/usr/bin:/bin", NULL};
    char *nothing[] = {NULL};
    rove_process *p = NULL;
    rove_process_options options = {.argv = argv, .envp = nowhere};
    RV_EXPECT_EQ(rove_process_start(&options, &p), -ENOENT);
    RV_EXPECT_PTR(p, NULL);
    for (int i = 0; i < 2; i++) {
        options.envp = i == 0 ? somewhere : nothing;
        RV_REQUIRE_EQ(rove_process_start(&options, &p), 0);
        RV_EXPECT_EQ(rove_process_wait(p), 0);
        rove_process_release(p);
    }
    return 0;
}

RV_TASK_TEST(test_process_descriptors_may_be_given)
{
    rove_process *p = NULL;
    char text[32] = {0};
    int fd = memfd_create("process", MFD_CLOEXEC);
    RV_REQUIRE_EQ(pwrite(fd, "from a file\n", 12, 0), 12);
    rove_process_options options = {.in = fd, .out = fd, .err = fd};
    RV_REQUIRE_EQ(start_shell("read x; echo \"$x\"; echo twice >&2", options, &p), 0);
    RV_EXPECT_PTR(rove_process_stdin(p), NULL);
    RV_EXPECT_EQ(rove_process_wait(p), 0);
    rove_process_release(p);
    RV_EXPECT(pread(fd, text, sizeof(text) - 1, 0) > 0);
    RV_EXPECT_STR(text, "from a file\nfrom a file\ntwice\n");
    return rove_close(fd);
}

/* The C library's spawn lets a child ignore the two signals that it keeps for itself. */
#define LIBC_SIGNALS (UINT64_C(3) << 31)

/* Goal: a child begins as if a shell had started it: no signal blocked or ignored, no descriptor of
 * ours. Method: this process ignores SIGPIPE, and keeps a descriptor that a fork would hand on. */
RV_TASK_TEST(test_process_child_is_clean)
{
    struct sigaction ignored = {.sa_handler = SIG_IGN};
    struct sigaction old;
    int leaky = dup(0);
    RV_REQUIRE(leaky >= 3);
    sigaction(SIGPIPE, &ignored, &old);
    char *out = output_of("grep -E 'Sig(Blk|Ign)' /proc/self/status; ls /proc/self/fd",
                          (rove_process_options){0});
    sigaction(SIGPIPE, &old, NULL);
    unsigned long long blocked = 1;
    unsigned long long ignoring = ~0ULL;
    char rest[32] = "";
    RV_EXPECT_EQ(sscanf(out, "SigBlk: %llx SigIgn: %llx %31c", &blocked, &ignoring, rest), 3);
    RV_EXPECT_EQ(blocked, 0);
    RV_EXPECT_EQ(ignoring & ~LIBC_SIGNALS, 0);
    RV_EXPECT_STR(rest, "0\n1\n2\n3\n"); /* the last is the directory itself */
    free(out);
    return rove_close(leaky);
}

enum { MUCH = 10 * 1024 * 1024 };

/* Goal: 10 MiB in and twice 10 MiB out at once: no end waits for another. */
static int communicate_much(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    rove_process *p = NULL;
    char *in = malloc(MUCH);
    char *out = NULL, *err = NULL;
    size_t out_n = 0, err_n = 0;
    for (size_t i = 0; i < MUCH; i++) {
        in[i] = (char)(i * 7 + i / 253);
    }
    rove_process_options options = {.in = ROVE_PIPE, .out = ROVE_PIPE, .err = ROVE_PIPE};
    RV_REQUIRE_EQ(start_shell("tee /dev/stderr; exit 3", options, &p), 0);
    RV_EXPECT_EQ(rove_process_communicate(p, in, MUCH, &out, &out_n, &err, &err_n), 3);
    rove_process_release(p);
    RV_REQUIRE_EQ(out_n, MUCH);
    RV_REQUIRE_EQ(err_n, MUCH);
    RV_EXPECT(memcmp(out, in, MUCH) == 0 && out[MUCH] == '\0');
    RV_EXPECT(memcmp(err, in, MUCH) == 0 && err[MUCH] == '\0');
    free(in);
    free(out);
    free(err);
    return 0;
}

static void test_process_communicate_much_both_ways(void **state)
{
    (void)state;
    rv_test_run_on(1, communicate_much, NULL);
    rv_test_run_on(3, communicate_much, NULL);
}

/* Goal: a child that does not read its input is no error; streams that are no pipes give NULL. */
RV_TASK_TEST(test_process_communicate_unread_input_is_fine)
{
    static const char in[300000];
    rove_process *p = NULL;
    char *out = NULL;
    char *err = (char *)(uintptr_t)in;
    size_t err_n = 4711;
    rove_process_options options = {.in = ROVE_PIPE, .out = ROVE_PIPE};
    RV_REQUIRE_EQ(start_shell("echo bye; exit 9", options, &p), 0);
    RV_EXPECT_EQ(rove_process_communicate(p, in, sizeof(in), &out, NULL, &err, &err_n), 9);
    RV_EXPECT_STR(out, "bye\n");
    RV_EXPECT_PTR(err, NULL);
    RV_EXPECT_EQ(err_n, 0);
    free(out);
    rove_process_release(p);

    RV_REQUIRE_EQ(start_shell("exit 4", (rove_process_options){0}, &p), 0);
    RV_EXPECT_EQ(rove_process_communicate(p, in, 1, NULL, NULL, NULL, NULL), -EINVAL);
    RV_EXPECT_EQ(rove_process_communicate(p, NULL, 0, NULL, NULL, NULL, NULL), 4);
    rove_process_release(p);
    return 0;
}

/* Goal: a deadline ends a communicate; the child is still there, to be killed and waited for. */
RV_TASK_TEST(test_process_communicate_cancelled_stores_nothing)
{
    rove_process *p = NULL;
    char *out = NULL;
    rove_timeout limit;
    rove_process_options options = {.in = ROVE_PIPE, .out = ROVE_PIPE};
    RV_REQUIRE_EQ(start_shell("echo begun; exec sleep 1000", options, &p), 0);
    rove_timeout_enter(&limit, ROVE_MS(10));
    int rc = rove_process_communicate(p, "x", 1, &out, NULL, NULL, NULL);
    RV_EXPECT_EQ(rove_timeout_exit(&limit, rc), -ETIMEDOUT);
    RV_EXPECT_PTR(out, NULL);
    RV_EXPECT_EQ(rove_process_kill(p, SIGTERM), 0);
    RV_EXPECT_EQ(rove_process_wait(p), 256 + SIGTERM);
    rove_process_release(p);
    return 0;
}

/* Goal: a child that was given up is collected when it ends. */
RV_TASK_TEST(test_process_released_child_is_reaped)
{
    for (int i = 0; i < 3; i++) {
        rove_process *p = NULL;
        RV_REQUIRE_EQ(start_shell("exec cat", (rove_process_options){.in = ROVE_PIPE}, &p), 0);
        RV_EXPECT(has_children());
        rove_process_release(p); /* closes its input: it ends */
        RV_REQUIRE_EQ(wait_until_childless(), 0);
    }
    return 0;
}

/* Goal: a child whose end nobody waits for is no zombie either; nor does a program that cancels all
 * its tasks make one. */
RV_TASK_TEST(test_process_unwaited_child_is_reaped)
{
    rove_process *p = NULL;
    rove_task *all[64];
    RV_REQUIRE_EQ(start_shell("exec cat", (rove_process_options){.in = ROVE_PIPE}, &p), 0);
    size_t n = rove_all_tasks(rove_current_runtime(), all, RV_ARRAY_LEN(all));
    for (size_t i = 0; i < n; i++) {
        if (all[i] != rove_current_task()) {
            rove_cancel(all[i]);
        }
        rove_release(all[i]);
    }
    RV_EXPECT_EQ(rove_stream_shutdown(rove_process_stdin(p)), 0);
    RV_REQUIRE_EQ(wait_until_childless(), 0);
    RV_EXPECT_EQ(rove_process_kill(p, SIGTERM), -ESRCH);
    RV_EXPECT_EQ(rove_process_wait(p), 0);
    rove_process_release(p);
    return 0;
}

static int leave_running(void *arg, RV_UNUSED void **result)
{
    rove_process *p = NULL;
    const char *line;
    char text[16] = "";
    rove_process_options options = {.out = ROVE_PIPE};
    RV_REQUIRE_EQ(start_shell("echo $$; exec sleep 1000", options, &p), 0);
    ssize_t n = rove_stream_read_line(rove_process_stdout(p), &line);
    RV_REQUIRE(n > 0 && (size_t)n < sizeof(text));
    memcpy(text, line, (size_t)n);
    *(int *)arg = atoi(text);
    rove_process_release(p);
    return 0;
}

/* Goal: a runtime ends at once although a child still runs. */
static void test_process_running_child_does_not_hold_up_the_end(void **state)
{
    (void)state;
    RV_FOR_EACH_WORKERS(workers)
    {
        int pid = 0;
        int status = 0;
        rv_test_run_on(workers, leave_running, &pid);
        assert_true(pid > 0);
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
    }
}

enum { CROWD = 1000, CROWD_DESCRIPTORS = 3 * CROWD + 200 }; /* a pidfd and two pipes each */

/* Starts a child and talks to it only when all the others have been started too. */
static int run_in_crowd(void *arg, RV_UNUSED void **result)
{
    char *argv[] = {"cat", NULL};
    rove_process *p = NULL;
    const char *line;
    rove_process_options options = {.argv = argv, .in = ROVE_PIPE, .out = ROVE_PIPE};
    int rc = rove_process_start(&options, &p);
    if (!RV_EXPECT_EQ(rc, 0)) {
        rove_barrier_abort(arg);
        return RV_TEST_FAILED;
    }
    RV_REQUIRE(rove_barrier_wait(arg) >= 0);
    RV_EXPECT_EQ(rove_stream_write(rove_process_stdin(p), "here\n", 5), 0);
    RV_EXPECT_EQ(rove_stream_read_line(rove_process_stdout(p), &line), 5);
    RV_EXPECT(rove_barrier_wait(arg) >= 0); /* all have answered: all were alive at once */
    RV_EXPECT_EQ(rove_stream_shutdown(rove_process_stdin(p)), 0);
    RV_EXPECT_EQ(rove_process_wait(p), 0);
    rove_process_release(p);
    return 0;
}

/* Goal: a thousand children that live at the same time are all served, and leave nothing. */
static int run_crowd(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    rove_barrier all;
    rove_task *tasks[CROWD];
    rove_barrier_init(&all, CROWD);
    for (int i = 0; i < CROWD; i++) {
        tasks[i] = rove_create_task(run_in_crowd, &all);
    }
    for (int i = 0; i < CROWD; i++) {
        RV_EXPECT_EQ(rove_join(tasks[i], NULL), 0);
    }
    RV_REQUIRE_EQ(wait_until_childless(), 0); /* reapers may come a moment after who waited */
    return 0;
}

static void test_process_thousand_children_at_once_leave_nothing(void **state)
{
    (void)state;
    struct rlimit before, more;
    struct rv_test_usage usage;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    more = before;
    more.rlim_cur = before.rlim_cur < CROWD_DESCRIPTORS ? CROWD_DESCRIPTORS : before.rlim_cur;
    if (more.rlim_cur > before.rlim_max)
        skip(); /* scripts/refused makes descriptors scarce */
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &more), 0);
    rv_test_usage_read(&usage);
    assert_int_equal(rove_run_with(&(rove_options){.workers = 2}, run_crowd, NULL, NULL), 0);
    rv_test_settle();
    rv_test_usage_check(&usage);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_false(has_children());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_process_outside_a_task_is_refused),
        cmocka_unit_test(test_process_arguments_are_refused),
        cmocka_unit_test(test_process_failed_exec_is_reported),
        cmocka_unit_test(test_process_wait_gives_the_status),
        cmocka_unit_test(test_process_kill_ends_it),
        cmocka_unit_test(test_process_many_wait),
        cmocka_unit_test(test_process_dialogue_by_lines),
        cmocka_unit_test(test_process_environment_and_directory),
        cmocka_unit_test(test_process_path_is_the_child_s),
        cmocka_unit_test(test_process_descriptors_may_be_given),
        cmocka_unit_test(test_process_child_is_clean),
        cmocka_unit_test(test_process_communicate_much_both_ways),
        cmocka_unit_test(test_process_communicate_unread_input_is_fine),
        cmocka_unit_test(test_process_communicate_cancelled_stores_nothing),
        cmocka_unit_test(test_process_released_child_is_reaped),
        cmocka_unit_test(test_process_unwaited_child_is_reaped),
        cmocka_unit_test(test_process_running_child_does_not_hold_up_the_end),
        cmocka_unit_test(test_process_thousand_children_at_once_leave_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
