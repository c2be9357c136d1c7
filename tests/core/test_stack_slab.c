// SPDX-License-Identifier: MIT
/*
 * Purpose: core/stack_slab.c: layout, guards, colours, sizes, exhaustion, finding blocks.
 */
#include "core/stack_slab.h"

#include <sys/resource.h>

#include "tests/core/stack_fixture.h"

/* Goal: the layout of the header's drawing, and blocks that are zero at first. */
static void test_stack_slab_fresh_block_is_zero_and_laid_out(void **state)
{
    struct fixture f;
    struct block **blocks;

    (void)state;
    fixture_init(&f);
    blocks = alloc_many(&f, 200);
    for (size_t i = 0; i < 200; i++) {
        struct block *b = blocks[i];
        const struct rv_stack *s = &b->stack;
        size_t usable = (size_t)(s->high - s->low);

        assert_true(rv_load_relaxed(&b->state) == 0);
        for (size_t k = 0; k < RV_ARRAY_LEN(b->payload); k++)
            assert_true(b->payload[k] == 0);
        for (size_t k = 0; k < RV_ARRAY_LEN(b->tail); k++)
            assert_true(b->tail[k] == 0);
        assert_ptr_equal(s->high, b);
        assert_int_equal((uintptr_t)b % 64, 0);
        assert_int_equal((uintptr_t)s->low % rv_os_page_size(), 0);
        assert_true(usable < STACK_BYTES && usable > STACK_BYTES - 3 * 4096);
        memset(s->low, 1, usable);
    }
    fixture_check(&f);
    free_many(&f, blocks, 200);
    fixture_fini(&f);
}

/* Goal: neighbours do not start in the same cache set. Method: 32 blocks, 32 offsets in a page. */
static void test_stack_slab_blocks_are_coloured(void **state)
{
    struct fixture f;
    struct block **blocks;
    bool seen[64] = {false};
    int colours = 0;

    (void)state;
    fixture_init(&f);
    blocks = alloc_many(&f, 32);
    for (size_t i = 0; i < 32; i++) {
        size_t set = (uintptr_t)blocks[i] / 64 % 64;

        colours += !seen[set];
        seen[set] = true;
    }
    assert_int_equal(colours, 32);
    free_many(&f, blocks, 32);
    fixture_fini(&f);
}

static void expect_guards(enum rv_stack_guard guard, int signal_wanted)
{
    struct fixture f;
    struct block **blocks;
    struct rv_stack_stats stats;

    fixture_init(&f);
    rv_stack_pool_set_guard(f.pool, guard);
    blocks = alloc_many(&f, 10);
    for (size_t i = 0; i < 10; i++) {
        assert_int_equal(touch_in_child(blocks[i]->stack.low), 0);
        assert_int_equal(touch_in_child(blocks[i]->stack.low - 1), signal_wanted);
        assert_int_equal(touch_in_child(blocks[i]->stack.low - 4096), signal_wanted);
    }
    rv_stack_pool_stats(f.pool, &stats);
    assert_int_equal(stats.guard_failures, 0);
    free_many(&f, blocks, 10);
    fixture_fini(&f);
}

/* Goal: the byte below a stack faults, by either kind of guard, and without one it does not. */
static void test_stack_slab_guards_fault(void **state)
{
    (void)state;
    expect_guards(RV_STACK_GUARD_MADVISE, SIGSEGV);
    expect_guards(RV_STACK_GUARD_MPROTECT, SIGSEGV);
    expect_guards(RV_STACK_GUARD_NONE, 0);
}

/* Goal: when the kernel has no mapping left for guards, stacks go on without and are counted. */
static void test_stack_slab_guards_run_out_and_are_counted(void **state)
{
    enum { MANY = 40000 }; /* above half of vm.max_map_count's default */
    struct fixture f;
    struct rv_stack_stats stats;
    struct block **blocks;

    (void)state;
    if (RV_ASAN || RV_TSAN)
        skip(); /* the sanitizers' own mappings come and go by the same limit */
    fixture_init_size(&f, RV_STACK_MIN_BYTES);
    rv_stack_pool_set_guard(f.pool, RV_STACK_GUARD_MPROTECT);
    blocks = alloc_many(&f, MANY);
    rv_stack_pool_stats(f.pool, &stats);
    assert_in_range(stats.guard_failures, 1, MANY - 1000);
    free_many(&f, blocks, MANY);
    fixture_fini(&f);
}

static int compare_pointers(const void *a, const void *b)
{
    uintptr_t x = (uintptr_t) * (void *const *)a;
    uintptr_t y = (uintptr_t) * (void *const *)b;

    return x < y ? -1 : x > y;
}

/* Goal: 100,000 live stacks, all different and apart, each guarded, few mappings. */
static void test_stack_slab_hundred_thousand_live_at_once(void **state)
{
    enum { N = RV_ASAN || RV_TSAN ? 20000 : 100000 };
    struct fixture f;
    struct rv_stack_stats stats;
    struct block **blocks;

    (void)state;
    fixture_init(&f);
    blocks = alloc_many(&f, N);
    rv_stack_pool_stats(f.pool, &stats);
    assert_in_range(stats.in_use, N, N + RV_STACK_BATCH);
    assert_int_equal(stats.slot_bytes, STACK_BYTES);
    assert_true(stats.slabs < 120);
    assert_true(stats.mapped_bytes >= N * STACK_BYTES);
    assert_int_equal(stats.guard_failures, 0);
    qsort(blocks, N, sizeof(*blocks), compare_pointers);
    for (size_t i = 1; i < N; i++)
        assert_true((char *)blocks[i] - (char *)blocks[i - 1] > (long)STACK_BYTES - 2048);
    free_many(&f, blocks, N);
    fixture_check(&f);
    fixture_fini(&f);
}

