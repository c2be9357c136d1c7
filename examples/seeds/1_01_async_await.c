// SPDX-License-Identifier: MIT
/*
 * Purpose: note 1, 1.1: two tasks given to an event loop from outside; each switches to the
 * other at its sleep. ensure_future + run_until_complete(wait(tasks)) is rove_submit to a started
 * runtime, and a thread that blocks until the waiting coroutine has ended.
 */
#include "seed.h"

static int func1(void *arg, void **result)
{
    (void)arg, (void)result;
    printf("1\n");
    AWAIT(rove_sleep(second(5)));
    printf("3\n");
    return 0;
}

static int func2(void *arg, void **result)
{
    (void)arg, (void)result;
    printf("2\n");
    AWAIT(rove_sleep(second(5)));
    printf("4\n");
    return 0;
}

/* asyncio.wait(tasks) */
static int wait_tasks(void *arg, void **result)
{
    (void)result;
    bool done[2];
    ssize_t count = rove_wait(2, arg, ROVE_ALL_COMPLETED, ROVE_FOREVER, done);
    return count < 0 ? (int)count : 0;
}

int main(int argc, char **argv)
{
    rove_options options = seed_options(argc, argv);
    rove_runtime *loop = NULL;
    int rc = rove_runtime_start(&options, &loop);
    if (rc < 0)
        return seed_exit(rc);
    rove_task *tasks[] = {rove_submit(loop, func1, NULL), rove_submit(loop, func2, NULL)};
    rove_task *all = rove_submit(loop, wait_tasks, tasks);
    rc = rove_wait_blocking(all, ROVE_FOREVER, NULL);
    rove_release(all);
    rove_release(tasks[0]);
    rove_release(tasks[1]);
    rove_runtime_stop(loop, 0);
    return seed_exit(rc);
}
