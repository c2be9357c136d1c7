// SPDX-License-Identifier: MIT
/*
 * Purpose: core/atomic.c: fences order a store before a load; operations do what they are named.
 */
#include "core/atomic.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/os.h"

#define ROUNDS 20000

/* The store buffering shape: two threads, each stores its flag, fences, reads the other's. */
struct duel {
    RV_ALIGNED_LINE RV_ATOMIC(uint32_t) flag[2];
    RV_ALIGNED_LINE RV_ATOMIC(uint32_t) saw[2];
    RV_ALIGNED_LINE RV_ATOMIC(uint32_t) arrived;
    void (*fence[2])(void);
};

struct fighter {
    struct duel *duel;
    unsigned side;
    unsigned both_missed;
};

static void light(void)
{
    rv_fence_light();
}

static void full(void)
{
    rv_fence_full();
}

/* Both sides leave together: each adds one and waits for the even total. */
static void meet(struct duel *d, uint32_t target)
{
    /* order: acq_rel T1. Everything of the last phase before this one; pairs with itself. */
    (void)rv_fetch_add_acq_rel(&d->arrived, 1u);
    /* order: acquire T1. As above. */
    for (uint32_t spins = 0; rv_load_acquire(&d->arrived) < target; spins++) {
        if (spins < 1000)
            rv_cpu_relax();
        else
            rv_os_sched_yield();
    }
}

static void *fight(void *arg)
{
    struct fighter *f = arg;
    struct duel *d = f->duel;
    unsigned me = f->side;

    for (uint32_t round = 0; round < ROUNDS; round++) {
        rv_store_relaxed(&d->flag[me], 0u);
        meet(d, 4 * round + 2);
        rv_store_relaxed(&d->flag[me], 1u);
        d->fence[me]();
        rv_store_relaxed(&d->saw[me], rv_load_relaxed(&d->flag[1 - me]));
        meet(d, 4 * round + 4);
        f->both_missed += rv_load_relaxed(&d->saw[0]) == 0 && rv_load_relaxed(&d->saw[1]) == 0;
    }
    return NULL;
}

static unsigned run_duel(void (*fence0)(void), void (*fence1)(void))
{
    struct duel *d = aligned_alloc(RV_CACHE_LINE, sizeof(*d));
    struct fighter fighters[2] = {{d, 0, 0}, {d, 1, 0}};
    pthread_t thread;

    assert_non_null(d);
    memset(d, 0, sizeof(*d));
    d->fence[0] = fence0;
    d->fence[1] = fence1;
    assert_int_equal(pthread_create(&thread, NULL, fight, &fighters[1]), 0);
    (void)fight(&fighters[0]);
    assert_int_equal(pthread_join(thread, NULL), 0);
    free(d);
    return fighters[0].both_missed + fighters[1].both_missed;
}

/* Goal: with full fences never both miss each other. */
static void test_atomic_full_fences_exclude_store_buffering(void **state)
{
    (void)state;
    assert_int_equal(run_duel(full, full), 0);
}

/* Goal: the same for light against heavy, in the mode the kernel grants and in the other. */
static void test_atomic_light_and_heavy_fences_pair(void **state)
{
    bool granted;

    (void)state;
    rv_fence_init();
    rv_fence_init();
    granted = rv_fence_is_asymmetric();
    assert_int_equal(run_duel(light, rv_fence_heavy), 0);
    /* No other thread runs now. */
    rv_fence_asymmetric = false;
    assert_int_equal(run_duel(light, rv_fence_heavy), 0);
    assert_int_equal(run_duel(rv_fence_heavy, rv_fence_heavy), 0);
    rv_fence_asymmetric = granted;
}

/* Goal: results and side effects of the read-modify-writes, in each order. */
static void test_atomic_operations_return_the_old_value(void **state)
{
    RV_ATOMIC(uint32_t) x;
    uint32_t expected = 9;

    (void)state;
    rv_store_relaxed(&x, 1u);
    assert_int_equal(rv_fetch_add_relaxed(&x, 2u), 1);
    assert_int_equal(rv_fetch_sub_release(&x, 1u), 3);
    assert_int_equal(rv_fetch_or_acquire(&x, 8u), 2);
    assert_int_equal(rv_fetch_and_acq_rel(&x, 8u), 10);
    assert_int_equal(rv_exchange_seq_cst(&x, 5u), 8);
    assert_false(rv_cas_acq_rel(&x, &expected, 6u));
    assert_int_equal(expected, 5);
    assert_true(rv_cas_release(&x, &expected, 6u));
    assert_int_equal(rv_load_seq_cst(&x), 6);
    expected = 0;
    assert_false(rv_cas_weak_seq_cst(&x, &expected, 7u));
    assert_int_equal(expected, 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_atomic_full_fences_exclude_store_buffering),
        cmocka_unit_test(test_atomic_light_and_heavy_fences_pair),
        cmocka_unit_test(test_atomic_operations_return_the_old_value),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
