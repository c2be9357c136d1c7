// SPDX-License-Identifier: MIT
/*
 * Purpose: io/signal: signals as events, with the program's own thread blocking them and not.
 */
#include "support/fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

static sigset_t set_of(int a, int b)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, a);
    sigaddset(&set, b);
    return set;
}

static void test_signal_outside_a_task_is_refused(void **state)
{
    (void)state;
    sigset_t set = set_of(SIGUSR1, SIGUSR2);
    assert_int_equal(rove_signal_wait(&set, NULL), -EPERM);
}

RV_TASK_TEST(test_signal_arguments_are_refused)
{
    sigset_t none;
    sigemptyset(&none);
    RV_EXPECT_EQ(rove_signal_wait(NULL, NULL), -EINVAL);
    RV_EXPECT_EQ(rove_signal_wait(&none, NULL), -EINVAL);
    return 0;
}

static int wait_for(void *arg, RV_UNUSED void **result)
{
    return -10000 - rove_signal_wait(arg, NULL);
}

/* Goal: a signal that comes while a task waits is its result, with who sent it. */
static int wait_once(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    sigset_t set = set_of(SIGUSR1, SIGUSR2);
    siginfo_t info = {0};
    rove_task *t = rove_create_task(wait_for, &set);
    for (int i = 0; i < 5; i++) {
        RV_REQUIRE_EQ(rove_yield(), 0);
    }
    RV_REQUIRE_EQ(kill(getpid(), SIGUSR2), 0);
    RV_EXPECT_EQ(rove_join(t, NULL), -10000 - SIGUSR2);
    t = rove_create_task(wait_for, &set);
    RV_REQUIRE_EQ(rove_cancel(t), true);
    RV_EXPECT(rove_join(t, NULL) < 0);
    RV_REQUIRE_EQ(kill(getpid(), SIGUSR1), 0);
    RV_EXPECT_EQ(rove_signal_wait(&set, &info), SIGUSR1);
    RV_EXPECT_EQ(info.si_signo, SIGUSR1);
    RV_EXPECT_EQ(info.si_code, SI_USER);
    RV_EXPECT_EQ(info.si_pid, getpid());
    RV_EXPECT_EQ(info.si_uid, getuid());
    return 0;
}

static void test_signal_blocked_by_main_arrives(void **state)
{
    (void)state;
    sigset_t set = set_of(SIGUSR1, SIGUSR2);
    sigset_t old;
    sigprocmask(SIG_BLOCK, &set, &old);
    rv_test_run(wait_once, NULL);
    sigprocmask(SIG_SETMASK, &old, NULL);
}

static int start_to_wait(void *arg, RV_UNUSED void **result)
{
    rove_timeout soon;
    rove_timeout_enter(&soon, ROVE_MS(1));
    RV_EXPECT_EQ(rove_timeout_exit(&soon, rove_signal_wait(arg, NULL)), -ETIMEDOUT);
    return wait_once(NULL, NULL);
}

/* Goal: main does not block them and is not killed; afterwards mask and disposition are as before.
 * The thread sanitizer puts handlers off for as long as it likes: not there. */
static void test_signal_open_in_main_arrives(void **state)
{
    (void)state;
    sigset_t set = set_of(SIGUSR1, SIGUSR2);
    sigset_t mask;
    struct sigaction action;
    if (RV_TSAN) {
        skip();
    }
    rv_test_run(start_to_wait, &set);
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    assert_int_equal(sigismember(&mask, SIGUSR1), 0);
    sigaction(SIGUSR1, NULL, &action);
    assert_true(action.sa_handler == SIG_DFL);
}

enum { VALUES = 20 };

/* Goal: real-time signals that came before anybody waited are all there, in order, with values. */
static int queue_many(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    sigset_t set = set_of(SIGRTMIN, SIGRTMIN + 1);
    for (int i = 0; i < VALUES; i++) {
        RV_REQUIRE_EQ(sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = i}), 0);
    }
    for (int i = 0; i < VALUES; i++) {
        siginfo_t info;
        RV_REQUIRE_EQ(rove_signal_wait(&set, &info), SIGRTMIN);
        RV_EXPECT_EQ(info.si_code, SI_QUEUE);
        RV_EXPECT_EQ(info.si_value.sival_int, i);
    }
    return 0;
}

static void test_signal_queued_before_are_kept(void **state)
{
    (void)state;
    sigset_t set = set_of(SIGRTMIN, SIGRTMIN + 1);
    sigset_t old;
    sigprocmask(SIG_BLOCK, &set, &old);
    rv_test_run(queue_many, NULL);
    sigprocmask(SIG_SETMASK, &old, NULL);
}

/* Goal: of several who wait each signal goes to one, and none is lost. */
static int share(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    sigset_t set = set_of(SIGRTMIN, SIGRTMIN);
    rove_task *tasks[VALUES];
    for (int i = 0; i < VALUES; i++) {
        tasks[i] = rove_create_task(wait_for, &set);
    }
    for (int i = 0; i < VALUES; i++) {
        RV_REQUIRE_EQ(sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = i}), 0);
    }
    for (int i = 0; i < VALUES; i++) {
        RV_EXPECT_EQ(rove_join(tasks[i], NULL), -10000 - SIGRTMIN);
    }
    return 0;
}

