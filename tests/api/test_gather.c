// SPDX-License-Identifier: MIT
/*
 * Purpose: gather as a call, in its three forms: order of results, errors, cancellation, numbers.
 */
#include "support/actor.h"
#include "support/fixture.h"

#include <stdint.h>
#include <stdlib.h>

#define EIO_APP (-5001)
#define EOTHER_APP (-5002)

static void start(size_t n, struct rv_actor actors[], rove_future *fs[])
{
    for (size_t i = 0; i < n; i++)
        fs[i] = rove_create_task(rv_actor_run, &actors[i]);
}

static void release(size_t n, rove_future *fs[])
{
    for (size_t i = 0; i < n; i++)
        rove_release(fs[i]);
}

/* Joins all, so that no actor outlives its frame. */
static void finish(size_t n, rove_future *fs[])
{
    for (size_t i = 0; i < n; i++)
        (void)rove_join(fs[i], NULL);
}

/* Goal: results come in the order of the list, however the tasks end. */
RV_TASK_TEST(test_gather_results_are_in_the_order_of_the_list)
{
    int v[3];
    struct rv_actor a[] = {
        {.yields = 9, .value = &v[0]}, {.value = &v[1]}, {.yields = 4, .value = &v[2]}};
    rove_future *fs[3];
    void *results[3] = {0};
    start(3, a, fs);
    RV_EXPECT_EQ(rove_gather(3, fs, results), 0);
    for (int i = 0; i < 3; i++)
        RV_EXPECT_PTR(results[i], &v[i]);
    RV_EXPECT_EQ(rove_gather(3, fs, NULL), 0);
    release(3, fs);
    return 0;
}

RV_TASK_TEST(test_gather_of_nothing_and_bad_arguments_return_at_once)
{
    rove_future *f = rove_create_future();
    rove_future *with_null[] = {f, NULL};
    rove_future *with_self[] = {f, rove_current_task()};
    RV_EXPECT_EQ(rove_gather(0, NULL, NULL), 0);
    RV_EXPECT_EQ(rove_gather_outcomes(0, NULL, NULL), 0);
    RV_EXPECT_EQ(rove_gather_calls(0, NULL, NULL), 0);
    RV_EXPECT_EQ(rove_gather(1, NULL, NULL), -EINVAL);
    RV_EXPECT_EQ(rove_gather(2, with_null, NULL), -EINVAL);
    RV_EXPECT_EQ(rove_gather(2, with_self, NULL), -EDEADLK);
    RV_EXPECT_EQ(rove_gather_outcomes(1, with_null, NULL), -EINVAL);
    RV_EXPECT_EQ(rove_gather_calls(1, NULL, NULL), -EINVAL);
    RV_EXPECT_PTR(rove_gather_future(2, with_null), NULL);
    rove_release(f);
    return 0;
}

RV_TASK_TEST(test_gather_takes_the_same_future_twice)
{
    int v;
    struct rv_actor a[] = {{.yields = 2, .value = &v}};
    rove_future *fs[3];
    void *results[3] = {0};
    start(1, a, fs);
    fs[1] = fs[0];
    fs[2] = fs[0];
    RV_EXPECT_EQ(rove_gather(3, fs, results), 0);
    for (int i = 0; i < 3; i++)
        RV_EXPECT_PTR(results[i], &v);
    rove_release(fs[0]);
    return 0;
}

/* Goal: the first error is returned while the others run on, and they do run on. */
RV_TASK_TEST(test_gather_first_error_returns_at_once_and_leaves_the_others)
{
    rove_future *gate = rove_create_future();
    struct rv_actor a[] = {{.until = gate}, {.yields = 1, .rc = EIO_APP}, {.until = gate}};
    rove_future *fs[3];
    void *results[3] = {&a, &a, &a};
    start(3, a, fs);
    RV_EXPECT_EQ(rove_gather(3, fs, results), EIO_APP);
    RV_EXPECT_PTR(results[0], &a);
    RV_EXPECT(!rove_done(fs[0]));
    RV_EXPECT(!rove_done(fs[2]));
    RV_EXPECT_EQ(rove_cancelling(fs[0]), 0);
    rove_set_result(gate, NULL);
    finish(3, fs);
    RV_EXPECT_EQ(a[0].ended, 1);
    RV_EXPECT_EQ(a[2].ended, 1);
    rove_release(gate);
    return 0;
}

