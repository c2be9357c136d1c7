// SPDX-License-Identifier: MIT
/*
 * Purpose: core/sim_tape.h: bytes first, then the stream of numbers.
 */
#include "core/sim_tape.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* Goal: a tape decides, byte by byte, and then the numbers do as if there had been none.
 * Method: draws with a tape of three, beside draws of the same stream without. */
static void test_sim_tape_comes_before_the_numbers(void **state)
{
    const uint8_t bytes[] = {5, 9, 255};
    struct rv_rand rand, other;
    (void)state;
    rv_rand_seed(&rand, 7);
    rv_rand_seed(&other, 7);
    rv_sim_tape_set(bytes, sizeof bytes);
    assert_int_equal(rv_sim_tape_draw(&rand, 8), 5);
    assert_int_equal(rv_sim_tape_draw(&rand, 4), 1);
    assert_int_equal(rv_sim_tape_draw(&rand, 1000), 255);
    for (int i = 0; i < 100; i++)
        assert_int_equal(rv_sim_tape_draw(&rand, 1000), rv_rand_below(&other, 1000));
}

/* Goal: a tape can be taken away. Method: set one, set none, draw. */
static void test_sim_tape_none_is_none(void **state)
{
    const uint8_t bytes[] = {1, 2, 3};
    struct rv_rand rand, other;
    (void)state;
    rv_rand_seed(&rand, 8);
    rv_rand_seed(&other, 8);
    rv_sim_tape_set(bytes, sizeof bytes);
    rv_sim_tape_set(NULL, 0);
    assert_int_equal(rv_sim_tape_draw(&rand, 1000), rv_rand_below(&other, 1000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sim_tape_comes_before_the_numbers),
        cmocka_unit_test(test_sim_tape_none_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
