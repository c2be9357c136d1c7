// SPDX-License-Identifier: MIT
/*
 * Purpose: handle results in the order in which they come, with a limit on the whole.
 * Idea: the iterator yields each task once, done. When the limit passes, the tasks left go on:
 *   as_completed cancels nothing.
 */
#include <stdio.h>

#include <rove.h>

static int cook(void *arg, void **result)
{
    static const char *const dishes[] = {"roast", "salad", "soup", "century egg"};
    static const rove_duration times[] = {ROVE_MS(30), ROVE_MS(10), ROVE_MS(20), ROVE_FOREVER};
    size_t i = (size_t)arg;
    int rc = rove_sleep(times[i]);
    *result = (void *)dishes[i];
    return rc;
}

static int serve(rove_as_completed *it)
{
    rove_future *dish;
    int rc;
    while ((rc = rove_as_completed_next(it, &dish)) > 0) {
        void *name = NULL;
        if ((rc = rove_result(dish, &name)) < 0)
            return rc;
        printf("served: %s\n", (char *)name);
    }
    return rc;
}

static int async_main(void *arg, void **result)
{
    (void)arg, (void)result;
    rove_future *dishes[4];
    for (size_t i = 0; i < 4; i++)
        dishes[i] = rove_create_task(cook, (void *)i);
    rove_as_completed *it = rove_as_completed_open(4, dishes, ROVE_MS(200));
    int rc = serve(it);
    rove_as_completed_close(it);
    if (rc == -ETIMEDOUT) {
        printf("closing time; still cooking: %s\n", rove_done(dishes[3]) ? "no" : "yes");
        rove_cancel(dishes[3]);
        rc = 0;
    }
    for (size_t i = 0; i < 4; i++)
        rove_release(dishes[i]);
    return rc;
}

int main(void)
{
    return rove_run_with(&(rove_options){.workers = 1}, async_main, NULL, NULL) < 0;
}
