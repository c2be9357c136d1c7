// SPDX-License-Identifier: MIT
/*
 * Purpose: sched/many.h: one wait for many futures: when it is over, who decided it, what is left.
 */
#include "support/crowd.h"
#include "support/fixture.h"
#include "support/scarce.h"

#include "sched/current.h"
#include "sched/future.h"
#include "sched/many.h"
#include "sched/suspend.h"

#include <errno.h>

enum { MOST = 3 * RV_MANY_INLINE };

static rove_future *futures[MOST];

static void make_futures(size_t n)
{
    for (size_t i = 0; i < n; i++)
        futures[i] = rove_create_future();
}

static void drop_futures(size_t n)
{
    for (size_t i = 0; i < n; i++)
        rove_release(futures[i]);
}

/* Error 0 is a result. */
static void complete(size_t i, int error)
{
    RV_EXPECT_EQ(rv_future_complete(futures[i], error, NULL), 0);
}

/* Goal: for each rule, which error ends the wait early, and which future is named as decider. */
static int rules_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    static const struct {
        enum rv_many_until until;
        int errors[3];   /* of futures 0, 1, 2, which complete in this order */
        int over_after;  /* so many completions */
        bool is_decided; /* by the last of them */
    } rows[] = {
        {RV_MANY_ALL, {-5, 0, -ECANCELED}, 3, false},
        {RV_MANY_FIRST, {0, -5, 0}, 1, true},
        {RV_MANY_FIRST, {-ECANCELED, -5, 0}, 1, true},
        {RV_MANY_FAILURE, {0, -ECANCELED, -5}, 3, true},
        {RV_MANY_FAILURE, {0, -5, -6}, 2, true},
        {RV_MANY_FAILURE, {0, 0, -ECANCELED}, 3, false},
        {RV_MANY_ERROR, {0, -ECANCELED, -5}, 2, true},
        {RV_MANY_ERROR, {0, 0, 0}, 3, false},
    };
    for (size_t r = 0; r < RV_ARRAY_LEN(rows); r++) {
        struct rv_many m;
        make_futures(3);
        RV_REQUIRE_EQ(rv_many_init(&m, rv_current_task(), 3, futures, rows[r].until), 0);
        for (int i = 0; i < 3; i++) {
            RV_EXPECT_EQ(rv_many_is_over(&m), i >= rows[r].over_after);
            complete((size_t)i, rows[r].errors[i]);
        }
        RV_EXPECT(rv_many_is_over(&m));
        const rove_future *decider = rv_load_relaxed(&m.decider);
        RV_EXPECT_PTR(decider, rows[r].is_decided ? futures[rows[r].over_after - 1] : NULL);
        rv_many_fini(&m);
        drop_futures(3);
    }
    return 0;
}

static void test_many_rules_end_the_wait(void **state)
{
    (void)state;
    rv_test_run_on(1, rules_body, NULL);
}

/* Goal: any number of futures, some done before: cells are taken back, and nobody is left in a
 * queue. */
static int sizes_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    for (size_t n = 0; n <= MOST; n += n < RV_MANY_INLINE + 2 ? 1 : 11) {
        struct rv_many m;
        make_futures(n);
        for (size_t i = 0; i < n; i += 3)
            complete(i, 0);
        RV_REQUIRE_EQ(rv_many_init(&m, rv_current_task(), n, futures, RV_MANY_ALL), 0);
        RV_EXPECT_EQ(m.cells == m.inline_cells, n <= RV_MANY_INLINE);
        RV_EXPECT_EQ(rv_load_relaxed(&m.left), n - (n + 2) / 3);
        RV_EXPECT_EQ(rv_many_is_over(&m), n < 2);
        for (size_t i = 1; i < n; i += 3)
            complete(i, 0);
        rv_many_fini(&m);
        for (size_t i = 0; i < n; i++) {
            RV_EXPECT(rv_waitq_is_empty(&futures[i]->waiters));
            RV_EXPECT(rv_load_relaxed(&futures[i]->solo) == NULL);
        }
        drop_futures(n);
    }
    return 0;
}

static void test_many_any_number_is_taken_back(void **state)
{
    (void)state;
    rv_test_run_on(1, sizes_body, NULL);
}

