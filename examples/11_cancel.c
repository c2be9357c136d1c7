// SPDX-License-Identifier: MIT
/*
 * Purpose: cancel a task; clean up; refuse a cancellation.
 * Idea: a request is delivered once, as -ECANCELED from whatever the task waits for. Then it is
 *   spent: clean-up may suspend. A task that goes on says so with rove_uncancel.
 */
#include <stdio.h>

#include <rove.h>

static int polite(void *arg, void **result)
{
    (void)arg, (void)result;
    printf("polite: before sleep\n");
    int rc = rove_sleep(ROVE_FOREVER);
    printf("polite: cancelled, requests %d\n", rove_cancelling(rove_current_task()));
    int cleaned = rove_sleep(ROVE_MS(1)); /* not disturbed again */
    printf("polite: cleaned up %d\n", cleaned);
    return rc;
}

static int stubborn(void *arg, void **result)
{
    (void)arg;
    int rc = rove_sleep(ROVE_FOREVER);
    if (rc == -ECANCELED)
        printf("stubborn: requests left %d\n", rove_uncancel(rove_current_task()));
    *result = "stubborn: finished all the same";
    return 0;
}

static int async_main(void *arg, void **result)
{
    (void)arg, (void)result;
    rove_task *first = rove_create_task(polite, NULL);
    rove_task *second = rove_create_task(stubborn, NULL);
    rove_yield(); /* both start and sleep */

    rove_cancel(first);
    int rc = rove_await(first, NULL);
    printf("main: %d, cancelled %d, again %d\n", rc == -ECANCELED, rove_cancelled(first),
           rove_cancel(first));
    rove_release(first);

    rove_cancel(second);
    void *text = NULL;
    rc = rove_await(second, &text);
    printf("%s, cancelled %d\n", rc == 0 ? (char *)text : "?", rove_cancelled(second));
    rove_release(second);
    return rc;
}

int main(void)
{
    return rove_run_with(&(rove_options){.workers = 1}, async_main, NULL, NULL) < 0;
}
