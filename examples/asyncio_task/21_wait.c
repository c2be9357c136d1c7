// SPDX-License-Identifier: MIT
/* Purpose: wait for a set of tasks: for a while, for the first, for all. None is cancelled. */
#include <rove.h>
#include <stdio.h>

static int doze(void *arg, void **result)
{
    (void)result;
    return rove_sleep(ROVE_SEC(*(int *)arg));
}

static int async_main(void *arg, void **result)
{
    (void)arg, (void)result;
    static int seconds[] = {1, 3, 5};
    rove_future *aws[3];
    for (int i = 0; i < 3; i++)
        aws[i] = rove_create_task(doze, &seconds[i]);
    ssize_t done = rove_wait(3, aws, ROVE_ALL_COMPLETED, ROVE_SEC(2), NULL);
    printf("%zd done %zd pending\n", done, 3 - done);
    done = rove_wait(2, aws + 1, ROVE_FIRST_COMPLETED, ROVE_FOREVER, NULL);
    printf("%zd done %zd pending\n", done, 2 - done);
    done = rove_wait(3, aws, ROVE_ALL_COMPLETED, ROVE_FOREVER, NULL);
    printf("%zd done %zd pending\n", done, 3 - done);
    for (int i = 0; i < 3; i++)
        rove_release(aws[i]);
    return 0;
}

int main(void)
{
    return rove_run(async_main, NULL, NULL) < 0;
}
