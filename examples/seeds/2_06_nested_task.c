// SPDX-License-Identifier: MIT
/*
 * Purpose: note 2, "tasks": a coroutine wrapped into a task is scheduled by itself; awaiting the
 * task waits for it. Prints nothing, as in Python; a wrong result ends the program with an error.
 */
#include "seed.h"

static int nested(void *arg, void **result)
{
    (void)arg;
    *result = (void *)(intptr_t)42;
    return 0;
}

static int async_main(void *arg, void **result)
{
    (void)arg, (void)result;
    rove_task *task = rove_create_task(nested, NULL);
    void *value = NULL;
    AWAIT(rove_join(task, &value));
    return (intptr_t)value == 42 ? 0 : -EINVAL;
}

int main(int argc, char **argv)
{
    return seed_run(argc, argv, async_main);
}
