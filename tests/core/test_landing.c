// SPDX-License-Identifier: MIT
/*
 * Purpose: core/landing.h: a landing returns what its function says, to where it was called, by
 * either way, with registers and stack as they were; and a walk of the stack passes through it.
 */
#include "core/landing.h"

#include "core/unwind.h"
#include "support/fixture.h"

#include <string.h>

enum { BY_RETURN, BY_JUMP };

struct seen {
    void *a, *b;
    const void *to;
    void *pcs[16];
    size_t n;
    uintptr_t frame;
};

static RV_NOINLINE struct rv_landing note(void *a, void *b, uintptr_t c, const void *to)
{
    struct seen *seen = a;
    seen->a = a;
    seen->b = b;
    seen->to = to;
    seen->frame = (uintptr_t)__builtin_frame_address(0);
    seen->n = rv_unwind_self(NULL, seen->pcs, 16);
    return (struct rv_landing){.rc = -(intptr_t)c, .is_jump = c % 2 == 0 ? BY_JUMP : BY_RETURN};
}

/* As the library's calls do it: the last act, with the place it returns to. */
static RV_NOINLINE int call(struct seen *seen, void *b, uintptr_t c)
{
    return rv_landing_call(seen, b, c, RV_LANDING_RETURN, note);
}

/* Values that live in registers over the call, and that the compiler cannot foresee. */
static RV_NOINLINE long sum_around(struct seen *seen, long *n, uintptr_t c)
{
    long a = n[0], b = n[1], d = n[2], e = n[3], f = n[4], g = n[5];
    int rc = call(seen, n, c);
    assert_int_equal(rc, -(int)c);
    return a + 2 * b + 4 * d + 8 * e + 16 * f + 32 * g;
}

/* Goal: both ways back lead to the caller, with its registers. Method: many calls, ways in turn. */
static void test_landing_returns_to_its_caller_by_both_ways(void **state)
{
    (void)state;
    long n[6] = {1, 2, 3, 4, 5, 6};
    for (uintptr_t c = 0; c < 1000; c++) {
        struct seen seen;
        memset(&seen, 0, sizeof seen);
        assert_int_equal(sum_around(&seen, n, c), 1 + 4 + 12 + 32 + 80 + 192);
        assert_ptr_equal(seen.a, &seen);
        assert_ptr_equal(seen.b, n);
        assert_int_equal(seen.frame % 16, 0);
    }
}

/* Goal: who looks at the stack of a task that waits sees its caller. */
static void test_landing_is_passed_by_a_walk_of_the_stack(void **state)
{
    (void)state;
    struct seen seen;
    memset(&seen, 0, sizeof seen);
    long n[6] = {0};
    (void)sum_around(&seen, n, 1);
    bool is_found = false;
    for (size_t i = 0; i < seen.n; i++) {
        is_found = is_found || seen.pcs[i] == seen.to;
    }
    assert_true(is_found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_landing_returns_to_its_caller_by_both_ways),
        cmocka_unit_test(test_landing_is_passed_by_a_walk_of_the_stack),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
