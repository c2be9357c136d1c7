// SPDX-License-Identifier: MIT
/*
 * Purpose: core/deque.c: both ends, growth, its bound, and races for every item.
 */
#include "core/deque.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/check.h"
#include "core/rand.h"

#define THIEVES 2
#define ITEMS (RV_TSAN ? 100000 : 500000)

static uint32_t items[ITEMS]; /* an item is a pointer into this */

/* Goal: last in, first out for the owner; first in, first out for a thief. */
static void test_deque_ends_differ(void **state)
{
    struct rv_deque d;
    void *got = NULL;

    (void)state;
    assert_int_equal(rv_deque_init(&d, 3, 5), 0);
    assert_null(rv_deque_pop(&d));
    assert_int_equal(rv_deque_steal(&d, &got), RV_STEAL_EMPTY);
    assert_null(got);
    for (int i = 0; i < 6; i++) {
        assert_int_equal(rv_deque_push(&d, &items[i]), 0);
        rv_deque_check(&d);
    }
    assert_int_equal(rv_deque_size_hint(&d), 6);
    assert_ptr_equal(rv_deque_pop(&d), &items[5]);
    assert_int_equal(rv_deque_steal(&d, &got), RV_STEAL_OK);
    assert_ptr_equal(got, &items[0]);
    rv_deque_check(&d);
    for (int i = 4; i >= 1; i--)
        assert_ptr_equal(rv_deque_pop(&d), &items[i]);
    assert_null(rv_deque_pop(&d));
    assert_int_equal(rv_deque_size_hint(&d), 0);
    rv_deque_check(&d);
    rv_deque_fini(&d);
}

/* Goal: it grows to its bound with all items in place, then refuses and changes nothing. */
static void test_deque_grows_to_its_bound_and_then_refuses(void **state)
{
    struct rv_deque d;
    void *got;

    (void)state;
    assert_int_equal(rv_deque_init(&d, 0, 4), 0);
    /* Not from index 0: growth must respect the wrap. */
    for (int i = 0; i < 7; i++) {
        assert_int_equal(rv_deque_push(&d, &items[i]), 0);
        assert_int_equal(rv_deque_steal(&d, &got), RV_STEAL_OK);
    }
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 16; i++) {
            assert_int_equal(rv_deque_push(&d, &items[i]), 0);
            rv_deque_check(&d);
        }
        assert_int_equal(rv_deque_push(&d, &items[16]), -ENOMEM);
        assert_int_equal(rv_deque_size_hint(&d), 16);
        for (int i = 0; i < 8; i++) {
            assert_int_equal(rv_deque_steal(&d, &got), RV_STEAL_OK);
            assert_ptr_equal(got, &items[i]);
        }
        for (int i = 15; i >= 8; i--)
            assert_ptr_equal(rv_deque_pop(&d), &items[i]);
        rv_deque_check(&d);
    }
    rv_deque_fini(&d);
}

/* Goal: any sequence of operations matches a plain array with two indexes. */
static void test_deque_random_operations_match_a_model(void **state)
{
    struct rv_deque d;
    struct rv_rand r;
    int top = 0, bottom = 0;
    static void *model[20000];

    (void)state;
    rv_rand_seed(&r, 77);
    assert_int_equal(rv_deque_init(&d, 1, 6), 0);
    for (int step = 0; step < 20000; step++) {
        void *got = NULL;
        uint32_t what = rv_rand_below(&r, 4);

        if (what <= 1) {
            int rc = rv_deque_push(&d, &items[step]);

            assert_int_equal(rc, bottom - top == 64 ? -ENOMEM : 0);
            if (rc == 0)
                model[bottom++] = &items[step];
        } else if (what == 2) {
            assert_ptr_equal(rv_deque_pop(&d), bottom > top ? model[--bottom] : NULL);
        } else if (bottom == top) {
            assert_int_equal(rv_deque_steal(&d, &got), RV_STEAL_EMPTY);
        } else {
            assert_int_equal(rv_deque_steal(&d, &got), RV_STEAL_OK);
            assert_ptr_equal(got, model[top++]);
        }
        rv_deque_check(&d);
        assert_int_equal(rv_deque_size_hint(&d), bottom - top);
    }
    rv_deque_fini(&d);
}