/* Goal: for_each visits each block handed out, and find names the block of any address. */
static void test_stack_slab_for_each_and_find_know_every_block(void **state)
{
    enum { N = 300 };
    struct fixture f;
    struct block **blocks;
    struct rv_stack_stats stats;
    size_t visits = 0;
    int is_guard = 7;
    char local;

    (void)state;
    fixture_init(&f);
    blocks = alloc_many(&f, N);
    rv_stack_pool_for_each(f.pool, count_visit, &visits);
    rv_stack_pool_stats(f.pool, &stats);
    assert_int_equal(visits, stats.slots);
    for (size_t i = 0; i < N; i++) {
        const struct rv_stack *s = &blocks[i]->stack;

        assert_ptr_equal(rv_stack_pool_find(f.pool, s->low, &is_guard), blocks[i]);
        assert_int_equal(is_guard, 0);
        assert_ptr_equal(rv_stack_pool_find(f.pool, s->high - 1, &is_guard), blocks[i]);
        assert_ptr_equal(rv_stack_pool_find(f.pool, s->low - 1, &is_guard), blocks[i]);
        assert_int_equal(is_guard, 1);
        assert_ptr_equal(rv_stack_pool_find(f.pool, s->low - 4096, &is_guard), blocks[i]);
        assert_int_equal(is_guard, 1);
    }
    assert_null(rv_stack_pool_find(f.pool, &local, &is_guard));
    assert_null(rv_stack_pool_find(f.pool, NULL, &is_guard));
    free_many(&f, blocks, N);
    fixture_fini(&f);
}

/* Goal: sizes are rounded; blocks that leave no stack, or hold no struct rv_stack, are refused. */
static void test_stack_slab_pool_create_checks_its_sizes(void **state)
{
    struct rv_stack_pool *pool = NULL;
    struct rv_stack_stats stats;

    (void)state;
    assert_true(rv_stack_pool_create(STACK_BYTES, STACK_BYTES, 0, &pool) < 0);
    assert_true(rv_stack_pool_create(STACK_BYTES, 100, 80, &pool) < 0);
    assert_true(rv_stack_pool_create(STACK_BYTES, 100, 200, &pool) < 0);
    assert_true(rv_stack_pool_create(SIZE_MAX, sizeof(struct block), 0, &pool) < 0);
    assert_null(pool);
    assert_int_equal(rv_stack_pool_create(1, sizeof(struct rv_stack), 0, &pool), 0);
    rv_stack_pool_stats(pool, &stats);
    assert_int_equal(stats.slot_bytes, RV_STACK_MIN_BYTES);
    rv_stack_pool_release(pool);
    assert_int_equal(rv_stack_pool_create(100001, sizeof(struct rv_stack), 0, &pool), 0);
    rv_stack_pool_stats(pool, &stats);
    assert_int_equal(stats.slot_bytes, 102400);
    rv_stack_pool_release(pool);
}

/* Runs in a child: with little address space, allocation ends in NULL and the pool stays whole. */
static void exhaust(void)
{
    struct rlimit limit = {(rlim_t)1 << 30, (rlim_t)1 << 30};
    struct fixture f;
    struct block *last = NULL, *b;
    size_t n = 0;

    fixture_init(&f);
    if (setrlimit(RLIMIT_AS, &limit) != 0)
        _exit(2);
    while ((b = rv_stack_alloc(&f.cache)) != NULL) {
        b->payload[0] = (uint64_t)(uintptr_t)last;
        last = b;
        n++;
    }
    if (n < 1000 || rv_stack_alloc(&f.cache) != NULL)
        _exit(3);
    while (last != NULL) {
        b = (struct block *)(uintptr_t)last->payload[0];
        rv_stack_free(&f.cache, &last->stack);
        last = b;
    }
    if (rv_stack_alloc(&f.cache) == NULL)
        _exit(4);
    rv_stack_pool_check(f.pool);
    _exit(0);
}

/* Goal: exhaustion is an answer, not an end. */
static void test_stack_slab_alloc_returns_null_when_address_space_is_out(void **state)
{
    int status;
    pid_t pid;

    (void)state;
    if (RV_ASAN || RV_TSAN)
        skip(); /* they need terabytes of address space themselves */
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        exhaust();
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stack_slab_fresh_block_is_zero_and_laid_out),
        cmocka_unit_test(test_stack_slab_blocks_are_coloured),
        cmocka_unit_test(test_stack_slab_guards_fault),
        cmocka_unit_test(test_stack_slab_guards_run_out_and_are_counted),
        cmocka_unit_test(test_stack_slab_hundred_thousand_live_at_once),
        cmocka_unit_test(test_stack_slab_for_each_and_find_know_every_block),
        cmocka_unit_test(test_stack_slab_pool_create_checks_its_sizes),
        cmocka_unit_test(test_stack_slab_alloc_returns_null_when_address_space_is_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
