// SPDX-License-Identifier: MIT
/*
 * Purpose: note 3, cell 3: gather takes coroutines and tasks alike; 4 seconds each time.
 */
#include "seed.h"

/* print(start, end, ret); a sleep returns None. */
static void print_ret(struct seed_clock start, void *const ret[2])
{
    struct seed_clock end = seed_clock();
    printf("%s %s [%s, %s]\n", start.text, end.text, ret[0] == NULL ? "None" : "?",
           ret[1] == NULL ? "None" : "?");
}

static int multi_coroutine(void)
{
    struct seed_clock start = seed_clock();
    const rove_call calls[] = {{seed_sleep, &(double){2}}, {seed_sleep, &(double){4}}};
    void *ret[2];
    AWAIT(rove_gather_calls(2, calls, ret));
    print_ret(start, ret);
    return 0;
}

static int multi_task(void)
{
    struct seed_clock start = seed_clock();
    rove_task *task1 = rove_create_task(seed_sleep, &(double){2});
    rove_task *task2 = rove_create_task(seed_sleep, &(double){4});
    void *ret[2];
    AWAIT(rove_gather(2, (rove_future *[]){task1, task2}, ret));
    print_ret(start, ret);
    rove_release(task1);
    rove_release(task2);
    return 0;
}

static int async_main(void *arg, void **result)
{
    (void)arg, (void)result;
    AWAIT(multi_coroutine());
    return multi_task();
}

int main(int argc, char **argv)
{
    return seed_run(argc, argv, async_main);
}
