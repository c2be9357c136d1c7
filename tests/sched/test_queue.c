// SPDX-License-Identifier: MIT
/*
 * Purpose: asyncio's queues: orders, bounds, join, shutdown, cancellation, exact counts.
 */
#include "support/crowd.h"
#include "support/fixture.h"

static void *item(intptr_t n)
{
    return (void *)n;
}

static intptr_t number(const void *p)
{
    return (intptr_t)p;
}

static int smaller_first(const void *a, const void *b)
{
    return (number(a) > number(b)) - (number(a) < number(b));
}

/* Goal: each kind hands out in its order. */
RV_TASK_TEST(test_queue_orders)
{
    static const int expected[3][4] = {{3, 1, 4, 2}, {2, 4, 1, 3}, {1, 2, 3, 4}};
    rove_queue *queues[3] = {rove_queue_create(0), rove_queue_create_lifo(0),
                             rove_queue_create_priority(0, smaller_first)};
    for (int kind = 0; kind < 3; kind++) {
        rove_queue *q = queues[kind];
        RV_REQUIRE(q != NULL);
        for (int i = 0; i < 4; i++) {
            RV_EXPECT_EQ(rove_queue_put(q, item(expected[0][i])), 0);
        }
        RV_EXPECT_EQ(rove_queue_size(q), 4);
        for (int i = 0; i < 4; i++) {
            void *got = NULL;
            RV_EXPECT_EQ(rove_queue_get(q, &got), 0);
            RV_EXPECT_EQ(number(got), expected[kind][i]);
        }
        RV_EXPECT_EQ(rove_queue_size(q), 0);
        rove_queue_destroy(q);
    }
    rove_queue_destroy(NULL);
    return 0;
}

/* Goal: the bound is kept; try forms say so; bad arguments and blocking twins are refused. */
RV_TASK_TEST(test_queue_bound_is_kept)
{
    void *got = NULL;
    rove_queue *q = rove_queue_create(2);
    RV_EXPECT_EQ(rove_queue_try_get(q, &got), -EAGAIN);
    RV_EXPECT_EQ(rove_queue_try_put(q, item(1)), 0);
    RV_EXPECT_EQ(rove_queue_put(q, item(2)), 0);
    RV_EXPECT_EQ(rove_queue_try_put(q, item(3)), -EAGAIN);
    RV_EXPECT_EQ(rove_queue_try_get(q, &got), 0);
    RV_EXPECT_EQ(rove_queue_try_put(q, item(3)), 0);
    RV_EXPECT_EQ(rove_queue_size(q), 2);
    RV_EXPECT_EQ(rove_queue_get(q, NULL), -EINVAL);
    RV_EXPECT_EQ(rove_queue_put(NULL, NULL), -EINVAL);
    RV_EXPECT_EQ(rove_queue_put_blocking(q, NULL, 0), -EPERM);
    RV_EXPECT_EQ(rove_queue_get_blocking(q, &got, 0), -EPERM);
    rove_queue_destroy(q);
    return 0;
}

struct scene {
    rove_queue *queue;
    intptr_t got[16];
    int rc[16];
    int arrived;
};

static int get_one(void *arg, RV_UNUSED void **result)
{
    struct scene *s = arg;
    int n = s->arrived++;
    void *got = item(-1);
    s->rc[n] = rove_queue_get(s->queue, &got);
    s->got[n] = number(got);
    return s->rc[n];
}

static int put_one(void *arg, RV_UNUSED void **result)
{
    struct scene *s = arg;
    int n = s->arrived++;
    return s->rc[n] = rove_queue_put(s->queue, item(n));
}

static void start(struct scene *s, rove_coro *fn, rove_task *tasks[], int n)
{
    s->arrived = 0;
    for (int i = 0; i < n; i++) {
        tasks[i] = rove_create_task(fn, s);
    }
    RV_YIELD_UNTIL(s->arrived == n);
}

/* Goal: getters are served in order of arrival, and what was granted cannot be snatched. */
static int getters_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    struct scene s = {.queue = rove_queue_create(0)};
    rove_task *tasks[3];
    void *got;
    start(&s, get_one, tasks, 3);
    RV_EXPECT(rove_cancel(tasks[1]));
    RV_EXPECT_EQ(rove_join(tasks[1], NULL), -ECANCELED);
    RV_EXPECT_EQ(rove_queue_put(s.queue, item(7)), 0);
    RV_EXPECT_EQ(rove_queue_put(s.queue, item(8)), 0);
    RV_EXPECT_EQ(rove_queue_size(s.queue), 2);
    RV_EXPECT_EQ(rove_queue_try_get(s.queue, &got), -EAGAIN);
    RV_EXPECT_EQ(rove_join(tasks[0], NULL), 0);
    RV_EXPECT_EQ(rove_join(tasks[2], NULL), 0);
    RV_EXPECT_EQ(s.got[0], 7);
    RV_EXPECT_EQ(s.got[2], 8);
    rove_queue_destroy(s.queue);
    return 0;
}

