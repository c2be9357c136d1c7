// SPDX-License-Identifier: MIT
/*
 * Purpose: names of functions from addresses in them.
 */
#include "core/symbol.h"

#include "core/base.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

RV_NOINLINE static int a_static_function(int n)
{
    __asm__ volatile("" : "+r"(n));
    return n + 1;
}

static void test_symbol_static_function_is_named(RV_UNUSED void **state)
{
    struct rv_symbols symbols = {0};
    struct rv_symbol found;
    char line[RV_SYMBOL_LINE];
    const char *pc = (const char *)(uintptr_t)a_static_function + 1;
    assert_int_equal(a_static_function(1), 2);
    rv_symbol_find(&symbols, pc, &found);
    assert_string_equal(found.name, "a_static_function");
    assert_int_equal(found.offset, 1);
    assert_non_null(strstr(found.module, "symbol"));
    rv_symbol_print(&symbols, pc, line, sizeof line);
    assert_true(strncmp(line, "a_static_function+0x1 (", 23) == 0);
    rv_symbol_fini(&symbols);
}

/* The return address of a call at the very end of a function lies in the next one. */
static void test_symbol_return_address_belongs_to_the_call_before(RV_UNUSED void **state)
{
    struct rv_symbols symbols = {0};
    struct rv_symbol found;
    rv_symbol_find(&symbols, (const void *)(uintptr_t)a_static_function, &found);
    assert_string_not_equal(found.name, "a_static_function");
    rv_symbol_fini(&symbols);
}

static void test_symbol_of_another_module_is_named(RV_UNUSED void **state)
{
    struct rv_symbols symbols = {0};
    struct rv_symbol found;
    rv_symbol_find(&symbols, (const char *)(uintptr_t)_cmocka_run_group_tests + 4, &found);
    assert_string_equal(found.name, "_cmocka_run_group_tests");
    rv_symbol_find(&symbols, (const char *)(uintptr_t)a_static_function + 1, &found);
    assert_string_equal(found.name, "a_static_function");
    rv_symbol_fini(&symbols);
}

static void test_symbol_of_no_code_is_an_address(RV_UNUSED void **state)
{
    struct rv_symbols symbols = {0};
    char line[RV_SYMBOL_LINE];
    rv_symbol_print(&symbols, (const void *)(uintptr_t)0x1234, line, sizeof line);
    assert_string_equal(line, "0x1234");
    rv_symbol_fini(&symbols);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_symbol_static_function_is_named),
        cmocka_unit_test(test_symbol_return_address_belongs_to_the_call_before),
        cmocka_unit_test(test_symbol_of_another_module_is_named),
        cmocka_unit_test(test_symbol_of_no_code_is_an_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
