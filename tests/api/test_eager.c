// SPDX-License-Identifier: MIT
/*
 * Purpose: eager tasks: begin inside the call that creates them, nest by the thousand, and are
 *          tasks like others otherwise.
 * Idea:    with one worker the order is asyncio's: create returns when the child has suspended or
 *          ended. With several an idle worker may take the creator up at once, which is how eager
 *          tasks fork and join in parallel; what the child did is then known from its outcome.
 */
#include "support/actor.h"
#include "support/fixture.h"

static const rove_task_options eager = {.eager = true};

struct who {
    rove_task *parent, *self;
    rove_future *gate;
    rove_task *after;
};

static int note_who(void *arg, RV_UNUSED void **result)
{
    struct who *w = arg;
    w->self = rove_current_task();
    int rc = rove_await(w->gate, NULL);
    w->after = rove_current_task();
    return rc;
}

/* Goal: the child is the current task in its part, the parent again after the call. */
RV_TASK_TEST(test_eager_task_is_current_in_its_first_step)
{
    struct who w = {.parent = rove_current_task(), .gate = rove_create_future()};
    rove_task *t = rove_create_task_with(&eager, note_who, &w);
    RV_EXPECT_PTR(rove_current_task(), w.parent);
    RV_EXPECT(!rove_done(t));
    rove_set_result(w.gate, NULL);
    RV_EXPECT_EQ(rove_await(t, NULL), 0);
    RV_EXPECT_PTR(w.self, t);
    RV_EXPECT_PTR(w.after, t);
    rove_release(t);
    rove_release(w.gate);
    return 0;
}

/* One worker. Goal: create returns at the child's first suspension; then it is queued as any. */
static int order_body(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    struct rv_trace trace = {""};
    struct rv_actor lazy = {.yields = 1, .name = "lazy", .trace = &trace};
    struct rv_actor first = {.yields = 1, .name = "first", .trace = &trace};
    struct rv_actor second = {.name = "second", .trace = &trace, .rc = -EIO};
    rove_task *a = rove_create_task(rv_actor_run, &lazy);
    rove_task *b = rove_create_task_with(&eager, rv_actor_run, &first);
    rove_task *c = rove_create_task_with(&eager, rv_actor_run, &second);
    RV_EXPECT_STR(trace.text, "first+ second+ second- "); /* inside the calls */
    RV_EXPECT_EQ(rove_result(c, NULL), -EIO);
    RV_EXPECT_EQ(rove_result(b, NULL), -EINPROGRESS);
    RV_EXPECT_EQ(rove_join(b, NULL), 0);
    RV_EXPECT_EQ(rove_join(a, NULL), 0);
    RV_EXPECT_STR(trace.text, "first+ second+ second- lazy+ first- lazy- ");
    rove_release(c);
    return 0;
}

static void test_eager_order_on_one_worker(void **state)
{
    (void)state;
    rv_test_run_on(1, order_body, NULL);
}

enum { DEPTH = RV_ASAN || RV_TSAN ? 1000 : 10000 };

/* Each starts the next eagerly and awaits it: DEPTH stacks are in use, none is deep. */
static int nest(void *arg, void **result)
{
    uintptr_t left = (uintptr_t)arg;
    void *below = NULL;
    if (left > 0) {
        rove_task *t = rove_create_task_with(&eager, nest, (void *)(left - 1));
        RV_REQUIRE(t != NULL);
        RV_REQUIRE_EQ(rove_join(t, &below), 0);
    }
    *result = (void *)((uintptr_t)below + 1);
    return 0;
}

RV_TASK_TEST(test_eager_starts_nest_ten_thousand_deep)
{
    void *count = NULL;
    RV_EXPECT_EQ(nest((void *)(uintptr_t)DEPTH, &count), 0);
    RV_EXPECT_EQ((uintptr_t)count, DEPTH + 1);
    return 0;
}

static int nest_all_eager(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    void *count = NULL;
    RV_EXPECT_EQ(nest((void *)(uintptr_t)DEPTH, &count), 0);
    return (uintptr_t)count == DEPTH + 1 ? 0 : RV_TEST_FAILED;
}

static void test_eager_runtime_nests_as_deep(void **state)
{
    (void)state;
    RV_FOR_EACH_WORKERS(workers) {
        const rove_options options = {.workers = workers, .eager = true};
        rv_test_run_with(&options, nest_all_eager, NULL);
    }
}

static int cancel_parent(void *arg, RV_UNUSED void **result)
{
    return rove_cancel(arg) ? 0 : RV_TEST_FAILED;
}

/* Goal: what the child does in its first step counts at once; the parent hears of it when it
 * suspends. */
RV_TASK_TEST(test_eager_child_that_cancels_its_parent)
{
    rove_task *self = rove_current_task();
    rove_task *t = rove_create_task_with(&eager, cancel_parent, self);
    int rc = rove_join(t, NULL);
    /* The join felt it, or the child was done and the next suspension does. */
    RV_EXPECT(rc == -ECANCELED || rove_yield() == -ECANCELED);
    RV_EXPECT_EQ(rove_uncancel(self), 0);
    RV_EXPECT_EQ(rove_yield(), 0);
    return 0;
}

static rove_local key;

