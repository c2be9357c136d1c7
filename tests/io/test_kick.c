// SPDX-License-Identifier: MIT
/*
 * Purpose: io/kick.h: a kick reaches the thread it is meant for, is kept while it is blocked, ends
 *          a wait that lets it in, and takes no signal that the program uses.
 */
#include "io/attempt.h"
#include "io/kick.h"

#include "core/os.h"
#include "io/reactor.h"
#include "support/child.h"
#include "support/fixture.h"
#include "support/still.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <unistd.h>

static struct rv_still still;
static RV_ATOMIC(unsigned) kicks[RV_STILL_WORKERS];
static RV_ATOMIC(uint32_t) is_ready;
static RV_ATOMIC(uint32_t) is_over;

static void kicked(struct rv_worker *w)
{
    errno = 12345; /* must not be seen by what was interrupted */
    if (rv_os_gettid() == w->tid)
        (void)rv_fetch_add_acq_rel(&kicks[w->idx], 1u);
}

static const struct rv_reactor reactor = {.poller = {.name = "kicked"}, .kicked = kicked};

static unsigned kicks_of(unsigned i)
{
    return rv_load_acquire(&kicks[i]);
}

static void open_runtime(void)
{
    assert_int_equal(rv_still_init(&still, 2), 0);
    still.runtime.poller = &reactor.poller;
    rv_store_relaxed(&kicks[0], 0u);
    rv_store_relaxed(&kicks[1], 0u);
    rv_store_relaxed(&is_ready, 0u);
    rv_store_relaxed(&is_over, 0u);
    assert_int_equal(rv_kick_init(), 0);
    assert_int_equal(rv_kick_init(), 0); /* once in a process */
}

/* The calling thread becomes the worker, as its thread starts: kicks blocked. */
static struct rv_worker *become(unsigned i)
{
    struct rv_worker *w = rv_still_play(&still, i);
    w->tid = (int32_t)rv_os_gettid();
    rv_kick_forbid();
    return w;
}

/* Goal: a kick that came before the wait ends it; without one the mask changes nothing. */
static void test_kick_ends_a_wait_even_if_it_came_before(void **state)
{
    sigset_t mask;
    (void)state;
    open_runtime();
    const struct rv_worker *w = become(0);
    rv_kick_mask(&mask);
    for (unsigned i = 1; i <= 3; i++) {
        rv_kick(w);
        rv_kick(w); /* pending ones are queued */
        assert_true(kicks_of(0) < 2 * i);
        unsigned before = kicks_of(0);
        assert_int_equal(ppoll(NULL, 0, NULL, &mask), -1); /* for ever, but for the kick */
        assert_int_equal(errno, EINTR);
        assert_true(kicks_of(0) > before);
    }
    rv_kick_allow();
    if (!RV_TSAN) /* which keeps one signal of a number for later */
        assert_int_equal(kicks_of(0), 6); /* those that no wait took */
    rv_kick_forbid();
    rv_still_fini(&still);
}

static void *compute_kicked(void *arg)
{
    (void)arg;
    (void)become(1);
    rv_kick_allow();
    errno = 77;
    rv_store_release(&is_ready, 1u);
    while (kicks_of(1) < 3) { /* no system call in here */
    }
    RV_EXPECT_EQ(errno, 77);
    rv_kick_forbid();
    rv_store_release(&is_ready, 2u);
    while (rv_load_acquire(&is_over) == 0)
        rv_os_sched_yield();
    rv_current_set_worker(NULL);
    return NULL;
}

/* Goal: a thread that computes is reached, and it alone; errno is as it was; blocked, it is left
 * alone. */
static void test_kick_reaches_a_computing_thread(void **state)
{
    pthread_t thread;
    (void)state;
    open_runtime();
    (void)become(0);
    rv_kick_allow();
    assert_int_equal(pthread_create(&thread, NULL, compute_kicked, NULL), 0);
    while (rv_load_acquire(&is_ready) == 0)
        rv_os_sched_yield();
    for (unsigned i = 1; i <= 3; i++) {
        rv_kick(&still.workers[1]);
        while (kicks_of(1) < i)
            rv_os_sched_yield();
    }
    while (rv_load_acquire(&is_ready) != 2)
        rv_os_sched_yield();
    rv_kick(&still.workers[1]);
    for (int i = 0; i < 100; i++)
        rv_os_sched_yield();
    assert_int_equal(kicks_of(1), 3);
    assert_int_equal(kicks_of(0), 0);
    rv_store_release(&is_over, 1u);
    assert_int_equal(pthread_join(thread, NULL), 0);
    rv_kick_forbid();
    rv_still_fini(&still);
    rv_test_settle();
}

