// SPDX-License-Identifier: MIT
/*
 * Purpose: return addresses of the caller's stack, and of a context that stands still.
 * Idea:    the functions of a known chain of calls are found again by their names, in order.
 */
#include "core/unwind.h"

#include "core/symbol.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FRAMES 64
#define STACK_BYTES ((size_t)64 * 1024)

static int frame_of(const char *name, void *const pcs[], size_t n)
{
    struct rv_symbols symbols = {0};
    int found = -1;
    for (size_t i = 0; i < n && found < 0; i++) {
        struct rv_symbol symbol;
        rv_symbol_find(&symbols, pcs[i], &symbol);
        if (strcmp(symbol.name, name) == 0)
            found = (int)i;
    }
    rv_symbol_fini(&symbols);
    return found;
}

RV_NOINLINE static size_t leaf(const void *from, void *pcs[], size_t capacity)
{
    size_t n = rv_unwind_self(from, pcs, capacity);
    __asm__ volatile("" ::: "memory");
    return n;
}

RV_NOINLINE static size_t middle(int is_from_here, void *pcs[], size_t capacity)
{
    size_t n = leaf(is_from_here ? __builtin_return_address(0) : NULL, pcs, capacity);
    __asm__ volatile("" ::: "memory");
    return n;
}

static void test_unwind_self_begins_with_the_caller(RV_UNUSED void **state)
{
    void *pcs[FRAMES];
    size_t n = middle(0, pcs, FRAMES);
    assert_int_equal(frame_of("leaf", pcs, n), 0);
    assert_int_equal(frame_of("middle", pcs, n), 1);
    assert_int_equal(frame_of("test_unwind_self_begins_with_the_caller", pcs, n), 2);
    assert_int_equal(middle(0, pcs, 2), 2);
    assert_int_equal(middle(0, pcs, 0), 0);
}

static void test_unwind_self_from_a_frame_skips_what_is_within(RV_UNUSED void **state)
{
    void *pcs[FRAMES];
    size_t n = middle(1, pcs, FRAMES);
    assert_int_equal(frame_of("test_unwind_self_from_a_frame_skips_what_is_within", pcs, n), 0);
}

static struct rv_context here, there;

RV_NOINLINE static void stops_here(void)
{
    rv_context_switch(&there, &here, NULL);
    __asm__ volatile("" ::: "memory");
}

/* Values in all callee-saved registers, so that their places in the record matter. */
RV_NOINLINE static int calls_on(volatile int *v)
{
    int a = v[0], b = v[1], c = v[2], d = v[3], e = v[4], f = v[5];
    stops_here();
    return a + b + c + d + e + f + v[0];
}

static void begin(void *arg, RV_UNUSED struct rv_context *from)
{
    (void)calls_on(arg);
    rv_context_exit_switch(&there, &here, NULL);
}

static void test_unwind_context_that_stands_still_is_exact(RV_UNUSED void **state)
{
    void *pcs[FRAMES];
    int values[6] = {1, 2, 3, 4, 5, 6};
    char *stack = aligned_alloc(4096, STACK_BYTES);
    assert_non_null(stack);
    rv_context_init_thread(&here);
    rv_context_make(&there, stack, stack + STACK_BYTES, begin);
    rv_context_switch(&here, &there, values);
    for (int round = 0; round < 2; round++) { /* looking changes nothing */
        size_t n = rv_unwind_context(&there, pcs, FRAMES);
        int stop = frame_of("stops_here", pcs, n);
        assert_true(stop >= 0);
        assert_int_equal(frame_of("calls_on", pcs, n), stop + 1);
        assert_int_equal(frame_of("begin", pcs, n), stop + 2);
        assert_true(n <= (size_t)stop + 4); /* the trampoline is the last */
        assert_int_equal(frame_of("main", pcs, n), -1);
    }
    assert_int_equal(rv_unwind_context(&there, pcs, 1), 1);
    rv_context_switch(&here, &there, NULL);
    rv_context_fini(&there);
    rv_context_fini(&here);
    free(stack);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unwind_self_begins_with_the_caller),
        cmocka_unit_test(test_unwind_self_from_a_frame_skips_what_is_within),
        cmocka_unit_test(test_unwind_context_that_stands_still_is_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
