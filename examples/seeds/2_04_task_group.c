// SPDX-License-Identifier: MIT
/*
 * Purpose: note 2: a task group awaits its children where its block ends.
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
    rove_task_group tg;
    rove_task_group_enter(&tg);
    rove_task_group_create_task(&tg, say_after, &(struct say){1, "hello"});
    rove_task_group_create_task(&tg, say_after, &(struct say){2, "world"});
    printf("started at %s\n", seed_clock().text);
    AWAIT(rove_task_group_exit(&tg, 0));
    printf("finished at %s\n", seed_clock().text);
    return 0;
}

int main(int argc, char **argv)
{
    return seed_run(argc, argv, async_main);
}
