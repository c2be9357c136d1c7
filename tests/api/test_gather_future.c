// SPDX-License-Identifier: MIT
/*
 * Purpose: gather as a future: nesting, cancellation both ways, lifetimes, races.
 */
#include "support/actor.h"
#include "support/fixture.h"

#include "core/atomic.h"

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

static void count_call(RV_UNUSED rove_future *f, void *ctx)
{
    rv_fetch_add_relaxed((RV_ATOMIC(int) *)ctx, 1);
}

/* Goal: who drops a hand-set future undone, and what is over it, leaves nothing, in any order. */
RV_TASK_TEST(test_gather_future_of_nobodys_future_is_freed)
{
    for (int round = 0; round < 4; round++) {
        RV_ATOMIC(int) calls = 0;
        rove_future *fs[] = {rove_create_future(), rove_create_future()};
        rove_future *over[] = {rove_gather_future(2, fs), rove_shield(fs[0])};
        rove_future *top = rove_gather_future(2, over);
        rove_future *beside = rove_gather_future(1, over);
        RV_EXPECT_EQ(rove_add_done_callback(top, count_call, (void *)&calls), 0);
        if (round % 2 == 0)
            release(2, fs);
        if (round < 2)
            release(2, over);
        rove_release(top);
        rove_release(beside);
        if (round >= 2)
            release(2, over);
        if (round % 2 != 0)
            release(2, fs);
        RV_EXPECT_EQ(rv_load_relaxed(&calls), 0);
    }
    return 0;
}

/* Goal: dropped, and not given up: the callback comes, with results that are there still. */
RV_TASK_TEST(test_gather_future_dropped_first_tells_its_callbacks)
{
    RV_ATOMIC(int) calls = 0;
    rove_future *fs[] = {rove_create_future(), rove_create_future()};
    rove_future *half = rove_shield(fs[0]);
    rove_future *both[] = {half, fs[1]};
    rove_future *all = rove_gather_future(2, both);
    rove_release(half);
    RV_EXPECT_EQ(rove_add_done_callback(all, count_call, (void *)&calls), 0);
    rove_release(all);
    RV_EXPECT_EQ(rove_set_result(fs[1], NULL), 0);
    rove_release(fs[1]);
    RV_EXPECT_EQ(rove_set_result(fs[0], NULL), 0);
    rove_release(fs[0]);
    while (rv_load_relaxed(&calls) == 0)
        rove_yield();
    return 0;
}

/* Goal: a failure ends it early; the other child's last handle goes before or after its own. */
RV_TASK_TEST(test_gather_future_failed_lets_go_of_the_others)
{
    for (int round = 0; round < 2; round++) {
        rove_future *fs[] = {rove_create_future(), rove_create_future()};
        rove_future *g = rove_gather_future(2, fs);
        RV_EXPECT_EQ(rove_set_error(fs[0], EIO_APP), 0);
        RV_EXPECT_EQ(rove_await(g, NULL), EIO_APP);
        if (round == 0)
            release(2, fs);
        rove_release(g);
        if (round == 1)
            release(2, fs);
    }
    return 0;
}

static int set_and_release(void *arg, RV_UNUSED void **result)
{
    rove_set_result(arg, NULL);
    rove_release(arg);
    return 0;
}

static int just_release(void *arg, RV_UNUSED void **result)
{
    rove_release(arg);
    return 0;
}

/* Goal: children are completed, or given up, while the outer futures are dropped. */
RV_TASK_TEST(test_gather_future_races_of_dropping_and_completing)
{
    enum { N = 3, ROUNDS = RV_TSAN || RV_ASAN ? 300 : 3000 };
    for (int round = 0; round < ROUNDS; round++) {
        rove_future *fs[N], *t[2 * N];
        for (int i = 0; i < N; i++)
            fs[i] = rove_create_future();
        rove_future *shields[] = {rove_shield(fs[0]), rove_gather_future(1, fs + 1), fs[2]};
        rove_future *over[] = {shields[0], shields[1], rove_gather_future(3, shields)};
        for (int i = 0; i < N; i++) {
            bool is_set = (round >> i) % 2 == 0;
            t[i] = rove_create_task(is_set ? set_and_release : just_release, fs[i]);
            t[N + i] = rove_create_task(just_release, over[i]);
        }
        finish(2 * N, t);
    }
    return 0;
}

/* Goal: the same of many links. */
RV_TASK_TEST(test_gather_future_of_many_links_is_given_up)
{
    for (int round = 0; round < 2; round++) {
        rove_future *f = rove_create_future();
        rove_future *tail = rove_retain(f);
        for (int i = 0; i < LINKS; i++) {
            rove_future *next = i % 3 == 0 ? rove_shield(tail) : rove_gather_future(1, &tail);
            RV_REQUIRE(next != NULL);
            rove_release(tail);
            tail = next;
        }
        if (round == 0)
            rove_release(f);
        rove_release(tail);
        if (round == 1)
            rove_release(f);
    }
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
        cmocka_unit_test(test_gather_future_of_nobodys_future_is_freed),
        cmocka_unit_test(test_gather_future_dropped_first_tells_its_callbacks),
        cmocka_unit_test(test_gather_future_failed_lets_go_of_the_others),
        cmocka_unit_test(test_gather_future_races_of_dropping_and_completing),
        cmocka_unit_test(test_gather_future_of_many_links_is_given_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
