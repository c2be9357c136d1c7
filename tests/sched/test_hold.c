// SPDX-License-Identifier: MIT
/*
 * Purpose: sched/hold.h: in debug mode a mutex that is held for more than a second is named while
 *          it is held, once, and one that is never unlocked when the runtime stops.
 * Idea:    the clock is the test's; what is logged is counted by its words. A task that waits to
 *          be named yields, so that its worker looks at the clock again and again.
 */
#include "support/fixture.h"

#include "core/atomic.h"
#include "core/clock.h"
#include "core/os.h"

#include <errno.h>
#include <string.h>
#include <syslog.h>

enum { TASKS = 20, PATIENCE = 1000000 /* yields; arbitrary */, SLOWER = 5 };

static RV_ATOMIC(int64_t) clock_ns;
static RV_ATOMIC(int64_t) began_ns; /* 0: the clock moves by advance only */

static int64_t own_clock(void)
{
    int64_t began = rv_load_relaxed(&began_ns);
    return rv_load_relaxed(&clock_ns) + (began == 0 ? 0 : (rv_os_clock_ns() - began) / SLOWER);
}

static void advance(int64_t ns)
{
    (void)rv_fetch_add_relaxed(&clock_ns, ns);
}

struct log {
    RV_ATOMIC(int) still, was, never, deadlock;
};

static void count(void *ctx, int level, const char *message)
{
    struct log *log = ctx;
    if (level > LOG_WARNING || strstr(message, "mutex") == NULL) {
        (void)rv_fetch_add_relaxed(&log->deadlock,
                                   strstr(message, "every task waits") != NULL ? 1 : 0);
        return;
    }
    (void)rv_fetch_add_relaxed(&log->still, strstr(message, "and still is") != NULL ? 1 : 0);
    (void)rv_fetch_add_relaxed(&log->was, strstr(message, "was held for") != NULL ? 1 : 0);
    (void)rv_fetch_add_relaxed(&log->never, strstr(message, "never unlocked") != NULL ? 1 : 0);
}

static int run(struct log *log, unsigned workers, bool deadlock_error, rove_coro *body, void *arg)
{
    rove_options options = {.workers = workers,
                            .debug = true,
                            .deadlock_error = deadlock_error,
                            .log = count,
                            .log_ctx = log};
    rv_store_relaxed(&clock_ns, rv_os_clock_ns());
    rv_clock_set_source(own_clock);
    int rc = rove_run_with(&options, body, arg, NULL);
    rv_clock_set_source(NULL);
    rv_test_settle();
    return rc;
}

/* True: there are n; false: they did not come. */
static bool wait_for(RV_ATOMIC(int) *counter, int n)
{
    for (int i = 0; i < PATIENCE && rv_load_relaxed(counter) < n; i++)
        (void)rove_yield();
    return rv_load_relaxed(counter) == n;
}

static int forget(void *arg, RV_UNUSED void **result)
{
    struct log *log = arg;
    static rove_mutex forgotten;
    forgotten = (rove_mutex){0};
    RV_REQUIRE_EQ(rove_mutex_lock(&forgotten), 0);
    advance(ROVE_MS(999));
    for (int i = 0; i < 1000; i++)
        (void)rove_yield();
    RV_EXPECT_EQ(rv_load_relaxed(&log->still), 0);
    advance(ROVE_MS(2));
    RV_EXPECT(wait_for(&log->still, 1));
    advance(ROVE_SEC(5));
    for (int i = 0; i < 1000; i++)
        (void)rove_yield();
    return 0;
}

/* Goal: a mutex that its owner never unlocks is named after a second, once, and at the end. */
static void test_hold_never_unlocked_is_named_while_held(void **state)
{
    (void)state;
    RV_FOR_EACH_WORKERS (workers) {
        struct log log = {0};
        assert_int_equal(run(&log, workers, false, forget, &log), 0);
        assert_int_equal(rv_load_relaxed(&log.still), 1);
        assert_int_equal(rv_load_relaxed(&log.was), 0);
        assert_int_equal(rv_load_relaxed(&log.never), 1);
    }
}

static int hold_in_turn(void *arg, RV_UNUSED void **result)
{
    rove_mutex *m = arg;
    RV_REQUIRE_EQ(rove_mutex_lock(m), 0);
    advance(ROVE_MS(600));
    (void)rove_yield();
    rove_mutex_unlock(m);
    return 0;
}

static int hold_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    rove_mutex m = {0};
    rove_task *tasks[TASKS];
    for (int i = 0; i < TASKS; i++)
        tasks[i] = rove_create_task(hold_in_turn, &m);
    for (int i = 0; i < TASKS; i++)
        RV_EXPECT_EQ(rove_join(tasks[i], NULL), 0);
    return 0;
}

/* Goal: a mutex that is locked for many seconds, but by nobody for one, is not named: each
 * hand-over begins anew. One worker, as the clock is everybody's. */
static void test_hold_handed_over_begins_anew(void **state)
{
    struct log log = {0};
    (void)state;
    assert_int_equal(run(&log, 1, false, hold_body, NULL), 0);
    assert_int_equal(rv_load_relaxed(&log.still), 0);
    assert_int_equal(rv_load_relaxed(&log.was), 0);
    assert_int_equal(rv_load_relaxed(&log.never), 0);
}

struct late {
    struct log *log;
    rove_mutex mutex;
};

static int hold_late(void *arg, RV_UNUSED void **result)
{
    struct late *late = arg;
    RV_REQUIRE_EQ(rove_mutex_lock(&late->mutex), 0);
    advance(ROVE_SEC(2));
    RV_EXPECT(wait_for(&late->log->still, 1));
    rove_mutex_unlock(&late->mutex);
    return 0;
}

/* Goal: named while it is held, and with the whole time when it is unlocked. */
static void test_hold_unlocked_late_is_named_twice(void **state)
{
    (void)state;
    RV_FOR_EACH_WORKERS (workers) {
        struct log log = {0};
        struct late late = {.log = &log};
        assert_int_equal(run(&log, workers, false, hold_late, &late), 0);
        assert_int_equal(rv_load_relaxed(&log.still), 1);
        assert_int_equal(rv_load_relaxed(&log.was), 1);
        assert_int_equal(rv_load_relaxed(&log.never), 0);
    }
}

static int wait_holding(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    rove_mutex m = {0};
    rove_event never = {0};
    RV_REQUIRE_EQ(rove_mutex_lock(&m), 0);
    RV_EXPECT_EQ(rove_event_wait(&never), -ECANCELED);
    rove_mutex_unlock(&m);
    return 0;
}

/* Goal: the timer that watches a mutex wakes no task, so it does not hide a deadlock. The clock is
 * slow: a deadlock is found after 20 ms, and that timer is due after seconds. */
static void test_hold_does_not_hide_a_deadlock(void **state)
{
    struct log log = {0};
    (void)state;
    rv_store_relaxed(&began_ns, rv_os_clock_ns());
    assert_int_equal(run(&log, 2, true, wait_holding, NULL), -EDEADLK);
    assert_int_equal(rv_load_relaxed(&log.deadlock), 1);
    assert_int_equal(rv_load_relaxed(&log.still), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hold_never_unlocked_is_named_while_held),
        cmocka_unit_test(test_hold_handed_over_begins_anew),
        cmocka_unit_test(test_hold_unlocked_late_is_named_twice),
        cmocka_unit_test(test_hold_does_not_hide_a_deadlock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
