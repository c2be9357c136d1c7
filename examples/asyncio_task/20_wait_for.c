// SPDX-License-Identifier: MIT
/* Purpose: one second for a coroutine that wants an hour. */
#include <rove.h>
#include <stdio.h>

static int eternity(void *arg, void **result)
{
    (void)arg, (void)result;
    ROVE_TRY(rove_sleep(ROVE_SEC(3600)));
    printf("never reached\n");
    return 0;
}

static int async_main(void *arg, void **result)
{
    (void)arg, (void)result;
    if (rove_wait_for_call(eternity, NULL, ROVE_SEC(1), NULL) == -ETIMEDOUT)
        printf("timeout!\n");
    return 0;
}

int main(void)
{
    return rove_run(async_main, NULL, NULL) < 0;
}
