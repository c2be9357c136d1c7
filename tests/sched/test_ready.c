// SPDX-License-Identifier: MIT
/*
 * Purpose: sched/ready.h: where a runnable task goes, in which order they come out, who is told.
 * Idea:    a runtime that stands still and tasks that cannot run; the test plays each worker. The
 *          order is the one the header promises: first in first out, through every overflow.
 */
#include "support/fixture.h"
#include "support/still.h"

#include "sched/ready.h"

enum { TASKS = 3 * RV_RUNQ_CAPACITY };

static struct rv_still still;
static struct rv_task tasks[TASKS];

static struct rv_worker *open_runtime(unsigned workers)
{
    assert_int_equal(rv_still_init(&still, workers), 0);
    for (size_t i = 0; i < TASKS; i++)
        rv_still_task(&still, &tasks[i], 0);
    struct rv_worker *w = rv_still_play(&still, 0);
    w->tick = UINT32_MAX;
    return w;
}

static void pin_to(struct rv_task *t, struct rv_worker *home)
{
    t->future.flags = RV_TASK_PINNED;
    t->future.is_started = true;
    t->worker = home;
}

/* A thousand tasks more than the run queue holds come out in the order they went in. */
static void check_overflow(struct rv_worker *w)
{
    assert_true(rv_ready_is_empty(w));
    for (size_t i = 0; i < TASKS; i++)
        rv_ready_push(&tasks[i]);
    assert_false(rv_ready_is_empty(w));
    assert_false(rv_backlog_is_empty(&w->overflow));
    for (size_t i = 0; i < TASKS; i++)
        assert_ptr_equal(rv_ready_pick(w), &tasks[i]);
    assert_null(rv_ready_pick(w));
    assert_true(rv_ready_is_empty(w) && rv_backlog_is_empty(&w->overflow));
}

/* Goal: order, of a lone worker, whose queue has no thieves, and of one of two. */
static void test_ready_is_first_in_first_out_through_the_overflow(void **state)
{
    (void)state;
    for (unsigned workers = 1; workers <= 2; workers++) {
        check_overflow(open_runtime(workers));
        rv_still_fini(&still);
    }
}

/* The overflow comes back while items are queued behind what is claimed. */
static void check_refill(struct rv_worker *w)
{
    const size_t first = 11, gone = 6, all = first + RV_RUNQ_CAPACITY + 176;
    size_t out = 0;
    for (size_t i = 0; i < first; i++)
        rv_ready_push_local(w, &tasks[i]);
    while (out < gone)
        assert_ptr_equal(rv_ready_pick(w), &tasks[out++]);
    for (size_t i = first; i < all; i++)
        rv_ready_push_local(w, &tasks[i]);
    while (out < all)
        assert_ptr_equal(rv_ready_pick(w), &tasks[out++]);
    assert_null(rv_ready_pick(w));
}

/* Goal: a lone worker's queue that has not been empty for 2^32 pushes holds what it holds. Method:
 * the indexes as they are then: what it knew of its oldest slot lies ahead of it. */
static void test_ready_lone_queue_outlives_its_indexes(void **state)
{
    (void)state;
    for (uint32_t ahead = 1; ahead <= RV_RUNQ_CAPACITY; ahead += RV_RUNQ_CAPACITY / 8) {
        struct rv_worker *w = open_runtime(1);
        w->runq.base_seen = ahead;
        check_overflow(w);
        rv_still_fini(&still);
        w = open_runtime(1);
        w->runq.base_seen = ahead;
        check_refill(w);
        rv_still_fini(&still);
    }
}

/* A task that comes while others wait in the overflow goes behind them. */
static void check_newcomers(struct rv_worker *w)
{
    const size_t first = RV_RUNQ_CAPACITY + 10;
    size_t out = 0;
    size_t in = first;
    for (size_t i = 0; i < first; i++)
        rv_ready_push_local(w, &tasks[i]);
    while (out < TASKS) { /* one goes, one comes, as tasks that yield do */
        assert_ptr_equal(rv_ready_pick(w), &tasks[out]);
        out++;
        if (in < TASKS)
            rv_ready_push_local(w, &tasks[in++]);
    }
    assert_null(rv_ready_pick(w));
}

