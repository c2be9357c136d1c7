// SPDX-License-Identifier: MIT
/*
 * Purpose: sched/steal.h and the calm of sched/idle.h: what a thief takes at once, on trial, and
 *          not at all; whom it leaves asleep.
 * Idea:    a runtime that stands still and tasks that cannot run; the test plays both workers.
 *          `trial_at_ns` says whether trials are allowed, so that no clock matters.
 */
#include "support/fixture.h"
#include "support/still.h"

#include "sched/ready.h"
#include "sched/steal.h"

enum { TASKS = 2 * RV_IDLE_MANY, SHORT = 5, VAIN_AT_MOST = 64 };

static struct rv_still still;
static struct rv_task tasks[TASKS];
static struct rv_worker *victim, *thief;

static void open_runtime(void)
{
    assert_int_equal(rv_still_init(&still, 2), 0);
    for (size_t i = 0; i < TASKS; i++)
        rv_still_task(&still, &tasks[i], 0);
    victim = rv_still_play(&still, 0);
    thief = &still.workers[1];
    victim->tick = UINT32_MAX;
    thief->tick = UINT32_MAX;
}

/* The first of them is private to the victim. */
static void queue_tasks(size_t from, size_t n)
{
    rv_current_set_worker(victim);
    for (size_t i = from; i < from + n; i++)
        rv_ready_push_local(victim, &tasks[i]);
}

static struct rv_task *search(void)
{
    rv_current_set_worker(thief);
    rv_idle_start_search(thief);
    struct rv_task *t = rv_steal_search(thief);
    (void)rv_idle_stop_search(thief);
    return t;
}

static size_t drain(struct rv_worker *w)
{
    size_t n = 0;
    rv_current_set_worker(w);
    while (rv_ready_pick(w) != NULL)
        n++;
    return n;
}

static void close_runtime(size_t left)
{
    assert_int_equal(drain(victim) + drain(thief), left);
    rv_still_fini(&still);
}

/* Goal: half of a short queue goes on trial; a trial that is over at once forbids the next one. */
static void test_steal_takes_a_short_queue_on_trial(void **state)
{
    (void)state;
    open_runtime();
    queue_tasks(0, SHORT);
    assert_ptr_equal(search(), &tasks[1]); /* tasks[0] is private */
    assert_int_not_equal(thief->thief.tried_ns, 0);
    assert_false(thief->thief.is_churn);
    assert_int_equal(drain(thief), 1);
    assert_null((drain(victim), search()));
    assert_int_equal(thief->thief.tried_ns, 0);
    assert_int_not_equal(thief->thief.trial_at_ns, 0);
    close_runtime(0);
}

/* Goal: a trial in which a task ended was a good one: the next is allowed at once. */
static void test_steal_goes_on_where_tasks_end(void **state)
{
    (void)state;
    open_runtime();
    queue_tasks(0, SHORT);
    assert_non_null(search());
    rv_count(&thief->count.finished, 1);
    drain(thief);
    assert_non_null(search());
    assert_int_equal(thief->thief.trial_at_ns, 0);
    close_runtime(2);
}

/* Goal: when no trial is allowed, the thief leaves what has just come, and takes what lingers. */
static void test_steal_takes_what_lingers(void **state)
{
    (void)state;
    open_runtime();
    thief->thief.trial_at_ns = INT64_MAX;
    queue_tasks(0, SHORT);
    assert_null(search());
    assert_true(thief->thief.is_churn);
    assert_int_equal(drain(victim), SHORT);
    queue_tasks(SHORT, SHORT); /* others, since */
    assert_null(search());
    assert_true(thief->thief.is_churn);
    assert_ptr_equal(search(), &tasks[SHORT + 1]); /* the same ones */
    assert_int_equal(thief->thief.tried_ns, 0);
    close_runtime(SHORT - 1);
}

/* Goal: a long queue and an eager parent are taken whatever trials have shown. */
static void test_steal_takes_much_work_at_once(void **state)
{
    (void)state;
    open_runtime();
    thief->thief.trial_at_ns = INT64_MAX;
    queue_tasks(0, RV_IDLE_MANY + 1);
    assert_ptr_equal(search(), &tasks[1]);
    assert_int_equal(drain(victim) + drain(thief), RV_IDLE_MANY);
    rv_current_set_worker(victim);
    rv_ready_push_cont(victim, &tasks[TASKS - 1]);
    rv_ready_push_cont(victim, &tasks[TASKS - 2]);
    assert_ptr_equal(search(), &tasks[TASKS - 1]);
    close_runtime(1);
}

