// SPDX-License-Identifier: MIT
/*
 * Purpose: note 4: an ordinary function runs a coroutine and gets what it returns. Python's pair is
 * an array of the caller's, which outlives the run.
 */
#include "seed.h"

static int compute_square(void *arg, void **result)
{
    intptr_t x = (intptr_t)arg;
    AWAIT(rove_sleep(second(1)));
    *result = (void *)(x * x);
    return 0;
}

static int async_main(void *arg, void **result)
{
    void **results = arg;
    rove_task *task1 = rove_create_task(compute_square, (void *)(intptr_t)2);
    rove_task *task2 = rove_create_task(compute_square, (void *)(intptr_t)3);
    AWAIT(rove_join(task1, &results[0]));
    AWAIT(rove_join(task2, &results[1]));
    *result = results;
    return 0;
}

static int run_coroutine(const rove_options *options)
{
    void *pair[2] = {NULL, NULL};
    void *result = NULL;
    int rc = rove_run_with(options, async_main, pair, &result);
    if (rc < 0)
        return rc;
    void *const *results = result;
    printf("Result 1: %d\n", (int)(intptr_t)results[0]);
    printf("Result 2: %d\n", (int)(intptr_t)results[1]);
    return 0;
}

int main(int argc, char **argv)
{
    rove_options options = seed_options(argc, argv);
    return seed_exit(run_coroutine(&options));
}
