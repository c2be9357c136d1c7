// SPDX-License-Identifier: MIT
/* Purpose: tasks in the background. A running task needs no reference: letting go detaches it. */
#include <rove.h>
#include <stdint.h>
#include <stdio.h>

static int coroutine(void *arg, void **result)
{
    ROVE_TRY(rove_sleep(ROVE_SEC(1)));
    *result = arg;
    return 0;
}

static size_t in_the_background(void)
{
    return rove_all_tasks(rove_current_runtime(), NULL, 0) - 1; /* but not this one */
}

static int async_main(void *arg, void **result)
{
    (void)arg, (void)result;
    for (intptr_t i = 0; i < 10; i++)
        rove_release(rove_create_task(coroutine, (void *)i));
    printf("%zu in the background\n", in_the_background());
    ROVE_TRY(rove_sleep(ROVE_SEC(2)));
    printf("%zu left\n", in_the_background());
    return 0;
}

int main(void)
{
    return rove_run(async_main, NULL, NULL) < 0;
}
