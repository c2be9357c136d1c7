// SPDX-License-Identifier: MIT
/*
 * Purpose: note 1, 2.4, first example: tasks run side by side from the moment main first awaits.
 * func returns nothing, which Python prints as None.
 */
#include "seed.h"

static int func(void *arg, void **result)
{
    (void)arg, (void)result;
    printf("1\n");
    AWAIT(rove_sleep(second(5)));
    printf("3\n");
    return 0;
}

/* What Python prints for a coroutine's result. */
static const char *text(const void *result)
{
    return result == NULL ? "None" : result;
}

static int async_main(void *arg, void **result)
{
    (void)arg, (void)result;
    printf("main开始\n");
    rove_task *task1 = rove_create_task(func, NULL);
    rove_task *task2 = rove_create_task(func, NULL);
    printf("main结束\n");
    void *ret1 = NULL;
    void *ret2 = NULL;
    AWAIT(rove_join(task1, &ret1));
    AWAIT(rove_join(task2, &ret2));
    printf("%s %s\n", text(ret1), text(ret2));
    return 0;
}

int main(int argc, char **argv)
{
    return seed_run(argc, argv, async_main);
}
