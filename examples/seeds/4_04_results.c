// SPDX-License-Identifier: MIT
/*
 * Purpose: note 4: two tasks compute at once; their results are fetched by awaiting them.
 * Integers travel in the pointer itself.
 */
#include "seed.h"

static int compute_square(void *arg, void **result)
{
    intptr_t x = (intptr_t)arg;
    AWAIT(rove_sleep(second(1)));
    *result = (void *)(x * x);
    return 0;
}

static int async_main(void *arg, void **result)
{
    (void)arg, (void)result;
    rove_task *task1 = rove_create_task(compute_square, (void *)(intptr_t)2);
    rove_task *task2 = rove_create_task(compute_square, (void *)(intptr_t)3);
    void *result1 = NULL;
    void *result2 = NULL;
    AWAIT(rove_join(task1, &result1));
    AWAIT(rove_join(task2, &result2));
    printf("Result 1: %d\n", (int)(intptr_t)result1);
    printf("Result 2: %d\n", (int)(intptr_t)result2);
    return 0;
}

int main(int argc, char **argv)
{
    return seed_run(argc, argv, async_main);
}
