// SPDX-License-Identifier: MIT
/*
 * Purpose: note 0, "await": at the inner await the coroutine is switched out, and resumed when the
 * sleep is over. The note only defines it; it is run here.
 */
#include "seed.h"

static int test(void *arg, void **result)
{
    (void)arg, (void)result;
    printf("start\n");
    AWAIT(rove_sleep(second(1)));
    printf("end\n");
    return 0;
}

int main(int argc, char **argv)
{
    return seed_run(argc, argv, test);
}
