// SPDX-License-Identifier: MIT
/*
 * Purpose: core/block.c: type-stable memory, order, orphaning, races.
 */
#include "core/block.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/atomic.h"
#include "core/rand.h"

struct block {
    RV_ATOMIC(uint64_t) state;
    uint64_t payload[24];
};

static struct rv_block_pool *make_pool(struct rv_block_cache *c)
{
    struct rv_block_pool *pool;

    assert_int_equal(rv_block_pool_create(sizeof(struct block), &pool), 0);
    rv_block_cache_init(c, pool);
    return pool;
}

static void expect_out(struct rv_block_pool *pool, size_t out)
{
    struct rv_block_stats stats;

    rv_block_pool_check(pool);
    rv_block_pool_stats(pool, &stats);
    assert_int_equal(stats.out, out);
}

static void count_visit(void *block, void *ctx)
{
    size_t *count = ctx;

    (void)block;
    ++*count;
}

/* Goal: fresh blocks are zero, in whole cache lines, the pool's; freed ones keep what they say. */
static void test_block_memory_is_type_stable(void **state)
{
    enum { N = 3000 };
    struct rv_block_cache c;
    struct rv_block_pool *pool = make_pool(&c);
    struct block **blocks = calloc(N, sizeof(blocks[0]));
    size_t visits = 0;

    (void)state;
    assert_non_null(blocks);
    for (uint64_t i = 0; i < N; i++) {
        blocks[i] = rv_block_alloc(&c);
        assert_non_null(blocks[i]);
        assert_int_equal((uintptr_t)blocks[i] % RV_CACHE_LINE, 0);
        assert_ptr_equal(rv_block_pool_of(blocks[i]), pool);
        assert_int_equal(rv_load_relaxed(&blocks[i]->state), 0);
        assert_int_equal(blocks[i]->payload[23], 0);
        rv_store_relaxed(&blocks[i]->state, i + 1);
        blocks[i]->payload[23] = i;
    }
    for (uint64_t i = 0; i < N; i++) {
        assert_int_equal(rv_load_relaxed(&blocks[i]->state), i + 1);
        rv_block_free(&c, blocks[i]);
    }
    for (uint64_t i = 0; i < N; i++) {
        assert_int_equal(rv_load_relaxed(&blocks[i]->state), i + 1);
        assert_int_equal(blocks[i]->payload[23], i);
    }
    rv_block_cache_flush(&c);
    expect_out(pool, 0);
    rv_block_pool_for_each(pool, count_visit, &visits);
    assert_in_range(visits, N, N + RV_BLOCK_BATCH);
    rv_block_pool_release(pool);
    free(blocks);
}

/* Goal: the hottest block is handed out first, and no more are carved than are wanted. */
static void test_block_hottest_first(void **state)
{
    struct rv_block_cache c;
    struct rv_block_pool *pool = make_pool(&c);
    struct rv_block_stats stats;
    void *a = rv_block_alloc(&c), *b = rv_block_alloc(&c);

    (void)state;
    rv_block_free(&c, a);
    rv_block_free(&c, b);
    assert_ptr_equal(rv_block_alloc(&c), b);
    assert_ptr_equal(rv_block_alloc(&c), a);
    for (int i = 0; i < 1000; i++) {
        void *taken = rv_block_alloc(&c);

        rv_block_free(&c, taken);
    }
    rv_block_pool_stats(pool, &stats);
    assert_int_equal(stats.carved, RV_BLOCK_BATCH);
    rv_block_free(&c, a);
    rv_block_free(&c, b);
    rv_block_cache_flush(&c);
    rv_block_pool_release(pool);
}

/* Goal: a released pool lives until its last block is back, from wherever it comes. */
static void test_block_released_pool_lives_until_the_last_block(void **state)
{
    struct rv_block_cache c;
    struct rv_block_pool *pool = make_pool(&c);
    struct block *held = rv_block_alloc(&c), *alone = rv_block_alloc_remote(pool);

    (void)state;
    assert_non_null(alone);
    rv_block_cache_flush(&c);
    expect_out(pool, 2);
    rv_block_pool_release(pool);
    rv_store_relaxed(&held->state, (uint64_t)7);
    rv_block_free_remote(alone);
    assert_int_equal(rv_load_relaxed(&held->state), 7);
    rv_block_free_remote(held);
    rv_block_pool_release(NULL);
}

static void test_block_sizes_are_checked(void **state)
{
    struct rv_block_pool *pool;

    (void)state;
    assert_true(rv_block_pool_create(0, &pool) < 0);
    assert_true(rv_block_pool_create(RV_BLOCK_CHUNK, &pool) < 0);
    assert_int_equal(rv_block_pool_create(1, &pool), 0);
    rv_block_pool_release(pool);
}

#define THREADS 3
#define HELD 300
#define STEPS 30000

struct traffic {
    struct rv_block_pool *pool;
    RV_ATOMIC(uint32_t) next_id;
};

