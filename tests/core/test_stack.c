// SPDX-License-Identifier: MIT
/*
 * Purpose: core/stack.c: type-stable memory, order, trimming, orphaning, races.
 */
#include "core/stack.h"

#include <pthread.h>
#include <stdio.h>

#include "core/rand.h"
#include "tests/core/stack_fixture.h"

/* Goal: a freed block keeps what it says, until it is handed out again and after. */
static void test_stack_freed_block_keeps_its_contents(void **state)
{
    enum { N = 1000 };
    struct fixture f;
    struct block **blocks, **again;
    struct block **copy = calloc(N, sizeof(*copy));

    (void)state;
    assert_non_null(copy);
    fixture_init(&f);
    blocks = alloc_many(&f, N);
    memcpy(copy, blocks, N * sizeof(*copy));
    for (uint64_t i = 0; i < N; i++) {
        rv_store_relaxed(&blocks[i]->state, i + 1);
        blocks[i]->payload[19] = blocks[i]->tail[0] = i;
    }
    free_many(&f, blocks, N);
    fixture_check(&f);
    for (uint64_t i = 0; i < N; i++)
        assert_true(rv_load_relaxed(&copy[i]->state) == i + 1);
    again = alloc_many(&f, N);
    for (uint64_t i = 0; i < N; i++) {
        assert_true(rv_load_relaxed(&copy[i]->state) == i + 1);
        assert_true(copy[i]->payload[19] == i && copy[i]->tail[0] == i);
    }
    free_many(&f, again, N);
    free(copy);
    fixture_fini(&f);
}

/* Goal: cache and pool together are one stack of blocks: what was freed last is handed out first,
 * through every spill and refill. */
static void test_stack_hottest_block_is_handed_out_first(void **state)
{
    enum { N = 4 * RV_STACK_CACHE_MAX + 5 };
    struct fixture f;
    struct block **blocks, **again;
    struct block **copy = calloc(N, sizeof(*copy));

    (void)state;
    assert_non_null(copy);
    fixture_init(&f);
    blocks = alloc_many(&f, N);
    memcpy(copy, blocks, N * sizeof(*copy));
    free_many(&f, blocks, N);
    fixture_check(&f);
    again = alloc_many(&f, N);
    for (size_t i = 0; i < N; i++)
        assert_ptr_equal(again[i], copy[N - 1 - i]);
    free_many(&f, again, N);
    free(copy);
    fixture_fini(&f);
}

/* Goal: trimming keeps the blocks freed last. Method: only the blocks' pages are touched, so each
 * block is one page; a trimmed block reads as zero. */
static void test_stack_trim_keeps_the_hottest(void **state)
{
    enum { N = 1000, KEPT = 100 };
    struct fixture f;
    struct rv_stack_stats stats;
    struct block **blocks;
    struct block **copy = calloc(N, sizeof(*copy));

    (void)state;
    assert_non_null(copy);
    fixture_init(&f);
    blocks = alloc_many(&f, N);
    memcpy(copy, blocks, N * sizeof(*copy));
    for (size_t i = 0; i < N; i++)
        rv_store_relaxed(&blocks[i]->state, (uint64_t)i + 1);
    free_many(&f, blocks, N);
    rv_stack_cache_flush(&f.cache);
    (void)rv_stack_pool_trim(f.pool, KEPT * rv_os_page_size());
    fixture_check(&f);
    rv_stack_pool_stats(f.pool, &stats);
    assert_int_equal(stats.cached_resident, KEPT);
    for (size_t i = 0; i < N; i++)
        assert_int_equal(rv_load_relaxed(&copy[i]->state), i < N - KEPT ? 0 : i + 1);
    free(copy);
    fixture_fini(&f);
}

/* Goal: blocks freed one by one from elsewhere, in numbers that make no whole batch, all come
 * back, each once. */