/* Goal: order again, of both kinds. */
static void test_ready_newcomers_queue_behind_the_overflow(void **state)
{
    (void)state;
    for (unsigned workers = 1; workers <= 2; workers++) {
        check_newcomers(open_runtime(workers));
        rv_still_fini(&still);
    }
}

/* Goal: the lone ready task is private: no thief sees it and nobody is woken; the second one is
 * there for all, and a sleeper hears of it. */
static void test_ready_second_task_is_announced(void **state)
{
    struct rv_worker *w = open_runtime(2);
    (void)state;
    rv_idle_announce(&still.workers[1]);
    rv_ready_push_local(w, &tasks[0]);
    assert_int_equal(rv_runq_size_hint(&w->runq), 0);
    assert_int_equal(rv_runq_private_hint(&w->runq), 1);
    assert_int_equal(still.woken[1], 0);
    rv_ready_push_local(w, &tasks[1]);
    assert_int_equal(rv_runq_size_hint(&w->runq), 1);
    assert_int_equal(still.woken[1], 1);
    rv_ready_push_local(w, &tasks[2]); /* it searches already */
    assert_int_equal(still.woken[1], 1);
    for (size_t i = 0; i < 3; i++)
        assert_ptr_equal(rv_ready_pick(w), &tasks[i]);
    rv_still_fini(&still);
}

/* Goal: suspended parents go first, the newest before the older; then who is queued. The fair pick
 * has the same tasks in the same order while nothing is pinned. */
static void test_ready_parents_go_before_the_queue(void **state)
{
    struct rv_worker *w = open_runtime(1);
    (void)state;
    for (int fair = 0; fair < 2; fair++) {
        struct rv_task *(*pick)(struct rv_worker *) = fair ? rv_ready_pick_fair : rv_ready_pick;
        rv_ready_push_local(w, &tasks[0]);
        rv_ready_push_cont(w, &tasks[1]);
        rv_ready_push_cont(w, &tasks[2]);
        assert_false(rv_ready_is_empty(w));
        assert_ptr_equal(pick(w), &tasks[2]);
        assert_ptr_equal(pick(w), &tasks[1]);
        assert_ptr_equal(pick(w), &tasks[0]);
        assert_null(pick(w));
    }
    rv_still_fini(&still);
}

/* Goal: a task that may not move goes to its own worker: at once there, else by its inbox. */
static void test_ready_pinned_task_goes_home(void **state)
{
    struct rv_worker *w = open_runtime(2);
    struct rv_worker *home = &still.workers[1];
    (void)state;
    pin_to(&tasks[0], w);
    pin_to(&tasks[1], home);
    rv_ready_push(&tasks[0]);
    rv_ready_push(&tasks[1]);
    assert_int_equal(rv_runq_private_hint(&w->runq), 0);
    assert_ptr_equal(rv_ready_pick(w), &tasks[0]);
    assert_null(rv_ready_pick(w));
    assert_true(rv_fifo_is_empty(&home->pinned));
    assert_int_equal(rv_load_relaxed(&home->is_wanted), 1); /* awake: it is to look */
    struct rv_inbox_node *node = rv_inbox_take_all(&home->inbox);
    assert_non_null(node);
    struct rv_message *message = rv_container_of(node, struct rv_message, node);
    assert_ptr_equal(message, &tasks[1].ready_message);
    message->receive(home, message);
    assert_ptr_equal(rv_ready_pick_fair(home), &tasks[1]);
    assert_true(rv_ready_is_empty(home));
    rv_still_fini(&still);
}

/* Goal: a pinned eager parent runs next, before every other, in both picks; never a thief's. */
static void test_ready_pinned_parent_runs_next(void **state)
{
    struct rv_worker *w = open_runtime(1);
    void *stolen = NULL;
    (void)state;
    for (int fair = 0; fair < 2; fair++) {
        struct rv_task *(*pick)(struct rv_worker *) = fair ? rv_ready_pick_fair : rv_ready_pick;
        pin_to(&tasks[0], w);
        pin_to(&tasks[1], w);
        rv_ready_push_local(w, &tasks[0]);
        rv_ready_push_local(w, &tasks[2]);
        rv_ready_push_cont(w, &tasks[1]);
        assert_int_equal(rv_deque_steal(&w->conts, &stolen), RV_STEAL_EMPTY);
        assert_ptr_equal(pick(w), &tasks[1]);
        const struct rv_task *second = pick(w);
        const struct rv_task *third = pick(w);
        assert_true((second == &tasks[0] && third == &tasks[2]) ||
                    (second == &tasks[2] && third == &tasks[0]));
        assert_null(pick(w));
    }
    rv_still_fini(&still);
}

