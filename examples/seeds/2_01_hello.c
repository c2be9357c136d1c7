// SPDX-License-Identifier: MIT
/*
 * Purpose: note 2, "run a coroutine": hello, a second, world.
 */
#include "seed.h"

static int async_main(void *arg, void **result)
{
    (void)arg, (void)result;
    printf("hello\n");
    AWAIT(rove_sleep(second(1)));
    printf("world\n");
    return 0;
}

int main(int argc, char **argv)
{
    return seed_run(argc, argv, async_main);
}
