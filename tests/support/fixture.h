// SPDX-License-Identifier: MIT
/*
 * Purpose: run the body of a test as the first task of runtimes of 1, 2, 3 and 8 workers, and see
 *          that each leaves nothing behind: no descriptor, no thread, no byte.
 * Idea:    cmocka's asserts jump to the main thread's stack and so must not be used in a task. The
 *          RV_EXPECT macros print both values and count; RV_REQUIRE ones also leave the coroutine.
 *          The runner, on the main thread, then fails the test.
 *
 *              RV_TASK_TEST(test_mutex_free_lock_succeeds)
 *              {
 *                  rove_mutex m = {0};
 *                  RV_REQUIRE_EQ(rove_mutex_lock(&m), 0);
 *                  rove_mutex_unlock(&m);
 *                  return 0;
 *              }
 *
 * Threads: the RV_EXPECT and RV_REQUIRE macros anywhere; all else on the main thread.
 */
#ifndef RV_TESTS_FIXTURE_H
#define RV_TESTS_FIXTURE_H

#include <rove.h>

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "core/base.h"

/* What a coroutine returns when an RV_REQUIRE in it failed: the application's range. */
#define RV_TEST_FAILED (-9999)

/* A deadline that comes by itself and at once: for who asks what it does. When it does so is asked
 * on the virtual clock, tests/sim/test_scopes.c, and of the real one only in test_sleep.c, by the
 * tests named never_early and in test_timers.c. */
#define RV_TEST_SOON ROVE_US(1)

#define RV_FOR_EACH_WORKERS(workers)                                       \
    for (unsigned workers = rv_test_next_workers(0); workers != 0;         \
         workers = rv_test_next_workers(workers))

/* 0 gives the first count, the last gives 0. RV_TEST_WORKERS=64 makes 64 the only one. */
unsigned rv_test_next_workers(unsigned workers);

/* A cmocka test whose body is a coroutine, run once for each number of workers. */
#define RV_TASK_TEST(name)                                                 \
    static int name##_body(void *arg, void **result);                      \
    static void name(void **state)                                         \
    {                                                                      \
        (void)state;                                                       \
        rv_test_run(name##_body, NULL);                                    \
    }                                                                      \
    static int name##_body(RV_UNUSED void *arg, RV_UNUSED void **result)

/* Each fails the cmocka test unless body returns 0, no expectation failed and nothing is left.
 * Where bytes seem to be left the body runs again: caches of the process fill once, leaks grow. */
void rv_test_run(rove_coro *body, void *arg);
void rv_test_run_on(unsigned workers, rove_coro *body, void *arg);
void rv_test_run_with(const rove_options *options, rove_coro *body, void *arg);

/* Fails the cmocka test if an expectation failed since the last call. */
void rv_test_settle(void);

struct rv_test_usage {
    long descriptors;
    long threads;
    size_t bytes; /* on the heap; 0 under sanitizers, which have leak checks of their own */
};

void rv_test_usage_read(struct rv_test_usage *usage);
/* Waits (bounded) for threads and rings that are on their way out, then compares. Bytes are the
 * caller's to judge. Fails the cmocka test. */
void rv_test_usage_check(const struct rv_test_usage *before);

#define RV_EXPECT(cond) rv_test_expect(__FILE__, __LINE__, #cond, (cond))
#define RV_EXPECT_EQ(actual, expected)                                     \
    rv_test_expect_eq(__FILE__, __LINE__, #actual, #expected, (long long)(actual), \
                      (long long)(expected))
#define RV_EXPECT_PTR(actual, expected)                                    \
    rv_test_expect_ptr(__FILE__, __LINE__, #actual, #expected, (actual), (expected))
#define RV_EXPECT_STR(actual, expected)                                    \
    rv_test_expect_str(__FILE__, __LINE__, #actual, #expected, (actual), (expected))

#define RV_REQUIRE_THAT(expectation)                                       \
    do {                                                                   \
        if (!(expectation))                                                \
            return RV_TEST_FAILED;                                         \
    } while (0)
#define RV_REQUIRE(cond) RV_REQUIRE_THAT(RV_EXPECT(cond))
#define RV_REQUIRE_EQ(actual, expected) RV_REQUIRE_THAT(RV_EXPECT_EQ(actual, expected))
#define RV_REQUIRE_PTR(actual, expected) RV_REQUIRE_THAT(RV_EXPECT_PTR(actual, expected))
#define RV_REQUIRE_STR(actual, expected) RV_REQUIRE_THAT(RV_EXPECT_STR(actual, expected))

bool rv_test_expect(const char *file, int line, const char *what, bool holds);
bool rv_test_expect_eq(const char *file, int line, const char *what, const char *other,
                       long long actual, long long expected);
bool rv_test_expect_ptr(const char *file, int line, const char *what, const char *other,
                        const void *actual, const void *expected);
bool rv_test_expect_str(const char *file, int line, const char *what, const char *other,
                        const char *actual, const char *expected);

#endif
