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
        cmocka_unit_test(test_local_outside_a_task_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
