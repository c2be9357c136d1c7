// SPDX-License-Identifier: MIT
/*
 * Purpose: note 0, "async": a coroutine without an await runs straight through, never switched out.
 * The note only defines it; it is run here, or there would be nothing to see.
 */
#include "seed.h"

static int test(void *arg, void **result)
{
    (void)arg, (void)result;
    printf("start\n");
    return 0;
}

int main(int argc, char **argv)
{
    return seed_run(argc, argv, test);
}
