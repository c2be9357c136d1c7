// SPDX-License-Identifier: MIT
/*
 * Purpose: io/kick_sim.c: a kick runs on the thread it is meant for, ends its sleep, and waits
 *          while that thread lets none in.
 */
#include "io/kick.h"

#include "core/os.h"
#include "io/reactor.h"
#include "machine.h"
#include "support/still.h"

#include <errno.h>

enum { SEEDS = 200 };

static struct rv_still still;
static RV_ATOMIC(uint32_t) kicks, is_ready, is_over, word;

static void kicked(struct rv_worker *w)
{
    RV_SEE(w->idx == 1 && w->tid == rv_os_gettid());
    (void)rv_fetch_add_relaxed(&kicks, 1u);
}

static const struct rv_reactor reactor = {.poller = {.name = "kicked"}, .kicked = kicked};

static void *sleeper(void *arg)
{
    struct rv_worker *w = rv_still_play(&still, 1);
    w->tid = rv_os_gettid();
    rv_kick_forbid();
    rv_store_release(&is_ready, 1u);
    while (rv_load_acquire(&is_ready) != 2) /* kicked by now */
        rv_os_sched_yield();
    RV_SEE(rv_load_relaxed(&kicks) == 0);
    rv_kick_allow();
    while (rv_load_relaxed(&kicks) == 0) /* it was kept */
        rv_os_sched_yield();
    rv_store_release(&is_ready, 3u);
    while (rv_load_acquire(&is_over) == 0) /* woken by kicks alone */
        (void)rv_os_futex_wait(&word, 0, -1);
    rv_current_set_worker(NULL);
    return arg;
}

static void await(uint32_t value)
{
    while (rv_load_acquire(&is_ready) != value)
        rv_os_sched_yield();
}

static void check_kicks(void *ctx)
{
    pthread_t thread;
    (void)ctx;
    RV_SEE(rv_still_init(&still, 2) == 0);
    still.runtime.poller = &reactor.poller;
    rv_store_relaxed(&kicks, 0u);
    rv_store_relaxed(&is_ready, 0u);
    rv_store_relaxed(&is_over, 0u);
    rv_store_relaxed(&word, 0u);
    RV_SEE(rv_kick_init() == 0);
    RV_SEE(rv_os_thread_create(&thread, sleeper, NULL) == 0);
    await(1);
    rv_kick(&still.workers[1]);
    for (int i = 0; i < 10; i++)
        rv_os_sched_yield();
    rv_store_release(&is_ready, 2u);
    await(3);
    rv_store_relaxed(&word, 1u); /* or the look before the sleep would be too early */
    rv_store_release(&is_over, 1u);
    rv_kick(&still.workers[1]); /* whether it sleeps by now or is about to look */
    (void)rv_os_futex_wake(&word, 1);
    rv_os_thread_join(thread);
    rv_still_fini(&still);
}

/* Goal: with any timing, a kick is kept, delivered where it belongs, and ends a sleep. */
static void test_kick_sim_is_an_interrupt(void **state)
{
    (void)state;
    rv_machine_run(SEEDS, false, check_kicks, NULL);
}

static void *sleep_till_kicked(void *arg)
{
    struct rv_worker *w = rv_still_play(&still, 1);
    int rc;
    w->tid = rv_os_gettid();
    rv_kick_allow();
    rv_store_release(&is_ready, 1u);
    do {
        rc = rv_os_futex_wait(&word, 0, 1000000000000); /* a kick, or a long time */
    } while (rc == 0 || (rc == -EINTR && rv_load_relaxed(&kicks) == 0));
    RV_SEE(rc == -EINTR || rv_load_relaxed(&kicks) == 1);
    rv_current_set_worker(NULL);
    return arg;
}

static void check_sleep(void *ctx)
{
    pthread_t thread;
    (void)ctx;
    RV_SEE(rv_still_init(&still, 2) == 0);
    still.runtime.poller = &reactor.poller;
    rv_store_relaxed(&kicks, 0u);
    rv_store_relaxed(&is_ready, 0u);
    rv_store_relaxed(&word, 0u);
    RV_SEE(rv_os_thread_create(&thread, sleep_till_kicked, NULL) == 0);
    await(1);
    int64_t begun = rv_sim_now();
    rv_sim_work(1000000); /* it sleeps by then, as a rule */
    rv_kick(&still.workers[1]);
    rv_os_thread_join(thread);
    if (rv_sim_now() - begun < 500000000000)
        (void)rv_fetch_add_relaxed((RV_ATOMIC(uint32_t) *)ctx, 1u);
    RV_SEE(rv_load_relaxed(&kicks) == 1);
    rv_still_fini(&still);
}

/* Goal: a sleeper is up long before its time. */
static void test_kick_sim_ends_a_sleep(void **state)
{
    static RV_ATOMIC(uint32_t) early;
    (void)state;
    rv_machine_run(SEEDS, false, check_sleep, &early);
    assert_true(rv_load_relaxed(&early) > SEEDS * 9 / 10); /* the rest was not asleep yet */
}

static void check_nobody(void *ctx)
{
    sigset_t mask;
    (void)ctx;
    RV_SEE(rv_still_init(&still, 2) == 0);
    still.runtime.poller = &reactor.poller;
    rv_store_relaxed(&kicks, 0u);
    still.workers[1].tid = rv_os_gettid();
    rv_kick_mask(&mask);
    RV_SEE(sigismember(&mask, SIGUSR1) == 0);
    rv_kick_allow();
    rv_kick(&still.workers[1]); /* this thread is nobody's: nothing to do */
    for (int i = 0; i < 5; i++)
        rv_os_sched_yield();
    RV_SEE(rv_load_relaxed(&kicks) == 0);
    rv_kick_forbid();
    rv_still_fini(&still);
}

static void test_kick_sim_of_nobody_is_harmless(void **state)
{
    (void)state;
    rv_machine_run(20, false, check_nobody, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kick_sim_is_an_interrupt),
        cmocka_unit_test(test_kick_sim_ends_a_sleep),
        cmocka_unit_test(test_kick_sim_of_nobody_is_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
