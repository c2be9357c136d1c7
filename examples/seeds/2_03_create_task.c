// SPDX-License-Identifier: MIT
/*
 * Purpose: note 2: tasks run at the same time; awaiting both takes the longer time, not the sum.
 */
#include "seed.h"

struct say {
    double delay;
    char *what;
};

static int say_after(void *arg, void **result)
{
    (void)result;
    const struct say *say = arg;
    AWAIT(rove_sleep(second(say->delay)));
    printf("%s\n", say->what);
    return 0;
}

static int async_main(void *arg, void **result)
{
    (void)arg, (void)result;
    rove_task *task1 = rove_create_task(say_after, &(struct say){1, "hello"});
    rove_task *task2 = rove_create_task(say_after, &(struct say){2, "world"});
    printf("started at %s\n", seed_clock().text);
    AWAIT(rove_join(task1, NULL));
    AWAIT(rove_join(task2, NULL));
    printf("finished at %s\n", seed_clock().text);
    return 0;
}

int main(int argc, char **argv)
{
    return seed_run(argc, argv, async_main);
}