static void test_stack_remotely_freed_blocks_all_come_back(void **state)
{
    enum { N = 3 * RV_STACK_BATCH + 7 };
    struct fixture f;
    struct rv_stack_stats before, after;
    struct block **blocks;

    (void)state;
    fixture_init(&f);
    blocks = alloc_many(&f, N);
    rv_stack_cache_flush(&f.cache);
    rv_stack_pool_stats(f.pool, &before);
    assert_int_equal(before.in_use, N);
    for (size_t i = 0; i < N; i++) {
        rv_stack_free_remote(&blocks[i]->stack);
        fixture_check(&f);
    }
    free(blocks);
    assert_int_equal(rv_stack_pool_free_hint(f.pool), before.slots);
    blocks = alloc_many(&f, before.slots);
    for (size_t i = 0; i < before.slots; i++)
        assert_true(rv_exchange_acq_rel(&blocks[i]->state, (uint64_t)1) == 0);
    rv_stack_pool_stats(f.pool, &after);
    assert_int_equal(after.slots, before.slots);
    free_many(&f, blocks, before.slots);
    fixture_fini(&f);
}

static size_t resident_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    unsigned long total, resident;

    assert_non_null(file);
    assert_int_equal(fscanf(file, "%lu %lu", &total, &resident), 2);
    assert_int_equal(fclose(file), 0);
    return resident * rv_os_page_size();
}

/* Goal: trimming gives real memory back, keeps what it was told to keep, and trimmed slots come
 * back as fresh ones, guards included. */
static void test_stack_trim_lowers_resident_memory(void **state)
{
    enum { N = 5000 };
    struct fixture f;
    struct rv_stack_stats stats;
    struct block **blocks;
    size_t before, given_back, visits = 0;

    (void)state;
    fixture_init(&f);
    blocks = alloc_many(&f, N);
    for (size_t i = 0; i < N; i++) {
        memset(blocks[i]->stack.high - 8192, 1, 8192);
        rv_store_relaxed(&blocks[i]->state, (uint64_t)7);
    }
    free_many(&f, blocks, N);
    rv_stack_cache_flush(&f.cache);
    assert_int_equal(rv_stack_pool_trim(f.pool, SIZE_MAX), 0);
    before = resident_bytes();
    given_back = rv_stack_pool_trim(f.pool, 100 * 12288);
    assert_true(given_back >= (size_t)(N - 151) * 8192);
    if (!RV_ASAN && !RV_TSAN)
        assert_true(resident_bytes() + given_back / 10 * 9 < before);
    fixture_check(&f);
    rv_stack_pool_stats(f.pool, &stats);
    assert_in_range(stats.cached_resident, 1, 150);
    assert_int_equal(stats.trimmed + stats.cached_resident, stats.slots);
    rv_stack_pool_for_each(f.pool, count_visit, &visits);
    assert_int_equal(visits, stats.cached_resident);
    (void)rv_stack_pool_trim(f.pool, 0);
    fixture_check(&f);
    blocks = alloc_many(&f, N);
    for (size_t i = 0; i < N; i++)
        assert_true(rv_load_relaxed(&blocks[i]->state) == 0);
    assert_int_equal(touch_in_child(blocks[N / 2]->stack.low - 1), SIGSEGV);
    rv_stack_pool_stats(f.pool, &stats);
    assert_true(stats.slots >= N && stats.slots < N + RV_STACK_BATCH);
    free_many(&f, blocks, N);
    fixture_fini(&f);
}

/* Goal: batch by batch it comes to the same, and what is handed out meanwhile is whole. */
static void test_stack_trim_by_batches_gives_all_back(void **state)
{
    enum { N = 40 * RV_STACK_BATCH };
    struct fixture f;
    struct rv_stack_stats stats;
    struct block **blocks;
    size_t rounds = 0;

    (void)state;
    fixture_init(&f);
    assert_int_equal(rv_stack_pool_trim_batch(f.pool), 0);
    blocks = alloc_many(&f, N);
    free_many(&f, blocks, N);
    rv_stack_cache_flush(&f.cache);
    while (rv_stack_pool_free_hint(f.pool) > N / 2) {
        assert_true(rv_stack_pool_trim_batch(f.pool) >= RV_STACK_BATCH * rv_os_page_size());
        rounds++;
        fixture_check(&f);
    }
    assert_in_range(rounds, N / 2 / RV_STACK_BATCH, N / 2 / RV_STACK_BATCH + 1);
    blocks = alloc_many(&f, N);
    for (size_t i = 0; i < N; i++)
        memset(blocks[i]->stack.low, 1, 64);
    free_many(&f, blocks, N);
    rv_stack_cache_flush(&f.cache);
    while (rv_stack_pool_trim_batch(f.pool) != 0)
        fixture_check(&f);
    rv_stack_pool_stats(f.pool, &stats);
    assert_true(stats.cached_resident < RV_STACK_BATCH);
    assert_int_equal(stats.trimmed + stats.cached_resident, stats.slots);
    fixture_fini(&f);
}

