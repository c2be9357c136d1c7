// SPDX-License-Identifier: MIT
/*
 * Purpose: core/base.h: container_of, array length, the cache line.
 */
#include "core/base.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct pair {
    char pad[24];
    int member;
    int last;
};

/* Goal: from a member back to its struct, first and later members. */
static void test_base_container_of_finds_the_struct(void **state)
{
    struct pair pairs[3];

    (void)state;
    for (size_t i = 0; i < RV_ARRAY_LEN(pairs); i++) {
        int *member = &pairs[i].member;
        assert_ptr_equal(rv_container_of(member, struct pair, member), &pairs[i]);
        assert_ptr_equal(rv_container_of(&pairs[i].last, struct pair, last), &pairs[i]);
    }
    assert_int_equal(RV_ARRAY_LEN(pairs), 3);
}

/* Goal: a field marked as a line starts one. */
static void test_base_aligned_line_separates_fields(void **state)
{
    struct lines {
        RV_ALIGNED_LINE char a;
        RV_ALIGNED_LINE char b;
    };

    (void)state;
    assert_int_equal(offsetof(struct lines, b), RV_CACHE_LINE);
    assert_int_equal(sizeof(struct lines) % RV_CACHE_LINE, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_base_container_of_finds_the_struct),
        cmocka_unit_test(test_base_aligned_line_separates_fields),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
