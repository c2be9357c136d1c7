// SPDX-License-Identifier: MIT
/*
 * Purpose: each function of rove/wait.h with handles in every state, and from outside a task.
 */
#include "support/misuse.h"

#define BAD RV_MISUSE_ERROR

static long call_gather(rove_future *f)
{
    return rove_gather(1, &f, NULL);
}

static long call_gather_nothing(RV_UNUSED rove_future *f)
{
    return rove_gather(0, NULL, NULL);
}

static long call_gather_no_list(RV_UNUSED rove_future *f)
{
    return rove_gather(1, NULL, NULL);
}

static long call_outcomes(rove_future *f)
{
    rove_outcome outcome = {.error = 1};
    int rc = rove_gather_outcomes(1, &f, &outcome);
    return rc < 0 ? rc : outcome.error;
}

static long call_no_outcomes(rove_future *f)
{
    return rove_gather_outcomes(1, &f, NULL);
}

static long call_gather_calls(RV_UNUSED rove_future *f)
{
    const rove_call call = {rv_misuse_nothing, NULL};
    return rove_gather_calls(1, &call, NULL);
}

static long call_gather_no_calls(RV_UNUSED rove_future *f)
{
    return rove_gather_calls(1, NULL, NULL);
}

static long call_gather_null_call(RV_UNUSED rove_future *f)
{
    const rove_call call = {NULL, NULL};
    return rove_gather_calls(1, &call, NULL);
}

static long call_gather_future(rove_future *f)
{
    rove_future *g = rove_gather_future(1, &f);
    long rc = g == NULL ? 1 : rove_result(g, NULL);
    rove_release(g);
    return rc;
}

static long call_wait(rove_future *f)
{
    return rove_wait(1, &f, ROVE_ALL_COMPLETED, 0, NULL);
}

static long call_wait_first_error(rove_future *f)
{
    return rove_wait(1, &f, ROVE_FIRST_ERROR, ROVE_FOREVER, NULL);
}

static long call_wait_for_nothing(RV_UNUSED rove_future *f)
{
    return rove_wait(0, NULL, ROVE_ALL_COMPLETED, 0, NULL);
}

static long call_wait_otherwise(rove_future *f)
{
    return rove_wait(1, &f, (rove_return_when)17, 0, NULL);
}

static long call_as_completed(rove_future *f)
{
    rove_future *first = NULL;
    rove_as_completed *it = rove_as_completed_open(1, &f, ROVE_FOREVER);
    if (it == NULL)
        return 2;
    long rc = rove_as_completed_next(it, &first);
    RV_EXPECT_PTR(first, f);
    RV_EXPECT_EQ(rove_as_completed_next(it, NULL), -EINVAL);
    RV_EXPECT_EQ(rove_as_completed_next(it, &first), 0);
    rove_as_completed_close(it);
    return rc;
}

static long call_no_as_completed(RV_UNUSED rove_future *f)
{
    rove_as_completed_close(NULL);
    return rove_as_completed_next(NULL, &f);
}

static long call_wait_for(rove_future *f)
{
    return rove_wait_for(f, ROVE_SEC(60), NULL);
}

static long call_wait_for_no_time(rove_future *f)
{
    return rove_wait_for(f, 0, NULL);
}

static long call_wait_for_no_call(RV_UNUSED rove_future *f)
{
    return rove_wait_for_call(NULL, NULL, ROVE_SEC(60), NULL);
}

static long call_shield(rove_future *f)
{
    rove_future *s = rove_shield(f);
    long rc = s == NULL ? 1 : rove_result(s, NULL);
    rove_release(s);
    return rc;
}

static long call_timeout(RV_UNUSED rove_future *f)
{
    rove_timeout t;
    rove_timeout_enter(&t, ROVE_SEC(60));
    RV_EXPECT(!rove_timeout_expired(&t));
    int rc = rove_timeout_reschedule(&t, -1);
    RV_EXPECT_EQ(rove_timeout_exit(&t, BAD), BAD);
    return rc;
}

static long call_timeout_not_entered(RV_UNUSED rove_future *f)
{
    rove_timeout t = {0};
    RV_EXPECT(!rove_timeout_expired(&t));
    return rove_timeout_reschedule(&t, 0);
}

/* The handle is of no use here; a deadline in the past strikes at the next suspension. */
static long call_timeout_at(RV_UNUSED rove_future *f)
{
    rove_timeout t;
    rove_timeout_enter_at(&t, 0);
    int rc = rove_timeout_exit(&t, rove_sleep(ROVE_FOREVER));
    RV_EXPECT_EQ(rove_timeout_expired(&t), rove_current_task() != NULL);
    RV_EXPECT_EQ(rove_timeout_exit(&t, BAD), BAD); /* left: no more */
    return rc;
}