struct race {
    struct rv_deque deque;
    RV_ATOMIC(uint32_t) done;
    RV_ATOMIC(uint32_t) taken[ITEMS]; /* how often each item was handed out */
    RV_ATOMIC(uint32_t) stolen;
    pthread_barrier_t gate; /* all leave it together, so that they do meet */
};

static void take(struct race *race, void *item)
{
    uint32_t *number = item;

    /* The item's contents must have come along: written by the owner right before the push. */
    RV_CHECK(&items[*number] == number, "an item arrives with its contents");
    (void)rv_fetch_add_relaxed(&race->taken[*number], 1u);
}

static void *steal_all(void *arg)
{
    struct race *race = arg;
    void *item;

    (void)pthread_barrier_wait(&race->gate);
    for (;;) {
        /* order: acquire T1. After the owner's last push; pairs with the release in run_race. */
        uint32_t done = rv_load_acquire(&race->done);
        enum rv_steal result = rv_deque_steal(&race->deque, &item);

        if (result == RV_STEAL_OK) {
            take(race, item);
            (void)rv_fetch_add_relaxed(&race->stolen, 1u);
        } else if (result == RV_STEAL_EMPTY && done != 0) {
            return NULL;
        }
    }
}

/* The owner pushes and pops in small runs, so that the last item is contested all the time. */
static void run_race(unsigned log2_initial)
{
    struct race *race = aligned_alloc(RV_CACHE_LINE, (sizeof(*race) + 63) / 64 * 64);
    pthread_t threads[THIEVES];
    struct rv_rand r;
    uint32_t next = 0;
    void *item;

    assert_non_null(race);
    memset(race, 0, sizeof(*race));
    rv_rand_seed(&r, 5);
    assert_int_equal(rv_deque_init(&race->deque, log2_initial, 10), 0);
    assert_int_equal(pthread_barrier_init(&race->gate, NULL, THIEVES + 1), 0);
    for (int i = 0; i < THIEVES; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, steal_all, race), 0);
    (void)pthread_barrier_wait(&race->gate);
    while (next < ITEMS) {
        uint32_t pushes = rv_rand_below(&r, 4) + 1;

        for (; pushes > 0 && next < ITEMS; pushes--) {
            items[next] = next;
            if (rv_deque_push(&race->deque, &items[next]) == 0)
                next++;
        }
        for (uint32_t pops = rv_rand_below(&r, 4) + 1; pops > 0; pops--)
            if ((item = rv_deque_pop(&race->deque)) != NULL)
                take(race, item);
    }
    /* order: release T1. All pushes; pairs with the acquire in steal_all. */
    rv_store_release(&race->done, 1u);
    while ((item = rv_deque_pop(&race->deque)) != NULL)
        take(race, item);
    for (int i = 0; i < THIEVES; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(pthread_barrier_destroy(&race->gate), 0);
    for (int i = 0; i < ITEMS; i++)
        assert_int_equal(rv_load_relaxed(&race->taken[i]), 1);
    rv_deque_check(&race->deque);
    rv_deque_fini(&race->deque);
    free(race);
}

/* Goal: each item is handed out exactly once, growth included. */
static void test_deque_race_hands_out_each_item_once(void **state)
{
    (void)state;
    rv_fence_init();
    run_race(0);
    run_race(10);
}

/* Goal: the same with full fences on both sides. */
static void test_deque_race_hands_out_each_item_once_without_membarrier(void **state)
{
    bool granted = rv_fence_asymmetric;

    (void)state;
    rv_fence_asymmetric = false;
    run_race(0);
    rv_fence_asymmetric = granted;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_deque_ends_differ),
        cmocka_unit_test(test_deque_grows_to_its_bound_and_then_refuses),
        cmocka_unit_test(test_deque_random_operations_match_a_model),
        cmocka_unit_test(test_deque_race_hands_out_each_item_once),
        cmocka_unit_test(test_deque_race_hands_out_each_item_once_without_membarrier),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
