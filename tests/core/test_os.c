// SPDX-License-Identifier: MIT
/*
 * Purpose: core/os.c: each kernel call does what its comment says, and errors come back negative.
 */
#include "core/os.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* Goal: the clock never runs back. */
static void test_os_clock_is_monotonic(void **state)
{
    int64_t last = rv_os_clock_ns();

    (void)state;
    for (int i = 0; i < 10000; i++) {
        int64_t now = rv_os_clock_ns();

        assert_true(now >= last);
        last = now;
    }
    assert_true(last > 0);
}

/* Goal: each way a futex wait ends without a wake. */
static void test_os_futex_wait_reports_why_it_did_not_sleep(void **state)
{
    RV_ATOMIC(uint32_t) word;

    (void)state;
    rv_store_relaxed(&word, 7u);
    assert_int_equal(rv_os_futex_wait(&word, 8, -1), -EAGAIN);
    assert_int_equal(rv_os_futex_wait(&word, 7, 0), -ETIMEDOUT);
    assert_int_equal(rv_os_futex_wait(&word, 7, 1500000), -ETIMEDOUT);
    assert_int_equal(rv_os_futex_wake(&word, INT_MAX), 0);
}

static void *sleep_on(void *arg)
{
    RV_ATOMIC(uint32_t) *word = arg;

    while (rv_load_relaxed(word) == 0) {
        int rc = rv_os_futex_wait(word, 0, -1);

        if (rc != 0 && rc != -EAGAIN && rc != -EINTR)
            return word;
    }
    return NULL;
}

/* Goal: a wake ends a wait. Method: wake until the sleeper was really asleep once. */
static void test_os_futex_wake_ends_a_wait(void **state)
{
    RV_ATOMIC(uint32_t) word;
    pthread_t thread;
    void *failed;

    (void)state;
    rv_store_relaxed(&word, 0u);
    assert_int_equal(pthread_create(&thread, NULL, sleep_on, (void *)&word), 0);
    while (rv_os_futex_wake(&word, 1) == 0)
        rv_os_sched_yield();
    rv_store_relaxed(&word, 1u);
    (void)rv_os_futex_wake(&word, INT_MAX);
    assert_int_equal(pthread_join(thread, &failed), 0);
    assert_null(failed);
}

/* Goal: two draws differ. (Equal by chance once in 2^256.) */
static void test_os_random_differs(void **state)
{
    unsigned char a[32], b[32];

    (void)state;
    rv_os_random(a, sizeof(a));
    rv_os_random(b, sizeof(b));
    assert_memory_not_equal(a, b, sizeof(a));
}

/* Goal: mapped memory is zero, can be given back, and then is zero and not resident. */
static void test_os_discard_gives_pages_back(void **state)
{
    size_t page = rv_os_page_size();
    size_t bytes = 300 * page;
    char *memory = rv_os_map(bytes);

    (void)state;
    assert_non_null(memory);
    assert_int_equal(rv_os_resident(memory, bytes), 0);
    for (size_t i = 0; i < 290; i++) {
        assert_int_equal(memory[i * page], 0);
        memory[i * page] = 1;
    }
    assert_int_equal(rv_os_resident(memory, bytes), 290 * page);
    assert_int_equal(rv_os_discard(memory, 100 * page), 0);
    assert_int_equal(rv_os_resident(memory, bytes), 190 * page);
    assert_int_equal(memory[0], 0);
    assert_int_equal(memory[200 * page], 1);
    rv_os_unmap(memory, bytes);
    assert_true(rv_os_discard(memory + 1, page) < 0);
    assert_null(rv_os_map((size_t)1 << 62));
}

