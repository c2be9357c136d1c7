// SPDX-License-Identifier: MIT
/* Purpose: a cancellation ignored altogether: shielded below, and not passed on above. */
#include <rove.h>
#include <stdint.h>
#include <stdio.h>

static int something(void *arg, void **result)
{
    (void)arg;
    ROVE_TRY(rove_sleep(ROVE_SEC(2)));
    printf("something is done\n");
    *result = (void *)(intptr_t)42;
    return 0;
}

static int caller(void *task, void **result)
{
    if (rove_join(rove_shield(task), result) == -ECANCELED)
        *result = NULL;
    printf("the caller goes on with %s\n", *result ? "a result" : "None");
    return 0;
}

static int async_main(void *arg, void **result)
{
    (void)arg, (void)result;
    void *value = NULL;
    rove_task *task = rove_create_task(something, NULL);
    rove_task *waiting = rove_create_task(caller, task);
    ROVE_TRY(rove_sleep(ROVE_SEC(1)));
    rove_cancel(waiting);
    ROVE_TRY(rove_join(waiting, NULL));
    ROVE_TRY(rove_join(task, &value));
    printf("%d\n", (int)(intptr_t)value);
    return 0;
}

int main(void)
{
    return rove_run(async_main, NULL, NULL) < 0;
}
