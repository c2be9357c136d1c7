// SPDX-License-Identifier: MIT
/*
 * Purpose: gather as a future: nesting, cancellation both ways, lifetimes, races.
 */
#include "support/actor.h"
#include "support/fixture.h"

#define EIO_APP (-5001)

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

static int await_body(void *arg, void **result)
{
    return rove_await(arg, result);
}

RV_TASK_TEST(test_gather_future_nests_and_owns_its_results)
{
    int v[4];
    struct rv_actor a[4];
    rove_future *fs[4];
    for (int i = 0; i < 4; i++)
        a[i] = (struct rv_actor){.yields = 4 - i, .value = &v[i]};
    start(4, a, fs);
    rove_future *halves[] = {rove_gather_future(2, fs), rove_gather_future(2, fs + 2)};
    release(4, fs);
    rove_future *all = rove_gather_future(2, halves);
    release(2, halves);
    void *pairs = NULL;
    RV_REQUIRE_EQ(rove_await(all, &pairs), 0);
    void **outer = pairs;
    for (int i = 0; i < 4; i++)
        RV_EXPECT_PTR(((void **)outer[i / 2])[i % 2], &v[i]);
    rove_release(all);
    return 0;
}

RV_TASK_TEST(test_gather_future_of_nothing_is_done)
{
    rove_future *f = rove_gather_future(0, NULL);
    void *none = NULL;
    RV_REQUIRE(f != NULL);
    RV_EXPECT(rove_done(f));
    RV_EXPECT_EQ(rove_result(f, &none), 0);
    RV_EXPECT(none != NULL);
    rove_release(f);
    return 0;
}

RV_TASK_TEST(test_gather_future_cancel_goes_to_the_children)
{
    struct rv_actor a[] = {{.yields = -1}, {.yields = -1}};
    rove_future *fs[2];
    start(2, a, fs);
    rove_future *g = rove_gather_future(2, fs);
    rove_future *outer = rove_gather_future(1, &g);
    RV_EXPECT(rove_cancel(outer));
    RV_EXPECT_EQ(rove_await(outer, NULL), -ECANCELED);
    RV_EXPECT(rove_cancelled(outer));
    RV_EXPECT(!rove_cancel(outer));
    RV_EXPECT_EQ(rove_await(fs[0], NULL), -ECANCELED);
    RV_EXPECT_EQ(rove_await(fs[1], NULL), -ECANCELED);
    rove_release(outer);
    rove_release(g);
    release(2, fs);
    return 0;
}

struct awaiting {
    rove_future *f;
    RV_ATOMIC(uint32_t) has_begun;
};

static int awaiting_body(void *arg, void **result)
{
    struct awaiting *a = arg;
    rv_store_relaxed(&a->has_begun, 1u);
    return rove_await(a->f, result);
}

/* Goal: who awaits a gather future passes his cancellation through it. */
RV_TASK_TEST(test_gather_future_cancelled_awaiter_cancels_the_children)
{
    struct rv_actor a[] = {{.yields = -1}, {.yields = -1}};
    rove_future *fs[2];
    start(2, a, fs);
    rove_future *g = rove_gather_future(2, fs);
    struct awaiting awaiting = {.f = g};
    rove_task *t = rove_create_task(awaiting_body, &awaiting);
    while (rv_load_relaxed(&awaiting.has_begun) == 0)
        rove_yield();
    rove_cancel(t);
    RV_EXPECT_EQ(rove_join(t, NULL), -ECANCELED);
    RV_EXPECT_EQ(rove_await(fs[0], NULL), -ECANCELED);
    RV_EXPECT_EQ(rove_await(fs[1], NULL), -ECANCELED);
    rove_release(g);
    release(2, fs);
    return 0;
}

/* Goal: a gather future that nobody holds lives until its children are done, and is freed then. */
RV_TASK_TEST(test_gather_future_may_be_released_before_its_children_end)
{
    rove_future *a = rove_create_future();
    rove_future *b = rove_create_future();
    rove_future *fs[] = {a, b, a};
    rove_release(rove_gather_future(3, fs));
    rove_release(rove_gather_future(3, fs));
    rove_set_result(a, NULL);
    rove_set_error(b, EIO_APP);
    rove_release(a);
    rove_release(b);
    return 0;
}

/* Goal: a task that awaits a gather of itself can be cancelled: no endless recursion. */
static int knot_body(void *arg, void **result)
{
    rove_future **g = arg;
    rove_future *self[] = {rove_current_task()};
    *g = rove_gather_future(1, self);
    return rove_await(*g, result);
}

RV_TASK_TEST(test_gather_future_of_its_awaiter_can_be_cancelled)
{
    rove_future *g = NULL;
    rove_task *t = rove_create_task(knot_body, &g);
    for (int i = 0; i < 8; i++)
        rove_yield();
    rove_cancel(t);
    RV_EXPECT_EQ(rove_join(t, NULL), -ECANCELED);
    rove_release(g);
    return 0;
}

RV_TASK_TEST(test_gather_future_races_with_completion_and_cancellation)
{
    enum { ROUNDS = RV_TSAN ? 60 : RV_ASAN ? 300 : 3000, N = 6 };
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct rv_actor a[N];
        rove_future *fs[N];
        for (unsigned i = 0; i < N; i++)
            a[i] = (struct rv_actor){.yields = (int)((i + round) % 3)};
        start(N, a, fs);
        rove_future *g = rove_gather_future(N, fs);
        rove_task *t = rove_create_task(await_body, g);
        if (round % 3 == 1)
            rove_cancel(g);
        if (round % 3 == 2)
            rove_cancel(t);
        int rc = rove_join(t, NULL);
        RV_REQUIRE(rc == 0 || rc == -ECANCELED);
        rove_release(g);
        finish(N, fs);
    }
    return 0;
}

enum { LINKS = 20000 };

/* Goal: a chain of done gathers and shields, each of which holds the one before, is freed on a
 * usual stack: who waits for all so far with one more, again and again, makes such a chain. */
RV_TASK_TEST(test_gather_future_of_many_links_is_freed)
{
    struct rv_actor a[1] = {{.yields = 0}};
    rove_future *tail;
    start(1, a, &tail);
    for (int i = 0; i < LINKS; i++) {
        rove_future *next = i % 3 == 0 ? rove_shield(tail) : rove_gather_future(1, &tail);
        RV_REQUIRE(next != NULL);
        rove_release(tail);
        RV_REQUIRE_EQ(rove_await(next, NULL), 0);
        tail = next;
    }
    rove_release(tail);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gather_future_nests_and_owns_its_results),
        cmocka_unit_test(test_gather_future_of_nothing_is_done),
        cmocka_unit_test(test_gather_future_cancel_goes_to_the_children),
        cmocka_unit_test(test_gather_future_cancelled_awaiter_cancels_the_children),
        cmocka_unit_test(test_gather_future_may_be_released_before_its_children_end),
        cmocka_unit_test(test_gather_future_of_its_awaiter_can_be_cancelled),
        cmocka_unit_test(test_gather_future_races_with_completion_and_cancellation),
        cmocka_unit_test(test_gather_future_of_many_links_is_freed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
