// SPDX-License-Identifier: MIT
/*
 * Purpose: task groups: what TaskGroup promises, in every state, and lists of errors.
 */
#include "support/actor.h"
#include "support/fixture.h"

#include <stdlib.h>

#define EIO_APP (-5001)
#define EOTHER_APP (-5002)

RV_TASK_TEST(test_group_waits_for_all_children)
{
    rove_task_group g;
    struct rv_actor a[] = {{.yields = 5, .value = &a[0]}, {0}, {.yields = 2}};
    void *value = NULL;
    rove_task_group_enter(&g);
    rove_task *first = rove_task_group_create_task(&g, rv_actor_run, &a[0]);
    RV_REQUIRE(first != NULL);
    RV_EXPECT(rove_task_group_create_task(&g, rv_actor_run, &a[1]) != NULL);
    RV_EXPECT(rove_task_group_create_task(&g, rv_actor_run, &a[2]) != NULL);
    rove_retain(first);
    RV_EXPECT_EQ(rove_task_group_exit(&g, 0), 0);
    for (int i = 0; i < 3; i++)
        RV_EXPECT_EQ(a[i].ended, 1);
    RV_EXPECT_EQ(rove_result(first, &value), 0);
    RV_EXPECT_PTR(value, &a[0]);
    RV_EXPECT_EQ(rove_task_group_errors(&g, NULL, 0), 0);
    rove_release(first);
    return 0;
}

RV_TASK_TEST(test_group_without_children_ends_at_once)
{
    rove_task_group g;
    for (int rc = -3; rc <= 3; rc++) {
        rove_task_group_enter(&g);
        RV_EXPECT_EQ(rove_task_group_exit(&g, rc), rc < 0 ? rc : 0);
        RV_EXPECT_EQ(rove_task_group_exit(&g, 0), -EPERM);
        RV_EXPECT_PTR(rove_task_group_create_task(&g, rv_actor_run, NULL), NULL);
        RV_EXPECT_EQ(rove_task_group_cancel(&g), -EINVAL);
    }
    rove_task_group_enter(&g);
    RV_EXPECT_PTR(rove_task_group_create_task(&g, NULL, NULL), NULL);
    RV_EXPECT_EQ(rove_task_group_exit(&g, 0), 0);
    return 0;
}

/* Goal: the first child to fail cancels its siblings and the parent's block. */
RV_TASK_TEST(test_group_failing_child_cancels_siblings_and_the_block)
{
    rove_task_group g;
    struct rv_actor a[] = {{.yields = -1}, {.yields = -1}, {.yields = 2, .rc = EIO_APP}};
    int errors[3] = {0};
    rove_task_group_enter(&g);
    for (int i = 0; i < 3; i++)
        RV_EXPECT(rove_task_group_create_task(&g, rv_actor_run, &a[i]) != NULL);
    int rc = rove_sleep(ROVE_FOREVER);
    RV_EXPECT_EQ(rc, -ECANCELED);
    RV_EXPECT_PTR(rove_task_group_create_task(&g, rv_actor_run, &a[0]), NULL);
    RV_EXPECT_EQ(rove_task_group_exit(&g, rc), EIO_APP);
    RV_EXPECT_EQ(a[0].begun + a[1].begun, a[0].ended + a[1].ended);
    RV_EXPECT_EQ(rove_task_group_errors(&g, errors, 3), 1);
    RV_EXPECT_EQ(errors[0], EIO_APP);
    RV_EXPECT_EQ(rove_cancelling(rove_current_task()), 0);
    RV_EXPECT_EQ(rove_yield(), 0);
    return 0;
}

/* Goal: the same while the parent is in the exit already. */
RV_TASK_TEST(test_group_failing_child_during_the_exit_cancels_siblings)
{
    rove_task_group g;
    struct rv_actor a[] = {{.yields = -1}, {.yields = 2, .rc = EIO_APP}};
    rove_task_group_enter(&g);
    for (int i = 0; i < 2; i++)
        (void)rove_task_group_create_task(&g, rv_actor_run, &a[i]);
    RV_EXPECT_EQ(rove_task_group_exit(&g, 0), EIO_APP);
    RV_EXPECT_EQ(rove_cancelling(rove_current_task()), 0);
    RV_EXPECT_EQ(rove_yield(), 0);
    return 0;
}

