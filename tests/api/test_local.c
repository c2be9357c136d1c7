// SPDX-License-Identifier: MIT
/*
 * Purpose: task-local values: inheritance at creation, separation afterwards, many keys.
 */
#include "support/actor.h"
#include "support/fixture.h"

#include <stdint.h>

static rove_local first, second, unused, many[100];

RV_TASK_TEST(test_local_is_null_until_set)
{
    int v;
    RV_EXPECT_PTR(rove_local_get(&unused), NULL);
    RV_EXPECT_PTR(rove_local_get(&first), NULL);
    RV_EXPECT_EQ(rove_local_set(&first, &v), 0);
    RV_EXPECT_PTR(rove_local_get(&first), &v);
    RV_EXPECT_PTR(rove_local_get(&second), NULL);
    RV_EXPECT_EQ(rove_local_set(&first, NULL), 0);
    RV_EXPECT_PTR(rove_local_get(&first), NULL);
    RV_EXPECT_PTR(rove_local_get(NULL), NULL);
    RV_EXPECT_EQ(rove_local_set(NULL, &v), -EINVAL);
    return 0;
}

struct family {
    int a, b;
    void *inherited, *second_inherited, *after;
};

static int child_body(void *arg, RV_UNUSED void **result)
{
    struct family *f = arg;
    f->inherited = rove_local_get(&first);
    f->second_inherited = rove_local_get(&second);
    (void)rove_local_set(&first, &f->b);
    (void)rove_yield();
    f->after = rove_local_get(&first);
    return 0;
}

/* Goal: a child sees what the parent had when it was made, and neither sees the other's later. */
RV_TASK_TEST(test_local_is_inherited_by_copy)
{
    struct family f = {0};
    RV_EXPECT_EQ(rove_local_set(&first, &f.a), 0);
    rove_task *t = rove_create_task(child_body, &f);
    RV_EXPECT_EQ(rove_local_set(&first, NULL), 0);
    RV_EXPECT_EQ(rove_local_set(&second, &f.a), 0);
    RV_EXPECT_EQ(rove_join(t, NULL), 0);
    RV_EXPECT_PTR(f.inherited, &f.a);
    RV_EXPECT_PTR(f.second_inherited, NULL);
    RV_EXPECT_PTR(f.after, &f.b);
    RV_EXPECT_PTR(rove_local_get(&first), NULL);
    return 0;
}

static int keys_body(void *arg, RV_UNUSED void **result)
{
    uintptr_t who = (uintptr_t)arg;
    for (uintptr_t round = 0; round < 3; round++) {
        for (uintptr_t i = 0; i < RV_ARRAY_LEN(many); i++) {
            if (rove_local_set(&many[i], (void *)(who * 1000 + i + 1)) != 0)
                return -1;
        }
        if (rove_yield() != 0)
            return -2;
        for (uintptr_t i = 0; i < RV_ARRAY_LEN(many); i++) {
            if (rove_local_get(&many[i]) != (void *)(who * 1000 + i + 1))
                return -3;
        }
    }
    return 0;
}

/* Goal: keys first used by several tasks at once are different keys, the same for all. */
RV_TASK_TEST(test_local_many_keys_first_used_at_once)
{
    enum { N = 20 };
    rove_call calls[N];
    for (uintptr_t i = 0; i < N; i++)
        calls[i] = (rove_call){keys_body, (void *)i};
    RV_EXPECT_EQ(rove_gather_calls(N, calls, NULL), 0);
    return 0;
}

static int look_body(RV_UNUSED void *arg, void **result)
{
    *result = rove_local_get(&first);
    return 0;
}

/* Each makes a task, in which one can see what it was given. */
static void on_call(void *made)
{
    *(rove_task **)made = rove_create_task(look_body, NULL);
}

static void on_done(RV_UNUSED rove_future *f, void *made)
{
    on_call(made);
}

enum { SOON, LATER, DONE, CALLBACKS };

static int ask_body(void *arg, RV_UNUSED void **result)
{
    rove_task **made = arg;
    rove_future *f = rove_create_future();
    int mine = 0, other = 0;
    RV_EXPECT_EQ(rove_local_set(&first, &mine), 0);
    rove_handle_release(rove_call_soon(on_call, &made[SOON]));
    rove_handle_release(rove_call_later(ROVE_MS(2), on_call, &made[LATER]));
    RV_EXPECT_EQ(rove_add_done_callback(f, on_done, &made[DONE]), 0);
    RV_EXPECT_EQ(rove_add_done_callback(f, on_done, NULL), 0);
    RV_EXPECT_EQ(rove_remove_done_callback(f, on_done, NULL), 1);
    rove_handle *never = rove_call_later(ROVE_FOREVER, on_call, NULL);
    RV_EXPECT(rove_handle_cancel(never));
    rove_handle_release(never);
    RV_EXPECT_EQ(rove_local_set(&first, &other), 0);
    RV_EXPECT_EQ(rove_set_result(f, NULL), 0);
    rove_release(f);
    rove_time end = rove_now() + ROVE_MS(3);
    while (rove_now() < end) /* so that it is the task that runs when the time comes */
        RV_EXPECT_EQ(rove_yield(), 0);
    RV_EXPECT_EQ(rove_sleep(ROVE_MS(1)), 0);
    for (int i = 0; i < CALLBACKS; i++) {
        void *seen = NULL;
        RV_REQUIRE(made[i] != NULL);
        RV_EXPECT_EQ(rove_join(made[i], &seen), 0);
        RV_EXPECT_PTR(seen, &mine);
    }
    return 0;
}

/* Goal: as in asyncio a callback's tasks inherit from who asked for it, not from who runs when it
 * is due, nor from who completes the future. */
static void test_local_goes_to_a_callback_from_who_asked(void **state)
{
    rove_task *made[CALLBACKS] = {0};
    (void)state;
    rv_test_run_on(1, ask_body, made);
}

static void test_local_outside_a_task_is_refused(void **state)
{
    int v;
    (void)state;
    RV_EXPECT_EQ(rove_local_set(&first, &v), -EPERM);
    RV_EXPECT_PTR(rove_local_get(&first), NULL);
    rv_test_settle();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_local_is_null_until_set),
        cmocka_unit_test(test_local_is_inherited_by_copy),
        cmocka_unit_test(test_local_many_keys_first_used_at_once),
        cmocka_unit_test(test_local_goes_to_a_callback_from_who_asked),
        cmocka_unit_test(test_local_outside_a_task_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
