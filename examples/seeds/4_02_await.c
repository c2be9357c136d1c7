// SPDX-License-Identifier: MIT
/*
 * Purpose: note 4, "await": the coroutine stops at the sleep and goes on after it. The note only
 * defines it; it is run here.
 */
#include "seed.h"

static int my_coroutine(void *arg, void **result)
{
    (void)arg, (void)result;
    printf("Start\n");
    AWAIT(rove_sleep(second(1)));
    printf("End\n");
    return 0;
}

int main(int argc, char **argv)
{
    return seed_run(argc, argv, my_coroutine);
}
