// SPDX-License-Identifier: MIT
/*
 * Purpose: core/os_process_sim.c: what a simulation leaves out is left out, files of symbols and
 *          the end of the process are real.
 */
#include "core/os_process.h"

#include "support/child.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static struct sigaction fault_before, fault_after;

static bool never_explained(const void *addr)
{
    return addr != NULL;
}

static void never_called(void)
{
    abort();
}

/* Goal: signals, stacks, forks and the end of threads are left as they are. */
static void test_os_process_sim_watches_nothing(void **state)
{
    static const struct rv_os_end_watch watch = {never_called};
    struct rv_os_alt_stack alt;
    stack_t before;
    stack_t now;
    (void)state;
    assert_int_equal(sigaction(SIGSEGV, NULL, &fault_before), 0);
    assert_int_equal(sigaltstack(NULL, &before), 0);
    rv_os_watch_faults(never_explained);
    rv_os_alt_stack_enter(&alt);
    assert_null(alt.memory);
    assert_int_equal(sigaltstack(NULL, &now), 0);
    assert_ptr_equal(now.ss_sp, before.ss_sp);
    rv_os_alt_stack_leave(&alt);
    assert_int_equal(sigaction(SIGSEGV, NULL, &fault_after), 0);
    assert_true(fault_before.sa_handler == fault_after.sa_handler);
    assert_int_equal(rv_os_watch_forks(never_called), 0);
    rv_os_watch_thread_end(&watch);
    rv_os_refuse_thread_cancel();
    rv_os_end_thread_watch();
    assert_int_equal(rv_os_signal_mask(), 0);
    pid_t pid = fork();
    if (pid == 0)
        _exit(0); /* not aborted by a watch of forks */
    int status = -1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void say_late(void)
{
    ssize_t n = write(STDERR_FILENO, "late", 4);
    (void)n;
}

static int exit_now(void)
{
    (void)atexit(say_late);
    rv_os_exit_now(23);
}

/* Goal: the process ends with that status and without its atexit handlers. */
static void test_os_process_sim_exits_now(void **state)
{
    static struct rv_child child;
    (void)state;
    rv_child_run(&child, exit_now);
    assert_int_equal(WEXITSTATUS(child.status), 23);
    assert_null(strstr(child.text, "late"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_os_process_sim_watches_nothing),
        cmocka_unit_test(test_os_process_sim_exits_now),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