/* Goal: without memory for the cells nothing is queued anywhere. */
static int scarce_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    struct rv_many m;
    make_futures(MOST);
    rv_scarce_after(0);
    int rc = rv_many_init(&m, rv_current_task(), MOST, futures, RV_MANY_ALL);
    rv_scarce_end();
    RV_EXPECT_EQ(rc, -ENOMEM);
    for (size_t i = 0; i < MOST; i++)
        RV_EXPECT(rv_waitq_is_empty(&futures[i]->waiters));
    drop_futures(MOST);
    return 0;
}

static void test_many_no_memory_queues_nothing(void **state)
{
    (void)state;
    rv_test_run_on(1, scarce_body, NULL);
}

struct completer {
    size_t from, step;
    int error;
};

static int complete_some(void *arg, RV_UNUSED void **result)
{
    const struct completer *c = arg;
    for (size_t i = c->from; i < MOST; i += c->step) {
        (void)rove_yield();
        complete(i, c->error);
    }
    return 0;
}

static int wait_once(enum rv_many_until until)
{
    struct rv_many m;
    struct rv_task *self = rv_current_task();
    RV_REQUIRE_EQ(rv_many_init(&m, self, MOST, futures, until), 0);
    while (!rv_many_is_over(&m))
        rv_park(self, RV_WAIT_MANY, &m);
    if (until == RV_MANY_ALL) {
        for (size_t i = 0; i < MOST; i++)
            RV_EXPECT(rove_done(futures[i]));
    } else {
        struct rove_future *decider = rv_load_relaxed(&m.decider);
        RV_EXPECT(decider != NULL && rove_done(decider));
        RV_EXPECT_EQ(decider->error, -5000);
    }
    rv_many_fini(&m);
    return 0;
}

/* Goal: completed from several workers at once, the wait ends, with every outcome visible; one that
 * ends early leaves no cell behind though completions go on. */
RV_TASK_TEST(test_many_completions_from_everywhere)
{
    static const enum rv_many_until rules[] = {RV_MANY_ALL, RV_MANY_FAILURE, RV_MANY_ERROR};
    for (size_t r = 0; r < RV_ARRAY_LEN(rules); r++) {
        struct completer parts[4];
        rove_task *tasks[4];
        make_futures(MOST);
        for (size_t i = 0; i < 4; i++) {
            parts[i] = (struct completer){i, 4, i == 2 && r > 0 ? -5000 : 0};
            tasks[i] = rove_create_task(complete_some, &parts[i]);
        }
        RV_EXPECT_EQ(wait_once(rules[r]), 0);
        for (size_t i = 0; i < 4; i++)
            RV_EXPECT_EQ(rove_join(tasks[i], NULL), 0);
        drop_futures(MOST);
    }
    return 0;
}

/* Goal: a request goes to all that can still be cancelled; one canceller at a time; the waiter sees
 * whether it was accepted once the canceller has gone. */
static int cancel_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    struct rv_many m;
    make_futures(4);
    complete(1, 0);
    RV_REQUIRE_EQ(rv_many_init(&m, rv_current_task(), 4, futures, RV_MANY_ALL), 0);
    RV_EXPECT(rv_many_claim(&m));
    RV_EXPECT(!rv_many_claim(&m));
    RV_EXPECT(rv_many_pass_on(&m, 0));
    rv_many_settle(&m);
    RV_EXPECT(m.is_passed_on);
    RV_EXPECT(rv_many_is_over(&m));
    for (size_t i = 0; i < 4; i++)
        RV_EXPECT_EQ(futures[i]->error, i == 1 ? 0 : -ECANCELED);
    m.is_passed_on = false;
    RV_EXPECT(rv_many_claim(&m)); /* it has gone */
    RV_EXPECT(!rv_many_pass_on(&m, 0)); /* all are done: nobody accepts */
    RV_EXPECT(!m.is_passed_on);
    RV_EXPECT(!rv_many_cancel(&m, 0));
    rv_many_fini(&m);
    drop_futures(4);
    return 0;
}

static void test_many_request_goes_to_who_is_left(void **state)
{
    (void)state;
    rv_test_run_on(1, cancel_body, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many_rules_end_the_wait),
        cmocka_unit_test(test_many_any_number_is_taken_back),
        cmocka_unit_test(test_many_no_memory_queues_nothing),
        cmocka_unit_test(test_many_completions_from_everywhere),
        cmocka_unit_test(test_many_request_goes_to_who_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
