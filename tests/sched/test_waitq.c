// SPDX-License-Identifier: MIT
/*
 * Purpose: sched/waitq.h: the queue of cells, and that whoever takes a cell out decides the wait.
 */
#include "support/child.h"
#include "support/crowd.h"
#include "support/fixture.h"

#include "core/rand.h"
#include "sched/current.h"
#include "sched/suspend.h"
#include "sched/task.h"
#include "sched/waitq.h"

#include <errno.h>
#include <pthread.h>

enum { CELLS = 12, STEPS = 20000, WAITERS = 10 };

static struct rv_waiter cells[CELLS];
static unsigned fired[CELLS];
static unsigned fired_count;

static bool note_fire(struct rv_waiter *w)
{
    fired[fired_count++] = w->tag;
    return false;
}

static void init_cells(void)
{
    fired_count = 0;
    for (unsigned i = 0; i < CELLS; i++) {
        rv_waiter_init(&cells[i], NULL);
        cells[i].tag = i;
        cells[i].on_fire = note_fire;
    }
}

static void take_out(unsigned model[], unsigned *n, unsigned at)
{
    (*n)--;
    memmove(&model[at], &model[at + 1], (*n - at) * sizeof model[0]);
}

static void random_step(struct rv_waitq *q, struct rv_rand *rand, unsigned model[], unsigned *n)
{
    unsigned i = (unsigned)rv_rand_below(rand, CELLS);
    unsigned at = 0;
    while (at < *n && model[at] != i)
        at++;
    bool is_in = at < *n;
    assert_int_equal(rv_waitq_is_queued(q, &cells[i]), is_in);
    if (is_in) {
        rv_waitq_remove(q, &cells[i]);
        take_out(model, n, at);
    } else if (rv_rand_below(rand, 3) == 0) {
        rv_waitq_push_front(q, &cells[i]);
        memmove(&model[1], &model[0], *n * sizeof model[0]);
        model[0] = i;
        (*n)++;
    } else {
        rv_waitq_push(q, &cells[i]);
        model[(*n)++] = i;
    }
    if (rv_rand_below(rand, 5) == 0) {
        const struct rv_waiter *w = rv_waitq_pop(q);
        assert_ptr_equal(w, *n == 0 ? NULL : &cells[model[0]]);
        if (w != NULL)
            take_out(model, n, 0);
    }
    assert_int_equal(rv_waitq_is_empty(q), *n == 0);
    rv_waitq_check(q);
}

/* Goal: pushes at both ends, removals anywhere and pops agree with an array. */
static void test_waitq_random_steps_agree_with_an_array(void **state)
{
    struct rv_waitq q = {0};
    struct rv_rand rand;
    unsigned model[CELLS + 1];
    unsigned n = 0;
    (void)state;
    init_cells();
    rv_rand_seed(&rand, 7);
    for (int i = 0; i < STEPS; i++)
        random_step(&q, &rand, model, &n);
    for (unsigned i = 0; i < n; i++)
        assert_ptr_equal(rv_waitq_pop(&q), &cells[model[i]]);
    assert_null(rv_waitq_pop(&q));
}

/* Goal: all are taken at once, no longer count as queued, and are fired first to last. */
static void test_waitq_take_all_then_fire_in_order(void **state)
{
    struct rv_waitq q = {0};
    (void)state;
    init_cells();
    assert_null(rv_waitq_take_all(&q));
    for (unsigned i = 0; i < CELLS; i++)
        rv_waitq_push(&q, &cells[i]);
    struct rv_waiter *first = rv_waitq_take_all(&q);
    assert_true(rv_waitq_is_empty(&q));
    for (unsigned i = 0; i < CELLS; i++)
        assert_false(rv_waitq_is_queued(&q, &cells[i]));
    rv_waiter_fire_list(first);
    assert_int_equal(fired_count, CELLS);
    for (unsigned i = 0; i < CELLS; i++) {
        assert_int_equal(fired[i], i);
        assert_null(cells[i].next);
    }
}

static int remove_what_is_elsewhere(void)
{
    struct rv_waitq here = {0};
    struct rv_waitq there = {0};
    init_cells();
    rv_waitq_push(&here, &cells[0]);
    rv_waitq_push(&there, &cells[1]);
    rv_waitq_remove(&there, &cells[0]);
    return 0;
}

static int queue_what_is_fired(void)
{
    struct rv_waitq q = {0};
    rv_waiter_init(&cells[0], NULL);
    rv_waiter_fire(&cells[0]);
    rv_waitq_push(&q, &cells[0]);
    rv_waitq_check(&q);
    return 0;
}

