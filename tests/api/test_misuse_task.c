// SPDX-License-Identifier: MIT
/*
 * Purpose: each function of rove/task.h with handles in every state, and from outside a task.
 */
#include "support/misuse.h"

#define BAD RV_MISUSE_ERROR
#define SKIP RV_MISUSE_SKIP

static void ignore(RV_UNUSED rove_future *f, RV_UNUSED void *ctx)
{
}

static long call_create(RV_UNUSED rove_future *f)
{
    rove_task *t = rove_create_task(rv_misuse_nothing, NULL);
    rove_release(t);
    return t != NULL;
}

static long call_create_null(RV_UNUSED rove_future *f)
{
    return rove_create_task(NULL, NULL) != NULL;
}

static long call_create_with_null(RV_UNUSED rove_future *f)
{
    rove_task *t = rove_create_task_with(NULL, rv_misuse_nothing, NULL);
    rove_release(t);
    return t != NULL;
}

static long call_create_huge(RV_UNUSED rove_future *f)
{
    const rove_task_options huge = {.stack_size = SIZE_MAX};
    return rove_create_task_with(&huge, rv_misuse_nothing, NULL) != NULL;
}

static long call_retain(rove_future *f)
{
    rove_future *same = rove_retain(f);
    rove_release(same);
    return same == f;
}

static long call_await(rove_future *f)
{
    return rove_await(f, NULL);
}

/* Refused, it leaves the reference with the caller. */
static long call_join(rove_future *f)
{
    rove_retain(f);
    int rc = rove_join(f, NULL);
    if (rc == -EPERM)
        rove_release(f);
    return rc;
}

static long call_sleep(RV_UNUSED rove_future *f)
{
    return rove_sleep(ROVE_NS(1));
}

static long call_sleep_until(RV_UNUSED rove_future *f)
{
    return rove_sleep_until(0);
}

static long call_yield(RV_UNUSED rove_future *f)
{
    return rove_yield();
}

static long call_cancel(rove_future *f)
{
    return rove_cancel(f);
}

static long call_uncancel(rove_future *f)
{
    return rove_uncancel(f);
}

static long call_cancelling(rove_future *f)
{
    return rove_cancelling(f);
}

static long call_done(rove_future *f)
{
    return rove_done(f);
}

static long call_cancelled(rove_future *f)
{
    return rove_cancelled(f);
}

static long call_result(rove_future *f)
{
    return rove_result(f, NULL);
}

static long call_set_name(rove_future *f)
{
    rove_set_name(f, "renamed");
    const char *name = rove_get_name(f);
    return name != NULL && strcmp(name, "renamed") == 0;
}

static long call_get_name(rove_future *f)
{
    const char *name = rove_get_name(f);
    return name != NULL && strcmp(name, "subject") == 0;
}

static long call_task_id(rove_future *f)
{
    return rove_task_id(f) != 0;
}

static long call_get_coro(rove_future *f)
{
    return rove_get_coro(f) == rv_misuse_nothing;
}

static long call_add_callback(rove_future *f)
{
    return rove_add_done_callback(f, ignore, NULL);
}

static long call_add_no_callback(rove_future *f)
{
    return rove_add_done_callback(f, NULL, NULL);
}

static long call_remove_callback(rove_future *f)
{
    return rove_remove_done_callback(f, ignore, NULL);
}

static long call_set_result(rove_future *f)
{
    return rove_set_result(f, NULL);
}

static long call_set_error(rove_future *f)
{
    return rove_set_error(f, BAD);
}

static long call_set_no_error(rove_future *f)
{
    return rove_set_error(f, 0);
}

/* From any thread, whatever others are like. */
static long call_create_future(RV_UNUSED rove_future *f)
{
    rove_future *fresh = rove_create_future();
    int rc = rove_result(fresh, NULL);
    rove_release(fresh);
    return rc;
}

static const struct rv_misuse rows[] = {
    /*                 outside, NULL, done, failed, cancelled, task, cancelled task, outlived */
    {"create_task", call_create, {0, 1, 1, 1, 1, 1, 1, 0}},
    {"create_task: no coroutine", call_create_null, {0, 0, 0, 0, 0, 0, 0, 0}},
    {"create_task_with: no options", call_create_with_null, {0, 1, 1, 1, 1, 1, 1, 0}},
    {"create_task_with: no such stack", call_create_huge, {0, 0, 0, 0, 0, 0, 0, 0}},
    {"retain, release", call_retain, {1, 1, 1, 1, 1, 1, 1, 1}},
    {"await", call_await, {-EPERM, -EINVAL, 0, BAD, -ECANCELED, 0, -ECANCELED, -EPERM}},
    {"join", call_join, {-EPERM, -EINVAL, 0, BAD, -ECANCELED, 0, -ECANCELED, -EPERM}},
    {"sleep", call_sleep, {-EPERM, 0, 0, 0, 0, 0, 0, -EPERM}},
    {"sleep_until", call_sleep_until, {-EPERM, 0, 0, 0, 0, 0, 0, -EPERM}},
    {"yield", call_yield, {-EPERM, 0, 0, 0, 0, 0, 0, -EPERM}},
    {"cancel", call_cancel, {1, 0, 0, 0, 0, 0, 0, 0}},
    {"uncancel", call_uncancel, {-EPERM, -EINVAL, -EINVAL, -EINVAL, -EINVAL, 0, 0, -EPERM}},
    {"cancelling", call_cancelling, {-EPERM, -EINVAL, -EINVAL, -EINVAL, -EINVAL, 0, 1, -EPERM}},
    {"done", call_done, {0, 0, 1, 1, 1, 1, 1, 1}},
    {"cancelled", call_cancelled, {0, 0, 0, 0, 1, 0, 1, 0}},
    {"result", call_result, {-EINPROGRESS, -EINVAL, 0, BAD, -ECANCELED, 0, -ECANCELED, 0}},
    {"set_name", call_set_name, {0, 0, 0, 0, 0, 1, 1, 0}},
    {"get_name", call_get_name, {0, 0, 0, 0, 0, 1, 1, 0}},
    {"task_id", call_task_id, {0, 0, 0, 0, 0, 1, 1, 0}},
    {"get_coro", call_get_coro, {0, 0, 0, 0, 0, 1, 1, 0}},
    {"add_done_callback", call_add_callback, {-EPERM, -EINVAL, 0, 0, 0, 0, 0, -EPERM}},
    {"add_done_callback: none", call_add_no_callback,
     {-EPERM, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EPERM}},
    {"remove_done_callback", call_remove_callback, {-EPERM, -EINVAL, 0, 0, 0, 0, 0, -EPERM}},
    {"create_future", call_create_future,
     {-EINPROGRESS, -EINPROGRESS, -EINPROGRESS, -EINPROGRESS, -EINPROGRESS, -EINPROGRESS,
      -EINPROGRESS, -EINPROGRESS}},
    {"set_result", call_set_result,
     {0, -EINVAL, -EALREADY, -EALREADY, -EALREADY, -EINVAL, -EINVAL, -EINVAL}},
    {"set_error", call_set_error,
     {0, -EINVAL, -EALREADY, -EALREADY, -EALREADY, -EINVAL, -EINVAL, -EINVAL}},
    {"set_error: none", call_set_no_error,
     {-EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL}},
};

static void test_task_calls_say_what_the_header_says(void **state)
{
    (void)state;
    rv_misuse_check(rows, RV_ARRAY_LEN(rows));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_task_calls_say_what_the_header_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
