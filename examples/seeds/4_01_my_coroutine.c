// SPDX-License-Identifier: MIT
/*
 * Purpose: note 4, its first two pieces: define a coroutine, then run it.
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

int main(int argc, char **argv)
{
    return seed_run(argc, argv, my_coroutine);
}
