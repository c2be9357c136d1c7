// SPDX-License-Identifier: MIT
/*
 * Purpose: sched/debug_step.c: what debug mode says when a task stops running, and how often.
 * Idea:    a step is slow when the bound is a nanosecond; locks are counted by the test itself in
 *          place of librove_lockwatch.
 */
#include "support/fixture.h"
#include "support/journal.h"

#include "core/clock.h"
#include "sched/current.h"
#include "sched/debug.h"
#include "sched/runtime.h"

#include <fenv.h>
#include <pthread.h>
#include <signal.h>

unsigned rove_lockwatch_held(void);

static struct rv_journal journal;
static RV_ATOMIC(unsigned) held_locks;

/* Called by the library at each step: what librove_lockwatch would answer. */
unsigned rove_lockwatch_held(void)
{
    return rv_load_relaxed(&held_locks);
}

static void run_in_debug(unsigned workers, rove_duration slow_step, rove_coro *body)
{
    rove_options options = {.workers = workers, .debug = true, .slow_step = slow_step};
    rv_journal_open(&journal, &options);
    int rc = rove_run_with(&options, body, NULL, NULL);
    rv_test_settle();
    assert_int_equal(rc, 0);
}

static int child(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    return rove_yield();
}

static void name_self(const char *name)
{
    rove_set_name(rove_current_task(), name);
}

static int slow_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    name_self("snail");
    int64_t until = rv_clock_now() + 10;
    while (rv_clock_now() < until) {
    }
    (void)rove_yield();
    return 0;
}

/* Goal: a step over the bound is named with where it ended: the line of the user's function, and
 * the end of the task. */
static void test_debug_step_slow_steps_are_named(void **state)
{
    (void)state;
    RV_FOR_EACH_WORKERS(workers) {
        run_in_debug(workers, 1, slow_body);
        assert_int_equal(rv_journal_count(&journal, "task snail ran for"), 2);
        assert_int_equal(rv_journal_count(&journal, "without suspending, until slow_body"), 1);
        assert_int_equal(rv_journal_count(&journal, "until its end"), 1);
    }
}

/* Goal: with a bound that no step reaches nothing is said. */
static void test_debug_step_short_steps_are_silent(void **state)
{
    (void)state;
    run_in_debug(2, ROVE_SEC(1000), slow_body);
    assert_int_equal(rv_journal_count(&journal, "ran for"), 0);
    assert_int_equal(rv_journal_count(&journal, "suspends"), 0);
}

static int mask_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    sigset_t set;
    sigset_t before;
    name_self("masker");
    sigemptyset(&set);
    sigaddset(&set, SIGURG);
    sigaddset(&set, SIGALRM);
    RV_REQUIRE_EQ(pthread_sigmask(SIG_UNBLOCK, &set, &before), 0);
    for (int i = 0; i < 5; i++)
        (void)rove_yield();
    RV_REQUIRE_EQ(pthread_sigmask(SIG_SETMASK, &before, NULL), 0);
    return 0;
}

/* Goal: a changed signal mask is said once for each change, not at every switch. */
static void test_debug_step_changed_mask_is_said_once(void **state)
{
    (void)state;
    run_in_debug(1, ROVE_SEC(1000), mask_body);
    assert_int_equal(rv_journal_count(&journal, "task masker changed the signal mask"), 2);
    assert_int_equal(rv_journal_count(&journal, "stays with the thread, and suspends"), 1);
    assert_int_equal(rv_journal_count(&journal, "stays with the thread, and ended"), 1);
}

static int lock_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    name_self("holder");
    (void)rove_yield();
    rv_store_relaxed(&held_locks, 1u); /* taken in this step, and held over the switch */
    (void)rove_yield();
    (void)rove_yield(); /* this step began with it */
    rv_store_relaxed(&held_locks, 0u);
    (void)rove_yield();
    rv_store_relaxed(&held_locks, 2u);
    rv_store_relaxed(&held_locks, 0u); /* given back in time */
    return 0;
}

/* Goal: a lock that a task took and holds over a switch is said, where it was taken. */
static void test_debug_step_lock_over_a_switch_is_said(void **state)
{
    (void)state;
    run_in_debug(1, ROVE_SEC(1000), lock_body);
    assert_int_equal(rv_journal_count(&journal, "task holder holds a lock"), 1);
    assert_int_equal(rv_journal_count(&journal, "(pthread_mutex_t), and suspends"), 1);
}

static int round_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    name_self("rounder");
    RV_REQUIRE_EQ(fesetround(FE_UPWARD), 0);
    (void)rove_yield();
    (void)rove_yield();
    RV_REQUIRE_EQ(fesetround(FE_DOWNWARD), 0);
    (void)rove_yield();
    RV_REQUIRE_EQ(fesetround(FE_TONEAREST), 0);
    (void)rove_yield();
    RV_REQUIRE_EQ(fesetround(FE_UPWARD), 0);
    return 0; /* at its end a mode of its own is nobody's concern */
}

/* Goal: each odd floating-point mode with which a task suspends is said once. */
static void test_debug_step_odd_rounding_is_said_once(void **state)
{
    (void)state;
    run_in_debug(1, ROVE_SEC(1000), round_body);
    assert_int_equal(rv_journal_count(&journal, "task rounder computes with a rounding mode"), 2);
}

static int stuck_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    struct rv_worker *w = rv_current_worker();
    struct rv_task *self = rv_current_task();
    name_self("stone");
    rv_debug_report_stuck(w, 12345678);
    RV_EXPECT_EQ(rv_journal_count(&journal, "task stone has kept worker 0 for 12 ms"), 1);
    uint64_t refs = rv_state_refs(rv_load_relaxed(&self->future.state));
    rv_store_relaxed(&w->current, NULL); /* between tasks: there is nobody to name */
    rv_debug_report_stuck(w, 99999999);
    rv_store_relaxed(&w->current, self);
    RV_EXPECT_EQ(rv_journal_count(&journal, "has kept worker"), 1);
    RV_EXPECT_EQ(rv_state_refs(rv_load_relaxed(&self->future.state)), refs);
    rove_task *t = rove_create_task(child, NULL);
    RV_REQUIRE_EQ(rove_await(t, NULL), 0);
    rv_store_relaxed(&w->current, (struct rv_task *)(void *)t); /* a dead one is not named */
    rv_debug_report_stuck(w, 99999999);
    rv_store_relaxed(&w->current, self);
    RV_EXPECT_EQ(rv_journal_count(&journal, "has kept worker"), 1);
    rove_release(t);
    return 0;
}

/* Goal: the task that keeps a worker is named if it is still that one, and no reference is left. */
static void test_debug_step_stuck_worker_names_its_task(void **state)
{
    (void)state;
    run_in_debug(1, ROVE_SEC(1000), stuck_body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_debug_step_slow_steps_are_named),
        cmocka_unit_test(test_debug_step_short_steps_are_silent),
        cmocka_unit_test(test_debug_step_changed_mask_is_said_once),
        cmocka_unit_test(test_debug_step_lock_over_a_switch_is_said),
        cmocka_unit_test(test_debug_step_odd_rounding_is_said_once),
        cmocka_unit_test(test_debug_step_stuck_worker_names_its_task),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