/* Goal: the pool outlives its release while blocks are out, and ends with the last of them. The
 * end itself shows in the address space: the block's page is no longer mapped. */
static void test_stack_released_pool_lives_until_the_last_block(void **state)
{
    struct fixture f;
    struct block **blocks;
    struct block *last;

    (void)state;
    fixture_init(&f);
    blocks = alloc_many(&f, 100);
    last = blocks[99];
    rv_store_relaxed(&last->state, (uint64_t)5);
    for (size_t i = 0; i < 98; i++)
        rv_stack_free(&f.cache, &blocks[i]->stack);
    rv_stack_cache_flush(&f.cache);
    rv_stack_pool_release(f.pool);
    assert_true(rv_load_relaxed(&last->state) == 5);
    rv_stack_free_remote(&blocks[98]->stack);
    assert_true(rv_load_relaxed(&last->state) == 5);
    rv_stack_free_remote(&last->stack);
    assert_true(rv_os_discard((void *)((uintptr_t)last & ~(uintptr_t)4095), 4096) < 0);
    free(blocks);
    rv_stack_pool_release(NULL);
}

/* Goal: the probe finds the deepest byte written. */
static void test_stack_used_finds_the_high_water_mark(void **state)
{
    struct fixture f;
    struct block *b;

    (void)state;
    fixture_init(&f);
    b = rv_stack_alloc(&f.cache);
    assert_non_null(b);
    assert_int_equal(rv_stack_used(&b->stack), 0);
    b->stack.high[-5000] = 1;
    assert_in_range(rv_stack_used(&b->stack), 5000, 5008);
    b->stack.low[0] = 1;
    assert_int_equal(rv_stack_used(&b->stack), b->stack.high - b->stack.low);
    rv_stack_free(&f.cache, &b->stack);
    fixture_fini(&f);
}

#if RV_ASAN
static void expect_poisoned_stack(void *block, void *ctx)
{
    const struct rv_stack *s = &((struct block *)block)->stack;

    (void)ctx;
    assert_true(__asan_address_is_poisoned(s->low));
    assert_true(__asan_address_is_poisoned(s->high - 1));
    assert_true(__asan_address_is_poisoned(s->high - RV_STACK_BATCH * sizeof(void *)));
}
#endif

/* Goal: under ASan a pooled stack is poison, even while it holds a batch; its block is not, and
 * alloc heals it. */
static void test_stack_freed_stack_is_poisoned_for_asan(void **state)
{
#if RV_ASAN
    struct fixture f;
    struct block *b;

    fixture_init(&f);
    b = rv_stack_alloc(&f.cache);
    assert_non_null(b);
    assert_false(__asan_address_is_poisoned(b->stack.low));
    rv_stack_free(&f.cache, &b->stack);
    assert_true(__asan_address_is_poisoned(b->stack.low));
    assert_true(__asan_address_is_poisoned(b->stack.high - 1));
    assert_false(__asan_address_is_poisoned(b->stack.high));
    assert_ptr_equal(rv_stack_alloc(&f.cache), b);
    assert_false(__asan_address_is_poisoned(b->stack.high - 1));
    free_many(&f, alloc_many(&f, 2 * RV_STACK_CACHE_MAX), 2 * RV_STACK_CACHE_MAX);
    rv_stack_free(&f.cache, &b->stack);
    rv_stack_cache_flush(&f.cache);
    rv_stack_pool_for_each(f.pool, expect_poisoned_stack, NULL);
    fixture_fini(&f);
#else
    skip();
#endif
    (void)state;
}

