// SPDX-License-Identifier: MIT
/*
 * Purpose: core/runq.c: order, batches, halves, rescue, and races for every item.
 */
#include "core/runq.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/bias.h"
#include "core/check.h"
#include "core/rand.h"

#define CAPACITY ((uint32_t)RV_RUNQ_CAPACITY)
#define BATCH ((uint32_t)RV_RUNQ_BATCH)
#define ITEMS (RV_TSAN ? 100000u : 500000u)

static uint32_t items[ITEMS];

static struct rv_runq *runq_create(void)
{
    struct rv_runq *q = aligned_alloc(RV_CACHE_LINE, sizeof(*q));

    assert_non_null(q);
    rv_runq_init(q);
    return q;
}

/* Starts all indexes near 2^32, so that every test also crosses the wrap. */
static void runq_start_at(struct rv_runq *q, uint32_t index)
{
    rv_store_relaxed(&q->run, index);
    rv_store_relaxed(&q->claimed, index);
    rv_store_relaxed(&q->head, index);
    rv_store_relaxed(&q->tail, index);
    q->base_seen = index;
    rv_runq_check(q);
}

/* Goal: without thieves, all that is there is claimed at once; order, through the wrap. */
static void test_runq_alone_is_first_in_first_out(void **state)
{
    struct rv_runq *q = runq_create();

    (void)state;
    runq_start_at(q, UINT32_MAX - CAPACITY - 1);
    assert_null(rv_runq_pop_alone(q));
    for (uint32_t n = 1; n <= CAPACITY; n += n < 16 ? 1 : 73) {
        for (uint32_t i = 0; i < n; i++) {
            assert_int_equal(rv_runq_size_alone(q), i);
            rv_runq_push_alone(q, &items[i]);
        }
        for (uint32_t i = 0; i < n; i++) {
            assert_int_equal(rv_runq_size_alone(q), n - i);
            assert_ptr_equal(rv_runq_pop_alone(q), &items[i]);
            assert_int_equal(rv_runq_private_hint(q), n - i - 1);
        }
        assert_null(rv_runq_pop_alone(q));
        assert_true(rv_runq_is_empty_owner(q));
    }
    free(q);
}

/* Goal: first in, first out through several rounds of the ring and of its indexes. */
static void test_runq_owner_order_is_first_in_first_out(void **state)
{
    struct rv_runq *q = runq_create();

    (void)state;
    runq_start_at(q, UINT32_MAX - CAPACITY - 1);
    assert_null(rv_runq_pop(q));
    for (int round = 0; round < 5; round++) {
        for (uint32_t i = 0; i < CAPACITY; i++) {
            assert_true(rv_runq_push(q, &items[i]));
            rv_runq_check(q);
        }
        assert_false(rv_runq_push(q, &items[0]));
        for (uint32_t i = 0; i < CAPACITY; i++) {
            assert_false(rv_runq_is_empty_owner(q));
            assert_ptr_equal(rv_runq_pop(q), &items[i]);
            rv_runq_check(q);
        }
        assert_true(rv_runq_is_empty_owner(q));
        assert_null(rv_runq_pop(q));
    }
    free(q);
}

/* Goal: the first pop hides a batch from thieves, no more; room counts from the batch. */
static void test_runq_pop_claims_one_batch(void **state)
{
    struct rv_runq *q = runq_create();

    (void)state;
    for (uint32_t i = 0; i < CAPACITY; i++)
        assert_true(rv_runq_push(q, &items[i]));
    assert_int_equal(rv_runq_size_hint(q), CAPACITY);
    assert_int_equal(rv_runq_private_hint(q), 0);
    assert_ptr_equal(rv_runq_pop(q), &items[0]);
    assert_int_equal(rv_runq_size_hint(q), CAPACITY - BATCH);
    assert_int_equal(rv_runq_private_hint(q), BATCH - 1);
    assert_true(rv_runq_push(q, &items[CAPACITY]));
    assert_false(rv_runq_push(q, &items[CAPACITY + 1]));
    rv_runq_check(q);
    for (uint32_t i = 1; i <= CAPACITY; i++)
        assert_ptr_equal(rv_runq_pop(q), &items[i]);
    free(q);
}

