// SPDX-License-Identifier: MIT
/*
 * Purpose: note 4, "timeouts": wait_for ends what takes too long; Hello is never said.
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
    int rc = rove_wait_for_call(say, &(struct say){"Hello", 3}, second(1), NULL);
    if (rc == -ETIMEDOUT) {
        printf("Timeout!\n");
        rc = 0;
    }
    return rc;
}

int main(int argc, char **argv)
{
    return seed_run(argc, argv, async_main);
}