#define THREADS 3
#define HELD 200
#define STEPS 30000

struct traffic {
    struct rv_stack_pool *pool;
    RV_ATOMIC(uint32_t) next_id;
};

static void *make_traffic(void *arg)
{
    struct traffic *t = arg;
    struct rv_stack_cache cache;
    struct block *held[HELD] = {NULL};
    struct rv_rand r;
    uint64_t id = rv_fetch_add_relaxed(&t->next_id, 1u) + 1;

    rv_stack_cache_init(&cache, t->pool);
    rv_rand_seed(&r, id);
    for (int step = 0; step < STEPS; step++) {
        uint32_t i = rv_rand_below(&r, HELD);

        if (held[i] == NULL) {
            held[i] = rv_stack_alloc(&cache);
            RV_CHECK(held[i] != NULL, "memory suffices");
            /* order: acq_rel T1. One owner at a time; pairs with the exchange at the free. */
            RV_CHECK(rv_exchange_acq_rel(&held[i]->state, id) == 0, "one owner a block");
            held[i]->stack.high[-64] = (char)id;
            held[i]->payload[0] = i;
        } else {
            RV_CHECK(held[i]->payload[0] == i, "nobody writes into a held block");
            RV_CHECK(held[i]->stack.high[-64] == (char)id, "nor into its stack");
            /* order: acq_rel T1. As above. */
            RV_CHECK(rv_exchange_acq_rel(&held[i]->state, (uint64_t)0) == id, "still the owner");
            if (rv_rand_below(&r, 4) == 0)
                rv_stack_free_remote(&held[i]->stack);
            else
                rv_stack_free(&cache, &held[i]->stack);
            held[i] = NULL;
        }
        if (step % 5000 == 0)
            (void)rv_stack_pool_trim(t->pool, 64 * 4096);
        if (step % 1000 == 0)
            rv_stack_cache_check(&cache);
    }
    for (int i = 0; i < HELD; i++) {
        if (held[i] == NULL)
            continue;
        rv_store_relaxed(&held[i]->state, (uint64_t)0);
        rv_stack_free(&cache, &held[i]->stack);
    }
    rv_stack_cache_flush(&cache);
    return NULL;
}

/* Goal: threads that alloc, free, free remotely, trim and look at once never share a block. */
static void test_stack_threads_never_share_a_block(void **state)
{
    struct traffic t;
    struct rv_stack_stats stats;
    pthread_t threads[THREADS];

    (void)state;
    rv_store_relaxed(&t.next_id, 0u);
    assert_int_equal(rv_stack_pool_create(RV_STACK_MIN_BYTES, sizeof(struct block),
                                          offsetof(struct block, stack), &t.pool),
                     0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, make_traffic, &t), 0);
    for (int i = 0; i < 100; i++) {
        size_t visits = 0;

        rv_stack_pool_for_each(t.pool, count_visit, &visits);
        rv_stack_pool_stats(t.pool, &stats);
        assert_true(visits <= stats.slots);
    }
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    rv_stack_pool_check(t.pool);
    rv_stack_pool_stats(t.pool, &stats);
    assert_int_equal(stats.in_use, 0);
    rv_stack_pool_release(t.pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stack_freed_block_keeps_its_contents),
        cmocka_unit_test(test_stack_hottest_block_is_handed_out_first),
        cmocka_unit_test(test_stack_trim_keeps_the_hottest),
        cmocka_unit_test(test_stack_remotely_freed_blocks_all_come_back),
        cmocka_unit_test(test_stack_trim_lowers_resident_memory),
        cmocka_unit_test(test_stack_trim_by_batches_gives_all_back),
        cmocka_unit_test(test_stack_released_pool_lives_until_the_last_block),
        cmocka_unit_test(test_stack_used_finds_the_high_water_mark),
        cmocka_unit_test(test_stack_freed_stack_is_poisoned_for_asan),
        cmocka_unit_test(test_stack_threads_never_share_a_block),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