static void test_queue_getters_are_served_in_order(void **state)
{
    (void)state;
    rv_test_run_on(1, getters_body, NULL);
}

/* Goal: putters wait for room in order; a cancelled one puts nothing. */
static int putters_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    struct scene s = {.queue = rove_queue_create(1)};
    rove_task *tasks[3];
    void *got = NULL;
    RV_REQUIRE_EQ(rove_queue_put(s.queue, item(9)), 0);
    start(&s, put_one, tasks, 3);
    RV_EXPECT(rove_cancel(tasks[0]));
    RV_EXPECT_EQ(rove_join(tasks[0], NULL), -ECANCELED);
    static const int expected[] = {9, 1, 2};
    for (int i = 0; i < 3; i++) {
        RV_EXPECT_EQ(rove_queue_get(s.queue, &got), 0);
        RV_EXPECT_EQ(number(got), expected[i]);
    }
    RV_EXPECT_EQ(rove_join(tasks[1], NULL), 0);
    RV_EXPECT_EQ(rove_join(tasks[2], NULL), 0);
    RV_EXPECT_EQ(rove_queue_size(s.queue), 0);
    rove_queue_destroy(s.queue);
    return 0;
}

static void test_queue_putters_wait_for_room_in_order(void **state)
{
    (void)state;
    rv_test_run_on(1, putters_body, NULL);
}

/* Goal: a getter of a priority queue gets the smallest there is when it runs, as in asyncio. */
static int priority_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    struct scene s = {.queue = rove_queue_create_priority(0, smaller_first)};
    rove_task *tasks[1];
    start(&s, get_one, tasks, 1);
    RV_EXPECT_EQ(rove_queue_put(s.queue, item(5)), 0);
    RV_EXPECT_EQ(rove_queue_put(s.queue, item(1)), 0);
    RV_EXPECT_EQ(rove_join(tasks[0], NULL), 0);
    RV_EXPECT_EQ(s.got[0], 1);
    rove_queue_destroy(s.queue);
    return 0;
}

static void test_queue_priority_getter_gets_the_smallest(void **state)
{
    (void)state;
    rv_test_run_on(1, priority_body, NULL);
}

static int join_it(void *arg, RV_UNUSED void **result)
{
    struct scene *s = arg;
    s->arrived++;
    return rove_queue_join(s->queue);
}

/* Goal: join waits for the last task_done; task_done is counted against what was got. */
static int join_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    struct scene s = {.queue = rove_queue_create(0)};
    rove_task *tasks[2];
    void *got = NULL;
    RV_EXPECT_EQ(rove_queue_join(s.queue), 0);
    RV_EXPECT_EQ(rove_queue_task_done(s.queue), -EINVAL);
    RV_EXPECT_EQ(rove_queue_put(s.queue, item(1)), 0);
    RV_EXPECT_EQ(rove_queue_put(s.queue, item(2)), 0);
    RV_EXPECT_EQ(rove_queue_task_done(s.queue), -EINVAL);
    start(&s, join_it, tasks, 2);
    for (int i = 0; i < 2; i++) {
        RV_EXPECT(!rove_done(tasks[0]));
        RV_EXPECT_EQ(rove_queue_get(s.queue, &got), 0);
        RV_EXPECT_EQ(rove_queue_task_done(s.queue), 0);
    }
    RV_EXPECT_EQ(rove_join(tasks[0], NULL), 0);
    RV_EXPECT_EQ(rove_join(tasks[1], NULL), 0);
    RV_EXPECT_EQ(rove_queue_task_done(s.queue), -EINVAL);
    rove_queue_destroy(s.queue);
    return 0;
}

static void test_queue_join_waits_for_the_last_task_done(void **state)
{
    (void)state;
    rv_test_run_on(1, join_body, NULL);
}

