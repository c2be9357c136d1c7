// SPDX-License-Identifier: MIT
/* Purpose: a deadline as a point in time. */
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
    rove_time deadline = rove_now() + ROVE_SEC(20);
    rove_timeout timeout;
    rove_timeout_enter_at(&timeout, deadline);
    if (rove_timeout_exit(&timeout, long_running_task()) == -ETIMEDOUT)
        printf("it took too long, and we know\n");
    printf("this runs in any case\n");
    return 0;
}

int main(void)
{
    return rove_run(async_main, NULL, NULL) < 0;
}
