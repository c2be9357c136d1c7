// SPDX-License-Identifier: MIT
/*
 * Purpose: coroutines and tasks as asyncio means them: a plain call, create, await, join, names,
 *          eager and pinned tasks, detached ones.
 */
#include "support/actor.h"
#include "support/fixture.h"

#include <stdio.h>
#include <unistd.h>

#define FAILED_APP (-5001)

static int echo(void *arg, void **result)
{
    *result = arg;
    return 0;
}

static int fail_body(RV_UNUSED void *arg, void **result)
{
    *result = "not to be seen";
    return FAILED_APP;
}

static int current(RV_UNUSED void *arg, void **result)
{
    *result = rove_current_task();
    return 0;
}

/* Goal: `await coro()` is a call: the same task, its result and its error. */
RV_TASK_TEST(test_coroutine_called_runs_in_the_calling_task)
{
    void *seen = NULL;
    rove_call object = {current, NULL};
    RV_EXPECT_EQ(object.fn(object.arg, &seen), 0);
    RV_EXPECT_PTR(seen, rove_current_task());
    return 0;
}

/* Goal: on one worker a created task runs when its creator suspends, in the order of creation. */
static int order_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    struct rv_trace trace = {""};
    struct rv_actor a = {.yields = 1, .name = "a", .trace = &trace};
    struct rv_actor b = {.name = "b", .trace = &trace};
    rove_task *first = rove_create_task(rv_actor_run, &a);
    rove_task *second = rove_create_task(rv_actor_run, &b);
    RV_EXPECT_STR(trace.text, "");
    RV_EXPECT_EQ(rove_yield(), 0);
    RV_EXPECT_STR(trace.text, "a+ b+ b- ");
    RV_EXPECT_EQ(rove_join(first, NULL), 0);
    RV_EXPECT_EQ(rove_join(second, NULL), 0);
    RV_EXPECT_STR(trace.text, "a+ b+ b- a- ");
    return 0;
}

static void test_task_created_runs_when_its_creator_suspends(void **state)
{
    (void)state;
    rv_test_run_on(1, order_body, NULL);
}

RV_TASK_TEST(test_task_awaited_often_gives_its_result_each_time)
{
    int value;
    rove_task *t = rove_create_task(echo, &value);
    for (int i = 0; i < 3; i++) {
        void *got = NULL;
        RV_EXPECT_EQ(rove_await(t, &got), 0);
        RV_EXPECT_PTR(got, &value);
    }
    RV_EXPECT_EQ(rove_await(t, NULL), 0);
    RV_EXPECT_EQ(rove_join(t, NULL), 0);
    return 0;
}

RV_TASK_TEST(test_task_that_failed_gives_its_error_and_no_result)
{
    int untouched;
    void *got = &untouched;
    rove_task *t = rove_create_task(fail_body, NULL);
    RV_EXPECT_EQ(rove_await(t, &got), FAILED_APP);
    RV_EXPECT_EQ(rove_result(t, &got), FAILED_APP);
    RV_EXPECT_PTR(got, &untouched);
    RV_EXPECT(!rove_cancelled(t));
    RV_EXPECT_EQ(rove_join(t, NULL), FAILED_APP);
    return 0;
}

RV_TASK_TEST(test_task_awaited_by_many_wakes_them_all)
{
    rove_future *gate = rove_create_future();
    struct rv_actor slow = {.until = gate};
    rove_task *t = rove_create_task(rv_actor_run, &slow);
    struct rv_actor a[20];
    rove_task *fs[20];
    for (size_t i = 0; i < 20; i++) {
        a[i] = (struct rv_actor){.until = t};
        fs[i] = rove_create_task(rv_actor_run, &a[i]);
    }
    rove_yield();
    RV_EXPECT_EQ(rove_set_result(gate, NULL), 0);
    RV_EXPECT_EQ(rove_gather(20, fs, NULL), 0);
    for (size_t i = 0; i < 20; i++)
        rove_release(fs[i]);
    RV_EXPECT_EQ(rove_join(t, NULL), 0);
    rove_release(gate);
    return 0;
}

RV_TASK_TEST(test_task_awaiting_itself_or_nothing_is_refused)
{
    RV_EXPECT_EQ(rove_await(rove_current_task(), NULL), -EDEADLK);
    RV_EXPECT_EQ(rove_await(NULL, NULL), -EINVAL);
    RV_EXPECT_EQ(rove_join(NULL, NULL), -EINVAL);
    return 0;
}

RV_TASK_TEST(test_task_names_default_to_its_number_and_can_change)
{
    char name[] = "painter";
    rove_task *plain = rove_create_task(echo, NULL);
    rove_task *named = rove_create_task_with(&(rove_task_options){.name = name}, echo, NULL);
    char expected[32];
    name[0] = 'X'; /* the task has a copy */
    snprintf(expected, sizeof expected, "task-%llu", (unsigned long long)rove_task_id(plain));
    RV_EXPECT_STR(rove_get_name(plain), expected);
    RV_EXPECT_STR(rove_get_name(named), "painter");
    rove_set_name(plain, "a name that is longer than what fits into a task by itself");
    RV_EXPECT_STR(rove_get_name(plain),
                  "a name that is longer than what fits into a task by itself");
    rove_set_name(plain, NULL);
    RV_EXPECT_STR(rove_get_name(plain), expected);
    RV_EXPECT(rove_task_id(plain) != rove_task_id(named));
    RV_EXPECT(rove_get_coro(plain) == echo);
    RV_EXPECT_EQ(rove_join(plain, NULL), 0);
    RV_EXPECT_EQ(rove_join(named, NULL), 0);
    return 0;
}