/* Goal: after a shutdown gets drain, puts fail, waiters of both kinds are told. */
static int shutdown_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    struct scene s = {.queue = rove_queue_create(1)};
    rove_task *tasks[2];
    void *got = NULL;
    start(&s, get_one, tasks, 2);
    RV_EXPECT_EQ(rove_queue_put(s.queue, item(5)), 0);
    RV_EXPECT_EQ(rove_queue_shutdown(s.queue, false), 0);
    RV_EXPECT_EQ(rove_join(tasks[0], NULL), 0);
    RV_EXPECT_EQ(s.got[0], 5);
    RV_EXPECT_EQ(rove_join(tasks[1], NULL), -EPIPE);
    RV_EXPECT_EQ(rove_queue_put(s.queue, item(6)), -EPIPE);
    RV_EXPECT_EQ(rove_queue_try_put(s.queue, item(6)), -EPIPE);
    RV_EXPECT_EQ(rove_queue_get(s.queue, &got), -EPIPE);
    RV_EXPECT_EQ(rove_queue_try_get(s.queue, &got), -EPIPE);
    rove_queue_destroy(s.queue);

    s.queue = rove_queue_create(1);
    RV_EXPECT_EQ(rove_queue_put(s.queue, item(5)), 0);
    start(&s, put_one, tasks, 2);
    RV_EXPECT_EQ(rove_queue_shutdown(s.queue, false), 0);
    RV_EXPECT_EQ(rove_join(tasks[0], NULL), -EPIPE);
    RV_EXPECT_EQ(rove_join(tasks[1], NULL), -EPIPE);
    RV_EXPECT_EQ(rove_queue_get(s.queue, &got), 0);
    RV_EXPECT_EQ(rove_queue_get(s.queue, &got), -EPIPE);
    rove_queue_destroy(s.queue);
    return 0;
}

static void test_queue_shutdown_drains_then_fails(void **state)
{
    (void)state;
    rv_test_run_on(1, shutdown_body, NULL);
}

/* Goal: no get fails while an item is left: the right of one that is cancelled after the shutdown
 * goes to the next in line, or to who comes; when it is used, those behind are told. */
static int shutdown_granted_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    for (int is_used = 0; is_used <= 1; is_used++) {
        struct scene s = {.queue = rove_queue_create(0)};
        rove_task *tasks[2];
        void *got = NULL;
        start(&s, get_one, tasks, 2);
        RV_EXPECT_EQ(rove_queue_put(s.queue, item(5)), 0);
        RV_EXPECT_EQ(rove_queue_shutdown(s.queue, false), 0);
        RV_EXPECT_EQ(rove_queue_try_get(s.queue, &got), -EAGAIN);
        RV_EXPECT(is_used || rove_cancel(tasks[0]));
        RV_EXPECT_EQ(rove_join(tasks[0], NULL), is_used ? 0 : -ECANCELED);
        RV_EXPECT_EQ(rove_join(tasks[1], NULL), is_used ? -EPIPE : 0);
        RV_EXPECT_EQ(s.got[!is_used], 5);
        rove_queue_destroy(s.queue);

        s.queue = rove_queue_create(0);
        start(&s, get_one, tasks, 1);
        RV_EXPECT_EQ(rove_queue_put(s.queue, item(6)), 0);
        RV_EXPECT_EQ(rove_queue_shutdown(s.queue, false), 0);
        RV_EXPECT(is_used || rove_cancel(tasks[0]));
        RV_EXPECT_EQ(rove_queue_get(s.queue, &got), is_used ? -EPIPE : 0);
        RV_EXPECT_EQ(rove_join(tasks[0], NULL), is_used ? 0 : -ECANCELED);
        RV_EXPECT_EQ(rove_queue_size(s.queue), 0);
        rove_queue_destroy(s.queue);
    }
    return 0;
}

static void test_queue_shutdown_keeps_what_was_granted(void **state)
{
    (void)state;
    rv_test_run_on(1, shutdown_granted_body, NULL);
}

