// SPDX-License-Identifier: MIT
/*
 * Purpose: note 0, the comparison: two coroutine objects awaited in turn run one after the other.
 * The note imports no asyncio (as in all its programs). A coroutine object is a rove_call: bound,
 * not started, so the order of the awaits decides, not the order in which they were made.
 */
#include "seed.h"

static int task1(void *arg, void **result)
{
    (void)arg;
    printf("init task1\n");
    AWAIT(rove_sleep(second(2)));
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
    rove_call taska = {task1, NULL};
    rove_call taskb = {task2, NULL};
    void *text = NULL;
    AWAIT(taskb.fn(taskb.arg, &text));
    return taska.fn(taska.arg, &text);
}

int main(int argc, char **argv)
{
    return seed_run(argc, argv, async_main);
}