/* Goal: the failing child's request that the block never felt is taken back by the exit. */
RV_TASK_TEST(test_group_request_that_was_not_felt_is_withdrawn)
{
    rove_task_group g;
    struct rv_actor a = {.rc = EIO_APP};
    rove_task_group_enter(&g);
    rove_task *t = rove_task_group_create_task(&g, rv_actor_run, &a);
    while (!rove_done(t))
        (void)rove_yield();
    RV_EXPECT_EQ(rove_task_group_exit(&g, 0), EIO_APP);
    RV_EXPECT_EQ(rove_cancelling(rove_current_task()), 0);
    RV_EXPECT_EQ(rove_yield(), 0);
    return 0;
}

RV_TASK_TEST(test_group_cancelled_child_is_no_failure)
{
    rove_task_group g;
    struct rv_actor a[] = {{.yields = -1}, {.yields = 3}};
    rove_task_group_enter(&g);
    rove_task *t = rove_task_group_create_task(&g, rv_actor_run, &a[0]);
    (void)rove_task_group_create_task(&g, rv_actor_run, &a[1]);
    rove_cancel(t);
    RV_EXPECT_EQ(rove_task_group_exit(&g, 0), 0);
    RV_EXPECT_EQ(a[1].cancels, 0);
    RV_EXPECT_EQ(a[1].ended, 1);
    return 0;
}

RV_TASK_TEST(test_group_block_that_failed_cancels_the_children)
{
    rove_task_group g;
    struct rv_actor a[] = {{.yields = -1}, {.yields = -1}};
    rove_task_group_enter(&g);
    for (int i = 0; i < 2; i++)
        (void)rove_task_group_create_task(&g, rv_actor_run, &a[i]);
    RV_EXPECT_EQ(rove_task_group_exit(&g, EOTHER_APP), EOTHER_APP);
    RV_EXPECT_EQ(a[0].begun + a[1].begun, a[0].ended + a[1].ended);
    RV_EXPECT_EQ(rove_task_group_errors(&g, NULL, 0), 0);
    return 0;
}

/* Goal: the block's own error is returned, the children's are in the list. */
RV_TASK_TEST(test_group_block_and_children_fail)
{
    rove_task_group g;
    struct rv_actor a[] = {
        {.yields = -1, .when_cancelled = RV_ACTOR_FAILS, .cancelled_rc = EIO_APP}};
    int errors[2] = {0};
    rove_task_group_enter(&g);
    (void)rove_task_group_create_task(&g, rv_actor_run, &a[0]);
    while (!rv_actor_has_begun(&a[0]))
        rove_yield();
    RV_EXPECT_EQ(rove_task_group_exit(&g, EOTHER_APP), EOTHER_APP);
    RV_EXPECT_EQ(rove_task_group_errors(&g, errors, 2), 1);
    RV_EXPECT_EQ(errors[0], EIO_APP);
    return 0;
}

struct scene {
    rove_task_group g;
    struct rv_actor a[2];
    int sleep_rc, exit_rc, left, next_rc;
    bool sleeps;
};

static int scene_body(void *arg, RV_UNUSED void **result)
{
    struct scene *s = arg;
    rove_task_group_enter(&s->g);
    for (int i = 0; i < 2; i++)
        (void)rove_task_group_create_task(&s->g, rv_actor_run, &s->a[i]);
    s->sleep_rc = s->sleeps ? rove_sleep(ROVE_FOREVER) : 0;
    s->exit_rc = rove_task_group_exit(&s->g, s->sleep_rc);
    s->left = rove_cancelling(rove_current_task());
    s->next_rc = rove_yield();
    return s->exit_rc;
}

static void run_cancelled(struct scene *s)
{
    rove_task *t = rove_create_task(scene_body, s);
    while (!rv_actor_has_begun(&s->a[0]) || !rv_actor_has_begun(&s->a[1]))
        rove_yield();
    rove_cancel(t);
    (void)rove_join(t, NULL);
}

RV_TASK_TEST(test_group_cancelled_in_its_block_cancels_the_children)
{
    struct scene s = {.a = {{.yields = -1}, {.yields = -1}}, .sleeps = true};
    run_cancelled(&s);
    RV_EXPECT_EQ(s.sleep_rc, -ECANCELED);
    RV_EXPECT_EQ(s.exit_rc, -ECANCELED);
    RV_EXPECT_EQ(s.left, 1);
    RV_EXPECT_EQ(s.next_rc, 0);
    RV_EXPECT_EQ(s.a[0].cancels + s.a[1].cancels, 2);
    return 0;
}

RV_TASK_TEST(test_group_cancelled_in_its_exit_cancels_the_children)
{
    struct scene s = {.a = {{.yields = -1}, {.yields = -1}}};
    run_cancelled(&s);
    RV_EXPECT_EQ(s.exit_rc, -ECANCELED);
    RV_EXPECT_EQ(s.left, 1);
    RV_EXPECT_EQ(s.next_rc, 0);
    RV_EXPECT_EQ(s.a[0].cancels + s.a[1].cancels, 2);
    return 0;
}