/* Goal: the pick ends when the budget is used up or somebody wants a look around, tasks or not. */
static void test_ready_pick_stops_to_look_around(void **state)
{
    struct rv_worker *w = open_runtime(1);
    (void)state;
    rv_ready_push_local(w, &tasks[0]);
    rv_ready_push_local(w, &tasks[1]);
    w->tick = 2;
    assert_ptr_equal(rv_ready_pick(w), &tasks[0]);
    assert_null(rv_ready_pick(w));
    assert_int_equal(w->tick, 1); /* and it stays so until the loop sets it anew */
    assert_null(rv_ready_pick(w));
    w->tick = 100;
    rv_store_relaxed(&w->is_wanted, 1u);
    assert_null(rv_ready_pick(w));
    rv_store_relaxed(&w->is_wanted, 0u);
    assert_int_equal(w->tick, 1);
    w->tick = 100;
    assert_ptr_equal(rv_ready_pick(w), &tasks[1]);
    rv_still_fini(&still);
}

static unsigned drain(struct rv_worker *w, size_t *at)
{
    unsigned n = 0;
    const struct rv_task *t;
    while ((t = rv_ready_pick(w)) != NULL) {
        assert_ptr_equal(t, &tasks[*at]);
        (*at)++;
        n++;
    }
    return n;
}

/* Goal: what a foreign thread makes ready is injected in order; each worker takes its share, a
 * batch at most, and nobody is left a visitor. */
static void test_ready_injected_tasks_are_shared(void **state)
{
    struct rv_worker *w = open_runtime(3);
    size_t at = 0;
    (void)state;
    rv_current_set_worker(NULL);
    for (size_t i = 0; i < 200; i++)
        rv_ready_push(&tasks[i]);
    assert_int_equal(rv_load_relaxed(&still.runtime.visitors), 0);
    assert_int_equal(rv_load_relaxed(&still.runtime.injected_count), 200);
    rv_still_play(&still, 0);
    rv_ready_take_injected(w); /* its third would be 67 */
    assert_int_equal(rv_load_relaxed(&still.runtime.injected_count), 168);
    assert_int_equal(drain(w, &at), 32);
    while (rv_load_relaxed(&still.runtime.injected_count) > 0) {
        uint32_t count = rv_load_relaxed(&still.runtime.injected_count);
        unsigned share = count / 3 + 1 < 32 ? count / 3 + 1 : 32;
        rv_ready_take_injected(w);
        assert_int_equal(drain(w, &at), share);
    }
    assert_int_equal(at, 200);
    assert_int_equal(rv_load_relaxed(&w->count.injected), 200);
    rv_ready_take_injected(w);
    assert_null(rv_ready_pick(w));
    rv_still_fini(&still);
}

/* Goal: an injection wakes a sleeper, as it is visible to all. */
static void test_ready_injection_wakes_a_sleeper(void **state)
{
    size_t at = 0;
    (void)state;
    struct rv_worker *w = open_runtime(2);
    rv_idle_announce(w);
    rv_current_set_worker(NULL);
    rv_ready_push(&tasks[0]);
    assert_int_equal(still.woken[0], 1);
    rv_still_play(&still, 0);
    rv_ready_take_injected(w);
    assert_int_equal(drain(w, &at), 1);
    rv_still_fini(&still);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ready_is_first_in_first_out_through_the_overflow),
        cmocka_unit_test(test_ready_lone_queue_outlives_its_indexes),
        cmocka_unit_test(test_ready_newcomers_queue_behind_the_overflow),
        cmocka_unit_test(test_ready_second_task_is_announced),
        cmocka_unit_test(test_ready_parents_go_before_the_queue),
        cmocka_unit_test(test_ready_pinned_task_goes_home),
        cmocka_unit_test(test_ready_pinned_parent_runs_next),
        cmocka_unit_test(test_ready_pick_stops_to_look_around),
        cmocka_unit_test(test_ready_injected_tasks_are_shared),
        cmocka_unit_test(test_ready_injection_wakes_a_sleeper),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
