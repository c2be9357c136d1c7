// SPDX-License-Identifier: MIT
/*
 * Purpose: Ctrl-C and rove_run: the first SIGINT cancels main, the second kills.
 *
 * Method: each case in a child process, which sends the signal to itself from a task: workers block
 * it, so its main thread gets it, as from a terminal.
 */
#include "support/child.h"
#include "support/fixture.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { GOOD = 42 };

static struct rv_child child;

static void expect_exit(int (*body)(void), int status)
{
    rv_child_run(&child, body);
    if (!WIFEXITED(child.status) || WEXITSTATUS(child.status) != status) {
        fail_msg("status %x instead of exit %d: %s", (unsigned)child.status, status, child.text);
    }
}

static void expect_death(int (*body)(void))
{
    rv_child_run(&child, body);
    if (!WIFSIGNALED(child.status) || WTERMSIG(child.status) != SIGINT) {
        fail_msg("status %x instead of SIGINT: %s", (unsigned)child.status, child.text);
    }
}

static int interrupt(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    return kill(getpid(), SIGINT);
}

/* Waits for its own cancellation; the signal comes from another task. */
static int wait_for_cancel(void)
{
    rove_task *t = rove_create_task(interrupt, NULL);
    int rc = rove_sleep(ROVE_FOREVER);
    rove_release(t);
    return rc;
}

static int obey(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    return wait_for_cancel();
}

static int obey_on(unsigned workers)
{
    rove_options options = {.workers = workers};
    struct sigaction now;
    signal(SIGINT, SIG_DFL);
    int rc = rove_run_with(&options, obey, NULL, NULL);
    sigaction(SIGINT, NULL, &now);
    return rc == -EINTR && now.sa_handler == SIG_DFL ? GOOD : 1;
}

static int first_one(void)
{
    return obey_on(1);
}

static int first_of_many(void)
{
    return obey_on(3);
}

static int twice(void)
{
    return obey_on(2) == GOOD ? obey_on(2) : 2;
}

/* Goal: main is cancelled, ends in good order, and rove_run says that it was interrupted; the next
 * run is interrupted as well. */
static void test_interrupt_first_one_cancels_main(void **state)
{
    (void)state;
    expect_exit(first_one, GOOD);
    expect_exit(first_of_many, GOOD);
    expect_exit(twice, GOOD);
}

static int ignore_one(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    return wait_for_cancel() == -ECANCELED ? GOOD : 1;
}

static int ignoring(void)
{
    signal(SIGINT, SIG_DFL);
    return rove_run(ignore_one, NULL, NULL);
}

static int ignore_two(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    wait_for_cancel();
    wait_for_cancel();
    return 1;
}

static int ignoring_twice(void)
{
    signal(SIGINT, SIG_DFL);
    return rove_run(ignore_two, NULL, NULL);
}

/* Goal: a main that makes something else of its cancellation has the last word, but not twice. */
static void test_interrupt_second_one_kills(void **state)
{
    (void)state;
    expect_exit(ignoring, GOOD);
    expect_death(ignoring_twice);
}

static int cancel_it(void *t, RV_UNUSED void **result)
{
    rove_cancel(t);
    return 0;
}

/* The first request is felt and not taken back; SIGINT is the second. */
static int be_cancelled_first(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    rove_task *t = rove_create_task(cancel_it, rove_current_task());
    int rc = rove_sleep(ROVE_FOREVER);
    rove_release(t);
    return rc == -ECANCELED ? wait_for_cancel() : 1;
}

static int cancelled_first(void)
{
    signal(SIGINT, SIG_DFL);
    return rove_run(be_cancelled_first, NULL, NULL) == -ECANCELED ? GOOD : 1;
}

/* Goal: a main that ends cancelled because somebody else asked for it too was not just interrupted:
 * asyncio raises CancelledError then, and not KeyboardInterrupt. */
static void test_interrupt_of_a_cancelled_main_is_a_cancellation(void **state)
{
    (void)state;
    expect_exit(cancelled_first, GOOD);
}

static volatile sig_atomic_t handled;

static void handle(int sig)
{
    handled = sig;
}

static int be_handled(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    if (kill(getpid(), SIGINT) < 0) {
        return 1;
    }
    while (handled == 0) {
        int rc = rove_yield();
        if (rc < 0) {
            return rc;
        }
    }
    return GOOD;
}

static int with_handler(void)
{
    signal(SIGINT, handle);
    return rove_run(be_handled, NULL, NULL);
}

/* It is still ignored, or it waits for somebody who lets it in: nobody will come to feel it. */
static int go_on(void *is_blocked, RV_UNUSED void **result)
{
    struct sigaction action;
    sigset_t pending;
    if (kill(getpid(), SIGINT) < 0 || sigaction(SIGINT, NULL, &action) < 0 ||
        sigpending(&pending) < 0) {
        return 1;
    }
    bool is_left = is_blocked != NULL ? sigismember(&pending, SIGINT) == 1
                                      : action.sa_handler == SIG_IGN;
    return !is_left ? 2 : rove_yield() < 0 ? 3 : GOOD;
}

static int with_ignored(void)
{
    signal(SIGINT, SIG_IGN);
    return rove_run(go_on, NULL, NULL);
}

static int with_blocked(void)
{
    sigset_t set;
    signal(SIGINT, SIG_DFL);
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    return rove_run(go_on, &set, NULL);
}

/* Goal: a program that has its own mind about SIGINT is left alone. */
static void test_interrupt_handled_by_the_program_is_left_alone(void **state)
{
    (void)state;
    expect_exit(with_handler, GOOD);
    expect_exit(with_ignored, GOOD);
    expect_exit(with_blocked, GOOD);
}

static int take_it(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    sigset_t set;
    rove_timeout soon;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    rove_timeout_enter(&soon, RV_TEST_SOON); /* from here on it is the tasks' */
    if (rove_timeout_exit(&soon, rove_signal_wait(&set, NULL)) != -ETIMEDOUT ||
        kill(getpid(), SIGINT) < 0) {
        return 1;
    }
    return rove_signal_wait(&set, NULL) == SIGINT ? GOOD : 2;
}

static int taking(void)
{
    signal(SIGINT, SIG_DFL);
    return rove_run(take_it, NULL, NULL);
}

static void test_interrupt_waited_for_by_a_task_is_its_result(void **state)
{
    (void)state;
    expect_exit(taking, GOOD);
}

static void *run_elsewhere(RV_UNUSED void *arg)
{
    rove_run(ignore_one, NULL, NULL);
    return NULL;
}

static int on_another_thread(void)
{
    pthread_t thread;
    signal(SIGINT, SIG_DFL);
    if (pthread_create(&thread, NULL, run_elsewhere, NULL) == 0) {
        pthread_join(thread, NULL);
    }
    return 1;
}

/* Goal: a run beside the program's own main thread does not change what Ctrl-C means to that. */
static void test_interrupt_off_the_main_thread_kills(void **state)
{
    (void)state;
    expect_death(on_another_thread);
}

int main(void)
{
    if (RV_TSAN) { /* it keeps signals back until the thread calls one of its interceptors */
        return EXIT_SUCCESS;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_interrupt_first_one_cancels_main),
        cmocka_unit_test(test_interrupt_second_one_kills),
        cmocka_unit_test(test_interrupt_of_a_cancelled_main_is_a_cancellation),
        cmocka_unit_test(test_interrupt_handled_by_the_program_is_left_alone),
        cmocka_unit_test(test_interrupt_waited_for_by_a_task_is_its_result),
        cmocka_unit_test(test_interrupt_off_the_main_thread_kills),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