/* Goal: cancelled from outside, and a child fails over it: the error wins, the request stays. */
RV_TASK_TEST(test_group_cancelled_and_a_child_fails)
{
    struct scene s = {
        .a = {{.yields = -1, .when_cancelled = RV_ACTOR_FAILS, .cancelled_rc = EIO_APP},
              {.yields = -1}}};
    run_cancelled(&s);
    RV_EXPECT_EQ(s.exit_rc, EIO_APP);
    RV_EXPECT_EQ(s.left, 1);
    RV_EXPECT_EQ(s.next_rc, -ECANCELED);
    return 0;
}

RV_TASK_TEST(test_group_cancel_cancels_children_but_not_the_block)
{
    rove_task_group g;
    struct rv_actor a[] = {{.yields = -1}, {.yields = -1}};
    rove_task_group_enter(&g);
    for (int i = 0; i < 2; i++)
        (void)rove_task_group_create_task(&g, rv_actor_run, &a[i]);
    RV_EXPECT_EQ(rove_yield(), 0);
    RV_EXPECT_EQ(rove_task_group_cancel(&g), 0);
    RV_EXPECT_EQ(rove_task_group_cancel(&g), 0);
    RV_EXPECT_PTR(rove_task_group_create_task(&g, rv_actor_run, &a[0]), NULL);
    RV_EXPECT_EQ(rove_yield(), 0);
    RV_EXPECT_EQ(rove_task_group_exit(&g, 0), 0);
    for (int i = 0; i < 2; i++)
        RV_EXPECT_EQ(a[i].begun, a[i].ended);
    return 0;
}

struct parent_of_more {
    rove_task_group *g;
    struct rv_actor a[3];
    bool is_refused;
};

static int add_more(void *arg, RV_UNUSED void **result)
{
    struct parent_of_more *p = arg;
    for (int i = 0; i < 3; i++) {
        int rc = rove_yield();
        if (rc < 0)
            return rc;
        p->is_refused |= rove_task_group_create_task(p->g, rv_actor_run, &p->a[i]) == NULL;
    }
    return 0;
}

/* Goal: children may add children while the parent waits in the exit. */
RV_TASK_TEST(test_group_children_add_children_during_the_exit)
{
    rove_task_group g;
    struct parent_of_more p = {.g = &g, .a = {{.yields = 1}, {.yields = 8}, {.yields = 3}}};
    rove_task_group_enter(&g);
    (void)rove_task_group_create_task(&g, add_more, &p);
    RV_EXPECT_EQ(rove_task_group_exit(&g, 0), 0);
    RV_EXPECT(!p.is_refused);
    for (int i = 0; i < 3; i++)
        RV_EXPECT_EQ(p.a[i].ended, 1);
    return 0;
}

static int order_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    struct rv_trace trace = {""};
    rove_task_group g;
    struct rv_actor a[] = {{.rc = EIO_APP, .name = "a", .trace = &trace},
                           {.yields = -1, .name = "b", .trace = &trace},
                           {.yields = 9, .name = "c", .trace = &trace}};
    rove_task_group_enter(&g);
    for (int i = 0; i < 3; i++)
        (void)rove_task_group_create_task(&g, rv_actor_run, &a[i]);
    rv_trace_add(&trace, "exit ", "");
    int rc = rove_task_group_exit(&g, 0);
    rv_trace_add(&trace, "left", "");
    RV_EXPECT_EQ(rc, EIO_APP);
    RV_EXPECT_STR(trace.text, "exit a+ a- b+ c+ c! b! left");
    return 0;
}

/* Goal: as in asyncio the siblings that are ready when a child fails still begin. */
static void test_group_order_of_a_failure_on_one_worker(void **state)
{
    (void)state;
    rv_test_run_on(1, order_body, NULL);
}

RV_TASK_TEST(test_group_nested_inner_failure_is_the_outer_blocks_error)
{
    rove_task_group outer, inner;
    struct rv_actor a = {.rc = EIO_APP}, b = {.yields = -1};
    rove_task_group_enter(&outer);
    (void)rove_task_group_create_task(&outer, rv_actor_run, &b);
    rove_task_group_enter(&inner);
    (void)rove_task_group_create_task(&inner, rv_actor_run, &a);
    int rc = rove_task_group_exit(&inner, 0);
    RV_EXPECT_EQ(rc, EIO_APP);
    RV_EXPECT_EQ(rove_task_group_exit(&outer, rc), EIO_APP);
    RV_EXPECT_EQ(rove_yield(), 0);
    return 0;
}

