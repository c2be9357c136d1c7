// SPDX-License-Identifier: MIT
/* Purpose: a runtime beside the program's own thread; a context manager there, two calls here. */
#include <rove.h>
#include <stdint.h>
#include <stdio.h>

static int three(void *arg, void **result)
{
    (void)arg;
    ROVE_TRY(rove_sleep(ROVE_SEC(1)));
    *result = (void *)(intptr_t)3;
    return 0;
}

static int endless(void *arg, void **result)
{
    (void)arg, (void)result;
    return rove_sleep(ROVE_FOREVER);
}

int main(void)
{
    void *value = NULL;
    rove_runtime *runtime;
    if (rove_runtime_start(NULL, &runtime) < 0)
        return 1;
    rove_task *task = rove_submit(runtime, three, NULL);
    if (rove_wait_blocking(task, ROVE_SEC(3000), &value) == 0)
        printf("%d\n", (int)(intptr_t)value);
    rove_release(task);
    task = rove_submit(runtime, endless, NULL);
    int rc = rove_wait_blocking(task, ROVE_SEC(0.5), &value);
    if (rc == -ETIMEDOUT) {
        printf("too long, cancelling it\n");
        rove_cancel(task);
    } else if (rc < 0) {
        printf("it raised %s\n", rove_strerror(rc));
    } else {
        printf("it returned %p\n", value);
    }
    rove_release(task);
    return rove_runtime_stop(runtime, ROVE_FOREVER) < 0;
}
