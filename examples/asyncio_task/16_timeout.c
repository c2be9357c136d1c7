// SPDX-License-Identifier: MIT
/* Purpose: a block with ten seconds; the error leaves the program. */
#include <rove.h>
#include <stdio.h>

static int long_running_task(void)
{
    printf("started\n");
    ROVE_TRY(rove_sleep(ROVE_SEC(3600)));
    printf("never reached\n");
    return 0;
}

static int limited(void *arg, void **result)
{
    (void)arg, (void)result;
    rove_timeout timeout;
    rove_timeout_enter(&timeout, ROVE_SEC(10));
    return rove_timeout_exit(&timeout, long_running_task());
}

int main(void)
{
    if (rove_run(limited, NULL, NULL) == -ETIMEDOUT)
        printf("TimeoutError\n");
    return 0;
}