/* Goal: a deadline around a group ends all children and tells -ETIMEDOUT. */
RV_TASK_TEST(test_group_in_a_timeout)
{
    rove_timeout t;
    rove_task_group g;
    struct rv_actor a[] = {{.yields = -1}, {.yields = -1}};
    rove_timeout_enter(&t, RV_TEST_SOON);
    rove_task_group_enter(&g);
    for (int i = 0; i < 2; i++)
        (void)rove_task_group_create_task(&g, rv_actor_run, &a[i]);
    RV_EXPECT_EQ(rove_timeout_exit(&t, rove_task_group_exit(&g, 0)), -ETIMEDOUT);
    RV_EXPECT_EQ(rove_cancelling(rove_current_task()), 0);
    for (int i = 0; i < 2; i++)
        RV_EXPECT_EQ(a[i].begun, a[i].ended);
    return 0;
}

/* Goal: errors come in the order in which children failed, also when they do not fit in place. */
RV_TASK_TEST(test_group_errors_are_kept_in_order_whatever_their_number)
{
    enum { N = 100 };
    rove_future *gates[N];
    struct rv_actor a[N];
    for (int round = 0; round < 3; round++) {
        rove_task_group g;
        int errors[N + 1] = {0};
        rove_task_group_enter(&g);
        for (int i = 0; i < N; i++) {
            gates[i] = rove_create_future();
            a[i] = (struct rv_actor){.until = gates[i], .rc = -6000 - i,
                                     .when_cancelled = RV_ACTOR_SWALLOWS};
            RV_REQUIRE(rove_task_group_create_task(&g, rv_actor_run, &a[i]) != NULL);
        }
        RV_EXPECT_EQ(rove_task_group_cancel(&g), 0);
        for (int i = 0; i < N; i++)
            rove_set_result(gates[i], NULL);
        int rc = rove_task_group_exit(&g, 0);
        size_t n = rove_task_group_errors(&g, errors, N + 1);
        RV_EXPECT(n <= N);
        RV_EXPECT_EQ(rc, n > 0 ? errors[0] : 0);
        RV_EXPECT_EQ(errors[n], 0);
        for (size_t i = 0; i < n; i++)
            RV_EXPECT(errors[i] <= -6000 && errors[i] > -6000 - N);
        RV_EXPECT_EQ(rove_task_group_errors(&g, errors, 2), n);
        for (int i = 0; i < N; i++)
            rove_release(gates[i]);
    }
    return 0;
}

static int fail_in_turn(void *arg, RV_UNUSED void **result)
{
    return -7000 - (int)(intptr_t)arg;
}

static int spill_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    enum { N = 50 };
    rove_task_group g;
    int errors[N];
    rove_task_group_enter(&g);
    for (intptr_t i = 0; i < N; i++)
        RV_EXPECT(rove_task_group_create_task(&g, fail_in_turn, (void *)i) != NULL);
    RV_EXPECT_EQ(rove_task_group_exit(&g, 0), -7000);
    RV_EXPECT_EQ(rove_task_group_errors(&g, errors, N), N);
    for (int i = 0; i < N; i++)
        RV_EXPECT_EQ(errors[i], -7000 - i);
    return 0;
}

/* Goal: exact order of fifty failures in one round of the loop; nothing of the list is left. */
static void test_group_fifty_failures_on_one_worker(void **state)
{
    (void)state;
    rv_test_run_on(1, spill_body, NULL);
}

static int other_body(void *arg, RV_UNUSED void **result)
{
    return rove_task_group_exit(arg, 0);
}

RV_TASK_TEST(test_group_is_left_by_its_parent_only)
{
    rove_task_group g;
    rove_task_group_enter(&g);
    rove_task *t = rove_create_task(other_body, &g);
    RV_EXPECT_EQ(rove_join(t, NULL), -EPERM);
    RV_EXPECT_EQ(rove_task_group_exit(&g, 0), 0);
    return 0;
}

static int yield_once(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    return rove_yield();
}

static int many_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    enum { N = RV_TSAN ? 2000 : RV_ASAN ? 10000 : 100000 };
    rove_task_group g;
    int missing = 0;
    rove_task_group_enter(&g);
    for (int i = 0; i < N; i++)
        missing += rove_task_group_create_task(&g, yield_once, NULL) == NULL;
    RV_EXPECT_EQ(rove_task_group_exit(&g, 0), 0);
    RV_EXPECT_EQ(missing, 0);
    return 0;
}

