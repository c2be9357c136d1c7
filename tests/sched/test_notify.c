// SPDX-License-Identifier: MIT
/*
 * Purpose: who is told that a future is done. Long chains of gathers and shields, one over the
 *          other, on small stacks: completed, failed, cancelled from the outer end, directly and
 *          through tasks. The place of an outer future among the waiters.
 */
#include "support/fixture.h"

#include <errno.h>

enum {
    LINKS = RV_TSAN ? 2000 : 20000, /* there each takes a hundred times as long */
    HOPS = LINKS / 10,
    OWN_ERROR = -5001
};

enum kind { SHIELDS, GATHERS, BOTH };

struct chain {
    enum kind kind;
    int error; /* what the innermost ends with; -ECANCELED: by a cancellation of the outermost */
};

static rove_future *one_more(const struct chain *c, rove_future *inner, unsigned i)
{
    bool is_shield = c->kind == SHIELDS || (c->kind == BOTH && i % 2 == 0);
    return is_shield ? rove_shield(inner) : rove_gather_future(1, &inner);
}

static rove_future *build(const struct chain *c, rove_future *inner)
{
    rove_future *outer = rove_retain(inner);
    for (unsigned i = 0; i < LINKS && outer != NULL; i++) {
        rove_future *next = one_more(c, outer, i);
        rove_release(outer);
        outer = next;
    }
    return outer;
}

static int await_body(void *arg, void **result)
{
    return rove_await(arg, result);
}

static int run_chain(void *arg, RV_UNUSED void **result)
{
    const struct chain *c = arg;
    int value;
    rove_future *inner = rove_create_future();
    rove_future *outer = build(c, inner);
    RV_REQUIRE(outer != NULL);
    rove_task *awaiter = rove_create_task(await_body, outer);
    rove_yield();
    if (c->error == -ECANCELED)
        RV_EXPECT(rove_cancel(outer));
    else if (c->error < 0)
        RV_EXPECT_EQ(rove_set_error(inner, c->error), 0);
    else
        RV_EXPECT_EQ(rove_set_result(inner, &value), 0);
    RV_EXPECT_EQ(rove_join(awaiter, NULL), c->error);
    if (!rove_done(inner)) {
        RV_EXPECT(c->kind == SHIELDS);
        rove_set_result(inner, &value);
    }
    rove_release(inner);
    rove_release(outer);
    return 0;
}

static int run_forever(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    return rove_sleep(ROVE_MS(3600000));
}

/* Goal: a request goes to the innermost, a task that ends some time later. */
static int cancel_task(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    const struct chain c = {.kind = GATHERS};
    rove_task *t = rove_create_task(run_forever, NULL);
    rove_future *outer = build(&c, t);
    RV_REQUIRE(outer != NULL);
    rove_yield();
    RV_EXPECT(rove_cancel(outer));
    RV_EXPECT_EQ(rove_await(outer, NULL), -ECANCELED);
    RV_EXPECT_EQ(rove_join(t, NULL), -ECANCELED);
    rove_release(outer);
    return 0;
}

/* Goal: the same through tasks, each of which awaits a gather of the one before. */
static int cancel_through_tasks(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    static rove_future *gathers[HOPS];
    static rove_task *tasks[HOPS];
    rove_future *innermost = rove_create_future();
    rove_future *inner = innermost;
    for (int i = 0; i < HOPS; i++) {
        gathers[i] = rove_gather_future(1, &inner);
        RV_REQUIRE(gathers[i] != NULL);
        inner = tasks[i] = rove_create_task(await_body, gathers[i]);
        rove_yield();
    }
    RV_EXPECT(rove_cancel(tasks[HOPS - 1]));
    RV_EXPECT_EQ(rove_await(tasks[HOPS - 1], NULL), -ECANCELED);
    (void)rove_cancel(innermost); /* one that had not begun would have kept the request */
    for (int i = 0; i < HOPS; i++) {
        RV_EXPECT_EQ(rove_join(tasks[i], NULL), -ECANCELED);
        rove_release(gathers[i]);
    }
    rove_release(innermost);
    return 0;
}

struct place {
    rove_future *inner, *shield, *gather;
};

static int look_at_outer(void *arg, RV_UNUSED void **result)
{
    struct place *p = arg;
    RV_EXPECT_EQ(rove_await(p->inner, NULL), 0);
    return rove_done(p->shield) && rove_done(p->gather) ? 1 : 0;
}

/* Goal: outer futures that were there first are done when a later waiter runs. */
static int keep_places(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    struct place p = {.inner = rove_create_future()};
    p.shield = rove_shield(p.inner);
    p.gather = rove_gather_future(1, &p.inner);
    rove_task *t[] = {rove_create_task(look_at_outer, &p), rove_create_task(look_at_outer, &p)};
    rove_yield();
    RV_EXPECT_EQ(rove_set_result(p.inner, NULL), 0);
    for (int i = 0; i < 2; i++)
        RV_EXPECT_EQ(rove_join(t[i], NULL), 1);
    rove_release(p.shield);
    rove_release(p.gather);
    rove_release(p.inner);
    return 0;
}

static void run_everywhere(rove_coro *body, void *arg)
{
    const unsigned workers[] = {1, 2, 8};
    for (unsigned i = 0; i < 3; i++) {
        rove_options options = {.workers = workers[i], .stack_size = RV_ASAN ? 65536 : 16384};
        rv_test_run_with(&options, body, arg);
    }
}

static void run_chains(enum kind kind, int error)
{
    struct chain c = {.kind = kind, .error = error};
    run_everywhere(run_chain, &c);
}

static void test_notify_chains_of_shields_complete(RV_UNUSED void **state)
{
    run_chains(SHIELDS, 0);
    run_chains(SHIELDS, OWN_ERROR);
    run_chains(SHIELDS, -ECANCELED);
}

static void test_notify_chains_of_gathers_complete(RV_UNUSED void **state)
{
    run_chains(GATHERS, 0);
}

static void test_notify_chains_of_gathers_fail(RV_UNUSED void **state)
{
    run_chains(GATHERS, OWN_ERROR);
}

static void test_notify_chains_of_both_complete(RV_UNUSED void **state)
{
    run_chains(BOTH, 0);
    run_chains(BOTH, OWN_ERROR);
}

static void test_notify_chains_of_gathers_are_cancelled(RV_UNUSED void **state)
{
    run_chains(GATHERS, -ECANCELED);
}

static void test_notify_chains_over_a_task_are_cancelled(RV_UNUSED void **state)
{
    run_everywhere(cancel_task, NULL);
}

static void test_notify_chains_through_tasks_are_cancelled(RV_UNUSED void **state)
{
    run_everywhere(cancel_through_tasks, NULL);
}

static void test_notify_keeps_the_places_of_outer_futures(RV_UNUSED void **state)
{
    run_everywhere(keep_places, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_notify_chains_of_shields_complete),
        cmocka_unit_test(test_notify_chains_of_gathers_complete),
        cmocka_unit_test(test_notify_chains_of_gathers_fail),
        cmocka_unit_test(test_notify_chains_of_both_complete),
        cmocka_unit_test(test_notify_chains_of_gathers_are_cancelled),
        cmocka_unit_test(test_notify_chains_over_a_task_are_cancelled),
        cmocka_unit_test(test_notify_chains_through_tasks_are_cancelled),
        cmocka_unit_test(test_notify_keeps_the_places_of_outer_futures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
