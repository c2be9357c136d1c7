// SPDX-License-Identifier: MIT
/*
 * Purpose: note 1, 2.1: make an event loop, put a task into it, run until the task is complete.
 * The note's task is a placeholder (an undefined name); here it is a coroutine that does nothing,
 * so nothing is printed.
 */
#include "seed.h"

static int task(void *arg, void **result)
{
    (void)arg, (void)result;
    return 0;
}

int main(int argc, char **argv)
{
    rove_options options = seed_options(argc, argv);
    rove_runtime *loop = NULL;
    int rc = rove_runtime_start(&options, &loop);
    if (rc < 0)
        return seed_exit(rc);
    rove_task *t = rove_submit(loop, task, NULL);
    rc = rove_wait_blocking(t, ROVE_FOREVER, NULL);
    rove_release(t);
    rove_runtime_stop(loop, 0);
    return seed_exit(rc);
}
