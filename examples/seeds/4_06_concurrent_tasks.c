// SPDX-License-Identifier: MIT
/*
 * Purpose: note 4: two tasks run at once; the awaits only collect them.
 */
#include "seed.h"

struct say {
    char *what;
    double delay;
};

static int say(void *arg, void **result)
{
    (void)result;
    const struct say *words = arg;
    AWAIT(rove_sleep(second(words->delay)));
    printf("%s\n", words->what);
    return 0;
}

static int async_main(void *arg, void **result)
{
    (void)arg, (void)result;
    rove_task *task1 = rove_create_task(say, &(struct say){"Hello", 1});
    rove_task *task2 = rove_create_task(say, &(struct say){"World", 1});
    AWAIT(rove_join(task1, NULL));
    return rove_join(task2, NULL);
}

int main(int argc, char **argv)
{
    return seed_run(argc, argv, async_main);
}
