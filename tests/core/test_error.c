// SPDX-License-Identifier: MIT
/*
 * Purpose: core/error.c: every code has a text, and rove's errno is the C library's.
 */
#include <rove/base.h>

#include <rove/errno.h>

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* Goal: no code is without a name. Method: all of them, both signs, and their neighbours. */
static void test_error_every_code_has_a_text(void **state)
{
    (void)state;
    for (int code = -5000; code <= 5000; code++) {
        const char *text = rove_strerror(code);
        assert_non_null(text);
        assert_true(strlen(text) > 0);
        assert_ptr_equal(text, rove_strerror(code));
    }
}

/* Goal: the table decides, the C library fills the gaps, the application's range is its own. */
static void test_error_texts_come_from_the_right_source(void **state)
{
    (void)state;
#define EXPECT_TEXT(name, text) assert_string_equal(rove_strerror(-(name)), text);
    ROVE_ERROR_MAP(EXPECT_TEXT)
#undef EXPECT_TEXT
    assert_string_equal(rove_strerror(ECANCELED), rove_strerror(-ECANCELED));
    assert_string_equal(rove_strerror(0), "success");
    assert_string_equal(rove_strerror(-EXDEV), strerror(EXDEV));
    assert_string_equal(rove_strerror(-4095), "unknown error");
    assert_string_equal(rove_strerror(-4096), "application error");
    assert_string_equal(rove_strerror(INT32_MIN), "application error");
}

/* Goal: one errno. Method: write through rove's name, let the C library read, and back. */
static void test_error_errno_is_the_thread_s_own(void **state)
{
    (void)state;
    errno = EDOM;
    assert_ptr_equal(&errno, rove_errno_location());
    assert_int_equal(*__errno_location(), EDOM);
    *__errno_location() = 0;
    assert_int_equal(errno, 0);
}

static void test_error_version_agrees_with_the_header(void **state)
{
    (void)state;
    assert_string_equal(rove_version(), ROVE_VERSION_STRING);
    assert_int_equal(ROVE_VERSION, 0x000100);
}

/* Goal: durations are exact. Method: fractions whose double is a hair below the decimal. */
static void test_error_durations_round_to_the_nanosecond(void **state)
{
    (void)state;
    assert_true(ROVE_SEC(0.29) == ROVE_MS(290));
    assert_true(ROVE_SEC(0.001) == ROVE_MS(1));
    assert_true(ROVE_SEC(3600) == ROVE_MS(3600000));
    assert_true(ROVE_SEC(4000000001) == INT64_C(4000000001000000000));
    assert_true(ROVE_MS(1.5) == ROVE_US(1500));
    assert_true(ROVE_NS(7) == 7);
    assert_true(ROVE_SEC(-1) < 0);
    assert_true(ROVE_FOREVER < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_error_every_code_has_a_text),
        cmocka_unit_test(test_error_texts_come_from_the_right_source),
        cmocka_unit_test(test_error_errno_is_the_thread_s_own),
        cmocka_unit_test(test_error_version_agrees_with_the_header),
        cmocka_unit_test(test_error_durations_round_to_the_nanosecond),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
