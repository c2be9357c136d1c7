// SPDX-License-Identifier: MIT
/*
 * Purpose: note 0, "as_completed": both run at once, results are taken in the order of completion.
 * CPython puts the two coroutines into a set, so which of them starts first is chance there; here
 * it is the order given.
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
    rove_future *tasks[] = {rove_create_task(task1, NULL), rove_create_task(task2, NULL)};
    rove_as_completed *it = rove_as_completed_open(2, tasks, ROVE_FOREVER);
    rove_future *task;
    int rc;
    while ((rc = rove_as_completed_next(it, &task)) > 0) {
        void *text = NULL;
        AWAIT(rove_await(task, &text));
        printf("%s\n", (char *)text);
    }
    rove_as_completed_close(it);
    rove_release(tasks[0]);
    rove_release(tasks[1]);
    return rc;
}

int main(int argc, char **argv)
{
    return seed_run(argc, argv, async_main);
}
