// SPDX-License-Identifier: MIT
/*
 * Purpose: errno in a task that has changed its thread is the new thread's (HAZARDS 1).
 * Idea:    a task stores to errno, yields until it is on another thread, and stores again; where
 *          the second store went is asked of a function that no compiler can fold. Without
 *          <rove/errno.h> it goes to the first thread's errno from -O1 on, with gcc and clang.
 */
#include <errno.h>

static int *thread_errno(void);

/* Above the header that gives the name its other meaning. */
__attribute__((noinline)) static int *thread_errno(void)
{
    __asm__ volatile("" ::: "memory");
    return &errno;
}

#include <rove/errno.h>

#include "support/fixture.h"

#include "core/atomic.h"
#include "core/os.h"

struct crowd {
    RV_ATOMIC(uint32_t) is_over;
};

/* Company, so that there is something to steal. */
static int yielder(void *arg, RV_UNUSED void **result)
{
    struct crowd *crowd = arg;
    while (rv_load_relaxed(&crowd->is_over) == 0) {
        int rc = rove_yield();
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int store_around_migration(void)
{
    pid_t first = rv_os_gettid();
    errno = 5;
    int *before = thread_errno();
    RV_REQUIRE_EQ(*before, 5);
    while (rv_os_gettid() == first)
        RV_REQUIRE_EQ(rove_yield(), 0);
    errno = 7;
    RV_EXPECT(thread_errno() != before);
    RV_EXPECT_EQ(*thread_errno(), 7);
    RV_EXPECT_PTR(&errno, thread_errno());
    *thread_errno() = 9;
    RV_EXPECT_EQ(errno, 9);
    return 0;
}

static int migrate(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    struct crowd crowd = {0};
    rove_task *company[3];
    for (size_t i = 0; i < RV_ARRAY_LEN(company); i++)
        company[i] = rove_create_task(yielder, &crowd);
    int rc = store_around_migration();
    rv_store_relaxed(&crowd.is_over, 1u);
    for (size_t i = 0; i < RV_ARRAY_LEN(company); i++)
        RV_EXPECT_EQ(rove_join(company[i], NULL), 0);
    return rc;
}

static void test_errno_after_a_change_of_thread_is_the_new_threads(RV_UNUSED void **state)
{
    rv_test_run_on(2, migrate, NULL);
    rv_test_run_on(3, migrate, NULL);
}

/* A plain thread may use the header too. */
static void test_errno_outside_a_runtime_is_the_threads(RV_UNUSED void **state)
{
    errno = 3;
    assert_int_equal(*thread_errno(), 3);
    assert_ptr_equal(&errno, thread_errno());
    assert_ptr_equal(rove_errno_location(), thread_errno());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_errno_after_a_change_of_thread_is_the_new_threads),
        cmocka_unit_test(test_errno_outside_a_runtime_is_the_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
