// SPDX-License-Identifier: MIT
/*
 * Purpose: core/bias.c: owner and helpers exclude each other; a stuck owner is given up.
 */
#include "core/bias.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HELPERS 2
#define OWNER_ROUNDS 200000
#define HELPER_ENTRIES 20000

struct shared {
    struct rv_bias bias;
    uint64_t counter; /* plain: only the bias lock protects it */
    uint64_t mirror;
    RV_ATOMIC(uint32_t) helpers_left;
    pthread_barrier_t gate; /* all leave it together, so that they do meet */
};

static void touch(struct shared *s)
{
    RV_CHECK(s->counter == s->mirror, "nobody sees the middle of a section");
    s->counter++;
    rv_cpu_relax();
    s->mirror++;
}

static void *help(void *arg)
{
    struct shared *s = arg;

    (void)pthread_barrier_wait(&s->gate);
    for (int entered = 0; entered < HELPER_ENTRIES;) {
        if (!rv_bias_try_enter(&s->bias))
            continue;
        touch(s);
        rv_bias_leave(&s->bias);
        entered++;
    }
    (void)rv_fetch_sub_relaxed(&s->helpers_left, 1u);
    return NULL;
}

/* The owner runs until all helpers had their turns, and at least OWNER_ROUNDS times. */
static void run_contest(void)
{
    struct shared *s = calloc(1, sizeof(*s));
    pthread_t threads[HELPERS];
    uint64_t rounds = 0;

    assert_non_null(s);
    rv_bias_init(&s->bias);
    assert_int_equal(pthread_barrier_init(&s->gate, NULL, HELPERS + 1), 0);
    rv_store_relaxed(&s->helpers_left, (uint32_t)HELPERS);
    for (int i = 0; i < HELPERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, help, s), 0);
    (void)pthread_barrier_wait(&s->gate);
    while (rounds < OWNER_ROUNDS || rv_load_relaxed(&s->helpers_left) != 0) {
        rv_bias_owner_enter(&s->bias);
        touch(s);
        rv_bias_owner_leave(&s->bias);
        rounds++;
    }
    for (int i = 0; i < HELPERS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(pthread_barrier_destroy(&s->gate), 0);
    assert_true(s->counter == rounds + HELPERS * HELPER_ENTRIES);
    assert_int_equal(rv_load_relaxed(&s->bias.busy), 0);
    assert_int_equal(rv_load_relaxed(&s->bias.helper), 0);
    free(s);
}

/* Goal: exclusion with the asymmetric fence, if the kernel grants it. */
static void test_bias_sections_exclude_each_other(void **state)
{
    (void)state;
    rv_fence_init();
    run_contest();
}

/* Goal: exclusion with full fences on both sides. */
static void test_bias_sections_exclude_each_other_without_membarrier(void **state)
{
    bool granted = rv_fence_asymmetric;

    (void)state;
    rv_fence_asymmetric = false;
    run_contest();
    rv_fence_asymmetric = granted;
}

/* Goal: no helper waits for ever, only one is inside, and a failed try leaves nothing behind. */
static void test_bias_try_enter_gives_up_on_a_stuck_owner_and_on_a_helper(void **state)
{
    struct rv_bias b;

    (void)state;
    rv_bias_init(&b);
    rv_bias_owner_enter(&b);
    assert_false(rv_bias_try_enter(&b));
    assert_int_equal(rv_load_relaxed(&b.helper), 0);
    rv_bias_owner_leave(&b);
    assert_true(rv_bias_try_enter(&b));
    assert_false(rv_bias_try_enter(&b));
    rv_bias_leave(&b);
    rv_bias_owner_enter(&b);
    rv_bias_owner_leave(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bias_sections_exclude_each_other),
        cmocka_unit_test(test_bias_sections_exclude_each_other_without_membarrier),
        cmocka_unit_test(test_bias_try_enter_gives_up_on_a_stuck_owner_and_on_a_helper),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
