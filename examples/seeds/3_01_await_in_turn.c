// SPDX-License-Identifier: MIT
/*
 * Purpose: note 3, cell 1: two sleeps awaited in turn take 2 + 4 seconds.
 */
#include "seed.h"

static int async_main(void *arg, void **result)
{
    (void)arg, (void)result;
    printf("start %s\n", seed_clock().text);
    AWAIT(rove_sleep(second(2)));
    AWAIT(rove_sleep(second(4))); /* becomes a wait only when the one above is over */
    printf("end %s\n", seed_clock().text);
    return 0;
}

int main(int argc, char **argv)
{
    return seed_run(argc, argv, async_main);
}
