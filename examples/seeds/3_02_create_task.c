// SPDX-License-Identifier: MIT
/*
 * Purpose: note 3, cell 2: two tasks made first and awaited in turn take the longer time,
 * 4 seconds.
 */
#include "seed.h"

static int async_main(void *arg, void **result)
{
    (void)arg, (void)result;
    rove_task *task1 = rove_create_task(seed_sleep, &(double){2});
    rove_task *task2 = rove_create_task(seed_sleep, &(double){4});
    printf("start %s\n", seed_clock().text);
    AWAIT(rove_join(task1, NULL)); /* task2 runs meanwhile */
    AWAIT(rove_join(task2, NULL));
    printf("end %s\n", seed_clock().text);
    return 0;
}

int main(int argc, char **argv)
{
    return seed_run(argc, argv, async_main);
}
