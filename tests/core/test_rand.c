// SPDX-License-Identifier: MIT
/*
 * Purpose: core/rand.h: bounds, independence of seeds, evenness.
 */
#include "core/rand.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Goal: the same seed gives the same stream, another seed another. */
static void test_rand_stream_follows_its_seed(void **state)
{
    struct rv_rand a, b, c;
    int same = 0;

    (void)state;
    rv_rand_seed(&a, 1);
    rv_rand_seed(&b, 1);
    rv_rand_seed(&c, 2);
    for (int i = 0; i < 1000; i++) {
        uint64_t x = rv_rand_next(&a);
        assert_true(x == rv_rand_next(&b));
        same += x == rv_rand_next(&c);
    }
    assert_int_equal(same, 0);
}

/* Goal: below n, and every value about equally often. Method: 60,000 throws of a die; each face
 * within 5 standard deviations (457) of 10,000: a fixed seed, so no luck is involved. */
static void test_rand_below_is_even(void **state)
{
    struct rv_rand r;
    int faces[6] = {0};

    (void)state;
    rv_rand_seed(&r, 0);
    for (int i = 0; i < 60000; i++)
        faces[rv_rand_below(&r, 6)]++;
    for (int i = 0; i < 6; i++)
        assert_in_range(faces[i], 10000 - 457, 10000 + 457);
    for (int i = 0; i < 100; i++)
        assert_int_equal(rv_rand_below(&r, 1), 0);
}

/* Goal: each of the 64 bits is set about half of the time. */
static void test_rand_every_bit_moves(void **state)
{
    struct rv_rand r;
    int ones[64] = {0};

    (void)state;
    rv_rand_seed(&r, 12345);
    for (int i = 0; i < 10000; i++) {
        uint64_t x = rv_rand_next(&r);
        for (int bit = 0; bit < 64; bit++)
            ones[bit] += (int)(x >> bit & 1);
    }
    for (int bit = 0; bit < 64; bit++)
        assert_in_range(ones[bit], 4750, 5250);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rand_stream_follows_its_seed),
        cmocka_unit_test(test_rand_below_is_even),
        cmocka_unit_test(test_rand_every_bit_moves),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
