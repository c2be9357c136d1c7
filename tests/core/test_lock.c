// SPDX-License-Identifier: MIT
/*
 * Purpose: core/lock.c: exclusion, try, the slow path.
 */
#include "core/lock.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define THREADS 3
#define ROUNDS 200000

struct shared {
    struct rv_lock lock;
    uint64_t counter; /* plain: only the lock protects it */
    uint64_t mirror;
    pthread_barrier_t gate; /* all leave it together, so that they do meet */
};

static void *add_under_lock(void *arg)
{
    struct shared *s = arg;

    (void)pthread_barrier_wait(&s->gate);
    for (int i = 0; i < ROUNDS; i++) {
        if (i % 3 == 0) {
            while (!rv_lock_try(&s->lock))
                rv_cpu_relax();
        } else {
            rv_lock_acquire(&s->lock);
        }
        RV_CHECK(s->counter == s->mirror, "nobody sees the middle of a section");
        s->counter++;
        rv_cpu_relax();
        s->mirror++;
        rv_lock_release(&s->lock);
    }
    return NULL;
}

/* Goal: sections exclude each other. Method: plain counters, more threads than processors. */
static void test_lock_sections_exclude_each_other(void **state)
{
    struct shared s = {.lock = RV_LOCK_INIT};
    pthread_t threads[THREADS];

    (void)state;
    assert_int_equal(pthread_barrier_init(&s.gate, NULL, THREADS), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, add_under_lock, &s), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(pthread_barrier_destroy(&s.gate), 0);
    assert_true(s.counter == (uint64_t)THREADS * ROUNDS);
    assert_false(rv_lock_is_held(&s.lock));
}

/* Goal: try tells the truth. */
static void test_lock_try_fails_on_a_held_lock(void **state)
{
    struct rv_lock lock;

    (void)state;
    rv_lock_init(&lock);
    assert_false(rv_lock_is_held(&lock));
    assert_true(rv_lock_try(&lock));
    assert_true(rv_lock_is_held(&lock));
    assert_false(rv_lock_try(&lock));
    rv_lock_release(&lock);
    rv_lock_acquire(&lock);
    assert_true(rv_lock_is_held(&lock));
    rv_lock_release(&lock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lock_sections_exclude_each_other),
        cmocka_unit_test(test_lock_try_fails_on_a_held_lock),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
