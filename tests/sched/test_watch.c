// SPDX-License-Identifier: MIT
/*
 * Purpose: sched/watch.h: who is helped, with what, how often somebody looks, who watches.
 * Idea:    a runtime that stands still: a worker is stuck when the test does not count its steps.
 *          Time is what the test says it is.
 */
#include "support/fixture.h"
#include "support/still.h"

#include "sched/ready.h"
#include "sched/watch.h"

#define LOOK_NS 200000 /* more than any interval between looks of a busy worker */

static struct rv_still still;
static struct rv_task tasks[8];
static int64_t now_ns;

static void open_runtime(unsigned workers)
{
    assert_int_equal(rv_still_init(&still, workers), 0);
    for (size_t i = 0; i < RV_ARRAY_LEN(tasks); i++)
        rv_still_task(&still, &tasks[i], 0);
    for (unsigned i = 0; i < workers; i++)
        rv_store_relaxed(&still.workers[i].is_running, 1u);
    now_ns = 1000000000;
}

/* Worker `from` looks around after a while in which those whose bit is set made a step. */
static unsigned look(unsigned from, unsigned moved)
{
    now_ns += LOOK_NS;
    for (unsigned i = 0; i < still.runtime.worker_count; i++)
        rv_count(&still.workers[i].step, (moved >> i) & 1);
    struct rv_worker *w = rv_still_play(&still, from);
    w->now_ns = now_ns;
    return rv_watch_poll(w, now_ns);
}

static void empty(unsigned i)
{
    struct rv_worker *w = rv_still_play(&still, i);
    while (rv_ready_pick_fair(w) != NULL) {
    }
}

static RV_ATOMIC(unsigned) rings;

static void ring(RV_UNUSED struct rv_timer *t)
{
    (void)rv_fetch_add_relaxed(&rings, 1u);
}

/* Goal: what waits behind a step that takes too long is taken over: the private task, the one
 * parent, a due timer, completions; and the stuck one is asked to look around. */
static void test_watch_stuck_worker_is_helped(void **state)
{
    struct rv_timer timer;
    (void)state;
    open_runtime(2);
    rv_store_relaxed(&rings, 0u);
    struct rv_worker *stuck = rv_still_play(&still, 1);
    rv_store_relaxed(&stuck->current, &tasks[0]);
    rv_ready_push_local(stuck, &tasks[1]);
    rv_ready_push_cont(stuck, &tasks[2]);
    rv_heap_node_init(&timer.node);
    assert_int_equal(rv_timer_arm(&timer, now_ns + 1, ring), 0);
    (void)look(0, 3); /* the first look learns the steps */
    assert_int_equal(still.rescued[1], 0);
    assert_int_equal(look(0, 1), 3);
    assert_int_equal(rv_load_relaxed(&rings), 1);
    assert_int_equal(still.rescued[1], 1);
    assert_int_equal(rv_load_relaxed(&stuck->is_wanted), 1);
    assert_int_equal(rv_load_relaxed(&still.workers[0].count.rescues), 3);
    assert_true(rv_ready_is_empty(stuck));
    assert_false(rv_ready_is_empty(&still.workers[0]));
    empty(0);
    rv_still_fini(&still);
}

/* Goal: who moves, or sleeps, keeps what it has. */
static void test_watch_moving_or_sleeping_worker_is_left_alone(void **state)
{
    (void)state;
    open_runtime(3);
    rv_ready_push_local(rv_still_play(&still, 1), &tasks[0]);
    rv_ready_push_local(rv_still_play(&still, 2), &tasks[1]);
    rv_store_relaxed(&still.workers[2].is_running, 0u);
    (void)look(0, 7);
    for (int i = 0; i < 5; i++)
        assert_int_equal(look(0, 3), 0);
    assert_int_equal(still.rescued[1] + still.rescued[2], 0);
    assert_int_equal(rv_load_relaxed(&still.workers[1].is_wanted), 0);
    empty(1);
    empty(2);
    rv_still_fini(&still);
}

/* Goal: a victim inside its own section keeps its private tasks, and a full backlog is taken in
 * parts. */
static void test_watch_overflow_is_taken_and_the_section_respected(void **state)
{
    static struct rv_task many[RV_RUNQ_CAPACITY + 8];
    (void)state;
    open_runtime(2);
    struct rv_worker *stuck = rv_still_play(&still, 1);
    for (size_t i = 0; i < RV_ARRAY_LEN(many); i++) {
        rv_still_task(&still, &many[i], 0);
        rv_ready_push_local(stuck, &many[i]);
    }
    (void)look(0, 3);
    rv_bias_owner_enter(&stuck->bias);
    assert_int_equal(look(0, 1), 0);
    rv_bias_owner_leave(&stuck->bias);
    unsigned taken = look(0, 1);
    assert_true(taken >= 1 && taken <= 1 + RV_RUNQ_BATCH + RV_RUNQ_CAPACITY / 2);
    unsigned n = 0;
    struct rv_worker *w = rv_still_play(&still, 0);
    while (rv_ready_pick_fair(w) != NULL)
        n++;
    assert_int_equal(n, taken);
    empty(1);
    rv_still_fini(&still);
}

/* Goal: a busy worker looks at most once in its interval, and one of them at a time. */
static void test_watch_looks_are_rare_and_never_wait(void **state)
{
    struct rv_watch *watch = &still.runtime.watch;
    (void)state;
    open_runtime(2);
    (void)look(0, 3);
    (void)look(0, 0);
    assert_int_equal(still.rescued[1], 1);
    struct rv_worker *w = rv_still_play(&still, 0);
    assert_int_equal(rv_watch_poll(w, now_ns + 1), 0); /* too early */
    assert_int_equal(still.rescued[1], 1);
    assert_true(rv_lock_try(&watch->lock));
    assert_int_equal(rv_watch_poll(w, now_ns + 2 * LOOK_NS), 0); /* somebody else is at it */
    rv_lock_release(&watch->lock);
    assert_int_equal(still.rescued[1], 1);
    (void)look(0, 0);
    assert_int_equal(still.rescued[1], 2);
    rv_still_fini(&still);
}

