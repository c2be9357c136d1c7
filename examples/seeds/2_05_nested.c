// SPDX-License-Identifier: MIT
/*
 * Purpose: note 2, "coroutines": a coroutine object that is dropped never runs; awaited, it does.
 */
#include "seed.h"

static int nested(void *arg, void **result)
{
    (void)arg;
    *result = (void *)(intptr_t)42;
    return 0;
}

static int async_main(void *arg, void **result)
{
    (void)arg, (void)result;
    rove_call object = {nested, NULL};
    (void)object;
    void *value = NULL;
    AWAIT(nested(NULL, &value));
    printf("%d\n", (int)(intptr_t)value);
    return 0;
}

int main(int argc, char **argv)
{
    return seed_run(argc, argv, async_main);
}
