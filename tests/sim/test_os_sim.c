// SPDX-License-Identifier: MIT
/*
 * Purpose: core/os_sim.c: the calls of core/os.h keep their contract on the simulated machine, with
 *          the freedom it leaves, and follow from the seed.
 */
#include "core/os.h"

#include "machine.h"

#include <errno.h>
#include <limits.h>

enum { SEEDS = 200, SLEEPERS = 4, BYTES = 64 };

static RV_ATOMIC(uint32_t) word;
static RV_ATOMIC(uint32_t) gone_on;

/* Goal: time goes on and never back; a wait for a value that has changed does not begin; one that
 * ends in time does not end early. */
static void check_time(void *ctx)
{
    int64_t before = rv_os_clock_ns();
    (void)ctx;
    for (int i = 0; i < 50; i++) {
        int64_t now = rv_os_clock_ns();
        RV_SEE(now >= before);
        before = now;
    }
    rv_store_relaxed(&word, 7u);
    RV_SEE(rv_os_futex_wait(&word, 8, -1) == -EAGAIN);
    int64_t deadline = rv_os_clock_ns() + 1000000;
    int rc = rv_os_futex_wait(&word, 7, 1000000);
    RV_SEE(rc == -ETIMEDOUT || rc == -EINTR || rc == 0); /* it may end for no reason */
    RV_SEE(rc != -ETIMEDOUT || rv_os_clock_ns() >= deadline - 1000);
    RV_SEE(rv_os_futex_wake(&word, INT_MAX) == 0);
}

static void test_os_sim_time_and_waits(void **state)
{
    (void)state;
    rv_machine_run(SEEDS, false, check_time, NULL);
}

static void *sleep_on_word(void *arg)
{
    while (rv_load_acquire(&word) == 0)
        (void)rv_os_futex_wait(&word, 0, -1);
    (void)rv_fetch_add_relaxed(&gone_on, 1u);
    return arg;
}

/* Goal: all sleepers go on after a wake of all, one by one after wakes of one; each has an id. */
static void check_wakes(void *ctx)
{
    pthread_t threads[SLEEPERS];
    (void)ctx;
    for (int round = 0; round < 2; round++) {
        rv_store_relaxed(&word, 0u);
        rv_store_relaxed(&gone_on, 0u);
        for (int i = 0; i < SLEEPERS; i++)
            RV_SEE(rv_os_thread_create(&threads[i], sleep_on_word, NULL) == 0);
        for (int i = 0; i < 5; i++)
            rv_os_sched_yield();
        rv_store_release(&word, 1u);
        if (round == 0)
            RV_SEE(rv_os_futex_wake(&word, INT_MAX) <= SLEEPERS);
        for (int i = 0; round == 1 && i < SLEEPERS; i++)
            RV_SEE(rv_os_futex_wake(&word, 1) <= 1);
        for (int i = 0; i < SLEEPERS; i++)
            rv_os_thread_join(threads[i]);
        RV_SEE(rv_load_relaxed(&gone_on) == SLEEPERS);
    }
}

static void test_os_sim_wakes_who_sleeps(void **state)
{
    (void)state;
    rv_machine_run(SEEDS, false, check_wakes, NULL); /* a lost wake is a deadlock, and said so */
}

static RV_ATOMIC(uint32_t) turn;

static void *wait_for_turn(void *arg)
{
    while (rv_load_acquire(&turn) == 0)
        rv_os_sched_yield();
    RV_SEE(rv_os_gettid() == *(pid_t *)arg);
    return NULL;
}

/* Goal: who yields in a loop lets the one run that it waits for; threads have ids of their own. */
static void check_yield(void *ctx)
{
    pthread_t thread;
    pid_t mine = rv_os_gettid();
    pid_t other = mine + 1;
    (void)ctx;
    rv_store_relaxed(&turn, 0u);
    RV_SEE(rv_os_thread_create(&thread, wait_for_turn, &other) == 0);
    for (int i = 0; i < 10; i++)
        rv_os_sched_yield();
    RV_SEE(rv_os_gettid() == mine);
    rv_store_release(&turn, 1u);
    rv_os_thread_join(thread);
}

static void test_os_sim_yield_lets_others_run(void **state)
{
    (void)state;
    rv_machine_run(SEEDS, false, check_yield, NULL);
}

static void draw_bytes(void *ctx)
{
    unsigned char *bytes = ctx;
    rv_os_random(bytes, BYTES);
    bytes[BYTES] = (unsigned char)rv_os_cpu_count();
}

/* Goal: chance follows from the seed, and only from it. */
static void test_os_sim_chance_is_the_seeds(void **state)
{
    unsigned char first[BYTES + 1];
    unsigned char again[BYTES + 1];
    unsigned char other[BYTES + 1];
    unsigned cpus = 0;
    (void)state;
    (void)rv_machine_try(5, false, draw_bytes, first);
    (void)rv_machine_try(6, false, draw_bytes, other);
    (void)rv_machine_try(5, false, draw_bytes, again);
    assert_memory_equal(first, again, sizeof first);
    assert_memory_not_equal(first, other, BYTES);
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        (void)rv_machine_try(seed, false, draw_bytes, other);
        assert_true(other[BYTES] >= 1 && other[BYTES] <= 8);
        cpus |= 1u << other[BYTES];
    }
    assert_true(cpus == (1u << 1 | 1u << 2 | 1u << 3 | 1u << 4 | 1u << 8)); /* each is tried */
}

/* Goal: memory is zero when new and when discarded; what has no meaning here says so or does
 * nothing. */
static void check_memory(void *ctx)
{
    size_t bytes = 3 * rv_os_page_size();
    char *at = rv_os_map(bytes);
    (void)ctx;
    RV_SEE(at != NULL && at[0] == 0 && at[bytes - 1] == 0);
    memset(at, 'x', bytes);
    RV_SEE(rv_os_discard(at + rv_os_page_size(), rv_os_page_size()) == 0);
    RV_SEE(at[rv_os_page_size() - 1] == 'x' && at[rv_os_page_size()] == 0);
    RV_SEE(at[2 * rv_os_page_size() - 1] == 0 && at[2 * rv_os_page_size()] == 'x');
    RV_SEE(rv_os_guard_install(at, rv_os_page_size()) == 0);
    RV_SEE(rv_os_protect_none(at, rv_os_page_size()) == 0);
    RV_SEE(rv_os_guard_install_strided(at, 4096, 8192, 9) == 9);
    at[0] = 'y'; /* guards are left out */
    rv_os_unmap(at, bytes);
    RV_SEE(rv_os_membarrier_register() == 0 && rv_os_membarrier() == 0);
    RV_SEE(rv_os_tgkill(1, 9) == -ENOSYS);
    RV_SEE(!rv_os_has_shadow_stack() && !rv_os_catch_interrupt(NULL));
    RV_SEE(rv_os_cgroup_cpus("", "") == 0);
}

static void test_os_sim_memory_and_what_is_left_out(void **state)
{
    (void)state;
    rv_machine_run(10, false, check_memory, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_os_sim_time_and_waits),
        cmocka_unit_test(test_os_sim_wakes_who_sleeps),
        cmocka_unit_test(test_os_sim_yield_lets_others_run),
        cmocka_unit_test(test_os_sim_chance_is_the_seeds),
        cmocka_unit_test(test_os_sim_memory_and_what_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
