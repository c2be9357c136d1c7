// SPDX-License-Identifier: MIT
/*
 * Purpose: note 1, 2.2: a coroutine object runs when it is handed to an event loop.
 */
#include "seed.h"

static int fun(void *arg, void **result)
{
    (void)arg, (void)result;
    printf("jugeng\n");
    return 0;
}

int main(int argc, char **argv)
{
    rove_call result = {fun, NULL};
    return seed_run(argc, argv, result.fn);
}
