// SPDX-License-Identifier: MIT
/*
 * Purpose: hazard 32: the code of the library does not go away under its threads and handlers.
 */
#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

typedef int coro(void *arg, void **result);
typedef int run_fn(coro *main, void *arg, void **result);

static int give(void *arg, void **result)
{
    *result = arg;
    return 0;
}

/* Goal: after the last dlclose the library is still there, runs again, and a late signal finds its
 * handler. Method: this program is not linked with it. */
static void test_h32_library_stays_after_dlclose(void **state)
{
    for (int i = 0; i < 3; i++) {
        void *value = NULL;
        run_fn *run;
        void *library = dlopen(RV_TEST_LIBRARY, RTLD_NOW | RTLD_LOCAL);
        assert_non_null(library);
        void *found = dlsym(library, "rove_run");
        assert_non_null(found);
        memcpy(&run, &found, sizeof run);
        assert_int_equal(run(give, state, &value), 0);
        assert_ptr_equal(value, state);
        assert_int_equal(dlclose(library), 0);
        void *still = dlopen(RV_TEST_LIBRARY, RTLD_NOW | RTLD_NOLOAD);
        assert_non_null(still);
        dlclose(still);
        assert_int_equal(run(give, NULL, &value), 0); /* its code is where it was */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_h32_library_stays_after_dlclose),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