RV_TASK_TEST(test_gather_cancelled_child_is_an_error_but_not_the_callers)
{
    struct rv_actor a[] = {{.yields = -1}, {.yields = 3}};
    rove_future *fs[2];
    start(2, a, fs);
    rove_cancel(fs[0]);
    RV_EXPECT_EQ(rove_gather(2, fs, NULL), -ECANCELED);
    RV_EXPECT_EQ(rove_cancelling(rove_current_task()), 0);
    RV_EXPECT_EQ(rove_yield(), 0);
    finish(2, fs);
    return 0;
}

struct gathering {
    size_t n;
    rove_future **fs;
    rove_outcome *outcomes;
    int rc;
    RV_ATOMIC(uint32_t) has_begun; /* a task cancelled before never would */
};

static int gather_body(void *arg, RV_UNUSED void **result)
{
    struct gathering *g = arg;
    rv_store_relaxed(&g->has_begun, 1u);
    g->rc = g->outcomes != NULL ? rove_gather_outcomes(g->n, g->fs, g->outcomes)
                                : rove_gather(g->n, g->fs, NULL);
    return g->rc;
}

/* Goal: a cancelled gather cancels every child, and ends as cancelled. */
RV_TASK_TEST(test_gather_cancelled_caller_cancels_all_children)
{
    struct rv_actor a[] = {{.yields = -1}, {.yields = -1}, {.yields = -1}};
    rove_future *fs[3];
    struct gathering g = {.n = 3, .fs = fs};
    start(3, a, fs);
    rove_task *t = rove_create_task(gather_body, &g);
    while (rv_load_relaxed(&g.has_begun) == 0 || !rv_actor_has_begun(&a[0]) ||
           !rv_actor_has_begun(&a[1]) || !rv_actor_has_begun(&a[2]))
        rove_yield();
    rove_yield();
    RV_EXPECT(rove_cancel(t));
    RV_EXPECT_EQ(rove_await(t, NULL), -ECANCELED);
    RV_EXPECT_EQ(g.rc, -ECANCELED);
    for (int i = 0; i < 3; i++)
        RV_EXPECT_EQ(rove_await(fs[i], NULL), -ECANCELED);
    rove_release(t);
    release(3, fs);
    return 0;
}

static int cancel_swallowed_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    struct rv_actor a[] = {{.yields = -1, .when_cancelled = RV_ACTOR_SWALLOWS},
                           {.yields = -1, .when_cancelled = RV_ACTOR_SWALLOWS}};
    rove_future *fs[2];
    struct gathering g = {.n = 2, .fs = fs};
    start(2, a, fs);
    rove_task *t = rove_create_task(gather_body, &g);
    rove_yield();
    rove_yield();
    rove_cancel(t);
    RV_EXPECT_EQ(rove_join(t, NULL), -ECANCELED);
    RV_EXPECT_EQ(a[0].cancels + a[1].cancels, 2);
    RV_EXPECT_EQ(rove_await(fs[0], NULL), 0);
    finish(2, fs);
    return 0;
}

/* Goal: children that swallow the request and succeed do not make the gather succeed. */
static void test_gather_cancelled_but_swallowed_by_children_is_still_cancelled(void **state)
{
    (void)state;
    rv_test_run_on(1, cancel_swallowed_body, NULL);
}

static int cancel_to_error_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    struct rv_actor a[] = {
        {.yields = -1, .when_cancelled = RV_ACTOR_FAILS, .cancelled_rc = EIO_APP},
        {.yields = -1}};
    rove_future *fs[2];
    struct gathering g = {.n = 2, .fs = fs};
    start(2, a, fs);
    rove_task *t = rove_create_task(gather_body, &g);
    rove_yield();
    rove_yield();
    rove_cancel(t);
    RV_EXPECT_EQ(rove_join(t, NULL), EIO_APP);
    finish(2, fs);
    return 0;
}

