// SPDX-License-Identifier: MIT
/*
 * Purpose: note 4, "create tasks": a task is a coroutine under way; main awaits it.
 */
#include "seed.h"

static int my_coroutine(void *arg, void **result)
{
    (void)arg, (void)result;
    printf("Hello\n");
    AWAIT(rove_sleep(second(1)));
    printf("World\n");
    return 0;
}

static int async_main(void *arg, void **result)
{
    (void)arg, (void)result;
    rove_task *task = rove_create_task(my_coroutine, NULL);
    return rove_join(task, NULL);
}

int main(int argc, char **argv)
{
    return seed_run(argc, argv, async_main);
}