static long call_timeout_none(RV_UNUSED rove_future *f)
{
    rove_timeout_enter(NULL, 0);
    rove_timeout_enter_at(NULL, 0);
    RV_EXPECT(!rove_timeout_expired(NULL));
    RV_EXPECT_EQ(rove_timeout_exit(NULL, BAD), BAD);
    return rove_timeout_reschedule(NULL, 0);
}

static const struct rv_misuse rows[] = {
    /*                 outside, NULL, done, failed, cancelled, task, cancelled task, outlived */
    {"gather", call_gather, {-EPERM, -EINVAL, 0, BAD, -ECANCELED, 0, -ECANCELED, -EPERM}},
    {"gather: nothing", call_gather_nothing, {-EPERM, 0, 0, 0, 0, 0, 0, -EPERM}},
    {"gather: no list", call_gather_no_list,
     {-EPERM, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EPERM}},
    {"gather_outcomes", call_outcomes,
     {-EPERM, -EINVAL, 0, BAD, -ECANCELED, 0, -ECANCELED, -EPERM}},
    {"gather_outcomes: no room", call_no_outcomes,
     {-EPERM, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EPERM}},
    {"gather_calls", call_gather_calls, {-EPERM, 0, 0, 0, 0, 0, 0, -EPERM}},
    {"gather_calls: no list", call_gather_no_calls,
     {-EPERM, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EPERM}},
    {"gather_calls: no coroutine", call_gather_null_call,
     {-EPERM, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EPERM}},
    {"gather_future", call_gather_future, {1, 1, 0, BAD, -ECANCELED, 0, -ECANCELED, 1}},
    {"wait", call_wait, {-EPERM, -EINVAL, 1, 1, 1, 1, 1, -EPERM}},
    {"wait: first error", call_wait_first_error, {-EPERM, -EINVAL, 1, 1, 1, 1, 1, -EPERM}},
    {"wait: nothing", call_wait_for_nothing,
     {-EPERM, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EPERM}},
    {"wait: no such mode", call_wait_otherwise,
     {-EPERM, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EPERM}},
    {"as_completed", call_as_completed, {2, 2, 1, 1, 1, 1, 1, 2}},
    {"as_completed: none", call_no_as_completed,
     {-EPERM, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EPERM}},
    {"wait_for", call_wait_for, {-EPERM, -EINVAL, 0, BAD, -ECANCELED, 0, -ECANCELED, -EPERM}},
    {"wait_for: no time", call_wait_for_no_time,
     {-EPERM, -EINVAL, 0, BAD, -ECANCELED, 0, -ECANCELED, -EPERM}},
    {"wait_for_call: none", call_wait_for_no_call,
     {-EPERM, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EPERM}},
    {"shield", call_shield, {1, 1, 0, BAD, -ECANCELED, 0, -ECANCELED, 1}},
    {"timeout", call_timeout, {-EPERM, 0, 0, 0, 0, 0, 0, -EPERM}},
    {"timeout: at", call_timeout_at,
     {-EPERM, -ETIMEDOUT, -ETIMEDOUT, -ETIMEDOUT, -ETIMEDOUT, -ETIMEDOUT, -ETIMEDOUT, -EPERM}},
    {"timeout: none", call_timeout_none,
     {-EPERM, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EPERM}},
    {"timeout: not entered", call_timeout_not_entered,
     {-EPERM, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EPERM}},
};

static void test_wait_calls_say_what_the_header_says(void **state)
{
    (void)state;
    rv_misuse_check(rows, RV_ARRAY_LEN(rows));
}

/* Goal: a task that would wait for its own end is told so, whichever way it tries. */
RV_TASK_TEST(test_wait_for_oneself_is_refused)
{
    rove_future *self = rove_current_task();
    rove_outcome outcome;
    RV_EXPECT_EQ(rove_await(self, NULL), -EDEADLK);
    RV_EXPECT_EQ(rove_gather(1, &self, NULL), -EDEADLK);
    RV_EXPECT_EQ(rove_gather_outcomes(1, &self, &outcome), -EDEADLK);
    RV_EXPECT_EQ(rove_wait(1, &self, ROVE_ALL_COMPLETED, ROVE_FOREVER, NULL), -EDEADLK);
    RV_EXPECT_EQ(rove_wait_for(self, ROVE_SEC(60), NULL), -EDEADLK);
    RV_EXPECT_EQ(rove_wait_for(self, 0, NULL), -EDEADLK);
    RV_EXPECT_EQ(rove_cancelling(self), 0);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wait_calls_say_what_the_header_says),
        cmocka_unit_test(test_wait_for_oneself_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
