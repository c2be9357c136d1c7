// SPDX-License-Identifier: MIT
/* Purpose: a thread of the program hands work to the runtime and waits for the result. */
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

static int in_thread(void *runtime, void **result)
{
    (void)result;
    void *value = NULL;
    rove_task *task = rove_submit(runtime, three, NULL);
    ROVE_TRY(rove_wait_blocking(task, ROVE_SEC(3000), &value));
    printf("%d\n", (int)(intptr_t)value);
    rove_release(task);
    return 0;
}

static int async_main(void *arg, void **result)
{
    (void)arg;
    return rove_to_thread(in_thread, rove_current_runtime(), result);
}

int main(void)
{
    return rove_run(async_main, NULL, NULL) < 0;
}