static void test_group_of_a_hundred_thousand(void **state)
{
    (void)state;
    rv_test_run_on(1, many_body, NULL);
    rv_test_run_on(2, many_body, NULL);
}

/* Goal: failures, cancellations and adding race; the exit returns, with nobody running. */
RV_TASK_TEST(test_group_failures_race_with_everything)
{
    enum { ROUNDS = RV_TSAN ? 60 : RV_ASAN ? 300 : 3000, N = 8 };
    for (unsigned round = 0; round < ROUNDS; round++) {
        rove_task_group g;
        struct rv_actor a[N];
        struct parent_of_more more = {.g = &g, .a = {{.yields = 1}, {.yields = 0}, {.yields = 2}}};
        rove_task_group_enter(&g);
        for (unsigned i = 0; i < N; i++) {
            a[i] = (struct rv_actor){.yields = (int)((i + round) % 4)};
            a[i].rc = (i + round) % 5 == 0 ? EIO_APP : 0;
            (void)rove_task_group_create_task(&g, rv_actor_run, &a[i]);
        }
        (void)rove_task_group_create_task(&g, add_more, &more);
        if (round % 3 == 0)
            (void)rove_yield();
        if (round % 7 == 0)
            rove_task_group_cancel(&g);
        int rc = rove_task_group_exit(&g, round % 11 == 0 ? EOTHER_APP : 0);
        RV_REQUIRE(rc == 0 || rc == EIO_APP || rc == EOTHER_APP);
        for (unsigned i = 0; i < N; i++)
            RV_REQUIRE_EQ(a[i].begun, a[i].ended);
        RV_REQUIRE_EQ(rove_cancelling(rove_current_task()), 0);
        RV_REQUIRE_EQ(rove_yield(), 0);
    }
    return 0;
}

static void test_group_outside_a_task_is_refused(void **state)
{
    (void)state;
    rove_task_group g;
    rove_task_group_enter(&g);
    RV_EXPECT_PTR(rove_task_group_create_task(&g, yield_once, NULL), NULL);
    RV_EXPECT_EQ(rove_task_group_cancel(&g), -EPERM);
    RV_EXPECT_EQ(rove_task_group_exit(&g, 0), -EPERM);
    rv_test_settle();
}

static void test_group_with_eager_tasks(void **state)
{
    (void)state;
    RV_FOR_EACH_WORKERS(workers)
    {
        rove_options options = {.workers = workers, .eager = true};
        rove_coro *const bodies[] = {
            test_group_failing_child_cancels_siblings_and_the_block_body,
            test_group_failures_race_with_everything_body,
            test_group_waits_for_all_children_body,
        };
        for (size_t i = 0; i < RV_ARRAY_LEN(bodies); i++)
            rv_test_run_with(&options, bodies[i], NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_group_waits_for_all_children),
        cmocka_unit_test(test_group_without_children_ends_at_once),
        cmocka_unit_test(test_group_failing_child_cancels_siblings_and_the_block),
        cmocka_unit_test(test_group_failing_child_during_the_exit_cancels_siblings),
        cmocka_unit_test(test_group_request_that_was_not_felt_is_withdrawn),
        cmocka_unit_test(test_group_cancelled_child_is_no_failure),
        cmocka_unit_test(test_group_block_that_failed_cancels_the_children),
        cmocka_unit_test(test_group_block_and_children_fail),
        cmocka_unit_test(test_group_cancelled_in_its_block_cancels_the_children),
        cmocka_unit_test(test_group_cancelled_in_its_exit_cancels_the_children),
        cmocka_unit_test(test_group_cancelled_and_a_child_fails),
        cmocka_unit_test(test_group_cancel_cancels_children_but_not_the_block),
        cmocka_unit_test(test_group_children_add_children_during_the_exit),
        cmocka_unit_test(test_group_order_of_a_failure_on_one_worker),
        cmocka_unit_test(test_group_nested_inner_failure_is_the_outer_blocks_error),
        cmocka_unit_test(test_group_in_a_timeout),
        cmocka_unit_test(test_group_errors_are_kept_in_order_whatever_their_number),
        cmocka_unit_test(test_group_fifty_failures_on_one_worker),
        cmocka_unit_test(test_group_is_left_by_its_parent_only),
        cmocka_unit_test(test_group_of_a_hundred_thousand),
        cmocka_unit_test(test_group_failures_race_with_everything),
        cmocka_unit_test(test_group_outside_a_task_is_refused),
        cmocka_unit_test(test_group_with_eager_tasks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
