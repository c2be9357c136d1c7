// SPDX-License-Identifier: MIT
/*
 * Purpose: many timers: no sleep ends early, no cancelled callback runs, nothing is left.
 * Idea:    the real clock: thousands of deadlines come while others are set, on both back-ends.
 *
 * RV_TEST_TIMERS=1000000 makes it a million, as it was meant; sanitizers take a twentieth.
 */
#include "support/fixture.h"

#include "core/atomic.h"
#include "core/rand.h"

#include <stdlib.h>

enum { SLEEPERS = 5000, SPAN_MS = 20 };

static unsigned wanted(void)
{
    const char *text = getenv("RV_TEST_TIMERS");
    unsigned n = text != NULL ? (unsigned)strtoul(text, NULL, 10) : 200000;
    return RV_ASAN || RV_TSAN ? n / 20 : n;
}

struct sleeper {
    uint64_t seed;
    unsigned sleeps;
};

static int sleep_at_random(void *arg, RV_UNUSED void **result)
{
    const struct sleeper *s = arg;
    struct rv_rand rand;
    rv_rand_seed(&rand, s->seed);
    for (unsigned i = 0; i < s->sleeps; i++) {
        rove_duration d = (rove_duration)rv_rand_below(&rand, (uint32_t)ROVE_MS(SPAN_MS));
        rove_time begun = rove_now();
        RV_REQUIRE_EQ(rove_sleep(d), 0);
        RV_REQUIRE(rove_now() - begun >= d);
    }
    return 0;
}

static int sleep_much(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    static rove_task *tasks[SLEEPERS];
    static struct sleeper sleepers[SLEEPERS];
    for (unsigned i = 0; i < SLEEPERS; i++) {
        sleepers[i] = (struct sleeper){i, wanted() / SLEEPERS};
        tasks[i] = rove_create_task(sleep_at_random, &sleepers[i]);
        RV_REQUIRE(tasks[i] != NULL);
    }
    for (unsigned i = 0; i < SLEEPERS; i++) {
        RV_EXPECT_EQ(rove_join(tasks[i], NULL), 0);
    }
    return 0;
}

/* Goal: many sleeps of random lengths: none is a nanosecond short. */
static void test_timers_sleeps_are_never_early(void **state)
{
    (void)state;
    assert_int_equal(rove_run_with(&(rove_options){.workers = 2}, sleep_much, NULL, NULL), 0);
    rv_test_settle();
}

static RV_ATOMIC(uint32_t) calls;

static void count_call(RV_UNUSED void *ctx)
{
    rv_fetch_add_relaxed(&calls, 1);
}

static int cancel_all(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    unsigned n = wanted();
    struct rv_rand rand;
    rove_handle **handles = malloc(n * sizeof(*handles));
    RV_REQUIRE(handles != NULL);
    rv_rand_seed(&rand, 7);
    for (unsigned i = 0; i < n; i++) {
        rove_duration d = ROVE_SEC(3600) + (rove_duration)rv_rand_below(&rand, UINT32_MAX);
        handles[i] = rove_call_later(d, count_call, NULL);
        RV_REQUIRE(handles[i] != NULL);
    }
    for (unsigned i = 0; i < n; i++) { /* not in the order they came */
        unsigned at = (unsigned)((uint64_t)i * 7919 % n);
        RV_EXPECT(rove_handle_cancel(handles[at]));
        rove_handle_release(handles[at]);
    }
    free(handles);
    RV_EXPECT_EQ(rv_load_relaxed(&calls), 0);
    return 0;
}

/* Goal: many callbacks, all cancelled: none runs, and the runtime ends at once, with no byte
 * left of them. */
static void test_timers_cancelled_leave_nothing(void **state)
{
    (void)state;
    rv_test_run_on(2, cancel_all, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_timers_sleeps_are_never_early),
        cmocka_unit_test(test_timers_cancelled_leave_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
