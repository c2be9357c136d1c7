// SPDX-License-Identifier: MIT
/*
 * Purpose: note 1, 2.2: calling a coroutine function makes a coroutine object and runs nothing.
 * Bug of the note: it defines `fun` and calls `func`. A rove_call is that object, a pair of words;
 * dropping it unrun costs nothing and needs no warning. Prints nothing, as in Python.
 */
#include "seed.h"

static int fun(void *arg, void **result)
{
    (void)arg, (void)result;
    printf("never printed\n");
    return 0;
}

int main(int argc, char **argv)
{
    seed_options(argc, argv);
    rove_call result = {fun, NULL};
    return result.fn == fun ? EXIT_SUCCESS : EXIT_FAILURE;
}
