// SPDX-License-Identifier: MIT
/*
 * Purpose: core/check.c: what a broken rule prints, and that it stops the program.
 */
#include "core/check.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* Runs body in a child; its standard error lands in out; returns how it ended. */
static int run_dying(void (*body)(void), char *out, size_t n)
{
    int fds[2];
    int status;
    pid_t pid;
    size_t used = 0;
    ssize_t got;

    assert_int_equal(pipe(fds), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)dup2(fds[1], STDERR_FILENO);
        (void)signal(SIGABRT, SIG_DFL);
        body();
        _exit(0);
    }
    (void)close(fds[1]);
    while (used < n - 1 && (got = read(fds[0], out + used, n - 1 - used)) > 0)
        used += (size_t)got;
    out[used] = '\0';
    (void)close(fds[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void break_rule(void)
{
    int apples = 3;

    RV_CHECK(apples == 4, "four apples, not %d", apples);
}

static void describe_me(char *buf, size_t n)
{
    (void)snprintf(buf, n, "worker 7, task lunch");
}

static void break_rule_with_hook(void)
{
    rv_check_set_hook(describe_me);
    break_rule();
}

static void describe_and_fail(char *buf, size_t n)
{
    (void)snprintf(buf, n, "never seen");
    rv_panic("the hook itself");
}

static void break_rule_in_hook(void)
{
    rv_check_set_hook(describe_and_fail);
    break_rule();
}

static void panic_at_length(void)
{
    char text[2000];

    memset(text, 'x', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    rv_panic("%s", text);
}

static void keep_rules(void)
{
    int calls = 0;

    RV_CHECK(++calls == 1, "evaluated once");
    RV_ASSERT(calls == 1, "and not by the assert");
    if (calls != 1)
        abort();
}

/* Goal: the message names place, condition, rule and values, and the program aborts. */
static void test_check_broken_rule_names_itself_and_aborts(void **state)
{
    char out[2048];
    int status = run_dying(break_rule, out, sizeof(out));

    (void)state;
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    assert_non_null(strstr(out, "test_check.c:"));
    assert_non_null(strstr(out, "apples == 4"));
    assert_non_null(strstr(out, "four apples, not 3\n"));
}

/* Goal: the scheduler's line is part of the message; a failing hook does not loop. */
static void test_check_hook_adds_a_line_and_may_fail(void **state)
{
    char out[2048];
    int status = run_dying(break_rule_with_hook, out, sizeof(out));

    (void)state;
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    assert_non_null(strstr(out, "worker 7, task lunch\n"));
    status = run_dying(break_rule_in_hook, out, sizeof(out));
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    assert_non_null(strstr(out, "four apples"));
    assert_non_null(strstr(out, "the hook itself"));
}

/* Goal: a message too long is cut, not overrun. */
static void test_check_long_message_is_cut(void **state)
{
    char out[4096];
    int status = run_dying(panic_at_length, out, sizeof(out));

    (void)state;
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    assert_true(strlen(out) > 400 && strlen(out) <= 512);
    assert_int_equal(out[strlen(out) - 1], '\n');
}

/* Goal: kept rules cost nothing but their evaluation. */
static void test_check_kept_rule_is_silent(void **state)
{
    char out[256];
    int status = run_dying(keep_rules, out, sizeof(out));

    (void)state;
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_string_equal(out, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_check_broken_rule_names_itself_and_aborts),
        cmocka_unit_test(test_check_hook_adds_a_line_and_may_fail),
        cmocka_unit_test(test_check_long_message_is_cut),
        cmocka_unit_test(test_check_kept_rule_is_silent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
