// SPDX-License-Identifier: MIT
/*
 * Purpose: note 4: the same by gather.
 */
#include "seed.h"

struct say {
    char *what;
    double delay;
};

static int say(void *arg, void **result)
{
    (void)result;
    const struct say *words = arg;
    AWAIT(rove_sleep(second(words->delay)));
    printf("%s\n", words->what);
    return 0;
}

static int async_main(void *arg, void **result)
{
    (void)arg, (void)result;
    const rove_call calls[] = {{say, &(struct say){"Hello", 1}}, {say, &(struct say){"World", 1}}};
    return rove_gather_calls(2, calls, NULL);
}

int main(int argc, char **argv)
{
    return seed_run(argc, argv, async_main);
}
