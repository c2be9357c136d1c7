// SPDX-License-Identifier: MIT
/*
 * Purpose: eager tasks: start at once, on the creator's time.
 * Idea: what never has to wait is done before rove_create_task_with returns, and costs no trip
 *   through the scheduler. rove_options.eager makes every task so (eager_task_factory).
 */
#include <stdio.h>

#include <rove.h>

static int cached(void *arg, void **result)
{
    printf("  cached: looks it up\n");
    *result = arg;
    return 0;
}

static int fetched(void *arg, void **result)
{
    printf("  fetched: sends the question\n");
    int rc = rove_yield();
    printf("  fetched: has the answer\n");
    *result = arg;
    return rc;
}

static int compare(bool eager)
{
    const rove_task_options options = {.eager = eager};
    printf("%s\n", eager ? "eager" : "lazy");
    rove_task *a = rove_create_task_with(&options, cached, "a");
    printf(" cached: done %d\n", rove_done(a));
    rove_task *b = rove_create_task_with(&options, fetched, "b");
    printf(" fetched: done %d\n", rove_done(b));
    int rc = rove_join(a, NULL);
    int rc_b = rove_join(b, NULL);
    return rc < 0 ? rc : rc_b;
}

static int async_main(void *arg, void **result)
{
    (void)arg, (void)result;
    int rc = compare(false);
    return rc < 0 ? rc : compare(true);
}

int main(void)
{
    return rove_run_with(&(rove_options){.workers = 1}, async_main, NULL, NULL) < 0;
}