/* Goal: half, rounded up, oldest first; the rest stays; an empty victim gives nothing. */
static void test_runq_steal_takes_the_older_half(void **state)
{
    (void)state;
    for (uint32_t n = 0; n <= CAPACITY; n++) {
        struct rv_runq *victim = runq_create();
        struct rv_runq *thief = runq_create();
        void *first = NULL;
        uint32_t half = (n + 1) / 2;

        runq_start_at(victim, UINT32_MAX - 1);
        for (uint32_t i = 0; i < n; i++)
            assert_true(rv_runq_push(victim, &items[i]));
        assert_int_equal(rv_runq_steal(victim, thief, &first), half);
        rv_runq_check(victim);
        rv_runq_check(thief);
        assert_ptr_equal(first, n == 0 ? NULL : &items[0]);
        for (uint32_t i = 1; i < half; i++)
            assert_ptr_equal(rv_runq_pop(thief), &items[i]);
        assert_null(rv_runq_pop(thief));
        for (uint32_t i = half; i < n; i++)
            assert_ptr_equal(rv_runq_pop(victim), &items[i]);
        assert_null(rv_runq_pop(victim));
        free(victim);
        free(thief);
    }
}

/* Goal: a full thief still gets the one item it runs at once, and loses none of its own. */
static void test_runq_steal_is_bounded_by_the_thiefs_room(void **state)
{
    struct rv_runq *victim = runq_create();
    struct rv_runq *thief = runq_create();
    void *first = NULL;

    (void)state;
    for (uint32_t i = 0; i < CAPACITY; i++) {
        assert_true(rv_runq_push(victim, &items[i]));
        assert_true(rv_runq_push(thief, &items[CAPACITY + i]));
    }
    assert_int_equal(rv_runq_steal(victim, thief, &first), 1);
    assert_ptr_equal(first, &items[0]);
    assert_ptr_equal(rv_runq_pop(thief), &items[CAPACITY]);
    if (CAPACITY > 2) {
        assert_int_equal(rv_runq_steal(victim, thief, &first), 2);
        assert_ptr_equal(first, &items[1]);
        rv_runq_check(thief);
        for (uint32_t i = 1; i < CAPACITY; i++)
            assert_ptr_equal(rv_runq_pop(thief), &items[CAPACITY + i]);
        assert_ptr_equal(rv_runq_pop(thief), &items[2]);
    }
    free(victim);
    free(thief);
}

/* Goal: the overflow half is the older one, bounded by max; the order of the rest is kept. */
static void test_runq_take_half_takes_the_older_half(void **state)
{
    struct rv_runq *q = runq_create();
    void *out[RV_RUNQ_CAPACITY];
    uint32_t half = CAPACITY / 2;

    (void)state;
    assert_int_equal(rv_runq_take_half(q, out, CAPACITY), 0);
    for (uint32_t i = 0; i < CAPACITY; i++)
        assert_true(rv_runq_push(q, &items[i]));
    assert_int_equal(rv_runq_take_half(q, out, 1), 1);
    assert_ptr_equal(out[0], &items[0]);
    assert_int_equal(rv_runq_take_half(q, out, CAPACITY), half);
    for (uint32_t i = 0; i < half; i++)
        assert_ptr_equal(out[i], &items[1 + i]);
    rv_runq_check(q);
    for (uint32_t i = half + 1; i < CAPACITY; i++)
        assert_ptr_equal(rv_runq_pop(q), &items[i]);
    assert_null(rv_runq_pop(q));
    free(q);
}