/* Goal: an immediate shutdown drops what is there, even what was granted, and ends a join. */
static int immediate_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    struct scene s = {.queue = rove_queue_create(0)};
    rove_task *getters[1];
    rove_task *joiners[1];
    start(&s, get_one, getters, 1);
    RV_EXPECT_EQ(rove_queue_put(s.queue, item(1)), 0);
    RV_EXPECT_EQ(rove_queue_put(s.queue, item(2)), 0);
    RV_EXPECT_EQ(rove_queue_shutdown(s.queue, true), 0);
    RV_EXPECT_EQ(rove_queue_size(s.queue), 0);
    RV_EXPECT_EQ(rove_join(getters[0], NULL), -EPIPE);
    RV_EXPECT_EQ(rove_queue_join(s.queue), 0);
    rove_queue_destroy(s.queue);

    s.queue = rove_queue_create(0);
    void *got = NULL;
    RV_EXPECT_EQ(rove_queue_put(s.queue, item(1)), 0);
    RV_EXPECT_EQ(rove_queue_put(s.queue, item(2)), 0);
    RV_EXPECT_EQ(rove_queue_get(s.queue, &got), 0);
    start(&s, join_it, joiners, 1);
    RV_EXPECT_EQ(rove_queue_shutdown(s.queue, true), 0);
    (void)rove_yield();
    RV_EXPECT(!rove_done(joiners[0])); /* what was got is still to be done */
    RV_EXPECT_EQ(rove_queue_task_done(s.queue), 0);
    RV_EXPECT_EQ(rove_join(joiners[0], NULL), 0);
    rove_queue_destroy(s.queue);
    return 0;
}

static void test_queue_immediate_shutdown_drops_what_is_there(void **state)
{
    (void)state;
    rv_test_run_on(1, immediate_body, NULL);
}

struct stress {
    rove_queue *queue;
    unsigned rounds;
    RV_ATOMIC(unsigned long) put_sum, got_sum;
};

static bool put_step(struct rv_member *m)
{
    struct stress *s = m->ctx;
    unsigned dice = rv_rand_below(&m->rand, 16);
    intptr_t value = (intptr_t)m->idx << 24 | (m->done + 1);
    int rc;
    if (dice == 0) {
        rc = rove_queue_try_put(s->queue, item(value));
    } else if (m->is_task) {
        rc = rove_queue_put(s->queue, item(value));
    } else {
        rc = rove_queue_put_blocking(s->queue, item(value), dice < 4 ? ROVE_US(dice) : -1);
    }
    if (rc == 0) {
        (void)rv_fetch_add_relaxed(&s->put_sum, (unsigned long)value);
        m->done++;
    } else {
        RV_EXPECT(rc == -EAGAIN || rc == (m->is_task ? -ECANCELED : -ETIMEDOUT));
    }
    return m->done < s->rounds;
}

static bool get_step(struct rv_member *m)
{
    struct stress *s = m->ctx;
    void *got = NULL;
    int rc = m->is_task ? rove_queue_get(s->queue, &got)
                        : rove_queue_get_blocking(s->queue, &got, ROVE_US(50));
    if (rc == 0) {
        (void)rv_fetch_add_relaxed(&s->got_sum, (unsigned long)number(got));
        RV_EXPECT_EQ(rove_queue_task_done(s->queue), 0);
        m->done++;
    } else {
        RV_EXPECT(rc == -EPIPE || rc == (m->is_task ? -ECANCELED : -ETIMEDOUT));
    }
    return rc != -EPIPE;
}

static int stress_one(rove_queue *q, unsigned rounds)
{
    struct stress s = {.queue = q, .rounds = rounds};
    struct rv_crowd putters;
    struct rv_crowd getters;
    struct rv_rand rand;
    RV_REQUIRE(q != NULL);
    rv_rand_seed(&rand, rv_crowd_seed());
    rv_crowd_start(&getters, 8, 1, get_step, &s);
    rv_crowd_start(&putters, 8, 1, put_step, &s);
    while (!rv_crowd_is_finished(&putters)) {
        rv_crowd_harass(&getters, &rand);
        rv_crowd_harass(&putters, &rand);
    }
    unsigned long put = rv_crowd_finish(&putters, &rand);
    RV_EXPECT_EQ(rove_queue_join(q), 0);
    RV_EXPECT_EQ(rove_queue_shutdown(q, false), 0);
    unsigned long got = rv_crowd_finish(&getters, &rand);
    RV_EXPECT_EQ(put, 9ul * rounds);
    RV_EXPECT_EQ(got, put);
    RV_EXPECT_EQ(rv_load_relaxed(&s.got_sum), rv_load_relaxed(&s.put_sum));
    RV_EXPECT_EQ(rove_queue_size(q), 0);
    rove_queue_destroy(q);
    return 0;
}

/* Goal: N producers, M consumers, cancels, timeouts: each item is got exactly once. */
static int stress_body(void *arg, RV_UNUSED void **result)
{
    unsigned rounds = *(unsigned *)arg * rv_crowd_factor();
    RV_REQUIRE_EQ(stress_one(rove_queue_create(3), rounds), 0);
    RV_REQUIRE_EQ(stress_one(rove_queue_create_lifo(0), rounds), 0);
    return stress_one(rove_queue_create_priority(5, smaller_first), rounds);
}

