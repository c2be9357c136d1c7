// SPDX-License-Identifier: MIT
/*
 * Purpose: the last handle of a future, channel or watch is dropped right after it was set or
 *          closed, while others still wait inside a call.
 * Idea:    a waiter is woken by the setter but has not run when the handle goes. What it then reads
 *          must be the future's outcome, not what took its memory over: many futures with another
 *          outcome are made at once to take it.
 */
#include "support/fixture.h"

#include <stdlib.h>

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

static int wait_until_all_wait(size_t n, rove_task *const tasks[])
{
    while (!all_wait(n, tasks)) {
        RV_REQUIRE_EQ(rove_yield(), 0);
    }
    return 0;
}

RV_TASK_TEST(test_held_future_is_read_though_its_handle_was_dropped)
{
    static rove_coro *const kinds[] = {by_await, by_gather,   by_outcomes,
                                       by_wait,  by_wait_for, by_select};
    for (size_t k = 0; k < RV_ARRAY_LEN(kinds); k++) {
        rove_future *f = rove_create_future();
        rove_task *waiters[] = {rove_create_task(kinds[k], f), rove_create_task(kinds[k], f)};
        RV_REQUIRE_EQ(wait_until_all_wait(RV_ARRAY_LEN(waiters), waiters), 0);
        set_and_drop(f);
        for (size_t i = 0; i < RV_ARRAY_LEN(waiters); i++) {
            void *got = NULL;
            RV_EXPECT_EQ(rove_join(waiters[i], &got), 0);
            RV_EXPECT_PTR(got, &value);
        }
    }
    return 0;
}

static int by_select_of_a_channel(void *chan, RV_UNUSED void **result)
{
    int element;
    rove_select_case arm = {.op = ROVE_RECV, .chan = chan, .element = &element};
    RV_EXPECT_EQ(rove_select(1, &arm, ROVE_FOREVER), 0);
    return arm.error;
}

static int by_recv(void *chan, RV_UNUSED void **result)
{
    int element;
    return rove_chan_recv(chan, &element);
}

static int by_send(void *chan, RV_UNUSED void **result)
{
    return rove_chan_send(chan, &value);
}

static int wait_for_a_version(void *watch, RV_UNUSED void **result)
{
    uint64_t seen = 1;
    return rove_watch_wait(watch, &seen, NULL);
}

/* What the memory is for next shows in the release build, its being freed under the sanitizer. */
static void spoil(void)
{
    void *taken[LATER];
    for (size_t i = 0; i < LATER; i++) {
        taken[i] = malloc(32 + i * 8);
        memset(taken[i], 0xff, 32 + i * 8);
    }
    for (size_t i = 0; i < LATER; i++) {
        free(taken[i]);
    }
}

RV_TASK_TEST(test_held_channel_ends_its_waiters_though_its_handle_was_dropped)
{
    static rove_coro *const kinds[] = {by_select_of_a_channel, by_recv, by_send};
    for (size_t k = 0; k < RV_ARRAY_LEN(kinds); k++) {
        rove_chan *c = rove_chan_create(sizeof(int), 0);
        rove_task *waiters[] = {rove_create_task(kinds[k], c), rove_create_task(kinds[k], c)};
        RV_REQUIRE_EQ(wait_until_all_wait(RV_ARRAY_LEN(waiters), waiters), 0);
        RV_EXPECT_EQ(rove_chan_close(c), 0);
        rove_chan_release(c);
        spoil();
        for (size_t i = 0; i < RV_ARRAY_LEN(waiters); i++) {
            RV_EXPECT_EQ(rove_join(waiters[i], NULL), -EPIPE);
        }
    }
    return 0;
}

RV_TASK_TEST(test_held_watch_ends_its_waiters_though_its_handle_was_dropped)
{
    rove_watch *w = rove_watch_create(sizeof(int), NULL);
    rove_task *waiters[] = {rove_create_task(wait_for_a_version, w),
                            rove_create_task(wait_for_a_version, w)};
    RV_REQUIRE_EQ(wait_until_all_wait(RV_ARRAY_LEN(waiters), waiters), 0);
    RV_EXPECT_EQ(rove_watch_close(w), 0);
    rove_watch_release(w);
    spoil();
    for (size_t i = 0; i < RV_ARRAY_LEN(waiters); i++) {
        RV_EXPECT_EQ(rove_join(waiters[i], NULL), -EPIPE);
    }
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_held_future_is_read_though_its_handle_was_dropped),
        cmocka_unit_test(test_held_channel_ends_its_waiters_though_its_handle_was_dropped),
        cmocka_unit_test(test_held_watch_ends_its_waiters_though_its_handle_was_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