/* Goal: who is woken again and again for tasks that are gone when it comes lets their owner be. */
static void test_steal_in_vain_ends_in_a_doze(void **state)
{
    int turns = 0;
    (void)state;
    open_runtime();
    while (!thief->thief.is_churn && turns++ < VAIN_AT_MOST) {
        queue_tasks(0, 2);
        assert_int_equal(drain(victim), 2);
        thief->thief.is_woken = true;
        assert_null(search());
    }
    assert_in_range(turns, 2, VAIN_AT_MOST);
    for (turns = 0; turns < VAIN_AT_MOST; turns++) { /* nor after a doze, while they come and go */
        int64_t until_ns = rv_steal_doze_until(thief, INT64_MAX);
        queue_tasks(0, 2);
        assert_int_equal(drain(victim), 2);
        assert_null(search());
        assert_true(thief->thief.is_churn);
        assert_in_range(rv_steal_doze_until(thief, INT64_MAX), until_ns, 1000000);
    }
    assert_null(search()); /* nothing has moved since */
    assert_false(thief->thief.is_churn);
    close_runtime(0);
}

/* Goal: during a calm a short queue wakes nobody and keeps nobody awake; a long one does both, and
 * so does whatever else makes work visible. */
static void test_steal_calm_leaves_sleepers_alone(void **state)
{
    (void)state;
    open_runtime();
    thief->now_ns = 7;
    rv_idle_announce(thief);
    assert_true(rv_idle_begin_calm(thief));
    queue_tasks(0, SHORT);
    assert_int_equal(still.woken[1], 0);
    assert_false(rv_steal_is_work_visible(thief));
    queue_tasks(SHORT, RV_IDLE_MANY);
    assert_int_equal(still.woken[1], 1);
    assert_true(rv_steal_is_work_visible(thief));
    assert_in_range(rv_steal_doze_until(thief, INT64_MAX), 8, 1000000);
    assert_int_equal(rv_steal_doze_until(thief, 8), 8);
    rv_idle_retract(thief);
    rv_idle_end_calm(thief);
    assert_true(thief->is_searching);
    (void)rv_idle_stop_search(thief);
    rv_idle_announce(thief);
    rv_idle_notify(&still.runtime);
    assert_int_equal(still.woken[1], 2);
    rv_idle_retract(thief);
    (void)rv_idle_stop_search(thief);
    close_runtime(SHORT + RV_IDLE_MANY);
}

/* Goal: who was not woken sleeps on, however tasks come and go. */
static void test_steal_unwoken_does_not_doze(void **state)
{
    (void)state;
    open_runtime();
    for (int i = 0; i < VAIN_AT_MOST; i++) {
        queue_tasks(0, 2);
        assert_int_equal(drain(victim), 2);
        assert_null(search());
        assert_false(thief->thief.is_churn);
    }
    close_runtime(0);
}

/* Goal: one worker dozes at a time. */
static void test_steal_one_dozes(void **state)
{
    (void)state;
    open_runtime();
    rv_idle_announce(thief);
    rv_idle_announce(victim);
    assert_true(rv_idle_begin_calm(thief));
    assert_false(rv_idle_begin_calm(victim));
    rv_idle_retract(victim);
    rv_idle_retract(thief);
    rv_idle_end_calm(thief);
    assert_false(thief->thief.is_dozing);
    (void)rv_idle_stop_search(thief);
    assert_true(rv_idle_begin_calm(victim));
    rv_idle_end_calm(victim);
    (void)rv_idle_stop_search(victim);
    close_runtime(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steal_takes_a_short_queue_on_trial),
        cmocka_unit_test(test_steal_goes_on_where_tasks_end),
        cmocka_unit_test(test_steal_takes_what_lingers),
        cmocka_unit_test(test_steal_takes_much_work_at_once),
        cmocka_unit_test(test_steal_in_vain_ends_in_a_doze),
        cmocka_unit_test(test_steal_calm_leaves_sleepers_alone),
        cmocka_unit_test(test_steal_unwoken_does_not_doze),
        cmocka_unit_test(test_steal_one_dozes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