/* Goal: a rescue takes the whole private batch, oldest first, and the owner goes on after it. */
static void test_runq_rescue_empties_the_private_batch(void **state)
{
    struct rv_runq *victim = runq_create();
    struct rv_runq *thief = runq_create();
    void *first = NULL;

    (void)state;
    assert_int_equal(rv_runq_rescue(victim, thief, &first), 0);
    for (uint32_t i = 0; i < CAPACITY; i++)
        assert_true(rv_runq_push(victim, &items[i]));
    assert_ptr_equal(rv_runq_pop(victim), &items[0]);
    assert_int_equal(rv_runq_rescue(victim, thief, &first), BATCH - 1);
    assert_ptr_equal(first, &items[1]);
    rv_runq_check(victim);
    rv_runq_check(thief);
    for (uint32_t i = 2; i < BATCH; i++)
        assert_ptr_equal(rv_runq_pop(thief), &items[i]);
    assert_null(rv_runq_pop(thief));
    /* The freed slots are room again. */
    for (uint32_t i = 0; i < BATCH; i++)
        assert_true(rv_runq_push(victim, &items[CAPACITY + i]));
    assert_false(rv_runq_push(victim, &items[0]));
    rv_runq_check(victim);
    for (uint32_t i = BATCH; i < CAPACITY + BATCH; i++)
        assert_ptr_equal(rv_runq_pop(victim), &items[i]);
    assert_true(rv_runq_is_empty_owner(victim));
    free(victim);
    free(thief);
}

/* Goal: a rescuer without room takes what fits and leaves the rest to the owner, in order. */
static void test_runq_rescue_is_bounded_by_room(void **state)
{
    struct rv_runq *victim = runq_create();
    struct rv_runq *thief = runq_create();
    void *first = NULL;

    (void)state;
    for (uint32_t i = 0; i < CAPACITY; i++) {
        assert_true(rv_runq_push(victim, &items[i]));
        assert_true(rv_runq_push(thief, &items[CAPACITY + i]));
    }
    assert_ptr_equal(rv_runq_pop(victim), &items[0]);
    assert_int_equal(rv_runq_rescue(victim, thief, &first), 1);
    assert_ptr_equal(first, &items[1]);
    for (uint32_t i = 2; i < CAPACITY; i++)
        assert_ptr_equal(rv_runq_pop(victim), &items[i]);
    assert_null(rv_runq_pop(victim));
    free(victim);
    free(thief);
}

/* A race: one owner produces and consumes, the others steal and rescue, each into its own queue. */
#define WORKERS 3

struct worker {
    struct race *race;
    struct rv_runq *q;
    struct rv_bias bias;
    uint32_t taken;
};

struct race {
    struct worker workers[WORKERS];
    RV_ATOMIC(uint32_t) total; /* items run by all */
    RV_ATOMIC(uint32_t) rescued;
    pthread_barrier_t gate; /* all leave it together, so that they do meet */
    RV_ATOMIC(uint32_t) counts[ITEMS];
};

static void run_item(struct worker *w, void *item)
{
    uint32_t *number = item;

    /* Written by the owner right before the push: it must have come along. */
    RV_CHECK(&items[*number] == number, "an item arrives with its contents");
    (void)rv_fetch_add_relaxed(&w->race->counts[*number], 1u);
    (void)rv_fetch_add_relaxed(&w->race->total, 1u);
    w->taken++;
}

static void *pop_item(struct worker *w)
{
    void *item;

    rv_bias_owner_enter(&w->bias);
    item = rv_runq_pop(w->q);
    rv_bias_owner_leave(&w->bias);
    return item;
}

/* Steals, or now and then rescues, from another worker; runs the first and then its own queue. */
static void scavenge(struct worker *w, struct worker *victim, bool may_rescue)
{
    void *item = NULL;
    unsigned n = rv_runq_steal(victim->q, w->q, &item);

    if (n == 0 && may_rescue && rv_bias_try_enter(&victim->bias)) {
        n = rv_runq_rescue(victim->q, w->q, &item);
        rv_bias_leave(&victim->bias);
        (void)rv_fetch_add_relaxed(&w->race->rescued, n);
    }
    while (item != NULL) {
        run_item(w, item);
        item = pop_item(w);
    }
}