static void test_signal_of_several_waiters_each_gets_one(void **state)
{
    (void)state;
    sigset_t set = set_of(SIGRTMIN, SIGRTMIN);
    sigset_t old;
    sigprocmask(SIG_BLOCK, &set, &old);
    rv_test_run(share, NULL);
    sigprocmask(SIG_SETMASK, &old, NULL);
}

/* Goal: a cancelled wait leaves no descriptor (the fixture counts). */
RV_TASK_TEST(test_signal_cancelled_leaves_nothing)
{
    sigset_t set = set_of(SIGUSR1, SIGUSR2);
    for (int delay = 0; delay < 10; delay++) {
        rove_task *t = rove_create_task(wait_for, &set);
        for (int i = 0; i < delay; i++) {
            RV_REQUIRE_EQ(rove_yield(), 0);
        }
        RV_EXPECT(rove_cancel(t));
        int rc = rove_join(t, NULL);
        RV_EXPECT(rc == -10000 + ECANCELED || rc == -ECANCELED);
    }
    return 0;
}

static volatile sig_atomic_t handled;

static void handle(int sig)
{
    handled = sig;
}

static int leave_alone(void *arg, RV_UNUSED void **result)
{
    rove_timeout soon;
    rove_timeout_enter(&soon, ROVE_MS(1));
    RV_EXPECT_EQ(rove_timeout_exit(&soon, rove_signal_wait(arg, NULL)), -ETIMEDOUT);
    struct sigaction now;
    sigaction(SIGUSR1, NULL, &now);
    RV_EXPECT(now.sa_handler == handle);
    return 0;
}

/* Goal: a handler of the program's own stays what it is, and works. */
static void test_signal_handler_of_the_program_stays(void **state)
{
    (void)state;
    sigset_t set = set_of(SIGUSR1, SIGUSR2);
    struct sigaction mine = {.sa_handler = handle};
    struct sigaction old;
    sigaction(SIGUSR1, &mine, &old);
    rv_test_run(leave_alone, &set);
    raise(SIGUSR1);
    assert_int_equal(handled, SIGUSR1);
    sigaction(SIGUSR1, &old, NULL);
}

/* Goal: what a signal of a timer carries is that timer's. */
static int wait_for_timer(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    sigset_t set = set_of(SIGUSR1, SIGRTMIN);
    siginfo_t info = {0};
    timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN,
                             .sigev_value.sival_ptr = &timer};
    struct itimerspec soon = {.it_value.tv_nsec = 1};
    RV_REQUIRE_EQ(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
    RV_REQUIRE_EQ(timer_settime(timer, 0, &soon, NULL), 0);
    RV_EXPECT_EQ(rove_signal_wait(&set, &info), SIGRTMIN);
    RV_EXPECT_EQ(info.si_code, SI_TIMER);
    RV_EXPECT(info.si_value.sival_ptr == &timer);
    RV_EXPECT_EQ(info.si_overrun, 0);
    return timer_delete(timer);
}

/* Goal: descriptor and events of a signal that a descriptor sends, be it SIGIO or another. */
static int wait_for_input(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    int numbers[] = {SIGIO, SIGRTMIN};
    for (int i = 0; i < 2; i++) {
        sigset_t set = set_of(numbers[i], SIGUSR1);
        siginfo_t info = {0};
        int fds[2];
        RV_REQUIRE_EQ(pipe2(fds, O_CLOEXEC), 0);
        RV_REQUIRE_EQ(fcntl(fds[0], F_SETOWN, getpid()), 0);
        RV_REQUIRE_EQ(fcntl(fds[0], F_SETSIG, numbers[i]), 0);
        RV_REQUIRE_EQ(fcntl(fds[0], F_SETFL, O_ASYNC), 0);
        RV_REQUIRE_EQ(rove_write(fds[1], "x", 1), 1);
        RV_EXPECT_EQ(rove_signal_wait(&set, &info), numbers[i]);
        RV_EXPECT_EQ(info.si_code, POLL_IN);
        RV_EXPECT_EQ(info.si_fd, fds[0]);
        RV_EXPECT((info.si_band & POLLIN) != 0);
        RV_EXPECT_EQ(rove_close(fds[0]), 0);
        RV_EXPECT_EQ(rove_close(fds[1]), 0);
    }
    return 0;
}

static void run_blocking(rove_coro *fn)
{
    sigset_t set = set_of(SIGIO, SIGRTMIN);
    sigset_t old;
    sigprocmask(SIG_BLOCK, &set, &old);
    rv_test_run(fn, NULL);
    sigprocmask(SIG_SETMASK, &old, NULL);
}

static void test_signal_of_a_timer_names_it(void **state)
{
    (void)state;
    run_blocking(wait_for_timer);
}

static void test_signal_of_a_descriptor_names_it(void **state)
{
    (void)state;
    run_blocking(wait_for_input);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_signal_outside_a_task_is_refused),
        cmocka_unit_test(test_signal_arguments_are_refused),
        cmocka_unit_test(test_signal_blocked_by_main_arrives),
        cmocka_unit_test(test_signal_open_in_main_arrives),
        cmocka_unit_test(test_signal_queued_before_are_kept),
        cmocka_unit_test(test_signal_of_several_waiters_each_gets_one),
        cmocka_unit_test(test_signal_cancelled_leaves_nothing),
        cmocka_unit_test(test_signal_handler_of_the_program_stays),
        cmocka_unit_test(test_signal_of_a_timer_names_it),
        cmocka_unit_test(test_signal_of_a_descriptor_names_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
