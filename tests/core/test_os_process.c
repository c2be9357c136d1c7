// SPDX-License-Identifier: MIT
/*
 * Purpose: alternate signal stacks, signal masks, fork handlers. Faults are
 *          in sched/test_overflow.c.
 */
#include "core/os_process.h"

#include "core/base.h"
#include "core/os.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

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

struct sleeper {
    RV_ATOMIC(uint32_t) tid, is_over;
};

static void *sleep_until_told(void *arg)
{
    struct sleeper *s = arg;
    rv_store_relaxed(&s->tid, (uint32_t)rv_os_gettid());
    rv_os_futex_wake(&s->tid, 1);
    while (rv_load_relaxed(&s->is_over) == 0)
        rv_os_futex_wait(&s->is_over, 0, -1);
    return NULL;
}

static bool is_listed(uint32_t tid, size_t *n)
{
    pid_t *tids;
    bool is_there = false;
    ssize_t count = rv_os_list_threads(&tids);
    assert_true(count > 0);
    for (ssize_t i = 0; i < count; i++)
        is_there |= tids[i] == (pid_t)tid;
    *n = (size_t)count;
    free(tids);
    return is_there;
}

/* Goal: the program's threads are listed, the thread sanitizer's is not. */
static void test_os_process_threads_are_those_of_the_program(RV_UNUSED void **state)
{
    struct sleeper s = {0};
    pthread_t thread;
    size_t before;
    size_t during;
    assert_true(is_listed((uint32_t)rv_os_gettid(), &before));
    assert_int_equal(before, 1);
    assert_int_equal(pthread_create(&thread, NULL, sleep_until_told, &s), 0);
    while (rv_load_relaxed(&s.tid) == 0)
        rv_os_futex_wait(&s.tid, 0, -1);
    assert_true(is_listed(rv_load_relaxed(&s.tid), &during));
    assert_int_equal(during, 2);
    rv_store_relaxed(&s.is_over, 1u);
    rv_os_futex_wake(&s.is_over, 1);
    pthread_join(thread, NULL);
}

struct joiner {
    struct sleeper sleeper;
    pthread_t sleeping;
    RV_ATOMIC(uint32_t) tid;
};

static void *join_sleeper(void *arg)
{
    struct joiner *j = arg;
    rv_store_relaxed(&j->tid, (uint32_t)rv_os_gettid());
    pthread_join(j->sleeping, NULL);
    return NULL;
}

/* Goal: who joins a thread is told apart from who just sleeps. */
static void test_os_process_join_of_a_thread_is_seen(RV_UNUSED void **state)
{
    struct joiner j = {0};
    pthread_t joining;
    if (access("/proc/self/syscall", R_OK) != 0)
        skip(); /* a kernel that does not say */
    assert_int_equal(pthread_create(&j.sleeping, NULL, sleep_until_told, &j.sleeper), 0);
    while (rv_load_relaxed(&j.sleeper.tid) == 0)
        rv_os_sched_yield();
    pid_t sleeping = (pid_t)rv_load_relaxed(&j.sleeper.tid);
    assert_int_equal(pthread_create(&joining, NULL, join_sleeper, &j), 0);
    while (rv_load_relaxed(&j.tid) == 0 || rv_os_joined_by((pid_t)rv_load_relaxed(&j.tid)) == 0)
        rv_os_sched_yield();
    assert_int_equal(rv_os_joined_by((pid_t)rv_load_relaxed(&j.tid)), sleeping);
    assert_int_not_equal(rv_os_joined_by(sleeping), rv_load_relaxed(&j.tid));
    assert_int_equal(rv_os_joined_by(rv_os_gettid()), 0);
    rv_store_relaxed(&j.sleeper.is_over, 1u);
    rv_os_futex_wake(&j.sleeper.is_over, 1);
    pthread_join(joining, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_os_process_alternate_stack_comes_and_goes),
        cmocka_unit_test(test_os_process_signal_mask_has_a_bit_a_signal),
        cmocka_unit_test(test_os_process_fork_handler_runs_in_the_child_only),
        cmocka_unit_test(test_os_process_threads_are_those_of_the_program),
        cmocka_unit_test(test_os_process_join_of_a_thread_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
