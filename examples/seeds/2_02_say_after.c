// SPDX-License-Identifier: MIT
/*
 * Purpose: note 2: awaiting coroutines in turn takes the sum of their times.
 * Bug of the note: `async def main()` lacks its colon.
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
    printf("start as %s\n", seed_clock().text);
    AWAIT(say_after(&(struct say){1, "hello"}, NULL));
    AWAIT(say_after(&(struct say){2, "world"}, NULL));
    printf("finished at %s\n", seed_clock().text);
    return 0;
}

int main(int argc, char **argv)
{
    return seed_run(argc, argv, async_main);
}
