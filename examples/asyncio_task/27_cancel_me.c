// SPDX-License-Identifier: MIT
/* Purpose: a task cancels another, which cleans up and passes the cancellation on. */
#include <rove.h>
#include <stdio.h>

static int cancel_me(void *arg, void **result)
{
    (void)arg, (void)result;
    printf("cancel_me: before the sleep\n");
    int rc = rove_sleep(ROVE_SEC(3600));
    if (rc == -ECANCELED)
        printf("cancel_me: cancelled\n");
    printf("cancel_me: after the sleep\n");
    return rc;
}

static int async_main(void *arg, void **result)
{
    (void)arg, (void)result;
    rove_task *task = rove_create_task(cancel_me, NULL);
    ROVE_TRY(rove_sleep(ROVE_SEC(1)));
    rove_cancel(task);
    if (rove_join(task, NULL) == -ECANCELED)
        printf("main: cancel_me is cancelled now\n");
    return 0;
}

int main(void)
{
    return rove_run(async_main, NULL, NULL) < 0;
}
