// SPDX-License-Identifier: MIT
/*
 * Purpose: note 1, 2.3, first example: await a sleep.
 */
#include "seed.h"

static int fun(void *arg, void **result)
{
    (void)arg, (void)result;
    printf("come\n");
    int response = rove_sleep(second(2));
    printf("over\n");
    return response;
}

int main(int argc, char **argv)
{
    return seed_run(argc, argv, fun);
}
