// SPDX-License-Identifier: MIT
/* Purpose: await a future that a call-back completes, alone and in a gather. */
#include <rove.h>
#include <stdio.h>

static void complete(void *future)
{
    rove_set_result(future, "set");
    rove_release(future);
}

static rove_future *eventually(void)
{
    rove_future *future = rove_create_future();
    rove_handle_release(rove_call_later(ROVE_SEC(1), complete, rove_retain(future)));
    return future;
}

static int coroutine(void *arg, void **result)
{
    (void)arg;
    ROVE_TRY(rove_sleep(ROVE_SEC(1)));
    *result = "returned";
    return 0;
}

static int async_main(void *arg, void **result)
{
    (void)arg, (void)result;
    void *values[2];
    ROVE_TRY(rove_join(eventually(), &values[0]));
    printf("%s\n", (char *)values[0]);
    rove_future *both[] = {eventually(), rove_create_task(coroutine, NULL)};
    ROVE_TRY(rove_gather(2, both, values));
    printf("%s again, %s\n", (char *)values[0], (char *)values[1]);
    rove_release(both[0]);
    rove_release(both[1]);
    return 0;
}

int main(void)
{
    return rove_run(async_main, NULL, NULL) < 0;
}
