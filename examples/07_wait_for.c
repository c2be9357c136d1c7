// SPDX-License-Identifier: MIT
/*
 * Purpose: give one awaitable a limit.
 * Idea: on timeout it is cancelled, and has ended when rove_wait_for returns: its clean-up is seen
 *   here before the timeout is reported. A limit that is not reached changes nothing.
 */
#include <stdio.h>

#include <rove.h>

static int eternity(void *arg, void **result)
{
    (void)arg, (void)result;
    int rc = rove_sleep(ROVE_SEC(3600));
    printf("eternity: cleaning up\n");
    rove_yield(); /* the request is spent, so clean-up may suspend */
    return rc;
}

static int quick(void *arg, void **result)
{
    (void)arg;
    *result = "quick result";
    return rove_yield();
}

static int async_main(void *arg, void **result)
{
    (void)arg, (void)result;
    int rc = rove_wait_for_call(eternity, NULL, ROVE_MS(5), NULL);
    printf("%s\n", rc == -ETIMEDOUT ? "timeout!" : "?");

    rove_task *task = rove_create_task(quick, NULL);
    void *value = NULL;
    rc = rove_wait_for(task, ROVE_SEC(60), &value);
    if (rc == 0)
        printf("%s\n", (char *)value);
    rove_release(task);
    return rc;
}

int main(void)
{
    return rove_run_with(&(rove_options){.workers = 1}, async_main, NULL, NULL) < 0;
}
