// SPDX-License-Identifier: MIT
/*
 * Purpose: shield: outcomes pass outwards, cancellations do not pass inwards; lifetimes.
 */
#include "support/actor.h"
#include "support/fixture.h"

#include "sched/future.h"

static int await_body(void *arg, void **result)
{
    return rove_await(arg, result);
}

RV_TASK_TEST(test_shield_passes_the_outcome_on)
{
    int v;
    struct rv_actor good = {.yields = 2, .value = &v};
    struct rv_actor bad = {.yields = 2, .rc = -5001};
    rove_task *t[] = {rove_create_task(rv_actor_run, &good), rove_create_task(rv_actor_run, &bad)};
    rove_future *s[] = {rove_shield(t[0]), rove_shield(t[1])};
    void *value = NULL;
    RV_EXPECT_EQ(rove_await(s[0], &value), 0);
    RV_EXPECT_PTR(value, &v);
    RV_EXPECT_EQ(rove_await(s[1], NULL), -5001);
    for (int i = 0; i < 2; i++) {
        rove_release(s[i]);
        rove_release(t[i]);
    }
    return 0;
}

RV_TASK_TEST(test_shield_of_a_done_future_is_that_future)
{
    rove_future *f = rove_create_future();
    rove_set_result(f, NULL);
    rove_future *s = rove_shield(f);
    RV_EXPECT_PTR(s, f);
    RV_EXPECT_PTR(rove_shield(NULL), NULL);
    rove_release(s);
    rove_release(f);
    return 0;
}

RV_TASK_TEST(test_shield_cancelled_leaves_the_inner_one_running)
{
    rove_future *gate = rove_create_future();
    struct rv_actor a = {.until = gate};
    rove_task *t = rove_create_task(rv_actor_run, &a);
    rove_future *s = rove_shield(t);
    RV_EXPECT(rove_cancel(s));
    RV_EXPECT(rove_cancelled(s));
    RV_EXPECT(!rove_cancel(s));
    RV_EXPECT_EQ(rove_await(s, NULL), -ECANCELED);
    RV_EXPECT_EQ(rove_cancelling(t), 0);
    rove_set_result(gate, NULL);
    RV_EXPECT_EQ(rove_join(t, NULL), 0);
    RV_EXPECT_EQ(a.cancels, 0);
    rove_release(s);
    rove_release(gate);
    return 0;
}

RV_TASK_TEST(test_shield_protects_from_a_cancelled_awaiter)
{
    rove_future *inner = rove_create_future();
    rove_future *s = rove_shield(inner);
    rove_task *t = rove_create_task(await_body, s);
    for (int i = 0; i < 4; i++)
        rove_yield();
    rove_cancel(t);
    RV_EXPECT_EQ(rove_join(t, NULL), -ECANCELED);
    RV_EXPECT(!rove_done(inner));
    RV_EXPECT_EQ(rove_set_result(inner, NULL), 0);
    rove_release(s);
    rove_release(inner);
    return 0;
}

/* Goal: who cancels the inner one directly is not kept from it. */
RV_TASK_TEST(test_shield_inner_cancelled_directly_ends_both)
{
    rove_future *inner = rove_create_future();
    rove_future *s = rove_shield(inner);
    rove_future *outer = rove_shield(s);
    RV_EXPECT(rove_cancel(inner));
    RV_EXPECT_EQ(rove_await(outer, NULL), -ECANCELED);
    RV_EXPECT(rove_cancelled(s));
    rove_release(outer);
    rove_release(s);
    rove_release(inner);
    return 0;
}

/* Goal: no handle need be kept: the shield holds the inner one, the inner one the shield. */
RV_TASK_TEST(test_shield_keeps_both_alive_without_handles)
{
    struct rv_actor a = {.yields = 3, .value = &a};
    rove_task *t = rove_create_task(rv_actor_run, &a);
    rove_future *s = rove_shield(t);
    void *value = NULL;
    rove_release(t);
    RV_EXPECT_EQ(rove_join(s, &value), 0);
    RV_EXPECT_PTR(value, &a);
    rove_future *inner = rove_create_future();
    rove_release(rove_shield(inner));
    rove_set_result(inner, NULL);
    rove_release(inner);
    return 0;
}

RV_TASK_TEST(test_shield_keeps_the_result_of_a_gather_alive)
{
    int v;
    rove_future *f = rove_create_future();
    rove_future *g = rove_gather_future(1, &f);
    rove_future *s = rove_shield(g);
    void *results = NULL;
    rove_release(g);
    rove_set_result(f, &v);
    RV_EXPECT_EQ(rove_await(s, &results), 0);
    RV_EXPECT_PTR(((void **)results)[0], &v);
    rove_release(s);
    rove_release(f);
    return 0;
}

RV_TASK_TEST(test_shield_races_with_completion)
{
    enum { ROUNDS = RV_TSAN || RV_ASAN ? 500 : 5000 };
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct rv_actor a = {.yields = (int)(round % 3)};
        rove_task *t = rove_create_task(rv_actor_run, &a);
        rove_future *s = rove_shield(t);
        rove_task *awaiter = rove_create_task(await_body, s);
        if (round % 2 == 0)
            rove_yield();
        rove_cancel(awaiter);
        int rc = rove_join(awaiter, NULL);
        RV_REQUIRE(rc == 0 || rc == -ECANCELED);
        rove_release(s);
        RV_REQUIRE_EQ(rove_join(t, NULL), 0);
    }
    return 0;
}

/* Goal: a future that lives long keeps nothing of the shields that were cancelled over it, by hand
 * or with who awaited them. */
RV_TASK_TEST(test_shield_cancelled_leaves_nothing_at_the_inner_one)
{
    rove_future *f = rove_create_future();
    for (int i = 0; i < 3; i++) {
        rove_future *s = rove_shield(f);
        RV_EXPECT(f->waiters.first != NULL);
        if (i == 0)
            RV_EXPECT(rove_cancel(s));
        else
            RV_EXPECT_EQ(rove_wait_for(s, ROVE_US(i), NULL), -ETIMEDOUT);
        RV_EXPECT_PTR(f->waiters.first, NULL);
        rove_release(s);
    }
    RV_EXPECT(!rove_done(f));
    rove_set_result(f, NULL);
    rove_release(f);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shield_passes_the_outcome_on),
        cmocka_unit_test(test_shield_of_a_done_future_is_that_future),
        cmocka_unit_test(test_shield_cancelled_leaves_the_inner_one_running),
        cmocka_unit_test(test_shield_protects_from_a_cancelled_awaiter),
        cmocka_unit_test(test_shield_inner_cancelled_directly_ends_both),
        cmocka_unit_test(test_shield_cancelled_leaves_nothing_at_the_inner_one),
        cmocka_unit_test(test_shield_keeps_both_alive_without_handles),
        cmocka_unit_test(test_shield_keeps_the_result_of_a_gather_alive),
        cmocka_unit_test(test_shield_races_with_completion),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