enum { KICKS_WHILE_LOOKING = 1000 }; /* of which several come inside of the call; arbitrary */

static void *look_kicked(void *arg)
{
    (void)become(1);
    rv_kick_allow();
    /* One call before the first kick, which gcc 12's TSan may lose in a thread that made none. */
    RV_EXPECT_EQ(rv_look((int)(intptr_t)arg, POLLIN), 0);
    rv_store_release(&is_ready, 1u);
    while (rv_load_acquire(&is_over) == 0)
        RV_EXPECT_EQ(rv_look((int)(intptr_t)arg, POLLIN), 0);
    rv_kick_forbid();
    rv_current_set_worker(NULL);
    return NULL;
}

/* Goal: poll(2) says EINTR if a kick comes while it finds nothing; a look looks again. */
static void test_kick_does_not_spoil_a_look(void **state)
{
    pthread_t thread;
    int fds[2];
    (void)state;
    open_runtime();
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(pthread_create(&thread, NULL, look_kicked, (void *)(intptr_t)fds[0]), 0);
    while (rv_load_acquire(&is_ready) == 0)
        rv_os_sched_yield();
    for (unsigned i = 0; i < KICKS_WHILE_LOOKING; i++) {
        rv_kick(&still.workers[1]);
        while (kicks_of(1) <= i)
            rv_os_sched_yield();
    }
    rv_store_release(&is_over, 1u);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(close(fds[0]) | close(fds[1]), 0);
    rv_still_fini(&still);
    rv_test_settle();
}

/* Goal: a kick that arrives when the thread is nobody's worker any more does no harm. */
static void test_kick_after_the_end_is_harmless(void **state)
{
    (void)state;
    open_runtime();
    const struct rv_worker *w = become(0);
    rv_kick(w);
    rv_current_set_worker(NULL);
    rv_kick_allow(); /* it is taken here */
    assert_int_equal(kicks_of(0), 0);
    rv_kick_forbid();
    rv_still_fini(&still);
}

static void of_the_program(int number)
{
    (void)number;
}

/* The signal that the library's handler has, counted from the top; 0: none. */
static int find_signal(void)
{
    for (int number = SIGRTMAX; number >= SIGRTMIN; number--) {
        struct sigaction action;
        if (sigaction(number, NULL, &action) == 0 && action.sa_handler != SIG_DFL &&
            action.sa_handler != SIG_IGN && action.sa_handler != of_the_program)
            return (action.sa_flags & (SA_RESTART | SA_ONSTACK)) == (SA_RESTART | SA_ONSTACK)
                       ? number
                       : 0;
    }
    return 0;
}

static int choose_beside_the_programs(void)
{
    (void)signal(SIGRTMAX, of_the_program);
    (void)signal(SIGRTMAX - 1, SIG_IGN);
    struct sigaction with_info = {.sa_flags = SA_SIGINFO};
    (void)sigaction(SIGRTMAX - 2, &with_info, NULL);
    int rc = rv_kick_init();
    int number = find_signal();
    return rc == 0 && number != 0 && number < SIGRTMAX - 1 &&
                   signal(SIGRTMAX, SIG_DFL) == of_the_program &&
                   signal(SIGRTMAX - 1, SIG_DFL) == SIG_IGN
               ? 0
               : 1;
}

static int choose_among_none(void)
{
    for (int number = SIGRTMIN; number <= SIGRTMAX; number++)
        (void)signal(number, of_the_program);
    return rv_kick_init() == -EAGAIN && rv_kick_init() == -EAGAIN ? 0 : 1;
}

/* Goal: a signal that the program has a mind about is not taken; when none is free it is said.
 * First of all tests: the choice is made once in a process. */
static void test_kick_takes_a_free_signal(void **state)
{
    static struct rv_child child;
    (void)state;
    rv_child_run(&child, choose_beside_the_programs);
    assert_int_equal(child.status, 0);
    rv_child_run(&child, choose_among_none);
    assert_int_equal(child.status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kick_takes_a_free_signal),
        cmocka_unit_test(test_kick_ends_a_wait_even_if_it_came_before),
        cmocka_unit_test(test_kick_reaches_a_computing_thread),
        cmocka_unit_test(test_kick_does_not_spoil_a_look),
        cmocka_unit_test(test_kick_after_the_end_is_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
