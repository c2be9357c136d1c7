// SPDX-License-Identifier: MIT
/*
 * Purpose: the last handle of a future is dropped right after it was set, while others still wait
 *          for it inside a call.
 * Idea:    a waiter is woken by the setter but has not run when the handle goes. What it then reads
 *          must be the future's outcome, not what took its memory over: many futures with another
 *          outcome are made at once to take it.
 */
#include "support/fixture.h"

#define FAILED_APP (-5001)
#define LATER 32

static int value;

static int by_await(void *f, void **result)
{
    return rove_await(f, result);
}

static int by_gather(void *f, void **result)
{
    rove_future *fs[] = {f};
    return rove_gather(1, fs, result);
}

static int by_outcomes(void *f, void **result)
{
    rove_future *fs[] = {f};
    rove_outcome outcome = {0};
    int rc = rove_gather_outcomes(1, fs, &outcome);
    *result = outcome.result;
    return rc < 0 ? rc : outcome.error;
}

static int by_wait(void *f, void **result)
{
    rove_future *fs[] = {f};
    bool done[] = {false};
    ssize_t n = rove_wait(1, fs, ROVE_ALL_COMPLETED, ROVE_FOREVER, done);
    *result = done[0] ? &value : NULL;
    return n == 1 ? 0 : FAILED_APP;
}

static int by_wait_for(void *f, void **result)
{
    return rove_wait_for(f, ROVE_SEC(1000), result);
}

static int by_select(void *f, void **result)
{
    rove_select_case arm = {.op = ROVE_AWAIT, .future = f, .element = result};
    int index = rove_select(1, &arm, ROVE_FOREVER);
    return index < 0 ? index : arm.error;
}

static void set_and_drop(rove_future *f)
{
    rove_future *later[LATER];
    RV_EXPECT_EQ(rove_set_result(f, &value), 0);
    rove_release(f);
    for (int i = 0; i < LATER; i++) {
        later[i] = rove_create_future();
        RV_EXPECT_EQ(rove_set_error(later[i], FAILED_APP), 0);
    }
    for (int i = 0; i < LATER; i++) {
        rove_release(later[i]);
    }
}

static bool all_wait(size_t n, rove_task *const tasks[])
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        void *pc[1];
        count += rove_task_stack(tasks[i], pc, 1); /* 0 until it is suspended */
    }
    return count == n;
}

RV_TASK_TEST(test_held_future_is_read_though_its_handle_was_dropped)
{
    static rove_coro *const kinds[] = {by_await, by_gather,   by_outcomes,
                                       by_wait,  by_wait_for, by_select};
    for (size_t k = 0; k < RV_ARRAY_LEN(kinds); k++) {
        rove_future *f = rove_create_future();
        rove_task *waiters[] = {rove_create_task(kinds[k], f), rove_create_task(kinds[k], f)};
        while (!all_wait(RV_ARRAY_LEN(waiters), waiters)) {
            RV_REQUIRE_EQ(rove_yield(), 0);
        }
        set_and_drop(f);
        for (size_t i = 0; i < RV_ARRAY_LEN(waiters); i++) {
            void *got = NULL;
            RV_EXPECT_EQ(rove_join(waiters[i], &got), 0);
            RV_EXPECT_PTR(got, &value);
        }
    }
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_held_future_is_read_though_its_handle_was_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