/* Goal: while all is well an idle watcher's interval doubles up to a bound; a stuck worker makes it
 * short again. */
static void test_watch_interval_doubles_while_all_is_well(void **state)
{
    RV_ATOMIC(int64_t) *interval = &still.runtime.watch.interval_ns;
    (void)state;
    open_runtime(2);
    int64_t least = rv_load_relaxed(interval);
    int64_t before = least;
    (void)look(0, 3);
    while (rv_load_relaxed(interval) == 2 * before) {
        before = rv_load_relaxed(interval);
        (void)look(0, 3);
    }
    int64_t most = rv_load_relaxed(interval);
    assert_true(most > 10 * least && most < 2 * before);
    (void)look(0, 3);
    assert_int_equal(rv_load_relaxed(interval), most);
    (void)look(0, 1);
    assert_int_equal(rv_load_relaxed(interval), least);
    rv_still_fini(&still);
}

/* Goal: one sleeper watches while somebody is awake: it alone sleeps with a bound; when all sleep
 * nobody watches. */
static void test_watch_one_sleeper_watches_while_others_are_awake(void **state)
{
    struct rv_idle *idle = &still.runtime.idle;
    (void)state;
    open_runtime(3);
    rv_idle_announce(&still.workers[0]);
    int64_t until = rv_watch_begin(&still.workers[0], now_ns, INT64_MAX);
    assert_true(until > now_ns && until < INT64_MAX);
    assert_true(still.workers[0].is_watching);
    assert_int_equal(rv_watch_begin(&still.workers[0], now_ns, now_ns + 5), now_ns + 5);
    rv_idle_announce(&still.workers[1]);
    assert_true(rv_watch_begin(&still.workers[1], now_ns, INT64_MAX) == INT64_MAX);
    assert_false(still.workers[1].is_watching);
    rv_watch_end(&still.workers[1]); /* not its office */
    assert_int_equal(rv_load_relaxed(&idle->watching), 1);
    still.workers[0].now_ns = now_ns;
    rv_watch_end(&still.workers[0]);
    assert_int_equal(rv_load_relaxed(&idle->watching), 0);
    assert_false(still.workers[0].is_watching);
    rv_idle_announce(&still.workers[2]);
    assert_true(rv_watch_begin(&still.workers[2], now_ns, INT64_MAX) == INT64_MAX);
    assert_int_equal(rv_load_relaxed(&idle->watching), 0);
    rv_still_fini(&still);
}

/* Goal: a watcher that wakes looks before it gives up its office. */
static void test_watch_end_looks_first(void **state)
{
    (void)state;
    open_runtime(2);
    (void)look(0, 3);
    struct rv_worker *w = rv_still_play(&still, 0);
    rv_idle_announce(w);
    (void)rv_watch_begin(w, now_ns, INT64_MAX);
    rv_ready_push_local(rv_still_play(&still, 1), &tasks[0]);
    rv_idle_retract(w);
    rv_still_play(&still, 0);
    w->now_ns = now_ns + LOOK_NS;
    rv_watch_end(w);
    assert_int_equal(still.rescued[1], 1);
    assert_ptr_equal(rv_ready_pick_fair(w), &tasks[0]);
    rv_still_fini(&still);
}

/* Goal: who leaves something behind while others sleep and nobody watches goes through its loop
 * before the next task; and a sleeper is wanted only for private tasks of others. */
static void test_watch_tells_when_nobody_would_look(void **state)
{
    struct rv_idle *idle = &still.runtime.idle;
    (void)state;
    open_runtime(2);
    struct rv_worker *w = rv_still_play(&still, 0);
    w->tick = 50;
    rv_watch_left_behind(w); /* nobody sleeps */
    assert_int_equal(w->tick, 50);
    assert_false(rv_watch_is_off(w));
    rv_idle_announce(&still.workers[1]);
    assert_true(rv_watch_is_off(w));
    rv_store_relaxed(&idle->watching, 1u);
    rv_watch_left_behind(w);
    assert_int_equal(w->tick, 50);
    assert_false(rv_watch_is_needed(&still.workers[1]));
    rv_store_relaxed(&idle->watching, 0u);
    rv_watch_left_behind(w);
    assert_int_equal(w->tick, 1);
    assert_false(rv_watch_is_needed(&still.workers[1]));
    rv_ready_push_local(w, &tasks[0]);
    assert_true(rv_watch_is_needed(&still.workers[1]));
    assert_false(rv_watch_is_needed(w)); /* its own it runs itself */
    rv_store_relaxed(&idle->watching, 1u);
    assert_false(rv_watch_is_needed(&still.workers[1]));
    empty(0);
    rv_still_fini(&still);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_watch_stuck_worker_is_helped),
        cmocka_unit_test(test_watch_moving_or_sleeping_worker_is_left_alone),
        cmocka_unit_test(test_watch_overflow_is_taken_and_the_section_respected),
        cmocka_unit_test(test_watch_looks_are_rare_and_never_wait),
        cmocka_unit_test(test_watch_interval_doubles_while_all_is_well),
        cmocka_unit_test(test_watch_one_sleeper_watches_while_others_are_awake),
        cmocka_unit_test(test_watch_end_looks_first),
        cmocka_unit_test(test_watch_tells_when_nobody_would_look),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