/* Touches addr in a child; returns the signal that ended it, or 0. */
static int touch_in_child(volatile char *addr)
{
    int status;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        (void)signal(SIGSEGV, SIG_DFL);
        *addr = 1;
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

/* Goal: both kinds of guard fault, and the byte beside them does not. */
static void test_os_guards_fault(void **state)
{
    size_t page = rv_os_page_size();
    char *memory = rv_os_map(4 * page);
    int rc;

    (void)state;
    assert_non_null(memory);
    rc = rv_os_guard_install(memory, page);
    assert_true(rc == 0 || rc == -EINVAL);
    assert_int_equal(touch_in_child(memory + page - 1), rc == 0 ? SIGSEGV : 0);
    assert_int_equal(touch_in_child(memory + page), 0);
    assert_int_equal(rv_os_protect_none(memory + 2 * page, page), 0);
    assert_int_equal(touch_in_child(memory + 2 * page), SIGSEGV);
    assert_int_equal(touch_in_child(memory + 3 * page), 0);
    assert_true(rv_os_guard_install(memory + 1, page) < 0);
    rv_os_unmap(memory, 4 * page);
}

/* Goal: asynchronous signals are held back, synchronous ones are not, and the mask comes back. */
static void test_os_block_async_signals_keeps_the_synchronous_ones(void **state)
{
    sigset_t before, during, after;

    (void)state;
    assert_int_equal(pthread_sigmask(SIG_SETMASK, NULL, &before), 0);
    assert_int_equal(rv_os_block_async_signals(&after), 0);
    assert_int_equal(pthread_sigmask(SIG_SETMASK, NULL, &during), 0);
    assert_int_equal(sigismember(&during, SIGTERM), 1);
    assert_int_equal(sigismember(&during, SIGCHLD), 1);
    assert_int_equal(sigismember(&during, SIGSEGV), 0);
    assert_int_equal(sigismember(&during, SIGABRT), 0);
    assert_int_equal(sigismember(&during, SIGPROF), 0);
    assert_int_equal(rv_os_restore_signals(&after), 0);
    assert_int_equal(pthread_sigmask(SIG_SETMASK, NULL, &after), 0);
    for (int sig = 1; sig < 32; sig++)
        assert_int_equal(sigismember(&before, sig), sigismember(&after, sig));
}

/* Goal: the signal arrives at the thread named. Method: it is blocked there and then fetched. */
static void test_os_tgkill_reaches_one_thread(void **state)
{
    sigset_t set, old;
    int got = 0;

    (void)state;
    assert_int_equal(sigemptyset(&set), 0);
    assert_int_equal(sigaddset(&set, SIGUSR1), 0);
    assert_int_equal(pthread_sigmask(SIG_BLOCK, &set, &old), 0);
    assert_int_equal(rv_os_tgkill(rv_os_gettid(), SIGUSR1), 0);
    assert_int_equal(sigwait(&set, &got), 0);
    assert_int_equal(got, SIGUSR1);
    assert_int_equal(pthread_sigmask(SIG_SETMASK, &old, NULL), 0);
    assert_int_equal(rv_os_tgkill(rv_os_gettid(), 0), 0);
    assert_int_equal(rv_os_tgkill(rv_os_gettid(), 9999), -EINVAL);
}

/* Goal: thread settings take effect; a long name is cut. */
static void test_os_thread_settings_take_effect(void **state)
{
    char name[16];

    (void)state;
    assert_int_equal(rv_os_set_thread_name("a-name-longer-than-fifteen"), 0);
    assert_int_equal(prctl(PR_GET_NAME, name, 0, 0, 0), 0);
    assert_string_equal(name, "a-name-longer-t");
    assert_int_equal(rv_os_set_timer_slack(1000), 0);
    assert_int_equal(prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0), 1000);
}

/* Goal: the membarrier can be registered as often as one likes, and then works. */
static void test_os_membarrier_registers_twice(void **state)
{
    int rc = rv_os_membarrier_register();

    (void)state;
    if (rc != 0) {
        assert_true(rc == -ENOSYS || rc == -EPERM || rc == -EINVAL);
        skip();
    }
    assert_int_equal(rv_os_membarrier_register(), 0);
    assert_int_equal(rv_os_membarrier(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_os_clock_is_monotonic),
        cmocka_unit_test(test_os_futex_wait_reports_why_it_did_not_sleep),
        cmocka_unit_test(test_os_futex_wake_ends_a_wait),
        cmocka_unit_test(test_os_random_differs),
        cmocka_unit_test(test_os_discard_gives_pages_back),
        cmocka_unit_test(test_os_guards_fault),
        cmocka_unit_test(test_os_block_async_signals_keeps_the_synchronous_ones),
        cmocka_unit_test(test_os_tgkill_reaches_one_thread),
        cmocka_unit_test(test_os_thread_settings_take_effect),
        cmocka_unit_test(test_os_membarrier_registers_twice),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