static void *make_traffic(void *arg)
{
    struct traffic *t = arg;
    struct rv_block_cache cache;
    struct block *held[HELD] = {NULL};
    struct rv_rand r;
    uint64_t id = rv_fetch_add_relaxed(&t->next_id, 1u) + 1;

    rv_block_cache_init(&cache, t->pool);
    rv_rand_seed(&r, id);
    for (int step = 0; step < STEPS; step++) {
        uint32_t i = rv_rand_below(&r, HELD);

        if (held[i] == NULL) {
            held[i] = rv_block_alloc(&cache);
            RV_CHECK(held[i] != NULL, "memory suffices");
            /* order: acq_rel T1. One owner at a time; pairs with the exchange at the free. */
            RV_CHECK(rv_exchange_acq_rel(&held[i]->state, id) == 0, "one owner a block");
            held[i]->payload[0] = i;
        } else {
            RV_CHECK(held[i]->payload[0] == i, "nobody writes into a held block");
            /* order: acq_rel T1. As above. */
            RV_CHECK(rv_exchange_acq_rel(&held[i]->state, (uint64_t)0) == id, "still the owner");
            if (rv_rand_below(&r, 4) == 0)
                rv_block_free_remote(held[i]);
            else
                rv_block_free(&cache, held[i]);
            held[i] = NULL;
        }
    }
    for (int i = 0; i < HELD; i++) {
        if (held[i] == NULL)
            continue;
        rv_store_relaxed(&held[i]->state, (uint64_t)0);
        rv_block_free(&cache, held[i]);
    }
    rv_block_cache_flush(&cache);
    return NULL;
}

static void trim_all(struct rv_block_pool *pool)
{
    while (rv_block_pool_trim_some(pool))
        ;
}

/* Goal: chunks of free blocks go back, and are as new; the neighbours of one that is out stay. */
static void test_block_trim_takes_free_chunks(void **state)
{
    enum { N = 3000, PER_CHUNK = (RV_BLOCK_CHUNK - RV_CACHE_LINE) / sizeof(struct block) };
    struct rv_block_cache c;
    struct rv_block_pool *pool = make_pool(&c);
    static struct block *blocks[N];
    struct rv_block_stats stats;

    (void)state;
    for (size_t i = 0; i < N; i++) {
        blocks[i] = rv_block_alloc(&c);
        assert_non_null(blocks[i]);
        rv_store_relaxed(&blocks[i]->state, i + 1);
    }
    trim_all(pool);
    rv_block_pool_stats(pool, &stats);
    assert_int_equal(stats.trimmed_bytes, 0);
    for (size_t i = 1; i < N; i++)
        rv_block_free(&c, blocks[i]);
    rv_block_cache_flush(&c);
    assert_true(rv_block_pool_returned_hint(pool) >= N - 1);
    trim_all(pool);
    assert_int_equal(rv_block_pool_returned_hint(pool), 0);
    rv_block_pool_stats(pool, &stats);
    assert_true(stats.trimmed_bytes >= (N / PER_CHUNK - 2) * (RV_BLOCK_CHUNK - 4096));
    assert_int_equal(rv_load_relaxed(&blocks[0]->state), 1);
    assert_int_equal(rv_load_relaxed(&blocks[PER_CHUNK / 2]->state), PER_CHUNK / 2 + 1);
    assert_int_equal(rv_load_relaxed(&blocks[PER_CHUNK + PER_CHUNK / 2]->state), 0);
    for (size_t i = 1; i < N; i++) {
        blocks[i] = rv_block_alloc(&c);
        assert_ptr_equal(rv_block_pool_of(blocks[i]), pool);
    }
    rv_block_pool_stats(pool, &stats);
    assert_int_equal(stats.trimmed_bytes, 0);
    for (size_t i = 0; i < N; i++)
        rv_block_free(&c, blocks[i]);
    rv_block_cache_flush(&c);
    expect_out(pool, 0);
    rv_block_pool_release(pool);
}

/* Goal: threads that alloc, free, free remotely, look and trim at once never share a block. */
static void test_block_threads_never_share_one(void **state)
{
    struct traffic t;
    pthread_t threads[THREADS];

    (void)state;
    rv_store_relaxed(&t.next_id, 0u);
    assert_int_equal(rv_block_pool_create(sizeof(struct block), &t.pool), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, make_traffic, &t), 0);
    for (int i = 0; i < 100; i++) {
        struct rv_block_stats stats;
        size_t visits = 0;

        rv_block_pool_for_each(t.pool, count_visit, &visits);
        rv_block_pool_stats(t.pool, &stats);
        assert_true(visits <= stats.carved);
        (void)rv_block_pool_trim_some(t.pool);
    }
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    expect_out(t.pool, 0);
    rv_block_pool_release(t.pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_block_memory_is_type_stable),
        cmocka_unit_test(test_block_hottest_first),
        cmocka_unit_test(test_block_released_pool_lives_until_the_last_block),
        cmocka_unit_test(test_block_sizes_are_checked),
        cmocka_unit_test(test_block_trim_takes_free_chunks),
        cmocka_unit_test(test_block_threads_never_share_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
