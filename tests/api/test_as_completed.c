// SPDX-License-Identifier: MIT
/*
 * Purpose: as_completed: order of completion, the common deadline, cancellation, early leaving.
 */
#include "support/actor.h"
#include "support/fixture.h"

#include <stdlib.h>

static void start(size_t n, struct rv_actor actors[], rove_future *fs[])
{
    for (size_t i = 0; i < n; i++)
        fs[i] = rove_create_task(rv_actor_run, &actors[i]);
}

static void cancel_and_join(size_t n, rove_future *fs[])
{
    for (size_t i = 0; i < n; i++)
        rove_cancel(fs[i]);
    for (size_t i = 0; i < n; i++)
        (void)rove_join(fs[i], NULL);
}

RV_TASK_TEST(test_as_completed_of_nothing_ends_at_once)
{
    rove_future *f = NULL;
    rove_as_completed *it = rove_as_completed_open(0, NULL, ROVE_FOREVER);
    RV_REQUIRE(it != NULL);
    RV_EXPECT_EQ(rove_as_completed_next(it, &f), 0);
    RV_EXPECT_EQ(rove_as_completed_next(it, NULL), -EINVAL);
    RV_EXPECT_EQ(rove_as_completed_next(NULL, &f), -EINVAL);
    rove_as_completed_close(it);
    rove_as_completed_close(NULL);
    RV_EXPECT_PTR(rove_as_completed_open(1, NULL, ROVE_FOREVER), NULL);
    RV_EXPECT_PTR(rove_as_completed_open(1, &f, ROVE_FOREVER), NULL);
    return 0;
}

/* Goal: futures set by hand come in the order in which they are set, errors too. */
RV_TASK_TEST(test_as_completed_hands_out_in_order_of_completion)
{
    enum { N = 5 };
    static const int order[N] = {3, 0, 4, 1, 2};
    rove_future *fs[N];
    rove_future *f;
    for (int i = 0; i < N; i++)
        fs[i] = rove_create_future();
    rove_set_result(fs[3], NULL);
    rove_as_completed *it = rove_as_completed_open(N, fs, ROVE_FOREVER);
    for (int i = 1; i < N; i++) {
        if (i == 2)
            rove_set_error(fs[order[i]], -5001);
        else
            rove_set_result(fs[order[i]], NULL);
    }
    for (int i = 0; i < N; i++) {
        RV_REQUIRE_EQ(rove_as_completed_next(it, &f), 1);
        RV_EXPECT_PTR(f, fs[order[i]]);
        RV_EXPECT_EQ(rove_result(f, NULL), i == 2 ? -5001 : 0);
    }
    RV_EXPECT_EQ(rove_as_completed_next(it, &f), 0);
    RV_EXPECT_EQ(rove_as_completed_next(it, &f), 0);
    rove_as_completed_close(it);
    for (int i = 0; i < N; i++)
        rove_release(fs[i]);
    return 0;
}

static int tasks_in_order_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    struct rv_actor a[] = {{.yields = 6}, {.yields = 2}, {.yields = 4}};
    static const int order[] = {1, 2, 0};
    rove_future *fs[3];
    rove_future *f;
    start(3, a, fs);
    rove_as_completed *it = rove_as_completed_open(3, fs, ROVE_FOREVER);
    for (int i = 0; i < 3; i++) {
        RV_REQUIRE_EQ(rove_as_completed_next(it, &f), 1);
        RV_EXPECT_PTR(f, fs[order[i]]);
        RV_EXPECT(rove_done(f));
    }
    rove_as_completed_close(it);
    cancel_and_join(3, fs);
    return 0;
}

static void test_as_completed_waits_for_tasks_in_their_order(void **state)
{
    (void)state;
    rv_test_run_on(1, tasks_in_order_body, NULL);
}

/* Goal: the iteration holds the futures: the caller's handles may go first. Each comes once. */
RV_TASK_TEST(test_as_completed_retains_and_takes_repetitions_once)
{
    struct rv_actor a[] = {{.yields = 3}, {.yields = 1}};
    rove_future *fs[5];
    rove_future *f;
    int n = 0;
    start(2, a, fs);
    fs[2] = fs[0];
    fs[3] = fs[1];
    fs[4] = fs[0];
    rove_as_completed *it = rove_as_completed_open(5, fs, ROVE_FOREVER);
    rove_release(fs[0]);
    rove_release(fs[1]);
    while (rove_as_completed_next(it, &f) == 1) {
        RV_EXPECT_EQ(rove_result(f, NULL), 0);
        n++;
    }
    RV_EXPECT_EQ(n, 2);
    rove_as_completed_close(it);
    return 0;
}

/* Goal: what is done before the deadline is handed out; each of the rest is one -ETIMEDOUT. */
RV_TASK_TEST(test_as_completed_deadline_is_for_the_whole_iteration)
{
    rove_future *fs[] = {rove_create_future(), rove_create_future(), rove_create_future()};
    rove_future *f = NULL;
    rove_set_result(fs[1], NULL);
    rove_as_completed *it = rove_as_completed_open(3, fs, RV_TEST_SOON);
    RV_EXPECT_EQ(rove_as_completed_next(it, &f), 1);
    RV_EXPECT_PTR(f, fs[1]);
    RV_EXPECT_EQ(rove_as_completed_next(it, &f), -ETIMEDOUT);
    rove_set_result(fs[0], NULL);
    RV_EXPECT_EQ(rove_as_completed_next(it, &f), -ETIMEDOUT);
    RV_EXPECT_EQ(rove_as_completed_next(it, &f), 0);
    rove_as_completed_close(it);
    RV_EXPECT(!rove_done(fs[2]));
    cancel_and_join(3, fs);
    return 0;
}

struct nexting {
    rove_as_completed *it;
    rove_future *f;
};

