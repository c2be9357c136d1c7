// SPDX-License-Identifier: MIT
/*
 * Purpose: each function of rove/runtime.h with handles in every state, in a task and outside.
 */
#include "support/misuse.h"

#define BAD RV_MISUSE_ERROR
#define SKIP RV_MISUSE_SKIP

static long call_run(RV_UNUSED rove_future *f)
{
    return rove_run(rv_misuse_nothing, NULL, NULL);
}

static long call_run_nothing(RV_UNUSED rove_future *f)
{
    return rove_run(NULL, NULL, NULL);
}

static long call_start_nowhere(RV_UNUSED rove_future *f)
{
    return rove_runtime_start(NULL, NULL);
}

static long call_stop_none(RV_UNUSED rove_future *f)
{
    return rove_runtime_stop(NULL, 0);
}

/* NULL outside a task, where it says nothing new. */
static long call_stop_own(RV_UNUSED rove_future *f)
{
    return rove_runtime_stop(rove_current_runtime(), 0);
}

static long call_submit_nowhere(RV_UNUSED rove_future *f)
{
    return rove_submit(NULL, rv_misuse_nothing, NULL) != NULL;
}

static long call_submit_nothing(RV_UNUSED rove_future *f)
{
    return rove_submit(rove_current_runtime(), NULL, NULL) != NULL;
}

static long call_submit(RV_UNUSED rove_future *f)
{
    rove_task *t = rove_submit(rove_current_runtime(), rv_misuse_nothing, NULL);
    long rc = t == NULL ? 1 : rove_join(t, NULL);
    return rc;
}

static long call_wait_blocking(rove_future *f)
{
    return rove_wait_blocking(f, 0, NULL);
}

static long call_wait_blocking_none(RV_UNUSED rove_future *f)
{
    return rove_wait_blocking(NULL, 0, NULL);
}

static const struct rv_misuse rows[] = {
    /*                 outside, NULL, done, failed, cancelled, task, cancelled task, outlived */
    {"run", call_run,
     {0, -EDEADLK, -EDEADLK, -EDEADLK, -EDEADLK, -EDEADLK, -EDEADLK, 0}},
    {"run: nothing", call_run_nothing,
     {-EINVAL, -EDEADLK, -EDEADLK, -EDEADLK, -EDEADLK, -EDEADLK, -EDEADLK, -EINVAL}},
    {"runtime_start: nowhere", call_start_nowhere,
     {-EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL}},
    {"runtime_stop: none", call_stop_none,
     {-EINVAL, SKIP, SKIP, SKIP, SKIP, SKIP, SKIP, -EINVAL}},
    {"runtime_stop: in a task", call_stop_own,
     {-EINVAL, -EPERM, -EPERM, -EPERM, -EPERM, -EPERM, -EPERM, -EINVAL}},
    {"submit: no runtime", call_submit_nowhere, {0, 0, 0, 0, 0, 0, 0, 0}},
    {"submit: nothing", call_submit_nothing, {0, 0, 0, 0, 0, 0, 0, 0}},
    {"submit", call_submit, {1, 0, 0, 0, 0, 0, 0, 1}},
    {"wait_blocking", call_wait_blocking,
     {-ETIMEDOUT, -EPERM, -EPERM, -EPERM, -EPERM, -EPERM, -EPERM, 0}},
    {"wait_blocking: none", call_wait_blocking_none,
     {-EINVAL, -EPERM, -EPERM, -EPERM, -EPERM, -EPERM, -EPERM, -EINVAL}},
};

static void test_runtime_calls_say_what_the_header_says(void **state)
{
    (void)state;
    rv_misuse_check(rows, RV_ARRAY_LEN(rows));
}

/* Goal: an impossible option is refused, and nothing is left of the attempt. */
static void test_runtime_start_refuses_bad_options(void **state)
{
    (void)state;
    const rove_options bad[] = {
        {.workers = 1, .stack_size = SIZE_MAX},
        {.workers = 1, .backend = (rove_backend)17},
        {.workers = 8193},
        {.workers = ~0u},
    };
    struct rv_test_usage before;
    rv_test_usage_read(&before);
    for (size_t i = 0; i < RV_ARRAY_LEN(bad); i++) {
        rove_runtime *runtime = NULL;
        RV_EXPECT_EQ(rove_runtime_start(&bad[i], &runtime), -EINVAL);
        RV_EXPECT(runtime == NULL);
        RV_EXPECT_EQ(rove_run_with(&bad[i], rv_misuse_nothing, NULL, NULL), -EINVAL);
    }
    rv_test_usage_check(&before);
    rv_test_settle();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_runtime_calls_say_what_the_header_says),
        cmocka_unit_test(test_runtime_start_refuses_bad_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
