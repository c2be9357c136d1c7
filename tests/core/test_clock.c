// SPDX-License-Identifier: MIT
/*
 * Purpose: core/clock.c: saturation, conversion, the virtual source.
 */
#include "core/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int64_t virtual_now;

static int64_t virtual_clock(void)
{
    return virtual_now;
}

/* Goal: a virtual clock replaces the kernel's and goes away again. */
static void test_clock_source_can_be_replaced(void **state)
{
    int64_t real = rv_clock_now();

    (void)state;
    virtual_now = 42;
    rv_clock_set_source(virtual_clock);
    assert_true(rv_clock_now() == 42);
    virtual_now = -7;
    assert_true(rv_clock_now() == -7);
    rv_clock_set_source(NULL);
    assert_true(rv_clock_now() >= real);
}

/* Goal: never stays never; sums saturate. */
static void test_clock_add_saturates(void **state)
{
    (void)state;
    assert_true(rv_clock_add(5, 6) == 11);
    assert_true(rv_clock_add(5, 0) == 5);
    assert_true(rv_clock_add(5, -1) == RV_CLOCK_NEVER);
    assert_true(rv_clock_add(5, INT64_MIN) == RV_CLOCK_NEVER);
    assert_true(rv_clock_add(5, INT64_MAX) == RV_CLOCK_NEVER);
    assert_true(rv_clock_add(5, INT64_MAX - 5) == INT64_MAX);
    assert_true(rv_clock_add(RV_CLOCK_NEVER, 1) == RV_CLOCK_NEVER);
    assert_true(rv_clock_add(0, INT64_MAX) == INT64_MAX);
}

/* Goal: seconds and nanoseconds, nothing negative. */
static void test_clock_to_timespec_splits(void **state)
{
    struct timespec ts = rv_clock_to_timespec(INT64_C(3000000001));

    (void)state;
    assert_true(ts.tv_sec == 3 && ts.tv_nsec == 1);
    ts = rv_clock_to_timespec(-1);
    assert_true(ts.tv_sec == 0 && ts.tv_nsec == 0);
    ts = rv_clock_to_timespec(INT64_MAX);
    assert_true(ts.tv_sec == INT64_MAX / 1000000000 && ts.tv_nsec < 1000000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clock_source_can_be_replaced),
        cmocka_unit_test(test_clock_add_saturates),
        cmocka_unit_test(test_clock_to_timespec_splits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