/* Goal: as in asyncio the first child's own error wins over the cancellation that led to it. */
static void test_gather_cancelled_child_fails_with_its_own_error(void **state)
{
    (void)state;
    rv_test_run_on(1, cancel_to_error_body, NULL);
}

RV_TASK_TEST(test_gather_cancelled_before_it_suspends_passes_the_request_on)
{
    struct rv_actor a[] = {{.yields = -1}};
    rove_future *fs[1];
    start(1, a, fs);
    rove_cancel(rove_current_task());
    RV_EXPECT_EQ(rove_gather(1, fs, NULL), -ECANCELED);
    RV_EXPECT(rove_cancelled(fs[0]));
    RV_EXPECT_EQ(rove_uncancel(rove_current_task()), 0);
    RV_EXPECT_EQ(rove_yield(), 0);
    release(1, fs);
    return 0;
}

struct failing {
    rove_task *gatherer;
    rove_future *fs[2];
    bool is_future;
};

static int gather_failing(void *arg, RV_UNUSED void **result)
{
    struct failing *s = arg;
    return s->is_future ? rove_join(rove_gather_future(2, s->fs), NULL)
                        : rove_gather(2, s->fs, NULL);
}

static int cancel_gatherer(void *arg, RV_UNUSED void **result)
{
    const struct failing *s = arg;
    RV_EXPECT(rove_cancel(s->gatherer));
    return 0;
}

static int failed_and_cancelled_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    for (int is_future = 0; is_future < 2; is_future++) {
        struct rv_actor a[] = {{.rc = EIO_APP}, {.yields = 3}};
        struct failing s = {.is_future = is_future};
        s.gatherer = rove_create_task(gather_failing, &s);
        start(2, a, s.fs);
        rove_task *canceller = rove_create_task(cancel_gatherer, &s);
        RV_EXPECT_EQ(rove_await(s.gatherer, NULL), is_future ? EIO_APP : -ECANCELED);
        RV_EXPECT_EQ(rove_cancelling(s.gatherer), 1);
        RV_EXPECT_EQ(rove_await(s.fs[1], NULL), is_future ? -ECANCELED : 0);
        rove_release(s.gatherer);
        release(2, s.fs);
        RV_EXPECT_EQ(rove_join(canceller, NULL), 0);
    }
    return 0;
}

/* Goal: cancelled in the round in which a child failed, a gather that is a future does as CPython
 * 3.13 does: the request goes to the others, and the error is kept. The call is over by then: its
 * caller has the request, and the others run on (docs/asyncio-map.md says why). */
static void test_gather_cancelled_in_the_round_of_a_failure(void **state)
{
    (void)state;
    rv_test_run_on(1, failed_and_cancelled_body, NULL);
}

/* Goal: no suspension, so no cancellation point, when everything is done already. */
RV_TASK_TEST(test_gather_of_done_futures_does_not_suspend)
{
    rove_future *f = rove_create_future();
    rove_future *fs[] = {f, f};
    void *results[2];
    rove_set_result(f, &f);
    rove_cancel(rove_current_task());
    RV_EXPECT_EQ(rove_gather(2, fs, results), 0);
    RV_EXPECT_PTR(results[1], &f);
    RV_EXPECT_EQ(rove_yield(), -ECANCELED);
    rove_uncancel(rove_current_task());
    rove_release(f);
    return 0;
}

RV_TASK_TEST(test_gather_outcomes_waits_for_all_and_tells_each)
{
    int v;
    struct rv_actor a[] = {{.yields = 5, .value = &v}, {.rc = EIO_APP}, {.yields = -1}};
    rove_future *fs[3];
    rove_outcome out[3];
    start(3, a, fs);
    rove_cancel(fs[2]);
    RV_EXPECT_EQ(rove_gather_outcomes(3, fs, out), 0);
    RV_EXPECT_EQ(out[0].error, 0);
    RV_EXPECT_PTR(out[0].result, &v);
    RV_EXPECT_EQ(out[1].error, EIO_APP);
    RV_EXPECT_PTR(out[1].result, NULL);
    RV_EXPECT_EQ(out[2].error, -ECANCELED);
    release(3, fs);
    return 0;
}

