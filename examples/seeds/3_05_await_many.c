// SPDX-License-Identifier: MIT
/*
 * Purpose: note 3, cell 5: the same five awaited in turn take 10 seconds. Prints nothing.
 */
#include "seed.h"

/* The note's `sleep`; C has a function of that name already. */
static int sleep_(void *arg, void **result)
{
    (void)arg;
    AWAIT(rove_sleep(second(2)));
    *result = "sleep";
    return 0;
}

static int async_main(void *arg, void **result)
{
    (void)arg, (void)result;
    void *text = NULL;
    AWAIT(sleep_(NULL, &text));
    AWAIT(sleep_(NULL, &text));
    AWAIT(sleep_(NULL, &text));
    AWAIT(sleep_(NULL, &text));
    return sleep_(NULL, &text);
}

int main(int argc, char **argv)
{
    return seed_run(argc, argv, async_main);
}