static int read_local(void *arg, void **result)
{
    *result = rove_local_get(&key);
    return rove_local_set(&key, arg);
}

/* Goal: task-locals are copied at creation, and the child's are not the parent's. */
RV_TASK_TEST(test_eager_child_has_its_own_locals)
{
    int mine, other;
    void *seen = NULL;
    RV_EXPECT_EQ(rove_local_set(&key, &mine), 0);
    RV_EXPECT_EQ(rove_join(rove_create_task_with(&eager, read_local, &other), &seen), 0);
    RV_EXPECT_PTR(seen, &mine);
    RV_EXPECT_PTR(rove_local_get(&key), &mine);
    return 0;
}

/* What a group whose children are eager does on the only worker, as CPython 3.13 has it. */
struct eager_group {
    bool is_done;
    int cancelling, pause_rc, exit_rc, left;
};

static int fail_at_once(RV_UNUSED void *arg, RV_UNUSED void **result)
{
    return -EIO;
}

static int group_of_one_that_fails(void *arg, RV_UNUSED void **result)
{
    struct eager_group *e = arg;
    rove_task_group g;
    rove_task_group_enter(&g);
    rove_task *t = rove_task_group_create_task(&g, fail_at_once, NULL);
    e->is_done = rove_done(t);
    e->cancelling = rove_cancelling(rove_current_task());
    e->pause_rc = rove_yield();
    e->exit_rc = rove_task_group_exit(&g, e->pause_rc);
    e->left = rove_cancelling(rove_current_task());
    return rove_yield();
}

static void test_eager_child_that_fails_ends_its_group(void **state)
{
    (void)state;
    struct eager_group e = {.is_done = false};
    const rove_options options = {.workers = 1, .eager = true};
    rv_test_run_with(&options, group_of_one_that_fails, &e);
    assert_true(e.is_done);
    assert_int_equal(e.cancelling, 1);
    assert_int_equal(e.pause_rc, -ECANCELED);
    assert_int_equal(e.exit_rc, -EIO);
    assert_int_equal(e.left, 0);
}

static int retains_itself(void *arg, void **result)
{
    rove_task **slot = arg;
    *slot = rove_retain(rove_current_task());
    *result = arg;
    return 0;
}

/* Goal: a reference that a child takes to itself outlives its creator's. */
RV_TASK_TEST(test_eager_child_keeps_a_reference_to_itself)
{
    rove_task *kept = NULL;
    void *value = NULL;
    rove_task *t = rove_create_task_with(&eager, retains_itself, &kept);
    RV_EXPECT_EQ(rove_await(t, NULL), 0);
    RV_EXPECT_PTR(kept, t);
    rove_release(t);
    RV_EXPECT(rove_done(kept));
    RV_EXPECT_EQ(rove_result(kept, &value), 0);
    RV_EXPECT_PTR(value, &kept);
    rove_release(kept);
    return 0;
}

#define BRIEF_TASKS (RV_TSAN ? 2000 : 20000)

static int returns_arg(void *arg, void **result)
{
    *result = arg;
    return 0;
}

static int looks_until(void *arg, RV_UNUSED void **result)
{
    rove_future *end = arg;
    while (!rove_done(end)) {
        rove_task *seen[8];
        size_t n = rove_all_tasks(rove_current_runtime(), seen, 8);
        RV_EXPECT(n >= 1);
        for (size_t i = 0; i < n && i < 8; i++) {
            rove_release(seen[i]);
        }
        RV_REQUIRE_EQ(rove_yield(), 0);
    }
    return 0;
}

/* Goal: eager tasks that end as they are looked at are freed once, and not before they are left.
 * Method: tasks that end in their creation, beside two others that take references to all. */
RV_TASK_TEST(test_eager_tasks_end_beside_those_who_look_at_all)
{
    rove_future *end = rove_create_future();
    rove_task *a = rove_create_task(looks_until, end), *b = rove_create_task(looks_until, end);
    for (uintptr_t i = 1; i <= BRIEF_TASKS; i++) {
        void *value = NULL;
        rove_task *t = rove_create_task_with(&eager, returns_arg, (void *)i);
        RV_REQUIRE_EQ(rove_join(t, &value), 0);
        RV_REQUIRE_EQ((uintptr_t)value, i);
        if (i % 64 == 0) {
            RV_REQUIRE_EQ(rove_yield(), 0);
        }
    }
    rove_set_result(end, NULL);
    RV_EXPECT_EQ(rove_join(a, NULL), 0);
    RV_EXPECT_EQ(rove_join(b, NULL), 0);
    rove_release(end);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_eager_task_is_current_in_its_first_step),
        cmocka_unit_test(test_eager_order_on_one_worker),
        cmocka_unit_test(test_eager_starts_nest_ten_thousand_deep),
        cmocka_unit_test(test_eager_runtime_nests_as_deep),
        cmocka_unit_test(test_eager_child_that_cancels_its_parent),
        cmocka_unit_test(test_eager_child_has_its_own_locals),
        cmocka_unit_test(test_eager_child_that_fails_ends_its_group),
        cmocka_unit_test(test_eager_child_keeps_a_reference_to_itself),
        cmocka_unit_test(test_eager_tasks_end_beside_those_who_look_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