static void test_waitq_broken_rules_stop_the_program(void **state)
{
    (void)state;
    assert_true(rv_child_breaks(remove_what_is_elsewhere, "removed from the queue it is in"));
    assert_true(rv_child_breaks(queue_what_is_fired, "a queued cell has not been fired"));
}

struct scene {
    struct rv_lock lock;
    struct rv_waitq q;
    RV_ATOMIC(uint32_t) waiting; /* tasks or threads in the queue, or about to be */
    RV_ATOMIC(uint32_t) has_value;
    struct rv_waiter *taken;
    int cancelled, fired;
};

static void join_queue(struct scene *s, struct rv_waiter *w, struct rv_task *self)
{
    rv_waiter_init(w, self);
    rv_lock_acquire(&s->lock);
    rv_waitq_push(&s->q, w);
    rv_lock_release(&s->lock);
    (void)rv_fetch_add_relaxed(&s->waiting, 1u);
}

static struct rv_waiter *take_first(struct scene *s)
{
    rv_lock_acquire(&s->lock);
    struct rv_waiter *w = rv_waitq_pop(&s->q);
    rv_lock_release(&s->lock);
    return w;
}

static int wait_in_queue(void *arg, void **result)
{
    struct scene *s = arg;
    struct rv_waiter w;
    join_queue(s, &w, rv_current_task());
    int rc = rv_waitq_wait(&s->q, &s->lock, &w, RV_WAIT_EVENT, s);
    RV_EXPECT(rc == 0 || !rv_waiter_is_fired(&w));
    *result = w.value;
    return rc;
}

/* Goal: each of many waiting tasks gets the value that was put into its cell, in queue order. */
RV_TASK_TEST(test_waitq_fired_tasks_get_their_values)
{
    struct scene s = {0};
    rove_task *tasks[WAITERS];
    char values[WAITERS];
    for (uint32_t i = 0; i < WAITERS; i++) {
        tasks[i] = rove_create_task(wait_in_queue, &s);
        RV_YIELD_UNTIL(rv_load_relaxed(&s.waiting) == i + 1);
    }
    for (int i = 0; i < WAITERS; i++) {
        struct rv_waiter *w = take_first(&s);
        RV_REQUIRE(w != NULL);
        w->value = &values[i];
        rv_waiter_fire(w);
    }
    for (int i = 0; i < WAITERS; i++) {
        void *value = NULL;
        RV_EXPECT_EQ(rove_join(tasks[i], &value), 0);
        RV_EXPECT_PTR(value, &values[i]);
    }
    RV_EXPECT(rv_waitq_is_empty(&s.q));
    return 0;
}

/* Goal: a cancelled waiter takes its cell out of the middle; the others keep their places. */
RV_TASK_TEST(test_waitq_cancelled_waiter_leaves_the_queue)
{
    struct scene s = {0};
    rove_task *tasks[3];
    char value;
    for (uint32_t i = 0; i < 3; i++) {
        tasks[i] = rove_create_task(wait_in_queue, &s);
        RV_YIELD_UNTIL(rv_load_relaxed(&s.waiting) == i + 1);
    }
    RV_EXPECT(rove_cancel(tasks[1]));
    RV_EXPECT_EQ(rove_join(tasks[1], NULL), -ECANCELED);
    rv_waitq_check(&s.q);
    for (int i = 0; i < 3; i += 2) {
        struct rv_waiter *w = take_first(&s);
        RV_REQUIRE(w != NULL);
        w->value = &value;
        rv_waiter_fire(w);
        RV_EXPECT_EQ(rove_join(tasks[i], NULL), 0);
    }
    RV_EXPECT(take_first(&s) == NULL);
    return 0;
}

static int wait_and_count_cancels(void *arg, RV_UNUSED void **result)
{
    struct scene *s = arg;
    struct rv_waiter w;
    struct rv_task *self = rv_current_task();
    join_queue(s, &w, self);
    int rc = rv_waitq_wait(&s->q, &s->lock, &w, RV_WAIT_EVENT, s);
    RV_EXPECT_EQ(rc, 0);
    RV_EXPECT(rv_waiter_is_fired(&w));
    RV_EXPECT(rv_take_cancel(self)); /* stayed pending */
    return 0;
}

/* Goal: a cell that was taken out is not lost to a cancellation: the wait ends with the fire, and
 * the request is still there. */
