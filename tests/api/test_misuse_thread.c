// SPDX-License-Identifier: MIT
/*
 * Purpose: each function of rove/thread.h, rove/debug.h and rove/group.h with bad arguments, with
 *          handles in every state, and from outside a task.
 */
#include "support/misuse.h"

#include <stdio.h>
#include <stdlib.h>

#define BAD RV_MISUSE_ERROR

static void ignore(RV_UNUSED void *ctx)
{
}

static long call_to_thread(RV_UNUSED rove_future *f)
{
    return rove_to_thread(rv_misuse_nothing, NULL, NULL);
}

static long call_to_thread_nothing(RV_UNUSED rove_future *f)
{
    return rove_to_thread(NULL, NULL, NULL);
}

/* Whether a handle came; cancelled, it says that the callback will not run. */
static long is_handle(rove_handle *h)
{
    long is_there = h != NULL;
    RV_EXPECT_EQ(rove_handle_cancel(h), h != NULL);
    RV_EXPECT_EQ(rove_handle_cancel(h), h != NULL);
    rove_handle_release(h);
    return is_there;
}

static long call_soon(RV_UNUSED rove_future *f)
{
    RV_EXPECT(!is_handle(rove_call_soon(NULL, NULL)));
    return is_handle(rove_call_soon(ignore, NULL));
}

static long call_later(RV_UNUSED rove_future *f)
{
    RV_EXPECT(!is_handle(rove_call_later(ROVE_SEC(60), NULL, NULL)));
    return is_handle(rove_call_later(ROVE_SEC(60), ignore, NULL)) &&
           is_handle(rove_call_later(-1, ignore, NULL));
}

static long call_at(RV_UNUSED rove_future *f)
{
    RV_EXPECT(!is_handle(rove_call_at(0, NULL, NULL)));
    return is_handle(rove_call_at(rove_now() + ROVE_SEC(60), ignore, NULL));
}

static long call_soon_threadsafe(RV_UNUSED rove_future *f)
{
    RV_EXPECT(!is_handle(rove_call_soon_threadsafe(NULL, ignore, NULL)));
    RV_EXPECT(!is_handle(rove_call_soon_threadsafe(rove_current_runtime(), NULL, NULL)));
    return is_handle(rove_call_soon_threadsafe(rove_current_runtime(), ignore, NULL));
}

static long call_current(RV_UNUSED rove_future *f)
{
    RV_EXPECT_EQ(rove_current_task() != NULL, rove_current_runtime() != NULL);
    return rove_current_task() != NULL;
}

static long call_all_tasks(RV_UNUSED rove_future *f)
{
    RV_EXPECT_EQ(rove_all_tasks(NULL, NULL, 0), 0);
    return (long)rove_all_tasks(rove_current_runtime(), NULL, 7);
}

static long call_task_stack(rove_future *f)
{
    void *pcs[4];
    RV_EXPECT_EQ(rove_task_stack(rove_current_task(), NULL, 0), 0);
    return (long)rove_task_stack(f, pcs, 4);
}

static long call_print_stack(rove_future *f)
{
    FILE *out = fopen("/dev/null", "w");
    int rc = rove_print_stack(f, out);
    fclose(out);
    return rc;
}

static long call_print_stack_nowhere(rove_future *f)
{
    return rove_print_stack(f, NULL);
}

static long call_print_call_graph(RV_UNUSED rove_future *f)
{
    FILE *out = fopen("/dev/null", "w");
    RV_EXPECT_EQ(rove_print_call_graph(NULL, out), -EINVAL);
    RV_EXPECT_EQ(rove_print_call_graph(rove_current_runtime(), NULL), -EINVAL);
    int rc = rove_print_call_graph(rove_current_runtime(), out);
    fclose(out);
    return rc;
}

static long call_metrics_read(RV_UNUSED rove_future *f)
{
    rove_metrics *m = malloc(sizeof *m);
    RV_EXPECT_EQ(rove_metrics_read(NULL, m), -EINVAL);
    RV_EXPECT_EQ(rove_metrics_read(rove_current_runtime(), NULL), -EINVAL);
    int rc = rove_metrics_read(rove_current_runtime(), m);
    free(m);
    return rc;
}

