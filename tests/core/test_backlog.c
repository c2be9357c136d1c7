// SPDX-License-Identifier: MIT
/* Purpose: core/backlog.c: order over growth and wrap-around, and what is given back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/backlog.h"
#include "core/rand.h"

/* Goal: items leave in the order they came, whatever the mix. Method: random pushes and pops. */
static void test_backlog_random_mix_keeps_order(void **state)
{
    struct rv_backlog b = {0};
    struct rv_rand r;
    uintptr_t in = 1;
    uintptr_t out = 1;

    (void)state;
    rv_rand_seed(&r, 7);
    for (int i = 0; i < 200000; i++) {
        uint32_t want = i < 100000 ? 6 : 3; /* first it grows, then it shrinks */

        if (rv_rand_below(&r, 10) < want)
            assert_int_equal(rv_backlog_push(&b, (void *)in++), 0);
        else if (!rv_backlog_is_empty(&b))
            assert_ptr_equal(rv_backlog_pop(&b), (void *)out++);
        else
            assert_null(rv_backlog_pop(&b));
        rv_backlog_check(&b);
    }
    while (!rv_backlog_is_empty(&b)) {
        assert_ptr_equal(rv_backlog_first(&b), (void *)out);
        assert_ptr_equal(rv_backlog_pop(&b), (void *)out++);
    }
    assert_int_equal(in, out);
    rv_backlog_fini(&b);
    assert_null(b.slots);
}

/* Goal: a peak is not kept for ever. Method: fill beyond what is kept, empty, look. */
static void test_backlog_large_and_empty_gives_memory_back(void **state)
{
    struct rv_backlog b = {0};

    (void)state;
    for (uintptr_t i = 1; i <= 100000; i++)
        assert_int_equal(rv_backlog_push(&b, (void *)i), 0);
    assert_true(b.capacity >= 100000);
    for (uintptr_t i = 1; i <= 100000; i++)
        assert_ptr_equal(rv_backlog_pop(&b), (void *)i);
    assert_int_equal(b.capacity, 0);
    assert_null(rv_backlog_pop(&b));
    rv_backlog_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_backlog_random_mix_keeps_order),
        cmocka_unit_test(test_backlog_large_and_empty_gives_memory_back),
    };

    return cmocka_run_group_tests_name("core/backlog", tests, NULL, NULL);
}
