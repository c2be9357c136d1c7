// SPDX-License-Identifier: MIT
/*
 * Purpose: a thread that sleeps in the library is struck out, one that has been woken is not.
 * Idea:    the calling thread lists itself, which is all that a sleeping one does before it sleeps.
 */
#include "sched/outside.h"

#include "support/fixture.h"

#include "core/os.h"

static bool is_struck(pid_t tid)
{
    pid_t tids[] = {tid, tid + 1};
    rv_outside_strike(tids, 2);
    assert_int_equal(tids[1], tid + 1); /* nobody else is */
    return tids[0] == 0;
}

static void test_outside_sleeper_is_struck_until_it_is_woken(RV_UNUSED void **state)
{
    struct rv_outsider o;
    struct rv_waiter cell;
    uint64_t changes = rv_outside_changes();
    rv_waiter_init(&cell, NULL);
    rv_outside_watch();
    assert_false(is_struck(rv_os_gettid()));
    assert_true(rv_outside_enter(&o, &cell));
    assert_true(is_struck(rv_os_gettid()));
    rv_waiter_fire(&cell);
    assert_false(is_struck(rv_os_gettid()));
    rv_outside_leave(&o);
    rv_outside_unwatch();
    assert_int_equal(rv_outside_changes(), changes + 2);
}

static void test_outside_nobody_is_listed_while_nobody_looks(RV_UNUSED void **state)
{
    struct rv_outsider o;
    struct rv_waiter cell;
    uint64_t changes = rv_outside_changes();
    rv_waiter_init(&cell, NULL);
    assert_false(rv_outside_enter(&o, &cell));
    assert_int_equal(rv_outside_changes(), changes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_outside_sleeper_is_struck_until_it_is_woken),
        cmocka_unit_test(test_outside_nobody_is_listed_while_nobody_looks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
