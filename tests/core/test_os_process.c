// SPDX-License-Identifier: MIT
/*
 * Purpose: files to look into, alternate signal stacks, signal masks, fork handlers. Faults are
 *          in sched/test_overflow.c.
 */
#include "core/os_process.h"

#include "core/base.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void test_os_process_file_is_mapped_whole(RV_UNUSED void **state)
{
    size_t bytes = 0;
    const void *data = rv_os_map_file("/proc/self/exe", &bytes);
    assert_non_null(data);
    assert_true(bytes > 4096);
    assert_memory_equal(data, "\177ELF", 4);
    rv_os_unmap_file(data, bytes);
}

static void test_os_process_file_that_is_none_is_null(RV_UNUSED void **state)
{
    size_t bytes = 7;
    assert_null(rv_os_map_file("/nowhere/at/all", &bytes));
    assert_null(rv_os_map_file("/dev/null", &bytes)); /* empty */
    assert_int_equal(bytes, 7);
}

static void test_os_process_alternate_stack_comes_and_goes(RV_UNUSED void **state)
{
    struct rv_os_alt_stack alt;
    stack_t before;
    stack_t during;
    stack_t after;
    assert_int_equal(sigaltstack(NULL, &before), 0);
    rv_os_alt_stack_enter(&alt);
    assert_int_equal(sigaltstack(NULL, &during), 0);
    assert_ptr_equal(during.ss_sp, alt.memory);
    assert_int_equal(during.ss_flags, 0);
    rv_os_alt_stack_leave(&alt);
    assert_int_equal(sigaltstack(NULL, &after), 0);
    assert_int_equal(after.ss_flags, before.ss_flags);
    assert_null(alt.memory);
    rv_os_alt_stack_leave(&alt); /* nothing to leave: nothing happens */
}

static void test_os_process_signal_mask_has_a_bit_a_signal(RV_UNUSED void **state)
{
    sigset_t set;
    sigset_t old;
    uint64_t before = rv_os_signal_mask();
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    assert_int_equal(sigprocmask(SIG_BLOCK, &set, &old), 0);
    assert_int_equal(rv_os_signal_mask(), before | UINT64_C(1) << (SIGUSR2 - 1));
    assert_int_equal(sigprocmask(SIG_SETMASK, &old, NULL), 0);
    assert_int_equal(rv_os_signal_mask(), before);
}

static int forks_seen;

static void see_fork(void)
{
    forks_seen++;
}

static void test_os_process_fork_handler_runs_in_the_child_only(RV_UNUSED void **state)
{
    int status = -1;
    assert_int_equal(rv_os_watch_forks(see_fork), 0);
    assert_int_equal(rv_os_watch_forks(see_fork), 0); /* the second time changes nothing */
    pid_t pid = fork();
    if (pid == 0)
        rv_os_exit_now(forks_seen);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 1);
    assert_int_equal(forks_seen, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_os_process_file_is_mapped_whole),
        cmocka_unit_test(test_os_process_file_that_is_none_is_null),
        cmocka_unit_test(test_os_process_alternate_stack_comes_and_goes),
        cmocka_unit_test(test_os_process_signal_mask_has_a_bit_a_signal),
        cmocka_unit_test(test_os_process_fork_handler_runs_in_the_child_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
