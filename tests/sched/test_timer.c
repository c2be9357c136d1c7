// SPDX-License-Identifier: MIT
/*
 * Purpose: sched/timer.h: what is due fires once, in order, under the lock; what is disarmed never.
 * Idea:    a worker that stands still, its clock given by the test; then tasks on real workers that
 *          disarm each other's timers.
 */
#include "support/child.h"
#include "support/fixture.h"
#include "support/still.h"

#include "core/clock.h"
#include "core/rand.h"

enum { MANY = 200, STEPS = 4000, TASKS = 24 };

struct alarm {
    struct rv_timer timer;
    unsigned fired;
    bool was_locked;
};

static struct rv_still still;
static struct alarm alarms[MANY];
static int64_t order[MANY]; /* deadlines in the order they fired */
static unsigned order_count;

static void ring(struct rv_timer *t)
{
    struct alarm *a = rv_container_of(t, struct alarm, timer);
    a->fired++;
    a->was_locked = !rv_lock_try(&t->worker->timers.lock);
    if (order_count < MANY)
        order[order_count++] = t->deadline_ns;
    memset(t, 0xa5, sizeof *t); /* the owner may reuse the memory at once */
}

static struct rv_timers *open_worker(void)
{
    assert_int_equal(rv_still_init(&still, 1), 0);
    memset(alarms, 0, sizeof alarms);
    for (size_t i = 0; i < MANY; i++)
        rv_heap_node_init(&alarms[i].timer.node);
    order_count = 0;
    return &rv_still_play(&still, 0)->timers;
}

static int64_t next_of(struct rv_timers *ts)
{
    return rv_load_relaxed(&ts->next_ns);
}

/* Goal: exactly what is due by now fires, the earliest first, and the hint names the next. */
static void test_timer_fires_what_is_due_in_order(void **state)
{
    static const int64_t deadlines[] = {50, 10, 40, 10, 30};
    struct rv_timers *ts = open_worker();
    (void)state;
    assert_true(next_of(ts) == INT64_MAX);
    for (size_t i = 0; i < RV_ARRAY_LEN(deadlines); i++)
        assert_int_equal(rv_timer_arm(&alarms[i].timer, deadlines[i], ring), 0);
    assert_int_equal(next_of(ts), 10);
    assert_int_equal(rv_timers_fire(ts, 9), 0);
    assert_int_equal(rv_timers_fire(ts, 10), 2);
    assert_int_equal(next_of(ts), 30);
    assert_true(rv_timer_disarm(&alarms[4].timer)); /* 30 */
    assert_int_equal(next_of(ts), 40);
    assert_int_equal(rv_timers_fire(ts, 1000), 2);
    assert_true(next_of(ts) == INT64_MAX);
    assert_int_equal(order_count, 4);
    for (unsigned i = 1; i < order_count; i++)
        assert_true(order[i - 1] <= order[i]);
    assert_int_equal(alarms[4].fired, 0);
    assert_int_equal(ts->armed, 5);
    assert_int_equal(ts->fired, 4);
    rv_still_fini(&still);
}

/* Goal: `fire` holds the heap's lock, on which a disarm elsewhere waits until it is over. */
static void test_timer_fires_under_the_lock(void **state)
{
    struct rv_timers *ts = open_worker();
    (void)state;
    assert_int_equal(rv_timer_arm(&alarms[0].timer, 1, ring), 0);
    assert_int_equal(rv_timers_fire(ts, 1), 1);
    assert_true(alarms[0].was_locked);
    assert_false(rv_lock_is_held(&ts->lock));
    rv_still_fini(&still);
}

/* Goal: more than a batch that is due at once all fire in one call. */
static void test_timer_fires_more_than_a_batch(void **state)
{
    struct rv_timers *ts = open_worker();
    (void)state;
    for (size_t i = 0; i < MANY; i++)
        assert_int_equal(rv_timer_arm(&alarms[i].timer, (int64_t)(MANY - i), ring), 0);
    assert_int_equal(rv_timers_fire(ts, MANY - 1), MANY - 1);
    assert_int_equal(next_of(ts), MANY);
    assert_int_equal(rv_timers_fire(ts, MANY), 1);
    for (size_t i = 0; i < MANY; i++)
        assert_int_equal(alarms[i].fired, 1);
    rv_still_fini(&still);
}

/* Goal: a deadline at the end of time is armed, never due before it, and can be disarmed. */
static void test_timer_extreme_deadlines(void **state)
{
    struct rv_timers *ts = open_worker();
    (void)state;
    assert_int_equal(rv_timer_arm(&alarms[0].timer, INT64_MAX - 1, ring), 0);
    assert_int_equal(rv_timer_arm(&alarms[1].timer, INT64_MIN, ring), 0);
    assert_true(next_of(ts) == INT64_MIN);
    assert_int_equal(rv_timers_fire(ts, INT64_MIN), 1);
    assert_int_equal(rv_timers_fire(ts, INT64_MAX - 2), 0);
    assert_true(rv_timer_disarm(&alarms[0].timer));
    assert_false(rv_timer_disarm(&alarms[0].timer));
    rv_still_fini(&still);
}

