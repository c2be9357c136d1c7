// SPDX-License-Identifier: MIT
/* Purpose: a block whose deadline is only known inside it. */
#include <rove.h>
#include <stdio.h>

static int long_running_task(void)
{
    printf("started\n");
    ROVE_TRY(rove_sleep(ROVE_SEC(3600)));
    printf("never reached\n");
    return 0;
}

static int async_main(void *arg, void **result)
{
    (void)arg, (void)result;
    rove_timeout timeout;
    rove_timeout_enter(&timeout, ROVE_FOREVER);
    rove_timeout_reschedule(&timeout, rove_now() + ROVE_SEC(10));
    rove_timeout_exit(&timeout, long_running_task());
    if (rove_timeout_expired(&timeout))
        printf("not finished in time\n");
    return 0;
}

int main(void)
{
    return rove_run(async_main, NULL, NULL) < 0;
}
