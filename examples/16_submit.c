// SPDX-License-Identifier: MIT
/*
 * Purpose: a program with its own main loop starts a runtime beside it and hands it work.
 * Idea: rove_submit is run_coroutine_threadsafe; rove_wait_blocking is the concurrent future's
 *   result(timeout). The runtime's threads do the rest.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <rove.h>

static int add(void *arg, void **result)
{
    const int *numbers = arg;
    int rc = rove_sleep(ROVE_MS(1));
    *result = (void *)(intptr_t)(numbers[0] + numbers[1]);
    return rc;
}

static int endless(void *arg, void **result)
{
    (void)arg, (void)result;
    int rc = rove_sleep(ROVE_FOREVER);
    printf("endless: %s\n", rc == -ECANCELED ? "cancelled at stop" : "?");
    return rc;
}

static void complete(void *ctx)
{
    rove_set_result(ctx, "called on a worker");
}

int main(void)
{
    rove_runtime *runtime = NULL;
    if (rove_runtime_start(&(rove_options){.workers = 2}, &runtime) < 0)
        return EXIT_FAILURE;
    void *value = NULL;
    rove_task *sum = rove_submit(runtime, add, (int[]){3, 4});
    int rc = rove_wait_blocking(sum, ROVE_SEC(60), &value);
    printf("3 + 4 = %d\n", rc < 0 ? rc : (int)(intptr_t)value);
    rove_release(sum);

    rove_future *future = rove_create_future();
    rove_handle *handle = rove_call_soon_threadsafe(runtime, complete, future);
    rc = rove_wait_blocking(future, ROVE_SEC(60), &value);
    printf("%s\n", rc < 0 ? "?" : (char *)value);
    rove_handle_release(handle);
    rove_release(future);

    rove_task *task = rove_submit(runtime, endless, NULL);
    rc = rove_wait_blocking(task, ROVE_MS(5), NULL);
    printf("endless: %s\n", rc == -ETIMEDOUT ? "not done yet" : "?");
    rove_release(task); /* detached: it runs on until the runtime stops */
    rc = rove_runtime_stop(runtime, 0);
    return rc < 0 && rc != -ETIMEDOUT; /* -ETIMEDOUT says that there was a task to cancel */
}
