// SPDX-License-Identifier: MIT
/*
 * Purpose: note 3, cell 4: gather of a list of five coroutines takes as long as one, 2 seconds.
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
    rove_call calls[5];
    void *ret[5];
    for (size_t i = 0; i < 5; i++)
        calls[i] = (rove_call){sleep_, NULL};
    AWAIT(rove_gather_calls(5, calls, ret));
    for (size_t i = 0; i < 5; i++)
        printf("%s'%s'", i == 0 ? "[" : ", ", (char *)ret[i]);
    printf("]\n");
    return 0;
}

int main(int argc, char **argv)
{
    return seed_run(argc, argv, async_main);
}
