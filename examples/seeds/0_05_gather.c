// SPDX-License-Identifier: MIT
/*
 * Purpose: note 0, "gather": both run at once, the results come back in the order given.
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
    const rove_call calls[] = {{task1, NULL}, {task2, NULL}};
    void *results[2];
    AWAIT(rove_gather_calls(2, calls, results));
    printf("['%s', '%s']\n", (char *)results[0], (char *)results[1]);
    return 0;
}

int main(int argc, char **argv)
{
    return seed_run(argc, argv, async_main);
}