static int next_body(void *arg, RV_UNUSED void **result)
{
    struct nexting *n = arg;
    return rove_as_completed_next(n->it, &n->f);
}

/* Goal: a next that was cancelled took nothing: the iteration goes on where it was. */
RV_TASK_TEST(test_as_completed_cancelled_next_loses_nothing)
{
    rove_future *f = rove_create_future();
    struct nexting n = {.it = rove_as_completed_open(1, &f, ROVE_FOREVER)};
    rove_task *t = rove_create_task(next_body, &n);
    rove_yield();
    rove_yield();
    rove_cancel(t);
    RV_EXPECT_EQ(rove_join(t, NULL), -ECANCELED);
    RV_EXPECT(!rove_done(f));
    rove_set_result(f, NULL);
    RV_EXPECT_EQ(rove_as_completed_next(n.it, &n.f), 1);
    RV_EXPECT_PTR(n.f, f);
    RV_EXPECT_EQ(rove_as_completed_next(n.it, &n.f), 0);
    rove_as_completed_close(n.it);
    rove_release(f);
    return 0;
}

RV_TASK_TEST(test_as_completed_closed_early_leaves_the_rest_running)
{
    struct rv_actor a[] = {{.yields = 1}, {.yields = -1}, {.yields = 7}};
    rove_future *fs[3];
    rove_future *f;
    start(3, a, fs);
    rove_as_completed *it = rove_as_completed_open(3, fs, ROVE_SEC(60));
    RV_EXPECT_EQ(rove_as_completed_next(it, &f), 1);
    rove_as_completed_close(it);
    RV_EXPECT_EQ(rove_cancelling(fs[1]), 0);
    RV_EXPECT_EQ(rove_await(fs[2], NULL), 0);
    cancel_and_join(3, fs);
    return 0;
}

/* Goal: deadline, completions and the close race; every future comes once or counts as late. */
RV_TASK_TEST(test_as_completed_races_with_its_deadline)
{
    enum { ROUNDS = RV_TSAN || RV_ASAN ? 100 : 500, N = 12 };
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct rv_actor a[N];
        rove_future *fs[N];
        rove_future *f;
        unsigned came = 0, late = 0;
        int rc = 1;
        for (unsigned i = 0; i < N; i++)
            a[i] = (struct rv_actor){.yields = (int)((i * round) % 5)};
        start(N, a, fs);
        rove_as_completed *it = rove_as_completed_open(N, fs, ROVE_US(round % 40));
        while (rc != 0 && (round % 4 != 0 || came < 3)) {
            rc = rove_as_completed_next(it, &f);
            came += rc == 1;
            late += rc == -ETIMEDOUT;
            RV_REQUIRE(rc != 1 || rove_done(f));
        }
        rove_as_completed_close(it);
        RV_REQUIRE(rc != 0 || came + late == N);
        for (unsigned i = 0; i < N; i++)
            RV_REQUIRE_EQ(rove_join(fs[i], NULL), 0);
    }
    return 0;
}

static int many_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    enum { N = RV_TSAN ? 2000 : RV_ASAN ? 5000 : 50000 };
    struct rv_actor *a = calloc(N, sizeof *a);
    rove_future **fs = calloc(N, sizeof *fs);
    rove_future *f;
    unsigned n = 0;
    RV_REQUIRE(a != NULL && fs != NULL);
    for (int i = 0; i < N; i++)
        a[i].yields = i % 3;
    start(N, a, fs);
    rove_as_completed *it = rove_as_completed_open(N, fs, ROVE_FOREVER);
    while (rove_as_completed_next(it, &f) == 1)
        n++;
    rove_as_completed_close(it);
    RV_EXPECT_EQ(n, N);
    cancel_and_join(N, fs);
    free(fs);
    free(a);
    return 0;
}

static void test_as_completed_of_many(void **state)
{
    (void)state;
    rv_test_run_on(1, many_body, NULL);
    rv_test_run_on(2, many_body, NULL);
}

/* Goal: what is done already is handed out though the deadline has come, as in asyncio. */
RV_TASK_TEST(test_as_completed_hands_out_what_is_done_before_a_deadline)
{
    enum { DONE = 64, TURNS = 300 };
    rove_future *fs[DONE];
    rove_future *f;
    for (int i = 0; i < DONE; i++) {
        fs[i] = rove_create_future();
        RV_EXPECT_EQ(rove_set_result(fs[i], NULL), 0);
    }
    for (int turn = 0; turn < TURNS; turn++) {
        rove_as_completed *it = rove_as_completed_open(DONE, fs, 0);
        for (int i = 0; i < DONE; i++) {
            RV_REQUIRE_EQ(rove_as_completed_next(it, &f), 1);
            RV_EXPECT_PTR(f, fs[i]);
        }
        RV_EXPECT_EQ(rove_as_completed_next(it, &f), 0);
        rove_as_completed_close(it);
    }
    for (int i = 0; i < DONE; i++)
        rove_release(fs[i]);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_completed_of_nothing_ends_at_once),
        cmocka_unit_test(test_as_completed_hands_out_in_order_of_completion),
        cmocka_unit_test(test_as_completed_waits_for_tasks_in_their_order),
        cmocka_unit_test(test_as_completed_retains_and_takes_repetitions_once),
        cmocka_unit_test(test_as_completed_deadline_is_for_the_whole_iteration),
        cmocka_unit_test(test_as_completed_cancelled_next_loses_nothing),
        cmocka_unit_test(test_as_completed_closed_early_leaves_the_rest_running),
        cmocka_unit_test(test_as_completed_races_with_its_deadline),
        cmocka_unit_test(test_as_completed_of_many),
        cmocka_unit_test(test_as_completed_hands_out_what_is_done_before_a_deadline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
