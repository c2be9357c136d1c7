// SPDX-License-Identifier: MIT
/*
 * Purpose: core/walk.c: no reference that a walker takes is lost to an owner's plain store.
 */
#include "core/walk.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define WALKERS 2
#define ROUNDS 100000
#define WALKS (RV_TSAN ? 2000 : 10000)

struct shared {
    struct rv_walk walk;
    struct rv_walk_owner owner;
    RV_ATOMIC(uint64_t) refs; /* of one object after the other; 0: none */
    RV_ATOMIC(uint64_t) freed;
    RV_ATOMIC(uint32_t) walkers_left;
    pthread_barrier_t gate;
};

static void release(struct shared *s)
{
    uint64_t before = rv_fetch_sub_acq_rel(&s->refs, (uint64_t)1);

    RV_CHECK(before > 0 && before < 100, "a reference that was taken is there");
    if (before == 1)
        (void)rv_fetch_add_relaxed(&s->freed, (uint64_t)1);
}

static bool retain_live(struct shared *s)
{
    uint64_t refs = rv_load_relaxed(&s->refs);

    while (refs != 0) {
        if (rv_cas_weak_acquire(&s->refs, &refs, refs + 1))
            return true;
    }
    return false;
}

static void *walk(void *arg)
{
    struct shared *s = arg;

    (void)pthread_barrier_wait(&s->gate);
    for (int i = 0; i < WALKS; i++) {
        bool is_taken;

        rv_walk_begin(&s->walk);
        rv_walk_wait(&s->owner);
        is_taken = retain_live(s);
        rv_walk_end(&s->walk);
        if (is_taken)
            release(s);
    }
    (void)rv_fetch_sub_relaxed(&s->walkers_left, 1u);
    return NULL;
}

/* One reference less; the other is the owner's too. */
static void drop_one(struct shared *s)
{
    bool is_over = rv_walk_enter(&s->owner, &s->walk) && rv_load_relaxed(&s->refs) == 2;

    if (is_over)
        rv_store_release(&s->refs, (uint64_t)1);
    rv_walk_leave(&s->owner);
    if (!is_over)
        release(s);
}

/* The owner makes objects until all walks are over, and at least ROUNDS. */
static void run_contest(void)
{
    struct shared *s = calloc(1, sizeof(*s));
    pthread_t threads[WALKERS];
    uint64_t rounds = 0;

    assert_non_null(s);
    assert_int_equal(pthread_barrier_init(&s->gate, NULL, WALKERS + 1), 0);
    rv_store_relaxed(&s->walkers_left, (uint32_t)WALKERS);
    for (int i = 0; i < WALKERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, walk, s), 0);
    (void)pthread_barrier_wait(&s->gate);
    while (rounds < ROUNDS || rv_load_relaxed(&s->walkers_left) != 0) {
        rv_store_release(&s->refs, (uint64_t)2);
        drop_one(s);
        release(s);
        rounds++;
        while (rv_load_acquire(&s->refs) != 0)
            rv_cpu_relax();
    }
    for (int i = 0; i < WALKERS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(pthread_barrier_destroy(&s->gate), 0);
    assert_true(rv_load_relaxed(&s->freed) == rounds);
    assert_int_equal(rv_load_relaxed(&s->walk.walkers), 0);
    free(s);
}

/* Goal: each object is freed once, with the asymmetric fence, if the kernel grants it. */
static void test_walk_takes_references_that_stay(void **state)
{
    (void)state;
    rv_fence_init();
    run_contest();
}

/* Goal: the same with full fences on both sides. */
static void test_walk_takes_references_that_stay_without_membarrier(void **state)
{
    bool granted = rv_fence_asymmetric;

    (void)state;
    rv_fence_asymmetric = false;
    run_contest();
    rv_fence_asymmetric = granted;
}

/* Goal: while anybody walks, an owner is told so. */
static void test_walk_enter_is_refused_while_somebody_walks(void **state)
{
    struct rv_walk walk = {0};
    struct rv_walk_owner owner = {0};

    (void)state;
    assert_true(rv_walk_enter(&owner, &walk));
    rv_walk_leave(&owner);
    rv_walk_begin(&walk);
    rv_walk_begin(&walk);
    rv_walk_wait(&owner);
    rv_walk_end(&walk);
    assert_false(rv_walk_enter(&owner, &walk));
    rv_walk_leave(&owner);
    rv_walk_end(&walk);
    assert_true(rv_walk_enter(&owner, &walk));
    rv_walk_leave(&owner);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_walk_takes_references_that_stay),
        cmocka_unit_test(test_walk_takes_references_that_stay_without_membarrier),
        cmocka_unit_test(test_walk_enter_is_refused_while_somebody_walks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