RV_TASK_TEST(test_waitq_taken_cell_outlives_a_cancellation)
{
    struct scene s = {0};
    rove_task *t = rove_create_task(wait_and_count_cancels, &s);
    RV_YIELD_UNTIL(rv_load_relaxed(&s.waiting) == 1);
    struct rv_waiter *w = take_first(&s);
    RV_REQUIRE(w != NULL);
    RV_EXPECT(rove_cancel(t));
    for (int i = 0; i < 50; i++)
        (void)rove_yield();
    RV_EXPECT(!rove_done(t));
    rv_waiter_fire(w);
    RV_EXPECT_EQ(rove_join(t, NULL), 0);
    return 0;
}

static void *fire_first(void *arg)
{
    struct scene *s = arg;
    struct rv_waiter *w = take_first(s);
    if (RV_EXPECT(w != NULL)) {
        w->value = s;
        rv_waiter_fire(w);
    }
    return NULL;
}

/* Goal: a plain thread fires a task's cell; the task wakes on its own runtime with the value. */
RV_TASK_TEST(test_waitq_thread_fires_a_task)
{
    struct scene s = {0};
    void *value = NULL;
    pthread_t thread;
    rove_task *t = rove_create_task(wait_in_queue, &s);
    RV_YIELD_UNTIL(rv_load_relaxed(&s.waiting) == 1);
    RV_REQUIRE_EQ(pthread_create(&thread, NULL, fire_first, &s), 0);
    RV_EXPECT_EQ(rove_join(t, &value), 0);
    RV_EXPECT_PTR(value, &s);
    RV_EXPECT_EQ(pthread_join(thread, NULL), 0);
    return 0;
}

static void *wait_for_ever(void *arg)
{
    struct scene *s = arg;
    struct rv_waiter w;
    join_queue(s, &w, NULL);
    RV_EXPECT_EQ(rv_waitq_wait_thread(&s->q, &s->lock, &w, -1), 0);
    RV_EXPECT_PTR(w.value, s);
    return NULL;
}

/* Goal: a thread's wait ends by a fire, or by its time, and then the cell is out of the queue. */
static void test_waitq_thread_waits_and_times_out(void **state)
{
    struct scene s = {0};
    struct rv_waiter w;
    pthread_t thread;
    (void)state;
    join_queue(&s, &w, NULL);
    assert_int_equal(rv_waitq_wait_thread(&s.q, &s.lock, &w, 0), -ETIMEDOUT);
    assert_true(rv_waitq_is_empty(&s.q));
    assert_false(rv_waiter_is_fired(&w));
    rv_waiter_fire(&w); /* fired before the wait begins: no time is needed */
    assert_int_equal(rv_waitq_wait_thread(&s.q, &s.lock, &w, 0), 0);
    assert_int_equal(pthread_create(&thread, NULL, wait_for_ever, &s), 0);
    while (rv_load_relaxed(&s.waiting) != 2)
        sched_yield();
    (void)fire_first(&s);
    assert_int_equal(pthread_join(thread, NULL), 0);
    rv_test_settle();
}

static void *wait_no_time(void *arg)
{
    struct scene *s = arg;
    struct rv_waiter w;
    join_queue(s, &w, NULL);
    while (rv_load_relaxed(&s->has_value) == 0)
        sched_yield();
    int rc = rv_waitq_wait_thread(&s->q, &s->lock, &w, 0);
    RV_EXPECT_EQ(rc, 0); /* taken out before its time was over: the fire counts */
    RV_EXPECT_PTR(w.value, s);
    return NULL;
}

/* Goal: a cell that somebody has taken out cannot time out any more. */
static void test_waitq_taken_cell_does_not_time_out(void **state)
{
    struct scene s = {0};
    pthread_t thread;
    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, wait_no_time, &s), 0);
    while (rv_load_relaxed(&s.waiting) != 1)
        sched_yield();
    struct rv_waiter *w = take_first(&s);
    assert_non_null(w);
    rv_store_relaxed(&s.has_value, 1u);
    for (int i = 0; i < 1000; i++) /* lets it find its time over */
        sched_yield();
    w->value = &s;
    rv_waiter_fire(w);
    assert_int_equal(pthread_join(thread, NULL), 0);
    rv_test_settle();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_waitq_random_steps_agree_with_an_array),
        cmocka_unit_test(test_waitq_take_all_then_fire_in_order),
        cmocka_unit_test(test_waitq_broken_rules_stop_the_program),
        cmocka_unit_test(test_waitq_fired_tasks_get_their_values),
        cmocka_unit_test(test_waitq_cancelled_waiter_leaves_the_queue),
        cmocka_unit_test(test_waitq_taken_cell_outlives_a_cancellation),
        cmocka_unit_test(test_waitq_thread_fires_a_task),
        cmocka_unit_test(test_waitq_thread_waits_and_times_out),
        cmocka_unit_test(test_waitq_taken_cell_does_not_time_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