static void test_queue_stress_counts_exactly(void **state)
{
    (void)state;
    unsigned rounds = 1500;
    rv_test_run(stress_body, &rounds);
    rv_test_run_on(64, stress_body, &rounds);
}

/* Goal: plain threads use the twins; of the rest only what is for any thread. */
static void test_queue_serves_plain_threads(void **state)
{
    (void)state;
    void *got = NULL;
    rove_queue *q = rove_queue_create(1);
    assert_int_equal(rove_queue_put(q, NULL), -EPERM);
    assert_int_equal(rove_queue_get(q, &got), -EPERM);
    assert_int_equal(rove_queue_try_get(q, &got), -EPERM);
    assert_int_equal(rove_queue_join(q), -EPERM);
    assert_int_equal(rove_queue_get_blocking(q, &got, 0), -ETIMEDOUT);
    assert_int_equal(rove_queue_try_put(q, item(1)), 0);
    assert_int_equal(rove_queue_put_blocking(q, item(2), ROVE_US(20)), -ETIMEDOUT);
    assert_int_equal(rove_queue_get_blocking(q, &got, -1), 0);
    assert_int_equal(number(got), 1);
    rove_queue_destroy(q);
}

enum { PLENTY = 4000 }; /* more than RV_HOME_STREAK trips through the lock */

static int put_plenty(void *arg, RV_UNUSED void **result)
{
    for (intptr_t i = 0; i < PLENTY; i++) {
        RV_REQUIRE_EQ(rove_queue_put(arg, item(i)), 0);
    }
    return 0;
}

static void *put_one_more(void *arg)
{
    RV_EXPECT_EQ(rove_queue_put_blocking(arg, item(PLENTY), ROVE_FOREVER), 0);
    return NULL;
}

/* Goal: a queue that one worker uses long enough to have its lock at home keeps order, bound and
 * counts, through full and empty, and when a plain thread comes in between. */
static int plenty_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    rove_queue *q = rove_queue_create(7);
    rove_task *putter = rove_create_task(put_plenty, q);
    pthread_t thread;
    void *got = NULL;
    for (intptr_t i = 0; i < PLENTY; i++) {
        RV_REQUIRE_EQ(rove_queue_get(q, &got), 0);
        RV_REQUIRE_EQ(number(got), i);
        RV_EXPECT(rove_queue_size(q) <= 7);
        RV_EXPECT_EQ(rove_queue_task_done(q), 0);
    }
    RV_EXPECT_EQ(rove_join(putter, NULL), 0);
    RV_REQUIRE_EQ(pthread_create(&thread, NULL, put_one_more, q), 0);
    RV_REQUIRE_EQ(rove_queue_get(q, &got), 0);
    RV_EXPECT_EQ(number(got), PLENTY);
    pthread_join(thread, NULL);
    RV_EXPECT_EQ(rove_queue_put(q, item(1)), 0);
    rove_queue_shutdown(q, false);
    RV_EXPECT_EQ(rove_queue_put(q, item(2)), -EPIPE);
    RV_EXPECT_EQ(rove_queue_get(q, &got), 0);
    RV_EXPECT_EQ(rove_queue_get(q, &got), -EPIPE);
    RV_EXPECT_EQ(rove_queue_task_done(q), 0);
    RV_EXPECT_EQ(rove_queue_task_done(q), 0);
    RV_EXPECT_EQ(rove_queue_task_done(q), -EINVAL);
    RV_EXPECT_EQ(rove_queue_join(q), 0);
    rove_queue_destroy(q);
    return 0;
}

static void test_queue_at_home_keeps_order_and_counts(void **state)
{
    (void)state;
    rv_test_run(plenty_body, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_queue_orders),
        cmocka_unit_test(test_queue_bound_is_kept),
        cmocka_unit_test(test_queue_getters_are_served_in_order),
        cmocka_unit_test(test_queue_putters_wait_for_room_in_order),
        cmocka_unit_test(test_queue_priority_getter_gets_the_smallest),
        cmocka_unit_test(test_queue_join_waits_for_the_last_task_done),
        cmocka_unit_test(test_queue_shutdown_drains_then_fails),
        cmocka_unit_test(test_queue_shutdown_keeps_what_was_granted),
        cmocka_unit_test(test_queue_immediate_shutdown_drops_what_is_there),
        cmocka_unit_test(test_queue_stress_counts_exactly),
        cmocka_unit_test(test_queue_serves_plain_threads),
        cmocka_unit_test(test_queue_at_home_keeps_order_and_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