/* One random step; `is_armed` is the model. */
static void step(struct rv_timers *ts, struct rv_rand *rand, bool is_armed[], int64_t *now_ns)
{
    size_t i = (size_t)rv_rand_below(rand, MANY);
    if (is_armed[i]) {
        assert_true(rv_timer_disarm(&alarms[i].timer));
        is_armed[i] = false;
    } else {
        rv_heap_node_init(&alarms[i].timer.node);
        int64_t deadline = *now_ns + (int64_t)rv_rand_below(rand, 100);
        assert_int_equal(rv_timer_arm(&alarms[i].timer, deadline, ring), 0);
        alarms[i].fired = 0;
        is_armed[i] = true;
    }
    *now_ns += (int64_t)rv_rand_below(rand, 3);
    unsigned due = 0;
    int64_t next_ns = INT64_MAX;
    for (size_t k = 0; k < MANY; k++) {
        bool is_due = is_armed[k] && alarms[k].timer.deadline_ns <= *now_ns;
        due += is_due;
        is_armed[k] = is_armed[k] && !is_due;
        if (is_armed[k] && alarms[k].timer.deadline_ns < next_ns)
            next_ns = alarms[k].timer.deadline_ns;
    }
    assert_int_equal(rv_timers_fire(ts, *now_ns), due);
    assert_true(next_of(ts) == next_ns);
    unsigned left = 0;
    for (size_t k = 0; k < MANY; k++)
        left += is_armed[k];
    assert_int_equal(rv_heap_count(&ts->heap), left);
}

/* Goal: any order of arming, disarming and time agrees with a list that is searched each time. */
static void test_timer_random_steps_agree_with_a_list(void **state)
{
    struct rv_timers *ts = open_worker();
    struct rv_rand rand;
    bool is_armed[MANY] = {false};
    int64_t now_ns = 0;
    (void)state;
    rv_rand_seed(&rand, 20240607);
    for (int i = 0; i < STEPS; i++)
        step(ts, &rand, is_armed, &now_ns);
    assert_true(ts->fired > 0 && ts->armed > ts->fired + rv_heap_count(&ts->heap));
    for (size_t k = 0; k < MANY; k++)
        assert_true(!is_armed[k] || rv_timer_disarm(&alarms[k].timer));
    rv_still_fini(&still);
}

static int arm_on_a_thread(void)
{
    return rv_timer_arm(&alarms[0].timer, 1, ring);
}

static int leave_one_armed(void)
{
    struct rv_timers *ts = open_worker();
    int rc = rv_timer_arm(&alarms[0].timer, 1, ring);
    rv_timers_fini(ts);
    return rc;
}

/* Goal: what would fire on nobody's heap, or into memory that is gone, stops the program. */
static void test_timer_broken_rules_stop_the_program(void **state)
{
    (void)state;
    assert_true(rv_child_breaks(arm_on_a_thread, "timers are armed on a worker"));
    assert_true(rv_child_breaks(leave_one_armed, "no timer outlives its worker"));
}

struct shared {
    struct rv_timer timer;
    RV_ATOMIC(unsigned) fired, disarmed;
};

static void ring_shared(struct rv_timer *t)
{
    (void)rv_fetch_add_relaxed(&rv_container_of(t, struct shared, timer)->fired, 1u);
}

static int disarm_it(void *arg, RV_UNUSED void **result)
{
    struct shared *s = arg;
    if (rv_timer_disarm(&s->timer))
        (void)rv_fetch_add_relaxed(&s->disarmed, 1u);
    return 0;
}

static int arm_and_let_others_disarm(void *arg, RV_UNUSED void **result)
{
    struct shared *s = arg;
    rove_task *others[2];
    rv_heap_node_init(&s->timer.node);
    RV_REQUIRE_EQ(rv_timer_arm(&s->timer, rv_clock_now() + 20000, ring_shared), 0);
    for (int i = 0; i < 2; i++)
        others[i] = rove_create_task(disarm_it, s);
    for (int i = 0; i < 2; i++)
        RV_EXPECT_EQ(rove_join(others[i], NULL), 0);
    (void)disarm_it(s, NULL);
    return 0;
}

/* Goal: on real workers a timer fires or one disarm succeeds, wherever that is called. */
RV_TASK_TEST(test_timer_fires_or_is_disarmed_once)
{
    static struct shared shared[TASKS];
    rove_task *tasks[TASKS];
    memset(shared, 0, sizeof shared);
    for (int i = 0; i < TASKS; i++)
        tasks[i] = rove_create_task(arm_and_let_others_disarm, &shared[i]);
    for (int i = 0; i < TASKS; i++)
        RV_EXPECT_EQ(rove_join(tasks[i], NULL), 0);
    for (int i = 0; i < TASKS; i++)
        RV_EXPECT_EQ(rv_load_relaxed(&shared[i].fired) + rv_load_relaxed(&shared[i].disarmed), 1);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_timer_fires_what_is_due_in_order),
        cmocka_unit_test(test_timer_fires_under_the_lock),
        cmocka_unit_test(test_timer_fires_more_than_a_batch),
        cmocka_unit_test(test_timer_extreme_deadlines),
        cmocka_unit_test(test_timer_random_steps_agree_with_a_list),
        cmocka_unit_test(test_timer_broken_rules_stop_the_program),
        cmocka_unit_test(test_timer_fires_or_is_disarmed_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
