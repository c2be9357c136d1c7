// SPDX-License-Identifier: MIT
/*
 * Purpose: note 0, "create_task": both tasks run while main sleeps; nobody awaits them.
 */
#include "seed.h"

static int task1(void *arg, void **result)
{
    (void)arg;
    printf("init task1\n");
    AWAIT(rove_sleep(second(1)));
    printf("ed task1\n");
    *result = "task1";
    return 0;
}

static int task2(void *arg, void **result)
{
    (void)arg;
    printf("init task2\n");
    AWAIT(rove_sleep(second(1)));
    printf("ed task2\n");
    *result = "task2";
    return 0;
}

static int async_main(void *arg, void **result)
{
    (void)arg, (void)result;
    rove_task *taska = rove_create_task(task1, NULL);
    rove_task *taskb = rove_create_task(task2, NULL);
    int rc = rove_sleep(second(3));
    rove_release(taska);
    rove_release(taskb);
    return rc;
}

int main(int argc, char **argv)
{
    return seed_run(argc, argv, async_main);
}