static long call_group(RV_UNUSED rove_future *f)
{
    rove_task_group g;
    rove_task_group_enter(&g);
    RV_EXPECT(rove_task_group_create_task(&g, NULL, NULL) == NULL);
    return rove_task_group_exit(&g, BAD);
}

static long call_group_child(RV_UNUSED rove_future *f)
{
    rove_task_group g;
    rove_task_group_enter(&g);
    long rc = rove_task_group_create_task(&g, rv_misuse_nothing, NULL) != NULL;
    (void)rove_task_group_exit(&g, 0);
    RV_EXPECT(rove_task_group_create_task(&g, rv_misuse_nothing, NULL) == NULL);
    RV_EXPECT_EQ(rove_task_group_errors(&g, NULL, 0), 0);
    return rc;
}

static long call_group_cancel(RV_UNUSED rove_future *f)
{
    rove_task_group g;
    rove_task_group_enter(&g);
    int rc = rove_task_group_cancel(&g);
    RV_EXPECT_EQ(rove_task_group_cancel(&g), rc);
    RV_EXPECT(rove_task_group_create_task(&g, rv_misuse_nothing, NULL) == NULL);
    (void)rove_task_group_exit(&g, 0);
    return rc;
}

static long call_group_left(RV_UNUSED rove_future *f)
{
    rove_task_group g;
    rove_task_group_enter(&g);
    (void)rove_task_group_exit(&g, 0);
    RV_EXPECT_EQ(rove_task_group_exit(&g, 0), -EPERM);
    return rove_task_group_cancel(&g);
}

static long call_group_none(RV_UNUSED rove_future *f)
{
    rove_task_group_enter(NULL);
    RV_EXPECT(rove_task_group_create_task(NULL, rv_misuse_nothing, NULL) == NULL);
    RV_EXPECT_EQ(rove_task_group_errors(NULL, NULL, 0), 0);
    RV_EXPECT_EQ(rove_task_group_cancel(NULL), rove_task_group_exit(NULL, 0));
    return rove_task_group_exit(NULL, BAD);
}

static const struct rv_misuse rows[] = {
    /*                 outside, NULL, done, failed, cancelled, task, cancelled task, outlived */
    {"to_thread", call_to_thread, {-EPERM, 0, 0, 0, 0, 0, 0, -EPERM}},
    {"to_thread: nothing", call_to_thread_nothing,
     {-EPERM, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EPERM}},
    {"call_soon", call_soon, {0, 1, 1, 1, 1, 1, 1, 0}},
    {"call_later", call_later, {0, 1, 1, 1, 1, 1, 1, 0}},
    {"call_at", call_at, {0, 1, 1, 1, 1, 1, 1, 0}},
    {"call_soon_threadsafe", call_soon_threadsafe, {0, 1, 1, 1, 1, 1, 1, 0}},
    {"current_task", call_current, {0, 1, 1, 1, 1, 1, 1, 0}},
    {"all_tasks", call_all_tasks, {0, 1, 1, 1, 1, 1, 1, 0}},
    {"task_stack", call_task_stack, {0, 0, 0, 0, 0, 0, 0, 0}},
    {"print_stack", call_print_stack, {-EPERM, -EINVAL, -EINVAL, -EINVAL, -EINVAL, 0, 0, -EPERM}},
    {"print_stack: nowhere", call_print_stack_nowhere,
     {-EPERM, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EPERM}},
    {"print_call_graph", call_print_call_graph, {-EINVAL, 0, 0, 0, 0, 0, 0, -EINVAL}},
    {"metrics_read", call_metrics_read, {-EINVAL, 0, 0, 0, 0, 0, 0, -EINVAL}},
    {"group", call_group, {-EPERM, BAD, BAD, BAD, BAD, BAD, BAD, -EPERM}},
    {"group: child", call_group_child, {0, 1, 1, 1, 1, 1, 1, 0}},
    {"group: cancel", call_group_cancel, {-EPERM, 0, 0, 0, 0, 0, 0, -EPERM}},
    {"group: none", call_group_none,
     {-EPERM, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EPERM}},
    {"group: left", call_group_left,
     {-EPERM, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EPERM}},
};

static void test_thread_debug_group_calls_say_what_the_headers_say(void **state)
{
    (void)state;
    rv_misuse_check(rows, RV_ARRAY_LEN(rows));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_thread_debug_group_calls_say_what_the_headers_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
