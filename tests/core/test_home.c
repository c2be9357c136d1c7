// SPDX-License-Identifier: MIT
/*
 * Purpose: the lock with a home: who comes to be at home, who ends that, exclusion.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/home.h"

enum { THREADS = 3, ROUNDS = RV_TSAN || RV_ASAN ? 20000 : 100000 };

static const int names[THREADS];

/* Goal: many entries in succession make a home; a visit of another, or of a nameless one, ends it;
 * nobody but the first comes to be at home again. */
static void test_home_is_earned_and_lost(void **state)
{
    (void)state;
    struct rv_home h = {0};
    unsigned entries = 0;
    rv_fence_init();
    while (!rv_home_enter(&h, &names[0])) {
        rv_home_leave(&h, false);
        entries++;
    }
    rv_home_leave(&h, true);
    assert_in_range(entries, RV_HOME_STREAK, RV_HOME_STREAK + 2);

    assert_false(rv_home_enter(&h, NULL));
    rv_home_leave(&h, false);
    assert_false(rv_home_enter(&h, &names[0]));
    rv_home_leave(&h, false);
    for (unsigned i = 0; i < 3 * RV_HOME_STREAK; i++) { /* by turns nobody is at home */
        assert_false(rv_home_enter(&h, &names[i % 2]));
        rv_home_leave(&h, false);
    }
    for (unsigned i = 0; i < 3 * RV_HOME_STREAK; i++) {
        assert_false(rv_home_enter(&h, NULL));
        rv_home_leave(&h, false);
    }
    for (unsigned i = 0; i < 3 * RV_HOME_STREAK; i++) { /* it is another's */
        assert_false(rv_home_enter(&h, &names[1]));
        rv_home_leave(&h, false);
    }
    for (entries = 0; !rv_home_enter(&h, &names[0]); entries++) {
        rv_home_leave(&h, false);
    }
    rv_home_leave(&h, true);
    assert_in_range(entries, RV_HOME_STREAK, RV_HOME_STREAK + 2);
}

struct shared {
    struct rv_home lock;
    unsigned long count;     /* plain: the lock is all that guards it */
    unsigned long at_home;   /* the same */
    RV_ATOMIC(unsigned) next;
};

/* Long runs of its own, now and then, so that homes are given and taken. */
static void *enter_often(void *arg)
{
    struct shared *s = arg;
    const void *me = &names[rv_fetch_add_relaxed(&s->next, 1u)];
    for (unsigned i = 0; i < ROUNDS; i++) {
        bool is_at_home = rv_home_enter(&s->lock, me);
        s->count++;
        s->at_home += is_at_home;
        rv_home_leave(&s->lock, is_at_home);
    }
    return NULL;
}

/* Goal: at home or visiting, one at a time. */
static void test_home_excludes(void **state)
{
    (void)state;
    struct shared s = {0};
    pthread_t threads[THREADS];
    rv_fence_init();
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, enter_often, &s), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(s.count, THREADS * ROUNDS);
    assert_true(s.at_home < s.count);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_home_is_earned_and_lost),
        cmocka_unit_test(test_home_excludes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