static void *thief_main(void *arg)
{
    struct worker *w = arg;
    struct rv_rand r;

    rv_rand_seed(&r, (uint64_t)(w - w->race->workers));
    (void)pthread_barrier_wait(&w->race->gate);
    while (rv_load_relaxed(&w->race->total) < ITEMS) {
        struct worker *victim = &w->race->workers[rv_rand_below(&r, WORKERS)];

        if (victim != w)
            scavenge(w, victim, rv_rand_below(&r, 4) == 0);
    }
    return NULL;
}

static void owner_main(struct worker *w)
{
    struct rv_rand r;
    uint32_t next = 0;
    void *out[RV_RUNQ_CAPACITY];

    rv_rand_seed(&r, 99);
    (void)pthread_barrier_wait(&w->race->gate);
    while (rv_load_relaxed(&w->race->total) < ITEMS) {
        void *item;

        for (uint32_t n = rv_rand_below(&r, 2 * BATCH); n > 0 && next < ITEMS; n--) {
            items[next] = next;
            if (rv_runq_push(w->q, &items[next]))
                next++;
            else
                for (unsigned got = rv_runq_take_half(w->q, out, CAPACITY); got > 0; got--)
                    run_item(w, out[got - 1]);
        }
        for (uint32_t n = rv_rand_below(&r, 2 * BATCH); n > 0 && (item = pop_item(w)) != NULL; n--)
            run_item(w, item);
    }
}

static void run_race(void)
{
    struct race *race = calloc(1, sizeof(*race));
    pthread_t threads[WORKERS];

    assert_non_null(race);
    assert_int_equal(pthread_barrier_init(&race->gate, NULL, WORKERS), 0);
    for (int i = 0; i < WORKERS; i++) {
        race->workers[i].race = race;
        race->workers[i].q = runq_create();
        runq_start_at(race->workers[i].q, UINT32_MAX - 1000);
    }
    for (int i = 1; i < WORKERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, thief_main, &race->workers[i]), 0);
    owner_main(&race->workers[0]);
    for (int i = 1; i < WORKERS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(pthread_barrier_destroy(&race->gate), 0);
    assert_int_equal(rv_load_relaxed(&race->total), ITEMS);
    for (uint32_t i = 0; i < ITEMS; i++)
        assert_int_equal(rv_load_relaxed(&race->counts[i]), 1);
    for (int i = 0; i < WORKERS; i++) {
        rv_runq_check(race->workers[i].q);
        assert_true(rv_runq_is_empty_owner(race->workers[i].q));
        free(race->workers[i].q);
    }
    free(race);
}

/* Goal: each item is run exactly once, whoever takes it and by whatever way. */
static void test_runq_race_runs_each_item_once(void **state)
{
    (void)state;
    rv_fence_init();
    run_race();
}

/* Goal: the same with full fences on both sides. */
static void test_runq_race_runs_each_item_once_without_membarrier(void **state)
{
    bool granted = rv_fence_asymmetric;

    (void)state;
    rv_fence_asymmetric = false;
    run_race();
    rv_fence_asymmetric = granted;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_runq_alone_is_first_in_first_out),
        cmocka_unit_test(test_runq_owner_order_is_first_in_first_out),
        cmocka_unit_test(test_runq_pop_claims_one_batch),
        cmocka_unit_test(test_runq_steal_takes_the_older_half),
        cmocka_unit_test(test_runq_steal_is_bounded_by_the_thiefs_room),
        cmocka_unit_test(test_runq_take_half_takes_the_older_half),
        cmocka_unit_test(test_runq_rescue_empties_the_private_batch),
        cmocka_unit_test(test_runq_rescue_is_bounded_by_room),
        cmocka_unit_test(test_runq_race_runs_each_item_once),
        cmocka_unit_test(test_runq_race_runs_each_item_once_without_membarrier),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