static int outcomes_cancel_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    struct rv_actor a[] = {{.yields = -1}, {.yields = 20}};
    rove_future *fs[2];
    rove_outcome out[2];
    struct gathering g = {.n = 2, .fs = fs, .outcomes = out};
    start(2, a, fs);
    a[1].when_cancelled = RV_ACTOR_SWALLOWS;
    rove_task *t = rove_create_task(gather_body, &g);
    rove_yield();
    rove_yield();
    rove_cancel(t);
    RV_EXPECT_EQ(rove_join(t, NULL), -ECANCELED);
    RV_EXPECT(rove_done(fs[0]));
    RV_EXPECT(rove_done(fs[1]));
    release(2, fs);
    return 0;
}

/* Goal: a cancelled gather_outcomes has cancelled all, and has waited for all. */
static void test_gather_outcomes_cancelled_waits_for_all(void **state)
{
    (void)state;
    rv_test_run_on(1, outcomes_cancel_body, NULL);
}

RV_TASK_TEST(test_gather_calls_returns_results_in_order)
{
    enum { N = 40 };
    struct rv_actor a[N] = {{0}};
    rove_call calls[N];
    void *results[N];
    for (int i = 0; i < N; i++) {
        a[i] = (struct rv_actor){.yields = (i * 7) % 5, .value = &a[i]};
        calls[i] = (rove_call){rv_actor_run, &a[i]};
    }
    RV_EXPECT_EQ(rove_gather_calls(N, calls, results), 0);
    for (int i = 0; i < N; i++)
        RV_EXPECT_PTR(results[i], &a[i]);
    return 0;
}

/* Goal: after the first error the rest are cancelled and have ended before the return. */
RV_TASK_TEST(test_gather_calls_error_ends_the_rest_first)
{
    struct rv_actor a[] = {{.yields = -1},
                           {.yields = 2, .rc = EIO_APP},
                           {.yields = -1,
                            .when_cancelled = RV_ACTOR_FAILS,
                            .cancelled_rc = EOTHER_APP}};
    rove_call calls[3];
    for (int i = 0; i < 3; i++)
        calls[i] = (rove_call){rv_actor_run, &a[i]};
    RV_EXPECT_EQ(rove_gather_calls(3, calls, NULL), EIO_APP);
    for (int i = 0; i < 3; i++)
        RV_EXPECT_EQ(a[i].begun, a[i].ended);
    RV_EXPECT_EQ(a[1].ended, 1);
    RV_EXPECT_EQ(rove_yield(), 0);
    return 0;
}

static int calls_body(void *arg, RV_UNUSED void **result)
{
    struct rv_actor *a = arg;
    rove_call calls[2] = {{rv_actor_run, &a[0]}, {rv_actor_run, &a[1]}};
    return rove_gather_calls(2, calls, NULL);
}

RV_TASK_TEST(test_gather_calls_cancelled_ends_all_first)
{
    struct rv_actor a[] = {{.yields = -1}, {.yields = -1}};
    rove_task *t = rove_create_task(calls_body, a);
    rove_yield();
    rove_cancel(t);
    RV_EXPECT_EQ(rove_join(t, NULL), -ECANCELED);
    for (int i = 0; i < 2; i++)
        RV_EXPECT_EQ(a[i].begun, a[i].ended);
    return 0;
}

static int count_body(void *arg, void **result)
{
    *result = arg;
    return rove_yield();
}