RV_TASK_TEST(test_task_calls_on_a_plain_future_say_that_it_is_none)
{
    rove_future *f = rove_create_future();
    RV_EXPECT_EQ(rove_task_id(f), 0);
    RV_EXPECT(rove_get_coro(f) == NULL);
    rove_release(f);
    return 0;
}

struct detached {
    rove_future *gate;
    rove_event over;
};

static int detached_body(void *arg, RV_UNUSED void **result)
{
    struct detached *d = arg;
    int rc = rove_await(d->gate, NULL);
    rove_event_set(&d->over);
    return rc;
}

/* Goal: with its only handle gone before it could end, a task runs on to its end. */
RV_TASK_TEST(test_task_released_while_it_runs_is_detached)
{
    struct detached d = {.gate = rove_create_future()};
    rove_release(rove_create_task(detached_body, &d));
    rove_set_result(d.gate, NULL);
    RV_EXPECT_EQ(rove_event_wait(&d.over), 0);
    rove_release(d.gate);
    return 0;
}

/* One worker: with more, another may take the creator up while the child still runs. */
static int eager_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    const rove_task_options eager = {.eager = true};
    rove_future *gate = rove_create_future();
    struct rv_actor quick = {.rc = FAILED_APP}, slow = {.until = gate};
    rove_task *a = rove_create_task_with(&eager, rv_actor_run, &quick);
    RV_EXPECT(rove_done(a));
    RV_EXPECT_EQ(rove_result(a, NULL), FAILED_APP);
    rove_task *b = rove_create_task_with(&eager, rv_actor_run, &slow);
    RV_EXPECT(rv_actor_has_begun(&slow));
    RV_EXPECT(!rove_done(b));
    rove_set_result(gate, NULL);
    RV_EXPECT_EQ(rove_join(b, NULL), 0);
    rove_release(a);
    rove_release(gate);
    return 0;
}

static void test_eager_task_runs_at_once_until_it_suspends(void **state)
{
    (void)state;
    rv_test_run_on(1, eager_body, NULL);
}

static int eager_runtime_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    int value;
    void *got = NULL;
    rove_task *t = rove_create_task(echo, &value);
    RV_EXPECT_EQ(rove_result(t, &got), 0);
    RV_EXPECT_PTR(got, &value);
    rove_release(t);
    return 0;
}

static void test_eager_runtime_makes_every_task_eager(void **state)
{
    (void)state;
    rv_test_run_with(&(rove_options){.workers = 1, .eager = true}, eager_runtime_body, NULL);
}

static int stay(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    pid_t thread = gettid();
    for (int i = 0; i < 200; i++) {
        RV_REQUIRE_EQ(rove_yield(), 0);
        RV_REQUIRE_EQ(gettid(), thread);
    }
    return 0;
}

RV_TASK_TEST(test_pinned_task_never_changes_its_thread)
{
    rove_task *fs[8];
    for (size_t i = 0; i < 8; i++)
        fs[i] = rove_create_task_with(&(rove_task_options){.pinned = true}, stay, NULL);
    for (size_t i = 0; i < 8; i++)
        RV_EXPECT_EQ(rove_join(fs[i], NULL), 0);
    return 0;
}

static int count_to_seven(void *arg, void **result)
{
    *result = arg;
    return 7;
}

/* Goal: a count that a coroutine returns, as of bytes, is no error to anybody. */
RV_TASK_TEST(test_task_that_returns_a_count_has_not_failed)
{
    void *got = NULL, *results[2] = {NULL, NULL};
    rove_task *t = rove_create_task(count_to_seven, results);
    rove_future *both[] = {t, t};
    RV_EXPECT_EQ(rove_await(t, &got), 7);
    RV_EXPECT_PTR(got, results);
    RV_EXPECT_EQ(rove_gather(2, both, results), 0);
    RV_EXPECT_PTR(results[1], results);
    rove_future *all = rove_gather_future(2, both);
    RV_EXPECT_EQ(rove_await(all, &got), 0);
    RV_EXPECT_PTR(((void **)got)[1], results);
    rove_release(all);
    rove_task *u = rove_create_task(count_to_seven, results);
    while (!rove_done(u)) { /* nobody waits for it */
        RV_REQUIRE_EQ(rove_yield(), 0);
    }
    RV_EXPECT_EQ(rove_join(u, &got), 7);
    RV_EXPECT_PTR(got, results);
    rove_future *never = rove_create_future(), *two[] = {t, never};
    RV_EXPECT_EQ(rove_wait(2, two, ROVE_FIRST_ERROR, RV_TEST_SOON, NULL), 1);
    rove_release(t);
    rove_release(never);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_task_that_returns_a_count_has_not_failed),
        cmocka_unit_test(test_coroutine_called_runs_in_the_calling_task),
        cmocka_unit_test(test_task_created_runs_when_its_creator_suspends),
        cmocka_unit_test(test_task_awaited_often_gives_its_result_each_time),
        cmocka_unit_test(test_task_that_failed_gives_its_error_and_no_result),
        cmocka_unit_test(test_task_awaited_by_many_wakes_them_all),
        cmocka_unit_test(test_task_awaiting_itself_or_nothing_is_refused),
        cmocka_unit_test(test_task_names_default_to_its_number_and_can_change),
        cmocka_unit_test(test_task_calls_on_a_plain_future_say_that_it_is_none),
        cmocka_unit_test(test_task_released_while_it_runs_is_detached),
        cmocka_unit_test(test_eager_task_runs_at_once_until_it_suspends),
        cmocka_unit_test(test_eager_runtime_makes_every_task_eager),
        cmocka_unit_test(test_pinned_task_never_changes_its_thread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
