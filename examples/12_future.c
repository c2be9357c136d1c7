// SPDX-License-Identifier: MIT
/*
 * Purpose: hand-set futures, and callbacks on completion: the bridge from callback code.
 * Idea: callbacks run soon after completion, in the order added, never inside the call that
 *   completes or adds, and before those who await the future resume.
 */
#include <stdio.h>

#include <rove.h>

static void say(rove_future *f, void *ctx)
{
    void *value = NULL;
    int rc = rove_result(f, &value);
    printf("callback %s: %s\n", (char *)ctx, rc == 0 ? (char *)value : "?");
}

static void complete(void *ctx)
{
    printf("setting\n");
    rove_set_result(ctx, "the answer");
    printf("set again: %s\n", rove_set_result(ctx, "another") == -EALREADY ? "already" : "?");
}

static int async_main(void *arg, void **result)
{
    (void)arg, (void)result;
    rove_future *future = rove_create_future();
    printf("before: %s\n", rove_result(future, NULL) == -EINPROGRESS ? "in progress" : "?");
    rove_add_done_callback(future, say, "one");
    rove_add_done_callback(future, say, "two");
    rove_add_done_callback(future, say, "three");
    printf("removed %d\n", rove_remove_done_callback(future, say, "two"));

    rove_handle *handle = rove_call_soon(complete, future);
    void *value = NULL;
    int rc = rove_await(future, &value);
    if (rc == 0)
        printf("main: %s\n", (char *)value);
    rove_add_done_callback(future, say, "late");
    printf("late one added\n");
    rove_yield();
    rove_handle_release(handle);
    rove_release(future);
    return rc;
}

int main(void)
{
    return rove_run_with(&(rove_options){.workers = 1}, async_main, NULL, NULL) < 0;
}