/* Goal: a hundred thousand children, linear in time and memory. */
static int many_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    enum { N = RV_TSAN ? 500 : RV_ASAN ? 10000 : 100000 };
    rove_future **fs = malloc(N * sizeof *fs);
    void **results = malloc(N * sizeof *results);
    RV_REQUIRE(fs != NULL && results != NULL);
    for (uintptr_t i = 0; i < N; i++)
        fs[i] = rove_create_task(count_body, (void *)i);
    RV_EXPECT_EQ(rove_gather(N, fs, results), 0);
    uintptr_t wrong = 0;
    for (uintptr_t i = 0; i < N; i++)
        wrong += (uintptr_t)results[i] != i;
    RV_EXPECT_EQ(wrong, 0);
    release(N, fs);
    free(fs);
    free(results);
    return 0;
}

static void test_gather_of_a_hundred_thousand(void **state)
{
    (void)state;
    rv_test_run_on(1, many_body, NULL);
    rv_test_run_on(2, many_body, NULL);
}

/* Goal: errors, successes and cancellations race; nobody is lost. Every round must end. */
RV_TASK_TEST(test_gather_races_with_completion_and_cancellation)
{
    enum { ROUNDS = RV_TSAN ? 60 : RV_ASAN ? 300 : 3000, N = 20 };
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct rv_actor a[N];
        rove_future *fs[N];
        struct gathering g = {.n = N, .fs = fs};
        for (unsigned i = 0; i < N; i++)
            a[i] = (struct rv_actor){.yields = (int)((i + round) % 3),
                                     .rc = i == round % 40 ? EIO_APP : 0};
        start(N, a, fs);
        rove_task *t = rove_create_task(gather_body, &g);
        if (round % 4 == 1)
            rove_cancel(t);
        if (round % 4 == 2) {
            rove_yield();
            rove_cancel(t);
        }
        int rc = rove_join(t, NULL);
        RV_REQUIRE(rc == 0 || rc == EIO_APP || rc == -ECANCELED);
        RV_REQUIRE(rc != 0 || round % 40 >= N);
        finish(N, fs);
    }
    return 0;
}

static void test_gather_outside_a_task_is_refused(void **state)
{
    (void)state;
    rove_future *f = rove_create_future();
    RV_EXPECT_EQ(rove_gather(1, &f, NULL), -EPERM);
    RV_EXPECT_EQ(rove_gather_outcomes(1, &f, NULL), -EPERM);
    RV_EXPECT_EQ(rove_gather_calls(0, NULL, NULL), -EPERM);
    RV_EXPECT_PTR(rove_gather_future(1, &f), NULL);
    rove_release(f);
    rv_test_settle();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gather_results_are_in_the_order_of_the_list),
        cmocka_unit_test(test_gather_of_nothing_and_bad_arguments_return_at_once),
        cmocka_unit_test(test_gather_takes_the_same_future_twice),
        cmocka_unit_test(test_gather_first_error_returns_at_once_and_leaves_the_others),
        cmocka_unit_test(test_gather_cancelled_child_is_an_error_but_not_the_callers),
        cmocka_unit_test(test_gather_cancelled_caller_cancels_all_children),
        cmocka_unit_test(test_gather_cancelled_but_swallowed_by_children_is_still_cancelled),
        cmocka_unit_test(test_gather_cancelled_child_fails_with_its_own_error),
        cmocka_unit_test(test_gather_cancelled_before_it_suspends_passes_the_request_on),
        cmocka_unit_test(test_gather_cancelled_in_the_round_of_a_failure),
        cmocka_unit_test(test_gather_of_done_futures_does_not_suspend),
        cmocka_unit_test(test_gather_outcomes_waits_for_all_and_tells_each),
        cmocka_unit_test(test_gather_outcomes_cancelled_waits_for_all),
        cmocka_unit_test(test_gather_calls_returns_results_in_order),
        cmocka_unit_test(test_gather_calls_error_ends_the_rest_first),
        cmocka_unit_test(test_gather_calls_cancelled_ends_all_first),
        cmocka_unit_test(test_gather_of_a_hundred_thousand),
        cmocka_unit_test(test_gather_races_with_completion_and_cancellation),
        cmocka_unit_test(test_gather_outside_a_task_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
