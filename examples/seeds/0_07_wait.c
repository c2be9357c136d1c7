// SPDX-License-Identifier: MIT
/*
 * Purpose: note 0, "wait": wait for a set of tasks, then read each result.
 * Bug of the note: asyncio.wait is given bare coroutines, which CPython 3.11 and later refuse; they
 * are made tasks here. Python's `done` is a set without order; here it is the order given.
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
    bool done[2];
    ssize_t count = rove_wait(2, tasks, ROVE_ALL_COMPLETED, ROVE_FOREVER, done);
    for (size_t i = 0; i < 2; i++) {
        void *text = NULL;
        if (done[i] && rove_result(tasks[i], &text) == 0)
            printf("%s\n", (char *)text);
        rove_release(tasks[i]);
    }
    return count < 0 ? (int)count : 0;
}

int main(int argc, char **argv)
{
    return seed_run(argc, argv, async_main);
}
